//! The bytes of an answer → typed record batches of its report, and everything that was odd about them.
//!
//! This is the one place that decides what a header means and what a cell says. It promises: every batch has exactly the
//! report's schema; the same bytes give the same batches, however they are cut into chunks; no cell is lost without being
//! counted and kept as a [`Reject`], and no header without being named. It must never do I/O, never know a report by its
//! name, never guess what a cell might have meant, and never panic. After an error the batches handed out so far are
//! worthless: the caller drops them.

mod column;
mod csv;
pub mod directory;
mod grid;
mod header;
mod json;
pub mod kept;
pub mod legacy;
mod special;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod texts;
mod values;
mod whole;

pub use whole::read;

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use self::csv::Csv;
use self::header::{Form, form, header_row, plan};
use crate::catalog::Report;
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// Rows in a batch, but for the last. Large enough that work per batch does not count, small enough for a few of them to
/// wait in memory.
pub const BATCH_ROWS: usize = 8192;
/// Bytes of CSV after which a batch ends early. Only rows of kilobytes reach it; it bounds memory and Arrow's 32-bit offsets.
/// Small in tests, which are to reach it.
pub const BATCH_BYTES: usize = if cfg!(any(test, fuzzing)) { 4 << 20 } else { 64 << 20 };
/// Bytes in which the header row must end. The longest documented header has 2 KiB.
pub const MAX_HEADER: usize = 64 << 10;
/// Bytes of a row. More is an open quote or no report. Small in tests, which are to reach it.
pub const MAX_ROW: usize = if cfg!(any(test, fuzzing)) { 1 << 20 } else { 16 << 20 };
/// Cells of a row. The widest documented report has 41.
pub const MAX_COLUMNS: usize = 2000;
/// Bytes of a JSON body, which is held in memory whole. Graph pages JSON; CSV has no such limit.
pub const MAX_JSON: usize = 512 << 20;
/// Rejects that are kept; all are counted.
pub const MAX_REJECTS: usize = 10_000;
/// The most rows of a table that is made of a list of the directory, which is held in memory until its last page: a hundred
/// service plans of 200,000 people. A row takes some dozens of bytes.
pub const MAX_LIST_ROWS: usize = if cfg!(any(test, fuzzing)) { 20_000 } else { 20_000_000 };
/// Bytes of a value or a row that a reject shows.
pub const MAX_SHOWN: usize = 4096;

/// What Graph writes for whom it does not name.
pub const NOBODY: [&str; 4] = ["", "--", "(Unknown)", "00000000-0000-0000-0000-000000000000"];

/// Turns the bytes of one answer into batches.
pub struct Normaliser {
    report: &'static Report,
    state: State,
}

enum State {
    /// The form is not known, or the header row is not whole.
    Start(Vec<u8>),
    Csv(Box<Csv>),
    Json(Vec<u8>),
}

/// What is told about a body when it has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows, all of which are in the batches.
    pub rows: u64,
    /// Rows of people who are forgotten: they were taken out before, and are in nothing else that is said here.
    pub forgotten: u64,
    /// Headers that the catalog does not know, in their order, then `column_14` for each place without a header at which a
    /// row has text. Their cells are in `unknown_columns`.
    pub unknown_headers: Vec<String>,
    /// Columns of the catalog that no header means. They are null.
    pub missing_columns: Vec<String>,
    /// Cells that could not be read. They are null in the batches (text that is not UTF-8 has U+FFFD in its place).
    pub rejected_cells: u64,
    /// The first [`MAX_REJECTS`] of them.
    pub rejects: Vec<Reject>,
    /// Rows with fewer cells than the header. What they lack is null.
    pub short_rows: u64,
    /// The refresh dates that rows name.
    pub refresh_dates: BTreeSet<Day>,
    /// The first and the last report date that a row names.
    pub report_dates: Option<(Day, Day)>,
    /// The report periods that rows name, in days.
    pub report_periods: BTreeSet<i64>,
    /// Rows that conceal a name.
    pub concealed_rows: u64,
    /// Rows that name somebody and conceal nobody.
    pub named_rows: u64,
    /// Whether the body says that it is one page of several (`@odata.nextLink`).
    pub more_pages: bool,
}

impl Outcome {
    /// Rows that came, those of people who are forgotten included: what can be compared with other answers.
    pub fn came(&self) -> u64 {
        self.rows + self.forgotten
    }
}

/// A cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reject {
    /// The line where its row begins, from 1; in JSON the number of the record.
    pub line: u64,
    /// The column's name.
    pub column: String,
    /// The cell as it was written, quotes included; bytes that are not UTF-8 as `\xff`.
    pub value: String,
    /// Why it could not be read.
    pub reason: &'static str,
    /// The row as it was written, at most [`MAX_SHOWN`] bytes of it.
    pub row: String,
}

impl Normaliser {
    /// For an answer of `report`.
    pub fn new(report: &'static Report) -> Normaliser {
        Normaliser { report, state: State::Start(Vec::new()) }
    }

    /// Takes the next bytes and hands every full batch to `out`. Fails with [`Kind::NotAReport`] where the bytes are none.
    pub fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        match &mut self.state {
            State::Csv(csv) => csv.push(bytes, out),
            State::Json(body) => extend_json(body, bytes),
            State::Start(begun) if begun.is_empty() => match self.start(bytes, false, out)? {
                true => Ok(()),
                false => {
                    self.state = State::Start(bytes.to_vec());
                    Ok(())
                }
            },
            State::Start(begun) => {
                let mut begun = std::mem::take(begun);
                begun.extend_from_slice(bytes);
                if !self.start(&begun, false, out)? {
                    self.state = State::Start(begun);
                }
                Ok(())
            }
        }
    }

    /// Hands out the last batch and tells what was seen. A body of a header alone has no rows and is no failure.
    pub fn finish(mut self, out: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<Outcome> {
        if let State::Start(begun) = &mut self.state {
            let begun = std::mem::take(begun);
            self.start(&begun, true, out)?;
        }
        match self.state {
            State::Csv(csv) => csv.finish(out),
            State::Json(body) => json::read(self.report, &body, out),
            State::Start(_) => Ok(Outcome::default()),
        }
    }

    /// Begins to read, once the form is known and the header row is whole; answers whether they are.
    fn start(&mut self, begun: &[u8], last: bool, out: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<bool> {
        match form(begun, last)? {
            Form::Undecided => Ok(false),
            Form::Json(at) => {
                let mut body = Vec::new();
                extend_json(&mut body, &begun[at..])?;
                self.state = State::Json(body);
                Ok(true)
            }
            Form::Csv(at) => {
                let Some((headers, used)) = header_row(&begun[at..], last)? else { return Ok(false) };
                let plan = plan(self.report, &headers)?;
                let (head, body) = begun.split_at(at + used);
                let mut csv = Csv::new(self.report, plan, head);
                csv.push(body, out)?;
                self.state = State::Csv(Box::new(csv));
                Ok(true)
            }
        }
    }
}

fn extend_json(body: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    if body.len() + bytes.len() > MAX_JSON {
        return Err(Error::new(Kind::NotAReport, format!("the JSON body is larger than {} MiB", MAX_JSON >> 20))
            .hint("ask for the report as CSV, which is read in pieces"));
    }
    body.extend_from_slice(bytes);
    Ok(())
}

/// The headers of a body by its beginning: the header row of CSV, or the property names of the first record of JSON. None
/// where more bytes are needed to tell.
pub fn peek_headers(bytes: &[u8]) -> Result<Option<Vec<String>>> {
    match form(bytes, false)? {
        Form::Undecided => Ok(None),
        Form::Json(at) => json::peek(&bytes[at..]),
        Form::Csv(at) => Ok(header_row(&bytes[at..], false)?.map(|(headers, _)| headers)),
    }
}
