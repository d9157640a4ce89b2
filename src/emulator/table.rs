//! An answer as a table: which columns a request gets, with what in them, before it is written as CSV or JSON.

use std::collections::HashMap;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::cell::Value;
use super::extent::Extent;
use super::facts::View;
use super::faults::Fault;
use super::history::History;
use super::options::DateLists;
use super::page::{Line, Page};
use super::words::{Shape, Word, shape, word};
use crate::catalog::{self, Column, Concealed, Report, Version};
use crate::day::Day;

/// The keys of a report, read.
#[derive(Debug)]
pub struct Sheet {
    /// The report.
    pub report: &'static Report,
    /// What one row is.
    pub shape: Shape,
    /// What is measured, by column.
    pub words: Vec<Word>,
}

impl Sheet {
    fn read(report: &'static Report) -> Result<Sheet, String> {
        let missing = || format!("{} says nothing of the emulated tenant", report.function);
        let shape = shape(report.emulate.as_deref().ok_or_else(missing)?)?;
        let words = report.columns.iter().map(|c| {
            let key = c.emulate.as_deref().ok_or_else(missing)?;
            word(key).map_err(|e| format!("{}, {}: {e}", report.function, c.name))
        });
        Ok(Sheet { report, shape, words: words.collect::<Result<_, _>>()? })
    }

    /// The keys of a report.
    pub fn of(report: &Report) -> Result<&'static Sheet, String> {
        static SHEETS: LazyLock<HashMap<&'static str, Result<Sheet, String>>> =
            LazyLock::new(|| catalog::all().iter().map(|r| (r.function.as_str(), Sheet::read(r))).collect());
        match SHEETS.get(report.function.as_str()) {
            Some(Ok(sheet)) => Ok(sheet),
            Some(Err(e)) => Err(e.clone()),
            None => Err(format!("{} is not in the catalog", report.function)),
        }
    }
}

/// What an answer depends on, beside report and history.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The Graph version asked.
    pub version: Version,
    /// Further arguments of the function, with the defaults filled in.
    pub arguments: HashMap<String, String>,
    /// The days.
    pub extent: Extent,
    /// Whom `date=` lists.
    pub lists: DateLists,
    /// The day on which the emulator stands.
    pub today: Day,
    /// Whether JSON is asked for.
    pub json: bool,
    /// What is wrong with the data.
    pub faults: Vec<Fault>,
}

/// One column of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its header.
    pub header: String,
    /// Its name in JSON.
    pub json: String,
    /// The catalog's column; none for one that a fault added.
    pub column: Option<&'static Column>,
}

/// An answer.
#[derive(Debug)]
pub struct Table {
    /// The columns.
    pub heads: Vec<Head>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Makes the table. It fails where a key of the catalog does not fit its rows.
pub fn table(history: &History, sheet: &'static Sheet, with: &Circumstances) -> Result<Table, String> {
    let view = View { history, late: late(history, with) };
    let rows = if with.json { sheet.shape.json_rows.unwrap_or(sheet.shape.rows) } else { sheet.shape.rows };
    let page = Page::new(view, with.extent, with.lists, rows);
    let shown: Vec<usize> = (0..sheet.words.len()).filter(|i| shows(sheet, *i, with)).collect();
    let concealed = with.faults.iter().any(|f| matches!(f, Fault::Concealed { from } if *from <= with.today));
    let mut table = Table { heads: shown.iter().map(|i| head(sheet, *i, with.version)).collect(), rows: Vec::new() };
    let entities = if absent(with) { Vec::new() } else { page.list(rows) };
    for entity in entities {
        let line = Line::new(entity);
        let cells = shown.iter().map(|i| {
            let (column, word) = (&sheet.report.columns[*i], &sheet.words[*i]);
            let value = page
                .cell(&line, &word.measure)
                .ok_or_else(|| format!("{}, {}: no such measure in such a row", sheet.report.function, column.name))?;
            let value = match value {
                Value::Int(0) if word.blank_zero => Value::Blank,
                value => value,
            };
            Ok(if concealed { conceal(column, value) } else { value })
        });
        table.rows.push(cells.collect::<Result<_, String>>()?);
    }
    distort(&mut table, &with.faults);
    Ok(table)
}

/// Whether a column stands in the answer.
fn shows(sheet: &Sheet, i: usize, with: &Circumstances) -> bool {
    let (column, word) = (&sheet.report.columns[i], &sheet.words[i]);
    let version = column.versions.is_empty() || column.versions.contains(&with.version);
    let required = column.requires.iter().all(|(name, value)| with.arguments.get(name) == Some(value));
    let format = if with.json { !word.csv_only } else { !word.json_only };
    let unless = word.unless.as_ref().is_none_or(|(name, value)| with.arguments.get(name) != Some(value));
    version && required && format && unless
}

fn head(sheet: &'static Sheet, i: usize, version: Version) -> Head {
    let (column, word) = (&sheet.report.columns[i], &sheet.words[i]);
    let beta = word.beta_header.as_ref().filter(|_| version == Version::Beta);
    let header = beta.or(word.header.as_ref()).unwrap_or(&column.header);
    let json = word.json_name.clone().unwrap_or_else(|| camel(beta.unwrap_or(&column.header)));
    Head { header: header.clone(), json, column: Some(column) }
}

/// The name of a header in JSON: `Storage Used (Byte)` is `storageUsedInBytes`.
fn camel(header: &str) -> String {
    let header = header.replace("(Byte)", "In Bytes");
    let words = header.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    let mut out = String::new();
    for w in words {
        let shout = w.len() > 1 && w.chars().all(|c| c.is_uppercase() || c.is_numeric()) || w == "iOS";
        let mut letters = w.chars();
        match letters.next() {
            Some(_) if out.is_empty() && shout => out.push_str(&w.to_lowercase()),
            Some(first) if out.is_empty() => {
                out.extend(first.to_lowercase());
                out.push_str(letters.as_str());
            }
            // `Used iPhone` is `usediPhone`, `Audio in Seconds` is `audioInSeconds`.
            Some(_) if w.chars().any(char::is_uppercase) => out.push_str(w),
            Some(first) => {
                out.extend(first.to_uppercase());
                out.push_str(letters.as_str());
            }
            None => {}
        }
    }
    out
}

/// Days whose data are not all in yet.
fn late(history: &History, with: &Circumstances) -> Vec<(usize, u32)> {
    let restated = with.faults.iter().filter_map(|f| match f {
        Fault::Restated { day, from, percent } if with.today < *from => Some((history.slot(*day), *percent)),
        _ => None,
    });
    restated.collect()
}

/// Whether the answer has no rows for now.
fn absent(with: &Circumstances) -> bool {
    with.faults.iter().any(|f| match f {
        Fault::Empty {} => true,
        Fault::Late { day, days, .. } => {
            with.extent.one_day && with.extent.refresh == *day && with.today < day.plus(*days as i32)
        }
        _ => false,
    })
}

/// Changes the finished table as the faults say.
fn distort(table: &mut Table, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::FirstRows { rows } => table.rows.truncate(*rows),
            Fault::Doubled {} => {
                let rows = std::mem::take(&mut table.rows);
                table.rows = rows.into_iter().flat_map(|row| [row.clone(), row]).collect();
            }
            Fault::ColumnAdded { header, value } => {
                table.heads.push(Head { header: header.clone(), json: camel(header), column: None });
                table.rows.iter_mut().for_each(|r| r.push(Value::text(value.clone())));
            }
            Fault::ColumnRenamed { header, to } => {
                table.heads.iter_mut().filter(|h| h.header == *header).for_each(|h| {
                    h.json = camel(to);
                    h.header.clone_from(to);
                });
            }
            Fault::ColumnDropped { header } => {
                if let Some(at) = table.heads.iter().position(|h| h.header == *header) {
                    table.heads.remove(at);
                    for row in &mut table.rows {
                        row.remove(at);
                    }
                }
            }
            _ => {}
        }
    }
}

fn conceal(column: &Column, value: Value) -> Value {
    match (column.concealed, value) {
        (None, value) | (Some(_), value @ Value::Blank) => value,
        (Some(Concealed::Hash), Value::Text(name)) => Value::Text(concealed(&name)),
        (Some(Concealed::ZeroGuid), _) => Value::Text("00000000-0000-0000-0000-000000000000".to_owned()),
        (Some(_), _) => Value::Blank,
    }
}

/// A name as Graph conceals it: 32 hexadecimal digits, the same for the same name in every report.
pub fn concealed(name: &str) -> String {
    Sha256::digest(name.to_lowercase().as_bytes()).iter().take(16).map(|b| format!("{b:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_follow_from_headers() {
        for (header, json) in [
            ("Report Refresh Date", "reportRefreshDate"),
            ("OneDrive Last Activity Date", "oneDriveLastActivityDate"),
            ("POP3 App", "pop3App"),
            ("Used iPhone", "usediPhone"),
            ("Storage Used (Byte)", "storageUsedInBytes"),
            ("iOS", "ios"),
            ("Anonymous responses", "anonymousResponses"),
            ("Peer-to-peer", "peerToPeer"),
            ("Windows 10 Mobile", "windows10Mobile"),
        ] {
            assert_eq!(camel(header), json);
        }
    }

    #[test]
    fn concealed_names_are_stable() {
        assert_eq!(concealed("Adele@contoso.com"), concealed("adele@contoso.com"));
        assert_eq!(concealed("x").len(), 32);
    }
}
