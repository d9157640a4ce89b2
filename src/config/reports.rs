//! Which reports, and which lists of the directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::directory::Listing;
use crate::catalog::{self, Report, normalise};
use crate::error::{Error, Kind, Result, nearest};

/// Which reports, as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportsFile {
    /// Report names, table names, workloads, or `*` for all that are on by default.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    /// Names or workloads to leave out.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// What is read of the directory, as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryFile {
    /// `users`, `licenses`, `organization`, `groups`: all of them by default, none where the list is empty.
    #[serde(default)]
    pub include: Option<Vec<String>>,
}

/// The reports that names, workloads and `*` mean, by function name.
pub fn select(include: &[String], exclude: &[String]) -> Result<Vec<&'static Report>> {
    let excluded = expand(exclude)?;
    let mut reports = expand(include)?;
    reports.retain(|r| !excluded.contains(r));
    if reports.is_empty() {
        return Err(
            Error::new(Kind::Config, "no report is left to extract").hint("see `usagelake reports` for their names")
        );
    }
    Ok(reports)
}

pub(super) fn expand(names: &[String]) -> Result<Vec<&'static Report>> {
    let mut found: Vec<&'static Report> = Vec::new();
    for name in names {
        let hits: Vec<&'static Report> = match name.as_str() {
            "*" => catalog::all().iter().filter(|r| r.default && r.verified).collect(),
            _ => match catalog::find(name) {
                Some(report) => vec![report],
                None => workload(name).filter(|r| r.default && r.verified).collect(),
            },
        };
        if hits.is_empty() {
            let tables: Vec<String> =
                catalog::all().iter().flat_map(|r| [r.table(), r.function.clone(), r.workload.clone()]).collect();
            let near = nearest(name, tables.iter().map(String::as_str));
            return Err(Error::new(Kind::Config, format!("there is no report or workload `{name}`")).hint(
                match near {
                    Some(near) => format!("the nearest is `{near}`; `usagelake reports` lists all"),
                    None => "see `usagelake reports` for their names".to_string(),
                },
            ));
        }
        found.extend(hits);
    }
    found.sort_by(|a, b| a.function.cmp(&b.function));
    found.dedup();
    Ok(found)
}

/// The reports of a workload.
pub(super) fn workload(name: &str) -> impl Iterator<Item = &'static Report> {
    let wanted = normalise(name);
    catalog::all().iter().filter(move |r| normalise(&r.workload) == wanted)
}

/// The lists of the directory that are meant; all where none is named.
pub(super) fn listings(include: Option<&[String]>) -> Result<Vec<&'static Listing>> {
    let Some(include) = include else { return Ok(catalog::directory::listings().collect()) };
    for name in include {
        let known: Vec<&str> = catalog::directory::listings().map(Listing::include).collect();
        if !known.contains(&name.as_str()) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("the nearest is `{near}`"),
                None => format!("there are: {}", known.join(", ")),
            };
            return Err(Error::new(Kind::Config, format!("the directory has no `{name}`")).hint(hint));
        }
    }
    Ok(catalog::directory::listings().filter(|l| include.iter().any(|name| name == l.include())).collect())
}
