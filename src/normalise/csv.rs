//! A CSV body behind its header row, in chunks of any size → rows.
//!
//! Large chunks are read where they are; only the row that a chunk cuts is copied.

use super::grid::{End, Grid};
use super::header::{Plan, too_wide};
use super::table::{Out, Table};
use super::{MAX_ROW, Outcome};
use crate::catalog::Report;
use crate::error::{Error, Kind, Result};

/// Bytes looked at in one go, so that they and what is known about them stay in the processor's cache.
const WINDOW: usize = 64 << 10;
/// Smaller chunks are collected until there are so many bytes.
const ENOUGH: usize = 64 << 10;

/// The body being read.
pub(super) struct Csv {
    table: Table,
    grid: Grid,
    /// Bytes that wait for more.
    carry: Vec<u8>,
    /// How many must wait before they are looked at.
    enough: usize,
}

impl Csv {
    /// A body behind `head`: blank lines and the header row with its line break.
    pub fn new(report: &'static Report, plan: Plan, head: &[u8]) -> Csv {
        let grid = Grid::new(plan.width, head);
        Csv { table: Table::new(report, plan), grid, carry: Vec::new(), enough: ENOUGH }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8], out: Out) -> Result<()> {
        while !bytes.is_empty() {
            if self.carry.is_empty() && bytes.len() >= ENOUGH {
                let used = self.rows(bytes, false, out)?;
                self.carry.extend_from_slice(&bytes[used..]);
                self.enough = ENOUGH.max(2 * self.carry.len());
                return Ok(());
            }
            let before = self.carry.len();
            let more = bytes.len().min(self.enough.saturating_sub(before));
            self.carry.extend_from_slice(&bytes[..more]);
            if self.carry.len() < self.enough {
                return Ok(());
            }
            let mut carry = std::mem::take(&mut self.carry);
            let used = self.rows(&carry, false, out)?;
            if used >= before {
                // What is left lies in the chunk too, and is read there.
                bytes = &bytes[used - before..];
                carry.clear();
            } else {
                bytes = &bytes[more..];
                carry.drain(..used);
            }
            self.enough = ENOUGH.max(2 * carry.len());
            self.carry = carry;
        }
        Ok(())
    }

    /// Ends the body.
    pub fn finish(mut self, out: Out) -> Result<Outcome> {
        let carry = std::mem::take(&mut self.carry);
        self.rows(&carry, true, out)?;
        self.table.finish(out)
    }

    /// Takes the whole rows at the beginning of `bytes` and answers how many bytes they are.
    fn rows(&mut self, bytes: &[u8], last: bool, out: Out) -> Result<usize> {
        let (mut at, mut window) = (0, WINDOW);
        while at < bytes.len() {
            let end = bytes.len().min(at + window);
            let slice = &bytes[at..end];
            let whole = end == bytes.len();
            let scanned = self.grid.scan(slice, self.table.room(slice.len()), last && whole);
            if self.grid.too_wide {
                return Err(too_wide());
            }
            match scanned {
                End::Cut => return Err(self.cut()),
                End::Consumed(0) if slice.len() > MAX_ROW + 1 => return Err(self.too_long()),
                End::Consumed(0) if whole => break,
                End::Consumed(0) => window *= 2,
                End::Consumed(n) => {
                    if n > MAX_ROW && (0..self.grid.rows()).any(|r| self.grid.row(r).1 - self.grid.row(r).0 > MAX_ROW) {
                        return Err(self.too_long());
                    }
                    self.table.take(&slice[..n], &self.grid, out)?;
                    (at, window) = (at + n, WINDOW);
                }
            }
        }
        Ok(at)
    }

    fn cut(&self) -> Error {
        Error::new(Kind::NotAReport, "the body is cut: it ends in the middle of a row")
            .with("line", self.grid.line)
            .hint("the download was not whole: fetch it again")
    }

    fn too_long(&self) -> Error {
        Error::new(Kind::NotAReport, format!("a row is longer than {MAX_ROW} bytes"))
            .with("line", self.grid.line)
            .hint("a quote may be open: look at that line of the file")
    }
}
