//! A whole body on its way through the normaliser: parsed on this thread, and what becomes of its batches beside it.

use std::sync::mpsc::sync_channel;

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::{Normaliser, Outcome};
use crate::catalog::Report;
use crate::error::{Error, Kind, Result};

/// Bytes of a body up to which starting a second thread costs more than it gains.
const ONE_THREAD: usize = 1 << 20;
/// Batches that may wait between the two threads.
const WAITING: usize = 4;

/// Reads the chunks of one body and hands its batches to `take`, in order. A large body is parsed on this thread while
/// `take` runs on another; a small one does not pay for starting it.
pub fn read(
    report: &'static Report,
    mut chunks: impl Iterator<Item = Result<Bytes>>,
    mut take: impl FnMut(RecordBatch) -> Result<()> + Send,
) -> Result<Outcome> {
    let mut normaliser = Normaliser::new(report);
    let (mut begun, mut size) = (Vec::new(), 0);
    while size <= ONE_THREAD {
        let Some(chunk) = chunks.next() else {
            begun.iter().try_for_each(|chunk: &Bytes| normaliser.push(chunk, &mut take))?;
            return normaliser.finish(&mut take);
        };
        let chunk = chunk?;
        size += chunk.len();
        begun.push(chunk);
    }
    let (batches, incoming) = sync_channel::<RecordBatch>(WAITING);
    std::thread::scope(|scope| {
        let taking = scope.spawn(move || incoming.into_iter().try_for_each(take));
        let mut out = |batch| batches.send(batch).map_err(|_| stopped());
        let parse = || {
            begun.into_iter().map(Ok).chain(chunks).try_for_each(|chunk| normaliser.push(&chunk?, &mut out))?;
            normaliser.finish(&mut out)
        };
        let outcome = parse();
        drop(batches);
        // Where the batches could not be taken, that the parser could not go on is no news.
        taking.join().map_err(|_| stopped())??;
        outcome
    })
}

fn stopped() -> Error {
    Error::new(Kind::Lake, "what takes the rows has stopped")
}
