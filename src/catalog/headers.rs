//! Which column a header means, and which report a header row belongs to.
//!
//! Headers are matched by their letters and digits alone, never by position: Graph moves columns, doubles blanks,
//! changes case and writes the same name in CSV and in JSON's camelCase.

use super::{Merge, Report, all};

/// A name as it is compared: its letters and digits in lower case.
pub fn normalise(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a header row means for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// For each header the position of its column in the catalog, or none where the catalog does not know it. Where two
    /// headers mean one column, the first has it and the second is unknown.
    pub columns: Vec<Option<usize>>,
    /// Positions of the catalog's columns that no header means.
    pub missing: Vec<usize>,
}

impl Match {
    /// How many headers are known.
    pub fn known(&self) -> usize {
        self.columns.iter().flatten().count()
    }
}

/// Matches a header row (already split, trimmed and without a byte order mark) with a report's columns.
pub fn match_headers(report: &Report, headers: &[String]) -> Match {
    let mut taken = vec![false; report.columns.len()];
    let columns = headers
        .iter()
        .map(|h| {
            let wanted = normalise(h);
            let own = |c: &super::Column| normalise(&c.header) == wanted || normalise(&c.name) == wanted;
            let alias = |c: &super::Column| c.aliases.iter().any(|a| normalise(a) == wanted);
            let found = report
                .columns
                .iter()
                .position(own)
                .or_else(|| report.columns.iter().position(alias))
                .filter(|i| !wanted.is_empty() && !taken[*i]);
            if let Some(i) = found {
                taken[i] = true;
            }
            found
        })
        .collect();
    let missing = (0..taken.len()).filter(|i| !taken[*i]).collect();
    Match { columns, missing }
}

/// Which report a file is, as far as its header row and its name tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// Exactly this one.
    One(&'a Report),
    /// These have the same columns, and the name does not decide.
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

/// Recognises a report by its header row, and where several have it, by the file's name.
///
/// A report fits when every column it needs to be itself is there; among those that fit, the one that leaves the fewest
/// headers unknown and the fewest documented columns missing wins. A file name that begins with the function's name or
/// with an admin center's name for it decides among reports that fit at all.
pub fn recognise<'a>(headers: &[String], file_name: &str) -> Recognised<'a> {
    let fitting: Vec<(&Report, Match)> =
        all().iter().map(|r| (r, match_headers(r, headers))).filter(|(r, m)| fits(r, m)).collect();
    let stem = normalise(file_name);
    let named = |r: &Report| {
        let function = normalise(&r.function);
        std::iter::once(function.clone())
            .chain(std::iter::once(function[3..].to_string()))
            .chain(r.file_names.iter().map(|n| normalise(n)))
            .filter(|n| stem.starts_with(n.as_str()) || stem.contains(&function))
            .map(|n| n.len())
            .max()
    };
    if let Some(longest) = fitting.iter().filter_map(|(r, _)| named(r)).max() {
        let by_name: Vec<&Report> =
            fitting.iter().filter(|(r, _)| named(r) == Some(longest)).map(|(r, _)| *r).collect();
        if let [one] = by_name[..] {
            return Recognised::One(one);
        }
    }
    let score = |r: &Report, m: &Match| {
        let unknown = m.columns.len() - m.known();
        let missing = m.missing.iter().filter(|i| expected(r, **i)).count();
        (unknown, missing)
    };
    let Some(best) = fitting.iter().map(|(r, m)| score(r, m)).min() else { return Recognised::None };
    let found: Vec<&Report> = fitting.iter().filter(|(r, m)| score(r, m) == best).map(|(r, _)| *r).collect();
    match found[..] {
        [one] => Recognised::One(one),
        _ => Recognised::Several(found),
    }
}

/// Whether a column is in every documented answer of the version that is asked.
fn expected(report: &Report, column: usize) -> bool {
    let c = &report.columns[column];
    !c.undocumented && c.requires.is_empty() && (c.versions.is_empty() || c.versions.contains(&report.version()))
}

/// Whether a header row can be this report's: what tells its rows apart is there (for details one of the key columns,
/// since older answers lack ids), at least two headers are known, and at least half of them are.
pub fn fits(report: &Report, m: &Match) -> bool {
    let there =
        |name: &String| report.columns.iter().position(|c| c.name == *name).is_some_and(|i| !m.missing.contains(&i));
    let key_there = match report.merge {
        Merge::Replace => report.key.is_empty() || report.key.iter().any(there),
        Merge::ByReportDate | Merge::ByRefreshDate => report.key.iter().all(there),
    };
    key_there && m.known() >= 2 && m.known() * 2 >= m.columns.len()
}
