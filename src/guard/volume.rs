//! Guards that count rows against what the ledger has of the same weekday.

use super::{Answer, Past, doubt};
use crate::config::{GuardName, Guards};
use crate::day::{Day, Window};
use crate::ledger::{Doubt, Slice};

/// Answers of one kind that are history at most: the latest.
const MOST: usize = 8;
/// How much more than the busiest of the two quietest weekdays a holiday may have, as a multiple.
const QUIET: f64 = 1.5;
/// And that in standard deviations of a count, which is what matters where a handful of people work on Sundays.
const NOISE: f64 = 3.0;
/// How much more than a round count all answers for a period had, as a multiple of it: of 103 people three may leave.
const MORE: f64 = 1.1;
/// The same for a day without another witness: between the years less than half of the people are at work.
const SEVERAL: f64 = 3.0;

/// A cut at a limit: exactly a round number of rows where there should be more. A holiday may well leave a hundred people,
/// so a day needs a witness: an earlier reading of it that had more, another answer of the report that is held for the same
/// count, or a history that never had less than several times as much.
pub(super) fn round_count(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    let rows = answer.outcome.came();
    if !guards.looks(GuardName::RoundCount) || !guards.round_counts.contains(&rows) {
        return None;
    }
    let held = |reason: String, more: u64| {
        let reason = format!("it has exactly {rows} rows, {reason}: it may be cut");
        Some(doubt(GuardName::RoundCount, reason, &[("rows", rows as i64), ("more", more as i64)]))
    };
    if let Some(before) = past.same.map(Slice::came).filter(|before| *before > rows) {
        return held(format!("where an earlier reading of the same had {before}"), before);
    }
    if past.cut_to(rows) {
        return held("and so has another answer of the report that had more before".to_string(), rows);
    }
    let history = history(answer, past);
    let least = *history.iter().min()?;
    let more = if matches!(answer.window, Window::Date(_)) { SEVERAL } else { MORE };
    let clear = history.len() >= guards.least_history && least as f64 >= rows as f64 * more;
    if !clear || like_a_quiet_day(answer, past, guards) {
        return None;
    }
    held(format!("where {} had {least} at the least", alike(answer.window, answer.day, history.len())), least)
}

/// Far fewer or far more rows than history says.
pub(super) fn volume(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    let rows = answer.outcome.came();
    if !guards.looks(GuardName::Volume) {
        return None;
    }
    let few = |than: u64| than >= guards.least_rows && (rows as f64) < than as f64 * guards.drop;
    if let Some(before) = past.same.map(Slice::came).filter(|before| few(*before)) {
        let reason = format!("it has {rows} rows, where an earlier reading of the same had {before}");
        return Some(doubt(GuardName::Volume, reason, &[("rows", rows as i64), ("before", before as i64)]));
    }
    let mut history = history(answer, past);
    if history.len() < guards.least_history {
        return None;
    }
    history.sort_unstable();
    let usual = history[history.len() / 2];
    let most = history[history.len() - 1];
    let figures = [("rows", rows as i64), ("usual", usual as i64), ("most", most as i64)];
    let of = alike(answer.window, answer.day, history.len());
    if few(usual) && !like_a_quiet_day(answer, past, guards) {
        return Some(doubt(GuardName::Volume, format!("it has {rows} rows, where {of} had {usual}"), &figures));
    }
    let many = usual >= guards.least_rows && rows as f64 > most as f64 * guards.growth;
    many.then(|| doubt(GuardName::Volume, format!("it has {rows} rows, where {of} had {most} at the most"), &figures))
}

/// The rows of answers that can be compared: for a day those of the same weekday, for a period those of the same period.
fn history(answer: &Answer<'_>, past: &Past<'_>) -> Vec<u64> {
    let comparable = |s: &&Slice| match answer.window {
        Window::Date(day) => s.day.weekday() == day.weekday(),
        _ => true,
    };
    let mut slices: Vec<&Slice> = past.alike(answer.window).filter(comparable).collect();
    slices.sort_by_key(|s| std::cmp::Reverse(s.day));
    slices.iter().take(MOST).map(|s| s.came()).collect()
}

/// Whether a day is as quiet as the two quietest weekdays: a holiday is as quiet as a Sunday, and nothing is wrong then.
fn like_a_quiet_day(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> bool {
    if !matches!(answer.window, Window::Date(_)) {
        return false;
    }
    let mut weekdays: Vec<Vec<u64>> = vec![Vec::new(); 7];
    past.alike(answer.window).for_each(|s| weekdays[s.day.weekday() as usize].push(s.came()));
    weekdays.retain(|rows| !rows.is_empty());
    weekdays.sort_by_key(|rows| {
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    });
    let quiet: Vec<u64> = weekdays.into_iter().take(2).flatten().collect();
    let (Some(least), Some(most)) = (quiet.iter().min(), quiet.iter().max()) else { return false };
    let rows = answer.outcome.came() as f64;
    let most = *most as f64;
    rows >= *least as f64 * guards.drop && rows <= most * QUIET + NOISE * most.sqrt()
}

/// Words for what an answer was compared with.
fn alike(window: Window, day: Day, n: usize) -> String {
    match window {
        Window::Date(_) => format!("the last {n} {}", day.date().format("%As")),
        other => format!("the last {n} answers for `{other}`"),
    }
}
