//! Building: model after model, month after month, and only what has another fingerprint than before.
//!
//! A model's failure takes no other down but those that read it; what was published of it stays. The state is written
//! after the objects, so a kill costs work and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::built_in::BuiltIn;
use super::contract::ModelKind;
use super::frozen::{self, Frozen, Renewed};
use super::models::{Model, Models};
use super::rows::{self, Promise, Target, Written};
use super::scope::{Scope, choose, shifted};
use super::shared::PREFIX;
use super::sources::{Sources, schema_of};
use super::state::{Fingerprint, Kept, State};
use crate::config::Codec;
use crate::day::Day;
use crate::engine::{Engine, Limits, Objects, Session};
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};
use crate::ledger::{Object, Sum};
use crate::plan::WINDOW_DAYS;
use crate::tables::shape::codec as codec_of;

/// A month that ended fewer days ago than this is built every night: what is missing in it depends on the day.
const OPEN_DAYS: i32 = 3;
/// Months whose objects have fewer bytes than this part of the engine's memory are built side by side: planning, the last merge
/// of a sort, and encoding keep one core busy each. A month of fifty thousand people has some forty MiB, of 512.
const SMALL: u64 = 8;
/// How many folders are listed at once.
const LISTING: usize = 16;

/// What is built, where to, and how.
pub struct Job<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The tenant's paths.
    pub layout: &'a Layout,
    /// Proof that nobody else writes.
    pub guard: &'a Guard,
    /// How Parquet is compressed.
    pub codec: Codec,
    /// The models.
    pub models: &'a Models,
    /// What the engine may use.
    pub limits: Limits,
    /// The day that is taken for today.
    pub today: Day,
    /// Only these months; empty for all.
    pub months: &'a [Day],
    /// Whether what has not changed is built too.
    pub full: bool,
    /// Who is taken out of months that are not built again.
    pub frozen: &'a Frozen,
}

/// What a build did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    /// Models that were built, each with what it cost.
    pub models: Vec<ModelRecord>,
    /// Partitions that needed no building.
    pub unchanged: u64,
    /// Of them, months that are not built again, and what was done to them all the same.
    #[serde(default, skip_serializing_if = "Renewed::is_none")]
    pub renewed: Renewed,
    /// Models that failed, and models that were not built because of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// How long it took.
    pub seconds: f64,
}

/// What the building of a model did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Its name.
    pub model: String,
    /// Partitions that were built.
    pub built: u64,
    /// Of them, those whose bytes were new.
    pub published: u64,
    /// Partitions that were there and have no row any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u64,
    /// The months of those with new bytes, where the model has months.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<Day>,
    /// Rows of what was built.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Why a model was not built.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// The model.
    pub model: String,
    /// What happened and why.
    pub message: String,
    /// What can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Record {
    /// Partitions whose bytes are new.
    pub fn published(&self) -> u64 {
        self.models.iter().map(|m| m.published).sum()
    }

    /// Partitions that have no row any more.
    pub fn removed(&self) -> u64 {
        self.models.iter().map(|m| m.removed).sum()
    }

    /// Whether every model was built or needed no building.
    pub fn whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Builds what is due. `state` is what was built before and becomes what is built now, also where this fails; `given`
/// are models that are as they are.
pub async fn build(
    job: &Job<'_>,
    sources: &mut Sources,
    state: &mut State,
    given: &BTreeSet<String>,
) -> Result<Record> {
    let begun = Instant::now();
    let engine = Engine::new(job.lake, job.limits)?;
    let there = there(job).await?;
    let all = months_of(job, sources, state, &there);
    let mut record = Record::default();
    let mut failed: BTreeSet<String> = BTreeSet::new();
    for model in job.models.iter().filter(|m| !given.contains(m.name())) {
        if let Some(input) = model.contract.inputs.iter().find(|i| failed.contains(&i.name)) {
            failed.insert(model.name().to_string());
            let message = format!("`{}`, which it reads, was not built", input.name);
            record.problems.push(Problem { model: model.name().to_string(), message, hint: None });
            continue;
        }
        let sessions = (0..job.limits.threads.max(1)).map(|_| engine.session(true)).collect();
        let mut step = Step { job, sources, state, there: &there, sessions, record: &mut record };
        match step.model(model, all.get(model.name()).map_or(&[], Vec::as_slice)).await {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), Kind::Model) => {
                failed.insert(model.name().to_string());
                record.problems.push(Problem::new(model, &e));
            }
            Err(e) => return Err(e),
        }
    }
    let made = |model: &str, month: Option<Day>| {
        given.contains(model)
            || job.models.get(model).is_some_and(|m| {
                m.by_month() == month.is_some()
                    && month.is_none_or(|day| all.get(m.name()).is_some_and(|months| months.contains(&day)))
            })
    };
    for object in state.drop_unless(made) {
        job.lake.delete(&object.path, job.guard).await?;
    }
    state.coverage = sources.coverage.settled();
    record.seconds = seconds(begun);
    Ok(record)
}

impl Problem {
    fn new(model: &Model, e: &Error) -> Problem {
        let mut message = e.to_string();
        let mut cause = std::error::Error::source(e);
        while let Some(c) = cause {
            message.push_str(&format!(": {c}"));
            cause = c.source();
        }
        Problem { model: model.name().to_string(), message, hint: e.hint_text().map(str::to_string) }
    }
}

/// The months of each model: those of the details, and where it takes tables of the retired app theirs, too. A shared mart has
/// those of its mart. Months that were built and have lost what they were made of stay, unless they are themselves not kept.
fn months_of<'a>(
    job: &Job<'a>,
    sources: &Sources,
    state: &State,
    there: &BTreeMap<String, u64>,
) -> BTreeMap<&'a str, Vec<Day>> {
    let models = job.models;
    let measured = sources.months();
    let mut all: BTreeMap<&str, Vec<Day>> = BTreeMap::new();
    for model in models.iter() {
        let mut months: BTreeSet<Day> = measured.iter().copied().collect();
        for input in &model.contract.inputs {
            months.extend(sources.legacy_months(&input.name));
            if model.contract.kind == ModelKind::Shared && model.name().ends_with(&input.name) {
                months.extend(all.get(input.name.as_str()).into_iter().flatten());
            }
        }
        // Of what they were made of something was taken, so only they know it.
        let folder = format!("{}/", model.folder(job.layout));
        let here = there.range(folder.clone()..).take_while(|(key, _)| key.starts_with(&folder));
        let here = here.filter_map(|(key, _)| crate::engine::value(key, "month")?.parse().ok());
        let known: BTreeSet<Day> = state.months(model.name()).chain(here).collect();
        // So do months between what was taken and what is left, that never had a day.
        let lost = known.first().is_some_and(|month| sources.horizon.is_beyond(*month));
        let between = |month: &Day| lost && measured.first().is_none_or(|first| month < first);
        months.extend(known.iter().filter(|month| sources.horizon.is_beyond(**month) || between(month)));
        let mart = model.name().trim_start_matches(PREFIX);
        months.retain(|month| !sources.horizon.takes(mart, *month));
        all.insert(model.name(), months.into_iter().collect());
    }
    all
}

/// Sizes of the objects that are there, by key: what somebody has removed is built again.
async fn there(job: &Job<'_>) -> Result<BTreeMap<String, u64>> {
    let lists = job.models.iter().map(|m| {
        let folder = m.folder(job.layout);
        async move { job.lake.list(&folder).await }
    });
    let lists: Vec<Result<Vec<(String, u64)>>> = futures::stream::iter(lists).buffered(LISTING).collect().await;
    Ok(lists.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The building of one model.
struct Step<'a, 'b> {
    job: &'a Job<'a>,
    sources: &'b mut Sources,
    state: &'b mut State,
    there: &'b BTreeMap<String, u64>,
    /// One for each month that is built at the same time.
    sessions: Vec<Session>,
    record: &'b mut Record,
}

/// A partition that is to be built.
struct Due<'a> {
    month: Option<Day>,
    parts: Vec<Part<'a>>,
    fingerprint: String,
    key: String,
    /// What is there of it, where that is whole.
    before: Option<Object>,
}

/// An input, as far as it is known before it is read.
struct Part<'a> {
    view: &'a str,
    name: &'a str,
    scope: Scope,
    what: What,
}

enum What {
    BuiltIn(BuiltIn),
    Objects(Vec<Object>),
}

impl Part<'_> {
    /// Bytes of objects that it means.
    fn size(&self) -> u64 {
        match &self.what {
            What::BuiltIn(_) => 0,
            What::Objects(objects) => objects.iter().map(|o| o.size).sum(),
        }
    }
}

impl Step<'_, '_> {
    async fn model(&mut self, model: &Model, months: &[Day]) -> Result<()> {
        let begun = Instant::now();
        let mut record = ModelRecord { model: model.name().to_string(), ..ModelRecord::default() };
        let wanted = |m: &Day| self.job.months.is_empty() || self.job.months.contains(m);
        let months: Vec<Option<Day>> = match model.by_month() {
            true => months.iter().copied().filter(wanted).map(Some).collect(),
            false => vec![None],
        };
        // A model that reads what it said of the month before goes month by month.
        let itself = model.contract.inputs.iter().any(|i| i.name == model.name());
        let mut result = Ok(());
        for months in months.chunks(if itself { 1 } else { usize::MAX }) {
            result = self.months(model, months, &mut record).await;
            if result.is_err() {
                break;
            }
        }
        if record.built > 0 {
            record.seconds = seconds(begun);
            tracing::info!(
                "{}: {} built, {} new, {} rows, {:.2} s",
                record.model,
                record.built,
                record.published,
                record.rows,
                record.seconds
            );
            self.record.models.push(record);
        }
        result
    }

    /// Months of which none reads another.
    async fn months(&mut self, model: &Model, months: &[Option<Day>], record: &mut ModelRecord) -> Result<()> {
        let mut due = Vec::new();
        for month in months {
            due.extend(self.due(model, *month).await?);
        }
        // What a month needs in memory grows with its objects: large ones go one by one.
        let small = self.job.limits.memory as u64 / SMALL;
        let small = due.iter().flat_map(|d| &d.parts).map(Part::size).sum::<u64>() <= small * due.len() as u64;
        for together in due.chunks(if small { self.sessions.len() } else { 1 }) {
            self.partitions(model, together, record).await?;
        }
        Ok(())
    }

    /// A partition whose fingerprint has changed, or that is to be built all the same.
    async fn due<'a>(&mut self, model: &'a Model, month: Option<Day>) -> Result<Option<Due<'a>>> {
        let parts: Vec<Part<'a>> = model.contract.inputs.iter().map(|i| self.part(i, month)).collect();
        if let Some(month) = month
            && self.is_frozen(model, month).await?
        {
            self.record.unchanged += 1;
            self.look_through(model, month).await?;
            return Ok(None);
        }
        let fingerprint = self.fingerprint(model, month, &parts).await?;
        let kept = self.state.get(model.name(), month);
        let whole = |o: &Object| self.there.get(&o.path) == Some(&o.size);
        let before = kept.and_then(|k| k.object.clone()).filter(whole);
        let same = kept.is_some_and(|k| k.fingerprint == fingerprint && k.object == before);
        if same && !self.job.full {
            self.record.unchanged += 1;
            return Ok(None);
        }
        Ok(Some(Due { month, parts, fingerprint, key: model.key(self.job.layout, month), before }))
    }

    /// Whether a month stays as it is: it is over, and of what it was made of retention has taken something. One that nobody knows
    /// any more is taken from where it is; one that was never built and has lost its own rows is not built.
    async fn is_frozen(&mut self, model: &Model, month: Day) -> Result<bool> {
        let scope = |i: &super::contract::Input| i.scope.unwrap_or(Scope::MONTH);
        let taken = |scope: Scope, i: &super::contract::Input| match self.job.models.get(&i.name) {
            Some(_) => self.sources.horizon.takes(&i.name, earliest(scope, month)),
            None => self.sources.was_taken(&i.name, scope, month),
        };
        let inputs = &model.contract.inputs;
        let over = self.job.today.since(shifted(month, 1)) >= WINDOW_DAYS;
        if !over || !inputs.iter().any(|i| taken(scope(i), i)) {
            return Ok(false);
        }
        if self.state.get(model.name(), Some(month)).is_some() {
            return Ok(true);
        }
        let key = model.key(self.job.layout, Some(month));
        if let Some(found) = self.job.lake.read(&key).await? {
            let object = rows::known(&key, &found.bytes)?;
            let kept = Kept { fingerprint: String::new(), object: Some(object), earlier: false };
            self.state.set(model.name(), Some(month), kept);
            return Ok(true);
        }
        Ok(inputs.iter().any(|i| taken(Scope::MONTH, i)))
    }

    /// Takes people who are forgotten out of a month that is not built again, and gives it the columns of today, where that was not
    /// done before. What cannot be read is a problem of its own, and keeps nobody from the rest.
    async fn look_through(&mut self, model: &Model, month: Day) -> Result<()> {
        let job = self.job;
        let Some(kept) = self.state.get(model.name(), Some(month)) else { return Ok(()) };
        let fingerprint = frozen::print(&model.contract, job.frozen);
        if kept.fingerprint == fingerprint && !job.frozen.again {
            return Ok(());
        }
        let mut kept = Kept { fingerprint, ..kept.clone() };
        if let Some(before) = &kept.object {
            // What is gone is missed by `verify`.
            let Some(found) = job.lake.read(&before.path).await? else { return Ok(()) };
            // Where it is not what the state says, a build that was killed may have put it: what is there is taken, if it can be read.
            let same = Sum::of(&found.bytes).sha256 == before.sha256;
            let (contract, erase, codec) = (model.contract.clone(), job.frozen.erase.clone(), job.codec);
            let (key, bytes) = (before.path.clone(), found.bytes.clone());
            let look = move || {
                let codec = codec_of(&bytes).unwrap_or(codec);
                frozen::look(&contract, month, &key, &bytes, codec, erase.as_deref(), !same)
            };
            let looked = tokio::task::spawn_blocking(look).await;
            let looked = looked.map_err(|e| Error::new(Kind::Lake, "the work has stopped").because(e))?;
            let looked = match looked {
                Ok(looked) => looked,
                Err(e) => {
                    self.record.problems.push(Problem::new(model, &e));
                    return Ok(());
                }
            };
            kept.earlier = looked.earlier;
            match looked.other {
                None if same => {}
                None => kept.object = Some(rows::known(&before.path, &found.bytes)?),
                Some(other) => {
                    let renewed = &mut self.record.renewed;
                    renewed.partitions += 1;
                    renewed.rows += other.dropped;
                    renewed.cells += other.emptied;
                    let (Sum { size, sha256 }, path) = (Sum::of(&other.file), before.path.clone());
                    job.lake.replace(&path, other.file, job.guard).await?;
                    kept.object = Some(Object { path, size, sha256, rows: other.rows });
                }
            }
        }
        self.state.set(model.name(), Some(month), kept);
        Ok(())
    }

    /// Builds partitions side by side, each in a session of its own. All that were begun end, also where one fails.
    async fn partitions(&mut self, model: &Model, together: &[Due<'_>], record: &mut ModelRecord) -> Result<()> {
        for (due, lane) in together.iter().zip(0..) {
            for part in &due.parts {
                self.offer(part, due.month, lane).await.map_err(|e| e.with("model", model.name()))?;
            }
        }
        let answers = together.iter().zip(&self.sessions).map(|(due, session)| self.answer(model, due, session));
        let mut result = Ok(());
        for (due, answered) in together.iter().zip(futures::future::join_all(answers).await) {
            match answered {
                Ok(written) => {
                    record.built += 1;
                    record.published += u64::from(written.put);
                    record.months.extend(due.month.filter(|_| written.put));
                    record.removed += u64::from(written.object.is_none() && self.there.contains_key(&due.key));
                    record.rows += written.object.as_ref().map_or(0, |o| o.rows);
                    let kept = Kept { fingerprint: due.fingerprint.clone(), object: written.object, earlier: false };
                    self.state.set(model.name(), due.month, kept);
                }
                Err(e) if result.is_ok() => result = Err(e),
                Err(_) => {}
            }
        }
        result
    }

    async fn answer(&self, model: &Model, due: &Due<'_>, session: &Session) -> Result<Written> {
        let job = self.job;
        let (key, before, keep_empty) = (due.key.clone(), due.before.as_ref(), !model.by_month());
        let target = Target { lake: job.lake, guard: job.guard, codec: job.codec, key, before, keep_empty };
        let (name, columns) = (model.name().to_string(), model.contract.schema());
        let promise = Arc::new(Promise { model: name, columns, key: model.contract.key.clone() });
        let written = async {
            let rows = rows::plan(session, &model.sql, &promise).await?;
            rows::write(rows, &promise, &target).await
        };
        let written = written.await.map_err(|e| match due.month {
            Some(month) => e.with("month", month),
            None => e,
        })?;
        if written.object.is_none() && self.there.contains_key(&target.key) {
            job.lake.delete(&target.key, job.guard).await?;
        }
        Ok(written)
    }

    fn part<'a>(&self, input: &'a super::contract::Input, month: Option<Day>) -> Part<'a> {
        let scope = input.scope.unwrap_or(if month.is_some() { Scope::MONTH } else { Scope::All });
        let objects = |all: &[Object]| What::Objects(choose(scope, month, all).into_iter().cloned().collect());
        let what = if let Some(built_in) = BuiltIn::find(&input.name) {
            What::BuiltIn(built_in)
        } else if self.job.models.get(&input.name).is_some() {
            objects(&self.state.objects(&input.name))
        } else {
            objects(self.sources.table(&input.name))
        };
        Part { view: input.view(), name: &input.name, scope, what }
    }

    /// What the partition depends on.
    async fn fingerprint(&mut self, model: &Model, month: Option<Day>, parts: &[Part<'_>]) -> Result<String> {
        let mut print = Fingerprint::new();
        print.add(&model.sql);
        print.add(&serde_json::to_string(&model.contract).unwrap_or_default());
        print.add(&format!("{:?}", self.job.codec));
        let open = |m: Day| self.job.today.since(shifted(m, 1).plus(-1)) < OPEN_DAYS;
        if month.is_some_and(open) {
            print.add(&self.job.today.to_string());
        }
        for part in parts {
            print.add(part.view);
            match &part.what {
                What::BuiltIn(BuiltIn::Coverage) => print.add(&self.sources.coverage.digest(part.scope, month).await?),
                What::BuiltIn(b) => print.add(&b.print(&self.sources.context(), part.scope, month)),
                What::Objects(objects) => {
                    for object in objects {
                        print.add(&format!("{} {}", object.path, object.sha256));
                    }
                }
            }
        }
        Ok(print.finish())
    }

    /// Makes a part of the lake a view.
    async fn offer(&mut self, part: &Part<'_>, month: Option<Day>, lane: usize) -> Result<()> {
        let session = &self.sessions[lane];
        let rows = match &part.what {
            What::BuiltIn(BuiltIn::Coverage) => self.sources.coverage.batch(part.scope, month).await?,
            What::BuiltIn(b) => b.rows(&self.sources.context(), part.scope, month)?,
            What::Objects(objects) => {
                let model = self.job.models.get(part.name).map(|m| (m.contract.schema(), m.contract.partitions()));
                let (columns, partitions) = model.or_else(|| schema_of(part.name)).ok_or_else(|| {
                    Error::new(Kind::Model, "it reads what is no table and no model").with("input", part.name)
                })?;
                return session.add(part.view, Arc::new(Objects::new(columns, partitions, objects)?));
            }
        };
        session.add_rows(part.view, rows.schema(), vec![rows])
    }
}

/// The first month that a scope means, as far as it has one.
fn earliest(scope: Scope, built: Day) -> Day {
    match scope {
        Scope::Months(from, _) => shifted(built, from),
        _ => built,
    }
}

fn seconds(begun: Instant) -> f64 {
    (begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}
