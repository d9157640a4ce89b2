//! Which partition a row of a detail goes to, and one encoder for each partition that is open.
//!
//! A downloaded answer has one partition. A file that somebody put together may have several refresh dates or periods;
//! each goes to its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Date32Type, Int64Type, SchemaRef};
use bytes::Bytes;

use super::encode::{Encoder, Finished};
use crate::catalog::{Report, Role};
use crate::config::Codec;
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// A partition of a detail table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// What was asked: 0 for the present state, 1 for a day, else the days of the period.
    pub period: u16,
    /// The day that was asked for, else the refresh date.
    pub day: Day,
}

/// What is known of the partition before the rows are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// The period, where it was asked for or named; else Report Period says it.
    pub period: Option<u16>,
    /// The day, where it was asked for or named; else the refresh date says it.
    pub day: Option<Day>,
    /// The day of rows that say none.
    pub fallback: Option<Day>,
}

/// Something that came out of an encoder.
pub enum Piece {
    /// The next bytes of a partition's file.
    Bytes(Partition, Bytes),
    /// The last bytes of it.
    Last(Partition, Finished),
}

/// More partitions than this in one file are refused: it is no report.
const MOST_PARTITIONS: usize = 1_000;

/// Sends rows to the encoders of their partitions.
pub struct Router {
    report: &'static Report,
    schema: SchemaRef,
    codec: Codec,
    known: Known,
    refresh: Option<usize>,
    period: Option<usize>,
    open: BTreeMap<Partition, Encoder>,
}

impl Router {
    /// A router for the rows of one answer.
    pub fn new(report: &'static Report, codec: Codec, known: Known) -> Router {
        let refresh = report.role(Role::RefreshDate).or(report.role(Role::ReportDate));
        let period = report.role(Role::ReportPeriod);
        Router { report, schema: report.schema(), codec, known, refresh, period, open: BTreeMap::new() }
    }

    /// Encodes a batch; finished bytes go to `out`.
    pub fn write(&mut self, batch: RecordBatch, out: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        let mut left = batch;
        while left.num_rows() > 0 {
            let partition = self.partition(&left, 0)?;
            let same: BooleanArray = (0..left.num_rows())
                .map(|row| self.partition(&left, row).map(|p| Some(p == partition)))
                .collect::<Result<_>>()?;
            let (mine, rest) = if same.true_count() == left.num_rows() {
                let rest = left.slice(0, 0);
                (left, rest)
            } else {
                let others = arrow::compute::not(&same).map_err(broken)?;
                (
                    filter_record_batch(&left, &same).map_err(broken)?,
                    filter_record_batch(&left, &others).map_err(broken)?,
                )
            };
            if !self.open.contains_key(&partition) {
                if self.open.len() >= MOST_PARTITIONS {
                    return Err(Error::new(
                        Kind::NotAReport,
                        "the file has rows of more than a thousand refresh dates",
                    )
                    .with("report", &self.report.function));
                }
                self.open.insert(partition, Encoder::new(Arc::clone(&self.schema), self.codec)?);
            }
            if let Some(encoder) = self.open.get_mut(&partition) {
                encoder.write(&mine)?;
                let bytes = encoder.take();
                if !bytes.is_empty() {
                    out(Piece::Bytes(partition, bytes))?;
                }
            }
            left = rest;
        }
        Ok(())
    }

    /// Ends all files.
    pub fn finish(self, out: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        for (partition, encoder) in self.open {
            out(Piece::Last(partition, encoder.finish()?))?;
        }
        Ok(())
    }

    fn partition(&self, batch: &RecordBatch, row: usize) -> Result<Partition> {
        let day = || {
            let column = batch.column(self.refresh?);
            if let Some(days) = column.as_primitive_opt::<Date32Type>() {
                return days.is_valid(row).then(|| Day::from_epoch(days.value(row)));
            }
            let micros = column.as_primitive_opt::<arrow::datatypes::TimestampMicrosecondType>()?;
            micros.is_valid(row).then(|| Day::from_epoch(micros.value(row).div_euclid(86_400_000_000) as i32))
        };
        let period = || {
            let periods = batch.column(self.period?).as_primitive_opt::<Int64Type>()?;
            periods.is_valid(row).then(|| u16::try_from(periods.value(row)).ok()).flatten()
        };
        let missing = |what: &str, flag: &str| {
            Error::new(Kind::NotAReport, format!("a row does not say its {what}"))
                .with("report", &self.report.function)
                .hint(format!("name it with `{flag}`"))
        };
        Ok(Partition {
            period: self.known.period.or_else(period).ok_or_else(|| missing("report period", "--period"))?,
            day: self
                .known
                .day
                .or_else(day)
                .or(self.known.fallback)
                .ok_or_else(|| missing("report refresh date", "--day"))?,
        })
    }
}

fn broken(e: arrow::error::ArrowError) -> Error {
    Error::new(Kind::NotAReport, "rows cannot be split into partitions").because(e)
}
