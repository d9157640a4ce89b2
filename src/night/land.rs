//! One answer on its way: bytes to raw, rows to partitions, at the same time and in bounded memory.
//!
//! Nothing is seen of it before the whole answer was read and judged. Then the raw object appears, then the partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::catalog::{Merge, Report};
use crate::config::{Codec, RawPolicy};
use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};
use crate::forget::{Forgotten, Sieve, Source};
use crate::guard::{Keys, Verdict};
use crate::lake::{Guard, Lake, Layout, Upload, hex};
use crate::ledger::{Doubt, Horizon, Object};
use crate::normalise::{Outcome, read};
use crate::tables::encode::Finished;
use crate::tables::route::{Known, Partition, Piece, Router};

/// Chunks that may wait between the network and the parser. Each is as large as the network made it, tens of KiB.
const WAITING: usize = 32;

/// The most rows of an answer of counts or of a summary, which is held in memory until it was read whole. The largest that
/// Graph has has some for each of 180 days.
const MOST_MERGED: usize = if cfg!(test) { 10_000 } else { 1_000_000 };

/// Where things go.
#[derive(Clone)]
pub struct Place {
    /// The lake.
    pub lake: Lake,
    /// The tenant's paths.
    pub layout: Layout,
    /// The right to write.
    pub guard: Guard,
    /// How Parquet is compressed.
    pub codec: Codec,
    /// Whether raw is kept.
    pub raw: RawPolicy,
    /// Who is forgotten; none where nobody ever was.
    pub forgotten: Option<Arc<Forgotten>>,
    /// What retention has taken: it is not landed again.
    pub horizon: Horizon,
}

impl Place {
    /// A place under a lock that is held: who is forgotten is read once for all that is written.
    pub async fn new(lake: &Lake, tenant: &str, guard: Guard, codec: Codec, raw: RawPolicy) -> Result<Place> {
        let layout = Layout::new(tenant);
        let forgotten = Forgotten::read(lake, &layout).await?;
        let horizon = Horizon::read(lake, &layout).await?;
        Ok(Place { lake: lake.clone(), layout, guard, codec, raw, forgotten, horizon })
    }

    /// What takes forgotten people out of a body of `source` for a day, where one was asked for.
    pub(super) fn sieve(&self, source: Source, day: Option<Day>) -> Option<Sieve> {
        self.forgotten.as_ref().map(|list| Sieve::new(list, source, day))
    }
}

/// What is being landed.
pub struct Answer<'a> {
    /// The report.
    pub report: &'static Report,
    /// What was asked.
    pub window: Window,
    /// What is known of the partition.
    pub known: Known,
    /// The name of the raw object, without extension.
    pub name: &'a str,
    /// Whether the body is JSON.
    pub json: bool,
    /// Whether an answer with this SHA-256 is known already: an equal one changes nothing.
    pub known_as: &'a (dyn Fn(&str) -> Option<Before> + Sync),
    /// The only partitions that are published; all where nothing is said.
    pub only: Option<&'a BTreeSet<Partition>>,
    /// Who judges it; nobody where a person has looked.
    pub judge: Option<&'a (dyn Judge + Sync)>,
}

/// What the ledger has of exactly the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It is published.
    Published,
    /// A guard holds it.
    Held,
}

/// Says whether an answer may be published.
pub trait Judge {
    /// Of an answer that was read whole; `repeated` are rows that repeat the key of another.
    fn judge(&self, outcome: &Outcome, repeated: u64) -> Verdict;
    /// Of an answer whose header has lost the key.
    fn without_key(&self) -> Option<Doubt>;
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its partitions are published; the rows of merged tables are handed back.
    Published,
    /// Exactly this answer was published before.
    Unchanged,
    /// A guard doubts it: it is kept as it came, and nothing of it is published.
    Held(Doubt),
    /// Exactly this answer is held already.
    StillHeld,
}

/// What came of it.
pub struct Landed {
    /// What the parser saw.
    pub outcome: Outcome,
    /// Bytes of the answer.
    pub bytes: u64,
    /// SHA-256 of the answer, in hexadecimal.
    pub sha256: String,
    /// The answer as kept, where it is new and raw is kept, or it is held.
    pub raw: Option<Object>,
    /// The partitions that were published.
    pub partitions: Vec<(Partition, Object)>,
    /// The rows, where the table is merged and not replaced.
    pub batches: Vec<RecordBatch>,
    /// What became of it.
    pub fate: Fate,
}

/// Lands one answer.
pub async fn land(place: &Place, answer: Answer<'_>, body: impl Stream<Item = Result<Bytes>>) -> Result<Landed> {
    let (chunks, to_parse) = mpsc::channel::<Bytes>(WAITING);
    let (pieces, mut encoded) = mpsc::channel::<Piece>(WAITING);
    let (report, codec, known) = (answer.report, place.codec, answer.known);
    let parse = tokio::task::spawn_blocking(move || digest(report, codec, known, to_parse, pieces));

    let name = format!("{}.{}", answer.name, if answer.json { "json.zst" } else { "csv.zst" });
    let kept = place.raw != RawPolicy::Off;
    // Where raw is off, an answer that may have to be held is kept until it is judged.
    let folder = if kept { Layout::raw } else { Layout::held };
    let key = folder(&place.layout, &report.table(), answer.window, &name);
    let mut raw = Raw::begin(place, key, kept || answer.judge.is_some())?;
    let mut files: BTreeMap<Partition, (Upload, Sha256)> = BTreeMap::new();
    let mut finished: Vec<(Partition, Upload, Object)> = Vec::new();

    let mut sieve = place.sieve(Source::Report(report), known.day);
    let read = async {
        let mut body = std::pin::pin!(body);
        let mut ended = false;
        while !ended {
            let chunk = match (body.next().await, &mut sieve) {
                (Some(chunk), None) => chunk?,
                // Nobody who is forgotten reaches raw or the parser.
                (Some(chunk), Some(sieve)) => sieve.push(&chunk?),
                (None, sieve) => {
                    ended = true;
                    sieve.as_mut().map(Sieve::finish).unwrap_or_default()
                }
            };
            if chunk.is_empty() {
                continue;
            }
            raw.write(&chunk).await?;
            if chunks.send(chunk).await.is_err() {
                // The parser has stopped: its own error says why.
                break;
            }
        }
        drop(chunks);
        Ok::<(), Error>(())
    };
    let write = async {
        let mut result = Ok(());
        while let Some(piece) = encoded.recv().await {
            result = store(place, report, &mut files, &mut finished, piece).await;
            if result.is_err() {
                // The parser must not wait for somebody who has stopped listening.
                encoded.close();
                break;
            }
        }
        result
    };
    let (read, write) = tokio::join!(read, write);
    let parsed = parse.await.unwrap_or_else(|e| Err(Error::new(Kind::NotAReport, "the parser has stopped").because(e)));

    // A cut connection explains a cut report, so it is told first.
    let forgotten = sieve.map_or(0, |sieve| sieve.dropped());
    let result = read.and(parsed).and_then(whole).and_then(|parsed| write.map(|()| parsed));
    let result = result.map(|mut parsed| {
        parsed.outcome.forgotten = forgotten;
        parsed
    });
    let (bytes, sha256) = raw.digest();
    let (parsed, fate) = match decide(&answer, &sha256, result) {
        Ok((parsed, Fate::Published)) => (parsed, Fate::Published),
        other => {
            for upload in files.into_values().map(|(upload, _)| upload).chain(finished.into_iter().map(|f| f.1)) {
                upload.abort().await;
            }
            let (Parsed { outcome, .. }, fate) = match other {
                Ok(decided) => decided,
                Err(e) => {
                    raw.abort().await;
                    return Err(e);
                }
            };
            let raw = match fate {
                Fate::Held(_) => {
                    let kept = raw.finish(&place.guard, outcome.rows).await?;
                    let to = place.layout.held(&report.table(), answer.window, &name);
                    match kept {
                        // Raw is deleted when its time is over, whatever a person has or has not looked at.
                        Some(object) if matches!(place.raw, RawPolicy::Days(_)) => {
                            Some(moved(place, object, to).await?)
                        }
                        kept => kept,
                    }
                }
                _ => {
                    raw.abort().await;
                    None
                }
            };
            return Ok(Landed { outcome, bytes, sha256, raw, partitions: Vec::new(), batches: Vec::new(), fate });
        }
    };
    let Parsed { outcome, batches, .. } = parsed;
    let taken = |day: Day| place.horizon.takes(&report.table(), day);
    let day = known.day.or(outcome.refresh_dates.last().copied());
    let raw = match kept && !day.is_some_and(taken) {
        true => raw.finish(&place.guard, outcome.rows).await?,
        false => {
            raw.abort().await;
            None
        }
    };
    let mut partitions = Vec::with_capacity(finished.len());
    for (partition, upload, object) in finished {
        if answer.only.is_none_or(|only| only.contains(&partition)) && !taken(partition.day) {
            upload.finish(&place.guard).await?;
            partitions.push((partition, object));
        } else {
            upload.abort().await;
        }
    }
    Ok(Landed { outcome, bytes, sha256, raw, partitions, batches, fate })
}

/// Moves an object.
async fn moved(place: &Place, object: Object, to: String) -> Result<Object> {
    if let Some(found) = place.lake.read(&object.path).await? {
        place.lake.replace(&to, found.bytes, &place.guard).await?;
        place.lake.delete(&object.path, &place.guard).await?;
    }
    Ok(Object { path: to, ..object })
}

/// What becomes of an answer that was read.
fn decide(answer: &Answer<'_>, sha256: &str, read: Result<Parsed>) -> Result<(Parsed, Fate)> {
    let lost_key = |e: &Error| (e.kind() == Kind::KeyLost).then(|| answer.judge?.without_key()).flatten();
    let (parsed, verdict) = match read {
        Ok(parsed) => {
            let verdict = answer.judge.map_or(Verdict::Sound, |j| j.judge(&parsed.outcome, parsed.repeated));
            (parsed, verdict)
        }
        Err(e) => match lost_key(&e) {
            Some(doubt) => (Parsed::default(), Verdict::Hold(doubt)),
            None => return Err(e),
        },
    };
    let fate = match ((answer.known_as)(sha256), verdict) {
        (Some(Before::Published), _) => Fate::Unchanged,
        (_, Verdict::Sound) => Fate::Published,
        (Some(Before::Held), Verdict::Hold(_)) => Fate::StillHeld,
        (None, Verdict::Hold(doubt)) => Fate::Held(doubt),
        (_, Verdict::Refuse(doubt)) => return Err(refused(answer.report, doubt)),
    };
    Ok((parsed, fate))
}

fn refused(report: &Report, doubt: Doubt) -> Error {
    Error::new(Kind::Contract, format!("the contract of the table allows no other columns: {}", doubt.reason))
        .with("report", &report.function)
        .hint(
            "update usagelake, which may know the columns, or let the table evolve: `[contracts]` in the pipeline file",
        )
}

/// What the parser makes of an answer.
#[derive(Default)]
struct Parsed {
    outcome: Outcome,
    /// The rows, where the table is merged and not replaced.
    batches: Vec<RecordBatch>,
    /// Rows that repeat the key of another.
    repeated: u64,
}

/// Refuses an answer that says that it is one page of several: its rows would pass for all.
fn whole(parsed: Parsed) -> Result<Parsed> {
    if !parsed.outcome.more_pages {
        return Ok(parsed);
    }
    Err(Error::new(Kind::NotAReport, "the answer is one page of several")
        .hint("save the report as CSV, or all pages of it in one JSON document"))
}

async fn store(
    place: &Place,
    report: &Report,
    files: &mut BTreeMap<Partition, (Upload, Sha256)>,
    finished: &mut Vec<(Partition, Upload, Object)>,
    piece: Piece,
) -> Result<()> {
    match piece {
        Piece::Bytes(partition, bytes) => {
            let (upload, sha) = open(place, report, files, partition);
            sha.update(&bytes);
            upload.write(bytes).await
        }
        Piece::Last(partition, Finished { bytes, rows, size }) => {
            open(place, report, files, partition);
            if let Some((mut upload, mut sha)) = files.remove(&partition) {
                sha.update(&bytes);
                upload.write(bytes).await?;
                let path = upload.key().to_string();
                finished.push((partition, upload, Object { path, size, sha256: hex(sha), rows }));
            }
            Ok(())
        }
    }
}

fn open<'a>(
    place: &Place,
    report: &Report,
    files: &'a mut BTreeMap<Partition, (Upload, Sha256)>,
    partition: Partition,
) -> &'a mut (Upload, Sha256) {
    files.entry(partition).or_insert_with(|| {
        let key = place.layout.detail(&report.table(), partition.period, partition.day);
        (place.lake.upload(key), Sha256::new())
    })
}

/// The part that computes: chunks to rows to Parquet. Rows of merged tables are handed back as they are.
fn digest(
    report: &'static Report,
    codec: Codec,
    known: Known,
    mut chunks: mpsc::Receiver<Bytes>,
    pieces: mpsc::Sender<Piece>,
) -> Result<Parsed> {
    let parsed = rows(report, codec, known, &mut chunks, pieces);
    if parsed.as_ref().is_err_and(|e| e.kind() == Kind::KeyLost) {
        // It may be held, and then as a whole: whoever downloads it must not be told to stop.
        while chunks.blocking_recv().is_some() {}
    }
    parsed
}

fn rows(
    report: &'static Report,
    codec: Codec,
    known: Known,
    chunks: &mut mpsc::Receiver<Bytes>,
    pieces: mpsc::Sender<Piece>,
) -> Result<Parsed> {
    let chunks = std::iter::from_fn(|| chunks.blocking_recv().map(Ok));
    let mut keys = Keys::of(report);
    if report.merge != Merge::Replace {
        let mut batches = Vec::new();
        let mut held = 0;
        let keep = |batch: RecordBatch| {
            held += batch.num_rows();
            if held > MOST_MERGED {
                return Err(Error::new(Kind::NotAReport, "the answer has more rows than counts or a summary can have")
                    .with("more than", MOST_MERGED)
                    .hint("find out who answers in Microsoft's place: such a report has some rows for each day"));
            }
            keys.see(&batch);
            batches.push(batch);
            Ok(())
        };
        let outcome = read(report, chunks, keep)?;
        return Ok(Parsed { outcome, batches, repeated: keys.repeated() });
    }
    // The receiver is gone only when the upload has failed, and that error is the one that is told.
    let mut out = |piece: Piece| {
        pieces.blocking_send(piece).map_err(|_| Error::new(Kind::Lake, "the partition could not be written"))
    };
    let mut router = Router::new(report, codec, known);
    let outcome = read(report, chunks, |batch| {
        keys.see(&batch);
        router.write(batch, &mut out)
    })?;
    router.finish(&mut out)?;
    Ok(Parsed { outcome, batches: Vec::new(), repeated: keys.repeated() })
}

/// The answer as it was received: hashed, and where raw is kept compressed and uploaded.
pub(super) struct Raw {
    sha: Sha256,
    bytes: u64,
    kept: Option<Kept>,
}

struct Kept {
    zstd: zstd::stream::write::Encoder<'static, Vec<u8>>,
    upload: Upload,
    sha: Sha256,
}

/// zstd's own default: a tenth of the size at the speed of a fast network.
const RAW_LEVEL: i32 = 3;

impl Raw {
    /// Begins the object at `key`, or only its hash.
    pub(super) fn begin(place: &Place, key: String, keep: bool) -> Result<Raw> {
        let kept = match keep {
            false => None,
            true => {
                let zstd = zstd::stream::write::Encoder::new(Vec::new(), RAW_LEVEL).map_err(compress)?;
                Some(Kept { zstd, upload: place.lake.upload(key), sha: Sha256::new() })
            }
        };
        Ok(Raw { sha: Sha256::new(), bytes: 0, kept })
    }

    pub(super) async fn write(&mut self, chunk: &Bytes) -> Result<()> {
        self.sha.update(chunk);
        self.bytes += chunk.len() as u64;
        let Some(kept) = &mut self.kept else { return Ok(()) };
        std::io::Write::write_all(&mut kept.zstd, chunk).map_err(compress)?;
        let done = std::mem::take(kept.zstd.get_mut());
        if !done.is_empty() {
            kept.sha.update(&done);
            kept.upload.write(done.into()).await?;
        }
        Ok(())
    }

    pub(super) fn digest(&self) -> (u64, String) {
        (self.bytes, hex(self.sha.clone()))
    }

    pub(super) async fn finish(self, guard: &Guard, rows: u64) -> Result<Option<Object>> {
        let Some(Kept { zstd, mut upload, mut sha }) = self.kept else { return Ok(None) };
        let rest = zstd.finish().map_err(compress)?;
        sha.update(&rest);
        upload.write(rest.into()).await?;
        let object = Object { path: upload.key().to_string(), size: upload.size(), sha256: hex(sha), rows };
        upload.finish(guard).await?;
        Ok(Some(object))
    }

    pub(super) async fn abort(self) {
        if let Some(kept) = self.kept {
            kept.upload.abort().await;
        }
    }
}

fn compress(e: std::io::Error) -> Error {
    Error::new(Kind::Lake, "cannot compress the answer").because(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_without_end_are_an_error() {
        let report = crate::catalog::find("getEmailActivityCounts").unwrap();
        let said = |n: usize| {
            let header =
                "Report Refresh Date,Send,Receive,Read,Meeting Created,Meeting Interacted,Report Date,Report Period";
            let body = format!("{header}\n{}", "2026-11-18,1,2,3,4,5,2026-11-18,7\n".repeat(n));
            let (give, mut chunks) = mpsc::channel(1);
            give.try_send(Bytes::from(body)).unwrap();
            drop(give);
            let (pieces, _) = mpsc::channel(1);
            let known = Known { period: Some(7), day: None, fallback: None };
            rows(report, Codec::Snappy, known, &mut chunks, pieces)
        };
        assert_eq!(said(MOST_MERGED).unwrap().outcome.rows, MOST_MERGED as u64);
        let e = said(MOST_MERGED + 1).err().unwrap();
        assert_eq!(e.kind(), Kind::NotAReport);
        assert!(e.to_string().contains("more rows"), "{e}");
    }
}
