//! What a report is: the types behind `schemas/reports/*.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::day::Window;

/// The name of the last column of every table: headers that the catalog does not know, as a JSON object of texts.
pub const UNKNOWN_COLUMNS: &str = "unknown_columns";

/// One usage report function of Microsoft Graph.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The function's name in Graph: `getEmailActivityUserDetail`.
    pub function: String,
    /// The product it speaks of, as the docs group them: `Email`, `OneDrive`, `Teams`.
    pub workload: String,
    /// A short title in English.
    pub title: String,
    /// What the report answers, in a sentence or two.
    pub description: String,
    /// The Microsoft page or file that the definition comes from.
    pub source: String,
    /// Whether rows are entities, days or a summary of a window.
    pub kind: Kind,
    /// What one row is: `person × window`.
    pub grain: String,
    /// Columns that tell rows of one window apart. Rows of a detail are never merged on it; counts are.
    #[serde(default)]
    pub key: Vec<String>,
    /// How a new answer meets what is there.
    pub merge: Merge,
    /// The Graph versions that serve it, the one to ask first.
    pub versions: Vec<Version>,
    /// The path segment before the function: `reports` or `copilot/reports`.
    #[serde(default = "reports_root")]
    pub root: String,
    /// Days that `period='Dn'` takes. Empty where the function takes no period.
    #[serde(default)]
    pub periods: Vec<u16>,
    /// Whether `period='ALL'` is answered too. A night never asks for it: its window has no beginning.
    #[serde(default)]
    pub period_all: bool,
    /// Whether it answers for one day, `date=2026-11-20`.
    #[serde(default)]
    pub date: bool,
    /// Further optional arguments of the function.
    #[serde(default)]
    pub arguments: Vec<Argument>,
    /// Whether CSV must be asked for with `$format=text/csv`, since the version asked answers JSON otherwise.
    #[serde(default)]
    pub ask_csv: bool,
    /// Application permissions, any one of which suffices.
    pub permissions: Vec<String>,
    /// Whether columns and signature were read in a document. An unverified report is off unless named.
    #[serde(default = "yes")]
    pub verified: bool,
    /// Whether `include = ["*"]` means this one too.
    #[serde(default = "yes")]
    pub default: bool,
    /// Why it is off by default, or what else a reader must know.
    #[serde(default)]
    pub note: Option<String>,
    /// Other names that its files have, without extension: those of the admin center's exports, and those that the
    /// function had in Graph before.
    #[serde(default)]
    pub file_names: Vec<String>,
    /// What a night asks for.
    #[serde(default)]
    pub night: Night,
    /// What one row stands for in the emulated tenant. Only the emulator reads it.
    #[serde(default)]
    pub emulate: Option<String>,
    /// The columns, in the order in which Graph documents them.
    pub columns: Vec<Column>,
}

fn reports_root() -> String {
    "reports".into()
}

fn yes() -> bool {
    true
}

/// What a row of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One row for each entity: person, mailbox, site, group, team.
    Detail,
    /// One row for each day of the window (and key).
    Counts,
    /// One row for each window (and key).
    Summary,
}

/// How the rows of a new answer meet those that are in the table. See ARCHITECTURE.md for the equivalent SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// The partition (period, day) is replaced whole.
    Replace,
    /// Rows are merged on (key, Report Date): the later refresh date wins, on equal ones the longer period.
    ByReportDate,
    /// Rows are replaced by (Report Refresh Date, Report Period): a snapshot for each refresh date is kept.
    ByRefreshDate,
}

/// A version of the Graph API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Version {
    /// The version under Microsoft's support.
    #[serde(rename = "v1.0")]
    V1,
    /// The version that may change without notice.
    #[serde(rename = "beta")]
    Beta,
}

impl Version {
    /// The path segment.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::V1 => "v1.0",
            Version::Beta => "beta",
        }
    }
}

/// An optional argument of the function, beside `period` and `date`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// Its name in the parentheses: `version`.
    pub name: String,
    /// The values it takes; empty where any text goes.
    #[serde(default)]
    pub values: Vec<String>,
    /// What is meant when it is left out.
    #[serde(default)]
    pub default: Option<String>,
    /// Periods that a value takes instead of the report's own.
    #[serde(default)]
    pub periods: BTreeMap<String, Vec<u16>>,
    /// What it does.
    pub description: String,
}

/// What a night asks for. Numbers are days of a period; `date` reports are asked for every day that is missing.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Night {
    /// The present state, for functions without parameters.
    #[serde(default)]
    pub present: bool,
    /// Every day of the 28-day window that the ledger lacks, and the last days again.
    #[serde(default)]
    pub dates: bool,
    /// Periods asked for every night.
    #[serde(default)]
    pub nightly: Vec<u16>,
    /// Periods asked for when their last answer is a week old.
    #[serde(default)]
    pub weekly: Vec<u16>,
    /// Periods asked for by the first run, beside the others.
    #[serde(default)]
    pub seed: Vec<u16>,
    /// Whether a period long enough to cover missed nights is asked for instead of the nightly one.
    #[serde(default)]
    pub catch_up: bool,
}

/// One column of a report.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the table: snake_case of the header.
    pub name: String,
    /// Its header in the documented CSV.
    pub header: String,
    /// Older, newer and JSON spellings of the header. Case, blanks and punctuation do not count.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The type of its cells.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// What a blank cell means. It is null in the table, whatever it means.
    pub blank: Blank,
    /// The act of the row's person that the column counts (`send`), if it counts one. Parts of another column and what
    /// others did to the person (received mail) count none.
    #[serde(default)]
    pub act: Option<String>,
    /// What the column is to the pipeline.
    #[serde(default)]
    pub role: Option<Role>,
    /// How Graph writes it when the tenant conceals names. A column with this is about a person, a group or a site.
    #[serde(default)]
    pub concealed: Option<Concealed>,
    /// Whom the cell names, where it names a person.
    #[serde(default)]
    pub who: Option<Who>,
    /// How Graph writes a yes or a no. Both ways are read.
    #[serde(default)]
    pub written: Option<Written>,
    /// The versions whose CSV has it, where not all have.
    #[serde(default)]
    pub versions: Vec<Version>,
    /// The argument under which it is there (`version = "v2"`), where it is not always.
    #[serde(default)]
    pub requires: BTreeMap<String, String>,
    /// Whether live answers have it though no document says so, or only JSON has it.
    #[serde(default)]
    pub undocumented: bool,
    /// What it measures in the emulated tenant. Only the emulator reads it.
    #[serde(default)]
    pub emulate: Option<String>,
    /// What the column says, with its unit.
    pub description: String,
}

/// The type of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    /// `2026-11-20`, also with a time behind it, which is dropped. DATE.
    Date,
    /// `2026-02-04T00:00:00Z`. TIMESTAMP in microseconds, UTC.
    Datetime,
    /// `True`, `False`, `Yes`, `No`. BOOLEAN.
    Bool,
    /// A whole number. INT64.
    Int,
    /// A number. DOUBLE.
    Float,
    /// `PT1H2M3S` or `01:02:03`. INT64, in seconds.
    Duration,
    /// Text, trimmed. UTF8.
    Text,
    /// Texts joined by `+`, kept as they are. UTF8.
    List,
    /// A GUID, kept as text. UTF8.
    Guid,
}

impl ColumnType {
    /// The Arrow type of the column in the table.
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::Date => DataType::Date32,
            ColumnType::Datetime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Int | ColumnType::Duration => DataType::Int64,
            ColumnType::Float => DataType::Float64,
            ColumnType::Text | ColumnType::List | ColumnType::Guid => DataType::Utf8,
        }
    }
}

/// What a blank cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Blank {
    /// It is not expected.
    Never,
    /// Nothing was counted in the window.
    NoActivity,
    /// It never happened, as far as the service remembers.
    NeverHappened,
    /// It does not apply: not deleted, no licence, not a person.
    NotApplicable,
    /// The service does not say.
    Unknown,
}

/// What a column is to the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The last day that the answer speaks of.
    RefreshDate,
    /// The day that a row of counts speaks of.
    ReportDate,
    /// The days of the window, as the answer says them.
    ReportPeriod,
    /// The last day of activity that the service remembers.
    LastActivity,
}

/// How a name is written when the tenant conceals names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Concealed {
    /// 32 upper-case hexadecimal digits, the same for the same name.
    Hash,
    /// The GUID of zeros.
    ZeroGuid,
    /// Nothing at all.
    Blank,
}

/// Whom a cell names: what becomes of its row when that person is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The directory's id of the person whom the row is about. Where it is there, it decides, and no address does.
    Id,
    /// Another name of that person, or of what is theirs alone: address, name, OneDrive.
    Subject,
    /// Somebody whom the row mentions: an owner, a manager. Without the cell the row is about nobody.
    Other,
}

/// How Graph writes a yes or a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// `True`, `False`
    TrueFalse,
    /// `Yes`, `No`
    YesNo,
}

impl Report {
    /// The table's name in the lake: the function's name in snake_case without `get`.
    pub fn table(&self) -> String {
        let name = self.function.strip_prefix("get").unwrap_or(&self.function);
        let mut out = String::with_capacity(name.len() + 8);
        for (i, c) in name.char_indices() {
            let after_small = i > 0 && !name[..i].ends_with(char::is_uppercase);
            let before_small = name[i + c.len_utf8()..].starts_with(char::is_lowercase);
            if c.is_uppercase() && i > 0 && (after_small || before_small) {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        out
    }

    /// The schema of every file of the table: the columns in catalog order, then `unknown_columns`.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> =
            self.columns.iter().map(|c| Field::new(&c.name, c.column_type.arrow(), true)).collect();
        fields.push(Field::new(UNKNOWN_COLUMNS, DataType::Utf8, true));
        Arc::new(Schema::new(fields))
    }

    /// The position of the column with this role.
    pub fn role(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|c| c.role == Some(role))
    }

    /// The version to ask.
    pub fn version(&self) -> Version {
        self.versions.first().copied().unwrap_or(Version::V1)
    }

    /// The request path behind the host: `/v1.0/reports/getEmailActivityUserDetail(period='D7')`.
    pub fn path(&self, window: Window) -> String {
        let arguments = match window {
            Window::Present => String::new(),
            Window::Date(day) => format!("(date={day})"),
            Window::Period(n) => format!("(period='D{n}')"),
        };
        let format = if self.ask_csv { "?$format=text/csv" } else { "" };
        format!("/{}/{}/{}{arguments}{format}", self.version().as_str(), self.root, self.function)
    }

    /// Whether the function answers for this window.
    pub fn takes(&self, window: Window) -> bool {
        match window {
            Window::Present => self.periods.is_empty() && !self.date,
            Window::Date(_) => self.date,
            Window::Period(n) => self.periods.contains(&n),
        }
    }

    /// Whether the table is partitioned by period and day (details) and not by month.
    pub fn by_day(&self) -> bool {
        self.merge == Merge::Replace
    }
}
