//! Cells of one column → the values of one Arrow array.
//!
//! The usual spelling of a value is read by words, without a branch that depends on it; every other goes the careful way
//! through [`super::values`], and both agree. A cell that cannot be read becomes null and is told.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow::error::ArrowError;

use super::grid::Grid;
use super::text::{is_plain, text};
use super::values;
use crate::catalog::ColumnType;
use crate::day::Day;

/// The values of one column that wait for their batch.
#[derive(Debug)]
pub(super) struct Column {
    kind: ColumnType,
    data: Data,
    /// For each row 1, or 0 where it is null.
    valid: Vec<u8>,
}

#[derive(Debug)]
enum Data {
    Days(Vec<i32>),
    Longs(Vec<i64>),
    Doubles(Vec<f64>),
    /// For each row 1 for yes.
    Bools(Vec<u8>),
    /// For each row where its text ends.
    Texts(Vec<i32>, Vec<u8>),
}

/// A cell that could not be read: its row in the grid, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bad {
    pub row: usize,
    pub reason: &'static str,
}

impl Column {
    /// An empty column.
    pub fn new(kind: ColumnType) -> Column {
        let data = match kind {
            ColumnType::Date => Data::Days(Vec::new()),
            ColumnType::Datetime | ColumnType::Int | ColumnType::Duration => Data::Longs(Vec::new()),
            ColumnType::Float => Data::Doubles(Vec::new()),
            ColumnType::Bool => Data::Bools(Vec::new()),
            ColumnType::Text | ColumnType::List | ColumnType::Guid => Data::Texts(Vec::new(), Vec::new()),
        };
        Column { kind, data, valid: Vec::new() }
    }

    /// How many rows wait.
    pub fn rows(&self) -> usize {
        self.valid.len()
    }

    /// Adds `rows` nulls.
    pub fn nulls(&mut self, rows: usize) {
        let len = self.valid.len() + rows;
        self.valid.resize(len, 0);
        match &mut self.data {
            Data::Days(v) => v.resize(len, 0),
            Data::Longs(v) => v.resize(len, 0),
            Data::Doubles(v) => v.resize(len, 0.0),
            Data::Bools(v) => v.resize(len, 0),
            Data::Texts(ends, bytes) => ends.resize(len, bytes.len() as i32),
        }
    }

    /// Adds one text, or null where it is empty. Only for columns of text.
    pub fn push_text(&mut self, text: &str) {
        if let Data::Texts(ends, bytes) = &mut self.data {
            bytes.extend_from_slice(text.as_bytes());
            ends.push(bytes.len() as i32);
            self.valid.push(u8::from(!text.is_empty()));
        }
    }

    /// Adds the cell at `position` of every row of the grid over `bytes`.
    pub fn fill(&mut self, bytes: &[u8], grid: &Grid, position: usize, bad: &mut Vec<Bad>) {
        let (from, rows) = (self.valid.len(), grid.rows());
        let cells = grid.cells(position);
        if let Data::Texts(ends, texts) = &mut self.data {
            fill_texts(bytes, grid, position, ends, texts, &mut self.valid, bad);
            return;
        }
        self.nulls(rows);
        let valid = &mut self.valid[from..];
        match (&mut self.data, self.kind) {
            (Data::Days(v), _) => fill(
                (&mut v[from..], valid, bad),
                (bytes, cells, "not a date"),
                |b, begin, len| match b.get(begin..begin + 10).and_then(|c| c.first_chunk()) {
                    Some(c) => values::usual_day(c, len),
                    None => (0, false),
                },
                values::date,
            ),
            (Data::Bools(v), _) => fill(
                (&mut v[from..], valid, bad),
                (bytes, cells, "not a yes or no"),
                |b, begin, len| match b.get(begin..begin + 8).and_then(|c| c.first_chunk()) {
                    Some(c) => values::usual_boolean(c, len),
                    None => (0, false),
                },
                |t| values::boolean(t).map(u8::from),
            ),
            (Data::Longs(v), ColumnType::Int) => fill(
                (&mut v[from..], valid, bad),
                (bytes, cells, "not a whole number"),
                |b, begin, len| match b.get(begin..begin + 8).and_then(|c| c.first_chunk()) {
                    Some(c) => values::usual_int(c, len),
                    None => (0, false),
                },
                values::int,
            ),
            (Data::Longs(v), ColumnType::Duration) => fill(
                (&mut v[from..], valid, bad),
                (bytes, cells, "not a duration"),
                |b, begin, len| (0, len == 4 && b.get(begin..begin + 4) == Some(b"PT0S")),
                values::duration,
            ),
            (Data::Longs(v), _) => {
                let cells = (bytes, cells, "not an instant");
                fill((&mut v[from..], valid, bad), cells, |_, _, _| (0, false), values::datetime);
            }
            (Data::Doubles(v), _) => {
                let cells = (bytes, cells, "not a number");
                fill((&mut v[from..], valid, bad), cells, |_, _, _| (0.0, false), values::float);
            }
            (Data::Texts(..), _) => {}
        }
    }

    /// The texts of the rows from `from` on; none where null.
    pub fn texts(&self, from: usize) -> impl Iterator<Item = Option<&[u8]>> {
        let (ends, bytes) = match &self.data {
            Data::Texts(ends, bytes) => (ends.as_slice(), bytes.as_slice()),
            _ => (&[][..], &[][..]),
        };
        let mut begin = from.checked_sub(1).and_then(|i| ends.get(i)).map_or(0, |e| *e as usize);
        ends.iter().zip(&self.valid).skip(from).map(move |(end, valid)| {
            let text = bytes.get(begin..*end as usize);
            begin = *end as usize;
            text.filter(|_| *valid != 0)
        })
    }

    /// The days or whole numbers of the rows from `from` on, without nulls.
    pub fn numbers(&self, from: usize) -> impl Iterator<Item = i64> {
        let (days, longs) = match &self.data {
            Data::Days(v) => (v.get(from..).unwrap_or_default(), &[][..]),
            Data::Longs(v) => (&[][..], v.get(from..).unwrap_or_default()),
            _ => (&[][..], &[][..]),
        };
        let valid = self.valid.get(from..).unwrap_or_default();
        let all = days.iter().map(|d| i64::from(*d)).chain(longs.iter().copied());
        all.zip(valid).filter(|(_, valid)| **valid != 0).map(|(v, _)| v)
    }

    /// The days of the rows from `from` on, without nulls; of instants their days.
    pub fn days(&self, from: usize) -> impl Iterator<Item = Day> {
        let unit = if self.kind == ColumnType::Datetime { values::DAY_MICROS } else { 1 };
        self.numbers(from).map(move |n| Day::from_epoch(n.div_euclid(unit) as i32))
    }

    /// The array of all rows that wait, after which none wait.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = NullBuffer::new(bits(&self.valid));
        let nulls = Some(nulls).filter(|n| n.null_count() > 0);
        let rows = self.valid.len();
        self.valid.clear();
        Ok(match &mut self.data {
            Data::Days(v) => Arc::new(Date32Array::try_new(renew(v, rows).into(), nulls)?),
            Data::Longs(v) if self.kind == ColumnType::Datetime => {
                Arc::new(TimestampMicrosecondArray::try_new(renew(v, rows).into(), nulls)?.with_timezone("UTC"))
            }
            Data::Longs(v) => Arc::new(Int64Array::try_new(renew(v, rows).into(), nulls)?),
            Data::Doubles(v) => Arc::new(Float64Array::try_new(renew(v, rows).into(), nulls)?),
            Data::Bools(v) => {
                let values = bits(v);
                v.clear();
                Arc::new(BooleanArray::new(values, nulls))
            }
            Data::Texts(ends, bytes) => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                offsets.append(ends);
                let more = bytes.len() + bytes.len() / 8;
                let bytes = std::mem::replace(bytes, Vec::with_capacity(more));
                let offsets = OffsetBuffer::new(offsets.into());
                Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)
            }
        })
    }
}

/// The buffer, and a new one as large in its place.
fn renew<T>(v: &mut Vec<T>, rows: usize) -> Vec<T> {
    std::mem::replace(v, Vec::with_capacity(rows))
}

/// Bytes of 0 and 1 as bits.
fn bits(bytes: &[u8]) -> BooleanBuffer {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut out = Vec::with_capacity(words.len() + 1);
    let pack = |w: [u8; 8]| (u64::from_le_bytes(w).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
    out.extend(words.iter().map(|w| pack(*w)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    out.push(pack(last));
    BooleanBuffer::new(Buffer::from_vec(out), 0, bytes.len())
}

/// Reads cells by `usual` where it can, which answers with a value and whether it is the cell's, else by `careful`.
#[inline(always)]
fn fill<T: Copy>(
    (out, valid, bad): (&mut [T], &mut [u8], &mut Vec<Bad>),
    (bytes, cells, reason): (&[u8], impl Iterator<Item = (usize, usize)>, &'static str),
    usual: impl Fn(&[u8], usize, usize) -> (T, bool),
    careful: impl Fn(&[u8]) -> Option<T>,
) {
    for (row, (((begin, end), out), valid)) in cells.zip(out).zip(valid).enumerate() {
        let len = end.wrapping_sub(begin);
        let (value, good) = usual(bytes, begin, len);
        if !good & (len != 0) {
            match read(bytes.get(begin..end).unwrap_or_default(), &careful) {
                Ok(Some(value)) => (*out, *valid) = (value, 1),
                Ok(None) => {}
                Err(()) => bad.push(Bad { row, reason }),
            }
            continue;
        }
        *out = value;
        *valid = u8::from(good);
    }
}

/// The value of an unusual cell; none where it is blank.
#[cold]
fn read<T>(cell: &[u8], careful: &impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, ()> {
    let (text, _) = text(cell, false);
    if text.is_empty() { Ok(None) } else { careful(text.as_bytes()).map(Some).ok_or(()) }
}

fn fill_texts(
    bytes: &[u8],
    grid: &Grid,
    position: usize,
    ends: &mut Vec<i32>,
    texts: &mut Vec<u8>,
    valid: &mut Vec<u8>,
    bad: &mut Vec<Bad>,
) {
    let (from, mut good) = (texts.len(), true);
    ends.reserve(grid.rows());
    valid.reserve(grid.rows());
    for (begin, end) in grid.cells(position) {
        let cell = bytes.get(begin..end).unwrap_or_default();
        if is_plain(cell) && !grid.has_signs {
            texts.extend_from_slice(cell);
            valid.push(1);
        } else if cell.is_empty() {
            valid.push(0);
        } else {
            let (text, is_text) = text(cell, grid.has_signs);
            texts.extend_from_slice(text.as_bytes());
            valid.push(u8::from(!text.is_empty()));
            good &= is_text;
        }
        ends.push(texts.len() as i32);
    }
    // Plain cells were not looked into. If all of them together are UTF-8 and each begins where a character does, each is.
    let rows = grid.rows();
    let first = ends.len() - rows;
    good &= match std::str::from_utf8(&texts[from..]) {
        Ok(s) => s.is_ascii() || ends[first..].iter().all(|e| s.is_char_boundary(*e as usize - from)),
        Err(_) => false,
    };
    if good {
        return;
    }
    texts.truncate(from);
    ends.truncate(first);
    valid.truncate(first);
    for (row, (begin, end)) in grid.cells(position).enumerate() {
        let (text, good) = text(bytes.get(begin..end).unwrap_or_default(), grid.has_signs);
        texts.extend_from_slice(text.as_bytes());
        ends.push(texts.len() as i32);
        valid.push(u8::from(!text.is_empty()));
        if !good {
            bad.push(Bad { row, reason: "not UTF-8" });
        }
    }
}
