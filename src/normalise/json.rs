//! A JSON body → rows of cells, as if it had come as CSV.
//!
//! A record's properties are its cells, by their names; a nested object's are the record's own; a nested array of objects
//! makes a row of each of its elements, with the record's own cells repeated; an array of texts is one cell, joined by
//! `+`. The body is read twice: first for the names, since a record need not have them all, then for the cells.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::grid::Grid;
use super::header::{plan, too_wide};
use super::table::{Out, Table};
use super::{MAX_COLUMNS, MAX_ROW, Outcome};
use crate::catalog::Report;
use crate::error::{Error, Kind, Result};

/// Rows put into one grid.
const ROWS: usize = 512;
/// Bytes of a grid after which no more rows are put into it.
const BYTES: usize = 1 << 20;

/// Cells of one row, by name. A name that comes twice is made unique by its path.
type Cells = Vec<(String, String)>;

/// Reads a whole body.
pub(super) fn read(report: &'static Report, body: &[u8], out: Out) -> Result<Outcome> {
    let mut names = Names::default();
    let more_pages = each_row(body, &mut |cells| names.add(cells))?;
    let headers = names.list;
    // A body without records has no names either: there is nothing that could fit or not.
    let plan = match headers.is_empty() {
        true => plan(report, &report.columns.iter().map(|c| c.header.clone()).collect::<Vec<_>>())?,
        false => plan(report, &headers)?,
    };
    let (mut table, mut grid, mut bytes) = (Table::new(report, plan), Grid::new(headers.len(), b""), Vec::new());
    let places: HashMap<&str, usize> = headers.iter().enumerate().map(|(i, h)| (h.as_str(), i)).collect();
    let mut flush = |grid: &mut Grid, bytes: &mut Vec<u8>, table: &mut Table| {
        let done = table.take(bytes, grid, out);
        grid.clear();
        bytes.clear();
        done
    };
    each_row(body, &mut |cells| {
        let mut row = vec![""; headers.len()];
        for (name, cell) in cells {
            if let Some(place) = places.get(name.as_str()).and_then(|i| row.get_mut(*i)) {
                *place = cell;
            }
        }
        let size: usize = row.iter().map(|c| c.len() + 3).sum();
        if size > MAX_ROW {
            return Err(Error::new(Kind::NotAReport, format!("a record is longer than {MAX_ROW} bytes")));
        }
        if row.iter().all(|c| c.trim().is_empty()) {
            return Ok(());
        }
        grid.push_row(&mut bytes, row.into_iter());
        // Whether the batch is full depends on its rows alone, as for CSV.
        if grid.rows() >= ROWS.min(table.room(0)) || bytes.len() >= BYTES {
            flush(&mut grid, &mut bytes, &mut table)?;
        }
        Ok(())
    })?;
    if grid.rows() > 0 {
        flush(&mut grid, &mut bytes, &mut table)?;
    }
    let mut outcome = table.finish(out)?;
    outcome.more_pages = more_pages;
    Ok(outcome)
}

/// The property names of the first record of a body that may be cut; none where more bytes are needed.
pub(super) fn peek(body: &[u8]) -> Result<Option<Vec<String>>> {
    let mut names: Option<Vec<String>> = None;
    let read = walk(body, &mut |record| {
        let mut first = Names::default();
        rows(record, &mut |cells| first.add(cells))?;
        names = Some(first.list);
        Err(Error::new(Kind::NotAReport, "enough"))
    });
    match (names, read) {
        (Some(names), _) => Ok(Some(names)),
        (None, Ok(_)) => Ok(Some(Vec::new())),
        (None, Err(Failure::Incomplete)) => Ok(None),
        (None, Err(Failure::Told(e))) => Err(e),
        (None, Err(Failure::Broken(e))) => Err(broken(e)),
    }
}

/// Names of cells in the order in which they come.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    fn add(&mut self, cells: &Cells) -> Result<()> {
        for (name, _) in cells {
            if !self.known.contains(name) {
                if self.list.len() >= MAX_COLUMNS {
                    return Err(too_wide());
                }
                self.known.insert(name.clone());
                self.list.push(name.clone());
            }
        }
        Ok(())
    }
}

/// Calls `see` for every row of a body; answers whether more pages follow.
fn each_row(body: &[u8], see: &mut dyn FnMut(&Cells) -> Result<()>) -> Result<bool> {
    walk(body, &mut |record| rows(record, see)).map_err(|e| match e {
        Failure::Told(e) => e,
        Failure::Incomplete => Error::new(Kind::NotAReport, "the body is cut: its JSON ends too early")
            .hint("the download was not whole: fetch it again"),
        Failure::Broken(e) => broken(e),
    })
}

fn broken(e: serde_json::Error) -> Error {
    Error::new(Kind::NotAReport, "the body is no JSON")
        .with("line", e.line())
        .because(e)
        .hint("look at that line of the file")
}

/// The rows of one record.
fn rows(record: &Map<String, Value>, see: &mut dyn FnMut(&Cells) -> Result<()>) -> Result<()> {
    let mut cells = Cells::new();
    expand(record, "", &mut cells, see)
}

fn expand(
    object: &Map<String, Value>,
    path: &str,
    cells: &mut Cells,
    see: &mut dyn FnMut(&Cells) -> Result<()>,
) -> Result<()> {
    let mut nested = None;
    flatten(object, path, cells, &mut nested);
    let Some((path, elements)) = nested else { return see(cells) };
    let own = cells.len();
    for element in elements.iter().filter_map(Value::as_object) {
        expand(element, &path, cells, see)?;
        cells.truncate(own);
    }
    Ok(())
}

/// Adds the cells of an object; leaves the first array of objects to the caller.
fn flatten<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    cells: &mut Cells,
    nested: &mut Option<(String, &'a [Value])>,
) {
    for (name, value) in object {
        if name.contains("@odata.") {
            continue;
        }
        let whole = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let text = match value {
            Value::Null => String::new(),
            Value::String(s) => s.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Object(o) => {
                flatten(o, &whole, cells, nested);
                continue;
            }
            Value::Array(a) if !a.is_empty() && a.iter().all(Value::is_object) && nested.is_none() => {
                *nested = Some((whole, a));
                continue;
            }
            Value::Array(a) if a.iter().any(|v| v.is_object() || v.is_array()) => value.to_string(),
            Value::Array(a) => {
                let texts = a.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_string));
                texts.collect::<Vec<_>>().join("+")
            }
        };
        let twice = cells.iter().any(|(n, _)| n == name);
        cells.push((if twice { whole } else { name.clone() }, text));
    }
}

/// How a walk failed.
enum Failure {
    /// The body ends too early.
    Incomplete,
    /// It is no JSON.
    Broken(serde_json::Error),
    /// It says something else, or the caller wants no more.
    Told(Error),
}

/// Calls `see` for every record of a body: the elements of `value` or of the array that it is, `summary` and the elements
/// of `details`, or itself. Answers whether more pages follow.
fn walk(body: &[u8], see: &mut dyn FnMut(&Map<String, Value>) -> Result<()>) -> Result<bool, Failure> {
    let mut walker = Walker { see, told: None, more_pages: false };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Document(&mut walker).deserialize(&mut json).and_then(|()| json.end());
    match (walker.told, read) {
        (Some(e), _) => Err(Failure::Told(e)),
        (None, Ok(())) => Ok(walker.more_pages),
        (None, Err(e)) if e.is_eof() => Err(Failure::Incomplete),
        (None, Err(e)) => Err(Failure::Broken(e)),
    }
}

struct Walker<'w> {
    see: &'w mut dyn FnMut(&Map<String, Value>) -> Result<()>,
    told: Option<Error>,
    more_pages: bool,
}

impl Walker<'_> {
    /// Gives one record on. The caller's error stops the reader; what it says is kept beside.
    fn record<E: serde::de::Error>(&mut self, record: &Map<String, Value>) -> Result<(), E> {
        (self.see)(record).map_err(|e| self.tell(e))
    }

    fn tell<E: serde::de::Error>(&mut self, e: Error) -> E {
        self.told = Some(e);
        E::custom("stopped")
    }
}

/// The document.
struct Document<'a, 'w>(&'a mut Walker<'w>);

/// An array of records.
struct Records<'a, 'w>(&'a mut Walker<'w>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object or an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Records(self.0).visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut own, mut has_value) = (Map::new(), false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "error" => {
                    let error = map.next_value::<Value>()?;
                    let code = error.pointer("/code").or(error.pointer("/error")).unwrap_or(&error);
                    let code = code.as_str().unwrap_or("unknown").chars().take(100).collect::<String>();
                    return Err(self.0.tell(
                        Error::new(Kind::NotAReport, "the body is an error of Graph, not a report")
                            .with("code", code)
                            .hint("ask for the report again"),
                    ));
                }
                "value" => {
                    has_value = true;
                    map.next_value_seed(Records(self.0))?;
                }
                "@odata.nextLink" => {
                    map.next_value::<IgnoredAny>()?;
                    self.0.more_pages = true;
                }
                _ => {
                    let value = map.next_value::<Value>()?;
                    own.insert(key, value);
                }
            }
        }
        let own_names = own.keys().any(|k| !k.contains("@odata."));
        match (own.get("summary"), own.get("details")) {
            (Some(Value::Object(summary)), details) => {
                self.0.record(summary)?;
                for element in details.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
                    self.0.record(element)?;
                }
                Ok(())
            }
            _ if own_names && !has_value => self.0.record(&own),
            _ => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut record = Map::new();
        while let Some((key, value)) = map.next_entry()? {
            record.insert(key, value);
        }
        self.0.record(&record)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<Value>()? {
            match value {
                Value::Object(record) => self.0.record(&record)?,
                Value::Null => {}
                _ => return Err(A::Error::custom("an element is no record")),
            }
        }
        Ok(())
    }
}
