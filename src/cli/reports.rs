//! `usagelake reports`

use clap::Args;

use super::{Exit, output};
use crate::catalog::{self, Report};
use crate::error::{Error, Kind, Result, nearest};

/// Which report.
#[derive(Args)]
pub(super) struct Reports {
    /// A function or table name: `getEmailActivityUserDetail`, `email_activity_user_detail`
    name: Option<String>,
}

impl Reports {
    pub(super) fn run(self, json: bool) -> Result<Exit> {
        match self.name {
            None => list(json),
            Some(name) => match catalog::find(&name) {
                Some(report) => show(report, json),
                None => {
                    let names: Vec<String> =
                        catalog::all().iter().flat_map(|r| [r.function.clone(), r.table()]).collect();
                    let near =
                        nearest(&name, names.iter().map(String::as_str)).map(|n| format!("the nearest is `{n}`"));
                    return Err(Error::new(Kind::Usage, format!("there is no report `{name}`"))
                        .hint(near.unwrap_or_else(|| "`usagelake reports` lists all".to_string())));
                }
            },
        }
        Ok(Exit::Done)
    }
}

fn list(json: bool) {
    if json {
        return output::document(&catalog::all());
    }
    let rows: Vec<Vec<String>> = catalog::all()
        .iter()
        .map(|r| vec![r.workload.clone(), r.function.clone(), r.title.clone(), windows(r), on(r).to_string()])
        .collect();
    output::print(&output::table(&["WORKLOAD", "FUNCTION", "TITLE", "WINDOWS", "NIGHTLY"], &rows));
}

fn on(r: &Report) -> &'static str {
    if r.default && r.verified { "yes" } else { "when named" }
}

fn windows(r: &Report) -> String {
    let mut windows: Vec<String> = r.periods.iter().map(|n| format!("D{n}")).collect();
    if r.date {
        windows.insert(0, "date".to_string());
    }
    if windows.is_empty() { "present".to_string() } else { windows.join(" ") }
}

fn show(r: &Report, json: bool) {
    if json {
        return output::document(r);
    }
    let versions: Vec<&str> = r.versions.iter().map(|v| v.as_str()).collect();
    output::print(&format!("{}: {}\n\n{}\n", r.function, r.title, r.description));
    let facts = [
        ("table", r.table()),
        ("a row is", r.grain.clone()),
        ("key", r.key.join(", ")),
        ("versions", versions.join(", ")),
        ("windows", windows(r)),
        ("permission", r.permissions.join(" or ")),
        ("asked for", on(r).to_string()),
        ("source", r.source.clone()),
    ];
    for (name, value) in facts {
        output::print(&format!("{name:<11} {value}"));
    }
    if let Some(note) = &r.note {
        output::print(&format!("{:<11} {note}", "note"));
    }
    let rows: Vec<Vec<String>> = r
        .columns
        .iter()
        .map(|c| {
            let kind = serde_json::to_value(c.column_type)
                .ok()
                .and_then(|v| v.as_str().map(str::to_string))
                .unwrap_or_default();
            vec![c.name.clone(), kind, c.header.clone(), c.description.clone()]
        })
        .collect();
    output::print(&format!("\n{}", output::table(&["COLUMN", "TYPE", "HEADER", "MEANING"], &rows)));
}
