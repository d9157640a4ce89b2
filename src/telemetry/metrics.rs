//! Every metric: its name, unit and meaning, and how it is read from a night. Nothing else names one.
//!
//! All are gauges: a run is over when it is told of, and its figures are those of one run.

use std::fmt::Write;

use super::{Night, Nights, seconds};
use crate::night::record::{Outcome, ReportRecord};

/// A metric.
pub struct Metric {
    /// Its name, in the manner of Prometheus.
    pub name: &'static str,
    /// Its unit, in UCUM.
    pub unit: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Whether it stays as it was where a run has nothing to say of it.
    pub stays: bool,
    of: Of,
}

/// What a metric is about, and how it is read.
enum Of {
    Command(fn(&Nights<'_>) -> f64),
    Tenant(fn(&Night<'_>) -> Option<f64>),
    TenantBy(&'static str, fn(&Night<'_>) -> Vec<(&'static str, f64)>),
    Report(fn(&Night<'_>, &ReportRecord) -> Option<f64>),
    ReportBy(&'static str, fn(&ReportRecord) -> Vec<(&'static str, f64)>),
}

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric.
    pub name: &'static str,
    /// Labels and their values, in the metric's order.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_str())
    }
}

const fn metric(name: &'static str, unit: &'static str, help: &'static str, of: Of) -> Metric {
    Metric { name, unit, help, stays: false, of }
}

const fn staying(name: &'static str, unit: &'static str, help: &'static str, of: Of) -> Metric {
    Metric { name, unit, help, stays: true, of }
}

/// All metrics.
pub static METRICS: [Metric; 26] = [
    metric(
        "usagelake_exit_code",
        "",
        "The exit code of the last command: 0 done, 1 failed, 2 the pipeline is wrong, 3 something is missing or held.",
        Of::Command(|n| f64::from(n.exit)),
    ),
    metric(
        "usagelake_run_last_timestamp_seconds",
        "s",
        "When the last run ended, however it ended.",
        Of::Tenant(|n| Some(seconds(n.time.ended))),
    ),
    staying(
        "usagelake_run_last_published_timestamp_seconds",
        "s",
        "When the last whole run ended of which something can be used: done or partial. 0: never.",
        Of::Tenant(|n| (n.whole && n.outcome() != Outcome::Failed).then(|| seconds(n.time.ended))),
    ),
    staying(
        "usagelake_run_last_success_timestamp_seconds",
        "s",
        "When the last whole run ended that was done. Runs with --report, --from, --to or --shard are not whole. 0: never.",
        Of::Tenant(|n| (n.whole && n.outcome() == Outcome::Done).then(|| seconds(n.time.ended))),
    ),
    metric(
        "usagelake_run_outcome",
        "",
        "1 for how the last run ended, else 0.",
        Of::TenantBy("outcome", |n| {
            [("done", Outcome::Done), ("partial", Outcome::Partial), ("failed", Outcome::Failed)]
                .map(|(word, outcome)| (word, flag(n.outcome() == outcome)))
                .to_vec()
        }),
    ),
    metric(
        "usagelake_run_duration_seconds",
        "s",
        "How long the last run took.",
        Of::Tenant(|n| n.time.ended.duration_since(n.time.began).ok().map(|d| d.as_secs_f64())),
    ),
    metric(
        "usagelake_names_concealed",
        "",
        "1 where the tenant conceals names in reports, 0 where not; nothing where neither its setting nor an answer says.",
        Of::Tenant(|n| n.record()?.concealed_names.map(flag)),
    ),
    metric(
        "usagelake_expiring_days",
        "{day}",
        "Days that Graph still has, that the lake lacks, and that are about to be lost ([guards] warn_days).",
        Of::Tenant(|n| Some(n.record()?.expires_soon.len() as f64)),
    ),
    metric(
        "usagelake_expiring_next_days",
        "d",
        "Days until the next of these is lost: 0 is today. Nothing where none is.",
        Of::Tenant(|n| {
            let record = n.record()?;
            record.expires_soon.iter().map(|e| f64::from(e.last_chance.since(record.today))).reduce(f64::min)
        }),
    ),
    metric(
        "usagelake_marts_built",
        "{partition}",
        "Partitions of marts that were built.",
        Of::Tenant(|n| Some(n.record()?.marts.as_ref()?.built.models.iter().map(|m| m.built).sum::<u64>() as f64)),
    ),
    metric(
        "usagelake_marts_published",
        "{partition}",
        "Partitions of marts whose bytes were new.",
        Of::Tenant(|n| Some(n.record()?.marts.as_ref()?.built.published() as f64)),
    ),
    metric(
        "usagelake_marts_failed",
        "{model}",
        "Models that were not built; where none could be, 1.",
        Of::Tenant(|n| {
            let marts = n.record()?.marts.as_ref()?;
            Some((marts.built.problems.len() as f64).max(flag(marts.failed.is_some())))
        }),
    ),
    metric(
        "usagelake_marts_duration_seconds",
        "s",
        "How long the marts took.",
        Of::Tenant(|n| Some(n.record()?.marts.as_ref()?.built.seconds)),
    ),
    staying(
        "usagelake_report_last_success_timestamp_seconds",
        "s",
        "When the last run ended in which nothing of the report failed or was held.",
        Of::Report(|n, r| (r.outcome == Outcome::Done).then(|| seconds(n.time.ended))),
    ),
    metric(
        "usagelake_report_served",
        "",
        "0 where Graph does not serve the report to this tenant, or does not permit the list.",
        Of::Report(|_, r| Some(flag(r.outcome != Outcome::NotServed))),
    ),
    metric("usagelake_report_asked", "{window}", "Windows that were asked for.", Of::Report(|_, r| count(r.asked))),
    metric(
        "usagelake_report_windows",
        "{window}",
        "What came of them.",
        Of::ReportBy("outcome", |r| r.windows().map(|(word, n)| (word, n as f64)).to_vec()),
    ),
    metric(
        "usagelake_report_published",
        "{partition}",
        "Partitions that were published.",
        Of::Report(|_, r| count(r.published)),
    ),
    metric("usagelake_report_rows", "{row}", "Rows of the answers that landed.", Of::Report(|_, r| count(r.rows))),
    metric(
        "usagelake_report_forgotten_rows",
        "{row}",
        "Rows beside these that were of people who are forgotten.",
        Of::Report(|_, r| count(r.forgotten)),
    ),
    metric(
        "usagelake_report_rejected_cells",
        "{cell}",
        "Cells that did not parse.",
        Of::Report(|_, r| count(r.rejected_cells)),
    ),
    metric("usagelake_report_bytes", "By", "Bytes of the answers.", Of::Report(|_, r| count(r.bytes))),
    metric(
        "usagelake_report_attempts",
        "{request}",
        "Requests that were made, retries included.",
        Of::Report(|_, r| count(r.attempts)),
    ),
    metric(
        "usagelake_report_waited_seconds",
        "s",
        "Seconds waited for the pace and for Graph.",
        Of::Report(|_, r| Some(r.waited_seconds)),
    ),
    metric(
        "usagelake_report_unknown_headers",
        "{header}",
        "Headers that the catalog does not know.",
        Of::Report(|_, r| count(r.unknown_headers.len() as u64)),
    ),
    metric(
        "usagelake_report_problems",
        "{problem}",
        "Problems that the record of the run tells of, with what to do.",
        Of::Report(|_, r| count(r.problems.len() as u64)),
    ),
];

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[allow(clippy::unnecessary_wraps, reason = "the form that the table wants")]
fn count(n: u64) -> Option<f64> {
    Some(n as f64)
}

impl Metric {
    /// The names of its labels.
    pub fn labels(&self) -> Vec<&'static str> {
        match self.of {
            Of::Command(_) => vec![],
            Of::Tenant(_) => vec!["tenant"],
            Of::TenantBy(by, _) => vec!["tenant", by],
            Of::Report(_) => vec!["tenant", "report"],
            Of::ReportBy(by, _) => vec!["tenant", "report", by],
        }
    }

    /// Its values in a command's nights.
    pub fn samples(&self, nights: &Nights<'_>) -> Vec<Sample> {
        let labels = self.labels();
        let sample = |values: &[&str], value: f64| {
            let labels = labels.iter().copied().zip(values.iter().map(|v| v.to_string())).collect();
            Sample { name: self.name, labels, value }
        };
        if let Of::Command(of) = self.of {
            return vec![sample(&[], of(nights))];
        }
        let mut samples = Vec::new();
        for night in &nights.nights {
            let reports = || night.record().into_iter().flat_map(|r| r.reports.iter().chain(&r.directory));
            match self.of {
                Of::Command(_) => {}
                Of::Tenant(of) => samples.extend(of(night).map(|value| sample(&[night.tenant], value))),
                Of::TenantBy(_, of) => {
                    samples.extend(of(night).into_iter().map(|(by, value)| sample(&[night.tenant, by], value)));
                }
                Of::Report(of) => {
                    samples.extend(reports().filter_map(|r| Some(sample(&[night.tenant, &r.report], of(night, r)?))))
                }
                Of::ReportBy(_, of) => {
                    for r in reports() {
                        samples
                            .extend(of(r).into_iter().map(|(by, value)| sample(&[night.tenant, &r.report, by], value)));
                    }
                }
            }
        }
        samples
    }
}

/// `docs/metrics.md`.
pub fn page() -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         What `[telemetry]` tells of each run, to Prometheus and to OpenTelemetry by the same names;\n\
         [operations.md](operations.md#telemetry) says how. All are gauges, and tell of one run. `report` is the name of the\n\
         report's function, or of a list of the directory.\n\n\
         | metric | unit | says |\n|---|---|---|\n",
    );
    for m in &METRICS {
        let labels = match m.labels().join(", ") {
            none if none.is_empty() => none,
            labels => format!("{{{labels}}}"),
        };
        let unit = if m.unit.is_empty() { String::new() } else { format!("`{}`", m.unit) };
        let _ = writeln!(out, "| `{}{labels}` | {unit} | {} |", m.name, m.help);
    }
    out
}
