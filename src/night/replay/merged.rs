//! Counts and summaries: all answers are merged again, month by month, in memory.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::super::land::{Answer, Landed, Place, land};
use super::super::release::unpacked;
use super::super::report::{covered, filled};
use super::{Replayed, Scope, in_order, kept};
use crate::catalog::Report;
use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};
use crate::ledger::{Ledger, Object, Slice, Status};
use crate::tables::merge::{self, Covered};
use crate::tables::publish::{file, months, read};
use crate::tables::route::Known;

/// One answer of a merged table: the last reading of a window, or one before it.
struct Reading {
    at: String,
    raw: Option<Object>,
    slice: Slice,
    last: bool,
}

/// All readings that had rows, in the order in which they were merged. A reading without raw that a later one of the same
/// window has replaced has left nothing in the table.
fn readings(ledger: &Ledger) -> Vec<Reading> {
    let mut readings = Vec::new();
    for slice in in_order(ledger) {
        let earlier = slice.before.iter().filter(|r| r.status == Status::Landed && r.raw.is_some());
        readings.extend(earlier.map(|r| Reading {
            at: r.read_at.clone(),
            raw: r.raw.clone(),
            slice: slice.clone(),
            last: false,
        }));
        let at = if slice.published_at.is_empty() { slice.read_at.clone() } else { slice.published_at.clone() };
        readings.push(Reading { at, raw: slice.raw.clone(), slice, last: true });
    }
    readings.sort_by(|a, b| a.at.cmp(&b.at));
    readings
}

pub(super) async fn rebuild(
    place: &Place,
    report: &'static Report,
    scope: &Scope,
    ledger: &mut Ledger,
) -> Result<Replayed> {
    let table = report.table();
    let mut replayed = Replayed { table: table.clone(), ..Replayed::default() };
    let readings = readings(ledger);
    for reading in readings.iter().filter(|r| r.last) {
        let there = match &reading.raw {
            Some(raw) => place.lake.has(&raw.path).await?,
            None => false,
        };
        replayed.without_raw += u64::from(!there);
    }
    let whole = replayed.without_raw == 0;
    let mut rebuilt: BTreeMap<Day, RecordBatch> = BTreeMap::new();
    let mut others: Vec<Covered> = Vec::new();
    for reading in &readings {
        let Some(bytes) = kept(place, reading.raw.as_ref()).await? else { continue };
        let landed = again(place, report, reading, bytes).await?;
        replayed.answers += 1;
        let rows = concat_batches(&report.schema(), &landed.batches)
            .map_err(|e| Error::new(Kind::NotAReport, "rows of the answer do not go together").because(e))?;
        let answer = covered(reading.slice.window, &landed);
        for (month, new) in months(report, &rows, answer, reading.slice.day)? {
            if !scope.has_month(month) || place.horizon.takes(&table, month) {
                continue;
            }
            // Where some answer is gone, what is published has its rows.
            let old = match rebuilt.remove(&month) {
                None if !whole => published(place, report, month).await?,
                found => found,
            };
            rebuilt.insert(month, merge::merge(report, old.as_ref(), &new, answer, &others)?);
        }
        if let (Window::Period(_), Some(answer)) = (reading.slice.window, answer) {
            others.push(answer);
        }
        if reading.last {
            note(ledger, &reading.slice, &landed);
        }
    }
    for (month, rows) in rebuilt {
        let key = place.layout.monthly(&table, month);
        let Some((object, bytes)) = file(report, place.codec, key, &rows)? else { continue };
        place.lake.replace(&object.path, bytes, &place.guard).await?;
        replayed.partitions += 1;
        replayed.rows += object.rows;
        if amend(ledger, &object) {
            replayed.changed += 1;
            replayed.objects.push(object);
        }
    }
    Ok(replayed)
}

async fn again(place: &Place, report: &'static Report, reading: &Reading, bytes: bytes::Bytes) -> Result<Landed> {
    let slice = &reading.slice;
    let answer = Answer {
        report,
        window: slice.window,
        known: Known { period: Some(slice.window.period()), day: None, fallback: Some(slice.day) },
        name: "replayed",
        json: reading.raw.as_ref().is_some_and(|o| o.path.ends_with(".json.zst")),
        known_as: &|_| None,
        only: None,
        judge: None,
    };
    land(place, answer, unpacked(bytes)?).await
}

async fn published(place: &Place, report: &'static Report, month: Day) -> Result<Option<RecordBatch>> {
    let key = place.layout.monthly(&report.table(), month);
    let found = place.lake.read(&key).await?;
    found.map(|f| read(report, &key, f.bytes)).transpose()
}

/// Notes which headers of an answer are unknown by now, and which columns it lacks.
fn note(ledger: &mut Ledger, slice: &Slice, landed: &Landed) {
    let outcome = &landed.outcome;
    if slice.unknown_headers != outcome.unknown_headers || slice.missing_columns != outcome.missing_columns {
        let raw = slice.raw.clone();
        let slice = filled(slice.clone(), landed);
        ledger.amend(Slice { raw, ..slice });
    }
}

/// Says in the ledger what a month's object is now; answers whether that is news.
fn amend(ledger: &mut Ledger, object: &Object) -> bool {
    let of = |s: &&Slice| s.objects.iter().any(|o| o.path == object.path);
    let Some(mut slice) = ledger.slices().filter(of).max_by(|a, b| a.published_at.cmp(&b.published_at)).cloned() else {
        return true;
    };
    if slice.objects.contains(object) {
        return false;
    }
    slice.objects.iter_mut().filter(|o| o.path == object.path).for_each(|o| o.clone_from(object));
    ledger.amend(slice);
    true
}
