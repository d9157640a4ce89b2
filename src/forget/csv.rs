//! A CSV body without the rows of people who are forgotten, in chunks of any size. What stays is byte for byte as it came, but
//! for cells that mention somebody.
//!
//! Rows and cells are where the normaliser finds them: a quote opens a cell only as its first byte, lines end with LF, CRLF
//! or CR. What is no row is passed on: whoever reads it says what is wrong with it.

use std::sync::Arc;

use super::list::Forgotten;
use super::row::{Row, Verdict};
use super::source::{Columns, Source};
use crate::day::Day;
use crate::normalise::MAX_ROW;
use crate::normalise::text::text;

/// A body on its way.
pub(super) struct Csv {
    list: Arc<Forgotten>,
    source: Source,
    /// The day that was asked for; else each row says its own.
    day: Option<Day>,
    delimiter: u8,
    columns: Option<Columns>,
    carry: Vec<u8>,
    /// Bytes that must wait before they are looked at again: a row that does not end is not looked at chunk by chunk.
    enough: usize,
    pub dropped: u64,
    pub emptied: u64,
}

/// Where the next row is: its cells, its end, and where the one behind it begins.
struct Found {
    end: usize,
    next: usize,
}

impl Csv {
    pub fn new(list: Arc<Forgotten>, source: Source, day: Option<Day>, delimiter: u8) -> Csv {
        Csv { list, source, day, delimiter, columns: None, carry: Vec::new(), enough: 0, dropped: 0, emptied: 0 }
    }

    /// Takes the next bytes; what may pass goes to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.carry.extend_from_slice(bytes);
        if self.carry.len() < self.enough {
            return;
        }
        let carry = std::mem::take(&mut self.carry);
        let used = self.rows(&carry, false, out);
        self.carry = carry[used..].to_vec();
        self.enough = if used == 0 { 2 * self.carry.len() } else { 0 };
        if self.carry.len() > MAX_ROW + 1 {
            // No reader takes such a row.
            out.append(&mut self.carry);
        }
    }

    /// Ends the body.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let carry = std::mem::take(&mut self.carry);
        let used = self.rows(&carry, true, out);
        out.extend_from_slice(&carry[used..]);
    }

    fn rows(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        let mut cells = Vec::new();
        while let Some(Found { end, next }) = row(bytes, at, last, self.delimiter, &mut cells) {
            self.row(bytes, (at, end, next), &cells, out);
            at = next;
        }
        at
    }

    fn row(
        &mut self,
        bytes: &[u8],
        (at, end, next): (usize, usize, usize),
        cells: &[(usize, usize)],
        out: &mut Vec<u8>,
    ) {
        let whole = &bytes[at..next];
        let Some(columns) = &self.columns else {
            if !bytes[at..end].iter().all(u8::is_ascii_whitespace) {
                self.columns = Some(self.source.columns(&headers(bytes, cells)));
            }
            out.extend_from_slice(whole);
            return;
        };
        let mut row = Row::new(&self.list, self.day);
        let cell = |at: &(usize, usize)| text(&bytes[at.0..at.1], true).0;
        if self.day.is_none()
            && let Some(day) = columns.refresh.and_then(|at| cell(cells.get(at)?).get(..10)?.parse().ok())
        {
            row.on(day);
        }
        for (n, place) in cells.iter().enumerate() {
            row.cell(columns.who.get(n).copied().flatten(), &cell(place));
        }
        match row.verdict(columns.loose) {
            Verdict::Keep => out.extend_from_slice(whole),
            Verdict::Drop => self.dropped += 1,
            Verdict::Empty(which) => {
                self.emptied += which.len() as u64;
                let mut from = at;
                for (begin, end) in which.iter().filter_map(|n| cells.get(*n)) {
                    out.extend_from_slice(&bytes[from..*begin]);
                    from = *end;
                }
                out.extend_from_slice(&bytes[from..next]);
            }
        }
    }
}

fn headers(bytes: &[u8], cells: &[(usize, usize)]) -> Vec<String> {
    let mut headers: Vec<String> = cells.iter().map(|(b, e)| text(&bytes[*b..*e], true).0.into_owned()).collect();
    if let Some(first) = headers.first_mut() {
        for mark in ["\u{feff}", "\u{ef}\u{bb}\u{bf}"] {
            if let Some(rest) = first.strip_prefix(mark) {
                *first = text(rest.as_bytes(), true).0.into_owned();
                break;
            }
        }
    }
    headers
}

/// Finds the row that begins at `at`, and its cells; none where it is not whole, or nothing is left.
fn row(bytes: &[u8], at: usize, last: bool, delimiter: u8, cells: &mut Vec<(usize, usize)>) -> Option<Found> {
    cells.clear();
    let (mut begin, mut open, mut closed) = (at, false, usize::MAX);
    let mut i = at;
    while let Some(b) = bytes.get(i) {
        match b {
            b'"' if open => (open, closed) = (false, i + 1),
            b'"' if i == begin || i == closed => open = true,
            _ if open => {}
            b if *b == delimiter => {
                cells.push((begin, i));
                begin = i + 1;
            }
            b'\n' | b'\r' => {
                let next = match (b, bytes.get(i + 1)) {
                    (b'\r', Some(b'\n')) => i + 2,
                    // The LF of it may be the next byte.
                    (b'\r', None) if !last => return None,
                    _ => i + 1,
                };
                cells.push((begin, i));
                return Some(Found { end: i, next });
            }
            _ => {}
        }
        i += 1;
    }
    if !last || open || at == bytes.len() {
        return None;
    }
    cells.push((begin, i));
    Some(Found { end: i, next: i })
}
