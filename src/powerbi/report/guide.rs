//! The guide from the retired app to here: each table, column and page of it, and where it is now, or why it is gone.
//! Nothing in it is written by hand: a test holds the committed page to what this makes.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::page::{Page, PageKind};
use crate::error::{Error, Kind, Result};
use crate::marts::{Contract, Models, Partition};
use crate::powerbi::{Audience, Content, Definitions, Model, Table};

const HEAD: &str = "\
# From Microsoft 365 usage analytics to usagelake

Microsoft's app received no data after 2026-08-01. This page says where each of its tables, columns and pages is now, or why
it is gone. It is made from `schemas/powerbi/retired.toml`, the contracts of the marts and the pages of the report; change
those files, not this one. What each number means is in [marts.md](marts.md).

Microsoft's names are those of the app's dataset. `TimeFrame` is the partition `month` of every mart.
";

/// The retired app.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retired {
    #[serde(rename = "table")]
    tables: Vec<OldTable>,
    derived: Vec<Derived>,
    #[serde(rename = "page")]
    pages: Vec<OldPage>,
}

/// A table of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldTable {
    table: String,
    mart: String,
    columns: Vec<String>,
    #[serde(default)]
    now: BTreeMap<String, String>,
}

/// Tables that it made of others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Derived {
    tables: Vec<String>,
    now: String,
}

/// A page of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OldPage {
    page: String,
    #[serde(default)]
    gone: Option<String>,
}

/// The page, `docs/powerbi-guide.md`.
pub fn page() -> Result<String> {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/retired.toml"));
    let retired: Retired =
        toml::from_str(text).map_err(|e| wrong("the list of the retired app cannot be read").because(e))?;
    let models = Models::load(None)?;
    let model = Model::of(&Definitions::load()?, &models, Audience::People, &[])?;
    let pages = Page::all()?;
    let mut page = HEAD.to_string();
    page += "\n## Pages\n\n| Page of the app | Now |\n|---|---|\n";
    for old in &retired.pages {
        let _ = writeln!(page, "| {} | {} |", old.page, old.now(&pages)?);
    }
    page += "\n## Pages that the app did not have\n\n| Page | What it shows |\n|---|---|\n";
    for new in pages.iter().filter(|p| p.replaces.is_empty() && p.kind == PageKind::Page) {
        let _ = writeln!(page, "| {} | {} |", new.title, new.message);
    }
    page += "\n## Tables\n\n| Table of the app | Now |\n|---|---|\n";
    for t in &retired.tables {
        let _ = writeln!(page, "| {} | [{1}](marts.md#{1}) |", t.table, t.mart);
    }
    for d in &retired.derived {
        let _ = writeln!(page, "| {} | {} |", d.tables.join(", "), d.now);
    }
    for t in &retired.tables {
        let mart = models.marts().into_iter().find(|m| m.name() == t.mart);
        let mart = mart.ok_or_else(|| wrong("the retired app's table has no mart").with("table", &t.table))?;
        page += &t.section(&mart.contract, &model)?;
    }
    Ok(page)
}

impl OldPage {
    fn now(&self, pages: &[Page]) -> Result<String> {
        let now: Vec<&str> =
            pages.iter().filter(|p| p.replaces.contains(&self.page)).map(|p| p.title.as_str()).collect();
        match (&self.gone, now.is_empty()) {
            (Some(why), true) => Ok(format!("Gone: {why}")),
            (None, false) => Ok(now.join(", ")),
            (Some(_), false) => {
                Err(wrong("a page of the retired app is gone and is replaced").with("page", &self.page))
            }
            (None, true) => Err(wrong("no page replaces one of the retired app").with("page", &self.page)),
        }
    }
}

impl OldTable {
    fn section(&self, contract: &Contract, model: &Model) -> Result<String> {
        let mut out = format!("\n### {}\n\n| Column | Now | In Power BI |\n|---|---|---|\n", self.table);
        for column in &self.columns {
            let snake = self.now.get(column).cloned().unwrap_or_else(|| snake_case(column));
            let is_month = column == "TimeFrame" && contract.partition == Partition::Month;
            let left_out = contract.left_out.iter().find(|l| l.column == snake);
            let row = match left_out {
                Some(left_out) => format!("Gone: {} | ", left_out.why),
                None if is_month => "`month` | Calendar[Month]".to_string(),
                None if contract.columns.iter().any(|c| c.name == snake) => {
                    format!("`{snake}` | {}", shown(model, &self.mart, &snake))
                }
                None => {
                    return Err(wrong("a column of the retired app is nowhere")
                        .with("column", format!("{}.{column}", self.table)));
                }
            };
            let _ = writeln!(out, "| {column} | {row} |");
        }
        Ok(out)
    }
}

/// The column of the semantic model that a mart's column is. Hidden ones are what measures are made of.
fn shown(model: &Model, mart: &str, column: &str) -> String {
    let of_mart = |t: &&Table| matches!(&t.content, Content::Mart { mart: m, .. } if m == mart);
    let table = model.tables.iter().find(of_mart);
    // What has names for its values is shown by these.
    let found = table.and_then(|t| Some((t, t.columns.iter().rfind(|c| c.source == column)?)));
    match found {
        Some((t, c)) if !c.hidden => format!("{}[{}]", t.name, c.name),
        Some((t, _)) => format!("measures of {}", t.name),
        None => String::new(),
    }
}

/// `MBX_TotalGroups` as `mbx_total_groups`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    out
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::Model, what)
}
