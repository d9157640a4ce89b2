//! Rows that were written for an older schema of their table → the rows that the table has today. Pure.
//!
//! Columns are found by name. What the file lacks comes from `unknown_columns`, where a header there means the column by now, read
//! as the cell of an answer; else it is null. What the table has no column for any more goes into `unknown_columns`. A type that
//! has changed is converted where every value of the file survives. So it promises: no value is lost, no row moves, and
//! what can promise neither is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use chrono::SecondsFormat;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use super::shape::Shape;
use crate::catalog::{ColumnType, UNKNOWN_COLUMNS};
use crate::error::{Error, Kind, Result};
use crate::normalise::kept;

/// Microseconds in a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// What a schema has and the table's of today has not, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Columns that the file lacks.
    pub added: BTreeSet<String>,
    /// Columns that the table does not have any more.
    pub gone: BTreeSet<String>,
    /// Columns of another type.
    pub retyped: BTreeSet<String>,
    /// Whether it has the same columns in another order.
    pub moved: bool,
}

impl Change {
    /// Between the columns of a file and those of its table.
    pub fn of(file: &Schema, shape: &Shape) -> Change {
        let names = shape.names();
        let lacks = |name: &&str| file.column_with_name(name).is_none();
        let other = |name: &&str| {
            let today = shape.schema.field_with_name(name).ok().map(|f| f.data_type());
            file.field_with_name(name).is_ok_and(|f| Some(f.data_type()) != today)
        };
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_string).collect();
        let order = |schema: &Schema| schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        Change {
            added: owned(names.iter().copied().filter(lacks).collect()),
            retyped: owned(names.iter().copied().filter(other).collect()),
            gone: order(file).into_iter().filter(|name| !names.contains(name.as_str())).collect(),
            moved: order(file) != order(&shape.schema),
        }
    }

    /// Whether the file has the table's columns.
    pub fn is_none(&self) -> bool {
        !self.moved && self.retyped.is_empty()
    }
}

/// Rows as the table has them today.
#[derive(Debug)]
pub struct Today {
    /// The rows, in their order.
    pub rows: RecordBatch,
    /// Headers whose values have gone into their column.
    pub learned: BTreeSet<String>,
    /// Headers of which rows still have values that no column takes.
    pub left: BTreeSet<String>,
}

/// The rows of a file, in the columns that it has.
pub fn rows(key: &str, bytes: Bytes) -> Result<RecordBatch> {
    let fail = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(Kind::Lake, "a partition cannot be read")
            .with("object", key)
            .because(e)
            .hint("`usagelake verify` says what is damaged; restore it, or rebuild the table from raw")
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| fail(e.into()))?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build().map_err(|e| fail(e.into()))?;
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(|e| fail(e.into()))?;
    concat_batches(&schema, &batches).map_err(|e| fail(e.into()))
}

/// Rows of an older schema as the table has them today. Fails where a column of another type has a value that it cannot have.
pub fn today(shape: &Shape, old: &RecordBatch) -> Result<Today> {
    let mut cells = Cells::of(old);
    let names = shape.names();
    for (field, column) in old.schema().fields().iter().zip(old.columns()) {
        if !names.contains(field.name().as_str()) {
            cells.take_in(field.name(), column)?;
        }
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(shape.schema.fields().len());
    for (field, kind) in shape.schema.fields().iter().zip(&shape.kinds) {
        columns.push(match old.column_by_name(field.name()) {
            None => new_null_array(field.data_type(), old.num_rows()),
            Some(column) => exactly(column, *kind, field.data_type()).ok_or_else(|| {
                Error::new(Kind::Contract, "a column has values that its type of today cannot have")
                    .with("column", field.name())
                    .with("was", column.data_type())
                    .with("is", field.data_type())
            })?,
        });
    }
    let learned = cells.give_back(shape, &mut columns)?;
    let left = cells.objects.iter().flatten().flat_map(|o| o.keys().cloned()).collect();
    columns.push(cells.finish());
    let rows = RecordBatch::try_new(Arc::clone(&shape.schema), columns).map_err(broken)?;
    Ok(Today { rows, learned, left })
}

/// What no column knows, row by row.
struct Cells {
    texts: Vec<Option<String>>,
    objects: Vec<Option<Map<String, Value>>>,
    changed: Vec<bool>,
}

impl Cells {
    fn of(rows: &RecordBatch) -> Cells {
        let column = rows.column_by_name(UNKNOWN_COLUMNS).and_then(|c| c.as_string_opt::<i32>());
        let text = |n: usize| column.filter(|c| c.is_valid(n)).map(|c| c.value(n).to_string());
        let texts: Vec<Option<String>> = (0..rows.num_rows()).map(text).collect();
        // What is no object is kept as it is, under the column's own name.
        let whole = |text: &String| Map::from_iter([(UNKNOWN_COLUMNS.to_string(), Value::String(text.clone()))]);
        let object = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| whole(text));
        let objects = texts.iter().map(|text| text.as_ref().map(object)).collect();
        Cells { objects, changed: vec![false; texts.len()], texts }
    }

    /// Takes in the values of a column that the table has no more.
    fn take_in(&mut self, name: &str, column: &ArrayRef) -> Result<()> {
        for (n, text) in texts(column)?.into_iter().enumerate() {
            let Some(text) = text else { continue };
            let object = self.objects[n].get_or_insert_default();
            let mut free = name.to_string();
            while object.contains_key(&free) {
                free.push('_');
            }
            object.insert(free, Value::String(text));
            self.changed[n] = true;
        }
        Ok(())
    }

    /// Gives columns the values that are theirs by now, where they have none. Of two headers of one column its own is the first.
    fn give_back(&mut self, shape: &Shape, columns: &mut [ArrayRef]) -> Result<BTreeSet<String>> {
        let mut means: BTreeMap<String, Option<usize>> = BTreeMap::new();
        let mut found: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
        let mut learned = BTreeSet::new();
        for own in [true, false] {
            for (n, object) in self.objects.iter_mut().enumerate() {
                let Some(object) = object else { continue };
                object.retain(|header, value| {
                    let at = *means.entry(header.clone()).or_insert_with(|| shape.column(header));
                    let Some(at) = at.filter(|at| shape.is_own(*at, header) == own) else { return true };
                    let (Some(column), Some(kind)) = (columns.get(at), shape.kinds.get(at)) else { return true };
                    let taken = column.is_valid(n) || found.get(&at).is_some_and(|rows| rows.contains_key(&n));
                    let text = text(value, *kind).map(|text| shape.spelled(at, &text));
                    match text.filter(|text| !taken && !text.is_empty() && kept::is_value(*kind, text)) {
                        None => true,
                        Some(text) => {
                            found.entry(at).or_default().insert(n, text);
                            learned.insert(header.clone());
                            self.changed[n] = true;
                            false
                        }
                    }
                });
            }
        }
        for (at, rows) in found {
            let (Some(column), Some(kind)) = (columns.get_mut(at), shape.kinds.get(at)) else { continue };
            let texts = (0..column.len()).map(|n| rows.get(&n).map(String::as_str));
            let values = kept::column(*kind, texts);
            let mask: BooleanArray = (0..column.len()).map(|n| Some(rows.contains_key(&n))).collect();
            *column = zip(&mask, &values, &column.clone()).map_err(broken)?;
        }
        Ok(learned)
    }

    /// The column. What nobody has touched is as it was, to the byte.
    fn finish(self) -> ArrayRef {
        let rows = self.texts.into_iter().zip(self.objects).zip(self.changed);
        let cells = rows.map(|((text, object), changed)| match changed {
            false => text,
            true => object.and_then(|object| kept::object(&object)),
        });
        Arc::new(cells.collect::<StringArray>())
    }
}

/// The text of a value of JSON, as far as a cell of the type can be one.
fn text(value: &Value, kind: ColumnType) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(all) if kind == ColumnType::List => {
            let texts: Option<Vec<String>> = all.iter().map(|v| text(v, ColumnType::Text)).collect();
            texts.map(|texts| texts.join("+"))
        }
        Value::Array(_) | Value::Object(_) | Value::Null => None,
    }
}

/// The values of a column as an answer would write them.
fn texts(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    if let Some(micros) = column.as_primitive_opt::<TimestampMicrosecondType>() {
        let text =
            |m: i64| Some(chrono::DateTime::from_timestamp_micros(m)?.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        return Ok(micros.iter().map(|m| m.and_then(text)).collect());
    }
    let format = ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(broken)?;
    Ok((0..column.len()).map(|n| column.is_valid(n).then(|| format.value(n).to_string())).collect())
}

/// A column in another type, where every value is the same there.
fn exactly(column: &ArrayRef, kind: ColumnType, to: &DataType) -> Option<ArrayRef> {
    use DataType::{Date32, Float64, Int64, Timestamp, Utf8};
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    match (column.data_type(), to) {
        (from, to) if from == to => Some(Arc::clone(column)),
        (Utf8, _) => {
            let texts = column.as_string::<i32>();
            // A day is a day alone: a time behind it would be lost.
            let whole = |text: &str| kind != ColumnType::Date || text.len() == "2026-11-20".len();
            let good = |text: &str| whole(text) && kept::is_value(kind, text);
            texts.iter().flatten().all(good).then(|| kept::column(kind, texts.iter()))
        }
        (_, Utf8) => Some(Arc::new(texts(column).ok()?.into_iter().collect::<StringArray>())),
        (Date32, Timestamp(..)) => {
            let days = column.as_primitive::<Date32Type>().iter();
            let micros: TimestampMicrosecondArray = days.map(|d| d.map(|d| i64::from(d) * DAY_MICROS)).collect();
            Some(Arc::new(micros.with_timezone("UTC")))
        }
        (Timestamp(..), Date32) => {
            let micros = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            let midnight = micros.iter().flatten().all(|m| m % DAY_MICROS == 0);
            let days = micros.iter().map(|m| m.map(|m| (m / DAY_MICROS) as i32));
            midnight.then(|| Arc::new(days.collect::<Date32Array>()) as ArrayRef)
        }
        (Int64, Float64) | (Float64, Int64) => {
            let cast = cast_with_options(column, to, &exact).ok()?;
            let back = cast_with_options(&cast, column.data_type(), &exact).ok()?;
            (&back == column).then_some(cast)
        }
        _ => None,
    }
}

fn broken(e: ArrowError) -> Error {
    Error::new(Kind::Lake, "rows of an older schema cannot be read").because(e)
}

#[cfg(test)]
mod tests;
