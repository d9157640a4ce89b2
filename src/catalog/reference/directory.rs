//! The directory's tables as a page for people.

use super::{list, word};
use crate::catalog::directory::{Column, Role, Table, listing_of, listings, tables};

const HEAD: &str = "\
# The directory

Who is in the tenant, where they work, what is licensed and what licences are called: the tables that a night makes of
Microsoft Graph's directory. The page is made from `schemas/directory/`; change those files, not this one.

- A table is a state for each month: `tables/<table>/tenant=<tenant>/month=<first day>/part-0.parquet`. The file of the
  current month (UTC) is replaced by every night, so that the file of a closed month is the state at its end. Who was
  deleted is simply not in the states that follow.
- Each list is asked for once a UTC day, beside the reports. It is read whole or not at all: where a page fails, nothing
  of it is published, and an empty list never replaces one that has entities.
- A list that the application may not read is no failure: the run says which permission is missing, and the reports
  are read without it. Once a list has landed, losing it is a failure.
- What is read is chosen by `include` under `[directory]` in the pipeline file: `NAMES`, all by default.
- The pages are kept in `raw/` as they came, one JSON document a line.
- Every file of a table has the columns below, in this order, and then `unknown_columns`: properties that no column reads,
  as a JSON object. Rows are sorted by the key. Every column may be null. GUIDs are in small letters.
- *Person* marks what says something about a person.

## Whose address it was

Addresses change, and one that was given up may be given to somebody else. So `addresses` is joined by day, and grows
instead of being replaced: within a month a row stays once it was seen, with the first and the last day of the month on
which it was. A night rewrites the current month only; the months before keep what they saw. Over all of them the row of
a person and an address was valid from the least `first_seen` to the greatest `last_seen`, and where somebody else had it
in between, the months tell them apart:

```sql
SELECT address, id, month, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM addresses GROUP BY address, id, month
```

An address of a report belongs to whoever had it on the report's day; before the first state, to its first holder.
Compare addresses in small letters. Where two people have one on the same day, it tells nothing.
";

/// The reference page, `docs/directory.md`: an index, then one section for each table.
pub fn page() -> String {
    let names = list(listings().map(|l| format!("`{}`", l.include())));
    let mut page = HEAD.replace("`NAMES`", &names);
    page += "\n## Tables\n\n| Table | Answers | Rows | Chosen by |\n|---|---|---|---|\n";
    for t in tables() {
        let chosen = match listing_of(t).map(|l| l.include()).filter(|i| !i.is_empty()) {
            Some(include) => format!("`{include}`"),
            None => "`product_names` under `[licenses]`".to_string(),
        };
        page += &format!("| [{0}](#{0}) | {1} | {2} | {chosen} |\n", t.table, t.title, t.grain);
    }
    tables().iter().for_each(|t| page += &section(t));
    page
}

fn section(t: &Table) -> String {
    let mut out = format!("\n### {}\n\n**{}.** {}\n\n", t.table, t.title, t.description);
    let mut line = |name: &str, text: String| out += &format!("- {name}: {text}\n");
    match listing_of(t).filter(|l| l.ask.is_some()) {
        Some(l) => {
            line("Graph", format!("`{}`", l.path()));
            line("Permission", l.permissions().iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" or "));
        }
        None => line("Read from", "the file that the pipeline names".to_string()),
    }
    let each: Vec<String> = t.each.iter().map(|e| format!("`{}`", e.path)).collect();
    let each = if each.is_empty() { String::new() } else { format!(", one for each element of {}", each.join(", ")) };
    let key = list(t.key.iter().map(|k| format!("`{k}`")));
    line("A row", format!("{}{each}, told apart by {key}", t.grain));
    let night = if t.grows() { "adds to the month what it sees" } else { "replaces the month" };
    line("A night", night.to_string());
    line("Source", t.source.clone());
    out += "\n| Column | Read from | Type | Person | Meaning |\n|---|---|---|---|---|\n";
    t.columns.iter().for_each(|c| out += &row(c));
    out
}

fn row(c: &Column) -> String {
    let from = match (&c.path, c.role) {
        (Some(path), _) => format!("`{path}`"),
        (None, Some(Role::Element)) => "the element".to_string(),
        (None, Some(Role::Kind)) => "where the element was".to_string(),
        (None, _) => "the night".to_string(),
    };
    let person = if c.person { "yes" } else { "" };
    let cells = [format!("`{}`", c.name), from, word(&c.column_type), person.to_string(), c.description.clone()];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}
