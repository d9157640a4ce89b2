//! `[retention]`: how long what is kept is kept.

use std::collections::BTreeMap;

use super::reports::workload;
use crate::catalog::{self, directory, legacy};
use crate::day::Day;
use crate::error::{Error, Kind, Result, nearest};

/// The shortest retention: a month is final four weeks after its end, and its marts look at the month before.
const LEAST: [Keep; 2] = [Keep::Months(3), Keep::Days(92)];

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// So many months back from today.
    Months(u32),
    /// So many days.
    Days(u32),
    /// For ever.
    Forever,
}

/// How long each table is kept, and each model that is named. What is not here is kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    tables: BTreeMap<String, Keep>,
    models: BTreeMap<String, Keep>,
}

impl Keep {
    /// Reads `36 months`, `400 days` or `forever`.
    pub fn parse(text: &str) -> Result<Keep> {
        let wrong = |what: String| {
            Err(Error::new(Kind::Config, what).hint("write `36 months`, `400 days` or `forever`; at least `3 months`"))
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let number = |n: &str| n.parse::<u32>().ok().filter(|n| *n <= 100_000);
        let keep = match parts[..] {
            ["forever"] => return Ok(Keep::Forever),
            [n, "month" | "months"] => number(n).map(Keep::Months),
            [n, "day" | "days"] => number(n).map(Keep::Days),
            _ => None,
        };
        match keep {
            None => wrong(format!("`{text}` is no time to keep something")),
            Some(keep) if LEAST.iter().any(|least| keep.shorter(*least)) => {
                wrong(format!("`{text}` is shorter than what a night still reads and the marts still need"))
            }
            Some(keep) => Ok(keep),
        }
    }

    fn shorter(self, least: Keep) -> bool {
        match (self, least) {
            (Keep::Months(n), Keep::Months(least)) | (Keep::Days(n), Keep::Days(least)) => n < least,
            _ => false,
        }
    }

    /// The first day that is kept on `today`; none where all are.
    pub fn from(self, today: Day) -> Option<Day> {
        match self {
            Keep::Forever => None,
            Keep::Days(n) => Some(today.plus(-(n as i32))),
            Keep::Months(n) => Some(today.months_before(n)),
        }
    }
}

impl Retention {
    /// Of what is written: by table, report, workload or `*`. What says more of a table has the last word. A name that the catalog
    /// does not have may be a model's.
    pub fn resolve(written: &BTreeMap<String, String>) -> Result<Retention> {
        let mut retention = Retention::default();
        let mut said: BTreeMap<String, u8> = BTreeMap::new();
        for (name, text) in written {
            let keep = Keep::parse(text).map_err(|e| e.with("retention", name))?;
            let (weight, tables) = meant(name);
            if tables.is_empty() {
                retention.models.insert(name.clone(), keep);
            }
            for table in tables {
                if said.get(&table).is_none_or(|before| *before <= weight) {
                    said.insert(table.clone(), weight);
                    retention.tables.insert(table, keep);
                }
            }
        }
        Ok(retention)
    }

    /// Refuses a name that is neither a table's nor a model's.
    pub fn check(&self, models: &[&str]) -> Result<()> {
        let Some(name) = self.models.keys().find(|name| !models.contains(&name.as_str())) else { return Ok(()) };
        let known: Vec<String> = all_names().into_iter().chain(models.iter().map(|m| m.to_string())).collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("the nearest is `{near}`"),
            None => "name a table, a report, a workload, a mart or `*`".to_string(),
        };
        Err(Error::new(Kind::Config, format!("`[retention]` has no table or mart `{name}`")).hint(hint))
    }

    /// The tables and models that are not kept for ever, each with how long.
    pub fn all(&self) -> impl Iterator<Item = (&str, Keep)> {
        let all = self.tables.iter().chain(&self.models).map(|(name, keep)| (name.as_str(), *keep));
        all.filter(|(_, keep)| *keep != Keep::Forever)
    }
}

/// The tables that a name means, and how much it says: `*` least, a workload more, a table or report most.
fn meant(name: &str) -> (u8, Vec<String>) {
    let states = || directory::tables().iter().map(|t| &t.table).chain(legacy::tables().iter().map(|t| &t.table));
    if name == "*" {
        return (0, catalog::all().iter().map(|r| r.table()).chain(states().cloned()).collect());
    }
    if let Some(report) = catalog::find(name) {
        return (2, vec![report.table()]);
    }
    if let Some(table) = states().find(|table| *table == name) {
        return (2, vec![table.clone()]);
    }
    (1, workload(name).map(|r| r.table()).collect())
}

fn all_names() -> Vec<String> {
    let reports = catalog::all().iter().flat_map(|r| [r.table(), r.function.clone(), r.workload.clone()]);
    let states = directory::tables().iter().map(|t| t.table.clone());
    reports.chain(states).chain(legacy::tables().iter().map(|t| t.table.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: &[(&str, &str)]) -> Result<Retention> {
        Retention::resolve(&written.iter().map(|(n, t)| (n.to_string(), t.to_string())).collect())
    }

    #[test]
    fn times_are_months_days_or_for_ever() {
        assert_eq!(Keep::parse("36 months").unwrap(), Keep::Months(36));
        assert_eq!(Keep::parse("400 days").unwrap(), Keep::Days(400));
        assert_eq!(Keep::parse("forever").unwrap(), Keep::Forever);
        for bad in ["", "36", "36 weeks", "-1 days", "2 months", "91 days", "months", "1e9 days"] {
            let e = Keep::parse(bad).unwrap_err();
            assert!(e.kind() == Kind::Config && e.hint_text().is_some(), "{bad}");
        }
        let today: Day = "2026-05-31".parse().unwrap();
        assert_eq!(Keep::Months(3).from(today).unwrap().to_string(), "2026-02-28");
        assert_eq!(Keep::Days(100).from(today).unwrap().to_string(), "2026-02-20");
        assert_eq!(Keep::Forever.from(today), None);
    }

    #[test]
    fn the_name_that_says_more_has_the_last_word() {
        let retention = of(&[
            ("*", "36 months"),
            ("Email", "24 months"),
            ("getEmailActivityCounts", "forever"),
            ("users", "12 months"),
            ("user_activity", "13 months"),
        ])
        .unwrap();
        let keep = |name: &str| retention.all().find(|(n, _)| *n == name).map(|(_, keep)| keep);
        assert_eq!(keep("teams_user_activity_user_detail"), Some(Keep::Months(36)));
        assert_eq!(keep("email_activity_user_detail"), Some(Keep::Months(24)));
        assert_eq!(keep("email_activity_counts"), None);
        assert_eq!(keep("users"), Some(Keep::Months(12)));
        assert_eq!(keep("user_activity"), Some(Keep::Months(13)));
        retention.check(&["user_activity"]).unwrap();
        let e = retention.check(&["user_activities"]).unwrap_err();
        assert_eq!(e.hint_text(), Some("the nearest is `user_activities`"));
    }
}
