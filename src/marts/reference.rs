//! The contracts as a page for people. Nothing there is written by hand: a test holds the committed page to what this makes.

use std::fmt::Write;

use super::contract::{Column, ColumnType, Contract, ModelKind, Partition};
use super::models::Models;
use crate::error::Result;

const HEAD: &str = "\
# Marts

What usagelake makes of a tenant's tables: each mart, what a row of it is, what each column means and where it comes from.
The page is made from `schemas/marts/`; change those files, not this one. The SQL is in `pipelines/usage_analytics/`, whose
README says how it is run.

- A mart by month is `marts/<mart>/tenant=<t>/month=<yyyy-mm-01>/part-0.parquet`; a view over it has the columns `tenant` and
  `month` beside those below. One without months is `marts/<mart>/tenant=<t>/part-0.parquet`.
- Rows are told apart by the key, and stored in its order. Every column may be null.
- All days are UTC, as the reports' are.
- `usagelake marts` builds them, and a night does after its publish; `usagelake query` asks them.
- Of most there is a form that is safe to show, `marts_shared/<mart>/…`, in SQL `shared_<mart>`: the same columns, with what is said
  under *Shared*. [disclosure.md](disclosure.md) has the method and what it guarantees.
";

/// The page, `docs/marts.md`: an index, one section for each mart, and the steps on the way.
pub fn page() -> Result<String> {
    let models = Models::load(None)?;
    let marts = models.marts();
    let mut page = HEAD.to_string();
    page += "\n| Mart | Answers | A row |\n|---|---|---|\n";
    for m in &marts {
        let c = &m.contract;
        let _ = writeln!(page, "| [{0}](#{0}) | {1} | {2} |", c.model, cell(&c.title), cell(&c.grain));
    }
    for m in &marts {
        page += &section(&m.contract);
    }
    let mut left_out = marts.iter().flat_map(|m| m.contract.left_out.iter().map(|l| (m.name(), l))).peekable();
    if left_out.peek().is_some() {
        page += "\n## What is left out\n\nColumns of the retired app that Graph does not give.\n\n| Mart | Column | Why |\n|---|---|---|\n";
        for (mart, l) in left_out {
            let _ = writeln!(page, "| {mart} | `{}` | {} |", l.column, cell(&l.why));
        }
    }
    page += "\n## Steps on the way\n\nThey are kept under `_usagelake/staging/`, in the order in which they are built, and are no contract.\n\n| Model | Makes | A row | Reads |\n|---|---|---|---|\n";
    for m in models.iter().filter(|m| m.contract.kind == ModelKind::Staging) {
        let c = &m.contract;
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", c.model, cell(&c.description), cell(&c.grain), reads(c));
    }
    Ok(page)
}

fn section(c: &Contract) -> String {
    let mut out = format!("\n## {}\n\n**{}.** {}\n\n", c.model, c.title, c.description);
    let months = match c.partition {
        Partition::Month => "one file a month",
        Partition::None => "one file",
    };
    let key: Vec<String> = c.key.iter().map(|k| format!("`{k}`")).collect();
    let _ = writeln!(out, "- A row: {}, told apart by {}; {months}", c.grain, key.join(", "));
    let _ = writeln!(out, "- Reads: {}", reads(c));
    if let Some(shared) = &c.shared {
        let _ = writeln!(out, "- Shared: {}", shared.words(c));
    }
    out += "\n| Column | Type | Meaning | From |\n|---|---|---|---|\n";
    for column in &c.columns {
        out += &row(column);
    }
    out
}

fn row(c: &Column) -> String {
    let source = c.source.as_deref().map(cell).unwrap_or_default();
    format!("| `{}` | {} | {} | {source} |\n", c.name, word(c.column_type), cell(&c.description))
}

fn reads(c: &Contract) -> String {
    let input = |i: &super::contract::Input| match i.scope {
        None => format!("`{}`", i.name),
        Some(scope) => format!("`{}` ({scope})", i.name),
    };
    let all: Vec<String> = c.inputs.iter().map(input).collect();
    if all.is_empty() { "nothing".to_string() } else { all.join(", ") }
}

fn word(t: ColumnType) -> &'static str {
    match t {
        ColumnType::Text => "text",
        ColumnType::Int => "int",
        ColumnType::Double => "double",
        ColumnType::Bool => "bool",
        ColumnType::Date => "date",
        ColumnType::Datetime => "datetime",
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
