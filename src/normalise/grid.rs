//! Bytes of a CSV body → where its rows and cells are (RFC 4180, and what Graph and Excel make of it).
//!
//! A quote opens a quoted cell only as its first byte; inside, commas and line breaks are text and a quote is doubled.
//! Lines end with LF, CRLF or CR. Lines without any text are no rows. It copies nothing, judges no value, and reads
//! each byte once.

use super::MAX_COLUMNS;
use super::special::{BLOCK, special};
use super::text::is_blank;

/// Where the rows and cells of a stretch of bytes are.
#[derive(Debug, Default)]
pub(super) struct Grid {
    /// Cells that a row should have.
    width: usize,
    /// For each row `width + 1` places: where its first cell begins, and for each cell the place behind the byte that
    /// ends it. Cells that a row lacks are empty.
    marks: Vec<u32>,
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
    /// Where its cell begins.
    cell: usize,
    /// Where it begins.
    start: usize,
    /// Cells so far.
    cells: usize,
    /// Whether the cell is open: quoted and not closed.
    open: bool,
    /// Where a quote would double the one before it.
    double: usize,
    /// Line breaks inside its quoted cells.
    breaks: u64,
}

impl Row {
    fn at(start: usize) -> Row {
        Row { cell: start, start, cells: 0, open: false, double: usize::MAX, breaks: 0 }
    }
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
        self.lines.push(self.line);
        self.line += 1;
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.marks.clear();
        self.lines.clear();
        self.extras.clear();
        (self.short, self.has_signs) = (0, false);
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
    pub fn cells(&self, position: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.marks.chunks_exact(self.width + 1).map(move |m| match m.get(position..position + 2) {
            Some(&[begin, next]) => (begin as usize, (next as usize).wrapping_sub(1)),
            _ => (0, 0),
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
        let mut row = Row::at(0);
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
        self.cell(&mut row, bytes.len());
        self.end_row(bytes, &mut row, bytes.len());
        if open || self.short > short { End::Cut } else { End::Consumed(bytes.len()) }
    }

    /// Takes what is special in one block. Answers whether there is room for more rows.
    #[inline(always)]
    fn block(&mut self, bytes: &[u8], block: &[u8; BLOCK], base: usize, row: &mut Row, room: usize) -> bool {
        let found = special(block);
        self.has_signs |= found.signs != 0;
        let quoted = row.open || found.quotes != 0;
        let mut bits = if quoted { found.ends | found.quotes } else { found.ends };
        while bits != 0 {
            let i = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let (at, byte) = (base + i, block[i % BLOCK]);
            if quoted && self.in_quotes(bytes, row, at, byte) {
                continue;
            }
            self.cell(row, at);
            if byte != b',' {
                self.end_row(bytes, row, at);
                if self.lines.len() >= room {
                    return false;
                }
            }
        }
        true
    }

    /// Whether a special byte is no end of a cell, because of quotes.
    #[inline(never)]
    fn in_quotes(&mut self, bytes: &[u8], row: &mut Row, at: usize, byte: u8) -> bool {
        match (byte, row.open) {
            (b'"', true) => (row.open, row.double) = (false, at + 1),
            (b'"', false) => row.open = at == row.cell || at == row.double,
            (b'\n', true) => row.breaks += u64::from(at == 0 || bytes[at - 1] != b'\r'),
            (b'\r', true) => row.breaks += 1,
            (_, open) => return open,
        }
        true
    }

    #[inline(always)]
    fn cell(&mut self, row: &mut Row, at: usize) {
        if row.cells == 0 {
            self.marks.push(row.start as u32);
        }
        if row.cells < self.width {
            self.marks.push(at as u32 + 1);
        } else if row.cells < MAX_COLUMNS {
            self.extras.push((self.lines.len() as u32, row.cells as u32, row.cell as u32, at as u32));
        } else {
            self.too_wide = true;
        }
        (row.cell, row.cells) = (at + 1, row.cells + 1);
    }

    #[inline(always)]
    fn end_row(&mut self, bytes: &[u8], row: &mut Row, at: usize) {
        let begins_with_text = bytes.get(row.start).is_some_and(|b| *b > b' ' && *b != b',' && *b != b'"');
        if row.cells != self.width || !begins_with_text {
            self.odd_row(bytes, row, at);
        } else {
            self.lines.push(self.line);
        }
        let after_cr = bytes.get(at) == Some(&b'\r');
        // The LF of a CRLF ends an empty row, but no line.
        let second = at == row.start && bytes.get(at) == Some(&b'\n') && self.after_cr;
        self.line += row.breaks + u64::from(!second);
        self.after_cr = after_cr;
        *row = Row::at(at + 1);
    }

    /// A row that may be blank, or has too few or too many cells.
    #[inline(never)]
    fn odd_row(&mut self, bytes: &[u8], row: &mut Row, at: usize) {
        let number = self.lines.len();
        if row.cells < self.width {
            self.marks.extend((0..(self.width - row.cells) as u32).map(|i| at as u32 + 2 + i));
        }
        let begin = |b: &[u8]| b.iter().all(|b| matches!(b, b',' | b'"' | b' ' | b'\t' | b'\r' | b'\n' | 0x80..));
        let known = self.marks.get(number * (self.width + 1)..).unwrap_or_default();
        let known = known.windows(2).map(|m| (m[0] as usize, m[1] as usize - 1));
        let extra = self.extras.iter().filter(|e| e.0 as usize == number).map(|e| (e.2 as usize, e.3 as usize));
        if begin(&bytes[row.start..at])
            && known.chain(extra).all(|(b, e)| is_blank(bytes.get(b..e).unwrap_or_default()))
        {
            self.marks.truncate(number * (self.width + 1));
            self.extras.retain(|e| e.0 as usize != number);
            return;
        }
        self.short += u64::from(row.cells < self.width);
        self.lines.push(self.line);
    }
}
