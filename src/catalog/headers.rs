//! Which column a header means, and which report and window a file is.
//!
//! Headers are matched by their letters and digits alone, never by position: Graph moves columns, doubles blanks,
//! changes case and writes the same name in CSV and in JSON's camelCase. A file that could be several reports is never
//! guessed: its name decides, or nobody does.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use super::{Merge, Report, all};
use crate::day::{Day, Window};

/// A name as it is compared: its letters and digits in lower case.
pub fn normalise(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a header row means for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// For each header the position of its column in the catalog, or none where the catalog does not know it. Where two
    /// headers mean one column, the one with the column's own name has it, else the first; the other is unknown.
    pub columns: Vec<Option<usize>>,
    /// Positions of the catalog's columns that no header means.
    pub missing: Vec<usize>,
}

impl Match {
    /// How many headers are known.
    pub fn known(&self) -> usize {
        self.columns.iter().flatten().count()
    }

    /// How many headers are not.
    fn unknown(&self) -> usize {
        self.columns.len() - self.known()
    }
}

/// Matches a header row (already split, trimmed and without a byte order mark) with a report's columns.
pub fn match_headers(report: &Report, headers: &[String]) -> Match {
    let mut own: HashMap<String, usize> = HashMap::new();
    let mut alias: HashMap<String, usize> = HashMap::new();
    for (i, c) in report.columns.iter().enumerate() {
        own.entry(normalise(&c.header)).or_insert(i);
        own.entry(normalise(&c.name)).or_insert(i);
        for a in &c.aliases {
            alias.entry(normalise(a)).or_insert(i);
        }
    }
    let wanted: Vec<String> = headers.iter().map(|h| normalise(h)).collect();
    let mut columns = vec![None; headers.len()];
    let mut taken = vec![false; report.columns.len()];
    for names in [own, alias] {
        for (column, wanted) in columns.iter_mut().zip(&wanted) {
            if let (None, Some(&i)) = (*column, names.get(wanted))
                && !taken[i]
            {
                taken[i] = true;
                *column = Some(i);
            }
        }
    }
    let missing = (0..taken.len()).filter(|i| !taken[*i]).collect();
    Match { columns, missing }
}

/// Which report a file is, as far as its header row and its name tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// Exactly this one.
    One(&'a Report),
    /// These can all be meant, and the name does not decide.
    Several(Vec<&'a Report>),
    /// None has these columns.
    None,
}

impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for Report {}

/// Recognises a report by its header row and, where that leaves a choice, by the file's name.
///
/// The name decides among reports that fit, unless it leaves headers unknown while another report has all of them and
/// misses none. Without a name, the reports with the fewest unknown headers are meant: those of them that miss no
/// documented column, or else all, since an older header row may be the beginning of several. A report whose columns
/// were never read in a document is meant only by its name.
pub fn recognise<'a>(headers: &[String], file_name: &str) -> Recognised<'a> {
    let candidates: Vec<Candidate> = all()
        .iter()
        .map(|report| (report, match_headers(report, headers)))
        .filter(|(report, m)| fits(report, m))
        .map(|(report, m)| Candidate {
            report,
            unknown: m.unknown(),
            missing: m.missing.iter().filter(|i| expected(report, **i)).count(),
        })
        .collect();
    if let Some(named) = named(file_name).and_then(|r| candidates.iter().find(|c| c.report == r)) {
        let better = |c: &&Candidate| c.report.verified && c.whole() && c.report != named.report;
        if named.unknown == 0 || !candidates.iter().any(|c| better(&c)) {
            return Recognised::One(named.report);
        }
    }
    let verified = || candidates.iter().filter(|c| c.report.verified);
    let Some(unknown) = verified().map(|c| c.unknown).min() else { return Recognised::None };
    let complete = verified().any(|c| c.unknown == unknown && c.missing == 0);
    let found: Vec<&Report> =
        verified().filter(|c| c.unknown == unknown && (c.missing == 0 || !complete)).map(|c| c.report).collect();
    match found[..] {
        [one] => Recognised::One(one),
        _ => Recognised::Several(found),
    }
}

/// A report that fits a header row, and how well.
struct Candidate {
    report: &'static Report,
    /// Headers that it does not know.
    unknown: usize,
    /// Documented columns that no header means.
    missing: usize,
}

impl Candidate {
    /// Whether the header row is the documented one, in any order.
    fn whole(&self) -> bool {
        self.unknown == 0 && self.missing == 0
    }
}

/// The report whose name is in the file's name: its function with or without `get`, its table, or another name that the
/// catalog has for its files. The longest name wins, since some are the beginning of others.
fn named(file_name: &str) -> Option<&'static Report> {
    let stem = normalise(base(file_name));
    all()
        .iter()
        .flat_map(|r| {
            let function = normalise(&r.function);
            let short = function.strip_prefix("get").unwrap_or(&function).to_string();
            let others = r.file_names.iter().map(|n| normalise(n));
            others.chain([short]).map(move |name| (name, r))
        })
        .filter(|(name, _)| stem.contains(name.as_str()))
        .max_by_key(|(name, _)| name.len())
        .map(|(_, r)| r)
}

/// The last part of a path, whichever way it is written.
fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a column is in every documented answer of the version that is asked: one that is missing is news.
pub fn expected(report: &Report, column: usize) -> bool {
    let c = &report.columns[column];
    !c.undocumented && c.requires.is_empty() && (c.versions.is_empty() || c.versions.contains(&report.version()))
}

/// How many workloads have a column of one name before it tells nothing about which report a file is: names, licences,
/// deletions and dates are everywhere.
const COMMON: usize = 6;

/// Names of columns that tell nothing about which report a file is.
static COMMON_COLUMNS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let mut workloads: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for r in all() {
        for c in &r.columns {
            workloads.entry(&c.name).or_default().insert(&r.workload);
        }
    }
    workloads.into_iter().filter(|(_, w)| w.len() >= COMMON).map(|(name, _)| name).collect()
});

/// Whether a header row can be this report's: what tells its rows apart is there, and of the headers that are not on
/// most reports at least one, and at least half, are known.
pub fn fits(report: &Report, m: &Match) -> bool {
    has_key(report, m) && resembles(report, m)
}

/// Whether what tells rows apart is there. Details need one of the key columns that name their person, group or site, since
/// older answers lack ids; counts need each key column that documents know of.
fn has_key(report: &Report, m: &Match) -> bool {
    let key: Vec<usize> = (0..report.columns.len()).filter(|i| report.key.contains(&report.columns[*i].name)).collect();
    let there = |i: &usize| !m.missing.contains(i);
    let names = |i: &usize| report.columns[*i].concealed.is_some();
    match report.merge {
        Merge::Replace if key.iter().any(names) => key.iter().any(|i| names(i) && there(i)),
        Merge::Replace => key.is_empty() || key.iter().any(there),
        Merge::ByReportDate | Merge::ByRefreshDate => key.iter().all(|i| report.columns[*i].undocumented || there(i)),
    }
}

/// Whether a header row is this report's by all columns but its key.
pub fn resembles(report: &Report, m: &Match) -> bool {
    let telling = |i: &&usize| !COMMON_COLUMNS.contains(report.columns[**i].name.as_str());
    let telling = m.columns.iter().flatten().filter(telling).count();
    m.known() >= 2 && telling >= 1 && telling >= m.unknown()
}

/// The periods that any report takes, by their number of days.
static PERIODS: LazyLock<BTreeSet<u16>> = LazyLock::new(|| {
    let own = all().iter().flat_map(|r| r.periods.iter());
    let argument = |r: &'static Report| r.arguments.iter().flat_map(|a| a.periods.values().flatten());
    own.chain(all().iter().flat_map(argument)).copied().collect()
});

/// The window that a file's name speaks of, for files whose rows do not say it.
///
/// `D7`, `period=7`, `period='D7'` and `7 days` are a period; two different ones are none. Otherwise `date=2026-10-01` is
/// that day, and so is any day in the name that is also the refresh date of the rows.
pub fn window_from_file_name(name: &str, refresh: Option<Day>) -> Option<Window> {
    let name = base(name);
    match periods(name)[..] {
        [one] => return Some(Window::Period(one)),
        [] => {}
        _ => return None,
    }
    let days = days(name);
    let asked = days.iter().find(|(at, _)| {
        let before = name[..*at].trim_end_matches('\'').to_ascii_lowercase();
        before.ends_with("date=")
    });
    asked.or_else(|| days.iter().find(|(_, day)| Some(*day) == refresh)).map(|(_, day)| Window::Date(*day))
}

/// The different periods that a name speaks of.
fn periods(name: &str) -> Vec<u16> {
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let mut found = BTreeSet::new();
    for (i, word) in words.iter().enumerate() {
        let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        let before = &word[..word.len() - digits.len()];
        // `D7` alone, or behind a name in capitals and small letters: `getEmailActivityCountsD7`.
        let named = before
            .strip_suffix(['D', 'd'])
            .is_some_and(|b| b.is_empty() || before.ends_with('D') && b.ends_with(|c: char| c.is_ascii_lowercase()));
        let behind_period = before.is_empty() && i > 0 && words[i - 1].eq_ignore_ascii_case("period");
        let days = digits.to_ascii_lowercase();
        let (number, glued) = match days.strip_suffix("days") {
            Some(n) => (n, true),
            None => (days.as_str(), false),
        };
        let before_days =
            before.is_empty() && (glued || words.get(i + 1).is_some_and(|w| w.eq_ignore_ascii_case("days")));
        if let Ok(n) = number.parse::<u16>()
            && (named && !glued || behind_period || before_days)
            && PERIODS.contains(&n)
        {
            found.insert(n);
        }
    }
    found.into_iter().collect()
}

/// The days in a name of the form `2026-10-01`, with where they begin.
fn days(name: &str) -> Vec<(usize, Day)> {
    let bytes = name.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    (0..bytes.len())
        .filter(|i| (*i == 0 || !digit(i - 1)) && !digit(i + 10))
        .filter_map(|i| Some((i, name.get(i..i + 10)?)))
        .filter(|(_, text)| {
            text.bytes().enumerate().all(|(k, b)| if k == 4 || k == 7 { b == b'-' } else { b.is_ascii_digit() })
        })
        .filter_map(|(i, text)| Some((i, text.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
