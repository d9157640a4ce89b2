//! Cells of one column of text → the offsets and bytes of an Arrow string array.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::error::ArrowError;

use super::column::Bad;
use super::grid::Grid;
use super::text::{is_plain, is_trimmed, text, unquoted};

/// Bytes copied at once, which most cells fit in: what is behind a cell is copied too and written over.
const COPIED: usize = 64;
/// Bytes by which the buffer grows at least.
const GROWTH: usize = 16 << 10;

/// Texts that wait for their batch.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// For each row where its text ends.
    ends: Vec<i32>,
    /// The texts, and room for more.
    bytes: Vec<u8>,
    used: usize,
}

impl Texts {
    /// Makes it `rows` long with empty texts.
    pub fn resize(&mut self, rows: usize) {
        self.ends.resize(rows, self.used as i32);
    }

    /// Adds a text.
    pub fn push(&mut self, text: &str) {
        self.append(text.as_bytes());
        self.ends.push(self.used as i32);
    }

    /// The text of each row from `from` on.
    pub fn iter(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        let mut begin = from.checked_sub(1).and_then(|i| self.ends.get(i)).map_or(0, |e| *e as usize);
        self.ends.iter().skip(from).map(move |end| {
            let text = self.bytes.get(begin..*end as usize).unwrap_or_default();
            begin = *end as usize;
            text
        })
    }

    /// Adds the cell at `position` of every row of the grid over `bytes`.
    pub fn fill(&mut self, bytes: &[u8], grid: &Grid, position: usize, valid: &mut Vec<u8>, bad: &mut Vec<Bad>) {
        let (from, first, mut good) = (self.used, self.ends.len(), true);
        self.ends.reserve(grid.rows());
        valid.reserve(grid.rows());
        for (begin, end) in grid.cells(position) {
            let cell = bytes.get(begin..end).unwrap_or_default();
            if is_plain(cell) && !grid.has_signs {
                let copied = bytes.get(begin..).and_then(|b| b.first_chunk::<COPIED>());
                let place = self.bytes.get_mut(self.used..).and_then(|b| b.first_chunk_mut::<COPIED>());
                match (copied, place) {
                    (Some(copied), Some(place)) if cell.len() <= COPIED => {
                        *place = *copied;
                        self.used += cell.len();
                    }
                    _ => self.append(cell),
                }
                valid.push(1);
            } else if cell.is_empty() {
                valid.push(0);
            } else if let inner = unquoted(cell)
                && is_trimmed(&inner)
                && !grid.has_signs
            {
                self.append(&inner);
                valid.push(1);
            } else {
                let (text, is_text) = text(cell, grid.has_signs);
                self.append(text.as_bytes());
                valid.push(u8::from(!text.is_empty()));
                good &= is_text;
            }
            self.ends.push(self.used as i32);
        }
        if good && self.is_text(from, first) {
            return;
        }
        // Some cell is no text: each is looked at on its own.
        self.used = from;
        self.ends.truncate(first);
        valid.truncate(valid.len() - grid.rows());
        for (row, (begin, end)) in grid.cells(position).enumerate() {
            let (text, good) = text(bytes.get(begin..end).unwrap_or_default(), grid.has_signs);
            self.push(&text);
            valid.push(u8::from(!text.is_empty()));
            if !good {
                bad.push(Bad { row, reason: "not UTF-8" });
            }
        }
    }

    /// Whether all texts behind a row are UTF-8: they are if all together are, and each ends where a character does.
    fn is_text(&self, from: usize, first: usize) -> bool {
        let all = self.bytes.get(from..self.used).unwrap_or_default();
        if all.is_ascii() {
            return true;
        }
        let is_end = |s: &str| self.ends.iter().skip(first).all(|e| s.is_char_boundary(*e as usize - from));
        std::str::from_utf8(all).is_ok_and(is_end)
    }

    #[inline(never)]
    fn append(&mut self, text: &[u8]) {
        let end = self.used + text.len();
        if self.bytes.len() < end + COPIED {
            self.bytes.resize((end + end / 8).max(end + GROWTH), 0);
        }
        self.bytes[self.used..end].copy_from_slice(text);
        self.used = end;
    }

    /// The array of all texts, after which there are none.
    pub fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<StringArray, ArrowError> {
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let room = self.used + self.used / 16;
        let mut bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        bytes.truncate(self.used);
        self.used = 0;
        StringArray::try_new(OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes), nulls)
    }
}
