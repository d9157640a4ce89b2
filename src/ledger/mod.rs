//! The coverage ledger: for each report and window what was asked, what came, and where it went.
//!
//! It is written after the publish it speaks of, so what is not in it is asked for again. A report's ledger has one
//! writer, the task that extracts the report. Months are separate objects, so that a night costs the same after years.

mod manifest;
mod slice;
mod standing;

pub use manifest::{Entry, Manifest};
pub use slice::{Names, Object, Reading, Slice, Status};
pub use standing::{Asked, Availability, Standing};

use std::collections::{BTreeMap, BTreeSet};

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
    dirty: BTreeSet<Day>,
    published: BTreeSet<(Window, Day)>,
    standing_saved: Standing,
}

impl Ledger {
    /// An empty ledger of the report with this table name.
    pub fn empty(report: &str) -> Ledger {
        Ledger {
            report: report.to_string(),
            standing: Standing::default(),
            months: BTreeMap::new(),
            dirty: BTreeSet::new(),
            published: BTreeSet::new(),
            standing_saved: Standing::default(),
        }
    }

    /// Loads what a night needs of a report's ledger.
    pub async fn load(lake: &Lake, layout: &Layout, report: &str, today: Day) -> Result<Ledger> {
        let mut ledger = Ledger::empty(report);
        if let Some(found) = lake.read(&layout.standing(report)).await? {
            ledger.standing = serde_json::from_slice(&found.bytes).map_err(|e| broken(&layout.standing(report), e))?;
            ledger.standing_saved = ledger.standing.clone();
        }
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
                slices.insert((slice.window, slice.day), slice);
            }
        }
        self.months.insert(month, slices);
        Ok(())
    }

    /// Loads everything that the ledger has of a report: for the calendar and the manifest, not for a night.
    pub async fn load_all(lake: &Lake, layout: &Layout, report: &str, keys: &[String]) -> Result<Ledger> {
        let mut ledger = Ledger::empty(report);
        if let Some(found) = lake.read(&layout.standing(report)).await? {
            ledger.standing = serde_json::from_slice(&found.bytes).map_err(|e| broken(&layout.standing(report), e))?;
            ledger.standing_saved = ledger.standing.clone();
        }
        let folder = format!("/report={report}/month=");
        for key in keys {
            let Some(month) = key.split_once(&folder).and_then(|(_, m)| m.strip_suffix(".jsonl")) else { continue };
            if let Ok(day) = month.parse() {
                ledger.load_month(lake, layout, day).await?;
            }
        }
        Ok(ledger)
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

    /// All slices that are loaded, by month, window and day.
    pub fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.months.values().flat_map(BTreeMap::values)
    }

    /// Those of them whose objects were put since it was loaded. What older slices say of a month's object may no longer
    /// be so: a window that lies in a month that is not loaded may have replaced it.
    pub fn published(&self) -> impl Iterator<Item = &Slice> {
        self.published.iter().filter_map(|(window, day)| self.get(*window, *day))
    }

    /// Records a slice, in memory. What an earlier reading of the same slice said goes into its history.
    pub fn record(&mut self, mut slice: Slice) {
        let month = slice.day.month();
        let slices = self.months.entry(month).or_default();
        let key = (slice.window, slice.day);
        let before = slices.get(&key);
        if let Some(before) = before {
            slice.follow(before);
        }
        if before.map_or("", |b| &b.published_at) != slice.published_at {
            self.published.insert(key);
        }
        slices.insert(key, slice);
        self.dirty.insert(month);
    }

    /// Writes what has changed.
    pub async fn save(&mut self, lake: &Lake, layout: &Layout, guard: &Guard) -> Result<()> {
        while let Some(month) = self.dirty.first().copied() {
            let mut text = Vec::new();
            for slice in self.months.get(&month).into_iter().flat_map(BTreeMap::values) {
                if serde_json::to_writer(&mut text, slice).is_ok() {
                    text.push(b'\n');
                }
            }
            lake.replace(&layout.ledger(&self.report, month), text.into(), guard).await?;
            self.dirty.remove(&month);
        }
        if self.standing != self.standing_saved {
            let text = serde_json::to_vec_pretty(&self.standing).unwrap_or_default();
            lake.replace(&layout.standing(&self.report), text.into(), guard).await?;
            self.standing_saved = self.standing.clone();
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
