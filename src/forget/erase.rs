//! Taking forgotten people out of a lake: each object that may hold one is read, cleaned, and put where it was; then the ledger says
//! what is there now.
//!
//! One report goes after the other, the directory last, since it is what says who is meant. The list of hashes is there before, so
//! nothing comes back meanwhile. A note says that it is under way: until it is gone an object may be newer than the ledger says, and
//! whoever goes on takes what is there for what should be. What an object does not tell once it is written, how many rows an
//! answer had before, stands in the note.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::json::words;
use super::list::Forgotten;
use super::parquet::clean;
use super::sieve::Sieve;
use super::source::Source;
use crate::catalog::directory;
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout, hex};
use crate::ledger::{Ledger, Object, Slice, Status};

/// What stands in the place of somebody who is forgotten, in words that others wrote.
const GONE: &str = "(forgotten)";
/// How raw is compressed, as when it came.
const LEVEL: i32 = 3;

/// What was taken out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Erased {
    /// Objects that were written anew, by where they are: `raw`, `tables`, and the folders of `_usagelake`.
    pub objects: BTreeMap<String, u64>,
    /// Of them those of which nothing was left.
    pub deleted: u64,
    /// Rows of tables.
    pub rows: u64,
    /// Rows of answers as received.
    pub raw_rows: u64,
    /// Cells that named somebody in rows about something else.
    pub cells: u64,
    /// Objects that cannot be read, and so are as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// Objects of tables as they are now; none where nothing is left.
    #[serde(skip)]
    pub tables: BTreeMap<String, Option<Object>>,
}

/// Takes forgotten people out of a tenant's part of a lake.
pub struct Eraser<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The tenant's paths.
    pub layout: &'a Layout,
    /// Proof that nobody else writes; none where it is only looked what would be done.
    pub guard: Option<&'a Guard>,
    /// The list.
    pub list: &'a Arc<Forgotten>,
    /// The run that does it.
    pub run: &'a str,
    /// The note of an earlier one that did not end.
    pub resumed: Option<UnderWay>,
    /// Whether the lake is a draft, in which nobody reads answers: they are not written.
    pub drafted: bool,
}

/// The note of an erasure that is under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct UnderWay {
    /// The run that does it.
    pub run: String,
    /// Rows that go from the answers of the ledger that is worked on, by their keys.
    pub dropped: BTreeMap<String, u64>,
}

impl UnderWay {
    /// The note that is there; none where nothing is under way.
    pub async fn read(lake: &Lake, layout: &Layout) -> Result<Option<UnderWay>> {
        let found = lake.read(&layout.forgetting()).await?;
        // One that is not whole was never followed by anything.
        Ok(found.map(|note| serde_json::from_slice(&note.bytes).unwrap_or_default()))
    }

    /// Its text.
    pub fn text(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// What an object is now.
struct Now {
    object: Option<Object>,
    /// Of an answer: bytes and SHA-256 of it uncompressed, and rows that went.
    body: Option<Body>,
    dropped: u64,
}

struct Body {
    bytes: u64,
    sha256: String,
}

impl Eraser<'_> {
    /// Takes them out of everything but marts, which are built again.
    pub async fn everything(&self) -> Result<Erased> {
        let mut erased = Erased::default();
        let (reports, keys) = Ledger::every(self.lake, self.layout).await?;
        let mut groups = self.groups().await?;
        let lists: BTreeSet<&str> = directory::listings().map(|l| l.name()).collect();
        let (last, first): (Vec<&String>, Vec<&String>) = reports.iter().partition(|r| lists.contains(r.as_str()));
        for report in first.into_iter().chain(last) {
            let objects = groups.remove(report).unwrap_or_default();
            let ledger = Ledger::load_all(self.lake, self.layout, report, &keys).await?;
            self.group(report, ledger, &objects, &mut erased).await?;
        }
        // What is in no ledger: left by runs that were killed.
        for (name, objects) in groups {
            self.objects(&name, &objects, &mut erased).await?;
        }
        for (key, _) in self.lake.list(Layout::runs()).await? {
            self.lines(&key, &mut erased).await?;
        }
        Ok(erased)
    }

    /// Raw, held and published objects, and rejected cells, by the ledger in which they stand.
    async fn groups(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for prefix in [self.layout.raws(), self.layout.helds(), self.layout.rejecteds()] {
            for (key, _) in self.lake.list(&prefix).await? {
                let report = crate::engine::value(&key, "report").unwrap_or_default().to_string();
                groups.entry(report).or_default().push(key);
            }
        }
        for (key, _) in self.lake.list("tables").await? {
            let table = key.split('/').nth(1).unwrap_or_default();
            if crate::engine::value(&key, "tenant") == Some(self.layout.tenant()) && key.ends_with(".parquet") {
                groups.entry(Source::ledger_of(table).to_string()).or_default().push(key);
            }
        }
        Ok(groups)
    }

    /// All objects of one ledger, then the ledger.
    async fn group(&self, name: &str, mut ledger: Ledger, objects: &[String], erased: &mut Erased) -> Result<()> {
        let dropped = self.note(name, objects).await?;
        let mut now = self.objects(name, objects, erased).await?;
        for (key, dropped) in dropped {
            now.entry(key).and_modify(|n| n.dropped = dropped);
        }
        let list = self.list;
        // Of a month that several answers filled, the latest word counts.
        let mut latest: BTreeMap<String, String> = BTreeMap::new();
        for slice in ledger.slices() {
            for object in &slice.objects {
                let at = latest.entry(object.path.clone()).or_default();
                if slice.published_at > *at {
                    at.clone_from(&slice.published_at);
                }
            }
        }
        let by_table = !matches!(Source::of(name), Source::Listing(_));
        ledger.mend(|slice| mend(slice, &now, &latest, by_table, list));
        if let Some(guard) = self.guard {
            ledger.save(self.lake, self.layout, guard).await?;
        }
        Ok(())
    }

    /// Notes how many rows will go from each answer, and says it.
    async fn note(&self, name: &str, objects: &[String]) -> Result<BTreeMap<String, u64>> {
        // Nobody goes on with a draft.
        let Some(guard) = self.guard.filter(|_| !self.drafted) else { return Ok(BTreeMap::new()) };
        let answers = objects.iter().filter(|key| !key.starts_with("tables/") && !key.ends_with(".jsonl"));
        let answers: Vec<String> = answers.cloned().collect();
        let looked = Eraser { guard: None, resumed: None, ..*self };
        let now = looked.objects(name, &answers, &mut Erased::default()).await?;
        let mut dropped: BTreeMap<String, u64> = now.into_iter().map(|(key, n)| (key, n.dropped)).collect();
        // Of those that an earlier one has written already nothing is to be seen.
        let noted = self.resumed.iter().flat_map(|note| &note.dropped);
        dropped.extend(noted.filter(|(key, _)| answers.contains(key)).map(|(key, n)| (key.clone(), *n)));
        if !dropped.is_empty() {
            let note = UnderWay { run: self.run.to_string(), dropped: dropped.clone() };
            self.lake.replace(&self.layout.forgetting(), note.text(), guard).await?;
        }
        Ok(dropped)
    }

    async fn objects(&self, name: &str, keys: &[String], erased: &mut Erased) -> Result<BTreeMap<String, Now>> {
        let mut all = BTreeMap::new();
        for key in keys {
            if key.ends_with(".jsonl") {
                all.extend(self.lines(key, erased).await?.map(|now| (key.clone(), now)));
                continue;
            }
            let Some(found) = self.lake.read(key).await? else { continue };
            let now = match key.starts_with("tables/") {
                true => self.partition(key, found.bytes, erased).await?,
                false => self.answer(name, key, found.bytes, erased).await?,
            };
            all.extend(now.map(|now| (key.clone(), now)));
        }
        Ok(all)
    }

    /// A partition of a table.
    async fn partition(&self, key: &str, bytes: Bytes, erased: &mut Erased) -> Result<Option<Now>> {
        let table = key.split('/').nth(1).unwrap_or_default().to_string();
        let (list, of, given) = (Arc::clone(self.list), key.to_string(), bytes.clone());
        // What cannot be read has other ways to be mended, and keeps nobody from the rest.
        let Ok(cleaned) = blocking(move || clean(&list, &table, &of, &given)).await else {
            erased.unreadable.push(key.to_string());
            return Ok(None);
        };
        let Some(cleaned) = cleaned else {
            // Its rows are those of the ledger, or of a run that was killed.
            return Ok(self.resumed.as_ref().map(|_| Now {
                object: object(key, &bytes, None),
                body: None,
                dropped: 0,
            }));
        };
        erased.rows += cleaned.dropped;
        erased.cells += cleaned.emptied;
        let now = match &cleaned.bytes {
            Some(bytes) => object(key, bytes, Some(cleaned.rows)),
            None => None,
        };
        self.put(key, cleaned.bytes, erased).await?;
        erased.tables.insert(key.to_string(), now.clone());
        Ok(Some(Now { object: now, body: None, dropped: cleaned.dropped }))
    }

    /// An answer as it was received.
    async fn answer(&self, name: &str, key: &str, bytes: Bytes, erased: &mut Erased) -> Result<Option<Now>> {
        let (list, resumed, source) = (Arc::clone(self.list), self.resumed.is_some(), Source::of(name));
        let day = crate::engine::value(key, "date").and_then(|d| d.parse().ok());
        let broken = |e: std::io::Error| Error::new(Kind::NotAReport, "what was kept cannot be unpacked").because(e);
        let cleaned = blocking(move || {
            let body = zstd::decode_all(&bytes[..]).map_err(broken)?;
            let mut sieve = Sieve::new(&list, source, day);
            let left = sieve.whole(&body)?;
            if !sieve.changed() && !resumed {
                return Ok(None);
            }
            let changed = sieve.changed();
            let sha256 = hex(Sha256::new_with_prefix(&left));
            let packed = if changed { zstd::encode_all(&left[..], LEVEL).map_err(broken)?.into() } else { bytes };
            Ok(Some((sieve, changed, packed, Body { bytes: left.len() as u64, sha256 })))
        });
        let Ok(cleaned) = cleaned.await else {
            erased.unreadable.push(key.to_string());
            return Ok(None);
        };
        let Some((sieve, changed, packed, body)) = cleaned else { return Ok(None) };
        let object = object(key, &packed, None);
        if changed {
            erased.raw_rows += sieve.dropped();
            self.put(key, Some(packed), erased).await?;
        }
        Ok(Some(Now { object, body: Some(body), dropped: sieve.dropped() }))
    }

    /// Something in JSON that the lake keeps about itself: a line goes, a text of a document is written over. None where it is
    /// as it was.
    async fn lines(&self, key: &str, erased: &mut Erased) -> Result<Option<Now>> {
        let Some(found) = self.lake.read(key).await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&found.bytes);
        let left = if key.ends_with(".jsonl") {
            let stays = |line: &&str| !self.list.names(&words(line), None);
            text.lines().filter(stays).map(|line| format!("{line}\n")).collect::<String>()
        } else {
            let Ok(mut document) = serde_json::from_str::<Value>(&text) else {
                erased.unreadable.push(key.to_string());
                return Ok(None);
            };
            let others = document.get("tenant").is_some_and(|t| t != self.layout.tenant());
            if others || !written_over(&mut document, self.list) {
                return Ok(None);
            }
            serde_json::to_string_pretty(&document).unwrap_or_default()
        };
        if left == text && self.resumed.is_none() {
            return Ok(None);
        }
        let (before, lines) = (text.lines().count(), left.lines().count());
        let changed = left != text;
        let bytes: Option<Bytes> = (!left.is_empty()).then(|| left.into());
        let object = bytes.as_ref().and_then(|bytes| object(key, bytes, Some(lines as u64)));
        if changed {
            self.put(key, bytes, erased).await?;
        }
        Ok(Some(Now { object, body: None, dropped: (before - lines) as u64 }))
    }

    async fn put(&self, key: &str, bytes: Option<Bytes>, erased: &mut Erased) -> Result<()> {
        let mut parts = key.split('/');
        let folder = match parts.next() {
            Some("_usagelake") => parts.next().unwrap_or_default(),
            first => first.unwrap_or_default(),
        };
        *erased.objects.entry(folder.to_string()).or_default() += 1;
        erased.deleted += u64::from(bytes.is_none());
        let Some(guard) = self.guard else { return Ok(()) };
        match bytes {
            Some(_) if self.drafted && key.starts_with("raw/") => Ok(()),
            Some(bytes) => self.lake.replace(key, bytes, guard).await,
            None => self.lake.delete(key, guard).await,
        }
    }
}

/// Writes over the texts that name somebody; answers whether there were any.
fn written_over(value: &mut Value, list: &Forgotten) -> bool {
    match value {
        Value::String(text) if list.names(text, None) => {
            *text = GONE.to_string();
            true
        }
        Value::Array(values) => written_over_all(values.iter_mut(), list),
        Value::Object(object) => written_over_all(object.values_mut(), list),
        _ => false,
    }
}

fn written_over_all<'v>(values: impl Iterator<Item = &'v mut Value>, list: &Forgotten) -> bool {
    // All of them, not only the first.
    values.filter_map(|v| written_over(v, list).then_some(())).count() > 0
}

/// What is known of an object by its bytes; rows that are not told are looked up where they are kept.
fn object(key: &str, bytes: &Bytes, rows: Option<u64>) -> Option<Object> {
    let rows = rows.or_else(|| {
        let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).ok()?;
        u64::try_from(builder.metadata().file_metadata().num_rows()).ok()
    });
    let sha256 = hex(Sha256::new_with_prefix(bytes));
    Some(Object { path: key.to_string(), size: bytes.len() as u64, sha256, rows: rows.unwrap_or_default() })
}

/// Says in a slice what its objects are now; answers whether that is news. `latest` is when an object was put last.
fn mend(
    slice: &mut Slice,
    now: &BTreeMap<String, Now>,
    latest: &BTreeMap<String, String>,
    by_table: bool,
    list: &Forgotten,
) -> bool {
    let before = slice.clone();
    let raw_gone = slice.raw.as_ref().and_then(|raw| Some(news(raw, now.get(&raw.path)?))).unwrap_or(0);
    let mut table_gone = 0;
    for at in (0..slice.objects.len()).rev() {
        let path = &slice.objects[at].path;
        let Some(n) = now.get(path).filter(|_| latest.get(path) == Some(&slice.published_at)) else { continue };
        match &n.object {
            Some(object) => {
                table_gone += slice.objects[at].rows.saturating_sub(object.rows);
                slice.objects[at] = object.clone();
            }
            None => {
                table_gone += slice.objects[at].rows;
                slice.objects.remove(at);
            }
        }
    }
    // A list fills several tables, and its rows are entities; a held answer has no table.
    let gone = if by_table && !before.objects.is_empty() { table_gone } else { raw_gone };
    slice.rows = slice.rows.saturating_sub(gone);
    slice.forgotten += gone;
    if before.rows > 0 && slice.rows == 0 && slice.status == Status::Landed {
        slice.status = Status::Empty;
    }
    if let Some((raw, n)) = slice.raw.as_mut().and_then(|raw| now.get(&raw.path).map(|n| (raw, n))) {
        renew(raw, n);
        if let Some(body) = &n.body {
            (slice.bytes, slice.sha256) = (body.bytes, body.sha256.clone());
        }
    }
    rejected(&mut slice.rejects, now);
    for reading in &mut slice.before {
        rejected(&mut reading.rejects, now);
        let Some((raw, n)) = reading.raw.as_mut().and_then(|raw| now.get(&raw.path).map(|n| (raw, n))) else {
            continue;
        };
        let gone = news(raw, n);
        renew(raw, n);
        reading.rows = reading.rows.saturating_sub(gone);
        reading.forgotten += gone;
        if let Some(body) = &n.body {
            reading.sha256.clone_from(&body.sha256);
        }
    }
    if slice.reason.as_ref().is_some_and(|reason| list.names(reason, None)) {
        slice.reason = Some(GONE.to_string());
    }
    *slice != before
}

/// Rows that are gone from an answer and that the ledger still counts: none where it was said before a kill.
fn news(raw: &Object, now: &Now) -> u64 {
    if now.object.as_ref().is_some_and(|object| object.sha256 == raw.sha256) { 0 } else { now.dropped }
}

/// An answer's object as it is now.
fn renew(raw: &mut Object, now: &Now) {
    if let Some(object) = &now.object {
        *raw = Object { rows: raw.rows.saturating_sub(news(raw, now)), ..object.clone() };
    }
}

/// The rejected cells of an answer as they are now; they go where all of them named somebody.
fn rejected(rejects: &mut Option<Object>, now: &BTreeMap<String, Now>) {
    if let Some(n) = rejects.as_ref().and_then(|r| now.get(&r.path)) {
        rejects.clone_from(&n.object);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(Error::new(Kind::Lake, "the work has stopped").because(e)))
}
