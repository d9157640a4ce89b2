//! One reading of one window of a report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::GuardName;
use crate::day::{Day, Window};
use crate::lake::Layout;

/// How a slice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Its rows are published.
    Landed,
    /// Graph answered with no row. That is not zero: the day may come later.
    Empty,
    /// Graph does not have the day yet.
    Late,
    /// It could not be read or was no report. Nothing was published; what was published stays.
    Failed,
    /// It left Graph's window before it was read.
    Expired,
    /// A guard keeps it from being published until a person has looked. What was published stays.
    Held,
}

/// Whose names the rows show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// The report names nobody.
    #[default]
    None,
    /// Names as they are.
    Named,
    /// All names are concealed.
    Concealed,
    /// Some are, some are not.
    Mixed,
}

impl Names {
    /// Of so many rows that name somebody, and so many that conceal a name.
    pub fn of(named: u64, concealed: u64) -> Names {
        match (named, concealed) {
            (0, 0) => Names::None,
            (_, 0) => Names::Named,
            (0, _) => Names::Concealed,
            _ => Names::Mixed,
        }
    }
}

/// An object of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its key.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
}

/// What an earlier reading of a slice said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// When it was read, UTC.
    pub read_at: String,
    /// The run that read it.
    pub run: String,
    /// How the slice stood.
    pub status: Status,
    /// The rows of the answer.
    pub rows: u64,
    /// Rows beside these that were of people who are forgotten.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// SHA-256 of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// The answer as it was received, where raw is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Object>,
    /// Its cells that did not parse, where there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<Object>,
}

/// Why a guard holds an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The guard.
    pub guard: GuardName,
    /// What it found, in words and figures.
    pub reason: String,
    /// The figures that it compared, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, i64>,
}

/// One window of a report and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// What was asked.
    pub window: Window,
    /// The day that was asked for, else the refresh date of the answer.
    pub day: Day,
    /// How it stands.
    pub status: Status,
    /// The refresh date that the answer gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_date: Option<Day>,
    /// Rows of the answer.
    pub rows: u64,
    /// Rows beside these that were of people who are forgotten.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// Bytes of the answer, uncompressed.
    pub bytes: u64,
    /// SHA-256 of the answer, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// Cells that did not parse.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected_cells: u64,
    /// Headers that the catalog does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_headers: Vec<String>,
    /// Columns of the catalog that the answer lacked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_columns: Vec<String>,
    /// Whose names the rows show.
    #[serde(default)]
    pub names: Names,
    /// The answer as it was received: in raw, where raw is kept; a held one else among the held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Object>,
    /// Its cells that did not parse, one a line, where there were some and it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects: Option<Object>,
    /// Why it is held, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// The objects that its rows went to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
    /// When these objects were put, UTC: a window that is read again unchanged has an older one than other windows of the
    /// same month, and its word on the month's object does not count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub published_at: String,
    /// The run that put them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub published_by: String,
    /// The day on which retention took its rows and its answer: its figures are what they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_on: Option<Day>,
    /// Why it stands so, where it is not landed; where it is, why it could not be read again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was first read, UTC.
    pub first_read_at: String,
    /// When it was last read, UTC.
    pub read_at: String,
    /// The run that last read it.
    pub run: String,
    /// What earlier readings said, where they said something else. Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Reading>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Slice {
    /// A slice that was read at `read_at` by `run` and of which nothing more is known yet.
    pub fn new(window: Window, day: Day, status: Status, read_at: &str, run: &str) -> Slice {
        Slice {
            window,
            day,
            status,
            refresh_date: None,
            rows: 0,
            forgotten: 0,
            bytes: 0,
            sha256: String::new(),
            rejected_cells: 0,
            unknown_headers: Vec::new(),
            missing_columns: Vec::new(),
            names: Names::None,
            raw: None,
            rejects: None,
            doubt: None,
            objects: Vec::new(),
            published_at: String::new(),
            published_by: String::new(),
            taken_on: None,
            reason: None,
            first_read_at: read_at.to_string(),
            read_at: read_at.to_string(),
            run: run.to_string(),
            before: Vec::new(),
        }
    }

    /// The UTC day on which it was last read.
    pub fn read_on(&self) -> Option<Day> {
        self.read_at.get(..10)?.parse().ok()
    }

    /// Rows that came, those of people who are forgotten included: what can be compared with other answers.
    pub fn came(&self) -> u64 {
        self.rows + self.forgotten
    }

    /// Rows of the first reading that was published; 0 where none was.
    pub fn first_landed_rows(&self) -> u64 {
        let landed = |status: Status| status == Status::Landed;
        let earlier = self.before.iter().find(|r| landed(r.status)).map(|r| r.rows);
        earlier.unwrap_or(if landed(self.status) { self.rows } else { 0 })
    }

    /// Takes over what an earlier reading of the same slice leaves: its beginning and its history. Where rows are
    /// published and this reading brought none, they stay, and the slice says only when it was read again. A reading
    /// that failed is none: the slice says why, and the window is due as before.
    pub(super) fn follow(&mut self, before: &Slice) {
        if before.status == Status::Landed && self.status != Status::Landed {
            let reason = self.reason.take();
            let said = (self.status == Status::Empty && !self.sha256.is_empty()).then(|| self.reading());
            *self = match self.status {
                Status::Failed => Slice { reason, ..before.clone() },
                _ => Slice { read_at: self.read_at.clone(), run: self.run.clone(), reason: None, ..before.clone() },
            };
            // That it came without rows is a reading like others, once.
            let known = |said: &Reading| self.before.iter().any(|r| r.sha256 == said.sha256);
            if let Some(said) = said.filter(|said| !known(said)) {
                self.before.push(said);
            }
            return;
        }
        self.first_read_at.clone_from(&before.first_read_at);
        self.before.clone_from(&before.before);
        if before.sha256 == self.sha256 {
            self.raw = self.raw.take().or_else(|| before.raw.clone());
            self.rejects = self.rejects.take().or_else(|| before.rejects.clone());
        }
        // What was adopted of a run that was killed has no hash, where raw is not kept: nobody knows whether this one differs.
        let known = before.status != Status::Landed || !before.sha256.is_empty();
        if known && (before.status != self.status || before.sha256 != self.sha256) {
            self.before.push(before.reading());
        }
    }

    /// The keys of what it has beside its rows: answers as received, of earlier readings too, and their cells that did not parse.
    pub fn answers(&self) -> impl Iterator<Item = &String> {
        let now = self.raw.iter().chain(&self.rejects);
        now.chain(self.before.iter().flat_map(|r| r.raw.iter().chain(&r.rejects))).map(|o| &o.path)
    }

    /// What it says, for the history of the slice that takes its place.
    pub fn reading(&self) -> Reading {
        Reading {
            read_at: self.read_at.clone(),
            run: self.run.clone(),
            status: self.status,
            rows: self.rows,
            forgotten: self.forgotten,
            sha256: self.sha256.clone(),
            // What was held outside raw is deleted once nobody has to decide on it.
            raw: self.raw.clone().filter(|o| Layout::is_raw(&o.path)),
            rejects: self.rejects.clone(),
        }
    }
}
