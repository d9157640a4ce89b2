//! What the catalog says of who is named where: in a header row, in the columns of a table, in JSON.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::directory::{self, Listing};
use crate::catalog::legacy;
use crate::catalog::{self, Column, Report, Role, Who, match_headers, normalise};

/// What rows are of.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A report.
    Report(&'static Report),
    /// A list of the directory.
    Listing(&'static Listing),
    /// A table of the retired app.
    Legacy(&'static legacy::Table),
    /// Nobody knows.
    Unknown,
}

/// Whom the columns of a grid name.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// For each column whom it names.
    pub who: Vec<Option<Who>>,
    /// The column that says the day of a row.
    pub refresh: Option<usize>,
    /// Whether nobody knows what the rows are about: then a row goes that names somebody anywhere.
    pub loose: bool,
}

/// Whom properties of JSON name.
pub(super) struct Properties {
    /// By the name alone in reports, whose records nest as they like; by the whole path in lists.
    by_name: HashMap<String, Who>,
    by_path: HashMap<String, Who>,
    refresh: BTreeSet<String>,
    pub loose: bool,
}

impl Source {
    /// What has a ledger, and a folder in raw, under this name.
    pub fn of(name: &str) -> Source {
        if let Some(report) = catalog::all().iter().find(|r| r.table() == name) {
            return Source::Report(report);
        }
        if let Some(table) = legacy::tables().iter().find(|t| t.table == name) {
            return Source::Legacy(table);
        }
        let mut lists = directory::listings().chain(directory::from_files());
        lists.find(|l| l.name() == name).map_or(Source::Unknown, Source::Listing)
    }

    /// The source in whose ledger a table stands, by its name.
    pub fn ledger_of(table: &str) -> &str {
        let found = directory::tables().iter().find(|t| t.table == table).and_then(directory::listing_of);
        found.map_or(table, |listing| listing.name())
    }

    /// Whom the cells under these headers name.
    pub(super) fn columns(self, headers: &[String]) -> Columns {
        let unknown = Columns { who: vec![None; headers.len()], refresh: None, loose: true };
        match self {
            Source::Report(report) => {
                let matched = match_headers(report, headers).columns;
                let column = |at: &Option<usize>| at.and_then(|at| report.columns.get(at));
                let who: Vec<Option<Who>> = matched.iter().map(|at| column(at)?.who).collect();
                let refresh = report.role(Role::RefreshDate);
                let refresh = refresh.and_then(|role| matched.iter().position(|at| *at == Some(role)));
                // Without the column that tells people apart, others do not say enough of who is meant.
                let key = |c: &&Column| c.who.is_some() && (c.who == Some(Who::Other) || report.key.contains(&c.name));
                let lost =
                    report.columns.iter().any(|c| key(&c)) && !matched.iter().filter_map(column).any(|c| key(&c));
                Columns { who, refresh, loose: lost }
            }
            Source::Legacy(table) => {
                let who = table.columns_of(headers).iter().map(|at| table.columns.get((*at)?)?.who).collect();
                Columns { who, refresh: None, loose: false }
            }
            Source::Listing(_) | Source::Unknown => unknown,
        }
    }

    /// Whom the properties of its JSON name.
    pub(super) fn properties(self) -> Properties {
        let (mut by_name, mut by_path, mut refresh) = (HashMap::new(), HashMap::new(), BTreeSet::new());
        match self {
            Source::Report(report) => {
                for column in &report.columns {
                    let names = [&column.name, &column.header].into_iter().chain(&column.aliases).map(|n| normalise(n));
                    match (column.who, column.role) {
                        (Some(who), _) => by_name.extend(names.map(|n| (n, who))),
                        (None, Some(Role::RefreshDate)) => refresh.extend(names),
                        _ => {}
                    }
                }
            }
            Source::Listing(listing) => {
                for table in &listing.tables {
                    for column in &table.columns {
                        let Some(who) = column.who else { continue };
                        by_path.extend(column.path.iter().map(|path| (path.clone(), who)));
                        if column.path.is_none() {
                            by_path.extend(table.each.iter().map(|each| (each.path.clone(), who)));
                        }
                    }
                }
            }
            Source::Legacy(_) | Source::Unknown => {}
        }
        Properties { by_name, by_path, refresh, loose: matches!(self, Source::Unknown) }
    }
}

impl Properties {
    /// Whom the property at this path names.
    pub fn who(&self, path: &str) -> Option<Who> {
        let own = |name: &str| self.by_name.get(&normalise(name)).copied();
        self.by_path.get(path).copied().or_else(|| own(path.rsplit('.').next().unwrap_or(path)))
    }

    /// Whether the property says the day of its record.
    pub fn is_refresh(&self, path: &str) -> bool {
        !self.refresh.is_empty() && self.refresh.contains(&normalise(path.rsplit('.').next().unwrap_or(path)))
    }
}

/// Whom the columns of a table name, in the order of its schema.
pub(super) fn columns_of_table(table: &str) -> Option<Columns> {
    let who: Vec<Option<Who>> = if let Some(report) = catalog::all().iter().find(|r| r.table() == table) {
        report.columns.iter().map(|c| c.who).collect()
    } else if let Some(table) = directory::tables().iter().find(|t| t.table == table) {
        table.columns.iter().map(|c| c.who).collect()
    } else {
        legacy::tables().iter().find(|t| t.table == table)?.columns.iter().map(|c| c.who).collect()
    };
    // `unknown_columns` comes last.
    Some(Columns { who: who.into_iter().chain([None]).collect(), refresh: None, loose: false })
}
