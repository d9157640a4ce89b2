//! Publishing the rows of merged tables: counts and summaries, one object for each month.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

use super::encode::Encoder;
use super::merge::{self, Covered};
use crate::catalog::Report;
use crate::config::Codec;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};
use crate::ledger::Object;

/// Merges the rows of an answer into the months of its table and replaces those that changed. `others` are the windows
/// of the answers that landed before. Returns each month that the answer touches, and whether it was put.
#[allow(clippy::too_many_arguments, reason = "one call, from one place")]
pub async fn publish(
    lake: &Lake,
    layout: &Layout,
    guard: &Guard,
    report: &'static Report,
    codec: Codec,
    rows: &RecordBatch,
    answer: Option<Covered>,
    others: &[Covered],
    fallback: Day,
) -> Result<Vec<(Object, bool)>> {
    let mut objects = Vec::new();
    for (month, new) in months(report, rows, answer, fallback)? {
        let key = layout.monthly(&report.table(), month);
        let found = lake.read(&key).await?;
        let old = found.as_ref().map(|f| read(report, &key, f.bytes.clone())).transpose()?;
        let merged = merge::merge(report, old.as_ref(), &new, answer, others)?;
        let Some((object, bytes)) = file(report, codec, key, &merged)? else { continue };
        let changed = found.is_none_or(|f| f.bytes != bytes);
        if changed {
            lake.replace(&object.path, bytes, guard).await?;
        }
        objects.push((object, changed));
    }
    Ok(objects)
}

/// The rows of an answer by the month that they go to, and months that it only takes rows from: one of its window without
/// a row may still lose days.
pub fn months(
    report: &Report,
    rows: &RecordBatch,
    answer: Option<Covered>,
    fallback: Day,
) -> Result<BTreeMap<Day, RecordBatch>> {
    let mut months = merge::by_month(report, rows, fallback)?;
    if report.merge == crate::catalog::Merge::ByReportDate
        && let Some(answer) = answer
    {
        let mut month = answer.first().month();
        while month <= answer.refresh {
            months.entry(month).or_insert_with(|| rows.slice(0, 0));
            month = month.plus(31).month();
        }
    }
    Ok(months)
}

/// The file of a merged month, with its object. An empty month has none; one that lost its last row keeps the one it has,
/// since empty is not zero.
pub fn file(report: &Report, codec: Codec, key: String, merged: &RecordBatch) -> Result<Option<(Object, Bytes)>> {
    if merged.num_rows() == 0 {
        return Ok(None);
    }
    let mut encoder = Encoder::new(report.schema(), codec)?;
    encoder.write(merged)?;
    let mut bytes = encoder.take().to_vec();
    let finished = encoder.finish()?;
    bytes.extend_from_slice(&finished.bytes);
    let sha256 = crate::lake::hex(Sha256::new_with_prefix(&bytes));
    Ok(Some((Object { path: key, size: bytes.len() as u64, sha256, rows: finished.rows }, bytes.into())))
}

/// Reads a partition back. Its schema must be the table's.
pub fn read(report: &Report, key: &str, bytes: Bytes) -> Result<RecordBatch> {
    read_as(report.schema(), key, bytes)
}

/// Reads a partition back into the columns of `schema`.
pub fn read_as(schema: SchemaRef, key: &str, bytes: Bytes) -> Result<RecordBatch> {
    let fail = |e: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(Kind::Lake, "a partition cannot be read")
            .with("object", key)
            .because(e)
            .hint("it was changed by something else; restore it, or rebuild the table from raw")
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| fail(e.into()))?;
    let batches =
        builder.build().map_err(|e| fail(e.into()))?.collect::<Result<Vec<_>, _>>().map_err(|e| fail(e.into()))?;
    let columns = |b: &RecordBatch| -> Option<RecordBatch> {
        // Columns that the catalog has gained since are null; the order is the catalog's.
        let arrays = schema
            .fields()
            .iter()
            .map(|f| match b.column_by_name(f.name()) {
                Some(c) => arrow::compute::cast(c, f.data_type()).ok(),
                None => Some(arrow::array::new_null_array(f.data_type(), b.num_rows())),
            })
            .collect::<Option<Vec<_>>>()?;
        RecordBatch::try_new(std::sync::Arc::clone(&schema), arrays).ok()
    };
    let batches = batches
        .iter()
        .map(|b| columns(b).ok_or_else(|| fail("its columns have other types than the catalog says".into())))
        .collect::<Result<Vec<_>>>()?;
    arrow::compute::concat_batches(&schema, &batches).map_err(|e| fail(e.into()))
}
