//! Publishing the rows of merged tables: counts and summaries, one object for each month.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::encode::Encoder;
use super::merge::{self, Covered};
use super::older;
use super::shape::Shape;
use crate::catalog::Report;
use crate::config::Codec;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};
use crate::ledger::Object;

/// Merges the rows of an answer into the months of its table and replaces those that changed. `others` are the windows
/// of the answers that landed before; months before `since` are left alone. Returns each month that the answer touches, and whether it was put.
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
    since: Option<Day>,
) -> Result<Vec<(Object, bool)>> {
    let mut objects = Vec::new();
    for (month, new) in months(report, rows, answer, fallback)? {
        if since.is_some_and(|since| month < since) {
            continue;
        }
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

/// Reads a partition back. One of an older schema is read as the table has it today.
pub fn read(report: &'static Report, key: &str, bytes: Bytes) -> Result<RecordBatch> {
    read_as(&Shape::of_report(report), key, bytes)
}

/// Reads a partition of any table back.
pub fn read_as(shape: &Shape, key: &str, bytes: Bytes) -> Result<RecordBatch> {
    let rows = older::rows(key, bytes)?;
    if older::Change::of(&rows.schema(), shape).is_none() {
        return rows
            .with_schema(Arc::clone(&shape.schema))
            .map_err(|e| Error::new(Kind::Lake, "a partition cannot be read").with("object", key).because(e));
    }
    Ok(older::today(shape, &rows).map_err(|e| e.with("object", key))?.rows)
}
