//! The record of a run: for each report what was asked, what landed, what was published, and what to do.

use serde::{Deserialize, Serialize};

use super::retention::Taken;
use super::trail::{Step, Trail};
use crate::day::Window;
use crate::error::{Error, Kind, Result};
use crate::ledger::Slice;
use crate::marts;
use crate::plan::Expiring;

/// What one run did for one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's id: when it began (UTC) and a random word.
    pub run: String,
    /// The tenant's partition value.
    pub tenant: String,
    /// The version of usagelake.
    pub version: String,
    /// When it began, UTC.
    pub started_at: String,
    /// When it ended, UTC.
    pub ended_at: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The day that the run took for today.
    pub today: crate::day::Day,
    /// Whether the tenant conceals names in reports: its setting, else what the answers show; null where neither says.
    #[serde(default)]
    pub concealed_names: Option<bool>,
    /// Days that Graph still has, that the lake lacks, and that are lost within the days of `warn_days`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expires_soon: Vec<Expiring>,
    /// What ended the run before its time, where something did: the sign-in or the lake was lost on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Problem>,
    /// Each report that ended, by function name.
    pub reports: Vec<ReportRecord>,
    /// Each list of the directory, by name, and the file of product names.
    #[serde(default)]
    pub directory: Vec<ReportRecord>,
    /// What was older than the pipeline keeps it, and was taken.
    #[serde(default, skip_serializing_if = "Taken::is_none")]
    pub taken: Taken,
    /// The marts, where they were built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marts: Option<MartsRecord>,
    /// What followed the reports, and when.
    #[serde(skip)]
    pub steps: Vec<Step>,
}

/// What a night did for the marts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MartsRecord {
    /// What was built.
    #[serde(flatten)]
    pub built: marts::Record,
    /// What ended the building, where it came to no end of its own. The tables are published all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Problem>,
}

impl RunRecord {
    /// Adds days that are about to be lost: a night that did not bring them is not done.
    pub fn expiring(&mut self, soon: Vec<Expiring>) {
        if !soon.is_empty() && self.outcome == Outcome::Done {
            self.outcome = Outcome::Partial;
        }
        self.expires_soon = soon;
    }

    /// Adds what became of the marts. A night whose marts failed has published something and lost something.
    pub fn built(&mut self, built: Result<marts::Record>) {
        let record = match built {
            Ok(built) => MartsRecord { built, failed: None },
            Err(e) => MartsRecord { failed: Some(Problem::new(None, &e)), ..MartsRecord::default() },
        };
        if (record.failed.is_some() || !record.built.whole()) && self.outcome == Outcome::Done {
            self.outcome = Outcome::Partial;
        }
        self.marts = Some(record);
    }

    /// Adds what ended the run before its time, and whether anything had come until then.
    pub fn lost(&mut self, e: &Error, came: bool) {
        self.lost = Some(Problem::new(None, e));
        self.outcome = if came { Outcome::Partial } else { Outcome::Failed };
    }
}

/// How a run or a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that was asked for came, nothing new included.
    Done,
    /// Something was published, something else failed or is held by a guard.
    Partial,
    /// Nothing was published, and something failed.
    Failed,
    /// Graph does not serve the report to this tenant, or never let the application read the list. That is no failure.
    NotServed,
}

/// What a run did for one report, or for one list of the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportRecord {
    /// The function's name, or the list's.
    pub report: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Windows that were asked for.
    pub asked: u64,
    /// Answers that landed with rows.
    pub landed: u64,
    /// Answers that were the same as what is published.
    pub unchanged: u64,
    /// Answers without a row.
    pub empty: u64,
    /// Days that Graph does not have yet.
    pub late: u64,
    /// Windows that failed.
    pub failed: u64,
    /// Answers that a guard holds until a person has looked.
    #[serde(default)]
    pub held: u64,
    /// Windows that were due and not asked for, since what is wrong is not about the window. The next run asks for them.
    #[serde(default)]
    pub not_asked: u64,
    /// Partitions that were published.
    pub published: u64,
    /// Rows of the answers that landed.
    pub rows: u64,
    /// Rows beside these that were of people who are forgotten.
    #[serde(default)]
    pub forgotten: u64,
    /// Cells that did not parse.
    pub rejected_cells: u64,
    /// Bytes of the answers.
    pub bytes: u64,
    /// Requests that were made, retries included.
    pub attempts: u64,
    /// Seconds waited for the pace and for Graph.
    pub waited_seconds: f64,
    /// Headers that the catalog does not know; they are kept in `unknown_columns`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_headers: Vec<String>,
    /// Columns of the catalog that an answer lacked; they are null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_columns: Vec<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// When it was asked for what.
    #[serde(skip)]
    pub trail: Trail,
}

/// Something that went wrong with a window of a report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// The window, where one is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What kind of thing it is.
    pub kind: String,
    /// What happened and why.
    pub message: String,
    /// What the operator can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// An error as a record keeps it.
    pub fn new(window: Option<Window>, e: &Error) -> Problem {
        let mut message = e.to_string();
        let mut cause = std::error::Error::source(e);
        while let Some(c) = cause {
            message.push_str(&format!(": {c}"));
            cause = c.source();
        }
        let kind = serde_json::to_value(e.kind()).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default();
        let hint = e.hint_text().unwrap_or(e.kind().advice()).to_string();
        Problem { window, kind, message, hint: Some(hint) }
    }

    /// An answer that a guard holds.
    pub fn held(report: &str, slice: &Slice) -> Problem {
        let guard = slice.doubt.as_ref().map_or("", |d| d.guard.word());
        let (reason, period, day) = (slice.reason.as_deref().unwrap_or_default(), slice.window.period(), slice.day);
        let hint = format!(
            "look at it, then `usagelake release --report {report} --period {period} --day {day}` publishes it; with `--discard` it is forgotten"
        );
        let message = format!("guard `{guard}`: {reason}");
        Problem { window: Some(slice.window), kind: HELD.to_string(), message, hint: Some(hint) }
    }
}

/// The kind of a problem that is no failure: a guard holds the answer.
pub const HELD: &str = "held";

/// The kind of a problem of a report that another's failure took down with it, since that ended the run.
pub const CUT_OFF: &str = "cut-off";

impl ReportRecord {
    /// A record of nothing yet.
    pub fn new(report: &str) -> ReportRecord {
        ReportRecord {
            report: report.to_string(),
            outcome: Outcome::Done,
            asked: 0,
            landed: 0,
            unchanged: 0,
            empty: 0,
            late: 0,
            failed: 0,
            held: 0,
            not_asked: 0,
            published: 0,
            rows: 0,
            forgotten: 0,
            rejected_cells: 0,
            bytes: 0,
            attempts: 0,
            waited_seconds: 0.0,
            unknown_headers: Vec::new(),
            missing_columns: Vec::new(),
            problems: Vec::new(),
            trail: Trail::default(),
        }
    }

    /// Notes headers and columns that differ from the catalog, each once.
    pub fn drift(&mut self, unknown: &[String], missing: &[String]) {
        for (to, from) in [(&mut self.unknown_headers, unknown), (&mut self.missing_columns, missing)] {
            for name in from {
                if !to.contains(name) {
                    to.push(name.clone());
                }
            }
        }
    }

    /// What became of the windows that were asked for, in words. A window that is not served is in none of them.
    pub fn windows(&self) -> [(&'static str, u64); 6] {
        [
            ("landed", self.landed),
            ("unchanged", self.unchanged),
            ("empty", self.empty),
            ("late", self.late),
            ("failed", self.failed),
            (HELD, self.held),
        ]
    }

    /// The report did not come to its end, because the run ended before.
    pub fn cut_off(&mut self) {
        self.settle();
        if self.outcome == Outcome::Done {
            self.outcome =
                if self.landed + self.unchanged + self.held > 0 { Outcome::Partial } else { Outcome::Failed };
        }
        self.problems.push(Problem {
            window: None,
            kind: CUT_OFF.to_string(),
            message: "the run ended before the report had".to_string(),
            hint: Some("run again: only what is missing is asked for".to_string()),
        });
    }

    /// How the report ended, from what is counted.
    pub fn settle(&mut self) {
        if self.outcome == Outcome::NotServed {
            return;
        }
        self.outcome = match (self.failed, self.held, self.landed + self.unchanged) {
            (0, 0, _) => Outcome::Done,
            (_, 0, 0) => Outcome::Failed,
            _ => Outcome::Partial,
        };
    }
}

/// How a run ended, from how its reports did.
pub fn overall<'a>(reports: impl Iterator<Item = &'a ReportRecord> + Clone) -> Outcome {
    let failed = reports.clone().any(|r| matches!(r.outcome, Outcome::Failed | Outcome::Partial));
    let came = reports.clone().any(|r| r.landed + r.unchanged + r.held > 0);
    match (failed, came) {
        (false, _) => Outcome::Done,
        (true, true) => Outcome::Partial,
        (true, false) => Outcome::Failed,
    }
}

/// Whether an error ends the whole run: the lake or the sign-in is lost, not a report.
pub fn ends_the_run(kind: Kind) -> bool {
    matches!(kind, Kind::Lake | Kind::Locked | Kind::SignIn | Kind::Config | Kind::Usage | Kind::File)
}
