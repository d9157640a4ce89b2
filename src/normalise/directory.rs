//! Pages of a list of the directory → the rows of all tables that are made of it.
//!
//! One interpreter for all tables: what is where is said by `schemas/directory/`. It promises: every batch has exactly
//! the table's schema; an entity that two pages have is read once; a property that is missing, null or blank is null; a
//! value of another type is null, counted and kept as a [`Reject`]; a property that no column reads is kept in
//! `unknown_columns`. It must never know a table by its name, never do I/O, and never panic on what Graph sends.

mod cell;
mod path;
pub mod product_names;

use std::collections::{BTreeSet, HashSet};

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

use self::cell::Cells;
use self::path::Path;
use super::{MAX_LIST_ROWS, MAX_REJECTS, MAX_SHOWN, Reject};
use crate::catalog::directory::{Column, ENTITY, Each, Listing, Role, Table};
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// Reads the pages of one list.
pub struct Reader {
    listing: &'static Listing,
    day: Day,
    known: BTreeSet<&'static str>,
    sheets: Vec<Sheet>,
    seen: HashSet<String>,
    told: Told,
}

/// What is told about a list when it has been read.
#[derive(Debug, Default)]
pub struct Told {
    /// Entities, each once.
    pub entities: u64,
    /// Values that could not be read. They are null.
    pub rejected_cells: u64,
    /// The first [`MAX_REJECTS`] of them.
    pub rejects: Vec<Reject>,
    /// Properties that no column reads; they are in `unknown_columns`.
    pub unknown_properties: BTreeSet<String>,
}

/// The rows of one table, in the order of the pages.
pub struct Rows {
    /// The table.
    pub table: &'static Table,
    /// The rows. Texts are dictionaries, so that what repeats is held once.
    pub batch: RecordBatch,
    /// Columns whose property no entity had. Where it is that of the rows themselves, nothing is known of the table.
    pub missing: Vec<String>,
    /// Whether some entity had what the rows are made of, with or without elements.
    pub known: bool,
}

/// A table in the making.
struct Sheet {
    table: &'static Table,
    sources: Vec<Source>,
    columns: Vec<Cells>,
    unknown: Cells,
    /// For each column whether some entity had its property.
    had: Vec<bool>,
    known: bool,
    rows: usize,
}

/// Where rows come from: the entity itself, or its elements.
struct Source {
    each: Option<(&'static Each, Path)>,
    fields: Vec<Field>,
    /// Properties of an element that some column reads.
    read: BTreeSet<String>,
}

/// Where the value of a column is.
enum Field {
    Entity(Path),
    Element(Path),
    Role(Role),
}

impl Reader {
    /// A reader of the list as it is on `day`.
    pub fn new(listing: &'static Listing, day: Day) -> Reader {
        let sheets = listing.tables.iter().map(|t| Sheet::new(t)).collect();
        Reader { listing, day, known: listing.properties(), sheets, seen: HashSet::new(), told: Told::default() }
    }

    /// Reads a page: an object whose `value` holds entities. Fails where it is none: then the whole list is worth nothing.
    pub fn page(&mut self, page: &Value) -> Result<()> {
        let entities =
            page.get("value").and_then(Value::as_array).ok_or_else(|| wrong("a page of the list has no `value`"))?;
        for entity in entities {
            let object =
                entity.as_object().ok_or_else(|| wrong("a page of the list holds something that is no object"))?;
            if self.listing.ask.is_some() {
                let id = object.get(ENTITY).and_then(Value::as_str).filter(|id| !id.is_empty());
                let id = id.ok_or_else(|| wrong("an entity of the list has no `id`"))?;
                if !self.seen.insert(id.to_string()) {
                    // Lists change while they are paged: an entity that moves from page to page is read once.
                    continue;
                }
            }
            self.told.entities += 1;
            for sheet in &mut self.sheets {
                sheet.entity(object, entity, self.day, &self.known, &mut self.told)?;
            }
        }
        Ok(())
    }

    /// The rows of all tables.
    pub fn finish(self) -> Result<(Vec<Rows>, Told)> {
        let rows = self.sheets.into_iter().map(Sheet::finish).collect::<Result<_>>()?;
        Ok((rows, self.told))
    }
}

impl Sheet {
    fn new(table: &'static Table) -> Sheet {
        let sources = match &table.each[..] {
            [] => vec![Source::new(table, None)],
            each => each.iter().map(|e| Source::new(table, Some(e))).collect(),
        };
        let columns = table.columns.iter().map(|c| Cells::new(c.column_type)).collect();
        let unknown = Cells::new(crate::catalog::ColumnType::Text);
        Sheet {
            table,
            sources,
            columns,
            unknown,
            had: vec![false; table.columns.len()],
            known: table.each.is_empty(),
            rows: 0,
        }
    }

    fn entity(
        &mut self,
        object: &Map<String, Value>,
        entity: &Value,
        day: Day,
        known: &BTreeSet<&'static str>,
        told: &mut Told,
    ) -> Result<()> {
        let Sheet { table, sources, columns, unknown, had, known: rows_known, rows } = self;
        for source in sources.iter() {
            let elements = match &source.each {
                None => vec![entity],
                Some((each, path)) => {
                    let Some(found) = path.find(entity) else { continue };
                    *rows_known = true;
                    elements(each, found)
                }
            };
            *rows += elements.len();
            if *rows > MAX_LIST_ROWS {
                return Err(wrong("the list has more rows than can be held in memory")
                    .with("table", &table.table)
                    .with("more than", MAX_LIST_ROWS)
                    .hint("leave the list out of `include` under `[directory]`: reports need it not"));
            }
            for element in elements {
                for ((column, field), (cells, had)) in
                    table.columns.iter().zip(&source.fields).zip(columns.iter_mut().zip(had.iter_mut()))
                {
                    let value = source.value(field, entity, element, day);
                    *had |= value.is_some();
                    if let Err(reason) = cells.push(value.as_deref(), column.lower) {
                        reject(told, column, value.as_deref(), reason, entity);
                    }
                }
                let more = match &source.each {
                    None => rest(object, |p| known.contains(p), &mut told.unknown_properties),
                    Some(_) => match element.as_object() {
                        Some(o) => rest(o, |p| source.read.contains(p), &mut told.unknown_properties),
                        None => Value::Null,
                    },
                };
                // A text is always read.
                let _ = unknown.push(Some(&more), false);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Rows> {
        let names = self.table.columns.iter().map(|c| c.name.clone());
        let missing = names.zip(&self.had).filter(|(_, had)| !**had).map(|(name, _)| name).collect();
        let fields = self.table.schema().fields().clone();
        let arrays = self.columns.into_iter().chain([self.unknown]).map(Cells::finish);
        let columns = fields.iter().zip(arrays).map(|(f, a)| (f.name().clone(), a, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|e| wrong("rows of the list do not go together").because(e))?;
        Ok(Rows { table: self.table, batch, missing, known: self.known })
    }
}

impl Source {
    fn new(table: &'static Table, each: Option<&'static Each>) -> Source {
        let mut read = BTreeSet::new();
        let fields = table.columns.iter().map(|c| {
            let inside = |p: &str| p.strip_prefix(each?.path.as_str())?.strip_prefix('.').map(str::to_string);
            match (&c.path, c.role) {
                (Some(path), _) => match inside(path) {
                    Some(path) => {
                        let path = Path::new(&path);
                        read.extend(path.first().map(str::to_string));
                        Field::Element(path)
                    }
                    None => Field::Entity(Path::new(path)),
                },
                (None, role) => Field::Role(role.unwrap_or(Role::Element)),
            }
        });
        let fields = fields.collect();
        Source { each: each.map(|e| (e, Path::new(&e.path))), fields, read }
    }

    fn value<'a>(&self, field: &Field, entity: &'a Value, element: &'a Value, day: Day) -> Option<Found<'a>> {
        match field {
            Field::Entity(path) => path.find(entity).map(Found::There),
            Field::Element(path) => path.find(element).map(Found::There),
            Field::Role(Role::Element) => {
                let prefix = self.each.as_ref().and_then(|(e, _)| e.prefix.as_deref());
                Some(match (prefix, element.as_str()) {
                    (Some(prefix), Some(text)) => Found::Made(text.get(prefix.len()..).unwrap_or_default().into()),
                    _ => Found::There(element),
                })
            }
            Field::Role(Role::Kind) => {
                let kind = self.each.as_ref().and_then(|(e, _)| e.kind.as_deref());
                kind.map(|k| Found::Made(k.into()))
            }
            Field::Role(Role::FirstSeen | Role::LastSeen) => Some(Found::Made(day.to_string().into())),
        }
    }
}

/// A value that is in the page, or one that was made.
enum Found<'a> {
    There(&'a Value),
    Made(Value),
}

impl std::ops::Deref for Found<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Found::There(value) => value,
            Found::Made(value) => value,
        }
    }
}

/// The elements that are rows. A value that is no array is the only element; what is null or blank is none.
fn elements<'a>(each: &Each, found: &'a Value) -> Vec<&'a Value> {
    let all: &[Value] = match found {
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    };
    let begins = |text: &str, prefix: &str| text.get(..prefix.len()).is_some_and(|t| t.eq_ignore_ascii_case(prefix));
    let is_row = |value: &&Value| match (value, each.prefix.as_deref()) {
        (Value::Null, _) => false,
        (Value::String(text), Some(prefix)) => begins(text, prefix) && !text[prefix.len()..].trim().is_empty(),
        (Value::String(text), None) => !text.trim().is_empty(),
        (_, prefix) => prefix.is_none(),
    };
    all.iter().filter(is_row).collect()
}

/// Properties that no column reads, as the text of a JSON object. Annotations (`@odata.type`) are none.
fn rest(object: &Map<String, Value>, known: impl Fn(&str) -> bool, names: &mut BTreeSet<String>) -> Value {
    let unknown = |(name, value): &(&String, &Value)| !name.contains('@') && !known(name) && !value.is_null();
    let rest: Map<String, Value> =
        object.iter().filter(unknown).map(|(name, value)| (name.clone(), value.clone())).collect();
    if rest.is_empty() {
        return Value::Null;
    }
    names.extend(rest.keys().cloned());
    Value::Object(rest).to_string().into()
}

fn reject(told: &mut Told, column: &Column, value: Option<&Value>, reason: &'static str, entity: &Value) {
    told.rejected_cells += 1;
    if told.rejects.len() < MAX_REJECTS {
        let shown = |text: String| text.chars().take(MAX_SHOWN).collect::<String>();
        told.rejects.push(Reject {
            line: told.entities,
            column: column.name.clone(),
            value: shown(value.map(Value::to_string).unwrap_or_default()),
            reason,
            row: shown(entity.to_string()),
        });
    }
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::NotAReport, what)
}

#[cfg(test)]
mod tests;
