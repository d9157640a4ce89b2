//! Days, periods and the clock. Every date is UTC, as Graph's are.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A calendar day in UTC, kept as days since 1970-01-01 (the number that Arrow's `Date32` holds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// 0001-01-01 and 9999-12-31, the days that Parquet readers agree on.
const FIRST: i32 = -719_162;
const LAST: i32 = 2_932_896;

impl Day {
    /// The day that is `n` days after 1970-01-01.
    pub const fn from_epoch(n: i32) -> Day {
        Day(n)
    }

    /// The day `year-month-day`, if there is one.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        NaiveDate::from_ymd_opt(year, month, day).map(Day::from)
    }

    /// Days since 1970-01-01.
    pub fn epoch(self) -> i32 {
        self.0
    }

    /// The day `n` days later (earlier, where `n` is negative), held inside the years 1 to 9999.
    pub fn plus(self, n: i32) -> Day {
        Day(self.0.saturating_add(n).clamp(FIRST, LAST))
    }

    /// How many days this day is after `earlier`.
    pub fn since(self, earlier: Day) -> i32 {
        self.0 - earlier.0
    }

    /// The first day of this day's month.
    pub fn month(self) -> Day {
        let d = self.date();
        self.plus(1 - d.day() as i32)
    }

    /// The same day of the month `n` months before; its last, where it is shorter.
    pub fn months_before(self, n: u32) -> Day {
        self.date().checked_sub_months(chrono::Months::new(n)).map_or(Day(FIRST), Day::from)
    }

    /// Days from Monday: 0 to 6.
    pub fn weekday(self) -> u32 {
        (self.0 + 3).rem_euclid(7) as u32
    }

    /// The same day as chrono has it.
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0.clamp(FIRST, LAST)).unwrap_or_default()
    }

    /// The UTC day of an instant.
    pub fn of(at: DateTime<Utc>) -> Day {
        Day::from(at.date_naive())
    }
}

impl From<NaiveDate> for Day {
    fn from(d: NaiveDate) -> Day {
        Day(d.to_epoch_days())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.date();
        write!(f, "{:04}-{:02}-{:02}", d.year(), d.month(), d.day())
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(s: &str) -> Result<Day, String> {
        NaiveDate::parse_from_str(s, "%Y-%m-%d")
            .map(Day::from)
            .map_err(|_| format!("`{s}` is not a day of the form YYYY-MM-DD"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Day, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What one request asks a report for; also the lake's `period` partition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// The present state: the function takes neither period nor date.
    Present,
    /// One day, `date=2026-11-20`.
    Date(Day),
    /// The last N days before the refresh date, `period='D7'`.
    Period(u16),
}

impl Window {
    /// The partition value `period=`: 0 for the present state, 1 for one day, else the days asked for.
    pub fn period(self) -> u16 {
        match self {
            Window::Present => 0,
            Window::Date(_) => 1,
            Window::Period(n) => n,
        }
    }

    /// The folder under `raw/…/report=<report>/`, and the word for people: `present`, `date=2026-11-20`, `period=D7`.
    pub fn folder(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Present => f.write_str("present"),
            Window::Date(day) => write!(f, "date={day}"),
            Window::Period(n) => write!(f, "period=D{n}"),
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(s: &str) -> Result<Window, String> {
        if s == "present" {
            return Ok(Window::Present);
        }
        if let Some(day) = s.strip_prefix("date=") {
            return Ok(Window::Date(day.parse()?));
        }
        s.strip_prefix("period=D")
            .and_then(|n| n.parse().ok())
            .map(Window::Period)
            .ok_or_else(|| format!("`{s}` is no window: expected `present`, `date=YYYY-MM-DD` or `period=DN`"))
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Window, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from: the machine's clock, or a day that the caller names (`--today`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// Added to the machine's clock, so that time goes on from the day that was named.
    shift: chrono::Duration,
}

impl Clock {
    /// The machine's clock, moved so that today (UTC) is `day`.
    pub fn on(day: Day) -> Clock {
        Clock { shift: chrono::Duration::days(i64::from(day.since(Day::of(Utc::now())))) }
    }

    /// Now, in UTC.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.shift
    }

    /// Today, in UTC.
    pub fn today(&self) -> Day {
        Day::of(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_arithmetic() {
        let d: Day = "2026-02-28".parse().unwrap();
        assert_eq!(d.plus(1).to_string(), "2026-03-01");
        assert_eq!(d.month().to_string(), "2026-02-01");
        assert_eq!("2026-11-23".parse::<Day>().unwrap().weekday(), 0, "a Monday");
        assert_eq!("1969-12-31".parse::<Day>().unwrap().epoch(), -1);
        assert_eq!(Day::from_epoch(i32::MAX).plus(1).to_string(), "9999-12-31");
    }

    #[test]
    fn windows_read_what_they_print() {
        for w in [Window::Present, Window::Date("2026-11-20".parse().unwrap()), Window::Period(180)] {
            assert_eq!(w.to_string().parse::<Window>().unwrap(), w);
        }
        assert!("period=7".parse::<Window>().is_err());
    }
}
