//! The coverage ledger: for each report and window what was asked, what came, and where it went.
//!
//! It is written after the publish it speaks of, so what is not in it is asked for again. A report's ledger has one
//! writer, the task that extracts the report. Months are separate objects, so that a night costs the same after years.

mod horizon;
mod manifest;
mod slice;
mod standing;

pub use horizon::Horizon;
pub use manifest::{Entry, Manifest, SharedManifest, Sum};
pub use slice::{Doubt, Names, Object, Reading, Slice, Status};
pub use standing::{Asked, Availability, Failing, Standing};

use std::collections::BTreeMap;

use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};

/// How far back a night looks: the 28-day window and the month before it, so that what left the window unread is seen.
const LOOK_BACK: i32 = 62;

/// A report's ledger, as far as it was loaded.
#[derive(Debug, Clone)]
pub struct Ledger {
    report: String,
    /// Whether the report is served, and what was asked when.
    pub standing: Standing,
    months: BTreeMap<Day, BTreeMap<(Window, Day), Slice>>,
    /// Answers that a guard holds, beside what is published for the same window and day.
    held: BTreeMap<(Window, Day), Slice>,
    /// Bodies of held answers that nobody needs any more once the ledger is written.
    useless: Vec<String>,
    dirty: std::collections::BTreeSet<Day>,
    standing_saved: Standing,
    /// Whether the standing in the lake is as this version writes it.
    written: bool,
    /// Its own objects, as they were loaded or written last.
    kept: BTreeMap<String, Sum>,
}

impl Ledger {
    /// An empty ledger of the report with this table name.
    pub fn empty(report: &str) -> Ledger {
        Ledger {
            report: report.to_string(),
            standing: Standing::default(),
            months: BTreeMap::new(),
            held: BTreeMap::new(),
            useless: Vec::new(),
            dirty: Default::default(),
            standing_saved: Standing::default(),
            written: true,
            kept: BTreeMap::new(),
        }
    }

    /// Loads what a night needs of a report's ledger.
    pub async fn load(lake: &Lake, layout: &Layout, report: &str, today: Day) -> Result<Ledger> {
        let mut ledger = Ledger::standing(lake, layout, report).await?;
        let mut month = today.month();
        while month.plus(31) > today.plus(-LOOK_BACK) {
            ledger.load_month(lake, layout, month).await?;
            month = month.plus(-1).month();
        }
        // What Graph has stopped to refresh stands in the month of its last refresh date, however old.
        let refreshed: Vec<Day> = ledger.standing.asked.values().filter_map(|a| a.refresh_date).collect();
        for day in refreshed {
            ledger.load_month(lake, layout, day).await?;
        }
        Ok(ledger)
    }

    /// A ledger of which no month is loaded yet.
    async fn standing(lake: &Lake, layout: &Layout, report: &str) -> Result<Ledger> {
        let (mut ledger, key) = (Ledger::empty(report), layout.standing(report));
        if let Some(found) = lake.read(&key).await? {
            ledger.standing = serde_json::from_slice(&found.bytes).map_err(|e| broken(&key, e))?;
            ledger.standing_saved = ledger.standing.clone();
            ledger.kept.insert(key, Sum::of(&found.bytes));
        }
        Ok(ledger)
    }

    /// Loads the month of `day` if it is not there yet.
    pub async fn load_month(&mut self, lake: &Lake, layout: &Layout, day: Day) -> Result<()> {
        let month = day.month();
        if self.months.contains_key(&month) {
            return Ok(());
        }
        let key = layout.ledger(&self.report, month);
        let mut slices = BTreeMap::new();
        if let Some(found) = lake.read(&key).await? {
            for slice in serde_json::Deserializer::from_slice(&found.bytes).into_iter::<Slice>() {
                let slice = slice.map_err(|e| broken(&key, e))?;
                let into = if slice.status == Status::Held { &mut self.held } else { &mut slices };
                into.insert((slice.window, slice.day), slice);
            }
            self.kept.insert(key, Sum::of(&found.bytes));
        }
        self.months.insert(month, slices);
        Ok(())
    }

    /// Loads everything that the ledger has of a report: for the calendar and the manifest, not for a night.
    pub async fn load_all(lake: &Lake, layout: &Layout, report: &str, keys: &[String]) -> Result<Ledger> {
        let mut ledger = Ledger::standing(lake, layout, report).await?;
        let folder = format!("/report={report}/month=");
        for key in keys {
            let Some(month) = key.split_once(&folder).and_then(|(_, m)| m.strip_suffix(".jsonl")) else { continue };
            if let Ok(day) = month.parse() {
                ledger.load_month(lake, layout, day).await?;
            }
        }
        Ok(ledger)
    }

    /// The reports and lists that a tenant has a ledger of, and the keys of all of them, for [`Ledger::load_all`].
    pub async fn every(lake: &Lake, layout: &Layout) -> Result<(Vec<String>, Vec<String>)> {
        let keys: Vec<String> = lake.list(&layout.ledgers()).await?.into_iter().map(|(key, _)| key).collect();
        let prefix = format!("{}/report=", layout.ledgers());
        let report = |key: &String| Some(key.strip_prefix(&prefix)?.split('/').next()?.to_string());
        let mut reports: Vec<String> = keys.iter().filter_map(report).collect();
        reports.dedup();
        Ok((reports, keys))
    }

    /// The report's table name.
    pub fn report(&self) -> &str {
        &self.report
    }

    /// The slice of a window and day, if the ledger has it.
    pub fn get(&self, window: Window, day: Day) -> Option<&Slice> {
        self.months.get(&day.month())?.get(&(window, day))
    }

    /// The slice of `date=day`.
    pub fn date(&self, day: Day) -> Option<&Slice> {
        self.get(Window::Date(day), day)
    }

    /// The answer that a guard holds for a window and day.
    pub fn held_at(&self, window: Window, day: Day) -> Option<&Slice> {
        self.held.get(&(window, day))
    }

    /// All answers that a guard holds, as far as they are loaded.
    pub fn held(&self) -> impl Iterator<Item = &Slice> {
        self.held.values()
    }

    /// All slices that are loaded, by month, window and day. What is held is none of them: it has no rows in a table.
    pub fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.months.values().flat_map(BTreeMap::values)
    }

    /// Records an answer that a guard holds, in memory. What is published for the same window and day stays.
    pub fn hold(&mut self, mut slice: Slice) {
        self.dirty.insert(slice.day.month());
        if let Some(before) = self.let_go(slice.window, slice.day) {
            slice.first_read_at.clone_from(&before.first_read_at);
            slice.before.clone_from(&before.before);
            slice.before.push(before.reading());
        }
        self.held.insert((slice.window, slice.day), slice);
    }

    /// Takes an answer out of what is held.
    fn let_go(&mut self, window: Window, day: Day) -> Option<Slice> {
        let slice = self.held.remove(&(window, day))?;
        self.dirty.insert(day.month());
        self.useless.extend(slice.raw.iter().map(|o| o.path.clone()));
        Some(slice)
    }

    /// Forgets an answer that a guard holds. That it was read stays in the history of its slice; where there is none, the
    /// slice has failed, for `why`.
    pub fn discard(&mut self, window: Window, day: Day, why: &str) {
        let Some(held) = self.let_go(window, day) else { return };
        let slice = self.months.entry(day.month()).or_default().entry((window, day)).or_insert_with(|| {
            let reason = held.reason.as_deref().unwrap_or_default();
            Slice {
                reason: Some(format!("{why}: {reason}")),
                ..Slice::new(window, day, Status::Failed, &held.read_at, &held.run)
            }
        });
        slice.before.extend(held.before.iter().cloned().chain([held.reading()]));
        slice.before.sort_by(|a, b| a.read_at.cmp(&b.read_at));
    }

    /// Records a slice, in memory. What an earlier reading of the same slice said goes into its history. An answer that is
    /// sound takes the place of what is held of the same window: for the same day, and of a period or state for earlier ones.
    pub fn record(&mut self, mut slice: Slice) {
        let mut doubted = None;
        if slice.status == Status::Landed {
            doubted = self.let_go(slice.window, slice.day).filter(|held| held.sha256 != slice.sha256);
            let earlier = |(w, d): &(Window, Day)| *w == slice.window && *d < slice.day;
            for (window, day) in self.held.keys().copied().filter(earlier).collect::<Vec<_>>() {
                self.discard(window, day, "a later answer was sound, this one was not published");
            }
        }
        let month = slice.day.month();
        let slices = self.months.entry(month).or_default();
        if let Some(before) = slices.get(&(slice.window, slice.day)) {
            slice.follow(before);
        }
        slice.before.extend(doubted.iter().flat_map(|held| held.before.iter().cloned().chain([held.reading()])));
        slice.before.sort_by(|a, b| a.read_at.cmp(&b.read_at));
        slices.insert((slice.window, slice.day), slice);
        self.dirty.insert(month);
    }

    /// Says something else of a slice that is there, without a new reading: what a replay made of the same answer.
    pub fn amend(&mut self, slice: Slice) {
        self.dirty.insert(slice.day.month());
        self.months.entry(slice.day.month()).or_default().insert((slice.window, slice.day), slice);
    }

    /// Lets `change` see each slice that is loaded, held ones too; where it answers that it has changed one, that is written.
    pub fn mend(&mut self, mut change: impl FnMut(&mut Slice) -> bool) {
        for slice in self.months.values_mut().flat_map(BTreeMap::values_mut).chain(self.held.values_mut()) {
            if change(slice) {
                self.dirty.insert(slice.day.month());
            }
        }
    }

    /// When the object at `path` was put last, as far as the ledger knows. Of a month that several answers filled, the latest word
    /// counts.
    pub fn latest(&self, path: &str) -> Option<String> {
        let names = |s: &&Slice| s.objects.iter().any(|o| o.path == path);
        self.slices().filter(names).map(|s| s.published_at.clone()).max()
    }

    /// Has months and standing written that are as an earlier version wrote them; answers how many objects that are.
    pub fn renew(&mut self, layout: &Layout) -> u64 {
        let other = |key: &str, text: &[u8]| self.kept.get(key).is_some_and(|sum| *sum != Sum::of(text));
        let months: Vec<Day> = self.months.keys().copied().collect();
        let older = |month: &Day| other(&layout.ledger(&self.report, *month), &self.text(*month));
        let older: Vec<Day> = months.into_iter().filter(older).collect();
        let standing =
            other(&layout.standing(&self.report), &serde_json::to_vec_pretty(&self.standing).unwrap_or_default());
        self.written = self.written && !standing;
        self.dirty.extend(&older);
        older.len() as u64 + u64::from(standing)
    }

    /// Tells the standing of days from `since` on that it has not heard of: a kill came after their month and before it.
    pub fn hear_of_days(&mut self, since: Day) {
        let known = self.months.values().flat_map(BTreeMap::keys).chain(self.held.keys());
        let first =
            known.filter(|(window, day)| *window == Window::Date(*day) && *day >= since).map(|(_, day)| *day).min();
        if let Some(day) = first {
            self.standing.answered(Window::Date(day), day, None);
        }
    }

    /// A month as it is written: one slice a line.
    fn text(&self, month: Day) -> Vec<u8> {
        let mut text = Vec::new();
        let held = self.held.values().filter(|s| s.day.month() == month);
        for slice in self.months.get(&month).into_iter().flat_map(BTreeMap::values).chain(held) {
            if serde_json::to_writer(&mut text, slice).is_ok() {
                text.push(b'\n');
            }
        }
        text
    }

    /// Writes what has changed, then deletes the bodies of answers that are held no more. One that a kill leaves behind is
    /// in nobody's way; `verify` names it.
    pub async fn save(&mut self, lake: &Lake, layout: &Layout, guard: &Guard) -> Result<()> {
        while let Some(month) = self.dirty.first().copied() {
            let text = self.text(month);
            let (key, sum) = (layout.ledger(&self.report, month), Sum::of(&text));
            lake.replace(&key, text.into(), guard).await?;
            self.kept.insert(key, sum);
            self.dirty.remove(&month);
        }
        if self.standing != self.standing_saved || !self.written {
            let text = serde_json::to_vec_pretty(&self.standing).unwrap_or_default();
            let (key, sum) = (layout.standing(&self.report), Sum::of(&text));
            lake.replace(&key, text.into(), guard).await?;
            self.kept.insert(key, sum);
            self.standing_saved = self.standing.clone();
            self.written = true;
        }
        while let Some(key) = self.useless.pop() {
            // Where raw is kept, what was held is part of it and stays.
            if layout.is_held(&key) {
                lake.delete(&key, guard).await?;
            }
        }
        Ok(())
    }
}

fn broken(key: &str, e: serde_json::Error) -> Error {
    Error::new(Kind::Lake, "the ledger cannot be read")
        .with("object", key)
        .because(e)
        .hint("it was changed by something else; restore the object, or delete it: its days are then read again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(window: &str, day: &str, status: Status, at: &str, sha256: &str) -> Slice {
        let (window, day) = (window.parse().unwrap(), day.parse().unwrap());
        Slice { rows: 5, sha256: sha256.to_string(), ..Slice::new(window, day, status, at, "r") }
    }

    #[test]
    fn what_is_held_stands_beside_what_is_published_until_a_sound_answer_comes() {
        let mut ledger = Ledger::empty("x");
        let at = "2026-11-18";
        let window = Window::Date(at.parse().unwrap());
        ledger.record(slice("date=2026-11-18", at, Status::Landed, "1", "a"));
        ledger.hold(slice("date=2026-11-18", at, Status::Held, "2", "b"));
        assert_eq!(ledger.date(at.parse().unwrap()).unwrap().sha256, "a");
        // What says nothing new leaves it alone.
        for status in [Status::Empty, Status::Late, Status::Failed] {
            ledger.record(slice("date=2026-11-18", at, status, "3", ""));
            assert_eq!(ledger.held_at(window, at.parse().unwrap()).unwrap().sha256, "b");
        }
        ledger.record(slice("date=2026-11-18", at, Status::Landed, "4", "c"));
        assert_eq!(ledger.held().count(), 0);
        let before = &ledger.date(at.parse().unwrap()).unwrap().before;
        let said: Vec<_> = before.iter().map(|r| (r.status, r.sha256.as_str())).collect();
        assert_eq!(said, [(Status::Held, "b"), (Status::Landed, "a")]);
    }

    #[test]
    fn a_released_answer_is_no_reading_of_its_own() {
        let mut ledger = Ledger::empty("x");
        ledger.hold(slice("period=D7", "2026-11-18", Status::Held, "2", "b"));
        ledger.record(slice("period=D7", "2026-11-18", Status::Landed, "2", "b"));
        let all: Vec<_> = ledger.slices().collect();
        assert_eq!((all.len(), all[0].before.len(), ledger.held().count()), (1, 0, 0));
    }

    #[test]
    fn a_sound_answer_for_a_period_makes_earlier_held_ones_obsolete_and_no_others() {
        let mut ledger = Ledger::empty("x");
        ledger.hold(slice("period=D7", "2026-11-16", Status::Held, "1", "a"));
        ledger.hold(slice("period=D7", "2026-11-19", Status::Held, "2", "b"));
        ledger.hold(slice("period=D30", "2026-11-16", Status::Held, "3", "c"));
        ledger.record(slice("period=D7", "2026-11-18", Status::Landed, "4", "d"));
        let left: Vec<_> = ledger.held().map(|s| s.sha256.as_str()).collect();
        assert_eq!(left.len(), 2);
        assert!(left.contains(&"b") && left.contains(&"c"), "{left:?}");
        let gone = ledger.get(Window::Period(7), "2026-11-16".parse().unwrap()).unwrap();
        assert_eq!((gone.status, gone.before[0].status), (Status::Failed, Status::Held));
    }
}
