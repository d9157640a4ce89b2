//! Guards: whether an answer may be published before a person has looked. Pure: figures in, verdict out.
//!
//! An answer is read whole, then judged once, by each guard in the order of [`judge`]; the first that doubts it holds it.
//! A guard knows what was asked, what the parser saw, and what the ledger has of the report; it never sees a row. Answers
//! without a row are not judged, since they replace nothing. `docs/guards.md` has the failure that each is for.

mod answer;
mod keys;
mod volume;

pub use keys::Keys;

use crate::catalog::Report;
use crate::config::{GuardName, Guards};
use crate::day::{Day, Window};
use crate::ledger::{Doubt, Ledger, Slice, Status};
use crate::normalise::Outcome;

/// How many days of the ledger are history. A night loads them anyway; what is older says little of today.
const HISTORY_DAYS: i32 = 56;

/// An answer before it is published.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The report.
    pub report: &'static Report,
    /// What was asked.
    pub window: Window,
    /// The day of its slice: the one asked for, else the refresh date.
    pub day: Day,
    /// What the parser saw.
    pub outcome: &'a Outcome,
    /// Rows that repeat the key of another row.
    pub repeated: u64,
}

/// What was published of the report before.
pub struct Past<'a> {
    /// The published reading of the same window and day.
    same: Option<&'a Slice>,
    /// All other published slices of [`HISTORY_DAYS`].
    others: Vec<&'a Slice>,
    /// What guards hold of the report.
    held: Vec<&'a Slice>,
}

impl<'a> Past<'a> {
    /// What the ledger has, seen from a window and day.
    pub fn of(ledger: &'a Ledger, window: Window, day: Day) -> Past<'a> {
        let landed = || ledger.slices().filter(|s| s.status == Status::Landed && s.came() > 0);
        let is_same = |s: &&Slice| s.window == window && s.day == day;
        let near = |s: &&Slice| s.day.since(day).abs() <= HISTORY_DAYS;
        let others = landed().filter(near).filter(|s| !is_same(s)).collect();
        Past { same: landed().find(is_same), others, held: ledger.held().filter(|s| !is_same(s)).collect() }
    }

    /// Whether another answer is held because it was cut to so many rows.
    fn cut_to(&self, rows: u64) -> bool {
        let cut = |s: &Slice| s.doubt.as_ref().is_some_and(|d| d.guard == GuardName::RoundCount);
        self.held.iter().any(|s| s.came() == rows && cut(s))
    }

    /// All that is published.
    fn all(&self) -> impl Iterator<Item = &'a Slice> {
        self.same.into_iter().chain(self.others.iter().copied())
    }

    /// Answers for other days that were asked for in the same way: `date=`, or the same period.
    fn alike(&self, window: Window) -> impl Iterator<Item = &'a Slice> {
        self.others.iter().copied().filter(move |s| s.window.period() == window.period())
    }
}

/// What is to be done with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be published.
    Sound,
    /// It is held until a person has looked.
    Hold(Doubt),
    /// It fails: the contract of the table refuses it.
    Refuse(Doubt),
}

/// Judges an answer.
pub fn judge(answer: &Answer<'_>, past: &Past<'_>, guards: &Guards) -> Verdict {
    if answer.outcome.rows == 0 {
        return Verdict::Sound;
    }
    if let Some(verdict) = answer::contract(answer, guards) {
        return verdict;
    }
    let doubt = None
        .or_else(|| answer::lost_key(answer, past, guards))
        .or_else(|| answer::window(answer, past, guards))
        .or_else(|| answer::refresh_date(answer, past, guards))
        .or_else(|| answer::concealment(answer, past, guards))
        .or_else(|| answer::duplicates(answer, guards))
        .or_else(|| volume::round_count(answer, past, guards))
        .or_else(|| volume::volume(answer, past, guards));
    doubt.map_or(Verdict::Sound, Verdict::Hold)
}

/// The doubt about an answer whose header row has lost its key, so that no row of it can be told from another: the parser
/// refuses it, and it is held as it came.
pub fn without_key(report: &Report, guards: &Guards) -> Option<Doubt> {
    let reason = format!("no header means `{}`, which tells rows apart", report.key.join("` or `"));
    guards.looks(GuardName::LostKey).then(|| doubt(GuardName::LostKey, reason, &[]))
}

fn doubt(guard: GuardName, reason: String, figures: &[(&str, i64)]) -> Doubt {
    Doubt { guard, reason, figures: figures.iter().map(|(name, n)| (name.to_string(), *n)).collect() }
}

#[cfg(test)]
mod tests;
