//! Monthly states: the rows of a directory table as one file for the month, sorted by key. Pure: batches in, bytes out.
//!
//! A state replaces the one of the night before, so that a closed month is its end-of-month state. In SQL:
//! `INSERT OVERWRITE … PARTITION (month)`. A table that grows keeps what it saw earlier in the month:
//!
//! ```sql
//! SELECT <key>, min(first_seen) AS first_seen, max(last_seen) AS last_seen FROM (old UNION ALL new) GROUP BY <key>
//! ```
//!
//! Rows that are equal in every column are one row. The same rows give the same bytes, whatever their order.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, UInt32Array, make_comparator};
use arrow::compute::{SortColumn, SortOptions, cast, concat_batches, lexsort_to_indices, take};
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;
use bytes::Bytes;

use super::encode::{Encoder, GROUP_ROWS};
use crate::catalog::directory::{Role, Table};
use crate::config::Codec;
use crate::error::{Error, Kind, Result};

/// A file of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its rows.
    pub rows: u64,
}

/// The file of a table's month. `rows` are those of the night, `old` those that the month has, for a table that grows.
pub fn file(table: &Table, rows: &RecordBatch, old: Option<&RecordBatch>, codec: Codec) -> Result<File> {
    if table.grows() {
        let schema = table.schema();
        let new = plain(table, rows)?;
        let all = concat_batches(&schema, old.into_iter().chain([&new])).map_err(broken)?;
        let all = grown(table, &all)?;
        let order = UInt32Array::from_iter_values(0..all.num_rows() as u32);
        return encode(table, &all, &order, codec);
    }
    let order = sorted(table, rows)?;
    encode(table, rows, &order, codec)
}

/// Rows by key, then by all other columns, each once.
fn sorted(table: &Table, rows: &RecordBatch) -> Result<UInt32Array> {
    let order = order(table, rows)?;
    let all: Vec<usize> = (0..rows.num_columns()).collect();
    let differ = differ(rows, &all)?;
    let mut last: Option<usize> = None;
    Ok(order
        .values()
        .iter()
        .filter(|row| {
            let row = **row as usize;
            let new = last.is_none_or(|last| differ(last, row));
            last = Some(row);
            new
        })
        .copied()
        .collect())
}

/// One row for each key, with its first and its last day.
fn grown(table: &Table, all: &RecordBatch) -> Result<RecordBatch> {
    let days =
        |role: Role| table.role(role).and_then(|at| Some((at, all.column(at).as_primitive_opt::<Date32Type>()?)));
    let (Some((first_at, first)), Some((last_at, last))) = (days(Role::FirstSeen), days(Role::LastSeen)) else {
        return Err(
            Error::new(Kind::Lake, "a table that grows must say since when and until when").with("table", &table.table)
        );
    };
    let key: Vec<usize> = table.key.iter().filter_map(|k| table.position(k)).collect();
    let differ = differ(all, &key)?;
    let order = order(table, all)?;
    let (mut rows, mut from, mut to): (Vec<u32>, Vec<i32>, Vec<i32>) = Default::default();
    for row in order.values() {
        let at = *row as usize;
        let (seen_from, seen_to) = (first.value(at), last.value(at));
        match (rows.last(), from.last_mut(), to.last_mut()) {
            (Some(before), Some(from), Some(to)) if !differ(*before as usize, at) => {
                *from = seen_from.min(*from);
                *to = seen_to.max(*to);
            }
            _ => {
                rows.push(*row);
                from.push(seen_from);
                to.push(seen_to);
            }
        }
    }
    let picked = UInt32Array::from(rows);
    let mut columns: Vec<ArrayRef> =
        all.columns().iter().map(|c| take(c, &picked, None)).collect::<Result<_, _>>().map_err(broken)?;
    columns[first_at] = Arc::new(Date32Array::from(from));
    columns[last_at] = Arc::new(Date32Array::from(to));
    RecordBatch::try_new(all.schema(), columns).map_err(broken)
}

/// The order of rows: by key, then by all other columns, nulls first.
fn order(table: &Table, rows: &RecordBatch) -> Result<UInt32Array> {
    let key: Vec<usize> = table.key.iter().filter_map(|k| table.position(k)).collect();
    let others = (0..rows.num_columns()).filter(|c| !key.contains(c));
    let columns: Vec<SortColumn> = key
        .iter()
        .copied()
        .chain(others)
        .map(|c| SortColumn { values: Arc::clone(rows.column(c)), options: Some(SortOptions::default()) })
        .collect();
    lexsort_to_indices(&columns, None).map_err(broken)
}

/// Tells whether two rows differ in some of these columns.
fn differ(rows: &RecordBatch, columns: &[usize]) -> Result<impl Fn(usize, usize) -> bool> {
    let compare = columns
        .iter()
        .map(|c| make_comparator(rows.column(*c), rows.column(*c), SortOptions::default()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    Ok(move |a, b| compare.iter().any(|c| c(a, b).is_ne()))
}

/// Encodes rows in an order, a row group at a time.
fn encode(table: &Table, rows: &RecordBatch, order: &UInt32Array, codec: Codec) -> Result<File> {
    let mut encoder = Encoder::new(table.schema(), codec)?;
    let mut bytes = Vec::new();
    let mut from = 0;
    while from < order.len() {
        let some = order.slice(from, GROUP_ROWS.min(order.len() - from));
        from += some.len();
        let columns = rows.columns().iter().map(|c| take(c, &some, None)).collect::<Result<_, _>>().map_err(broken)?;
        let batch = RecordBatch::try_new(rows.schema(), columns).map_err(broken)?;
        encoder.write(&plain(table, &batch)?)?;
        bytes.extend_from_slice(&encoder.take());
    }
    let finished = encoder.finish()?;
    bytes.extend_from_slice(&finished.bytes);
    Ok(File { bytes: bytes.into(), rows: finished.rows })
}

/// Rows with exactly the table's types: dictionaries become texts.
fn plain(table: &Table, rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = table.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(f, c)| cast(c, f.data_type()));
    let columns = columns.collect::<Result<_, _>>().map_err(broken)?;
    RecordBatch::try_new(schema, columns).map_err(broken)
}

fn broken(e: ArrowError) -> Error {
    Error::new(Kind::Lake, "rows of the directory do not go together").because(e)
}

#[cfg(test)]
mod tests;
