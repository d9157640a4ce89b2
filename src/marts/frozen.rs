//! Months that are not built again, since retention has taken what they were made of. They are brought to the contract of today
//! where its columns only grew, and people who are forgotten are taken out of them. Rows are read and written here, and judged
//! by who knows the people. Pure.
//!
//! It promises: the rows that stay, in their order, are encoded as a build would encode them, so the same people give the same bytes
//! whether it was done at once or after a kill. No more than one batch is held unpacked.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde::{Deserialize, Serialize};

use super::contract::Contract;
use super::rows::BATCH;
use super::state::Fingerprint;
use crate::config::Codec;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::tables::encode::Encoder;

/// Takes people who are forgotten out of rows of a model.
pub trait Erase: Send + Sync {
    /// A text that is another one when other people are forgotten.
    fn print(&self) -> String;

    /// The rows of a month without these people; none where none of them is in these rows.
    fn without(&self, contract: &Contract, month: Day, rows: &RecordBatch) -> Result<Option<Without>>;
}

/// Rows of which people were taken out.
#[derive(Debug)]
pub struct Without {
    /// The rows that are left.
    pub rows: RecordBatch,
    /// Rows that went.
    pub dropped: u64,
    /// Cells that were emptied.
    pub emptied: u64,
}

/// Who is taken out of months that are not built again, and when these are looked through.
#[derive(Clone, Default)]
pub struct Frozen {
    /// The people; none where nobody was ever forgotten.
    pub erase: Option<Arc<dyn Erase>>,
    /// Whether all are looked through, also those that were for the same people.
    pub again: bool,
}

/// What was done to months that are not built again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Partitions that were written anew.
    pub partitions: u64,
    /// Rows of people who are forgotten that went.
    pub rows: u64,
    /// Cells that mentioned them in rows about others, and were emptied.
    pub cells: u64,
}

impl Renewed {
    /// Whether nothing was done.
    pub fn is_none(&self) -> bool {
        *self == Renewed::default()
    }
}

/// What a partition is, and what it becomes.
pub(super) struct Looked {
    /// Whether its columns are of an earlier contract and cannot become those of today.
    pub earlier: bool,
    /// What it becomes, where that is something else.
    pub other: Option<Other>,
}

/// A partition as it becomes.
pub(super) struct Other {
    /// The file. Where no row is left it has none: a kill cannot make it look like one that was lost.
    pub file: Bytes,
    /// Its rows.
    pub rows: u64,
    /// Rows that went, and cells that were emptied.
    pub dropped: u64,
    pub emptied: u64,
}

/// What a month that is not built again is looked through for: it is another text where the columns of the contract are others, or
/// the people who are forgotten.
pub(super) fn print(contract: &Contract, frozen: &Frozen) -> String {
    let mut print = Fingerprint::new();
    print.add("frozen");
    for c in &contract.columns {
        print.add(&format!("{} {:?} {:?}", c.name, c.column_type, c.who));
    }
    print.add(&contract.key.join(" "));
    print.add(&frozen.erase.as_ref().map(|e| e.print()).unwrap_or_default());
    print.finish()
}

/// Looks through the file of a month. With `whole` all of it is read in any case. Fails where it cannot be read.
pub(super) fn look(
    contract: &Contract,
    month: Day,
    key: &str,
    bytes: &Bytes,
    codec: Codec,
    erase: Option<&dyn Erase>,
    whole: bool,
) -> Result<Looked> {
    let file = File { key, bytes };
    let (has, today) = (file.columns()?, contract.schema());
    let same = alike(&has, &today);
    let grown = !same && only_grew(contract, &has, &today);
    let earlier = !same && !grown;
    let columns = if earlier { has } else { today };
    let judged = |rows: &RecordBatch| erase.map_or(Ok(None), |e| e.without(contract, month, rows));
    let mut due = grown;
    if erase.is_some() || whole {
        for batch in file.rows()? {
            let batch = conform(&columns, &file.batch(batch)?)?;
            due = due || judged(&batch)?.is_some();
            if due && !whole {
                break;
            }
        }
    }
    if !due {
        return Ok(Looked { earlier, other: None });
    }
    let (mut dropped, mut emptied) = (0, 0);
    let mut pieces = BatchCoalescer::new(Arc::clone(&columns), BATCH);
    let (mut encoder, mut written) = (Encoder::new(Arc::clone(&columns), codec)?, Vec::new());
    let mut encode = |pieces: &mut BatchCoalescer, encoder: &mut Encoder| -> Result<()> {
        while let Some(piece) = pieces.next_completed_batch() {
            encoder.write(&piece)?;
            written.extend_from_slice(&encoder.take());
        }
        Ok(())
    };
    for batch in file.rows()? {
        let batch = conform(&columns, &file.batch(batch)?)?;
        let left = match judged(&batch)? {
            Some(without) => {
                dropped += without.dropped;
                emptied += without.emptied;
                without.rows
            }
            None => batch,
        };
        pieces.push_batch(left).map_err(broken)?;
        encode(&mut pieces, &mut encoder)?;
    }
    pieces.finish_buffered_batch().map_err(broken)?;
    encode(&mut pieces, &mut encoder)?;
    let last = encoder.finish()?;
    written.extend_from_slice(&last.bytes);
    let other = Other { file: written.into(), rows: last.rows, dropped, emptied };
    Ok(Looked { earlier, other: Some(other) })
}

/// A file of a model.
struct File<'a> {
    key: &'a str,
    bytes: &'a Bytes,
}

impl File<'_> {
    fn open(&self) -> Result<ParquetRecordBatchReaderBuilder<Bytes>> {
        ParquetRecordBatchReaderBuilder::try_new(self.bytes.clone()).map_err(|e| self.unreadable(e))
    }

    fn columns(&self) -> Result<SchemaRef> {
        Ok(Arc::clone(self.open()?.schema()))
    }

    fn rows(&self) -> Result<ParquetRecordBatchReader> {
        self.open()?.with_batch_size(BATCH).build().map_err(|e| self.unreadable(e))
    }

    fn batch(&self, batch: Result<RecordBatch, arrow::error::ArrowError>) -> Result<RecordBatch> {
        batch.map_err(|e| self.unreadable(e))
    }

    fn unreadable(&self, e: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::new(Kind::Lake, "a month that is not built again cannot be read")
            .with("object", self.key)
            .because(e)
            .hint("`usagelake verify` says what is damaged; restore the object from a backup, or delete it")
    }
}

/// Whether both have the same columns, in the same order.
fn alike(a: &Schema, b: &Schema) -> bool {
    let of = |s: &Schema| s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>();
    of(a) == of(b)
}

/// Whether a file becomes one of today when it gets the columns that it lacks: what it has is there today with the same type, and it
/// has all of the key, by which rows are sorted and told apart.
fn only_grew(contract: &Contract, has: &Schema, today: &Schema) -> bool {
    let there = |name: &str| today.field_with_name(name).ok().map(|f| f.data_type());
    has.fields().iter().all(|f| there(f.name()) == Some(f.data_type()))
        && contract.key.iter().all(|k| has.column_with_name(k).is_some())
}

/// Rows in these columns, found by name; null where the file lacks one.
fn conform(columns: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch> {
    let column = |f: &arrow::datatypes::FieldRef| -> ArrayRef {
        rows.column_by_name(f.name()).map_or_else(|| new_null_array(f.data_type(), rows.num_rows()), Arc::clone)
    };
    RecordBatch::try_new(Arc::clone(columns), columns.fields().iter().map(column).collect()).map_err(broken)
}

fn broken(e: arrow::error::ArrowError) -> Error {
    Error::new(Kind::Lake, "a month that is not built again cannot be written anew").because(e)
}
