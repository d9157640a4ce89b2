//! The rows of a model, held to its contract: the columns it names, in its order and of its types, sorted by its key,
//! each key once. The same rows give the same bytes, however DataFusion cut them into batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{BatchCoalescer, CastOptions, cast_with_options, concat_batches, partition};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::ident;
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

use crate::config::Codec;
use crate::engine::{Session, refusal};
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, hex};
use crate::ledger::{Object, Sum};
use crate::tables::encode::Encoder;

/// Rows that are encoded at once. Pages end with them, so the number is part of what makes bytes the same.
pub(super) const BATCH: usize = 8192;

/// Where a result goes.
pub(super) struct Target<'a> {
    pub lake: &'a Lake,
    pub guard: &'a Guard,
    pub codec: Codec,
    /// The object's key.
    pub key: String,
    /// What is there, if that is known to be whole.
    pub before: Option<&'a Object>,
    /// Whether there is a file where there are no rows.
    pub keep_empty: bool,
}

/// What became of a result.
pub(super) struct Written {
    /// The object; none where there are no rows and none is kept.
    pub object: Option<Object>,
    /// Whether it was put: what is there already, byte for byte, is left alone.
    pub put: bool,
}

/// What a model promises of its rows.
pub(super) struct Promise {
    /// The model's name, for errors.
    pub model: String,
    /// The columns of its files.
    pub columns: SchemaRef,
    /// The columns by which rows are sorted and told apart.
    pub key: Vec<String>,
}

/// Plans a model's SQL over the tables of a session. Planning is most of the work where tables are small, so it is a task of
/// its own: two months are planned side by side.
pub(super) async fn plan(session: &Session, sql: &str, promise: &Arc<Promise>) -> Result<SendableRecordBatchStream> {
    let (session, sql, promise) = (session.clone(), sql.to_string(), Arc::clone(promise));
    let planned = tokio::spawn(async move {
        let wrong = |e| refusal(Kind::Model, e, &session.tables()).with("model", &promise.model);
        let frame = session.sql(&sql).await.map_err(wrong)?;
        fits(&frame, &promise)?;
        let by = promise.key.iter().map(|name| ident(name).sort(true, true)).collect();
        frame.sort(by).map_err(wrong)?.execute_stream().await.map_err(wrong)
    });
    planned.await.unwrap_or_else(|e| Err(Error::new(Kind::Model, "the SQL could not be planned").because(e)))
}

/// Answers `rows` into one object.
pub(super) async fn write(
    mut rows: SendableRecordBatchStream,
    promise: &Promise,
    target: &Target<'_>,
) -> Result<Written> {
    let wrong = |e| refusal(Kind::Model, e, &[]).with("model", &promise.model);
    let mut file = File::new(promise, target)?;
    let taken = async {
        while let Some(batch) = rows.next().await {
            file.push(cast(&batch.map_err(wrong)?, promise)?).await?;
        }
        Ok(())
    };
    if let Err(e) = taken.await {
        file.upload.abort().await;
        return Err(e);
    }
    file.finish(target).await
}

/// Refuses a result whose columns are not the promised ones.
fn fits(frame: &DataFrame, promise: &Promise) -> Result<()> {
    let found: Vec<(&str, &DataType)> =
        frame.schema().fields().iter().map(|f| (f.name().as_str(), f.data_type())).collect();
    let wanted = promise.columns.fields();
    let differ = |what: String| Err(Error::new(Kind::Model, what).with("model", &promise.model));
    for (n, field) in wanted.iter().enumerate() {
        match found.get(n) {
            Some((name, from)) if name == field.name() => {
                if !may_become(from, field.data_type()) {
                    let (name, to) = (field.name(), field.data_type());
                    return differ(format!("column `{name}` is {from}, and its contract says {to}"));
                }
            }
            Some((name, _)) => {
                return differ(format!("column {} is `{name}`, and its contract says `{}`", n + 1, field.name()));
            }
            None => return differ(format!("its contract has a column `{}`, its SQL has not", field.name())),
        }
    }
    match found.get(wanted.len()) {
        Some((name, _)) => differ(format!("its SQL has a column `{name}`, its contract has not")),
        None => Ok(()),
    }
}

/// Whether values of one type are values of the other, unless one of them is too large.
fn may_become(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Decimal256, Dictionary, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    match (from, to) {
        (from, to) if from == to => true,
        (Null, _) => true,
        (Dictionary(_, value), to) => may_become(value, to),
        (Utf8 | LargeUtf8 | Utf8View, to) => *to == Utf8,
        (Timestamp(..), to) => matches!(to, Timestamp(..)),
        // Sums of large integers are decimals in some engines.
        (Decimal128(_, scale) | Decimal256(_, scale), to) => to.is_floating() || (to.is_integer() && *scale == 0),
        (from, to) if from.is_integer() => to.is_integer() || to.is_floating(),
        (from, to) if from.is_floating() => to.is_floating(),
        _ => false,
    }
}

fn cast(batch: &RecordBatch, promise: &Promise) -> Result<RecordBatch> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Vec<ArrayRef> = promise
        .columns
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            cast_with_options(column, field.data_type(), &exact)
                .map_err(|e| odd(&promise.model, e).with("column", field.name()))
        })
        .collect::<Result<_>>()?;
    RecordBatch::try_new(Arc::clone(&promise.columns), columns).map_err(|e| odd(&promise.model, e))
}

/// A file that is being made.
struct File<'a> {
    promise: &'a Promise,
    pieces: BatchCoalescer,
    encoder: Encoder,
    upload: crate::lake::Upload,
    sha: Sha256,
    last: Option<RecordBatch>,
}

impl<'a> File<'a> {
    fn new(promise: &'a Promise, target: &Target<'_>) -> Result<File<'a>> {
        Ok(File {
            promise,
            pieces: BatchCoalescer::new(Arc::clone(&promise.columns), BATCH),
            encoder: Encoder::new(Arc::clone(&promise.columns), target.codec)?,
            upload: target.lake.upload(&target.key),
            sha: Sha256::new(),
            last: None,
        })
    }

    async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.pieces.push_batch(batch).map_err(|e| odd(&self.promise.model, e))?;
        self.encode().await
    }

    async fn encode(&mut self) -> Result<()> {
        while let Some(piece) = self.pieces.next_completed_batch() {
            once(self.promise, self.last.as_ref(), &piece)?;
            self.encoder.write(&piece)?;
            self.last = Some(piece.slice(piece.num_rows() - 1, 1));
            let bytes = self.encoder.take();
            if !bytes.is_empty() {
                self.sha.update(&bytes);
                self.upload.write(bytes).await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self, target: &Target<'_>) -> Result<Written> {
        let ended = self.pieces.finish_buffered_batch().map_err(|e| odd(&self.promise.model, e));
        let ended = match ended {
            Ok(()) => self.encode().await,
            Err(e) => Err(e),
        };
        if let Err(e) = ended {
            self.upload.abort().await;
            return Err(e);
        }
        let last = self.encoder.finish()?;
        self.sha.update(&last.bytes);
        let object = Object { path: target.key.clone(), size: last.size, sha256: hex(self.sha), rows: last.rows };
        let same = target.before == Some(&object);
        if same || (object.rows == 0 && !target.keep_empty) {
            self.upload.abort().await;
            return Ok(Written { object: same.then_some(object), put: false });
        }
        self.upload.write(last.bytes).await?;
        self.upload.finish(target.guard).await?;
        Ok(Written { object: Some(object), put: true })
    }
}

/// What a file of a model is, by its bytes.
pub(super) fn known(key: &str, bytes: &bytes::Bytes) -> Result<Object> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())
        .map_err(|e| Error::new(Kind::Lake, "a mart cannot be read").with("object", key).because(e))?;
    let rows = builder.metadata().file_metadata().num_rows().unsigned_abs();
    let Sum { size, sha256 } = Sum::of(bytes);
    Ok(Object { path: key.to_string(), size, sha256, rows })
}

/// Refuses a key that comes twice. `last` is the row before the batch.
fn once(promise: &Promise, last: Option<&RecordBatch>, batch: &RecordBatch) -> Result<()> {
    let with_last;
    let rows = match last {
        Some(last) => {
            with_last = concat_batches(&promise.columns, [last, batch]).map_err(|e| odd(&promise.model, e))?;
            &with_last
        }
        None => batch,
    };
    if promise.key.is_empty() || rows.num_rows() < 2 {
        return Ok(());
    }
    let key: Vec<ArrayRef> = promise.key.iter().filter_map(|name| rows.column_by_name(name).cloned()).collect();
    let groups = partition(&key).map_err(|e| odd(&promise.model, e))?;
    match groups.ranges().iter().find(|r| r.len() > 1) {
        None => Ok(()),
        Some(_) => Err(Error::new(Kind::Model, "two rows have the same key")
            .with("model", &promise.model)
            .with("key", promise.key.join(", "))
            .hint("mend the model's SQL, or the key in its contract")),
    }
}

fn odd(model: &str, e: arrow::error::ArrowError) -> Error {
    Error::new(Kind::Model, "its rows are not what its contract says").with("model", model).because(e)
}
