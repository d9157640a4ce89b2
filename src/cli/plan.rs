//! `usagelake plan`

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::pipeline::{existing, pipeline};
use super::run::{Selection, clock};
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::error::{Kind, Result};
use crate::lake::Layout;
use crate::ledger::Ledger;
use crate::night;
use crate::plan::{ListingPlan, ReportPlan, Why, duration};

/// What to plan.
#[derive(Args)]
pub(super) struct Plan {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Serialize)]
struct Document<'a> {
    tenant: &'a str,
    today: crate::day::Day,
    requests: usize,
    at_least_seconds: u64,
    reports: Vec<ReportPlan>,
    directory: Vec<ListingPlan>,
    /// Partitions that the night takes, by table: they are older than the pipeline keeps them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    retention: BTreeMap<String, u64>,
}

impl Plan {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let pipeline = pipeline(&self.config, &self.lake)?;
        let reports = self.selection.reports(&pipeline.reports)?;
        let clock = clock(self.selection.today);
        let lake = match existing(&pipeline.lake).await {
            Ok(lake) => Some(lake),
            // The first run makes it.
            Err(e) if e.kind() == Kind::Usage => None,
            Err(e) => return Err(e),
        };
        let mut documents = Vec::new();
        for tenant in &pipeline.tenants {
            let ledgers = match &lake {
                Some(lake) => night::ledgers(lake, &tenant.name, &reports, clock).await?,
                None => reports.iter().map(|r| Ledger::empty(&r.table())).collect(),
            };
            let wishes = self.selection.wishes(pipeline.reread_days)?;
            let plans = night::plans(&reports, &ledgers, clock, wishes);
            let listings = self.selection.directory(&pipeline.directory);
            let listings = night::listings(lake.as_ref(), &tenant.name, &listings, clock, wishes).await?;
            let directory: Vec<ListingPlan> = listings.into_iter().map(|(plan, _)| plan).collect();
            let due = directory.iter().filter(|d| d.request.is_some()).count();
            let requests = plans.iter().map(|p| p.requests.len()).sum::<usize>() + due;
            let time = duration(&plans, tenant.pace);
            let retention = match &lake {
                Some(lake) => {
                    night::outlook(lake, &Layout::new(&tenant.name), &pipeline.retention, clock.today()).await?
                }
                None => BTreeMap::new(),
            };
            if json {
                let today = clock.today();
                let (tenant, at_least_seconds) = (&*tenant.name, time.as_secs());
                documents.push(Document {
                    tenant,
                    today,
                    requests,
                    at_least_seconds,
                    reports: plans,
                    directory,
                    retention,
                });
                continue;
            }
            let rows: Vec<Vec<String>> = plans.iter().map(row).chain(directory.iter().map(list)).collect();
            output::print(&output::table(&["REPORT", "REQUESTS", "WINDOWS", "WHY"], &rows));
            output::print(&format!(
                "\n{} for tenant `{}`, {} at the pace that Graph allows each report ({} in {})",
                output::plural(requests as u64, "request"),
                tenant.name,
                if time.is_zero() {
                    "without a wait".to_string()
                } else {
                    format!("at least {}", output::duration(time))
                },
                tenant.pace.0,
                output::duration(tenant.pace.1),
            ));
            if !retention.is_empty() {
                output::print(&format!("older than it is kept, and taken: {}", older(&retention)));
            }
        }
        if json {
            output::document(&documents);
        }
        Ok(Exit::Done)
    }
}

fn row(plan: &ReportPlan) -> Vec<String> {
    let dates: Vec<_> = plan.requests.iter().filter(|r| r.window.period() == 1).collect();
    let mut windows: Vec<String> =
        plan.requests.iter().filter(|r| r.window.period() != 1).map(|r| r.window.to_string()).collect();
    match &dates[..] {
        [] => {}
        [one] => windows.insert(0, one.window.to_string()),
        [first, .., last] => {
            let last = last.window.to_string().replace("date=", "");
            windows.insert(0, format!("{} … {last} ({})", first.window, dates.len()));
        }
    }
    let mut why: Vec<String> = Vec::new();
    for request in &plan.requests {
        let word = word(request.why);
        if !why.contains(&word) {
            why.push(word);
        }
    }
    let why =
        plan.skipped.clone().unwrap_or_else(|| if why.is_empty() { "nothing is due".into() } else { why.join(", ") });
    vec![plan.report.function.clone(), plan.requests.len().to_string(), windows.join(" "), why]
}

/// Partitions that are older than they are kept.
pub(super) fn older(retention: &BTreeMap<String, u64>) -> String {
    let tables: Vec<String> = retention.iter().map(|(table, n)| format!("{} of {table}", output::count(*n))).collect();
    format!("{}: {}", output::plural(retention.values().sum(), "partition"), tables.join(", "))
}

fn list(plan: &ListingPlan) -> Vec<String> {
    let (requests, window, why) = match &plan.request {
        Some(request) => ("1", request.window.to_string(), word(request.why)),
        None => ("0", String::new(), "nothing is due".to_string()),
    };
    vec![plan.listing.name().to_string(), requests.to_string(), window, why]
}

fn word(why: Why) -> String {
    serde_json::to_value(why).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}
