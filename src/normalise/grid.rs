//! Bytes of a CSV body → where its rows and cells are (RFC 4180, and what Graph and Excel make of it).
//!
//! A quote opens a quoted cell only as its first byte; inside, commas and line breaks are text and a quote is doubled.
//! Lines end with LF, CRLF or CR. Lines without any text are no rows. It copies nothing, judges no value, and reads
//! each byte once.

use super::MAX_COLUMNS;
use super::special::{BLOCK, Special, special};
use super::text::is_blank;

/// Where the rows and cells of a stretch of bytes are.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// Cells that a row should have.
    width: usize,
    /// For each row `width + 1` places: where its first cell begins, and for each cell the place behind the byte that
    /// ends it. Cells that a row lacks are empty. Behind them room for more.
    marks: Vec<u32>,
    /// Places that are used.
    used: usize,
    /// For each row the number of its first line.
    lines: Vec<u64>,
    /// Cells beyond the width: row, position from zero, begin, end.
    pub extras: Vec<(u32, u32, u32, u32)>,
    /// Rows with fewer cells than the width.
    pub short: u64,
    /// Whether a row has more cells than [`MAX_COLUMNS`].
    pub too_wide: bool,
    /// Whether a number sign is among the bytes, so that `#QUOT#` may be.
    pub has_signs: bool,
    /// The number of the line where the next row begins, from 1.
    pub line: u64,
    /// Whether the last byte consumed was a CR, whose LF may follow.
    after_cr: bool,
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// So many bytes are whole rows; those behind need more bytes, or room.
    Consumed(usize),
    /// The body ends inside a row.
    Cut,
}

/// The row that is being read.
struct Row {
    start: usize,
    /// Whether its last cell is open: quoted and not closed.
    open: bool,
    /// Whether a cell begins with the next block.
    begins: bool,
    /// Where a quote would double the one before it.
    double: usize,
    /// Line breaks inside its quoted cells.
    breaks: u64,
}

impl Grid {
    /// For rows of `width` cells behind the lines of `head`.
    pub fn new(width: usize, head: &[u8]) -> Grid {
        let after_cr = head.ends_with(b"\r");
        let breaks = |(i, b): (usize, &u8)| *b == b'\r' || (*b == b'\n' && (i == 0 || head[i - 1] != b'\r'));
        let line = 1 + head.iter().enumerate().filter(|b| breaks(*b)).count() as u64;
        Grid { width, line, after_cr, ..Grid::default() }
    }

    /// Takes a row that came otherwise: its cells are put behind `bytes`, over which the grid is.
    pub fn push_row<'a>(&mut self, bytes: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
        self.marks.truncate(self.used);
        self.marks.push(bytes.len() as u32);
        for cell in cells {
            self.has_signs |= cell.contains('#');
            if cell.starts_with('"') {
                bytes.extend_from_slice(format!("\"{}\"", cell.replace('"', "\"\"")).as_bytes());
            } else {
                bytes.extend_from_slice(cell.as_bytes());
            }
            bytes.push(b',');
            self.marks.push(bytes.len() as u32);
        }
        self.used = self.marks.len();
        self.lines.push(self.line);
        self.line += 1;
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.extras.clear();
        (self.used, self.short, self.has_signs) = (0, 0, false);
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The line where a row begins.
    pub fn line_of(&self, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or_default()
    }

    /// For each row where the cell at `position` begins and where it ends.
    #[inline(always)]
    pub fn cells(&self, position: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let stride = self.width + 1;
        let marks = self.marks.get(..self.lines.len() * stride).unwrap_or_default();
        marks.chunks_exact(stride).map(move |m| match m.get(position..).and_then(|m| m.first_chunk()) {
            Some(&[begin, next]) => (begin as usize, (next as usize).wrapping_sub(1)),
            None => (0, 0),
        })
    }

    /// Where a row begins and where its last known cell ends.
    pub fn row(&self, row: usize) -> (usize, usize) {
        let at = row * (self.width + 1);
        match self.marks.get(at..at + self.width + 1) {
            Some([begin, .., end]) => (*begin as usize, (*end as usize).saturating_sub(1)),
            _ => (0, 0),
        }
    }

    /// Finds at most `room` rows at the beginning of `bytes`, which begin at the beginning of a row and are shorter than
    /// 4 GiB. With `last`, no more bytes follow.
    pub fn scan(&mut self, bytes: &[u8], room: usize, last: bool) -> End {
        self.clear();
        let mut row = Row { start: 0, open: false, begins: true, double: usize::MAX, breaks: 0 };
        self.begin_row(0);
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut base = 0;
        for block in blocks {
            if !self.block(bytes, block, base, &mut row, room) {
                return End::Consumed(row.start);
            }
            base += BLOCK;
        }
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        if !self.block(bytes, &block, base, &mut row, room) || !last || row.start == bytes.len() {
            return End::Consumed(row.start);
        }
        // The last row has no line break. If it has all its cells, it is whole as far as anybody can tell.
        let (short, open) = (self.short, row.open);
        self.put(bytes.len(), 1);
        self.end_row(bytes, &mut row, bytes.len());
        if open || self.short > short { End::Cut } else { End::Consumed(bytes.len()) }
    }

    /// Takes what is special in one block. Answers whether there is room for more rows.
    #[inline(always)]
    fn block(&mut self, bytes: &[u8], block: &[u8; BLOCK], base: usize, row: &mut Row, room: usize) -> bool {
        if self.marks.len() < self.used + 2 * BLOCK {
            self.marks.resize(2 * self.used + 16 * BLOCK, 0);
        }
        let found = special(block);
        self.has_signs |= found.signs != 0;
        let mut ends = found.ends;
        if row.open || found.quotes != 0 {
            ends = outside_quotes(bytes, base, found, row);
        }
        row.begins = ends >> (BLOCK - 1) != 0;
        let mut breaks = ends & found.breaks;
        while breaks != 0 {
            let i = breaks.trailing_zeros();
            let up_to = u64::MAX >> (63 - i);
            self.put(base, ends & up_to);
            self.end_row(bytes, row, base + i as usize);
            if self.lines.len() >= room {
                return false;
            }
            (ends, breaks) = (ends & !up_to, breaks & !up_to);
        }
        self.put(base, ends);
        true
    }

    /// Appends the places behind the ends of cells.
    #[inline(always)]
    fn put(&mut self, base: usize, mut ends: u64) {
        let (mut at, behind) = (self.used, base as u32 + 1);
        self.used += ends.count_ones() as usize;
        // Eight at a time, so that how many there are is seldom a surprise; what is too much is written over.
        while ends != 0 {
            let Some(places) = self.marks.get_mut(at..).and_then(|m| m.first_chunk_mut::<8>()) else { return };
            for place in places {
                *place = behind.wrapping_add(ends.trailing_zeros());
                ends &= ends.wrapping_sub(1);
            }
            at += 8;
        }
    }

    fn begin_row(&mut self, at: usize) {
        if let Some(place) = self.marks.get_mut(self.used) {
            *place = at as u32;
        } else {
            self.marks.push(at as u32);
        }
        self.used += 1;
    }

    #[inline(always)]
    fn end_row(&mut self, bytes: &[u8], row: &mut Row, at: usize) {
        let begins_with_text = bytes.get(row.start).is_some_and(|b| *b > b' ' && *b != b',' && *b != b'"');
        if begins_with_text && self.used == (self.lines.len() + 1) * (self.width + 1) {
            self.lines.push(self.line);
        } else {
            self.odd_row(bytes, at);
        }
        // The LF of a CRLF ends an empty row, but no line.
        let byte = bytes.get(at).copied().unwrap_or_default();
        let second = at == row.start && byte == b'\n' && self.after_cr;
        self.line += row.breaks + u64::from(!second);
        self.after_cr = byte == b'\r';
        (row.start, row.breaks) = (at + 1, 0);
        self.begin_row(at + 1);
    }

    /// A row that may be blank, or has too few or too many cells.
    #[inline(never)]
    fn odd_row(&mut self, bytes: &[u8], at: usize) {
        let (number, begin) = (self.lines.len(), self.lines.len() * (self.width + 1));
        let marks = self.marks.get(begin..self.used).unwrap_or_default();
        let mut cells = marks.windows(2).map(|m| (m[0] as usize, m[1] as usize - 1));
        let cell = |(b, e): (usize, usize)| bytes.get(b..e).unwrap_or_default();
        // A row of nothing but blanks is found out by its bytes, mostly by the first.
        let row = bytes.get(marks.first().map_or(at, |m| *m as usize)..at).unwrap_or_default();
        let may_be_blank = row.iter().all(|b| matches!(b, b',' | b'"' | b' ' | b'\t' | b'\r' | b'\n' | 0x80..));
        if may_be_blank && cells.clone().all(|c| is_blank(cell(c))) {
            self.used = begin;
            return;
        }
        let count = marks.len() - 1;
        self.too_wide |= count > MAX_COLUMNS;
        if count > self.width && !self.too_wide {
            let beyond = cells.by_ref().enumerate().skip(self.width);
            self.extras.extend(beyond.map(|(i, (b, e))| (number as u32, i as u32, b as u32, e as u32)));
        }
        if count < self.width {
            self.short += 1;
            self.marks.truncate(self.used);
            self.marks.extend((0..(self.width - count) as u32).map(|i| at as u32 + 2 + i));
        }
        self.used = begin + self.width + 1;
        self.marks.resize(self.marks.len().max(self.used + 2 * BLOCK), 0);
        self.lines.push(self.line);
    }
}

/// The ends of cells among the special bytes of a block that has quotes, or begins inside them.
#[inline(never)]
fn outside_quotes(bytes: &[u8], base: usize, found: Special, row: &mut Row) -> u64 {
    let (mut ends, mut quotes, mut from) = (found.ends, found.quotes, 0);
    // Takes out what is inside, and counts its lines.
    let mut close = |ends: &mut u64, from: u32, to: u32| {
        let inside = (u64::MAX << from) & (u64::MAX >> (BLOCK as u32 - to).min(63));
        let mut breaks = found.breaks & *ends & inside;
        *ends &= !inside;
        while breaks != 0 {
            let at = base + breaks.trailing_zeros() as usize;
            breaks &= breaks - 1;
            row.breaks += u64::from(bytes[at] == b'\r' || at == 0 || bytes[at - 1] != b'\r');
        }
    };
    while quotes != 0 {
        let i = quotes.trailing_zeros();
        quotes &= quotes - 1;
        let at = base + i as usize;
        if row.open {
            close(&mut ends, from, i);
            (row.open, row.double) = (false, at + 1);
        } else {
            let begins = if i == 0 { row.begins } else { ends >> (i - 1) & 1 != 0 };
            if begins || row.double == at {
                (row.open, from) = (true, i);
            }
        }
    }
    if row.open {
        close(&mut ends, from, BLOCK as u32);
    }
    ends
}
