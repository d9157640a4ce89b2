//! What is older than the pipeline keeps it: partitions of tables with the answers that they came from, and raw by its age.
//!
//! Marts are built before anything else, so that a month is final when it loses what it was made of. Then the horizon is put: from
//! then on nothing of an earlier day is landed. Then objects are deleted, then the ledger says that they were taken: its figures
//! stay. A run that is killed on the way leaves objects missing of which the horizon knows, and whoever writes next goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::land::Place;
use crate::catalog::{self, directory};
use crate::config::{RawPolicy, Retention};
use crate::day::{Clock, Day};
use crate::error::Result;
use crate::forget::Source;
use crate::lake::{Lake, Layout};
use crate::ledger::{Horizon, Ledger, Manifest, Slice};

/// Days of the longest period.
const LONGEST_PERIOD: i32 = 180;

/// What retention took.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Taken {
    /// Partitions, by table.
    pub partitions: BTreeMap<String, u64>,
    /// Rows of them.
    pub rows: u64,
    /// Answers as received.
    pub answers: u64,
}

impl Taken {
    /// Whether it took nothing.
    pub fn is_none(&self) -> bool {
        self.partitions.is_empty() && self.answers == 0
    }
}

/// Deletes raw answers that were received more days ago than the policy keeps. The day stands in each object's name. The
/// tables stay: what they say can then no longer be rebuilt from what Graph said.
pub async fn raw(place: &Place, clock: Clock) -> Result<u64> {
    let RawPolicy::Days(days) = place.raw else { return Ok(0) };
    let oldest = clock.today().plus(-(days.min(100_000) as i32));
    let mut deleted = 0;
    for (key, _) in place.lake.list(&place.layout.raws()).await? {
        if place.layout.received(&key).is_some_and(|day| day < oldest) {
            place.lake.delete(&key, &place.guard).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// The horizon as it is from today on. It counts once it is put.
pub(super) fn moved(place: &Place, retention: &Retention, today: Day) -> Horizon {
    let mut horizon = place.horizon.clone();
    horizon.finish();
    raise(&mut horizon, retention, today);
    horizon
}

/// Moves a horizon to where a pipeline has it. What is partitioned by month goes by month.
fn raise(horizon: &mut Horizon, retention: &Retention, today: Day) {
    for (name, keep) in retention.all() {
        let by_day = catalog::all().iter().any(|r| r.by_day() && r.table() == name);
        if let Some(first) = keep.from(today) {
            horizon.raise(name, if by_day { first } else { first.month() });
        }
    }
}

/// How many partitions a night of today would take, by table.
pub async fn outlook(lake: &Lake, layout: &Layout, retention: &Retention, today: Day) -> Result<BTreeMap<String, u64>> {
    let mut due: BTreeMap<String, u64> = BTreeMap::new();
    let Some(manifest) = Manifest::read(lake, layout).await? else { return Ok(due) };
    let mut horizon = Horizon::read(lake, layout).await?;
    raise(&mut horizon, retention, today);
    for key in manifest.objects.keys().filter(|key| horizon.takes_object(key)) {
        *due.entry(key.split('/').nth(1).unwrap_or_default().to_string()).or_default() += 1;
    }
    Ok(due)
}

/// Goes on where a run was killed while it took something.
pub(super) async fn go_on(place: &Place, today: Day) -> Result<()> {
    if place.horizon.due().next().is_some() {
        take(place, &mut place.horizon.clone(), None, today).await?;
    }
    Ok(())
}

/// Puts the horizon where it has moved, and takes what is before it: objects, then the ledger, then the horizon says that it is done. The manifest, where it is
/// given, has it no more.
pub(super) async fn take(
    place: &Place,
    horizon: &mut Horizon,
    manifest: Option<&mut Manifest>,
    today: Day,
) -> Result<Taken> {
    let mut taken = Taken::default();
    if *horizon != place.horizon {
        horizon.write(&place.lake, &place.layout, &place.guard).await?;
    }
    let mut due: BTreeMap<String, Option<Day>> = BTreeMap::new();
    for (table, done) in horizon.due() {
        let from = due.entry(Source::ledger_of(table).to_string()).or_insert(done);
        *from = (*from).min(done);
    }
    if due.is_empty() {
        return Ok(taken);
    }
    let (reports, keys) = Ledger::every(&place.lake, &place.layout).await?;
    let mut ledgers = Vec::new();
    for (name, from) in due.into_iter().filter(|(name, _)| reports.contains(name)) {
        let mut ledger = load(place, horizon, &name, from, &keys).await?;
        if one(place, horizon, &mut ledger, today, &mut taken).await? {
            ledgers.push(ledger);
        }
    }
    if let Some(manifest) = manifest {
        manifest.forget(&ledgers, |key| horizon.takes_object(key));
    }
    horizon.finish();
    horizon.write(&place.lake, &place.layout, &place.guard).await?;
    Ok(taken)
}

/// The months of a ledger in which something may be due. Where answers are of several slices, all months, since one that is
/// kept may need what another gives up.
async fn load(place: &Place, horizon: &Horizon, name: &str, from: Option<Day>, keys: &[String]) -> Result<Ledger> {
    let month = |key: &String| key.split("month=").nth(1)?.strip_suffix(".jsonl")?.parse::<Day>().ok();
    // An answer for a period names months of counts that are so much older than itself.
    let by_day = matches!(Source::of(name), Source::Report(report) if report.by_day());
    let reach = if by_day { 0 } else { LONGEST_PERIOD };
    let due = |m: Day| from.is_none_or(|f| m >= f.month()) && takes(horizon, name, m.plus(-reach));
    let due = |key: &&String| month(key).is_some_and(due);
    let some: Vec<String> = keys.iter().filter(due).cloned().collect();
    if matches!(Source::of(name), Source::Report(_)) {
        let ledger = Ledger::load_all(&place.lake, &place.layout, name, &some).await?;
        let imported = |s: &Slice| s.answers().any(|path| path.contains("/import-"));
        if !ledger.slices().any(|s| takes(horizon, name, s.day) && imported(s)) {
            return Ok(ledger);
        }
    }
    Ledger::load_all(&place.lake, &place.layout, name, keys).await
}

/// Whether a day of a ledger is taken: of a list that fills several tables, by the first of them, since an answer is not cut.
fn takes(horizon: &Horizon, ledger: &str, day: Day) -> bool {
    directory::tables_of(ledger).iter().any(|table| horizon.takes(table, day))
}

/// Takes what is due of one ledger; answers whether there was something.
async fn one(place: &Place, horizon: &Horizon, ledger: &mut Ledger, today: Day, taken: &mut Taken) -> Result<bool> {
    let name = ledger.report().to_string();
    let held: Vec<_> = ledger.held().filter(|s| takes(horizon, &name, s.day)).map(|s| (s.window, s.day)).collect();
    for (window, day) in &held {
        ledger.discard(*window, *day, "it is older than it is kept");
    }
    let (mut gone, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for slice in ledger.slices().chain(ledger.held()) {
        let into = if takes(horizon, &name, slice.day) { &mut gone } else { &mut kept };
        into.extend(slice.answers().cloned());
    }
    let mut partitions: BTreeMap<String, u64> = BTreeMap::new();
    for object in ledger.slices().flat_map(|s| &s.objects).filter(|o| horizon.takes_object(&o.path)) {
        partitions.insert(object.path.clone(), object.rows);
    }
    if gone.is_empty() && partitions.is_empty() && held.is_empty() {
        return Ok(false);
    }
    for path in gone.difference(&kept).chain(partitions.keys()) {
        place.lake.delete(path, &place.guard).await?;
    }
    taken.answers += gone.difference(&kept).filter(|path| path.starts_with("raw/")).count() as u64;
    for (path, rows) in partitions {
        *taken.partitions.entry(path.split('/').nth(1).unwrap_or_default().to_string()).or_default() += 1;
        taken.rows += rows;
    }
    ledger.mend(|slice| {
        let before = slice.clone();
        slice.objects.retain(|o| !horizon.takes_object(&o.path));
        if takes(horizon, &name, slice.day) {
            (slice.raw, slice.rejects) = (None, None);
            slice.before.iter_mut().for_each(|r| (r.raw, r.rejects) = (None, None));
            if *slice != before && slice.objects.is_empty() {
                slice.taken_on = slice.taken_on.or(Some(today));
            }
        }
        *slice != before
    });
    ledger.save(&place.lake, &place.layout, &place.guard).await?;
    Ok(true)
}
