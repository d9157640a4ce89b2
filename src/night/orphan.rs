//! What a run has put that was killed before its ledger said so.
//!
//! Only after a run that did not end there is a look. A partition that no later answer puts again is adopted, since it is what Graph
//! said: a window of some days has another refresh date on another day, and a day leaves Graph's window. The answer that it came from
//! is found among those that no ledger names, where raw is kept. Of the others those go that came once more; the rest is held, until
//! a later answer is sound or somebody has looked.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use sha2::{Digest, Sha256};

use super::land::{Fate, Landed, Place};
use super::report::{filled, stamp};
use crate::catalog::{self, Concealed, Report};
use crate::day::{Clock, Day, Window};
use crate::error::Result;
use crate::lake::hex;
use crate::ledger::{Ledger, Manifest, Names, Object, Slice, Status, Sum};
use crate::normalise::{Outcome, read};
use crate::plan::WINDOW_DAYS;
use crate::tables::older;

/// Sees to what a run has left that was killed: `adopt` for a night, which has asked again for all that Graph still has. Answers how
/// many objects still wait for the next night.
pub(super) async fn settle(place: &Place, run: &str, clock: Clock, adopt: bool) -> Result<u64> {
    let waiting = partitions(place, run, clock, adopt).await?;
    Ok(waiting + answers(place, clock, adopt).await?)
}

/// Partitions that no ledger names.
async fn partitions(place: &Place, run: &str, clock: Clock, adopt: bool) -> Result<u64> {
    let (mut waiting, mut adopted) = (0, 0);
    let manifest = Manifest::whole(&place.lake, &place.layout).await?;
    for (key, _) in place.lake.list("tables").await? {
        if manifest.objects.contains_key(&key) || crate::engine::value(&key, "tenant") != Some(place.layout.tenant()) {
            continue;
        }
        if !adopt {
            waiting += 1;
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
        ledger.record(slice);
        ledger.save(&place.lake, &place.layout, &place.guard).await?;
        adopted += 1;
    }
    tracing::info!("{adopted} partitions of the run that did not end are in the ledger now");
    Ok(waiting)
}

/// Answers that no ledger names, in raw and among the held ones, and cells of answers that did not parse.
async fn answers(place: &Place, clock: Clock, adopt: bool) -> Result<u64> {
    let (lake, layout) = (&place.lake, &place.layout);
    let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in [layout.raws(), layout.helds(), layout.rejecteds()] {
        for (key, _) in lake.list(&folder).await? {
            let name = crate::engine::value(&key, "report").unwrap_or_default().to_string();
            kept.entry(name).or_default().push(key);
        }
    }
    let (reports, keys) = Ledger::every(lake, layout).await?;
    let (mut waiting, mut gone, mut held) = (0, 0, 0);
    for name in reports {
        let Some(answers) = kept.remove(&name) else { continue };
        let mut ledger = Ledger::load_all(lake, layout, &name, &keys).await?;
        let named: BTreeSet<String> = ledger.slices().chain(ledger.held()).flat_map(Slice::answers).cloned().collect();
        for key in answers.into_iter().filter(|key| !named.contains(key)) {
            match left(place, &ledger, &key, clock).await? {
                Left::Alone => {}
                // Where they belong to an answer that is held or comes again, they are found once more.
                Left::Cells if !adopt => waiting += 1,
                Left::Cells => {
                    lake.delete(&key, &place.guard).await?;
                    gone += 1;
                }
                Left::Told => {
                    lake.delete(&key, &place.guard).await?;
                    gone += 1;
                }
                Left::New(slice) if adopt => {
                    ledger.hold(*slice);
                    held += 1;
                }
                Left::New(_) => waiting += 1,
            }
        }
        ledger.save(lake, layout, &place.guard).await?;
    }
    // Of reports that have no ledger yet.
    waiting += kept.values().map(|keys| keys.len() as u64).sum::<u64>();
    tracing::info!(gone, held, waiting, "answers of the run that did not end");
    Ok(waiting)
}

/// What an answer that no ledger names is.
enum Left {
    /// It is of no report, or cannot be read: `verify` names it.
    Alone,
    /// The ledger has all that it says.
    Told,
    /// Cells that did not parse.
    Cells,
    /// It says something else.
    New(Box<Slice>),
}

async fn left(place: &Place, ledger: &Ledger, key: &str, clock: Clock) -> Result<Left> {
    let Some(found) = place.lake.read(key).await? else { return Ok(Left::Alone) };
    if key.ends_with(".jsonl") {
        let sha256 = Sum::of(&found.bytes).sha256;
        let rejects =
            |s: &Slice| s.rejects.iter().chain(s.before.iter().flat_map(|r| &r.rejects)).any(|o| o.sha256 == sha256);
        let told = ledger.slices().chain(ledger.held()).any(rejects);
        return Ok(if told { Left::Told } else { Left::Cells });
    }
    let Ok(body) = zstd::decode_all(&found.bytes[..]) else { return Ok(Left::Alone) };
    let Some(Ok(window)) = key.rsplit('/').nth(1).map(str::parse::<Window>) else { return Ok(Left::Alone) };
    let (sha256, bytes) = (Sum::of(&body).sha256, body.len() as u64);
    let mut same = ledger.slices().chain(ledger.held()).filter(|s| s.window == window);
    if same.any(|s| s.sha256 == sha256 || s.before.iter().any(|r| r.sha256 == sha256)) {
        return Ok(Left::Told);
    }
    let Some(report) = catalog::all().iter().find(|r| r.table() == ledger.report()) else { return Ok(Left::Alone) };
    let chunk = bytes::Bytes::from(body);
    let Ok(outcome) = read(report, std::iter::once(Ok(chunk)), |_| Ok(())) else { return Ok(Left::Alone) };
    let day = match window {
        Window::Date(day) => Some(day),
        _ => outcome.refresh_dates.last().copied(),
    };
    // One without a row says nothing that could be lost.
    let Some(day) = day.filter(|_| outcome.rows > 0) else { return Ok(Left::Told) };
    if place.horizon.takes(ledger.report(), day) {
        return Ok(Left::Told);
    }
    let Sum { size, sha256: packed } = Sum::of(&found.bytes);
    let raw = Some(Object { path: key.to_string(), size, sha256: packed, rows: outcome.rows });
    let (partitions, batches, fate) = (Vec::new(), Vec::new(), Fate::Published);
    let landed = Landed { outcome, bytes, sha256, raw, partitions, batches, fate };
    let received = place.layout.received(key).map(|day| format!("{day}T00:00:00.000000Z"));
    let run = key.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
    let slice = Slice::new(window, day, Status::Held, &received.unwrap_or_else(|| stamp(clock)), run);
    let reason = Some("it came in a run that was killed before it was published".to_string());
    Ok(Left::New(Box::new(Slice { reason, ..filled(slice, &landed) })))
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
