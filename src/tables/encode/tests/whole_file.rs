//! A whole body as one file, for tests and benches.

use super::{Bytes, Codec, Encoder, Finished, Outcome, Report, Result, normalise};

/// A body as one file; all bytes but the last go to `sink`.
pub(super) fn encode_body(
    report: &'static Report,
    codec: Codec,
    chunks: impl Iterator<Item = Result<Bytes>>,
    mut sink: impl FnMut(Bytes) -> Result<()> + Send,
) -> Result<(Outcome, Finished)> {
    let mut encoder = Encoder::new(report.schema(), codec)?;
    let outcome = normalise::read(report, chunks, |batch| {
        encoder.write(&batch)?;
        sink(encoder.take())
    })?;
    Ok((outcome, encoder.finish()?))
}
