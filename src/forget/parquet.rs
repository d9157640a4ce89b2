//! A partition without the rows of people who are forgotten: read whole, written as it would have been had they never come.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use super::json::words;
use super::list::Forgotten;
use super::row::{Row, Verdict};
use super::source::{Columns, columns_of_table};
use crate::catalog::UNKNOWN_COLUMNS;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::tables::publish::read_as;
use crate::tables::shape::{Shape, codec};

/// What became of a partition.
pub(super) struct Cleaned {
    /// Its bytes; none where no row is left.
    pub bytes: Option<Bytes>,
    /// Rows that are left.
    pub rows: u64,
    /// Rows that were taken out.
    pub dropped: u64,
    /// Cells that were emptied.
    pub emptied: u64,
}

/// Takes people out of a partition of a table; none where nobody is in it.
pub(super) fn clean(list: &Forgotten, table: &str, key: &str, bytes: &Bytes) -> Result<Option<Cleaned>> {
    let (Some(shape), Some(columns)) = (Shape::of(table), columns_of_table(table)) else { return Ok(None) };
    let codec = codec(bytes).unwrap_or_default();
    let rows = read_as(&shape, key, bytes.clone())?;
    let Some((rows, dropped, emptied)) = without(list, &rows, &columns, day_of(key))? else { return Ok(None) };
    let left = rows.num_rows() as u64;
    let bytes = if left == 0 { None } else { Some(shape.encode(&rows, codec)?) };
    Ok(Some(Cleaned { bytes, rows: left, dropped, emptied }))
}

/// The day of a detail's partition.
fn day_of(key: &str) -> Option<Day> {
    key.split('/').find_map(|part| part.strip_prefix("day=")).and_then(|day| day.parse().ok())
}

fn broken(e: arrow::error::ArrowError) -> Error {
    Error::new(Kind::Lake, "rows cannot be taken out of a partition").because(e)
}

/// Rows without people, how many rows went and how many cells; none where nobody is in them.
fn without(
    list: &Forgotten,
    rows: &RecordBatch,
    columns: &Columns,
    day: Option<Day>,
) -> Result<Option<(RecordBatch, u64, u64)>> {
    let texts: Vec<(usize, &StringArray)> =
        rows.columns().iter().enumerate().filter_map(|(at, c)| Some((at, c.as_string_opt::<i32>()?))).collect();
    let unknown = rows.schema().index_of(UNKNOWN_COLUMNS).unwrap_or(usize::MAX);
    let (mut keep, mut empty) = (vec![true; rows.num_rows()], Vec::<(usize, usize)>::new());
    for (n, stays) in keep.iter_mut().enumerate() {
        let mut row = Row::new(list, day);
        for (at, column) in &texts {
            let text = if column.is_valid(n) { column.value(n) } else { "" };
            // What no column knows is JSON, where a line break is two letters.
            let inside = (*at == unknown && text.contains('\\')).then(|| words(text));
            row.cell(columns.who.get(*at).copied().flatten(), inside.as_deref().unwrap_or(text));
        }
        match row.verdict(columns.loose) {
            Verdict::Keep => {}
            Verdict::Drop => *stays = false,
            Verdict::Empty(which) => empty.extend(which.iter().filter_map(|c| Some((n, texts.get(*c)?.0)))),
        }
    }
    let dropped = keep.iter().filter(|stays| !**stays).count() as u64;
    if dropped == 0 && empty.is_empty() {
        return Ok(None);
    }
    let left = |at: usize, text: &str| if at == unknown { rest(list, text, day) } else { None };
    Ok(Some((rewritten(rows, keep, &empty, left)?, dropped, empty.len() as u64)))
}

/// The rows that are kept, without some cells, each by its row and column; `left` says what is left of one.
pub(super) fn rewritten(
    rows: &RecordBatch,
    keep: Vec<bool>,
    empty: &[(usize, usize)],
    left: impl Fn(usize, &str) -> Option<String>,
) -> Result<RecordBatch> {
    let emptied = |at: usize| -> ArrayRef {
        let Some(column) = rows.column(at).as_string_opt::<i32>() else { return Arc::clone(rows.column(at)) };
        let hit: HashSet<usize> = empty.iter().filter(|(_, c)| *c == at).map(|(n, _)| *n).collect();
        if hit.is_empty() {
            return Arc::clone(rows.column(at));
        }
        let cell = |(n, text): (usize, Option<&str>)| match hit.contains(&n) {
            false => text.map(str::to_string),
            true => text.and_then(|text| left(at, text)),
        };
        Arc::new(column.iter().enumerate().map(cell).collect::<StringArray>())
    };
    let columns: Vec<ArrayRef> = (0..rows.num_columns()).map(emptied).collect();
    let rows = RecordBatch::try_new(rows.schema(), columns).map_err(broken)?;
    filter_record_batch(&rows, &BooleanArray::from(keep)).map_err(broken)
}

/// What is left of `unknown_columns`: nothing where it cannot be read.
fn rest(list: &Forgotten, text: &str, day: Option<Day>) -> Option<String> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let stays = |value: &Value| !list.names(value.as_str().unwrap_or(&value.to_string()), day);
    let left: Map<String, Value> = object.into_iter().filter(|(_, value)| stays(value)).collect();
    (!left.is_empty()).then(|| Value::Object(left).to_string())
}

/// The columns of a partition that have one of these names, all their rows.
pub(super) fn some_columns(key: &str, bytes: Bytes, schema: &SchemaRef) -> Result<RecordBatch> {
    let fail = |e: parquet::errors::ParquetError| {
        Error::new(Kind::Lake, "a partition cannot be read").with("object", key).because(e)
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(fail)?;
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let batches: Vec<RecordBatch> =
        builder.with_projection(mask).build().map_err(fail)?.collect::<Result<_, _>>().map_err(broken)?;
    let typed = |batch: &RecordBatch| {
        let columns = schema.fields().iter().map(|f| match batch.column_by_name(f.name()) {
            Some(column) => arrow::compute::cast(column, f.data_type()),
            None => Ok(arrow::array::new_null_array(f.data_type(), batch.num_rows())),
        });
        RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
    };
    let batches = batches.iter().map(typed).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    arrow::compute::concat_batches(schema, &batches).map_err(broken)
}
