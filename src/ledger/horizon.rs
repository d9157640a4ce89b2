//! How far retention has come: for each table and model the first day that is kept.
//!
//! It is put before anything is deleted: from then on nothing of an earlier day is published, whoever has it, and what is gone is
//! not missing. What was taken stays taken, also where the pipeline keeps longer later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};

/// The first days that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Horizon {
    /// By table and model. What is before is taken, or about to be.
    #[serde(default)]
    until: BTreeMap<String, Day>,
    /// The same, as far as it is done.
    #[serde(default)]
    done: BTreeMap<String, Day>,
}

impl Horizon {
    /// The horizon of a tenant; nothing was ever taken where there is none.
    pub async fn read(lake: &Lake, layout: &Layout) -> Result<Horizon> {
        let key = layout.horizon();
        let Some(found) = lake.read(&key).await? else { return Ok(Horizon::default()) };
        serde_json::from_slice(&found.bytes).map_err(|e| {
            Error::new(Kind::Lake, "what retention has taken cannot be read")
                .with("object", &key)
                .because(e)
                .hint("restore the object from a backup; without it days that were taken could come back")
        })
    }

    /// Puts it.
    pub async fn write(&self, lake: &Lake, layout: &Layout, guard: &Guard) -> Result<()> {
        lake.replace(&layout.horizon(), serde_json::to_vec_pretty(self).unwrap_or_default().into(), guard).await
    }

    /// The first day that is kept of a table or model; none where nothing was ever taken of it.
    pub fn of(&self, name: &str) -> Option<Day> {
        self.until.get(name).copied()
    }

    /// The same, as far as it is done.
    pub fn done(&self, name: &str) -> Option<Day> {
        self.done.get(name).copied()
    }

    /// Whether a day of a table or model is taken.
    pub fn takes(&self, name: &str, day: Day) -> bool {
        self.of(name).is_some_and(|until| day < until)
    }

    /// Whether the object of a table with this key is of a day or month that is taken.
    pub fn takes_object(&self, key: &str) -> bool {
        let mut parts = key.split('/');
        let (Some("tables"), Some(table)) = (parts.next(), parts.next()) else { return false };
        let of = |part: &str| part.strip_prefix("day=").or(part.strip_prefix("month=")).and_then(|d| d.parse().ok());
        parts.find_map(of).is_some_and(|day| self.takes(table, day))
    }

    /// Whether something of this day or an earlier one was ever taken.
    pub fn is_beyond(&self, day: Day) -> bool {
        self.until.values().any(|until| *until > day)
    }

    /// Moves the first day that is kept. It never moves back.
    pub fn raise(&mut self, name: &str, until: Day) {
        let at = self.until.entry(name.to_string()).or_insert(until);
        *at = until.max(*at);
    }

    /// Tables and models of which something may still have to be taken, each from when on.
    pub fn due(&self) -> impl Iterator<Item = (&str, Option<Day>)> {
        let all = self.until.iter().map(|(name, until)| (name.as_str(), self.done(name), *until));
        all.filter(|(_, done, until)| *done != Some(*until)).map(|(name, done, _)| (name, done))
    }

    /// All is done.
    pub fn finish(&mut self) {
        self.done = self.until.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_on_and_never_back() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let mut horizon = Horizon::default();
        assert!(!horizon.takes("x", day("1999-01-01")));
        horizon.raise("x", day("2026-02-03"));
        horizon.raise("x", day("2026-01-01"));
        assert_eq!(horizon.of("x"), Some(day("2026-02-03")));
        assert!(horizon.takes("x", day("2026-02-02")) && !horizon.takes("x", day("2026-02-03")));
        assert_eq!(horizon.due().collect::<Vec<_>>(), [("x", None)]);
        horizon.finish();
        assert_eq!(horizon.due().count(), 0);
        horizon.raise("x", day("2026-02-04"));
        assert_eq!(horizon.due().collect::<Vec<_>>(), [("x", Some(day("2026-02-03")))]);
        for (key, taken) in [
            ("tables/x/tenant=a/period=7/day=2026-02-03/part-0.parquet", true),
            ("tables/x/tenant=a/period=7/day=2026-02-04/part-0.parquet", false),
            ("tables/x/tenant=a/month=2026-02-01/part-0.parquet", true),
            ("tables/y/tenant=a/month=2026-02-01/part-0.parquet", false),
            ("marts/x/tenant=a/month=2026-02-01/part-0.parquet", false),
        ] {
            assert_eq!(horizon.takes_object(key), taken, "{key}");
        }
    }
}
