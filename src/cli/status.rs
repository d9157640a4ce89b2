//! `usagelake status`

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::pipeline::{existing, lake_address, retention, tenants, warn_days};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::catalog;
use crate::config::{GuardName, Retention};
use crate::day::{Day, Window};
use crate::error::Result;
use crate::lake::{Lake, Layout};
use crate::ledger::{Availability, Failing, Ledger, Names, Slice, Status as State};
use crate::night;
use crate::plan::{self, Expiring, LAG_DAYS, WINDOW_DAYS};

/// What to show.
#[derive(Args)]
pub(super) struct Status {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Only these reports
    #[arg(long, value_name = "NAME", num_args = 1..)]
    report: Vec<String>,
    /// How many days back the calendar goes
    #[arg(long, value_name = "N", default_value_t = 35)]
    days: u32,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

#[derive(Serialize)]
struct Document {
    tenant: String,
    today: Day,
    /// Answers that a guard holds until a person has looked.
    held: Vec<Held>,
    /// Days that Graph still has and the lake has not, with the last UTC day on which they can be read.
    expiring: Vec<Expiring>,
    /// How many of them are lost within the days of `[guards] warn_days`.
    expires_soon: usize,
    /// Partitions that the next night takes, by table: they are older than the pipeline file keeps them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    retention: BTreeMap<String, u64>,
    reports: Vec<Covered>,
}

/// An answer that a guard holds.
#[derive(Serialize)]
pub(super) struct Held {
    pub(super) report: String,
    #[serde(flatten)]
    pub(super) slice: Slice,
}

impl Held {
    /// Lines for people, with a header.
    pub(super) fn table(held: &[Held]) -> String {
        let row = |h: &Held| {
            let (guard, reason) =
                h.slice.doubt.as_ref().map(|d| (d.guard.word(), d.reason.clone())).unwrap_or_default();
            let (period, rows) = (h.slice.window.period().to_string(), output::count(h.slice.rows));
            vec![h.report.clone(), period, h.slice.day.to_string(), rows, guard.to_string(), reason]
        };
        output::table(&["HELD", "PERIOD", "DAY", "ROWS", "GUARD", "WHY"], &held.iter().map(row).collect::<Vec<_>>())
    }
}

#[derive(Serialize)]
struct Covered {
    report: String,
    table: String,
    availability: Availability,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    refresh_date: Option<Day>,
    /// What failed in the last run that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<Failing>,
    /// Slices by how they stand; those whose names are concealed and those that may be cut by themselves.
    counts: BTreeMap<&'static str, u64>,
    rows: u64,
    slices: Vec<Slice>,
}

impl Covered {
    /// A line for people, where something of it fails.
    fn failing(&self) -> Option<Vec<String>> {
        let failing = self.failing.as_ref()?;
        Some(vec![self.report.clone(), failing.since.to_string(), failing.on.to_string(), failing.reason.clone()])
    }
}

impl Status {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let today = clock(self.today).today();
        let tenants = match &self.lake.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => tenants(&lake).await?,
        };
        let warn_days = warn_days(&self.config)?;
        let retention = retention(&self.config)?;
        let mut documents = Vec::new();
        for tenant in tenants {
            let document = self.cover(&lake, tenant, today, warn_days, &retention).await?;
            if !json {
                self.show(&document);
            }
            documents.push(document);
        }
        if json {
            output::document(&documents);
        }
        Ok(Exit::Done)
    }

    async fn cover(
        &self,
        lake: &Lake,
        tenant: String,
        today: Day,
        warn_days: i32,
        retention: &Retention,
    ) -> Result<Document> {
        let layout = Layout::new(&tenant);
        let retention = night::outlook(lake, &layout, retention, today).await?;
        let keys: Vec<String> = lake.list(&layout.ledgers()).await?.into_iter().map(|(key, _)| key).collect();
        let wanted = if self.report.is_empty() {
            catalog::all().iter().collect()
        } else {
            crate::config::select(&self.report, &[])?
        };
        let (mut reports, mut expiring, mut held) = (Vec::new(), Vec::new(), Vec::new());
        let mut expires_soon = 0;
        for report in wanted {
            let table = report.table();
            if !keys.iter().any(|k| k.contains(&format!("/report={table}/"))) {
                continue;
            }
            let ledger = Ledger::load_all(lake, &layout, &table, &keys).await?;
            held.extend(ledger.held().map(|s| Held { report: report.function.clone(), slice: s.clone() }));
            expiring.extend(plan::expiring(report, &ledger, today));
            expires_soon += plan::expires_soon(report, &ledger, today, warn_days).len();
            let refreshed = ledger.slices().filter(|s| s.status == State::Landed).filter_map(|s| s.refresh_date).max();
            reports.push(covered(&report.function, table, &ledger, refreshed));
        }
        let listings = catalog::directory::listings().chain(catalog::directory::from_files());
        for name in listings.map(|l| l.name()).filter(|_| self.report.is_empty()) {
            if keys.iter().any(|k| k.contains(&format!("/report={name}/"))) {
                let ledger = Ledger::load_all(lake, &layout, name, &keys).await?;
                let read = ledger.slices().filter(|s| s.status == State::Landed).map(|s| s.day).max();
                reports.push(covered(name, name.to_string(), &ledger, read));
            }
        }
        expiring.sort_by(|a, b| (a.last_chance, &a.report, a.day).cmp(&(b.last_chance, &b.report, b.day)));
        Ok(Document { tenant, today, held, expiring, expires_soon, retention, reports })
    }

    fn show(&self, document: &Document) {
        let today = document.today;
        output::print(&format!("tenant {}, today {today} (UTC)\n", document.tenant));
        match document.expiring.first() {
            None => output::print("nothing that Graph still has is about to be lost\n"),
            Some(first) => {
                output::print(&format!(
                    "{} that Graph still has and the lake has not; the first is lost after {}: {} of {}\n",
                    output::plural(document.expiring.len() as u64, "day"),
                    first.last_chance,
                    first.report,
                    first.day,
                ));
                if document.expires_soon > 0 {
                    let soon = output::plural(document.expires_soon as u64, "day");
                    output::print(&format!("ALARM: {soon} of them soon; run `usagelake run` and look at what fails\n"));
                }
            }
        }
        if !document.held.is_empty() {
            output::print(&Held::table(&document.held));
            output::print("look at them, then `usagelake release` publishes or discards them\n");
        }
        let failing: Vec<Vec<String>> = document.reports.iter().filter_map(Covered::failing).collect();
        if !failing.is_empty() {
            output::print(&output::table(&["FAILING", "SINCE", "LAST RUN", "WHY"], &failing));
            output::print("");
        }
        if !document.retention.is_empty() {
            output::print(&format!("retention: the next night takes {}\n", super::plan::older(&document.retention)));
        }
        let from = today.plus(-(self.days as i32));
        let days: Vec<Day> = (0..=today.since(from)).map(|n| from.plus(n)).collect();
        let by_day: Vec<&Covered> =
            document.reports.iter().filter(|r| r.slices.iter().any(|s| matches!(s.window, Window::Date(_)))).collect();
        if !by_day.is_empty() {
            output::print(&format!("days from {from} to {today}, `date=` answers"));
            output::print(
                "# landed  * landed, concealed names  ? held  % held, truncated  . empty  ~ late  ! failed  x expired  - taken by retention  _ not asked yet\n",
            );
            let rows: Vec<Vec<String>> = by_day
                .iter()
                .map(|r| {
                    let line: String = days.iter().map(|d| mark(r, *d, today)).collect();
                    vec![r.report.clone(), line]
                })
                .collect();
            output::print(&output::table(&["REPORT", "DAYS"], &rows));
            output::print("");
        }
        let rows: Vec<Vec<String>> = document
            .reports
            .iter()
            .map(|r| {
                let counts: Vec<String> = r.counts.iter().map(|(k, n)| format!("{} {k}", output::count(*n))).collect();
                let state = match r.availability {
                    Availability::Served => counts.join(", "),
                    Availability::NotEnabled => format!("not served: {}", r.reason.clone().unwrap_or_default()),
                    Availability::NotReady => format!("not ready: {}", r.reason.clone().unwrap_or_default()),
                    Availability::NotPermitted => format!("not permitted: {}", r.reason.clone().unwrap_or_default()),
                };
                let refreshed = r.refresh_date.map(|d| d.to_string()).unwrap_or_default();
                vec![r.report.clone(), refreshed, output::count(r.rows), state]
            })
            .collect();
        output::print(&output::table(&["REPORT", "UP TO", "ROWS READ", "SLICES"], &rows));
    }
}

/// What the ledger says of a report or of a list of the directory.
fn covered(name: &str, table: String, ledger: &Ledger, refresh_date: Option<Day>) -> Covered {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    ledger.slices().chain(ledger.held()).for_each(|s| *counts.entry(stands(s).0).or_default() += 1);
    Covered {
        report: name.to_string(),
        table,
        availability: ledger.standing.availability,
        reason: ledger.standing.reason.clone(),
        refresh_date,
        failing: ledger.standing.failing.clone(),
        counts,
        rows: ledger.slices().map(|s| s.rows).sum(),
        slices: ledger.slices().chain(ledger.held()).cloned().collect(),
    }
}

/// How a slice stands, in a word and as a mark of the calendar.
fn stands(slice: &Slice) -> (&'static str, char) {
    match slice.status {
        State::Landed if slice.taken_on.is_some() => ("taken", '-'),
        State::Landed if slice.names == Names::Concealed => ("concealed", '*'),
        State::Landed => ("landed", '#'),
        State::Empty => ("empty", '.'),
        State::Late => ("late", '~'),
        State::Failed => ("failed", '!'),
        State::Expired => ("expired", 'x'),
        State::Held if is_cut(slice) => ("truncated", '%'),
        State::Held => ("held", '?'),
    }
}

/// Whether an answer is held because it seems to be cut to a round number of rows.
fn is_cut(slice: &Slice) -> bool {
    slice.doubt.as_ref().is_some_and(|doubt| doubt.guard == GuardName::RoundCount)
}

fn mark(report: &Covered, day: Day, today: Day) -> char {
    let of_day = || report.slices.iter().filter(|s| s.window == Window::Date(day));
    let slice = of_day().find(|s| s.status == State::Held).or_else(|| of_day().next());
    match slice.map(stands) {
        Some((_, mark)) => mark,
        None if day > today.plus(-LAG_DAYS) || day < today.plus(-WINDOW_DAYS) => ' ',
        None => '_',
    }
}
