//! Files that were saved earlier, landed like downloads.
//!
//! A file is recognised by its header, and where several reports have it by its name. Its window comes from its Report
//! Period, else from its name, else from what the caller says; where nothing says it, it is refused with what to add, and
//! where the caller says something else than its rows, too. A day that the caller names is the day that was asked for.
//! What the retired app's tables were exported to is known by its headers too, and landed by `legacy`.
//! Several files are landed in the order of their refresh dates, so that the order of the command line does not matter.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream;

use super::land::{Answer, Before, Fate, Place, land};
use super::legacy;
use super::report::{filled, publish_rows, stamp};
use super::{Begun, new_id};
use crate::catalog::{self, Merge, Recognised, Report, Role, match_headers, recognise, window_from_file_name};
use crate::config::{Codec, RawPolicy};
use crate::day::{Clock, Day, Window};
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;
use crate::ledger::{Ledger, Manifest, Slice, Status};
use crate::normalise::{Normaliser, peek_headers};
use crate::tables::route::Known;

/// How much of a file is read to recognise it.
const HEAD: usize = 256 << 10;
/// Days of the longest period.
const LONGEST_PERIOD: i32 = 180;
/// How much is read at once.
const READ: usize = 1 << 20;

/// What the caller says of the files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The report, where the header and the name do not say it.
    pub report: Option<String>,
    /// The day of a `date=` answer.
    pub day: Option<Day>,
    /// The days of the period: 1 for `date=`, 0 for the present state.
    pub period: Option<u16>,
    /// Whether raw is kept.
    pub raw: Option<RawPolicy>,
    /// How Parquet is compressed.
    pub codec: Codec,
}

/// A file that was recognised.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub report: &'static Report,
    known: Known,
    window: Window,
    refresh: Option<Day>,
    json: bool,
}

/// What became of a file.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Imported {
    /// The file's path.
    pub file: String,
    /// The report's function name.
    pub report: String,
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Rows beside these that were of people who are forgotten.
    pub forgotten: u64,
    /// The partitions that it went to, by key.
    pub partitions: Vec<String>,
    /// Whether exactly these bytes were imported before.
    pub unchanged: bool,
    /// Cells that did not parse.
    pub rejected_cells: u64,
    /// Headers that the catalog does not know; they are kept in `unknown_columns`.
    pub unknown_headers: Vec<String>,
    /// Columns of the catalog that the file lacks; they are null.
    pub missing_columns: Vec<String>,
}

/// Imports files into a lake for a tenant: recognises all, then lands all. A file that is refused lands nothing and keeps
/// no other from landing; its error stands in its place.
pub async fn import(
    lake: &Lake,
    tenant: &str,
    paths: &[PathBuf],
    options: &Options,
    clock: Clock,
) -> Result<Vec<(PathBuf, Result<Imported>)>> {
    let (mut files, mut exports, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let looked = head(path).and_then(|head| {
            match legacy::look(path, &head, options)? {
                Some(export) => exports.push(export),
                None => files.push(look(path, head, options)?),
            }
            Ok(())
        });
        if let Err(e) = looked {
            results.push((path.clone(), Err(e.with("file", path.display()))));
        }
    }
    exports.sort_by(|a, b| a.path.cmp(&b.path));
    files.sort_by(|a, b| (a.refresh, a.window.period(), &a.path).cmp(&(b.refresh, b.window.period(), &b.path)));
    if files.is_empty() && exports.is_empty() {
        return Ok(results);
    }
    lake.prepare().await?;
    let guard = lake.lock(tenant).await?;
    let raw = options.raw.unwrap_or(RawPolicy::Keep);
    let landed = match Place::new(lake, tenant, guard.clone(), options.codec, raw).await {
        Ok(place) => all(&place, files, exports, clock).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    results.extend(landed?);
    Ok(results)
}

/// Lands files one after the other, then exports of the retired app.
async fn all(
    place: &Place,
    files: Vec<File>,
    exports: Vec<legacy::Export>,
    clock: Clock,
) -> Result<Vec<(PathBuf, Result<Imported>)>> {
    let run = new_id(clock);
    let mut begun = Begun::mark(place, &run, clock).await?;
    let (mut ledgers, mut results) = (Vec::new(), Vec::new());
    let mut done = |path: PathBuf, result: Result<Imported>| {
        match result.map_err(|e| e.with("file", path.display())) {
            Err(e) if super::record::ends_the_run(e.kind()) && e.kind() != Kind::Usage => return Err(e),
            result => results.push((path, result)),
        }
        Ok(())
    };
    for file in files {
        let result = one(place, &file, &run, clock, &mut ledgers).await;
        done(file.path, result)?;
    }
    for export in exports {
        let result = legacy::one(place, &export, &run, clock, &mut ledgers).await;
        done(export.path, result)?;
    }
    begun.settle(place, &run, clock, false).await?;
    let manifest = Manifest::after(&place.lake, &place.layout, &ledgers, &run, begun.interrupted).await?;
    manifest.write(&place.lake, &place.layout, &place.guard, &run, &stamp(clock)).await?;
    begun.end(place).await?;
    Ok(results)
}

/// The beginning of a file.
fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path)
        .and_then(|f| f.take(HEAD as u64).read_to_end(&mut head))
        .map_err(|e| Error::new(Kind::NotAReport, "cannot read the file").because(e))?;
    Ok(head)
}

/// Recognises a file of Graph without landing it.
fn look(path: &Path, mut head: Vec<u8>, options: &Options) -> Result<File> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if head.len() < HEAD {
        // The whole file: its header row may be all that it has, without a line break.
        head.push(b'\n');
    }
    let headers = peek_headers(&head)?.ok_or_else(|| {
        Error::new(Kind::NotAReport, "the file has no header row")
            .hint("import CSV or JSON as Graph or the admin center saves it")
    })?;
    let report = which(&headers, &name, options)?;
    let matched = match_headers(report, &headers);
    let first = first_row(report, &head)?;
    let says_period = report.role(Role::ReportPeriod).is_some_and(|c| !matched.missing.contains(&c));
    let named = window_from_file_name(&name, first.refresh);
    let rows_say = first.period.filter(|_| says_period);
    if let (Some(said), Some(found), None) = (options.period, rows_say, options.day)
        && said != found
    {
        return Err(Error::new(Kind::Usage, format!("the rows say a period of {found} days, not {said}"))
            .with("report", &report.function)
            .hint("leave `--period` out: the rows of this file say it"));
    }
    let period = match (options.period, options.day, rows_say.is_some(), named) {
        (_, Some(_), ..) => Some(1),
        (_, None, true, _) => None,
        (Some(n), None, false, _) => Some(n),
        (None, None, false, Some(window)) => Some(window.period()),
        (None, None, false, None) if report.periods.is_empty() && !report.date => Some(0),
        (None, None, false, None) if report.merge != Merge::Replace || first.empty => Some(0),
        (None, None, false, None) => {
            return Err(Error::new(Kind::Usage, "the file does not say which period it covers")
                .with("report", &report.function)
                .hint("add `--period 7` (or 30, 90, 180), or `--day YYYY-MM-DD` for the answer of one day"));
        }
    };
    let day = options.day.or(match named {
        Some(Window::Date(day)) if period == Some(1) => Some(day),
        _ => None,
    });
    let window = match (period.or(first.period), day.or(first.refresh)) {
        (Some(0), _) | (None, _) => Window::Present,
        (Some(1), Some(day)) => Window::Date(day),
        (Some(n), _) => Window::Period(n),
    };
    let json = head.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['));
    Ok(File {
        path: path.to_path_buf(),
        report,
        known: Known { period, day, fallback: None },
        window,
        refresh: first.refresh,
        json,
    })
}

/// The report that a header row and a file name mean.
fn which(headers: &[String], name: &str, options: &Options) -> Result<&'static Report> {
    let names = |reports: &[&Report]| reports.iter().map(|r| r.function.as_str()).collect::<Vec<_>>().join("`, `");
    if let Some(wanted) = &options.report {
        let report = catalog::find(wanted).ok_or_else(|| {
            let known: Vec<String> = catalog::all().iter().flat_map(|r| [r.function.clone(), r.table()]).collect();
            let near = crate::error::nearest(wanted, known.iter().map(String::as_str))
                .map(|n| format!("the nearest is `{n}`"));
            Error::new(Kind::Usage, format!("there is no report `{wanted}`"))
                .hint(near.unwrap_or_else(|| "`usagelake reports` lists all".to_string()))
        })?;
        if !catalog::fits(report, &match_headers(report, headers)) {
            return Err(Error::new(Kind::NotAReport, "the file's header is not the report's")
                .with("report", &report.function)
                .hint("leave `--report` out, so that the header decides"));
        }
        return Ok(report);
    }
    match recognise(headers, name) {
        Recognised::One(report) => {
            catalog::find(&report.function).ok_or_else(|| Error::new(Kind::NotAReport, "the header is no report's"))
        }
        Recognised::Several(reports) => Err(Error::new(Kind::Usage, "several reports have this header")
            .with("candidates", names(&reports))
            .hint("name the report with `--report`, or the file after its function")),
        Recognised::None => Err(Error::new(Kind::NotAReport, "the header is no report's that the catalog knows")
            .hint("see `usagelake reports`; if it is a report all the same, name it with `--report`")),
    }
}

/// What the first row says of its window.
struct First {
    refresh: Option<Day>,
    period: Option<u16>,
    empty: bool,
}

fn first_row(report: &'static Report, head: &[u8]) -> Result<First> {
    // The head may end in the middle of a row, or of a JSON document: what can be read of it is enough.
    let whole = if head.len() < HEAD { head.len() } else { memchr::memrchr(b'\n', head).map_or(head.len(), |n| n + 1) };
    let mut normaliser = Normaliser::new(report);
    let mut none = |_| Ok(());
    let outcome = normaliser.push(&head[..whole], &mut none).and_then(|()| normaliser.finish(&mut none));
    match outcome {
        Ok(outcome) => Ok(First {
            refresh: outcome.refresh_dates.last().copied().or(outcome.report_dates.map(|(_, last)| last)),
            period: outcome.report_periods.last().and_then(|n| u16::try_from(*n).ok()),
            empty: outcome.rows == 0,
        }),
        // A large JSON document cannot be read by its head.
        Err(_) if head.len() >= HEAD => Ok(First { refresh: None, period: None, empty: false }),
        Err(e) => Err(e),
    }
}

async fn one(place: &Place, file: &File, run: &str, clock: Clock, ledgers: &mut Vec<Ledger>) -> Result<Imported> {
    let report = file.report;
    let table = report.table();
    let today = clock.today();
    let anchor = file.refresh.unwrap_or(today);
    if let Some(day) = file.known.day.or(file.refresh) {
        kept(place, &table, day)?;
    }
    if !ledgers.iter().any(|l| l.report() == table) {
        ledgers.push(Ledger::load(&place.lake, &place.layout, &table, anchor).await?);
    }
    let ledger = ledgers
        .iter_mut()
        .find(|l| l.report() == table)
        .ok_or_else(|| Error::new(Kind::Lake, "the ledger is not loaded").with("table", &table))?;
    // Answers of up to 180 days later may cover the days of this file.
    let mut month = anchor.month();
    while month <= anchor.plus(LONGEST_PERIOD).min(today.max(anchor)) {
        ledger.load_month(&place.lake, &place.layout, month).await?;
        month = month.plus(31).month();
    }
    let body = read(&file.path)?;
    let name = format!("import-{run}-{:08x}", fastrand::u32(..));
    // The same bytes, for the same window: under another `--period` or `--day` they are not what was imported before.
    let known = file.known;
    let there = |s: &Slice| known.period.is_none_or(|n| n == s.window.period()) && known.day.is_none_or(|d| d == s.day);
    let published = |sha: &str| ledger.slices().any(|s| s.status == Status::Landed && s.sha256 == sha && there(s));
    let known_as = |sha: &str| published(sha).then_some(Before::Published);
    // Whoever imports a file has looked at it.
    let (window, json) = (file.window, file.json);
    let answer = Answer { report, window, known, name: &name, json, known_as: &known_as, only: None, judge: None };
    let landed = land(place, answer, body).await?;
    let outcome = &landed.outcome;
    let mut imported = Imported {
        file: file.path.display().to_string(),
        report: report.function.clone(),
        table: table.clone(),
        rows: outcome.rows,
        forgotten: outcome.forgotten,
        partitions: landed.partitions.iter().map(|(_, o)| o.path.clone()).collect(),
        unchanged: landed.fate == Fate::Unchanged,
        rejected_cells: outcome.rejected_cells,
        unknown_headers: outcome.unknown_headers.clone(),
        missing_columns: outcome.missing_columns.clone(),
    };
    if imported.unchanged || outcome.rows == 0 {
        // What is in no ledger is not kept either.
        if let Some(raw) = &landed.raw {
            place.lake.delete(&raw.path, &place.guard).await?;
        }
        return Ok(imported);
    }
    let fallback = file.known.day.or(file.refresh).unwrap_or(today);
    let rows = publish_rows(place, report, file.window, ledger, &landed, fallback, run).await?;
    imported.partitions = rows.objects.iter().map(|o| o.path.clone()).collect();
    let days: Vec<(Window, Day)> = match landed.partitions.len() {
        0 => vec![(file.window, fallback)],
        _ => landed.partitions.iter().map(|(p, _)| (window_of(p.period, p.day), p.day)).collect(),
    };
    for (window, day) in days {
        ledger.load_month(&place.lake, &place.layout, day).await?;
        let mut slice = filled(Slice::new(window, day, Status::Landed, &stamp(clock), run), &landed);
        slice.objects =
            match landed.partitions.iter().find(|(p, _)| p.day == day && window_of(p.period, p.day) == window) {
                Some((_, object)) => vec![object.clone()],
                None => rows.objects.clone(),
            };
        slice.rejects.clone_from(&rows.rejects);
        slice.published_at = stamp(clock);
        slice.published_by = run.to_string();
        ledger.record(slice);
    }
    ledger.standing.ever_landed = true;
    ledger.save(&place.lake, &place.layout, &place.guard).await?;
    Ok(imported)
}

/// Refuses rows of a day that retention has taken.
pub(super) fn kept(place: &Place, table: &str, day: Day) -> Result<()> {
    match place.horizon.of(table).filter(|until| day < *until) {
        None => Ok(()),
        Some(until) => Err(Error::new(Kind::Usage, "the file is older than its table is kept")
            .with("table", table)
            .with("kept from", until)
            .hint("`[retention]` in the pipeline file says how long; what was taken by it does not come back")),
    }
}

fn window_of(period: u16, day: Day) -> Window {
    match period {
        0 => Window::Present,
        1 => Window::Date(day),
        n => Window::Period(n),
    }
}

/// The file's bytes in chunks. Reading a local file does not wait long enough to be worth a thread of its own.
fn read(path: &Path) -> Result<impl futures::Stream<Item = Result<Bytes>> + use<>> {
    let file = fs::File::open(path).map_err(|e| Error::new(Kind::NotAReport, "cannot read the file").because(e))?;
    Ok(stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut chunk = Vec::with_capacity(READ);
        match file.by_ref().take(READ as u64).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(_) => Some((Ok(Bytes::from(chunk)), Some(file))),
            Err(e) => Some((Err(Error::new(Kind::NotAReport, "cannot read the file").because(e)), None)),
        }
    }))
}
