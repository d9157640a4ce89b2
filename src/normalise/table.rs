//! Rows of a grid → record batches of a report, and what is told about them.
//!
//! A batch ends after [`BATCH_ROWS`] rows, or after the row that brings it to [`BATCH_BYTES`]; how the bytes came has no
//! say in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::column::{Bad, Column};
use super::grid::Grid;
use super::header::Plan;
use super::text::text;
use super::{BATCH_BYTES, BATCH_ROWS, MAX_REJECTS, MAX_SHOWN, NOBODY, Outcome, Reject};
use crate::catalog::{ColumnType, Concealed, Report, Role};
use crate::error::{Error, Kind, Result};

/// Where batches go.
pub(super) type Out<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<()>;

/// The columns of a report, being filled.
pub(super) struct Table {
    report: &'static Report,
    schema: SchemaRef,
    /// For each column of the catalog the position of its header.
    positions: Vec<Option<usize>>,
    columns: Vec<Column>,
    /// Headers that the catalog does not know: position and name.
    unknown: Vec<(usize, String)>,
    /// Places whose header is blank, and those without a header at which text was seen.
    unnamed: Vec<usize>,
    unnamed_seen: BTreeSet<usize>,
    unknown_column: Column,
    /// Bytes of the rows that wait.
    bytes: usize,
    bad: Vec<Bad>,
    outcome: Outcome,
}

impl Table {
    /// An empty table whose cells come as the plan says.
    pub fn new(report: &'static Report, plan: Plan) -> Table {
        let outcome = Outcome {
            unknown_headers: plan.unknown.iter().map(|(_, name)| name.clone()).collect(),
            missing_columns: plan.missing,
            ..Outcome::default()
        };
        Table {
            report,
            schema: report.schema(),
            positions: plan.positions,
            columns: report.columns.iter().map(|c| Column::new(c.column_type)).collect(),
            unknown: plan.unknown,
            unnamed: plan.unnamed,
            unnamed_seen: BTreeSet::new(),
            unknown_column: Column::new(ColumnType::Text),
            bytes: 0,
            bad: Vec::new(),
            outcome,
        }
    }

    /// How many rows of the next `bytes` may be taken at once, so that a batch can end where it must.
    pub fn room(&self, bytes: usize) -> usize {
        if self.bytes + bytes >= BATCH_BYTES { 1 } else { BATCH_ROWS - self.unknown_column.rows() }
    }

    /// Takes all rows of a grid over `bytes`.
    pub fn take(&mut self, bytes: &[u8], grid: &Grid, out: Out) -> Result<()> {
        self.bytes += bytes.len();
        if grid.rows() == 0 {
            return Ok(());
        }
        let from = self.unknown_column.rows();
        for c in 0..self.columns.len() {
            match self.positions[c] {
                None => self.columns[c].nulls(grid.rows()),
                Some(position) => {
                    self.columns[c].fill(bytes, grid, position, &mut self.bad);
                    if !self.bad.is_empty() {
                        self.reject(bytes, grid, c, position);
                    }
                }
            }
        }
        self.unknown(bytes, grid);
        self.observe(from);
        self.outcome.rows += grid.rows() as u64;
        self.outcome.short_rows += grid.short;
        if self.unknown_column.rows() >= BATCH_ROWS || self.bytes >= BATCH_BYTES { self.flush(out) } else { Ok(()) }
    }

    /// Hands out the rows that still wait, and tells what was seen.
    pub fn finish(mut self, out: Out) -> Result<Outcome> {
        if self.unknown_column.rows() > 0 {
            self.flush(out)?;
        }
        self.outcome.unknown_headers.extend(self.unnamed_seen.iter().map(|place| unnamed(*place)));
        Ok(self.outcome)
    }

    fn flush(&mut self, out: Out) -> Result<()> {
        self.bytes = 0;
        let columns = self.columns.iter_mut().chain([&mut self.unknown_column]);
        let batch = columns
            .map(Column::finish)
            .collect::<Result<Vec<ArrayRef>, _>>()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&self.schema), columns))
            .map_err(|e| Error::new(Kind::NotAReport, "the rows make no batch").because(e))?;
        out(batch)
    }

    /// Keeps the cells that could not be read.
    fn reject(&mut self, bytes: &[u8], grid: &Grid, column: usize, position: usize) {
        self.outcome.rejected_cells += self.bad.len() as u64;
        for Bad { row, reason } in self.bad.drain(..) {
            if self.outcome.rejects.len() >= MAX_REJECTS {
                continue;
            }
            let (begin, end) = grid.cells(position).nth(row).unwrap_or_default();
            let (row_begin, row_end) = grid.row(row);
            self.outcome.rejects.push(Reject {
                line: grid.line_of(row),
                column: self.report.columns[column].name.clone(),
                value: shown(bytes.get(begin..end).unwrap_or_default()),
                reason,
                row: shown(bytes.get(row_begin..row_end).unwrap_or_default()),
            });
        }
    }

    /// Keeps the cells whose headers the catalog does not know, and those that have no header.
    fn unknown(&mut self, bytes: &[u8], grid: &Grid) {
        if self.unknown.is_empty() && self.unnamed.is_empty() && grid.extras.is_empty() {
            self.unknown_column.nulls(grid.rows());
            return;
        }
        let mut objects = vec![String::new(); grid.rows()];
        let mut add = |row: usize, name: &str, begin: usize, end: usize| {
            let (text, good) = text(bytes.get(begin..end).unwrap_or_default(), grid.has_signs);
            if !text.is_empty()
                && let Some(object) = objects.get_mut(row)
            {
                object.push(if object.is_empty() { '{' } else { ',' });
                push_json(object, name);
                object.push(':');
                push_json(object, &text);
            }
            if !good {
                self.outcome.rejected_cells += 1;
                if self.outcome.rejects.len() < MAX_REJECTS {
                    let (row_begin, row_end) = grid.row(row);
                    self.outcome.rejects.push(Reject {
                        line: grid.line_of(row),
                        column: name.to_string(),
                        value: shown(bytes.get(begin..end).unwrap_or_default()),
                        reason: "not UTF-8",
                        row: shown(bytes.get(row_begin..row_end).unwrap_or_default()),
                    });
                }
            }
            !text.is_empty()
        };
        for (position, name) in &self.unknown {
            for (row, (begin, end)) in grid.cells(*position).enumerate() {
                add(row, name, begin, end);
            }
        }
        let behind = grid.extras.iter().map(|(r, p, b, e)| (*r as usize, *p as usize, *b as usize, *e as usize));
        let unnamed_cells = self
            .unnamed
            .iter()
            .flat_map(|p| grid.cells(*p).enumerate().map(move |(row, (begin, end))| (row, *p, begin, end)));
        for (row, place, begin, end) in unnamed_cells.chain(behind).filter(|c| c.3 > c.2) {
            if add(row, &unnamed(place), begin, end) {
                self.unnamed_seen.insert(place);
            }
        }
        for mut object in objects {
            if !object.is_empty() {
                object.push('}');
            }
            self.unknown_column.push_text(&object);
        }
    }

    /// Looks at what the new rows say of themselves.
    fn observe(&mut self, from: usize) {
        let role = |role| self.report.role(role).and_then(|i| self.columns.get(i));
        if let Some(column) = role(Role::RefreshDate) {
            distinct(column.days(from), |day| {
                self.outcome.refresh_dates.insert(day);
            });
        }
        if let Some(column) = role(Role::ReportPeriod) {
            distinct(column.numbers(from), |days| {
                self.outcome.report_periods.insert(days);
            });
        }
        if let Some(column) = role(Role::ReportDate) {
            let seen = &mut self.outcome.report_dates;
            distinct(column.days(from), |day| {
                *seen = Some(seen.map_or((day, day), |(a, b)| (a.min(day), b.max(day))));
            });
        }
        let rows = self.unknown_column.rows() - from;
        let mut state = vec![0u8; 0];
        for (c, column) in self.report.columns.iter().zip(&self.columns) {
            if c.concealed == Some(Concealed::Hash) && c.column_type.arrow() == arrow::datatypes::DataType::Utf8 {
                state.resize(rows, 0);
                for (state, text) in state.iter_mut().zip(column.texts(from)) {
                    *state |= text.map_or(0, shows);
                }
            }
        }
        self.outcome.concealed_rows += state.iter().filter(|s| **s & CONCEALED != 0).count() as u64;
        self.outcome.named_rows += state.iter().filter(|s| **s == NAMED).count() as u64;
    }
}

/// The name of a place without a header.
fn unnamed(place: usize) -> String {
    format!("column_{}", place + 1)
}

const CONCEALED: u8 = 1;
const NAMED: u8 = 2;

/// What a name shows: a concealed one is 32 upper-case hexadecimal digits, or a mask (`<PII:H105(…)>`, in 2021).
fn shows(name: &[u8]) -> u8 {
    let hash = name.len() == 32 && name.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
    match name {
        _ if hash || name.starts_with(b"<PII:") => CONCEALED,
        _ if NOBODY.iter().any(|nobody| nobody.as_bytes() == name) => 0,
        _ => NAMED,
    }
}

/// Calls `see` for each value that differs from the one before it.
fn distinct<T: Copy + PartialEq>(values: impl Iterator<Item = T>, mut see: impl FnMut(T)) {
    let mut last = None;
    for v in values {
        if last != Some(v) {
            see(v);
            last = Some(v);
        }
    }
}

/// Bytes as a text that can be read and shown: bytes that are not UTF-8 are escaped, so that none is lost, and no more
/// than [`MAX_SHOWN`] bytes of it.
fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
        if out.len() > MAX_SHOWN {
            let end = (0..=MAX_SHOWN).rev().find(|i| out.is_char_boundary(*i)).unwrap_or(0);
            out.truncate(end);
            out.push('…');
            break;
        }
    }
    out
}

/// A text as a JSON string.
pub(super) fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
