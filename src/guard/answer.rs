//! Guards that look at what an answer says of itself: its columns, its window, its dates, its names, its keys.

use super::{Answer, Past, Verdict, doubt};
use crate::catalog::{Merge, Role, expected};
use crate::config::{Contract, GuardName, Guards};
use crate::day::Window;
use crate::ledger::{Doubt, Names, Slice};

/// Rows that may repeat a key in any answer: two accounts of one address, after one was deleted, are no failure.
const FEW_REPEATED: u64 = 5;

/// Other columns than the catalog's, where the contract of the table allows none.
pub(super) fn contract(answer: &Answer<'_>, guards: &Guards) -> Option<Verdict> {
    let contract = guards.contract(answer.report);
    if contract == Contract::Evolve || !guards.looks(GuardName::Contract) {
        return None;
    }
    let promised = |name: &&String| {
        answer.report.columns.iter().position(|c| c.name == **name).is_some_and(|i| expected(answer.report, i))
    };
    let unknown = &answer.outcome.unknown_headers;
    let missing: Vec<&String> = answer.outcome.missing_columns.iter().filter(promised).collect();
    if unknown.is_empty() && missing.is_empty() {
        return None;
    }
    let list = |names: Vec<&String>| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    let reason = match (unknown.is_empty(), missing.is_empty()) {
        (false, true) => format!("the catalog does not know {}", list(unknown.iter().collect())),
        (true, _) => format!("the answer lacks {}", list(missing.clone())),
        (false, false) => {
            format!(
                "the catalog does not know {}, and the answer lacks {}",
                list(unknown.iter().collect()),
                list(missing.clone())
            )
        }
    };
    let figures = [("unknown_headers", unknown.len() as i64), ("missing_columns", missing.len() as i64)];
    let doubt = doubt(GuardName::Contract, reason, &figures);
    Some(if contract == Contract::Reject { Verdict::Refuse(doubt) } else { Verdict::Hold(doubt) })
}

/// A column of the key that answers had before and this one has not.
pub(super) fn lost_key(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    if !guards.looks(GuardName::LostKey) {
        return None;
    }
    let missing = |name: &&String| answer.outcome.missing_columns.contains(name);
    let had = |name: &&String| past.all().any(|s| !s.missing_columns.contains(name));
    let lost = answer.report.key.iter().find(|name| missing(name) && had(name))?;
    let reason = format!("no header means `{lost}`, which tells rows apart and was there before");
    Some(doubt(GuardName::LostKey, reason, &[]))
}

/// Another period, other days, or another day than were asked for.
pub(super) fn window(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    if !guards.looks(GuardName::Window) {
        return None;
    }
    let (window, outcome) = (answer.window, answer.outcome);
    match window {
        Window::Period(asked) => {
            let asked = i64::from(asked);
            if let Some(other) = outcome.report_periods.iter().find(|n| **n != asked) {
                let reason = format!("its rows say a period of {other} days, and {asked} were asked for");
                return Some(doubt(GuardName::Window, reason, &[("asked", asked), ("period", *other)]));
            }
            let ((first, last), refresh) = outcome.report_dates.zip(outcome.refresh_dates.last().copied())?;
            let days = i64::from(last.since(first)) + 1;
            let inside = last <= refresh && first > refresh.plus(-(asked as i32));
            if inside || answer.report.role(Role::ReportDate).is_none() {
                return None;
            }
            let reason = format!("it has days from {first} to {last}, and {asked} days up to {refresh} were asked for");
            Some(doubt(GuardName::Window, reason, &[("asked", asked), ("days", days)]))
        }
        Window::Date(day) => {
            // No document says which refresh date such an answer has; history does.
            let says = *outcome.refresh_dates.last()?;
            let said: Vec<_> = past.alike(window).filter_map(|s| Some((s.day, s.refresh_date?))).collect();
            let always = said.len() >= guards.least_history && said.iter().all(|(asked, says)| asked == says);
            if says == day || !always {
                return None;
            }
            let reason = format!("it speaks of {says}, and {day} was asked for");
            Some(doubt(GuardName::Window, reason, &[("days_apart", i64::from(says.since(day)))]))
        }
        Window::Present => None,
    }
}

/// A refresh date before that of an earlier answer for the same.
pub(super) fn refresh_date(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    if !guards.looks(GuardName::RefreshDate) {
        return None;
    }
    let says = *answer.outcome.refresh_dates.last()?;
    let of_same = |s: &&Slice| match answer.window {
        Window::Date(_) => s.window == answer.window && s.day == answer.day,
        window => s.window == window,
    };
    let before = past.all().filter(of_same).filter_map(|s| s.refresh_date).max()?;
    let reason = format!("its refresh date is {says}, and an earlier answer's was {before}");
    let back = i64::from(before.since(says));
    (back > 0).then(|| doubt(GuardName::RefreshDate, reason, &[("days_back", back)]))
}

/// All names concealed where the latest day that is published had names, or the other way round.
pub(super) fn concealment(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Option<Doubt> {
    if !guards.looks(GuardName::Concealment) {
        return None;
    }
    let now = Names::of(answer.outcome.named_rows, answer.outcome.concealed_rows);
    let said = past.all().filter(|s| matches!(s.names, Names::Named | Names::Concealed));
    let before = said.max_by_key(|s| (s.day, &s.published_at))?.names;
    let reason = match (before, now) {
        (Names::Named, Names::Concealed) => "all names are concealed, and those of the answer before were not",
        (Names::Concealed, Names::Named) => "no name is concealed, and those of the answer before were",
        _ => return None,
    };
    let (named, concealed) = (answer.outcome.named_rows as i64, answer.outcome.concealed_rows as i64);
    let figures = [("named_rows", named), ("concealed_rows", concealed)];
    Some(doubt(GuardName::Concealment, reason.to_string(), &figures))
}

/// Rows that repeat the key of another row.
pub(super) fn duplicates(answer: &Answer<'_>, guards: &Guards) -> Option<Doubt> {
    let (rows, repeated) = (answer.outcome.rows, answer.repeated);
    // A table that is merged by its key would keep one answer's rows apart, and count them twice.
    let few = if answer.report.merge == Merge::Replace { FEW_REPEATED } else { 0 };
    let many = repeated > few && repeated as f64 > rows as f64 * guards.duplicates;
    if !guards.looks(GuardName::Duplicates) || !many {
        return None;
    }
    let reason = format!("{repeated} of its {rows} rows repeat the `{}` of another", answer.report.key.join("` and `"));
    Some(doubt(GuardName::Duplicates, reason, &[("rows", rows as i64), ("repeated", repeated as i64)]))
}
