//! How an answer of counts or a summary meets the rows that the table has. Pure: batches in, batches out.
//!
//! Counts (`by-report-date`) are merged on (key, Report Date). The later refresh date wins, on equal ones the longer
//! period. A day vanishes only if it lies inside the window of an answer that is no older and does not have it. In SQL:
//!
//! ```sql
//! SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY report_date, <key>
//!                  ORDER BY report_refresh_date DESC, report_period DESC, landed DESC) AS n
//!                FROM (old UNION ALL new)
//!                WHERE NOT <inside the window of an answer that is no older and lacks it>) WHERE n = 1
//! ```
//!
//! Summaries (`by-refresh-date`): every (refresh date, period) keeps its snapshot, and a later reading of the same replaces
//! it whole. Rows that one answer has twice are kept twice in both.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::row::{RowConverter, SortField};

use crate::catalog::{Merge, Report, Role};
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// An answer's window, for the days that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Covered {
    /// The refresh date: the window's last day.
    pub refresh: Day,
    /// The days of the window.
    pub period: u16,
}

impl Covered {
    /// The window's first day.
    pub fn first(self) -> Day {
        self.refresh.plus(1 - i32::from(self.period.max(1)))
    }

    fn has(self, day: Day) -> bool {
        day >= self.first() && day <= self.refresh
    }
}

/// The columns by which rows are merged.
struct Columns {
    key: Vec<usize>,
    refresh: Option<usize>,
    report_date: Option<usize>,
    period: Option<usize>,
}

impl Columns {
    fn of(report: &Report) -> Columns {
        let key = report.key.iter().filter_map(|k| report.columns.iter().position(|c| c.name == *k)).collect();
        Columns {
            key,
            refresh: report.role(Role::RefreshDate),
            report_date: report.role(Role::ReportDate),
            period: report.role(Role::ReportPeriod),
        }
    }
}

/// The month that each row of a batch belongs to: of its Report Date, else of its refresh date, else of `fallback`.
pub fn months(report: &Report, batch: &RecordBatch, fallback: Day) -> Vec<Day> {
    let columns = Columns::of(report);
    let by = match report.merge {
        Merge::ByRefreshDate => [columns.refresh, None],
        _ => [columns.report_date, columns.refresh],
    };
    (0..batch.num_rows())
        .map(|row| by.iter().flatten().find_map(|c| date(batch, *c, row)).unwrap_or(fallback).month())
        .collect()
}

/// Splits a batch into months, each with its rows in their order.
pub fn by_month(report: &Report, batch: &RecordBatch, fallback: Day) -> Result<BTreeMap<Day, RecordBatch>> {
    let mut rows: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for (row, month) in months(report, batch, fallback).into_iter().enumerate() {
        rows.entry(month).or_default().push(row as u32);
    }
    rows.into_iter().map(|(month, rows)| Ok((month, pick(batch, rows)?))).collect()
}

/// Merges one month. `old` is what the table has; `new` the rows of the answer with the window `answer`; `others` the
/// windows of all answers that landed before. The result is sorted by day and key, or by refresh date and period.
pub fn merge(
    report: &Report,
    old: Option<&RecordBatch>,
    new: &RecordBatch,
    answer: Option<Covered>,
    others: &[Covered],
) -> Result<RecordBatch> {
    let columns = Columns::of(report);
    let batches: Vec<&RecordBatch> = old.into_iter().chain([new]).collect();
    let from_new = old.map_or(0, RecordBatch::num_rows);
    let all = concat_batches(&new.schema(), batches).map_err(broken)?;
    let snapshot = || [columns.refresh, columns.period].into_iter().flatten();
    let by = match report.merge {
        Merge::ByRefreshDate => snapshot().collect(),
        _ => columns.report_date.into_iter().chain(columns.key.iter().copied()).collect::<Vec<_>>(),
    };
    let keys = keys(&all, &by)?;
    // For each key the best answer that has it, and all rows that this answer has of it.
    let mut best: BTreeMap<&[u8], (Rank, Vec<u32>)> = BTreeMap::new();
    for (row, key) in keys.iter().enumerate() {
        let is_new = row >= from_new;
        if report.merge == Merge::ByReportDate && vanished(&all, &columns, row, is_new, answer, others) {
            continue;
        }
        let refresh = columns.refresh.and_then(|c| date(&all, c, row));
        let period = columns.period.and_then(|c| int(&all, c, row));
        let rank = (refresh, period, is_new);
        let slot = best.entry(key.as_slice()).or_insert((rank, Vec::new()));
        if rank > slot.0 {
            *slot = (rank, Vec::new());
        }
        if rank == slot.0 {
            slot.1.push(row as u32);
        }
    }
    pick(&all, best.into_values().flat_map(|(_, rows)| rows).collect())
}

/// How an answer ranks among those that have the same key: its refresh date, its period, and whether it came last.
type Rank = (Option<Day>, Option<i64>, bool);

/// Whether a row's day lies inside the window of an answer that is no older than the row's and does not have the row.
fn vanished(
    all: &RecordBatch,
    columns: &Columns,
    row: usize,
    is_new: bool,
    answer: Option<Covered>,
    others: &[Covered],
) -> bool {
    let Some(day) = columns.report_date.and_then(|c| date(all, c, row)) else { return false };
    let refresh = columns.refresh.and_then(|c| date(all, c, row));
    let period = columns.period.and_then(|c| int(all, c, row));
    let older = |by: &Covered| {
        let row = (refresh, period);
        let by_rank = (Some(by.refresh), Some(i64::from(by.period)));
        // What is read now replaces an equal answer; an answer of before does not outrank its own repetition.
        by.has(day) && (row < by_rank || (!is_new && row == by_rank))
    };
    if is_new { others.iter().any(older) } else { answer.as_ref().is_some_and(older) }
}

fn keys(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<Vec<u8>>> {
    if columns.is_empty() {
        return Ok(vec![Vec::new(); batch.num_rows()]);
    }
    let fields = columns.iter().map(|c| SortField::new(batch.schema().field(*c).data_type().clone())).collect();
    let arrays: Vec<ArrayRef> = columns.iter().map(|c| Arc::clone(batch.column(*c))).collect();
    let converter = RowConverter::new(fields).map_err(broken)?;
    let rows = converter.convert_columns(&arrays).map_err(broken)?;
    Ok(rows.iter().map(|r| r.as_ref().to_vec()).collect())
}

fn pick(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch> {
    let rows = UInt32Array::from(rows);
    let columns = batch.columns().iter().map(|c| take(c, &rows, None)).collect::<Result<_, _>>().map_err(broken)?;
    RecordBatch::try_new(batch.schema(), columns).map_err(broken)
}

fn date(batch: &RecordBatch, column: usize, row: usize) -> Option<Day> {
    let values = batch.column(column).as_primitive_opt::<Date32Type>()?;
    values.is_valid(row).then(|| Day::from_epoch(values.value(row)))
}

fn int(batch: &RecordBatch, column: usize, row: usize) -> Option<i64> {
    let values = batch.column(column).as_primitive_opt::<Int64Type>()?;
    values.is_valid(row).then(|| values.value(row))
}

fn broken(e: arrow::error::ArrowError) -> Error {
    Error::new(Kind::Lake, "rows of the table and of the answer do not go together").because(e)
}

#[cfg(test)]
mod tests;
