//! How a report stands in a tenant, apart from its days: whether it is served at all, and what was asked when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::day::{Day, Window};

/// Whether Graph serves a report to the tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// It was not asked yet, or it is served.
    #[default]
    Served,
    /// Graph says that it is not enabled, licensed or offered here.
    NotEnabled,
    /// Graph does not know the tenant yet.
    NotReady,
    /// The application lacks the permission, and never had it.
    NotPermitted,
}

/// When a window was last asked for, and what it brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The UTC day of the last answer.
    pub on: Day,
    /// The refresh date of the last answer that had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_date: Option<Day>,
}

/// That answers of a report fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// The day of the first run in which something of it failed, of those that followed each other.
    pub since: Day,
    /// The day of the last.
    pub on: Day,
    /// What failed first in the last, and why.
    pub reason: String,
}

/// How a report stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether Graph serves it.
    #[serde(default)]
    pub availability: Availability,
    /// Since when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Day>,
    /// When it was last asked whether it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_on: Option<Day>,
    /// Why it is not served, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// That something of it failed in the last run that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
    /// Whether it ever landed a row: losing such a report is a failure.
    #[serde(default)]
    pub ever_landed: bool,
    /// The first day that `date=` was asked for: days before it were never ours to lose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates_from: Option<Day>,
    /// Periods and the present state, by window.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, Asked>,
}

impl Standing {
    /// When a window other than `date=` was last answered.
    pub fn asked(&self, window: Window) -> Option<&Asked> {
        self.asked.get(&window.folder())
    }

    /// The latest refresh date of any period.
    pub fn refresh_date(&self) -> Option<Day> {
        self.asked.values().filter_map(|a| a.refresh_date).max()
    }

    /// Notes an answer; for a day, that it was asked for, whatever came of it.
    pub fn answered(&mut self, window: Window, on: Day, refresh_date: Option<Day>) {
        if let Window::Date(day) = window {
            self.dates_from = Some(self.dates_from.map_or(day, |d| d.min(day)));
            return;
        }
        let asked = self.asked.entry(window.folder()).or_insert(Asked { on, refresh_date });
        asked.on = on;
        asked.refresh_date = refresh_date.or(asked.refresh_date);
    }

    /// Notes what failed in a run that asked for it, or that nothing did.
    pub fn fails(&mut self, reason: Option<&str>, on: Day) {
        let since = self.failing.as_ref().map_or(on, |f| f.since);
        self.failing = reason.map(|reason| Failing { since, on, reason: reason.to_string() });
    }

    /// Notes whether the report is served.
    pub fn is(&mut self, availability: Availability, on: Day, reason: Option<String>) {
        if self.availability != availability || self.since.is_none() {
            self.since = Some(on);
        }
        self.availability = availability;
        self.probed_on = Some(on);
        self.reason = reason;
    }
}
