//! Record batches → one Parquet file that every consumer reads.
//!
//! It promises: the same batches give the same bytes; a file has what the layout says and no more (writer version 1, data
//! pages version 1, PLAIN and dictionary encodings, flat nullable columns, statistics of each column chunk, no metadata
//! but the schema); no more than one row group is in memory. It must never look at what the columns mean, and never do
//! I/O: finished bytes are taken away.
//!
//! The pages are made here and not by the `parquet` crate's writer, because it hashes every value, which takes most of its
//! time, and because a report's dates, counts and flags need no hash. The crate writes the footer, and reads all in tests.

mod chunk;
mod dictionary;
mod page;
mod range;
mod runs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::schema::types::SchemaDescPtr;

use self::chunk::Chunk;
use self::page::Pages;
use crate::config::Codec;
use crate::error::{Error, Kind, Result};

/// Rows in a row group: for the reports with a row for each person 20 to 30 MiB, as readers like it.
pub const GROUP_ROWS: usize = 262_144;
/// Bytes of a row group after which it ends early. Only rows of kilobytes reach it; it bounds memory.
pub const GROUP_BYTES: usize = 64 << 20;
/// Rows encoded in one step, between which pages may end.
const STEP: usize = 8192;
const MAGIC: &[u8; 4] = b"PAR1";
const CREATED_BY: &str = concat!("usagelake ", env!("CARGO_PKG_VERSION"));

/// Writes batches of one schema into one Parquet file.
pub struct Encoder {
    schema: SchemaDescPtr,
    chunks: Vec<Chunk>,
    pages: Pages,
    groups: Vec<RowGroupMetaData>,
    /// Rows of the row group that is not finished.
    waiting: usize,
    rows: u64,
    /// Bytes of the file so far, and those that were not taken yet.
    size: u64,
    parts: Vec<Bytes>,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The bytes that were not taken before, the footer among them.
    pub bytes: Bytes,
    /// Rows in the file.
    pub rows: u64,
    /// Bytes of the whole file.
    pub size: u64,
}

fn failed(e: ParquetError) -> Error {
    Error::new(Kind::Lake, "cannot encode Parquet").because(e)
}

impl Encoder {
    /// A file of batches with this schema. Fails on a type that tables do not have.
    pub fn new(schema: SchemaRef, codec: Codec) -> Result<Encoder> {
        let chunks = schema.fields().iter().map(|f| {
            Chunk::new(f.data_type()).ok_or_else(|| {
                Error::new(Kind::Lake, format!("a table has no columns of type {}", f.data_type()))
                    .with("column", f.name())
            })
        });
        let chunks = chunks.collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(ArrowSchemaConverter::new().schema_root("schema").convert(&schema).map_err(failed)?);
        let (pages, parts) = (Pages::new(codec)?, vec![Bytes::from_static(MAGIC)]);
        Ok(Encoder { schema, chunks, pages, groups: Vec::new(), waiting: 0, rows: 0, size: MAGIC.len() as u64, parts })
    }

    /// Adds a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.chunks.len() {
            return Err(Error::new(Kind::Lake, "a batch has other columns than its file"));
        }
        let mut begin = 0;
        while begin < batch.num_rows() {
            let rows = STEP.min(batch.num_rows() - begin).min(GROUP_ROWS - self.waiting);
            for (chunk, column) in self.chunks.iter_mut().zip(batch.columns()) {
                if rows == batch.num_rows() {
                    chunk.write(column, &mut self.pages)?;
                } else {
                    chunk.write(&column.slice(begin, rows), &mut self.pages)?;
                }
            }
            self.waiting += rows;
            begin += rows;
            if self.waiting >= GROUP_ROWS || self.chunks.iter().map(Chunk::bytes).sum::<usize>() >= GROUP_BYTES {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Takes the bytes that are finished; they are next in the file. Empty where none are.
    pub fn take(&mut self) -> Bytes {
        let parts = std::mem::take(&mut self.parts);
        match <[Bytes; 1]>::try_from(parts) {
            Ok([part]) => part,
            Err(parts) => parts.concat().into(),
        }
    }

    /// The same in pieces, without copying them together.
    pub fn take_parts(&mut self) -> impl Iterator<Item = Bytes> + use<> {
        std::mem::take(&mut self.parts).into_iter()
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Finished> {
        if self.waiting > 0 {
            self.end_group()?;
        }
        let rows = self.rows;
        let created_by = Some(CREATED_BY.to_string());
        let file = FileMetaData::new(1, rows as i64, created_by, None, Arc::clone(&self.schema), None);
        let metadata = ParquetMetaData::new(file, std::mem::take(&mut self.groups));
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish().map_err(failed)?;
        self.part(footer);
        Ok(Finished { size: self.size, bytes: self.take(), rows })
    }

    fn end_group(&mut self) -> Result<()> {
        let begin = self.size;
        let mut columns = Vec::with_capacity(self.chunks.len());
        for i in 0..self.chunks.len() {
            let (column, parts) = self.chunks[i].finish(&mut self.pages, self.schema.column(i), self.size)?;
            columns.push(column);
            parts.into_iter().for_each(|part| self.part(part));
        }
        let group = RowGroupMetaData::builder(Arc::clone(&self.schema))
            .set_num_rows(self.waiting as i64)
            .set_total_byte_size(columns.iter().map(|c| c.uncompressed_size()).sum())
            .set_column_metadata(columns)
            .set_ordinal(self.groups.len() as i16)
            .set_file_offset(begin as i64)
            .build()
            .map_err(failed)?;
        self.groups.push(group);
        self.rows += self.waiting as u64;
        self.waiting = 0;
        Ok(())
    }

    fn part(&mut self, part: Vec<u8>) {
        if !part.is_empty() {
            self.size += part.len() as u64;
            self.parts.push(part.into());
        }
    }
}
