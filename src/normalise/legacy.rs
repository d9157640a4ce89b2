//! An export of the retired app → the rows of its table, month by month.
//!
//! It promises what the normaliser promises: no cell is lost without being counted and kept, nothing is guessed. Exports are
//! small, so a file is held whole; that is what lets all of its days decide how they are written.

mod days;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};

use self::days::{Order, Written, order};
use super::{MAX_REJECTS, MAX_SHOWN, Reject};
use crate::catalog::legacy::{Column, Table, Type, is_month, our_name};
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// What an export says.
#[derive(Debug)]
pub struct Export {
    /// Its rows by month, with the schema of the table.
    pub months: BTreeMap<Day, RecordBatch>,
    /// Rows, those without a month left out.
    pub rows: u64,
    /// Cells that could not be read; of a month, a whole row.
    pub rejected_cells: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
    /// Headers that the table does not know. Their cells are in `unknown_columns`.
    pub unknown_headers: Vec<String>,
    /// Columns of the table that no header means. They are null.
    pub missing_columns: Vec<String>,
}

/// Text and delimiter of an export.
struct Text {
    text: String,
    delimiter: u8,
}

impl Text {
    fn of(bytes: &[u8]) -> Result<Text> {
        let wide = |pairs: &[u8]| {
            let units = pairs.chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        };
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => wide(rest),
            [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_string),
            all => std::str::from_utf8(all).ok().map(str::to_string),
        };
        let text = text.ok_or_else(|| {
            Error::new(Kind::NotAReport, "the file is neither UTF-8 nor UTF-16")
                .hint("save it as `CSV UTF-8` and import that")
        })?;
        let header = text.lines().next().unwrap_or_default();
        let cells = |d: &char| header.matches(*d).count();
        let delimiter = [',', ';', '\t'].into_iter().rev().max_by_key(cells).unwrap_or(',') as u8;
        Ok(Text { text, delimiter })
    }

    fn reader(&self) -> csv::Reader<&[u8]> {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(self.delimiter).flexible(true).trim(csv::Trim::All).from_reader(self.text.as_bytes())
    }

    fn headers(&self) -> Result<Vec<String>> {
        let mut reader = self.reader();
        let headers =
            reader.headers().map_err(|e| Error::new(Kind::NotAReport, "the file has no header row").because(e))?;
        Ok(headers.iter().map(str::to_string).collect())
    }
}

/// The text of a file, and what its cells are separated by.
pub(crate) fn decoded(bytes: &[u8]) -> Result<(String, u8)> {
    Text::of(bytes).map(|t| (t.text, t.delimiter))
}

/// The headers of a file by its beginning; none where it is no text.
pub fn headers(head: &[u8]) -> Vec<String> {
    let end = head.iter().position(|b| *b == b'\n').map_or(head.len(), |n| n + 1);
    // In UTF-16 the line break has two bytes.
    let end = if head.starts_with(&[0xff, 0xfe]) { end & !1 } else { end };
    Text::of(&head[..end]).and_then(|t| t.headers()).unwrap_or_default()
}

/// Reads an export of `table`.
pub fn read(table: &Table, bytes: &[u8]) -> Result<Export> {
    let text = Text::of(bytes)?;
    let headers = text.headers()?;
    let places = table.columns_of(&headers);
    let month_at = headers.iter().position(|h| is_month(h)).ok_or_else(|| {
        Error::new(Kind::NotAReport, "the file has no column `TimeFrame`").hint("export all columns of the table")
    })?;
    let mut rows = Vec::new();
    for row in text.reader().into_records() {
        rows.push(row.map_err(|e| Error::new(Kind::NotAReport, "a row cannot be read").because(e))?);
    }
    let order = dates(table, &rows, month_at, &places)?;
    let mut reading = Reading { rejected: 0, rejects: Vec::new(), headers: &headers };
    let mut by_month: BTreeMap<Day, Vec<&csv::StringRecord>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.iter().any(|c| !c.is_empty())) {
        let cell = row.get(month_at).unwrap_or_default();
        match Written::read(cell).and_then(|w| w.day(order)) {
            Some(day) => by_month.entry(day.month()).or_default().push(row),
            None => reading.reject(row, month_at, "the row has no month"),
        }
    }
    let unknown: Vec<usize> =
        (0..headers.len()).filter(|i| places[*i].is_none() && *i != month_at && !headers[*i].is_empty()).collect();
    let mut months = BTreeMap::new();
    let mut all = 0;
    for (month, rows) in by_month {
        let batch = reading.batch(table, &rows, &places, &unknown, order)?;
        all += batch.num_rows() as u64;
        months.insert(month, batch);
    }
    let lost = |(at, _): &(usize, &Column)| !places.contains(&Some(*at));
    Ok(Export {
        months,
        rows: all,
        rejected_cells: reading.rejected,
        rejects: reading.rejects,
        unknown_headers: unknown.iter().map(|i| headers[*i].clone()).collect(),
        missing_columns: table.columns.iter().enumerate().filter(lost).map(|(_, c)| c.name.clone()).collect(),
    })
}

/// The order in which the days of a file are written.
fn dates(table: &Table, rows: &[csv::StringRecord], month_at: usize, places: &[Option<usize>]) -> Result<Order> {
    let is_date = |at: &usize| table.columns[*at].column_type == Type::Date;
    let dates: Vec<usize> = (0..places.len()).filter(|i| places[*i].as_ref().is_some_and(is_date)).collect();
    let read = |row: &csv::StringRecord, at: usize| row.get(at).and_then(Written::read);
    let months: Vec<Written> = rows.iter().filter_map(|r| read(r, month_at)).collect();
    let others: Vec<Written> = rows.iter().flat_map(|r| dates.iter().filter_map(move |at| read(r, *at))).collect();
    order(&months, &others).map_err(|unclear| {
        let cell = match unclear {
            Written::Numbers(a, b, year) => format!("{a}/{b}/{year}"),
            Written::Day(day) => day.to_string(),
        };
        Error::new(Kind::NotAReport, format!("`{cell}` can be two days, and nothing in the file says which"))
            .hint("export the dates as YYYY-MM-DD, or more than one month at once: `TimeFrame` is the first of a month")
    })
}

struct Reading<'a> {
    rejected: u64,
    rejects: Vec<Reject>,
    headers: &'a [String],
}

impl Reading<'_> {
    fn reject(&mut self, row: &csv::StringRecord, at: usize, reason: &'static str) {
        self.rejected += 1;
        if self.rejects.len() < MAX_REJECTS {
            let short = |text: &str| text.chars().take(MAX_SHOWN / 4).collect::<String>();
            self.rejects.push(Reject {
                line: row.position().map_or(0, csv::Position::line),
                column: self.headers.get(at).cloned().unwrap_or_default(),
                value: short(row.get(at).unwrap_or_default()),
                reason,
                row: short(&row.iter().collect::<Vec<_>>().join(",")),
            });
        }
    }

    /// The rows of a month, with the schema of the table.
    fn batch(
        &mut self,
        table: &Table,
        rows: &[&csv::StringRecord],
        places: &[Option<usize>],
        unknown: &[usize],
        order: Order,
    ) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (at, column) in table.columns.iter().enumerate() {
            let cells: Vec<Option<&str>> = match places.iter().position(|p| *p == Some(at)) {
                Some(place) => rows.iter().map(|r| r.get(place).filter(|c| !c.is_empty())).collect(),
                None => vec![None; rows.len()],
            };
            columns.push(self.column(column, &cells, rows, places, at, order)?);
        }
        let rest = rows.iter().map(|row| {
            let of = unknown.iter().filter_map(|i| Some((&self.headers[*i], row.get(*i).filter(|c| !c.is_empty())?)));
            let object: serde_json::Map<_, _> = of.map(|(h, c)| (h.clone(), c.into())).collect();
            (!object.is_empty()).then(|| serde_json::Value::from(object).to_string())
        });
        columns.push(Arc::new(rest.collect::<StringArray>()));
        RecordBatch::try_new(table.schema(), columns)
            .map_err(|e| Error::new(Kind::NotAReport, "the rows do not go together").because(e))
    }

    fn column(
        &mut self,
        column: &Column,
        cells: &[Option<&str>],
        rows: &[&csv::StringRecord],
        places: &[Option<usize>],
        at: usize,
        order: Order,
    ) -> Result<ArrayRef> {
        let place = places.iter().position(|p| *p == Some(at)).unwrap_or_default();
        let mut lost = Vec::new();
        let array: ArrayRef = match column.column_type {
            Type::Text => Arc::new(cells.iter().copied().collect::<StringArray>()),
            Type::Product | Type::Site => {
                let ours = cells.iter().map(|c| c.map(|c| our_name(column.column_type, c)));
                Arc::new(ours.collect::<StringArray>())
            }
            Type::Int => {
                // A dot before three digits is a thousand in one country and a fraction in another.
                if let Some(cell) = cells.iter().flatten().find(|c| int(c).is_none() && grouped(c, '.')) {
                    return Err(Error::new(Kind::NotAReport, format!("`{cell}` can be two numbers"))
                        .with("column", &column.headers[0])
                        .hint("export numbers without separators of thousands"));
                }
                Arc::new(parsed(cells, int, &mut lost).into_iter().collect::<Int64Array>())
            }
            Type::Double => Arc::new(parsed(cells, double, &mut lost).into_iter().collect::<Float64Array>()),
            Type::Bool => Arc::new(parsed(cells, boolean, &mut lost).into_iter().collect::<BooleanArray>()),
            Type::Date => {
                let day = |c: &str| Written::read(c).and_then(|w| w.day(order)).map(Day::epoch);
                Arc::new(parsed(cells, day, &mut lost).into_iter().collect::<Date32Array>())
            }
        };
        for n in lost {
            self.reject(rows[n], place, "it is not of the column's type");
        }
        Ok(array)
    }
}

/// The values of cells; `lost` gets the places of those that have none.
fn parsed<T>(cells: &[Option<&str>], read: impl Fn(&str) -> Option<T>, lost: &mut Vec<usize>) -> Vec<Option<T>> {
    let value = |(n, cell): (usize, &Option<&str>)| {
        let value = cell.and_then(&read);
        if cell.is_some() && value.is_none() {
            lost.push(n);
        }
        value
    };
    cells.iter().enumerate().map(value).collect()
}

/// Whether a text is digits in groups of three.
fn grouped(text: &str, sign: char) -> bool {
    let mut groups = text.split(sign);
    let digits = |g: &str| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit());
    let first = groups.next().is_some_and(|g| digits(g) && g.len() <= 3);
    let rest: Vec<&str> = groups.collect();
    first && !rest.is_empty() && rest.iter().all(|g| g.len() == 3 && digits(g))
}

/// A whole number: `1234`, `1,234`, `1234.0`, `1.2E+3`.
fn int(text: &str) -> Option<i64> {
    if let Ok(n) = text.parse() {
        return Some(n);
    }
    if grouped(text, ',') {
        return text.replace(',', "").parse().ok();
    }
    if grouped(text, '.') {
        return None;
    }
    let n: f64 = text.parse().ok()?;
    // Beyond that a double does not hold every whole number.
    (n.fract() == 0.0 && n.abs() < 9e15).then_some(n as i64)
}

fn double(text: &str) -> Option<f64> {
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
