//! One report of a night: its requests in order, its ledger, its record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arrow::compute::concat_batches;
use tokio::sync::Semaphore;

use super::land::{Answer, Before, Fate, Judge, Landed, Place, land};
use super::record::{HELD, Outcome, Problem, ReportRecord, ends_the_run};
use crate::catalog::{Merge, Report};
use crate::config::Guards;
use crate::day::{Clock, Day, Window};
use crate::error::{Error, Kind, Result};
use crate::graph::{self, Client};
use crate::guard::{self, Past, Verdict};
use crate::ledger::{Availability, Doubt, Ledger, Names, Object, Slice, Status};
use crate::normalise::Outcome as Seen;
use crate::plan::{LAG_DAYS, ReportPlan, Request};
use crate::tables::merge::Covered;
use crate::tables::publish::publish;
use crate::tables::route::Known;

/// After so many windows of a report have failed in a row, the rest of it waits for the next run: whatever is wrong is
/// not about the day.
const GIVE_UP_AFTER: u32 = 3;

/// What all reports of a run share.
pub struct Night<'a> {
    /// Where things go.
    pub place: &'a Place,
    /// When an answer is held.
    pub guards: &'a Guards,
    /// Graph.
    pub client: &'a Client,
    /// The time.
    pub clock: Clock,
    /// The run's id.
    pub run: &'a str,
    /// How many answers may be under way at once: bounds memory.
    pub landing: Arc<Semaphore>,
    /// Answers that are in the ledger as landed or held, of whichever report or list, ended or not.
    pub settled: AtomicU64,
}

/// Extracts one report. An error here ends the run; what concerns the report alone is in its record.
pub async fn extract(
    night: &Night<'_>,
    plan: &ReportPlan,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
) -> Result<()> {
    if plan.skipped.is_some() {
        record.outcome = Outcome::NotServed;
        return Ok(());
    }
    let begun = SystemTime::now();
    if plan.requests.iter().any(|r| matches!(r.window, Window::Date(_))) {
        ledger.hear_of_days(night.clock.today().plus(-crate::plan::WINDOW_DAYS));
    }
    let mut failed_in_a_row = 0;
    for (at, request) in plan.requests.iter().enumerate() {
        let (began, before) = (SystemTime::now(), record.counts());
        let asked = window(night, plan, request, ledger, record, &mut failed_in_a_row).await;
        record.asked_for(request.window, began, &before);
        if asked? == Then::Stop {
            if record.outcome != Outcome::NotServed {
                record.not_asked = (plan.requests.len() - at - 1) as u64;
            }
            break;
        }
    }
    expire(night, ledger);
    if record.asked > 0 {
        let failed = record.problems.iter().find(|p| p.kind != HELD).filter(|_| record.failed > 0);
        ledger.standing.fails(failed.map(|p| p.message.as_str()), night.clock.today());
    }
    ledger.save(&night.place.lake, &night.place.layout, &night.place.guard).await?;
    record.settle();
    record.trail.end(begun);
    Ok(())
}

/// What follows a window.
#[derive(PartialEq, Eq)]
enum Then {
    /// The next.
    Go,
    /// Nothing: the report has ended.
    Stop,
}

/// Asks for one window and notes what came of it.
async fn window(
    night: &Night<'_>,
    plan: &ReportPlan,
    request: &Request,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
    failed_in_a_row: &mut u32,
) -> Result<Then> {
    record.asked += 1;
    let Err(e) = ask(night, plan, request, ledger, record).await else {
        *failed_in_a_row = 0;
        return Ok(Then::Go);
    };
    if ends_the_run(e.kind()) {
        return Err(e);
    }
    let today = night.clock.today();
    if e.kind().is_state() && !ledger.standing.ever_landed {
        let availability = if e.kind() == Kind::NotReady { Availability::NotReady } else { Availability::NotEnabled };
        ledger.standing.is(availability, today, Some(e.to_string()));
        record.outcome = Outcome::NotServed;
        record.problems.push(Problem::new(Some(request.window), &e));
        return Ok(Then::Stop);
    }
    if let (Kind::OutsideWindow, Window::Date(day)) = (e.kind(), request.window) {
        outside(night, ledger, record, day, &e);
        *failed_in_a_row = 0;
        return Ok(Then::Go);
    }
    record.failed += 1;
    let problem = Problem::new(Some(request.window), &e);
    if let Window::Date(day) = request.window {
        let mut slice = night.slice(request.window, day, Status::Failed);
        slice.reason = Some(problem.message.clone());
        ledger.record(slice);
        ledger.standing.answered(request.window, today, None);
    }
    record.problems.push(problem);
    *failed_in_a_row += 1;
    let hopeless = e.kind().is_state() || e.kind() == Kind::Permission;
    Ok(if hopeless || *failed_in_a_row == GIVE_UP_AFTER { Then::Stop } else { Then::Go })
}

impl Night<'_> {
    /// A slice of this run.
    pub(super) fn slice(&self, window: Window, day: Day, status: Status) -> Slice {
        Slice::new(window, day, status, &stamp(self.clock), self.run)
    }

    /// Writes the ledger of an answer that has landed or is held.
    pub(super) async fn save(&self, ledger: &mut Ledger) -> Result<()> {
        ledger.save(&self.place.lake, &self.place.layout, &self.place.guard).await?;
        self.settled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The name of an answer in raw, without extension: when it was read, and the run's random word.
    pub(super) fn answer_name(&self) -> String {
        let word = self.run.rsplit('-').next().unwrap_or_default();
        format!("{}-{word}", self.clock.now().format("%Y%m%dT%H%M%SZ"))
    }
}

/// An instant as the ledger writes it, UTC; in microseconds, so that what a report reads has an order.
pub fn stamp(clock: Clock) -> String {
    clock.now().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Asks for one window, lands the answer, publishes it, and writes the ledger.
async fn ask(
    night: &Night<'_>,
    plan: &ReportPlan,
    request: &Request,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
) -> Result<()> {
    let mut budget = night.client.budget().through(Arc::clone(&night.landing));
    let result = loop {
        match attempt(night, plan, request, ledger, &mut budget).await {
            Err(e) if e.is_temporary() => match budget.again(e).await {
                Ok(_) => continue,
                Err(gave_up) => break Err(gave_up),
            },
            result => break result,
        }
    };
    record.attempts += u64::from(budget.attempts());
    record.waited_seconds += budget.waited().as_secs_f64();
    record.trail.sent(budget.take_sent());
    let today = night.clock.today();
    let landed = match result? {
        Some(landed) => landed,
        None => {
            record.empty += 1;
            if let Window::Date(day) = request.window {
                ledger.record(night.slice(request.window, day, Status::Empty));
            }
            served(ledger, request.window, today, None);
            return Ok(());
        }
    };
    settle(night, plan, request, ledger, record, landed).await
}

/// One try at a window: request, body, landing. None where Graph answers without a body.
async fn attempt(
    night: &Night<'_>,
    plan: &ReportPlan,
    request: &Request,
    ledger: &Ledger,
    budget: &mut graph::Budget,
) -> Result<Option<Landed>> {
    let answer = night.client.report(plan.report, request.window, budget).await?;
    let graph::Answer::Body(body) = answer else { return Ok(None) };
    let day = match request.window {
        Window::Date(day) => Some(day),
        _ => None,
    };
    let name = night.answer_name();
    let fallback = night.clock.today().plus(-LAG_DAYS);
    let known_as = |sha256: &str| known_as(ledger, request.window, sha256);
    let (report, window, guards) = (plan.report, request.window, night.guards);
    let judge = ByLedger { report, window, fallback, ledger, guards };
    let answer = Answer {
        report,
        window,
        known: Known { period: Some(window.period()), day, fallback: Some(fallback) },
        name: &name,
        json: body.content_type.as_deref().is_some_and(|t| t.contains("json")),
        known_as: &known_as,
        only: None,
        judge: Some(&judge),
    };
    land(night.place, answer, body.into_stream()).await.map(Some)
}

/// What the ledger has of exactly this answer, for the window.
fn known_as(ledger: &Ledger, window: Window, sha256: &str) -> Option<Before> {
    let same = |s: &Slice| s.status == Status::Landed && s.sha256 == sha256;
    let published = match window {
        Window::Date(day) => ledger.date(day).is_some_and(same),
        _ => ledger.slices().filter(|s| s.window == window).any(same),
    };
    // An answer without rows is kept once, however often Graph gives it.
    let empty = |s: &Slice| {
        (s.status == Status::Empty && s.sha256 == sha256)
            || s.before.iter().any(|r| r.status == Status::Empty && r.sha256 == sha256)
    };
    let published = published || ledger.slices().filter(|s| s.window == window).any(empty);
    let held = || ledger.held().any(|s| s.window == window && s.sha256 == sha256);
    if published { Some(Before::Published) } else { held().then_some(Before::Held) }
}

/// Judges an answer by what the ledger has of its report.
struct ByLedger<'a> {
    report: &'static Report,
    window: Window,
    fallback: Day,
    ledger: &'a Ledger,
    guards: &'a Guards,
}

impl Judge for ByLedger<'_> {
    fn judge(&self, outcome: &Seen, repeated: u64) -> Verdict {
        let (report, window) = (self.report, self.window);
        let day = slice_day(window, outcome, self.fallback);
        let answer = guard::Answer { report, window, day, outcome, repeated };
        guard::judge(&answer, &Past::of(self.ledger, window, day), self.guards)
    }

    fn without_key(&self) -> Option<Doubt> {
        guard::without_key(self.report, self.guards)
    }
}

/// The day of an answer's slice: the one that was asked for, else the refresh date.
fn slice_day(window: Window, outcome: &Seen, fallback: Day) -> Day {
    match window {
        Window::Date(day) => day,
        _ => outcome.refresh_dates.last().copied().unwrap_or(fallback),
    }
}

/// Publishes what landed (merged tables), and writes the ledger.
async fn settle(
    night: &Night<'_>,
    plan: &ReportPlan,
    request: &Request,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
    landed: Landed,
) -> Result<()> {
    let place = night.place;
    let today = night.clock.today();
    let outcome = &landed.outcome;
    record.bytes += landed.bytes;
    record.forgotten += outcome.forgotten;
    let refresh = outcome.refresh_dates.last().copied();
    let fallback = today.plus(-LAG_DAYS);
    let day = slice_day(request.window, outcome, fallback);
    // A report that Graph has stopped to refresh speaks of a month before those that a night looks at.
    ledger.load_month(&place.lake, &place.layout, day).await?;
    record.drift(&outcome.unknown_headers, &outcome.missing_columns);
    if matches!(landed.fate, Fate::Held(_) | Fate::StillHeld) {
        return hold(night, plan.report, request.window, day, ledger, record, &landed).await;
    }
    if outcome.rows == 0 {
        record.empty += 1;
        served(ledger, request.window, today, refresh);
        ledger.record(filled(night.slice(request.window, day, Status::Empty), &landed));
        return ledger.save(&place.lake, &place.layout, &place.guard).await;
    }
    if landed.fate == Fate::Unchanged {
        record.unchanged += 1;
        served(ledger, request.window, today, refresh);
        // A run that was killed after the month of the ledger and before the report's standing has not said so.
        ledger.standing.ever_landed = true;
        if let Some(known) = ledger.get(request.window, day).cloned() {
            // It could be read: why it could not be before is no news any more.
            let (read_at, run) = (stamp(night.clock), night.run.to_string());
            ledger.record(Slice { read_at, run, reason: None, ..known });
        }
        return ledger.save(&place.lake, &place.layout, &place.guard).await;
    }
    let rows = publish_rows(place, plan.report, request.window, ledger, &landed, fallback, night.run).await?;
    record.published += rows.put;
    record.landed += 1;
    record.rows += landed.outcome.rows;
    record.rejected_cells += landed.outcome.rejected_cells;
    served(ledger, request.window, today, refresh);
    ledger.standing.ever_landed = true;
    let mut slice = filled(night.slice(request.window, day, Status::Landed), &landed);
    (slice.objects, slice.rejects) = (rows.objects, rows.rejects);
    slice.published_at = stamp(night.clock);
    slice.published_by = night.run.to_string();
    // Graph has stopped to refresh the report so long ago that nothing of it is kept.
    slice.taken_on = place.horizon.takes(&plan.report.table(), day).then_some(today);
    ledger.record(slice);
    night.save(ledger).await
}

/// Where the rows of an answer are.
pub(super) struct Rows {
    /// The objects that they went to.
    pub objects: Vec<Object>,
    /// How many of these were put.
    pub put: u64,
    /// The cells that did not parse.
    pub rejects: Option<Object>,
}

/// Publishes the rows of merged tables, and keeps the rejects of any.
pub(super) async fn publish_rows(
    place: &Place,
    report: &'static Report,
    window: Window,
    ledger: &Ledger,
    landed: &Landed,
    fallback: Day,
    run: &str,
) -> Result<Rows> {
    let mut objects: Vec<Object> = landed.partitions.iter().map(|(_, object)| object.clone()).collect();
    let mut put = objects.len() as u64;
    if report.merge != Merge::Replace {
        let rows = concat_batches(&report.schema(), &landed.batches)
            .map_err(|e| Error::new(Kind::NotAReport, "rows of the answer do not go together").because(e))?;
        let (others, covers) = (answers(ledger), covered(window, landed));
        let (lake, layout, guard) = (&place.lake, &place.layout, &place.guard);
        let since = place.horizon.of(&report.table());
        let months = publish(lake, layout, guard, report, place.codec, &rows, covers, &others, fallback, since).await?;
        put += months.iter().filter(|(_, changed)| *changed).count() as u64;
        objects.extend(months.into_iter().map(|(object, _)| object));
    }
    let rejects = super::rejects::keep(place, report, window, landed, run).await?;
    Ok(Rows { objects, put, rejects })
}

/// Writes down that a guard holds an answer. What is published stays, and the window is asked for again by the next run.
async fn hold(
    night: &Night<'_>,
    report: &Report,
    window: Window,
    day: Day,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
    landed: &Landed,
) -> Result<()> {
    let today = night.clock.today();
    record.held += 1;
    ledger.standing.is(Availability::Served, today, None);
    if let Window::Date(_) = window {
        ledger.standing.answered(window, today, None);
    }
    let slice = match &landed.fate {
        Fate::Held(doubt) => {
            let slice = filled(night.slice(window, day, Status::Held), landed);
            let slice = Slice { reason: Some(doubt.reason.clone()), doubt: Some(doubt.clone()), ..slice };
            ledger.hold(slice.clone());
            Some(slice)
        }
        _ => ledger.held().find(|s| s.window == window && s.sha256 == landed.sha256).cloned(),
    };
    record.problems.extend(slice.map(|s| Problem::held(&report.function, &s)));
    night.save(ledger).await
}

/// Notes that a window was answered: after its rows are published, since it is not asked for again then.
fn served(ledger: &mut Ledger, window: Window, today: Day, refresh: Option<Day>) {
    ledger.standing.is(Availability::Served, today, None);
    ledger.standing.answered(window, today, refresh);
}

/// A slice with what the answer said.
pub fn filled(mut slice: Slice, landed: &Landed) -> Slice {
    let outcome = &landed.outcome;
    slice.refresh_date = outcome.refresh_dates.last().copied();
    slice.rows = outcome.rows;
    slice.forgotten = outcome.forgotten;
    slice.bytes = landed.bytes;
    slice.sha256.clone_from(&landed.sha256);
    slice.rejected_cells = outcome.rejected_cells;
    slice.unknown_headers.clone_from(&outcome.unknown_headers);
    slice.missing_columns.clone_from(&outcome.missing_columns);
    slice.raw.clone_from(&landed.raw);
    slice.names = Names::of(outcome.named_rows, outcome.concealed_rows);
    slice
}

/// The window of an answer of counts: as asked, else as the answer says it, else the days that it has.
pub fn covered(window: Window, landed: &Landed) -> Option<Covered> {
    let outcome = &landed.outcome;
    let refresh = outcome.refresh_dates.last().copied().or(outcome.report_dates.map(|(_, last)| last))?;
    let period = match window {
        Window::Period(n) => n,
        _ => match outcome.report_periods.last() {
            Some(n) => u16::try_from(*n).ok()?,
            None => u16::try_from(refresh.since(outcome.report_dates.map(|(first, _)| first)?) + 1).ok()?,
        },
    };
    Some(Covered { refresh, period })
}

/// The windows of the answers that the ledger has.
pub fn answers(ledger: &Ledger) -> Vec<Covered> {
    ledger
        .slices()
        .filter(|s| s.status == Status::Landed)
        .filter_map(|s| match (s.window, s.refresh_date) {
            (Window::Period(period), Some(refresh)) => Some(Covered { refresh, period }),
            _ => None,
        })
        .collect()
}

/// Graph says that a day is outside its window: not there yet, or gone.
fn outside(night: &Night<'_>, ledger: &mut Ledger, record: &mut ReportRecord, day: Day, e: &Error) {
    let today = night.clock.today();
    ledger.standing.answered(Window::Date(day), today, None);
    // Graph says the same of both. As long as the day can be asked for again, it may come.
    let last = today.since(day) >= crate::plan::WINDOW_DAYS;
    let mut slice = night.slice(Window::Date(day), day, if last { Status::Expired } else { Status::Late });
    slice.reason = Some(e.to_string());
    record.late += 1;
    ledger.record(slice);
}

/// Days that have left Graph's window unread are expired: no request can bring them any more.
fn expire(night: &Night<'_>, ledger: &mut Ledger) {
    let Some(from) = ledger.standing.dates_from else { return };
    let gone = night.clock.today().plus(-crate::plan::WINDOW_DAYS);
    let mut day = from.max(gone.plus(-crate::plan::WINDOW_DAYS));
    while day < gone {
        let unread = match ledger.date(day).map(|s| s.status) {
            Some(Status::Landed | Status::Empty | Status::Expired | Status::Held) => false,
            Some(Status::Late | Status::Failed) | None => true,
        };
        if unread && ledger.held_at(Window::Date(day), day).is_none() {
            let mut slice = night.slice(Window::Date(day), day, Status::Expired);
            slice.reason = Some("it left Graph's window of 28 days before it was read".to_string());
            ledger.record(slice);
        }
        day = day.plus(1);
    }
}
