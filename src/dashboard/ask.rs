//! A visual's fields, asked of the marts: one statement for each mart that its measures are in, put together by the
//! columns that stand beside them.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::Datelike;

use super::meaning::Format;
use super::number::Number;
use super::terms::{Source, Terms};
use crate::day::Day;
use crate::engine::{Session, refusal};
use crate::error::{Error, Kind, Result};
use crate::marts::Models;
use crate::powerbi::report::{Field, Filter, MONTH, Page, Visual};

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is none.
    Null,
    /// A number.
    Number(f64),
    /// A number of something: a price in a currency.
    Amount(f64, String),
    /// A text, as a reader sees it.
    Text(String),
}

impl Cell {
    /// The number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Number(n) | Cell::Amount(n, _) => Some(*n),
            Cell::Null | Cell::Text(_) => None,
        }
    }
}

/// What was asked for: columns first, then measures, as in `fields`; rows in their order.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The fields.
    pub fields: Vec<Field>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Answer {
    /// The place of a field in the rows.
    pub fn at(&self, field: &Field) -> Option<usize> {
        self.fields.iter().position(|f| f == field)
    }
}

/// Asks for the visuals of a dashboard.
pub struct Asker<'a> {
    /// The tables and marts of the tenant.
    pub session: &'a Session,
    /// The contracts.
    pub models: &'a Models,
    /// What fields are in SQL.
    pub terms: &'a Terms,
    /// The month that is shown.
    pub month: Day,
    /// The formats of measures.
    pub formats: &'a BTreeMap<String, Format>,
}

/// The most months that a trend shows.
const MONTHS: i32 = 13;

/// What a visual asks.
struct Question<'q> {
    /// The columns beside which numbers stand.
    columns: &'q [Field],
    /// What is kept.
    filters: Vec<&'q Filter>,
    /// Whether it is asked of the month that is shown, and not of all.
    one_month: bool,
}

/// Which month a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Month {
    /// The one that is shown, or that stands beside it.
    Shown,
    /// The one before that.
    Before,
}

/// One statement.
struct Part<'p> {
    group: usize,
    month: Month,
    source: Source<'p>,
    /// The place of each number among those that are wanted, and its SQL.
    measures: Vec<(usize, &'p str)>,
}

/// The rows of one statement by the labels of their columns.
type Rows = BTreeMap<Vec<Key>, Vec<Cell>>;

/// A label with its place in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    order: i64,
    text: Option<String>,
}

impl Asker<'_> {
    /// Whether a field is a number.
    pub fn is_number(&self, field: &Field) -> bool {
        matches!(field, Field::Measure(name) if self.formats.contains_key(name))
    }

    /// How a measure's numbers are written.
    pub fn number(&self, field: &Field) -> Number {
        Number::of(self.formats.get(field.name()).map_or("#,0.##", |f| f.pattern.as_str()))
    }

    /// The answer for a visual of a page. `chosen` are filters that slicers stand on.
    pub async fn ask(&self, page: &Page, visual: &Visual, chosen: &[Filter]) -> Result<Answer> {
        let mut fields: Vec<Field> = Vec::new();
        for field in visual.shown().chain(visual.sort.iter().map(|s| &s.by)).chain(top(visual)) {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        let (columns, measures): (Vec<Field>, Vec<Field>) =
            fields.into_iter().partition(|f| matches!(f, Field::Column { .. }));
        let question = Question {
            one_month: page.slicers.iter().any(|s| s == MONTH)
                && !visual.all_months
                && !columns.iter().any(is_calendar),
            filters: page.filters.iter().chain(&visual.filters).chain(chosen).collect(),
            columns: &columns,
        };
        let mut together: Rows = Rows::new();
        let wanted: Vec<(usize, &str, Month)> = self.wanted(&measures);
        for part in self.parts(&question, &wanted)? {
            for (key, cells) in self.rows(&self.statement(&question, &part), &columns).await? {
                let row = together.entry(key).or_insert_with(|| vec![Cell::Null; wanted.len()]);
                for ((place, _), cell) in part.measures.iter().zip(cells) {
                    row[*place] = cell;
                }
            }
        }
        let rows = together.into_iter().map(|(key, cells)| {
            let labels = key.into_iter().map(|k| k.text.map_or(Cell::Null, Cell::Text));
            let values = measures.iter().enumerate().map(|(n, m)| self.value(m, n, &wanted, &cells));
            labels.chain(values).collect::<Vec<Cell>>()
        });
        // A row that only the month before has is none.
        let rows = rows.filter(|r| measures.is_empty() || r[columns.len()..].iter().any(|c| *c != Cell::Null));
        let fields: Vec<Field> = columns.iter().chain(&measures).cloned().collect();
        let mut answer = Answer { fields, rows: rows.collect() };
        order(&mut answer, visual);
        Ok(answer)
    }

    /// The numbers that are needed for the measures, with the place of the measure: each itself, or what it is the change of
    /// in the month and in the one before, and the unit that it has.
    fn wanted<'m>(&'m self, measures: &'m [Field]) -> Vec<(usize, &'m str, Month)> {
        let numbers = |(place, m): (usize, &'m Field)| match self.terms.change(m.name()) {
            Some(change) => vec![(place, change.of.as_str(), Month::Shown), (place, change.of.as_str(), Month::Before)],
            None => {
                let unit = self.formats.get(m.name()).and_then(|f| f.unit.as_deref());
                let names = std::iter::once(m.name()).chain(unit);
                names.map(|name| (place, name, Month::Shown)).collect()
            }
        };
        measures.iter().enumerate().flat_map(numbers).collect()
    }

    /// A measure's value of the numbers that it needs.
    fn value(&self, measure: &Field, place: usize, wanted: &[(usize, &str, Month)], cells: &[Cell]) -> Cell {
        let mut own = wanted.iter().zip(cells).filter(|((p, ..), _)| *p == place).map(|(_, cell)| cell);
        let first = own.next().cloned().unwrap_or(Cell::Null);
        match (self.terms.change(measure.name()), &first, own.next()) {
            (None, Cell::Number(n), Some(Cell::Text(unit))) => Cell::Amount(*n, unit.clone()),
            (None, ..) => first.clone(),
            (Some(change), Cell::Number(now), Some(Cell::Number(before))) if change.share && *before != 0.0 => {
                Cell::Number((now - before) / before)
            }
            (Some(change), Cell::Number(now), Some(Cell::Number(before))) if !change.share => {
                Cell::Number(now - before)
            }
            _ => Cell::Null,
        }
    }

    /// The statements that are asked: the numbers of one group and month together. Without numbers it is the first mart
    /// that has all columns.
    fn parts<'p>(&'p self, question: &Question<'_>, wanted: &[(usize, &'p str, Month)]) -> Result<Vec<Part<'p>>> {
        let has_columns = |s: &Source<'_>| question.columns.iter().all(|c| self.terms.column(s, c).is_some());
        if wanted.is_empty() {
            let mut sources = self.models.marts().into_iter().filter_map(|m| self.terms.source(self.models, m.name()));
            let source = sources.find(has_columns);
            let source = source.ok_or_else(|| Error::new(Kind::Model, "no mart has all columns of the visual"))?;
            return Ok(vec![Part { group: 0, month: Month::Shown, source, measures: Vec::new() }]);
        }
        let mut parts: Vec<Part<'p>> = Vec::new();
        for (place, &(_, name, month)) in wanted.iter().enumerate() {
            let way = self.terms.measure(self.models, name).find(|(_, source, _)| has_columns(source));
            let (group, source, sql) = way.ok_or_else(|| {
                Error::new(Kind::Model, format!("`[{name}]` has no SQL over a mart with the visual's columns"))
            })?;
            match parts.iter_mut().find(|p| p.group == group && p.month == month) {
                Some(part) => part.measures.push((place, sql)),
                None => parts.push(Part { group, month, source, measures: vec![(place, sql)] }),
            }
        }
        Ok(parts)
    }

    fn statement(&self, question: &Question<'_>, part: &Part<'_>) -> String {
        let source = &part.source;
        let before = part.month == Month::Before;
        let column = |field: &Field| {
            let sql = self.terms.column(source, field)?;
            // The month before stands beside the month after it.
            Some(if before && sql == "month" { "CAST(month + INTERVAL '1 month' AS date)".to_string() } else { sql })
        };
        let mut asked: Vec<String> = question.columns.iter().filter_map(column).collect();
        let columns = asked.len();
        let month = if before { back(self.month, 1) } else { self.month };
        asked.extend(part.measures.iter().map(|(_, sql)| sql.replace("{month}", &month.to_string())));
        let asked: Vec<String> = asked.iter().enumerate().map(|(n, sql)| format!("{sql} AS c{n}")).collect();
        let mut conditions: Vec<String> =
            question.filters.iter().filter_map(|f| self.terms.condition(source, f)).collect();
        let named = |field: &str| {
            question.columns.iter().chain(question.filters.iter().map(|f| &f.field)).any(|f| f.to_string() == field)
        };
        conditions.extend(self.terms.defaults(source, named));
        if source.by_month() && question.one_month {
            conditions.push(format!("month = DATE '{month}'"));
        } else if source.by_month() && question.columns.iter().any(is_calendar) {
            let first = back(self.month, MONTHS - 1);
            conditions.push(format!("month >= DATE '{}'", if before { back(first, 1) } else { first }));
        }
        let mut sql = format!("SELECT {} FROM {}", asked.join(", "), source.from());
        if !conditions.is_empty() {
            sql += &format!(" WHERE {}", conditions.join(" AND "));
        }
        if columns > 0 {
            let places: Vec<String> = (1..=columns).map(|n| n.to_string()).collect();
            sql += &format!(" GROUP BY {}", places.join(", "));
        }
        sql
    }

    async fn rows(&self, sql: &str, columns: &[Field]) -> Result<Rows> {
        let tables = self.session.tables();
        let wrong = |e| refusal(Kind::Model, e, &tables).with("statement", sql);
        let batches = self.session.sql(sql).await.map_err(wrong)?.collect().await.map_err(wrong)?;
        let mut rows = Rows::new();
        for batch in &batches {
            for n in 0..batch.num_rows() {
                let key = columns.iter().enumerate().map(|(i, f)| self.key(f, batch.column(i), n)).collect();
                let cells = (columns.len()..batch.num_columns()).map(|i| cell(batch, i, n)).collect();
                rows.insert(key, cells);
            }
        }
        Ok(rows)
    }

    /// A column's value as its label, in the order of the labels where they have one.
    fn key(&self, field: &Field, column: &ArrayRef, n: usize) -> Key {
        if column.is_null(n) {
            return Key { order: i64::MAX, text: None };
        }
        if let Some(days) = column.as_any().downcast_ref::<Date32Array>() {
            let day = Day::from_epoch(days.value(n));
            let text = if is_month(field) { month_name(day) } else { day.to_string() };
            return Key { order: i64::from(days.value(n)), text: Some(text) };
        }
        if let Some(flags) = column.as_any().downcast_ref::<BooleanArray>() {
            let text = if flags.value(n) { "Yes" } else { "No" };
            return Key { order: 0, text: Some(text.to_string()) };
        }
        if let Some(numbers) = column.as_any().downcast_ref::<Int64Array>() {
            return Key { order: numbers.value(n), text: Some(numbers.value(n).to_string()) };
        }
        let text = as_text(column, n);
        let labels = self.terms.labels(field);
        let known = labels.and_then(|all| all.iter().enumerate().find(|(_, (value, _))| *value == text));
        match known {
            Some((place, (_, label))) => Key { order: place as i64, text: Some(label.clone()) },
            None => Key { order: if labels.is_some() { i64::MAX - 1 } else { 0 }, text: Some(text) },
        }
    }
}

/// `Oct 2026`.
pub fn month_name(day: Day) -> String {
    day.date().format("%b %Y").to_string()
}

/// The month that is `months` before another.
fn back(month: Day, months: i32) -> Day {
    let count = month.date().year() * 12 + month.date().month0() as i32 - months;
    Day::new(count.div_euclid(12), count.rem_euclid(12) as u32 + 1, 1).unwrap_or(month)
}

/// Whether a day stands for its month.
fn is_month(field: &Field) -> bool {
    field.name().starts_with("Month")
}

fn is_calendar(field: &Field) -> bool {
    matches!(field, Field::Column { table, .. } if table == "Calendar")
}

fn top(visual: &Visual) -> impl Iterator<Item = &Field> {
    visual.filters.iter().filter_map(|f| Some(&f.top.as_ref()?.by))
}

/// Sorts the rows as the visual says, and keeps the first where it wants only those.
fn order(answer: &mut Answer, visual: &Visual) {
    for filter in &visual.filters {
        let Some(top) = &filter.top else { continue };
        if let (Some(by), Some(at)) = (answer.at(&top.by), answer.at(&filter.field)) {
            // The values of the column with the most, whatever stands beside them.
            let mut rows: Vec<&Vec<Cell>> = answer.rows.iter().collect();
            rows.sort_by(|a, b| more(&b[by], &a[by]));
            let mut kept: Vec<Cell> = Vec::new();
            for row in rows {
                if kept.len() < top.most as usize && !kept.contains(&row[at]) {
                    kept.push(row[at].clone());
                }
            }
            answer.rows.retain(|row| kept.contains(&row[at]));
        }
    }
    let Some((sort, at)) = visual.sort.as_ref().and_then(|s| Some((s, answer.at(&s.by)?))) else { return };
    match sort.by {
        Field::Measure(_) if sort.descending => answer.rows.sort_by(|a, b| more(&b[at], &a[at])),
        Field::Measure(_) => answer.rows.sort_by(|a, b| more(&a[at], &b[at])),
        // Columns are in their order already; what stands beside one keeps its own.
        Field::Column { .. } if sort.descending => {
            let mut values: Vec<Cell> = answer.rows.iter().map(|r| r[at].clone()).collect();
            values.dedup();
            let place = |row: &Vec<Cell>| values.iter().position(|v| *v == row[at]);
            answer.rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
        }
        Field::Column { .. } => {}
    }
}

/// Which of two is more; nothing is less than anything.
fn more(a: &Cell, b: &Cell) -> std::cmp::Ordering {
    let rank = |c: &Cell| c.number().unwrap_or(f64::NEG_INFINITY);
    rank(a).total_cmp(&rank(b))
}

fn cell(batch: &RecordBatch, column: usize, n: usize) -> Cell {
    let column = batch.column(column);
    if column.is_null(n) {
        return Cell::Null;
    }
    if let Some(days) = column.as_any().downcast_ref::<Date32Array>() {
        return Cell::Text(Day::from_epoch(days.value(n)).to_string());
    }
    if column.data_type().is_numeric() {
        let numbers = cast(column, &DataType::Float64).ok();
        let number = numbers.and_then(|c| Some(c.as_any().downcast_ref::<Float64Array>()?.value(n)));
        return number.filter(|n| n.is_finite()).map_or(Cell::Null, Cell::Number);
    }
    Cell::Text(as_text(column, n))
}

fn as_text(column: &ArrayRef, n: usize) -> String {
    let texts = cast(column, &DataType::Utf8).ok();
    let text = texts.and_then(|c| Some(c.as_any().downcast_ref::<StringArray>()?.value(n).to_string()));
    text.unwrap_or_default()
}
