//! JSON without the records of people who are forgotten.
//!
//! A record is an object of an array. Its own texts, those of its nested objects and its arrays of texts included, are a row; objects of
//! arrays in it are records of their own.

use serde_json::{Map, Value};

use super::list::Forgotten;
use super::row::{Row, Verdict};
use super::source::{Properties, Source};
use crate::day::Day;

/// What takes people out of JSON of one source.
pub(super) struct Json<'l> {
    list: &'l Forgotten,
    properties: Properties,
    day: Option<Day>,
    pub dropped: u64,
    pub emptied: u64,
    /// Addresses of forgotten people in records of others.
    pub given_away: Vec<String>,
}

impl<'l> Json<'l> {
    pub fn new(list: &'l Forgotten, source: Source, day: Option<Day>) -> Json<'l> {
        let properties = source.properties();
        Json { list, properties, day, dropped: 0, emptied: 0, given_away: Vec::new() }
    }

    /// Takes people out of a document.
    pub fn document(&mut self, document: &mut Value) {
        match document {
            Value::Array(all) => self.records(all, ""),
            Value::Object(object) => {
                self.record(object, "", false);
            }
            _ => {}
        }
    }

    fn records(&mut self, all: &mut Vec<Value>, path: &str) {
        all.retain_mut(|value| match value {
            Value::Object(object) => {
                let stays = self.record(object, path, true);
                self.dropped += u64::from(!stays);
                stays
            }
            _ => true,
        });
    }

    /// Whether a record stays. What is no element of an array always does.
    fn record(&mut self, object: &mut Map<String, Value>, path: &str, element: bool) -> bool {
        let mut row = Row::new(self.list, self.day);
        let mut day = self.day;
        own(object, path, &mut |path, text| {
            if day.is_none() && self.properties.is_refresh(path) {
                day = text.get(..10).and_then(|d| d.parse().ok());
                day.into_iter().for_each(|day| row.on(day));
            }
            row.cell(self.properties.who(path), text);
        });
        self.given_away.extend(row.given_away());
        let verdict = row.verdict(self.properties.loose && element);
        match verdict {
            Verdict::Drop if element => return false,
            Verdict::Drop | Verdict::Keep => {}
            Verdict::Empty(which) => {
                self.emptied += which.len() as u64;
                empty(object, &which, &mut 0);
            }
        }
        nested(object, path, &mut |all, path| self.records(all, path));
        true
    }
}

fn at(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

/// Whether the elements of an array are records.
fn has_records(all: &[Value]) -> bool {
    all.iter().any(Value::is_object)
}

/// Shows the texts of a record, in their order.
fn own(object: &Map<String, Value>, path: &str, see: &mut dyn FnMut(&str, &str)) {
    for (name, value) in object {
        let path = at(path, name);
        match value {
            Value::String(text) => see(&path, text),
            Value::Object(inner) => own(inner, &path, see),
            Value::Array(all) if !has_records(all) => all.iter().filter_map(Value::as_str).for_each(|t| see(&path, t)),
            _ => {}
        }
    }
}

/// Empties texts of a record, by their order.
fn empty(object: &mut Map<String, Value>, which: &[usize], seen: &mut usize) {
    fn hit(which: &[usize], seen: &mut usize) -> bool {
        *seen += 1;
        which.contains(&(*seen - 1))
    }
    for value in object.values_mut() {
        match value {
            Value::String(_) if hit(which, seen) => *value = Value::Null,
            Value::Object(inner) => empty(inner, which, seen),
            Value::Array(all) if !has_records(all) => all.retain(|v| !v.is_string() || !hit(which, seen)),
            _ => {}
        }
    }
}

/// Shows the arrays of records in a record.
fn nested(object: &mut Map<String, Value>, path: &str, see: &mut dyn FnMut(&mut Vec<Value>, &str)) {
    for (name, value) in object.iter_mut() {
        // The elements of the document's own arrays are records of their own paths.
        let inside = if path.is_empty() && matches!(name.as_str(), "value" | "details") {
            String::new()
        } else {
            at(path, name)
        };
        match value {
            Value::Object(inner) => nested(inner, &inside, see),
            Value::Array(all) if has_records(all) => see(all, &inside),
            _ => {}
        }
    }
}

/// The texts of a document in a line, one a line and without escapes; the line itself where it is none.
pub(super) fn words(line: &str) -> String {
    fn all(value: &Value, out: &mut String) {
        match value {
            Value::String(text) => {
                out.push_str(text);
                out.push('\n');
            }
            Value::Array(values) => values.iter().for_each(|v| all(v, out)),
            Value::Object(object) => object.values().for_each(|v| all(v, out)),
            _ => {}
        }
    }
    let Ok(value) = serde_json::from_str::<Value>(line) else { return line.to_string() };
    let mut out = String::new();
    all(&value, &mut out);
    out
}
