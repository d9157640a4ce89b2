//! `usagelake run`

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use clap::Args;

use super::pipeline::pipeline;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::catalog::directory::Listing;
use crate::catalog::{self, Report};
use crate::config::{Pipeline, Tenant, select};
use crate::day::{Clock, Day};
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;
use crate::marts::Models;
use crate::night::record::{HELD, Outcome, ReportRecord, RunRecord};
use crate::night::trail::Stretch;
use crate::night::{self, Event, Job, ProductNames};
use crate::plan::{LAG_DAYS, WINDOW_DAYS, Wishes, duration};
use crate::telemetry;

/// What to run.
#[derive(Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    #[command(flatten)]
    selection: Selection,
}

/// Which reports and days.
#[derive(Args, Clone)]
pub(super) struct Selection {
    /// Only these reports or workloads
    #[arg(long, value_name = "NAME", num_args = 1..)]
    report: Vec<String>,
    /// Only `date=` answers from this day on, whether they are due or not
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Only `date=` answers up to this day
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    pub(super) today: Option<Day>,
    /// Only the I-th of N shares of the reports. A tenant has one writer, so its shares take turns
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parsed.filter(|(i, n): &(usize, usize)| *i >= 1 && i <= n).ok_or_else(|| "write it like `1/3`".to_string())
}

/// The machine's clock, or one that takes `today` for today.
pub(super) fn clock(today: Option<Day>) -> Clock {
    today.map_or_else(Clock::default, Clock::on)
}

impl Selection {
    /// The reports that are meant, out of the pipeline's.
    pub(super) fn reports(&self, pipeline: &[&'static Report]) -> Result<Vec<&'static Report>> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Error::new(Kind::Usage, format!("`--from {from}` is after `--to {to}`")));
        }
        let named = if self.report.is_empty() { pipeline.to_vec() } else { select(&self.report, &[])? };
        Ok(match self.shard {
            None => named,
            Some((i, n)) => named.into_iter().enumerate().filter(|(at, _)| at % n == i - 1).map(|(_, r)| r).collect(),
        })
    }

    /// The lists of the directory that are meant: all of the pipeline's, unless reports are named. Of several shares the
    /// first reads them.
    pub(super) fn directory(&self, pipeline: &[&'static Listing]) -> Vec<&'static Listing> {
        if self.means_directory() { pipeline.to_vec() } else { Vec::new() }
    }

    /// Whether all is meant that is due.
    fn is_whole(&self) -> bool {
        self.report.is_empty() && self.from.is_none() && self.to.is_none() && self.shard.is_none()
    }

    fn means_directory(&self) -> bool {
        self.report.is_empty() && self.shard.is_none_or(|(i, _)| i == 1)
    }

    /// What is wanted beside what is due. Days that Graph does not have are a mistake that is told before anybody is asked.
    pub(super) fn wishes(&self, reread_days: u32) -> Result<Wishes> {
        let today = clock(self.today).today();
        let (first, last) = (today.plus(-WINDOW_DAYS), today.plus(-LAG_DAYS));
        if self.from.is_some_and(|d| d > last) || self.to.is_some_and(|d| d < first) {
            return Err(Error::new(Kind::Usage, "Graph has none of the days that `--from` and `--to` name")
                .hint(format!("name days from {first} to {last}: `date=` answers reach back {WINDOW_DAYS} days")));
        }
        Ok(Wishes { from: self.from, to: self.to, reread_days })
    }
}

impl Run {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let pipeline = pipeline(&self.config, &self.lake)?;
        let reports = self.selection.reports(&pipeline.reports)?;
        let wishes = self.selection.wishes(pipeline.reread_days)?;
        let began = SystemTime::now();
        let mut nights = Vec::new();
        let prepared = match self.prepare(&pipeline).await {
            Ok(prepared) => {
                for tenant in &pipeline.tenants {
                    nights.push(self.night(&pipeline, &prepared, &reports, wishes, tenant, json).await);
                }
                Ok(())
            }
            Err(e) => {
                for tenant in &pipeline.tenants {
                    tell(night::hooks::tell(&pipeline.hooks, &tenant.name, Err(&e)).await);
                }
                Err(e)
            }
        };
        let exit = match &prepared {
            Ok(()) => exit(&nights),
            Err(e) => Exit::of(e),
        };
        let told: Vec<telemetry::Night<'_>> = match &prepared {
            Ok(()) => nights.iter().map(|n| n.told(self.selection.is_whole())).collect(),
            Err(e) => {
                let (time, whole) = (Stretch::since(began), self.selection.is_whole());
                let names = pipeline.tenants.iter().map(|t| t.name.as_str());
                names.map(|tenant| telemetry::Night { tenant, time, ended: Err(e), whole }).collect()
            }
        };
        tell(telemetry::tell(&pipeline.telemetry, &telemetry::Nights { nights: told, exit: exit as u8 }).await);
        prepared?;
        self.say(nights, exit, json)
    }

    /// What all tenants share. It is tried before anybody is asked for anything: the file of product names, the destination,
    /// the models.
    async fn prepare(&self, pipeline: &Pipeline) -> Result<Prepared> {
        let names = pipeline.product_names.as_deref().filter(|_| self.selection.means_directory());
        let names = names.map(ProductNames::read).transpose()?;
        let lake = Lake::open(&pipeline.lake)?;
        lake.prepare().await?;
        let models = Models::configured(&pipeline.marts)?;
        pipeline.retention.check(&models.names())?;
        Ok(Prepared { names, lake, models })
    }

    /// A tenant's night, and what follows it.
    async fn night(
        &self,
        pipeline: &Pipeline,
        prepared: &Prepared,
        reports: &[&'static Report],
        wishes: Wishes,
        tenant: &Tenant,
        json: bool,
    ) -> Night {
        let began = SystemTime::now();
        let Pipeline { codec, raw, .. } = *pipeline;
        let clock = clock(self.selection.today);
        let Prepared { names, lake, models } = prepared;
        let directory = self.selection.directory(&pipeline.directory);
        let (product_names, directory) = (names.as_ref(), &directory[..]);
        let (guards, retention) = (&pipeline.guards, &pipeline.retention);
        let marts = pipeline.marts.build.then_some((models, &pipeline.marts));
        let job = Job {
            lake,
            tenant,
            reports,
            directory,
            product_names,
            wishes,
            codec,
            raw,
            guards,
            retention,
            marts,
            clock,
        };
        let watch = Watch::new(tenant.pace);
        let ended = night::run(&job, &|event| watch.event(&event)).await;
        let time = Stretch::since(began);
        tell(night::hooks::tell(&pipeline.hooks, &tenant.name, ended.as_ref()).await);
        if let Ok(record) = &ended {
            if !json {
                summary(record);
            }
            super::refresh::refresh(pipeline, tenant, models, record, clock.today()).await;
            if let Some(lost) = &record.lost {
                output::say(&format!("error: the run could not go on: {}", lost.message));
                lost.hint.iter().for_each(|hint| output::say(&format!("\nhint: {hint}")));
            }
        }
        Night { time, tenant: tenant.name.clone(), ended }
    }

    /// Prints the records and the errors, and gives the exit code. An error that is returned is printed by whoever turns it
    /// into one.
    fn say(&self, nights: Vec<Night>, exit: Exit, json: bool) -> Result<Exit> {
        let (mut records, mut lost) = (Vec::new(), Vec::new());
        for night in nights {
            match night.ended {
                Ok(record) => records.push(record),
                Err(e) => lost.push(e.with("tenant", night.tenant)),
            }
        }
        if json {
            output::document(&records);
        }
        let last = if records.is_empty() { lost.pop() } else { None };
        lost.iter().for_each(output::error);
        last.map_or(Ok(exit), Err)
    }
}

/// What all tenants of a command share.
struct Prepared {
    names: Option<ProductNames>,
    lake: Lake,
    models: Models,
}

/// What became of a tenant's night.
struct Night {
    tenant: String,
    time: Stretch,
    ended: Result<RunRecord>,
}

impl Night {
    fn told(&self, whole: bool) -> telemetry::Night<'_> {
        telemetry::Night { tenant: &self.tenant, time: self.time, ended: self.ended.as_ref(), whole }
    }
}

/// Says what went wrong with telling others.
fn tell(wrong: Vec<Error>) {
    for e in wrong {
        output::say(&format!("warning: {e}"));
        e.hint_text().iter().for_each(|hint| output::say(&format!("  hint: {hint}")));
    }
}

/// One tenant's failure takes no other down.
fn exit(nights: &[Night]) -> Exit {
    let outcomes: Vec<Option<Outcome>> = nights.iter().map(|n| n.ended.as_ref().ok().map(|r| r.outcome)).collect();
    let came = |o: &Option<Outcome>| matches!(o, Some(Outcome::Done | Outcome::Partial));
    if outcomes.iter().all(|o| *o == Some(Outcome::Done)) {
        return Exit::Done;
    } else if outcomes.iter().any(came) {
        return Exit::Partial;
    }
    match nights.last().map(|n| &n.ended) {
        Some(Err(e)) if nights.iter().all(|n| n.ended.is_err()) => Exit::of(e),
        _ => Exit::Failed,
    }
}

/// Says what goes on while it does: to people who watch a terminal in any case, else where `-v` asks for it.
pub(super) struct Watch {
    pace: (u32, std::time::Duration),
    terminal: bool,
    ended: AtomicUsize,
    due: AtomicUsize,
}

impl Watch {
    pub(super) fn new(pace: (u32, std::time::Duration)) -> Watch {
        let terminal = std::io::stderr().is_terminal();
        Watch { pace, terminal, ended: AtomicUsize::new(0), due: AtomicUsize::new(0) }
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        let text = match event {
            Event::Planned(plans) => {
                let requests: usize = plans.iter().map(|p| p.requests.len()).sum();
                self.due.store(plans.len(), Ordering::Relaxed);
                let time = duration(plans, self.pace);
                let wait =
                    if time.is_zero() { String::new() } else { format!(", at least {}", output::duration(time)) };
                format!(
                    "{} to {}{wait}",
                    output::plural(requests as u64, "request"),
                    output::plural(plans.len() as u64, "report")
                )
            }
            Event::Ended(r) => {
                let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
                let due = self.due.load(Ordering::Relaxed);
                format!(
                    "{ended}/{due} {}: {} asked, {} landed, {}",
                    r.report,
                    r.asked,
                    r.landed,
                    output::plural(r.rows, "row")
                )
            }
            Event::Listed(r) => format!("directory, {}: {}", r.report, output::plural(r.rows, "row")),
        };
        if self.terminal {
            output::say(&text);
        } else {
            tracing::info!("{text}");
        }
    }
}

/// Says what a run did, to stderr.
pub(super) fn summary(record: &RunRecord) {
    let sum = |f: fn(&ReportRecord) -> u64| record.reports.iter().chain(&record.directory).map(f).sum::<u64>();
    for report in record.reports.iter().chain(&record.directory) {
        for problem in report.problems.iter().take(3) {
            let window = problem.window.map(|w| format!(" {w}")).unwrap_or_default();
            let word = match report.outcome {
                _ if problem.kind == HELD => "held",
                Outcome::NotServed => "not served",
                _ => "failed",
            };
            output::say(&format!("{word}: {}{window}: {}", report.report, problem.message));
            if let Some(hint) = &problem.hint {
                output::say(&format!("  hint: {hint}"));
            }
        }
        if report.problems.len() > 3 {
            output::say(&format!("  and {} more of this report", report.problems.len() - 3));
        }
        if report.not_asked > 0 {
            let left = output::plural(report.not_asked, "further window");
            output::say(&format!("  not asked for because of that: {left} of this report; the next run asks"));
        }
        if !report.unknown_headers.is_empty() {
            output::say(&format!(
                "drift: {}: the catalog does not know {}; kept in `unknown_columns`",
                report.report,
                report.unknown_headers.iter().map(|h| format!("`{h}`")).collect::<Vec<_>>().join(", ")
            ));
        }
        let missing = missing(report);
        if !missing.is_empty() {
            output::say(&format!(
                "drift: {}: the answers lack {}; null in the table",
                report.report,
                missing.join(", ")
            ));
        }
        if report.rejected_cells > 0 {
            output::say(&format!(
                "rejects: {}: {} did not parse; see `_usagelake/rejects` in the lake",
                report.report,
                output::plural(report.rejected_cells, "cell")
            ));
        }
    }
    if record.concealed_names == Some(true) {
        output::say(&format!(
            "note: {}: the tenant conceals names: people, groups and sites are 32 hexadecimal digits in its reports",
            record.tenant
        ));
        output::say(
            "  hint: to have names, clear `Display concealed user, group, and site names in all reports` in the Microsoft \
             365 admin center, Org settings, Reports; what has landed stays concealed",
        );
    }
    if let Some(first) = record.expires_soon.iter().min_by_key(|e| e.last_chance) {
        output::say(&format!(
            "ALARM: {} that Graph still has and the lake lacks; the first is lost after {}: {} of {}",
            output::plural(record.expires_soon.len() as u64, "day"),
            first.last_chance,
            first.report,
            first.day,
        ));
    }
    let held = match sum(|r| r.held) {
        0 => String::new(),
        n => format!(", {} held", output::count(n)),
    };
    let forgotten = match sum(|r| r.forgotten) {
        0 => String::new(),
        n => format!(", {} forgotten", output::count(n)),
    };
    output::say(&format!(
        "{}: {} asked, {} landed ({} rows), {} unchanged, {} empty, {} late, {} failed{held}{forgotten}; {} published",
        record.tenant,
        output::plural(sum(|r| r.asked), "window"),
        output::count(sum(|r| r.landed)),
        output::count(sum(|r| r.rows)),
        output::count(sum(|r| r.unchanged)),
        output::count(sum(|r| r.empty)),
        output::count(sum(|r| r.late)),
        output::count(sum(|r| r.failed)),
        output::plural(sum(|r| r.published), "partition"),
    ));
    if !record.taken.is_none() {
        output::say(&format!(
            "{}: older than it is kept, and taken: {} of {} ({} rows), {}",
            record.tenant,
            output::plural(record.taken.partitions.values().sum(), "partition"),
            output::plural(record.taken.partitions.len() as u64, "table"),
            output::count(record.taken.rows),
            output::plural(record.taken.answers, "answer"),
        ));
    }
    if let Some(marts) = &record.marts {
        super::marts::summary(&record.tenant, &marts.built, "");
        if let Some(problem) = &marts.failed {
            output::say(&format!("failed: the marts were not built; the tables are published: {}", problem.message));
            if let Some(hint) = &problem.hint {
                output::say(&format!("  hint: {hint}"));
            }
        }
    }
}

/// Columns that every answer should have and some lacked. Those that no document promises are not worth a line.
fn missing(record: &ReportRecord) -> Vec<String> {
    let Some(report) = catalog::find(&record.report) else { return Vec::new() };
    let promised = |name: &&String| {
        report.columns.iter().position(|c| c.name == **name).is_some_and(|i| catalog::expected(report, i))
    };
    record.missing_columns.iter().filter(promised).map(|name| format!("`{name}`")).collect()
}
