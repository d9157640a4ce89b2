//! Which part of a table a model reads: a scope and a month become a set of objects, before any SQL runs. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::day::Day;
use crate::ledger::Object;

/// A part of a table, seen from the month that is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The months from so many after it to so many after it, both included; negative numbers are months before.
    Months(i32, i32),
    /// What was read last in the month and is no answer for one day: the latest day, and of it the shortest period.
    Last,
    /// The month; else the last one before it; else the first one after it.
    State,
    /// Everything.
    All,
    /// No object at all: an empty table. Only shared marts read so.
    Nothing,
}

impl Scope {
    /// The month that is built.
    pub const MONTH: Scope = Scope::Months(0, 0);
    /// The month before it.
    pub const PREVIOUS: Scope = Scope::Months(-1, -1);
}

/// The words for ranges of months that have one.
const WORDS: [(&str, Scope); 4] = [
    ("month", Scope::MONTH),
    ("previous", Scope::PREVIOUS),
    ("next", Scope::Months(1, 1)),
    ("around", Scope::Months(-1, 1)),
];

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        if let Some((_, scope)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*scope);
        }
        match text {
            "last" => return Ok(Scope::Last),
            "state" => return Ok(Scope::State),
            "all" => return Ok(Scope::All),
            _ => {}
        }
        let range = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        range
            .filter(|(a, b): &(i32, i32)| a <= b && a.abs().max(b.abs()) < 1200)
            .map(|(a, b)| Scope::Months(a, b))
            .ok_or_else(|| {
                format!("`{text}` is no scope: expected month, previous, next, around, last, state, all or `-2..5`")
            })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((word, _)) = WORDS.iter().find(|(_, scope)| scope == self) {
            return f.write_str(word);
        }
        match self {
            Scope::Months(a, b) => write!(f, "{a}..{b}"),
            Scope::Last => f.write_str("last"),
            Scope::State => f.write_str("state"),
            Scope::All => f.write_str("all"),
            Scope::Nothing => f.write_str("nothing"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Scope, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The month `n` months after `month`.
pub fn shifted(month: Day, n: i32) -> Day {
    use chrono::Datelike;
    let date = month.date();
    let months = date.year() * 12 + date.month0() as i32 + n;
    Day::new(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1).unwrap_or(month)
}

/// The partition of an object, as far as a scope looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// The month of its day, or its month; none where it has neither.
    month: Option<Day>,
    /// Its day and period, where it has them.
    day: Option<(Day, u16)>,
}

fn place(object: &Object) -> Place {
    let value = |name| crate::engine::value(&object.path, name);
    let day: Option<Day> = value("day").and_then(|d| d.parse().ok());
    let period: Option<u16> = value("period").and_then(|p| p.parse().ok());
    let month: Option<Day> = value("month").and_then(|m| m.parse().ok());
    Place { month: month.or(day.map(Day::month)), day: day.zip(period) }
}

/// The month that an object speaks of: of its `month=`, or of its `day=`.
pub fn month(object: &Object) -> Option<Day> {
    place(object).month
}

/// The day that an object of a detail speaks of.
pub fn day(object: &Object) -> Option<Day> {
    place(object).day.map(|(day, _)| day)
}

/// The objects of a table that `scope` means for the month that is built. Without a month it can only be everything.
pub fn choose<'a>(scope: Scope, built: Option<Day>, objects: &'a [Object]) -> Vec<&'a Object> {
    if scope == Scope::Nothing {
        return Vec::new();
    }
    let Some(built) = built else { return objects.iter().collect() };
    match scope {
        Scope::Nothing => Vec::new(),
        Scope::All => objects.iter().collect(),
        Scope::Months(a, b) => {
            let (from, to) = (shifted(built, a), shifted(built, b));
            // An object without a month speaks of all of them.
            objects.iter().filter(|o| month(o).is_none_or(|m| from <= m && m <= to)).collect()
        }
        Scope::Last => {
            let read = |o: &&'a Object| Some((*o, place(o).day.filter(|(d, p)| *p != 1 && d.month() == built)?));
            let last = objects.iter().filter_map(|o| read(&o)).map(|(_, (d, p))| (d, std::cmp::Reverse(p))).max();
            let is_last = |(_, (d, p)): &(&Object, (Day, u16))| Some((*d, std::cmp::Reverse(*p))) == last;
            objects.iter().filter_map(|o| read(&o)).filter(is_last).map(|(o, _)| o).collect()
        }
        Scope::State => {
            let months: Vec<Day> = objects.iter().filter_map(month).collect();
            let before = months.iter().filter(|m| **m <= built).max();
            let state = before.or(months.iter().filter(|m| **m > built).min());
            objects.iter().filter(|o| month(o).as_ref() == state).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> Object {
        Object { path: path.to_string(), size: 1, sha256: path.to_string(), rows: 1 }
    }

    fn details(places: &[(u16, &str)]) -> Vec<Object> {
        places.iter().map(|(p, d)| object(&format!("tables/x/tenant=a/period={p}/day={d}/part-0.parquet"))).collect()
    }

    fn months(months: &[&str]) -> Vec<Object> {
        months.iter().map(|m| object(&format!("tables/y/tenant=a/month={m}/part-0.parquet"))).collect()
    }

    fn chosen(scope: &str, month: &str, objects: &[Object]) -> Vec<String> {
        let chosen = choose(scope.parse().unwrap(), Some(month.parse().unwrap()), objects);
        let short = |o: &&Object| {
            o.path
                .split('/')
                .skip(3)
                .filter(|p| p.contains('='))
                .map(|p| p.split_once('=').unwrap().1)
                .collect::<Vec<_>>()
                .join(" ")
        };
        chosen.iter().map(short).collect()
    }

    #[test]
    fn words_and_ranges_read_what_they_print() {
        for text in ["month", "previous", "next", "around", "last", "state", "all", "-2..5", "0..3"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for bad in ["", "months", "5..2", "1..", "..", "0..9999"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
        assert_eq!("-1..1".parse::<Scope>().unwrap().to_string(), "around");
    }

    #[test]
    fn months_shift_over_years() {
        let m = |s: &str| s.parse::<Day>().unwrap();
        assert_eq!(shifted(m("2026-01-01"), -1), m("2025-12-01"));
        assert_eq!(shifted(m("2026-11-01"), 14), m("2028-01-01"));
    }

    #[test]
    fn ranges_of_a_detail_are_days_of_those_months_of_every_period() {
        let objects =
            details(&[(1, "2026-01-31"), (1, "2026-02-01"), (7, "2026-02-28"), (180, "2026-03-01"), (0, "2026-04-02")]);
        assert_eq!(chosen("month", "2026-02-01", &objects), ["1 2026-02-01", "7 2026-02-28"]);
        assert_eq!(chosen("previous", "2026-02-01", &objects), ["1 2026-01-31"]);
        assert_eq!(chosen("around", "2026-02-01", &objects).len(), 4);
        assert_eq!(chosen("0..2", "2026-02-01", &objects).len(), 4);
        assert_eq!(chosen("all", "2026-02-01", &objects).len(), 5);
    }

    #[test]
    fn last_is_the_latest_day_and_its_shortest_period_and_no_date_answer() {
        let objects =
            details(&[(1, "2026-02-27"), (7, "2026-02-26"), (30, "2026-02-26"), (7, "2026-02-20"), (7, "2026-03-01")]);
        assert_eq!(chosen("last", "2026-02-01", &objects), ["7 2026-02-26"]);
        assert!(chosen("last", "2026-01-01", &objects).is_empty());
        assert_eq!(chosen("last", "2026-02-01", &details(&[(0, "2026-02-03"), (7, "2026-02-03")])), ["0 2026-02-03"]);
    }

    #[test]
    fn a_state_is_the_months_else_the_last_before_else_the_first_after() {
        let objects = months(&["2026-02-01", "2026-04-01", "2026-05-01"]);
        assert_eq!(chosen("state", "2026-04-01", &objects), ["2026-04-01"]);
        assert_eq!(chosen("state", "2026-03-01", &objects), ["2026-02-01"]);
        assert_eq!(chosen("state", "2026-01-01", &objects), ["2026-02-01"]);
        assert_eq!(chosen("state", "2027-01-01", &objects), ["2026-05-01"]);
        assert!(chosen("state", "2026-01-01", &[]).is_empty());
    }

    #[test]
    fn an_object_without_months_is_in_every_range() {
        let objects = [object("marts/calendar/tenant=a/part-0.parquet")];
        assert_eq!(choose(Scope::MONTH, "2026-01-01".parse().ok(), &objects).len(), 1);
        assert_eq!(choose(Scope::All, None, &objects).len(), 1);
    }
}
