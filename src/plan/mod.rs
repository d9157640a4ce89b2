//! What a night asks for: pure, from the catalog, the ledger, the clock and a few wishes. It asks nobody and prints nothing.
//!
//! `date=` answers exist for 28 days, so every day of that window that the ledger lacks is asked for, the oldest first
//! because it expires first; the last days are asked again, since Graph completes them. A period is asked for when its
//! time has come. Nothing is asked twice on one UTC day, except what failed or is held.

mod directory;

pub use directory::{ListingPlan, listing};

use std::time::Duration;

use serde::Serialize;

use crate::catalog::Report;
use crate::day::{Day, Window};
use crate::ledger::{Availability, Ledger, Slice, Status};

/// How many days back `date=` is answered. Source: Microsoft Graph, "Only support data for the past 28 days".
pub const WINDOW_DAYS: i32 = 28;
/// How many days Graph needs for a day at the least. Asking sooner costs a request and is refused.
pub const LAG_DAYS: i32 = 2;
/// An empty day is asked again every night until it is so old: Graph has been nine days late.
pub const EMPTY_RETRY_DAYS: i32 = 9;
/// Empty days that are older, and reports that are not served, are asked again after so many days.
pub const WEEK: i32 = 7;

/// What the caller wants beside what is due.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Only `date=` windows from this day on, whether they are due or not.
    pub from: Option<Day>,
    /// Only `date=` windows up to this day.
    pub to: Option<Day>,
    /// How many of the last days are read again.
    pub reread_days: u32,
}

/// One request and why it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// What to ask for.
    pub window: Window,
    /// Why.
    pub why: Why,
}

/// Why a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The ledger does not have it.
    Missing,
    /// It is recent enough to change.
    Reread,
    /// It was empty; Graph may have it by now.
    WasEmpty,
    /// Graph did not have it yet.
    WasLate,
    /// It failed.
    Failed,
    /// A guard holds the answer; Graph may have a sound one by now.
    WasHeld,
    /// The application was not permitted; it may be by now.
    WasRefused,
    /// Its time has come again.
    Due,
    /// Nights were missed; a longer period covers them.
    CatchUp,
    /// The first run takes what there is.
    Seed,
    /// The command line names it.
    Asked,
}

/// What one report is asked for, in this order.
#[derive(Debug, Clone, Serialize)]
pub struct ReportPlan {
    /// The function's name.
    #[serde(serialize_with = "function")]
    pub report: &'static Report,
    /// The requests.
    pub requests: Vec<Request>,
    /// Why nothing is asked, where the report is not served and its week is not over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

fn function<S: serde::Serializer>(report: &&'static Report, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&report.function)
}

/// Plans one report.
pub fn plan(report: &'static Report, ledger: &Ledger, today: Day, wishes: Wishes) -> ReportPlan {
    let standing = &ledger.standing;
    let mut requests = Vec::new();
    let named = wishes.from.is_some() || wishes.to.is_some();
    if let (Availability::NotEnabled | Availability::NotReady, Some(probed)) =
        (standing.availability, standing.probed_on)
        && !named
        && today.since(probed) < WEEK
    {
        let since = standing.since.unwrap_or(probed);
        let skipped = Some(format!("not served since {since}; asked again on {}", probed.plus(WEEK)));
        return ReportPlan { report, requests, skipped };
    }
    // Days first: they expire, a period can be asked for tomorrow.
    if report.date && (report.night.dates || named) {
        requests.extend(dates(ledger, today, wishes));
    }
    if !named {
        requests.extend(periods(report, ledger, today));
    }
    ReportPlan { report, requests, skipped: None }
}

/// The `date=` windows that are due.
fn dates(ledger: &Ledger, today: Day, wishes: Wishes) -> Vec<Request> {
    let explicit = wishes.from.is_some() || wishes.to.is_some();
    let newest = today.plus(-LAG_DAYS);
    let first = wishes.from.map_or(today.plus(-WINDOW_DAYS), |d| d.max(today.plus(-WINDOW_DAYS)));
    let last = wishes.to.map_or(newest, |d| d.min(newest));
    (0..=last.since(first))
        .map(|n| first.plus(n))
        .filter_map(|day| {
            let why = if explicit {
                Some(Why::Asked)
            } else if ledger.held_at(Window::Date(day), day).is_some() {
                Some(Why::WasHeld)
            } else {
                date_due(ledger.date(day), day, today, wishes.reread_days)
            };
            why.map(|why| Request { window: Window::Date(day), why })
        })
        .collect()
}

fn date_due(slice: Option<&Slice>, day: Day, today: Day, reread_days: u32) -> Option<Why> {
    let Some(slice) = slice else { return Some(Why::Missing) };
    if slice.status == Status::Failed || (slice.status == Status::Landed && slice.reason.is_some()) {
        return Some(Why::Failed);
    }
    let age = slice.read_on().map_or(i32::MAX, |read| today.since(read));
    if age <= 0 {
        return None;
    }
    let recent = today.plus(-LAG_DAYS).since(day) < reread_days as i32;
    match slice.status {
        Status::Landed => recent.then_some(Why::Reread),
        Status::Empty => (today.since(day) <= EMPTY_RETRY_DAYS || age >= WEEK).then_some(Why::WasEmpty),
        Status::Late => Some(Why::WasLate),
        Status::Failed | Status::Expired | Status::Held => Some(Why::Failed),
    }
}

/// The periods, and the present state, that are due.
fn periods(report: &'static Report, ledger: &Ledger, today: Day) -> Vec<Request> {
    let night = &report.night;
    let standing = &ledger.standing;
    let days_ago = |w: Window| standing.asked(w).map(|a| today.since(a.on));
    let mut found: Vec<Request> = Vec::new();
    let mut add = |window: Window, why: Why| {
        if !found.iter().any(|r| r.window == window) {
            found.push(Request { window, why });
        }
    };
    if night.present {
        match days_ago(Window::Present) {
            None => add(Window::Present, Why::Missing),
            Some(n) if n > 0 => add(Window::Present, Why::Due),
            Some(_) => {}
        }
    }
    let seeded = !standing.asked.is_empty();
    if night.catch_up {
        let asked_today = standing.asked.values().any(|a| a.on >= today);
        match standing.refresh_date() {
            _ if asked_today => {}
            // Nothing landed yet: the longest period has all that Graph keeps.
            None => night
                .seed
                .iter()
                .chain(&night.nightly)
                .max()
                .into_iter()
                .for_each(|n| add(Window::Period(*n), Why::Seed)),
            Some(refreshed) => {
                let gap = today.since(refreshed).max(0);
                let nightly = night.nightly.iter().copied().max().unwrap_or(7);
                let covering = report.periods.iter().copied().filter(|n| i32::from(*n) >= gap).min();
                let period = covering.or(report.periods.iter().copied().max()).unwrap_or(nightly).max(nightly);
                add(Window::Period(period), if period > nightly { Why::CatchUp } else { Why::Due });
            }
        }
        return found;
    }
    if !seeded {
        night.seed.iter().for_each(|n| add(Window::Period(*n), Why::Seed));
    }
    for n in &night.nightly {
        match days_ago(Window::Period(*n)) {
            None => add(Window::Period(*n), Why::Missing),
            Some(days) if days > 0 => add(Window::Period(*n), Why::Due),
            Some(_) => {}
        }
    }
    for n in &night.weekly {
        match days_ago(Window::Period(*n)) {
            None => add(Window::Period(*n), Why::Missing),
            Some(days) if days >= WEEK => add(Window::Period(*n), Why::Due),
            Some(_) => {}
        }
    }
    found
}

/// A day that Graph still has and the lake has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Expiring {
    /// The function's name.
    pub report: String,
    /// The day.
    pub day: Day,
    /// The last UTC day on which it can be read.
    pub last_chance: Day,
}

/// Days of a report that Graph still has and the ledger has not, not even held, oldest first. None where the report is not
/// asked for days, or not served.
pub fn expiring(report: &Report, ledger: &Ledger, today: Day) -> Vec<Expiring> {
    if !(report.date && report.night.dates && ledger.standing.availability == Availability::Served) {
        return Vec::new();
    }
    (LAG_DAYS..=WINDOW_DAYS)
        .rev()
        .map(|n| today.plus(-n))
        .filter(|d| {
            !matches!(ledger.date(*d).map(|s| s.status), Some(Status::Landed | Status::Empty | Status::Expired))
        })
        .filter(|d| ledger.held_at(Window::Date(*d), *d).is_none())
        .map(|day| Expiring { report: report.function.clone(), day, last_chance: day.plus(WINDOW_DAYS) })
        .collect()
}

/// Of these days those that are lost within `warn_days`: an alarm, unless Graph answers for no day of the report at all, which
/// is no day's fault.
pub fn expires_soon(report: &Report, ledger: &Ledger, today: Day, warn_days: i32) -> Vec<Expiring> {
    let mut days = (LAG_DAYS..=WINDOW_DAYS).filter_map(|n| ledger.date(today.plus(-n)));
    if !days.any(|s| matches!(s.status, Status::Landed | Status::Empty)) {
        return Vec::new();
    }
    let mut days = expiring(report, ledger, today);
    days.retain(|e| e.last_chance.since(today) <= warn_days);
    days
}

/// How long the plan takes at the least: each function is paced by itself, and they go side by side.
pub fn duration(plans: &[ReportPlan], pace: (u32, Duration)) -> Duration {
    let (requests, per) = pace;
    let slowest = plans.iter().map(|p| p.requests.len()).max().unwrap_or(0);
    per * (slowest.saturating_sub(1) as u32 / requests.max(1))
}

#[cfg(test)]
mod tests;
