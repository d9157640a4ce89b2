//! Partitions that a night has put that was killed before its ledger said so, and that no later answer puts again: a window of some
//! days has another refresh date on another day, and a day leaves Graph's window.
//!
//! Only after a run that did not end there is a look. What is found is adopted: it is what Graph said. The answer that it came from
//! is found among those that no ledger names, where raw is kept.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use sha2::{Digest, Sha256};

use super::land::{Fate, Landed, Place};
use super::report::{filled, stamp};
use crate::catalog::{self, Concealed, Report};
use crate::day::{Clock, Day, Window};
use crate::error::Result;
use crate::lake::hex;
use crate::ledger::{Ledger, Manifest, Names, Object, Slice, Status};
use crate::normalise::{Outcome, read};
use crate::plan::WINDOW_DAYS;
use crate::tables::older;

/// Adopts what a run that was killed has left in tables; `manifest` is what all ledgers name. Answers how many partitions that were.
pub(super) async fn adopt(place: &Place, manifest: &mut Manifest, run: &str, clock: Clock) -> Result<u64> {
    let mut adopted = 0;
    for (key, _) in place.lake.list("tables").await? {
        if manifest.objects.contains_key(&key) || crate::engine::value(&key, "tenant") != Some(place.layout.tenant()) {
            continue;
        }
        let of = |r: &&Report| r.by_day() && key.split('/').nth(1) == Some(r.table().as_str());
        let Some(report) = catalog::all().iter().find(of) else { continue };
        let table = report.table();
        let Some((window, day)) = place_of(&key).filter(|(_, day)| !place.horizon.takes(&table, *day)) else {
            continue;
        };
        // A day that Graph still has is asked for again, and put again.
        if matches!(window, Window::Date(_)) && clock.today().since(day) <= WINDOW_DAYS {
            continue;
        }
        let Some(found) = place.lake.read(&key).await? else { continue };
        let sha256 = hex(Sha256::new_with_prefix(&found.bytes));
        let size = found.bytes.len() as u64;
        // What cannot be read is named by `verify`.
        let Ok(rows) = older::rows(&key, found.bytes) else { continue };
        let object = Object { path: key, size, sha256, rows: rows.num_rows() as u64 };
        let mut ledger = Ledger::load(&place.lake, &place.layout, &table, day).await?;
        let slice = Slice::new(window, day, Status::Landed, &stamp(clock), run);
        let mut slice = match answer(place, report, &ledger, window, day, object.rows).await? {
            Some(landed) => filled(slice, &landed),
            None => Slice { refresh_date: Some(day), rows: object.rows, names: names(report, &rows), ..slice },
        };
        (slice.objects, slice.published_at, slice.published_by) = (vec![object], stamp(clock), run.to_string());
        manifest.insert(&slice.objects[0]);
        ledger.record(slice);
        ledger.save(&place.lake, &place.layout, &place.guard).await?;
        manifest.forget(&[ledger], |_| false);
        adopted += 1;
    }
    Ok(adopted)
}

/// The window and day of a detail's partition.
fn place_of(key: &str) -> Option<(Window, Day)> {
    let day: Day = crate::engine::value(key, "day")?.parse().ok()?;
    let window = match crate::engine::value(key, "period")?.parse().ok()? {
        0 => Window::Present,
        1 => Window::Date(day),
        n => Window::Period(n),
    };
    Some((window, day))
}

/// The answer in raw that a partition came from: of the window, named by nobody, with this refresh date and as many rows.
async fn answer(
    place: &Place,
    report: &'static Report,
    ledger: &Ledger,
    window: Window,
    day: Day,
    rows: u64,
) -> Result<Option<Landed>> {
    let named: BTreeSet<&String> = ledger.slices().chain(ledger.held()).flat_map(Slice::answers).collect();
    let folder = place.layout.raw(&report.table(), window, "");
    for (key, _) in place.lake.list(folder.trim_end_matches('/')).await?.into_iter().rev() {
        if named.contains(&key) {
            continue;
        }
        let Some(found) = place.lake.read(&key).await? else { continue };
        let Ok(body) = zstd::decode_all(&found.bytes[..]) else { continue };
        let (sha256, bytes) = (hex(Sha256::new_with_prefix(&body)), body.len() as u64);
        let chunk = bytes::Bytes::from(body);
        let Ok(outcome) = read(report, std::iter::once(Ok(chunk)), |_| Ok(())) else { continue };
        if outcome.rows != rows || !is_of(&outcome, window, day) {
            continue;
        }
        let object = Object {
            path: key,
            size: found.bytes.len() as u64,
            sha256: hex(Sha256::new_with_prefix(&found.bytes)),
            rows,
        };
        let (partitions, batches) = (Vec::new(), Vec::new());
        return Ok(Some(Landed {
            outcome,
            bytes,
            sha256,
            raw: Some(object),
            partitions,
            batches,
            fate: Fate::Published,
        }));
    }
    Ok(None)
}

/// Whether an answer is of the partition of this day.
fn is_of(outcome: &Outcome, window: Window, day: Day) -> bool {
    matches!(window, Window::Date(_)) || outcome.refresh_dates.last() == Some(&day)
}

/// Whose names rows show, where nobody has seen them as an answer.
fn names(report: &Report, rows: &RecordBatch) -> Names {
    let concealed = |text: &str| text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
    let (mut named, mut hidden) = (0, 0);
    for column in report.columns.iter().filter(|c| c.concealed == Some(Concealed::Hash)) {
        let texts = rows.column_by_name(&column.name).and_then(|c| c.as_string_opt::<i32>());
        for text in texts.into_iter().flat_map(|c| c.iter().flatten()) {
            if concealed(text) { hidden += 1 } else { named += 1 }
        }
    }
    Names::of(named, hidden)
}
