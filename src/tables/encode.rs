//! Record batches → one Parquet file that every consumer reads.
//!
//! It promises: the same batches give the same bytes; a file has what the layout says and no more (writer version 1, data
//! pages version 1, PLAIN and dictionary encodings, flat nullable columns, no Arrow schema inside); no more than one row
//! group is in memory. It must never look at what the columns mean, and never do I/O: finished bytes are taken away.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::catalog::Report;
use crate::config::Codec;
use crate::error::{Error, Kind, Result};
use crate::normalise::{Normaliser, Outcome};

/// Rows in a row group. A million rows of the widest report make row groups of some 25 MiB, which readers like, and which
/// bound the writer's memory.
pub const GROUP_ROWS: usize = 262_144;
/// Bytes of a body up to which starting a second thread costs more than it gains.
const ONE_THREAD: usize = 1 << 20;
/// Batches that may wait between the two threads.
const WAITING: usize = 4;
const ZSTD_LEVEL: i32 = 3;

/// Writes batches of one schema into one Parquet file.
pub struct Encoder {
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
    taken: u64,
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
    /// A file of batches with this schema.
    pub fn new(schema: SchemaRef, codec: Codec) -> Result<Encoder> {
        let compression = match codec {
            Codec::Snappy => Compression::SNAPPY,
            Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?),
        };
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(compression)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(concat!("usagelake ", env!("CARGO_PKG_VERSION")).to_string())
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).map_err(failed)?;
        Ok(Encoder { writer, rows: 0, taken: 0 })
    }

    /// Adds a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(failed)
    }

    /// Takes the bytes that are finished; they are next in the file.
    pub fn take(&mut self) -> Bytes {
        let bytes = Bytes::from(std::mem::take(self.writer.inner_mut()));
        self.taken += bytes.len() as u64;
        bytes
    }

    /// Ends the file.
    pub fn finish(self) -> Result<Finished> {
        let bytes = Bytes::from(self.writer.into_inner().map_err(failed)?);
        Ok(Finished { size: self.taken + bytes.len() as u64, bytes, rows: self.rows })
    }
}

/// Turns the chunks of one body into one Parquet file, whose bytes go to `sink` in order, but for the last, which are in
/// [`Finished`]. A large body is parsed and encoded on two threads, a small one without the cost of starting one.
pub fn encode_body(
    report: &'static Report,
    codec: Codec,
    chunks: impl Iterator<Item = Result<Bytes>>,
    mut sink: impl FnMut(Bytes) -> Result<()>,
) -> Result<(Outcome, Finished)> {
    let (mut begun, mut size, mut chunks) = (Vec::new(), 0, chunks);
    while size <= ONE_THREAD {
        match chunks.next() {
            Some(chunk) => {
                let chunk = chunk?;
                size += chunk.len();
                begun.push(Ok(chunk));
            }
            None => return on_one_thread(report, codec, begun, sink),
        }
    }
    let mut normaliser = Normaliser::new(report);
    let mut encoder = Encoder::new(report.schema(), codec)?;
    let (batches, incoming) = std::sync::mpsc::sync_channel::<RecordBatch>(WAITING);
    let (outgoing, finished_bytes) = std::sync::mpsc::channel::<Bytes>();
    std::thread::scope(|scope| {
        let encoding = scope.spawn(move || {
            for batch in incoming {
                encoder.write(&batch)?;
                let bytes = encoder.take();
                if !bytes.is_empty() && outgoing.send(bytes).is_err() {
                    break;
                }
            }
            encoder.finish()
        });
        let mut out = |batch| batches.send(batch).map_err(|_| Error::new(Kind::Lake, "the encoder stopped"));
        let parsed = begun.into_iter().chain(chunks).try_for_each(|chunk| {
            normaliser.push(&chunk?, &mut out)?;
            finished_bytes.try_iter().try_for_each(&mut sink)
        });
        let outcome = parsed.and_then(|()| normaliser.finish(&mut out));
        drop(batches);
        let encoded = encoding.join().map_err(|_| Error::new(Kind::Lake, "the encoder stopped"))?;
        // Where the encoder failed, that the parser could not go on is no news.
        let finished = encoded?;
        let outcome = outcome?;
        finished_bytes.try_iter().try_for_each(&mut sink)?;
        Ok((outcome, finished))
    })
}

fn on_one_thread(
    report: &'static Report,
    codec: Codec,
    chunks: Vec<Result<Bytes>>,
    mut sink: impl FnMut(Bytes) -> Result<()>,
) -> Result<(Outcome, Finished)> {
    let mut normaliser = Normaliser::new(report);
    let mut encoder = Encoder::new(report.schema(), codec)?;
    let mut out = |batch: RecordBatch| encoder.write(&batch);
    for chunk in chunks {
        normaliser.push(&chunk?, &mut out)?;
    }
    let outcome = normaliser.finish(&mut out)?;
    let bytes = encoder.take();
    if !bytes.is_empty() {
        sink(bytes)?;
    }
    Ok((outcome, encoder.finish()?))
}
