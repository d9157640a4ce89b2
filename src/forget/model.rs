//! Rows of models without people who are forgotten, for months that are not built again.
//!
//! Contracts say whom the columns name (`who` in `schemas/marts/`), and the rule for rows is that of tables. Two things are a model's
//! own: people whom a row mentions are each somebody else, and where somebody stands in the key the row is about nobody else: it is
//! a step to that manager, or that manager's segment, and goes.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};

use super::list::Forgotten;
use super::mark::{Kind, Name};
use super::parquet::rewritten;
use super::row::{Row, Verdict};
use crate::catalog::Who;
use crate::day::Day;
use crate::error::Result;
use crate::marts::{Contract, Erase, Whom, Without};

/// A column of texts.
struct Texts<'a> {
    at: usize,
    who: Option<Who>,
    in_key: bool,
    cells: &'a StringArray,
}

impl Erase for Forgotten {
    fn print(&self) -> String {
        Forgotten::print(self)
    }

    fn without(&self, contract: &Contract, month: Day, rows: &RecordBatch) -> Result<Option<Without>> {
        let days = (month, month.plus(31).month().plus(-1));
        // Where the contract of a model says of nobody whom it names, nobody knows what its rows are about.
        let loose = contract.columns.iter().all(|c| c.who.is_none());
        let texts = texts(contract, rows);
        let touched = touched(self, &texts, rows.num_rows(), days);
        let (mut keep, mut empty) = (vec![true; rows.num_rows()], Vec::new());
        for n in (0..rows.num_rows()).filter(|n| touched[*n]) {
            let mut row = Row::of_month(self, days);
            for column in &texts {
                row.cell(column.who, column.text(n));
            }
            match row.verdict(loose) {
                Verdict::Keep => {}
                Verdict::Drop => keep[n] = false,
                Verdict::Empty(which) => {
                    let named: Vec<&Texts> = which.iter().filter_map(|c| texts.get(*c)).collect();
                    match named.iter().any(|c| c.in_key) {
                        true => keep[n] = false,
                        false => empty.extend(named.iter().map(|c| (n, c.at))),
                    }
                }
            }
        }
        let dropped = keep.iter().filter(|stays| !**stays).count() as u64;
        if dropped == 0 && empty.is_empty() {
            return Ok(None);
        }
        let rows = rewritten(rows, keep, &empty, |_, _| None)?;
        Ok(Some(Without { rows, dropped, emptied: empty.len() as u64 }))
    }
}

impl Texts<'_> {
    fn text(&self, n: usize) -> &str {
        if self.cells.is_valid(n) { self.cells.value(n) } else { "" }
    }
}

/// The texts of a model, with whom they name.
fn texts<'a>(contract: &Contract, rows: &'a RecordBatch) -> Vec<Texts<'a>> {
    let schema = rows.schema();
    let of = |at: usize| {
        let cells = rows.column(at).as_string_opt::<i32>()?;
        let name = schema.field(at).name();
        let who = contract.columns.iter().find(|c| c.name == *name).and_then(|c| c.who);
        let who = match who {
            Some(Whom::Id) => Some(Who::Id),
            Some(Whom::Subject) => Some(Who::Subject),
            Some(Whom::Other) => Some(Who::Other),
            Some(Whom::Among) | None => None,
        };
        Some(Texts { at, who, in_key: contract.key.contains(name), cells })
    };
    (0..rows.num_columns()).filter_map(of).collect()
}

/// The rows in which something may name somebody who is forgotten. One text after the same one is not looked at again: rows are
/// sorted, and most of them are of the person before.
fn touched(list: &Forgotten, texts: &[Texts], rows: usize, days: (Day, Day)) -> Vec<bool> {
    let mut touched = vec![false; rows];
    for column in texts {
        let (mut before, mut hit) = ("", false);
        for (n, touched) in touched.iter_mut().enumerate() {
            let text = column.text(n);
            if text != before {
                (before, hit) = (text, concerns(list, column.who, text, days));
            }
            *touched |= hit;
        }
    }
    touched
}

/// Whether a text may be somebody's who is forgotten.
fn concerns(list: &Forgotten, who: Option<Who>, text: &str, days: (Day, Day)) -> bool {
    let whole = |kind: Kind| list.whose(kind, &Name::new(kind, text).text, None).is_some();
    list.names_in(text, Some(days))
        || (who.is_some() && [Kind::Name, Kind::Thing, Kind::Concealed].into_iter().any(whole))
}
