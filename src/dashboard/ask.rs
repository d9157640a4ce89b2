//! A visual's fields, asked of the marts: one statement for each mart that its measures are in, put together by the
//! columns that stand beside them.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::Datelike;

use super::number::Number;
use super::terms::Terms;
use crate::day::Day;
use crate::engine::{Session, refusal};
use crate::error::{Error, Kind, Result};
use crate::marts::Models;
use crate::powerbi::report::{Field, Filter, Page, Visual};

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is none.
    Null,
    /// A number.
    Number(f64),
    /// A text, as a reader sees it.
    Text(String),
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
    pub formats: &'a BTreeMap<String, String>,
}

/// The column of the calendar that stands for months.
const MONTH: &str = "Calendar[Month]";
/// The most months that a trend shows.
const MONTHS: i32 = 13;

/// The rows of one mart by the labels of their columns.
type Rows = BTreeMap<Vec<Key>, Vec<Cell>>;

/// A label with its place in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    order: i64,
    text: Option<String>,
}

impl Asker<'_> {
    /// How a measure's numbers are written.
    pub fn number(&self, field: &Field) -> Number {
        Number::of(self.formats.get(field.name()).map_or("#,0.##", String::as_str))
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
        let filters: Vec<&Filter> = page.filters.iter().chain(&visual.filters).chain(chosen).collect();
        let one_month = page.slicers.iter().any(|s| s == "month") && !columns.iter().any(is_calendar);
        let mut together: Rows = Rows::new();
        for (mart, asked) in self.marts(&columns, &measures)? {
            let sql = self.statement(&mart, &columns, &asked, &filters, one_month)?;
            for (key, cells) in self.rows(&sql, &columns).await? {
                let row = together.entry(key).or_insert_with(|| vec![Cell::Null; measures.len()]);
                for ((_, place), cell) in asked.iter().zip(cells) {
                    row[*place] = cell;
                }
            }
        }
        let rows = together.into_iter().map(|(key, cells)| {
            let labels = key.into_iter().map(|k| k.text.map_or(Cell::Null, Cell::Text));
            labels.chain(cells).collect()
        });
        let fields: Vec<Field> = columns.iter().chain(&measures).cloned().collect();
        let mut answer = Answer { fields, rows: rows.collect() };
        order(&mut answer, visual);
        Ok(answer)
    }

    /// The marts that are asked, and the measures that each answers, with their places. Without measures it is the first
    /// mart that has all columns.
    fn marts(&self, columns: &[Field], measures: &[Field]) -> Result<Vec<(String, Vec<(String, usize)>)>> {
        let has_columns = |mart: &str| {
            let source = self.terms.source(self.models, mart);
            source.is_some_and(|s| columns.iter().all(|c| self.terms.column(&s, c).is_some()))
        };
        if measures.is_empty() {
            let marts = self.models.marts();
            let mart = marts.iter().map(|m| m.name()).find(|m| has_columns(m));
            let mart = mart.ok_or_else(|| Error::new(Kind::Model, "no mart has all columns of the visual"))?;
            return Ok(vec![(mart.to_string(), Vec::new())]);
        }
        let mut asked: Vec<(String, Vec<(String, usize)>)> = Vec::new();
        for (place, measure) in measures.iter().enumerate() {
            let way = self.terms.measure(measure.name()).find(|(mart, _)| has_columns(mart));
            let (mart, sql) = way.ok_or_else(|| {
                Error::new(Kind::Model, format!("`{measure}` has no SQL over a mart with the visual's columns"))
            })?;
            match asked.iter_mut().find(|(m, _)| m == mart) {
                Some((_, all)) => all.push((sql.to_string(), place)),
                None => asked.push((mart.to_string(), vec![(sql.to_string(), place)])),
            }
        }
        Ok(asked)
    }

    fn statement(
        &self,
        mart: &str,
        columns: &[Field],
        measures: &[(String, usize)],
        filters: &[&Filter],
        one_month: bool,
    ) -> Result<String> {
        let source = self.terms.source(self.models, mart).ok_or_else(|| {
            Error::new(Kind::Model, "the dashboard's SQL names a mart that is none").with("mart", mart)
        })?;
        let columns: Vec<String> = columns.iter().filter_map(|c| self.terms.column(&source, c)).collect();
        let named = |(n, sql): (usize, &String)| format!("{sql} AS c{n}");
        let asked: Vec<String> =
            columns.iter().chain(measures.iter().map(|(sql, _)| sql)).enumerate().map(named).collect();
        let mut conditions: Vec<String> = filters.iter().filter_map(|f| self.terms.condition(&source, f)).collect();
        if source.by_month() {
            let (from, to) = if one_month { (self.month, self.month) } else { (back(self.month), LAST) };
            conditions.push(format!("month BETWEEN DATE '{from}' AND DATE '{to}'"));
        }
        let mut sql = format!("SELECT {} FROM {}", asked.join(", "), source.from());
        if !conditions.is_empty() {
            sql += &format!(" WHERE {}", conditions.join(" AND "));
        }
        if !columns.is_empty() {
            let places: Vec<String> = (1..=columns.len()).map(|n| n.to_string()).collect();
            sql += &format!(" GROUP BY {}", places.join(", "));
        }
        Ok(sql)
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
            let text = if field.to_string() == MONTH || day.date().day() == 1 { month_name(day) } else { day.to_string() };
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

/// The first of the months that a trend to `month` shows.
fn back(month: Day) -> Day {
    let months = month.date().year() * 12 + month.date().month0() as i32 - (MONTHS - 1);
    Day::new(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1).unwrap_or(month)
}

/// Later than any month.
const LAST: &str = "2999-12-01";

fn is_calendar(field: &Field) -> bool {
    matches!(field, Field::Column { table, .. } if table == "Calendar")
}

fn top(visual: &Visual) -> impl Iterator<Item = &Field> {
    visual.filters.iter().filter_map(|f| Some(&f.top.as_ref()?.by))
}

/// Sorts the rows as the visual says, and keeps the first where it wants only those.
fn order(answer: &mut Answer, visual: &Visual) {
    for top in visual.filters.iter().filter_map(|f| f.top.as_ref()) {
        if let Some(at) = answer.at(&top.by) {
            answer.rows.sort_by(|a, b| more(&b[at], &a[at]));
            answer.rows.truncate(top.most as usize);
        }
    }
    let Some(sort) = &visual.sort else { return };
    // Columns are in their order already.
    if let (Some(at), Field::Measure(_)) = (answer.at(&sort.by), &sort.by) {
        answer.rows.sort_by(|a, b| more(&a[at], &b[at]));
    }
    if sort.descending {
        answer.rows.reverse();
    }
}

/// Which of two is more; nothing is less than anything.
fn more(a: &Cell, b: &Cell) -> std::cmp::Ordering {
    let rank = |c: &Cell| match c {
        Cell::Number(n) => *n,
        _ => f64::NEG_INFINITY,
    };
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
