//! A lake that an earlier version wrote, brought to today's form: partitions of an older schema, and what the lake keeps about itself.
//!
//! Partition by partition: what is to be put is noted first, with all that the ledger will say of it; then the partitions are put,
//! then the ledger says it, then the note goes. So whoever comes after a kill, a night too, finds in the note what became of
//! objects that the ledger does not know yet. Nothing is asked of Graph, and raw is not needed.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Schema;
use bytes::Bytes;
use futures::StreamExt;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use serde::{Deserialize, Serialize};

use super::land::Place;
use super::report::stamp;
use super::{Begun, new_id};
use crate::config::{Codec, RawPolicy};
use crate::day::Clock;
use crate::error::{Error, Kind, Result};
use crate::lake::{LAYOUT_VERSION, Lake, Layout};
use crate::ledger::{Ledger, Manifest, Object, SharedManifest, Slice, Sum};
use crate::marts::State;
use crate::tables::older::{self, Change};
use crate::tables::shape::{Shape, codec};

/// Bytes of partitions that wait to be put, after which they are.
const WAITING: u64 = 64 << 20;
/// Bytes at the end of a file that are read first: the footer of most files is in them.
const FOOTER: u64 = 64 << 10;
/// How many footers are read side by side.
const READING: usize = 16;

/// What is to be migrated.
pub struct MigrateJob<'a> {
    /// Where the lake is.
    pub lake: &'a Lake,
    /// The tenant's partition value.
    pub tenant: &'a str,
    /// Whether it is only said what would be done.
    pub dry_run: bool,
    /// The time.
    pub clock: Clock,
}

/// What became of a lake.
#[derive(Debug, Serialize)]
pub struct Migration {
    /// The tenant.
    pub tenant: String,
    /// The layout of the lake: it is the one that this version writes.
    pub layout_version: u32,
    /// Tables that had something to do.
    pub tables: Vec<Migrated>,
    /// Objects of the ledger that were in an older form.
    pub ledgers: u64,
    /// Answers in raw that an earlier version kept without naming them in the ledger, which names them now.
    pub answers: u64,
    /// Answers that it kept a second time, with the same bytes. They are deleted.
    pub repeated: u64,
}

/// What became of a table, or of the tables of a list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Migrated {
    /// The table.
    pub table: String,
    /// Partitions that the ledger has of it.
    pub partitions: u64,
    /// Of them those that were written anew, or would be.
    pub changed: u64,
    /// Rows of those.
    pub rows: u64,
    /// Columns that files lacked.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<String>,
    /// Headers whose values went from `unknown_columns` to their column.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub learned: BTreeSet<String>,
    /// Columns that the table does not have any more: their values went to `unknown_columns`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
    /// Columns of another type.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub retyped: BTreeSet<String>,
    /// Partitions that are as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A partition that was left as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// Its key.
    pub object: String,
    /// Why.
    pub reason: String,
}

impl Migration {
    /// Whether nothing was refused.
    pub fn whole(&self) -> bool {
        self.tables.iter().all(|t| t.refused.is_empty())
    }
}

/// The note of what is being put.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Whose ledger it is.
    ledger: String,
    /// Objects as they will be, in the order in which they are put.
    renewed: Vec<Noted>,
}

/// An object that is being put, and what the ledger says once it is there. The slices stand in the note as they will be: what
/// is said of them depends on what they were before, and whoever goes on may find them said already.
#[derive(Serialize, Deserialize)]
struct Noted {
    path: String,
    sha256: String,
    slices: Vec<Slice>,
}

/// A partition in today's form.
#[derive(Debug)]
struct Renewed {
    object: Object,
    /// Columns that the file had before.
    had: BTreeSet<String>,
    /// Headers of which it still has values that no column takes.
    left: BTreeSet<String>,
}

/// Brings a tenant's part of a lake to today's form. `watch` hears of each table in which something was due.
pub async fn migrate(job: &MigrateJob<'_>, watch: &(dyn Fn(&Migrated) + Sync)) -> Result<Migration> {
    if job.dry_run {
        let layout = Layout::new(job.tenant);
        return Mover { lake: job.lake, layout: &layout, place: None }.all(job.tenant, watch).await;
    }
    let guard = job.lake.lock(job.tenant).await?;
    let done = match Place::new(job.lake, job.tenant, guard.clone(), Codec::default(), RawPolicy::Off).await {
        Ok(place) => under_lock(&place, job, watch).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    done
}

async fn under_lock(place: &Place, job: &MigrateJob<'_>, watch: &(dyn Fn(&Migrated) + Sync)) -> Result<Migration> {
    let (lake, layout, guard) = (&place.lake, &place.layout, &place.guard);
    let run = new_id(job.clock);
    let mut begun = Begun::mark(place, &run, job.clock).await?;
    let migration = Mover { lake, layout, place: Some(place) }.all(job.tenant, watch).await?;
    begun.settle(place, &run, job.clock, false).await?;
    // Read whole: an older one does not name what the lake keeps about the tenant.
    let manifest = Manifest::after(lake, layout, &[], &run, true).await?;
    manifest.write(lake, layout, guard, &run, &stamp(job.clock)).await?;
    let marts = State::read(lake, layout).await?;
    SharedManifest::of(marts.published()).write(lake, layout, guard).await?;
    begun.end(place).await?;
    Ok(migration)
}

/// Goes on after a migration that did not end: the ledger says of each object that was noted what it is. What was not put
/// yet is left to the next migration.
pub(super) async fn go_on(place: &Place) -> Result<()> {
    let (lake, layout) = (&place.lake, &place.layout);
    let key = layout.migrating();
    let Some(found) = lake.read(&key).await? else { return Ok(()) };
    // One that cannot be read was never whole, so nothing was put after it.
    if let Ok(Note { ledger, renewed }) = serde_json::from_slice::<Note>(&found.bytes) {
        let (_, keys) = Ledger::every(lake, layout).await?;
        let mut ledger = Ledger::load_all(lake, layout, &ledger, &keys).await?;
        for Noted { path, sha256, slices } in renewed {
            let there = lake.read(&path).await?.map(|found| Sum::of(&found.bytes).sha256);
            if there.as_ref() == Some(&sha256) {
                slices.into_iter().for_each(|slice| ledger.amend(slice));
            }
        }
        ledger.save(lake, layout, &place.guard).await?;
    }
    lake.delete(&key, &place.guard).await
}

/// Reads, and where it may, writes.
struct Mover<'a> {
    lake: &'a Lake,
    layout: &'a Layout,
    /// Where things go; none where it is only looked.
    place: Option<&'a Place>,
}

impl Mover<'_> {
    async fn all(&self, tenant: &str, watch: &(dyn Fn(&Migrated) + Sync)) -> Result<Migration> {
        let (names, keys) = Ledger::every(self.lake, self.layout).await?;
        let mut migration = Migration {
            tenant: tenant.to_string(),
            layout_version: LAYOUT_VERSION,
            tables: Vec::new(),
            ledgers: 0,
            answers: 0,
            repeated: 0,
        };
        for name in names {
            let mut ledger = Ledger::load_all(self.lake, self.layout, &name, &keys).await?;
            let migrated = self.ledger(&mut ledger).await.map_err(|e| e.with("table", &name))?;
            if migrated.changed > 0 || !migrated.refused.is_empty() {
                watch(&migrated);
                migration.tables.push(migrated);
            }
            self.answers(&mut ledger, &mut migration).await?;
            migration.ledgers += ledger.renew(self.layout);
            if let Some(place) = self.place {
                ledger.save(&place.lake, &place.layout, &place.guard).await?;
            }
        }
        Ok(migration)
    }

    /// The partitions of one ledger.
    async fn ledger(&self, ledger: &mut Ledger) -> Result<Migrated> {
        let mut migrated = Migrated { table: ledger.report().to_string(), ..Migrated::default() };
        let mut objects: BTreeMap<String, (Object, BTreeSet<String>)> = BTreeMap::new();
        let mut slices: Vec<&Slice> = ledger.slices().collect();
        slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
        for slice in slices {
            for object in &slice.objects {
                let headers = slice.unknown_headers.iter().cloned();
                let known = objects.entry(object.path.clone()).or_insert_with(|| (object.clone(), BTreeSet::new()));
                known.0.clone_from(object);
                known.1.extend(headers);
            }
        }
        migrated.partitions = objects.len() as u64;
        let looks = objects.into_values().map(|(object, headers)| async move {
            let due = self.due(&object, &headers).await;
            (object, due)
        });
        let mut looks = futures::stream::iter(looks).buffered(READING);
        let (mut waiting, mut bytes) = (Vec::new(), 0);
        let mut due = Vec::new();
        while let Some((object, found)) = looks.next().await {
            match found? {
                Ok(None) => {}
                Ok(Some(change)) => due.push((object, change)),
                Err(reason) => migrated.refused.push(Refused { object: object.path, reason }),
            }
        }
        drop(looks);
        for (object, change) in due {
            match self.renewed(&object).await? {
                Ok(None) => {}
                Ok(Some((renewed, file, learned))) => {
                    migrated.changed += 1;
                    migrated.rows += renewed.object.rows;
                    migrated.added.extend(change.added);
                    migrated.gone.extend(change.gone);
                    migrated.retyped.extend(change.retyped);
                    migrated.learned.extend(learned);
                    bytes += renewed.object.size;
                    waiting.push((renewed, file));
                }
                Err(reason) => migrated.refused.push(Refused { object: object.path, reason }),
            }
            if bytes >= WAITING {
                self.put(ledger, std::mem::take(&mut waiting)).await?;
                bytes = 0;
            }
        }
        self.put(ledger, waiting).await?;
        Ok(migrated)
    }

    /// Answers in raw that no ledger names: of readings that were corrected since earlier versions noted no place, and what came
    /// again without a row they kept again. The ones get a place in the ledger, the others, of which it has the same bytes, go.
    async fn answers(&self, ledger: &mut Ledger, migration: &mut Migration) -> Result<()> {
        let named: BTreeSet<String> = ledger.slices().chain(ledger.held()).flat_map(Slice::answers).cloned().collect();
        let folder = format!("{}/report={}", self.layout.raws(), ledger.report());
        for (key, _) in self.lake.list(&folder).await?.into_iter().filter(|(key, _)| !named.contains(key)) {
            let Some(raw) = self.lake.read(&key).await? else { continue };
            let Ok(body) = zstd::decode_all(&raw.bytes[..]) else { continue };
            let (answer, Sum { size, sha256 }) = (Sum::of(&body).sha256, Sum::of(&raw.bytes));
            let window = key.rsplit('/').nth(1).unwrap_or_default().to_string();
            let object = |rows: u64| Some(Object { path: key.clone(), size, sha256: sha256.clone(), rows });
            let (mut is_new, mut same) = (false, None);
            ledger.mend(|slice| {
                let now = (&slice.sha256, slice.rows, &mut slice.raw);
                let before = slice.before.iter_mut().map(|r| (&r.sha256, r.rows, &mut r.raw));
                let mut said = std::iter::once(now).chain(before).filter(|(sha, ..)| **sha == answer);
                let Some((_, rows, place)) = said.next().filter(|_| slice.window.folder() == window && !is_new) else {
                    return false;
                };
                same = place.as_ref().map(|o| o.path.clone());
                is_new = place.is_none();
                if is_new {
                    *place = object(rows);
                }
                is_new
            });
            migration.answers += u64::from(is_new);
            if let Some(same) = same
                && self.lake.has(&same).await?
            {
                migration.repeated += 1;
                if let Some(place) = self.place {
                    place.lake.delete(&key, &place.guard).await?;
                }
            }
        }
        Ok(())
    }

    /// What has changed since a file was written; none where it is in today's form. An answer in words: it cannot be told.
    async fn due(&self, object: &Object, headers: &BTreeSet<String>) -> Result<Result<Option<Change>, String>> {
        let table = object.path.split('/').nth(1).unwrap_or_default();
        let Some(shape) = Shape::of(table) else { return Ok(Ok(None)) };
        let schema = match schema(self.lake, object).await? {
            Ok(schema) => schema,
            Err(reason) => return Ok(Err(reason)),
        };
        let change = Change::of(&schema, &shape);
        let learned = headers.iter().any(|header| shape.column(header).is_some());
        Ok(Ok((!change.is_none() || learned).then_some(change)))
    }

    /// A partition as it would be written today, and the headers that have found their column.
    #[allow(clippy::type_complexity, reason = "one call, from one place")]
    async fn renewed(&self, object: &Object) -> Result<Result<Option<(Renewed, Bytes, BTreeSet<String>)>, String>> {
        let path = object.path.clone();
        let Some(found) = self.lake.read(&path).await? else { return Ok(Err("it is not there".to_string())) };
        if Sum::of(&found.bytes).sha256 != object.sha256 {
            return Ok(Err("it is not what the ledger says; `usagelake verify` has more".to_string()));
        }
        let work = move || -> Result<Option<(Renewed, Bytes, BTreeSet<String>)>> {
            let table = path.split('/').nth(1).unwrap_or_default();
            let Some(shape) = Shape::of(table) else { return Ok(None) };
            let old = older::rows(&path, found.bytes.clone())?;
            let today = older::today(&shape, &old)?;
            let file = shape.encode(&today.rows, codec(&found.bytes).unwrap_or_default())?;
            if file == found.bytes {
                return Ok(None);
            }
            let Sum { size, sha256 } = Sum::of(&file);
            let object = Object { path, size, sha256, rows: today.rows.num_rows() as u64 };
            let had = old.schema().fields().iter().map(|f| f.name().clone()).collect();
            Ok(Some((Renewed { object, had, left: today.left }, file, today.learned)))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Err(e)) if e.kind() == Kind::Contract => Ok(Err(e.to_string())),
            Ok(done) => done.map(Ok),
            Err(e) => Err(Error::new(Kind::Lake, "the work has stopped").because(e)),
        }
    }

    /// Puts partitions: the note, the objects, the ledger.
    async fn put(&self, ledger: &mut Ledger, waiting: Vec<(Renewed, Bytes)>) -> Result<()> {
        let (Some(place), false) = (self.place, waiting.is_empty()) else { return Ok(()) };
        let (lake, layout, guard) = (&place.lake, &place.layout, &place.guard);
        let noted = |(renewed, _): &(Renewed, Bytes)| {
            let Object { path, sha256, .. } = renewed.object.clone();
            Noted { path, sha256, slices: say(ledger, renewed) }
        };
        let renewed = waiting.iter().map(noted).collect();
        let note = Note { ledger: ledger.report().to_string(), renewed };
        let key = layout.migrating();
        lake.replace(&key, serde_json::to_vec(&note).unwrap_or_default().into(), guard).await?;
        for (renewed, file) in waiting {
            lake.replace(&renewed.object.path, file, guard).await?;
        }
        ledger.save(lake, layout, guard).await?;
        lake.delete(&key, guard).await
    }
}

/// The columns of a file, out of its last bytes; or why they cannot be told.
async fn schema(lake: &Lake, object: &Object) -> Result<Result<Schema, String>> {
    let mut want = FOOTER;
    loop {
        let from = object.size.saturating_sub(want);
        let Some(tail) = lake.range(&object.path, from..object.size).await? else {
            return Ok(Err("it is not there".to_string()));
        };
        let mut reader = ParquetMetaDataReader::new();
        match reader.try_parse_sized(&tail, object.size).and_then(|()| reader.finish()) {
            Err(ParquetError::NeedMoreData(more)) if from > 0 => want = (want * 2).max(more as u64),
            Err(e) => return Ok(Err(format!("it is no Parquet file: {e}"))),
            Ok(metadata) => {
                let file = metadata.file_metadata();
                let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
                return Ok(schema.map_err(|e| format!("its columns cannot be read: {e}")));
            }
        }
    }
}

/// Says in the ledger, in memory, what an object is now, and of the answers in it what is no news any more. Answers the slices
/// that have changed.
fn say(ledger: &mut Ledger, renewed: &Renewed) -> Vec<Slice> {
    let Renewed { object, had, left } = renewed;
    let shape = Shape::of(object.path.split('/').nth(1).unwrap_or_default());
    // Of a month that several answers filled, the latest word counts.
    let latest = ledger.latest(&object.path);
    let mut changed = Vec::new();
    ledger.mend(|slice| {
        let Some(at) = slice.objects.iter().position(|o| o.path == object.path) else { return false };
        let before = slice.clone();
        if Some(&slice.published_at) == latest.as_ref() {
            slice.objects[at].clone_from(object);
        }
        if let Some(shape) = shape.as_ref().filter(|s| at == 0 && s.tells_drift()) {
            drift(slice, shape, had, left);
        }
        let differs = *slice != before;
        changed.extend(differs.then(|| slice.clone()));
        differs
    });
    changed
}

/// Which headers of an answer are unknown by now, and which columns it lacks.
fn drift(slice: &mut Slice, shape: &Shape, had: &BTreeSet<String>, left: &BTreeSet<String>) {
    let column = |header: &String| shape.column(header).map(|at| shape.schema.field(at).name().clone());
    let found: BTreeSet<String> = slice.unknown_headers.iter().filter_map(column).collect();
    let lacked = |name: &String| (!had.contains(name) || slice.missing_columns.contains(name)) && !found.contains(name);
    let columns = shape.schema.fields().iter().take(shape.kinds.len()).map(|f| f.name().clone());
    slice.missing_columns = columns.filter(lacked).collect();
    slice.unknown_headers.retain(|header| column(header).is_none() || left.contains(header));
}
