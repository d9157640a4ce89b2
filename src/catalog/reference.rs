//! The catalog as a page for people and as JSON Schemas for editors. Nothing here is written by hand: a test holds the
//! committed files to what this makes.

mod directory;

pub use directory::page as directory_page;

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::{Argument, Column, Kind, Merge, Report, all};

/// The JSON Schema (draft 7, which TOML editors read) of a file that is read into `T`, under a title of its own.
pub fn schema<T: JsonSchema>(title: &str) -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

const HEAD: &str = "\
# Reports

Every usage report function of Microsoft Graph that usagelake knows: what it answers, what a night asks of it, and what
each column means. The page is made from `schemas/reports/`; change those files, not this one.

- A table has the columns below, in this order, and then `unknown_columns`: headers that the catalog does not know, as a
  JSON object. Every column may be null; *blank* says what that means.
- *Header* is the documented one. Case, blanks and punctuation do not count, nor does the order, and older, newer and
  JSON spellings are read as well.
- *Act* names the act of the row's person that a count stands for. Counts without one are parts of another column, or
  things that happened to the person.
- *Concealed* columns hold a hash or a GUID of zeros where the organisation conceals names.

| Blank means | |
|---|---|
| `never` | not expected |
| `no-activity` | nothing was counted in the window |
| `never-happened` | it never happened, as far as the service remembers |
| `not-applicable` | it does not apply to the row |
| `unknown` | the service does not say |
";

/// The reference page, `docs/reports.md`: an index by workload, then one section for each report.
pub fn page() -> String {
    let mut workloads: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for r in all() {
        workloads.entry(&r.workload).or_default().push(r);
    }
    let mut page = HEAD.to_string();
    for (workload, reports) in &workloads {
        page += &format!("\n**{workload}**\n\n| Table | Answers | Rows |\n|---|---|---|\n");
        for r in reports {
            let off = if r.default && r.verified { "" } else { ", off unless named" };
            page += &format!("| [{0}](#{0}) | {1}{off} | {2} |\n", r.table(), r.title, r.grain);
        }
    }
    for (workload, reports) in &workloads {
        page += &format!("\n## {workload}\n");
        for r in reports {
            page += &section(r);
        }
    }
    page
}

fn section(r: &Report) -> String {
    let mut out = format!("\n### {}\n\n**{}.** {}", r.table(), r.title, r.description);
    if let Some(note) = &r.note {
        out += &format!(" {note}");
    }
    out += "\n\n";
    let mut line = |name: &str, text: String| out += &format!("- {name}: {text}\n");
    line("Function", format!("`{}` under `{}`, {}", r.function, r.root, list(r.versions.iter().map(|v| v.as_str()))));
    line("Parameters", parameters(r));
    for a in &r.arguments {
        line(&format!("Argument `{}`", a.name), argument(a));
    }
    line("A row", format!("{}, {}", r.grain, key(r)));
    line("A new answer", merge(r).into());
    line("A night asks for", night(r));
    line("Source", r.source.clone());
    out += "\n| Column | Header | Type | Blank means | Act | Meaning |\n|---|---|---|---|---|---|\n";
    for c in &r.columns {
        out += &row(c);
    }
    out
}

fn row(c: &Column) -> String {
    let mut meaning = c.description.clone();
    if !c.versions.is_empty() {
        let _ = write!(meaning, " Only in {}.", list(c.versions.iter().map(|v| v.as_str())));
    }
    for (name, value) in &c.requires {
        let _ = write!(meaning, " Only with `{name}='{value}'`.");
    }
    if c.undocumented {
        meaning += " Undocumented.";
    }
    if let Some(how) = c.concealed {
        let _ = write!(meaning, " Concealed: {}.", word(&how));
    }
    let act = c.act.as_ref().map(|a| format!("`{a}`")).unwrap_or_default();
    let cells = [format!("`{}`", c.name), c.header.clone(), word(&c.column_type), word(&c.blank), act, meaning];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn parameters(r: &Report) -> String {
    let mut all: Vec<String> = r.periods.iter().map(|p| format!("`period='D{p}'`")).collect();
    if r.period_all {
        all.push("`period='ALL'`".into());
    }
    if r.date {
        all.push("`date=YYYY-MM-DD`".into());
    }
    if all.is_empty() { "none".into() } else { list(all) }
}

fn argument(a: &Argument) -> String {
    let mut text = a.description.clone();
    if !a.values.is_empty() {
        let _ = write!(text, " One of {}.", list(a.values.iter().map(|v| format!("`{v}`"))));
    }
    if let Some(value) = &a.default {
        let _ = write!(text, " Without it: `{value}`.");
    }
    for (value, periods) in &a.periods {
        let _ = write!(text, " With `{value}` the periods are {}.", list(periods.iter().map(|p| format!("D{p}"))));
    }
    text
}

fn key(r: &Report) -> String {
    let columns = list(r.key.iter().map(|k| format!("`{k}`")));
    match (r.kind, r.key.is_empty()) {
        (_, true) => "one for each answer".into(),
        (Kind::Detail, _) => format!("known by {columns}"),
        _ => format!("told apart by {columns}"),
    }
}

fn merge(r: &Report) -> &'static str {
    match r.merge {
        Merge::Replace => "replaces the partition of its window and day",
        Merge::ByReportDate => {
            "replaces the rows of the days it speaks of, unless they were read at a later refresh date"
        }
        Merge::ByRefreshDate => "is kept beside those of other refresh dates and periods",
    }
}

fn night(r: &Report) -> String {
    let n = &r.night;
    let periods = |p: &[u16]| list(p.iter().map(|d| format!("D{d}")));
    let mut asked = vec![];
    if n.present {
        asked.push("the present state".to_string());
    }
    if n.dates {
        asked.push("each day of the last 28 that is missing, and the last days again".into());
    }
    if !n.nightly.is_empty() {
        let longer = if n.catch_up { ", or longer where nights were missed" } else { "" };
        asked.push(format!("{}{longer}", periods(&n.nightly)));
    }
    if !n.weekly.is_empty() {
        asked.push(format!("once a week {}", periods(&n.weekly)));
    }
    let first: Vec<u16> = n.seed.iter().filter(|p| !n.weekly.contains(p) && !n.nightly.contains(p)).copied().collect();
    if !first.is_empty() {
        asked.push(format!("the first time {}", periods(&first)));
    }
    let off = if r.default && r.verified { "" } else { " (only where the pipeline names the report)" };
    format!("{}{off}", asked.join("; "))
}

/// The word by which the catalog's files call a variant.
fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn list(items: impl IntoIterator<Item = impl Into<String>>) -> String {
    items.into_iter().map(Into::into).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests;
