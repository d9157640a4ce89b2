//! Cells of one column → the values of one Arrow array.
//!
//! The usual spelling of a value is read by words, without a branch that depends on it; every other goes the careful way
//! through [`super::values`], and both agree. A cell that cannot be read becomes null and is told.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::error::ArrowError;

use super::grid::Grid;
use super::text::text;
use super::texts::Texts;
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
    Texts(Texts),
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
            ColumnType::Text | ColumnType::List | ColumnType::Guid => Data::Texts(Texts::default()),
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
            Data::Texts(v) => v.resize(len),
        }
    }

    /// Adds one text, or null where it is empty. Only for columns of text.
    pub fn push_text(&mut self, text: &str) {
        if let Data::Texts(v) = &mut self.data {
            v.push(text);
            self.valid.push(u8::from(!text.is_empty()));
        }
    }

    /// Adds the cell at `position` of every row of the grid over `bytes`.
    pub fn fill(&mut self, bytes: &[u8], grid: &Grid, position: usize, bad: &mut Vec<Bad>) {
        let (from, rows) = (self.valid.len(), grid.rows());
        if let Data::Texts(v) = &mut self.data {
            return v.fill(bytes, grid, position, &mut self.valid, bad);
        }
        self.nulls(rows);
        let cells = (bytes, grid, position);
        let valid = &mut self.valid[from..];
        match (&mut self.data, self.kind) {
            (Data::Days(v), _) => {
                fill(cells, &mut v[from..], valid, bad, "not a date", values::usual_day, values::date)
            }
            (Data::Bools(v), _) => {
                let careful = |t: &[u8]| values::boolean(t).map(u8::from);
                fill(cells, &mut v[from..], valid, bad, "not a yes or no", values::usual_boolean, careful);
            }
            (Data::Longs(v), ColumnType::Int) => {
                fill(cells, &mut v[from..], valid, bad, "not a whole number", values::usual_int, values::int);
            }
            (Data::Longs(v), ColumnType::Duration) => {
                let usual = |b: &[u8; 4], len: usize| (0, (b == b"PT0S") & (len == 4));
                fill(cells, &mut v[from..], valid, bad, "not a duration", usual, values::duration);
            }
            (Data::Longs(v), _) => {
                let usual = |_: &[u8; 0], _: usize| (0, false);
                fill(cells, &mut v[from..], valid, bad, "not an instant", usual, values::datetime);
            }
            (Data::Doubles(v), _) => {
                let usual = |_: &[u8; 0], _: usize| (0.0, false);
                fill(cells, &mut v[from..], valid, bad, "not a number", usual, values::float);
            }
            (Data::Texts(_), _) => {}
        }
    }

    /// The texts of the rows from `from` on; none where null.
    pub fn texts(&self, from: usize) -> impl Iterator<Item = Option<&[u8]>> {
        let texts = match &self.data {
            Data::Texts(v) => Some(v.iter(from)),
            _ => None,
        };
        let valid = self.valid.get(from..).unwrap_or_default();
        texts.into_iter().flatten().zip(valid).map(|(text, valid)| Some(text).filter(|_| *valid != 0))
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
            Data::Texts(v) => Arc::new(v.finish(nulls)?),
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

/// Reads the cells at a position of the grid over bytes by `usual` where it can, which looks at `N` bytes and at the
/// length of the cell and answers with a value and whether it is the cell's; else by `careful`. One loop for each type: what
/// it holds must fit into registers.
#[inline(never)]
fn fill<T: Copy, const N: usize>(
    (bytes, grid, position): (&[u8], &Grid, usize),
    out: &mut [T],
    valid: &mut [u8],
    bad: &mut Vec<Bad>,
    reason: &'static str,
    usual: impl Fn(&[u8; N], usize) -> (T, bool),
    careful: impl Fn(&[u8]) -> Option<T>,
) {
    for (row, (begin, end)) in grid.cells(position).enumerate() {
        let (Some(out), Some(valid)) = (out.get_mut(row), valid.get_mut(row)) else { return };
        let len = end.wrapping_sub(begin);
        if let Some(chunk) = bytes.get(begin..).and_then(|b| b.first_chunk()) {
            let (value, good) = usual(chunk, len);
            if good | (len == 0) {
                (*out, *valid) = (value, u8::from(good));
                continue;
            }
        }
        match read(bytes.get(begin..end).unwrap_or_default(), &careful) {
            Ok(Some(value)) => (*out, *valid) = (value, 1),
            Ok(None) => {}
            Err(()) => bad.push(Bad { row, reason }),
        }
    }
}

/// The value of an unusual cell; none where it is blank.
#[cold]
#[inline(never)]
fn read<T>(cell: &[u8], careful: &impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, ()> {
    let (text, _) = text(cell, false);
    if text.is_empty() { Ok(None) } else { careful(text.as_bytes()).map(Some).ok_or(()) }
}
