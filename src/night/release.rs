//! What guards hold: published, or forgotten, once a person has looked.
//!
//! A held answer is landed from what was kept of it like one that comes from Graph, with no guard to judge it. It keeps
//! the time and the run of its reading. The tables and the manifest say it at once; marts are built by the next night.

use std::io::Read;

use bytes::Bytes;
use futures::stream;

use super::land::{Answer, Place, land};
use super::report::{filled, publish_rows, stamp};
use super::{Begun, new_id};
use crate::catalog::{self, Report};
use crate::config::{Codec, RawPolicy};
use crate::day::{Clock, Day, Window};
use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Layout};
use crate::ledger::{Ledger, Manifest, Slice, Status};
use crate::tables::route::Known;

/// Days of the longest period: answers so much later may cover the days of a held one.
const LONGEST_PERIOD: i32 = 180;
/// How much of a body is unpacked at once.
const CHUNK: usize = 1 << 20;

/// Which held answers are meant: those that fit all that is said.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Reports by function; all where none is named.
    pub reports: Vec<String>,
    /// The day.
    pub day: Option<Day>,
    /// The period: 1 for `date=`, 0 for the present state.
    pub period: Option<u16>,
}

impl Choice {
    fn means(&self, report: &Report, slice: &Slice) -> bool {
        (self.reports.is_empty() || self.reports.contains(&report.function))
            && self.day.is_none_or(|d| d == slice.day)
            && self.period.is_none_or(|n| n == slice.window.period())
    }
}

/// A held answer, and what became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Released {
    /// The function's name.
    pub report: String,
    /// The window.
    pub window: Window,
    /// The day of its slice.
    pub day: Day,
    /// Its rows.
    pub rows: u64,
    /// The partitions that it went to, by key; none where it was discarded.
    pub partitions: Vec<String>,
}

/// All held answers of a tenant, by report.
pub async fn held(lake: &Lake, tenant: &str) -> Result<Vec<(&'static Report, Slice)>> {
    let layout = Layout::new(tenant);
    let (reports, keys) = Ledger::every(lake, &layout).await?;
    let mut found = Vec::new();
    for report in catalog::all().iter().filter(|r| reports.contains(&r.table())) {
        let ledger = Ledger::load_all(lake, &layout, &report.table(), &keys).await?;
        found.extend(ledger.held().map(|s| (report, s.clone())));
    }
    Ok(found)
}

/// Publishes the held answers that are meant, or forgets them. One that cannot be published keeps no other from it; its
/// error stands in its place.
pub async fn release(
    lake: &Lake,
    tenant: &str,
    choice: &Choice,
    discard: bool,
    codec: Codec,
    clock: Clock,
) -> Result<Vec<Result<Released>>> {
    let guard = lake.lock(tenant).await?;
    // Raw has the answer already, where it is kept.
    let done = match Place::new(lake, tenant, guard.clone(), codec, RawPolicy::Off).await {
        Ok(place) => all(&place, choice, discard, clock).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    done
}

async fn all(place: &Place, choice: &Choice, discard: bool, clock: Clock) -> Result<Vec<Result<Released>>> {
    let run = new_id(clock);
    let mut begun = Begun::mark(place, &run, clock).await?;
    let (reports, keys) = Ledger::every(&place.lake, &place.layout).await?;
    let (mut touched, mut done) = (Vec::new(), Vec::new());
    for report in catalog::all().iter().filter(|r| reports.contains(&r.table())) {
        let mut ledger = Ledger::load_all(&place.lake, &place.layout, &report.table(), &keys).await?;
        // Oldest first, as Graph would have answered them.
        let mut meant: Vec<Slice> = ledger.held().filter(|s| choice.means(report, s)).cloned().collect();
        meant.sort_by(|a, b| (a.day, &a.read_at).cmp(&(b.day, &b.read_at)));
        if meant.is_empty() {
            continue;
        }
        for slice in meant {
            let result = match discard {
                true => Ok(forget(report, &slice, &mut ledger)),
                false => publish(place, report, &slice, &mut ledger, clock, &run).await,
            };
            match result {
                Err(e) if super::record::ends_the_run(e.kind()) => return Err(e),
                result => done.push(result),
            }
            ledger.save(&place.lake, &place.layout, &place.guard).await?;
        }
        touched.push(ledger);
    }
    begun.settle(place, &run, clock, false).await?;
    let manifest = Manifest::after(&place.lake, &place.layout, &touched, &run, begun.interrupted).await?;
    manifest.write(&place.lake, &place.layout, &place.guard, &run, &stamp(clock)).await?;
    begun.end(place).await?;
    Ok(done)
}

fn forget(report: &Report, slice: &Slice, ledger: &mut Ledger) -> Released {
    ledger.discard(slice.window, slice.day, "somebody has discarded it");
    let (report, window, day) = (report.function.clone(), slice.window, slice.day);
    Released { report, window, day, rows: slice.rows, partitions: Vec::new() }
}

async fn publish(
    place: &Place,
    report: &'static Report,
    held: &Slice,
    ledger: &mut Ledger,
    clock: Clock,
    run: &str,
) -> Result<Released> {
    let (window, day) = (held.window, held.day);
    let about = |e: Error| e.with("report", &report.function).with("window", window).with("day", day);
    let kept = held.raw.as_ref().ok_or_else(|| about(gone(None)))?;
    let body = super::replay::kept(place, Some(kept)).await.map_err(about)?;
    let body = body.ok_or_else(|| about(gone(Some(&kept.path))))?;
    let asked = match window {
        Window::Date(day) => Some(day),
        _ => None,
    };
    let answer = Answer {
        report,
        window,
        known: Known { period: Some(window.period()), day: asked, fallback: Some(day) },
        name: "released",
        json: kept.path.ends_with(".json.zst"),
        known_as: &|_| None,
        only: None,
        judge: None,
    };
    let landed = land(place, answer, unpacked(body)?).await.map_err(about)?;
    let mut month = day.month();
    while month <= day.plus(LONGEST_PERIOD).min(clock.today().max(day)) {
        ledger.load_month(&place.lake, &place.layout, month).await?;
        month = month.plus(31).month();
    }
    let rows = publish_rows(place, report, window, ledger, &landed, day, run).await?;
    let partitions = rows.objects.iter().map(|o| o.path.clone()).collect();
    let slice = Slice::new(window, day, Status::Landed, &held.read_at, &held.run);
    let mut slice = Slice { first_read_at: held.first_read_at.clone(), ..filled(slice, &landed) };
    slice.raw = held.raw.clone().filter(|o| !place.layout.is_held(&o.path));
    (slice.objects, slice.rejects) = (rows.objects, rows.rejects);
    slice.published_at = stamp(clock);
    slice.published_by = run.to_string();
    // First what says when the window was answered: whoever is killed after it still finds the answer held, and does the rest.
    let read_on = slice.read_on().unwrap_or(clock.today());
    // Later answers have been noted already.
    if ledger.standing.asked(window).is_none_or(|a| a.on < read_on) {
        ledger.standing.answered(window, read_on, landed.outcome.refresh_dates.last().copied());
    }
    ledger.standing.ever_landed = true;
    ledger.save(&place.lake, &place.layout, &place.guard).await?;
    ledger.record(slice);
    Ok(Released { report: report.function.clone(), window, day, rows: landed.outcome.rows, partitions })
}

fn gone(path: Option<&str>) -> Error {
    let e = Error::new(Kind::NotAReport, "what was kept of the held answer is not there any more");
    let e = match path {
        Some(path) => e.with("object", path),
        None => e,
    };
    e.hint("forget it with `--discard`; the next run asks Graph again, where Graph still has it")
}

/// A compressed body in chunks.
pub(super) fn unpacked(bytes: Bytes) -> Result<impl futures::Stream<Item = Result<Bytes>>> {
    let broken =
        |e: std::io::Error| Error::new(Kind::NotAReport, "what was kept of the answer cannot be unpacked").because(e);
    let zstd = zstd::stream::read::Decoder::new(std::io::Cursor::new(bytes)).map_err(broken)?;
    Ok(stream::unfold(Some(zstd), move |zstd| async move {
        let mut zstd = zstd?;
        let mut chunk = Vec::with_capacity(CHUNK);
        match zstd.by_ref().take(CHUNK as u64).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(_) => Some((Ok(Bytes::from(chunk)), Some(zstd))),
            Err(e) => Some((Err(broken(e)), None)),
        }
    }))
}
