//! Tables, rebuilt from raw without asking Graph: byte for byte what they were, or what the catalog has learned since.
//!
//! Answers are read again in the order in which they were published. A detail's partition is replaced whole; the months of
//! a merged table are merged in memory from nothing and put once, so that nobody sees half of it. What has no raw any more
//! stays as it is published. The ledger is amended where bytes have changed, and only there. A replay that was killed goes
//! on with the tables that it had not finished.

mod details;
mod directory;
mod merged;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::land::Place;
use super::report::stamp;
use super::{Begun, new_id};
use crate::catalog::directory::{Listing, from_files, listings};
use crate::catalog::{Merge, Report};
use crate::config::{Codec, RawPolicy};
use crate::day::{Clock, Day};
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;
use crate::ledger::{Ledger, Manifest, Object, Slice, Status};

/// What is to be rebuilt.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The reports.
    pub reports: Vec<&'static Report>,
    /// Whether the tables of the directory are rebuilt too.
    pub directory: bool,
    /// Only partitions of this day or month and later ones.
    pub from: Option<Day>,
    /// Only partitions up to this day or its month.
    pub to: Option<Day>,
}

impl Scope {
    fn has(&self, day: Day) -> bool {
        self.from.is_none_or(|from| day >= from) && self.to.is_none_or(|to| day <= to)
    }

    fn has_month(&self, month: Day) -> bool {
        self.from.is_none_or(|from| month >= from.month()) && self.to.is_none_or(|to| month <= to)
    }
}

/// What became of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Replayed {
    /// The table, or the list of the directory.
    pub table: String,
    /// Answers that were read again.
    pub answers: u64,
    /// Answers whose raw is not there any more; what is published of them stays.
    pub without_raw: u64,
    /// Partitions that were put.
    pub partitions: u64,
    /// Of them those that have other bytes than the ledger said.
    pub changed: u64,
    /// Rows in them.
    pub rows: u64,
    /// What has changed, as it is now.
    #[serde(skip)]
    objects: Vec<Object>,
}

/// How far a replay has come.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// What it was told, so that another replay does not go on with it.
    scope: String,
    /// Tables that are done.
    done: BTreeSet<String>,
}

/// Rebuilds tables of a tenant. `watch` hears of each that is done.
pub async fn replay(
    lake: &Lake,
    tenant: &str,
    scope: &Scope,
    codec: Codec,
    clock: Clock,
    watch: &(dyn Fn(&Replayed) + Sync),
) -> Result<Vec<Replayed>> {
    let guard = lake.lock(tenant).await?;
    let done = match Place::new(lake, tenant, guard.clone(), codec, RawPolicy::Off).await {
        Ok(place) => all(&place, scope, clock, watch).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    done
}

async fn all(place: &Place, scope: &Scope, clock: Clock, watch: &(dyn Fn(&Replayed) + Sync)) -> Result<Vec<Replayed>> {
    let run = new_id(clock);
    let mut begun = Begun::mark(place, &run, clock).await?;
    let mark = place.layout.replay();
    let told = told(scope, codec_word(place.codec));
    let mut progress: Progress = match place.lake.read(&mark).await? {
        Some(found) => serde_json::from_slice(&found.bytes).unwrap_or_default(),
        None => Progress::default(),
    };
    if progress.scope != told {
        progress = Progress { scope: told, done: BTreeSet::new() };
    }
    let (known, keys) = Ledger::every(&place.lake, &place.layout).await?;
    let (mut done, mut ledgers) = (Vec::new(), Vec::new());
    for what in everything(scope) {
        let name = what.name();
        if progress.done.contains(&name) || !known.contains(&name) {
            continue;
        }
        let mut ledger = Ledger::load_all(&place.lake, &place.layout, &name, &keys).await?;
        let rebuilt = match what {
            What::Report(report) if report.merge == Merge::Replace => {
                details::rebuild(place, report, scope, &mut ledger).await
            }
            What::Report(report) => merged::rebuild(place, report, scope, &mut ledger).await,
            What::List(listing) => directory::rebuild(place, listing, scope, &mut ledger).await,
        };
        let replayed = rebuilt.map_err(|e| e.with("table", &name))?;
        ledger.save(&place.lake, &place.layout, &place.guard).await?;
        watch(&replayed);
        done.push(replayed);
        ledgers.push(ledger);
        progress.done.insert(name);
        let text = serde_json::to_vec(&progress).unwrap_or_default();
        place.lake.replace(&mark, text.into(), &place.guard).await?;
    }
    begun.settle(place, &run, clock, false).await?;
    let mut manifest = Manifest::after(&place.lake, &place.layout, &ledgers, &run, begun.interrupted).await?;
    done.iter().flat_map(|t: &Replayed| &t.objects).for_each(|object| manifest.insert(object));
    manifest.write(&place.lake, &place.layout, &place.guard, &run, &stamp(clock)).await?;
    place.lake.delete(&mark, &place.guard).await?;
    begun.end(place).await?;
    Ok(done)
}

/// Something with a ledger of its own.
#[derive(Clone, Copy)]
enum What {
    Report(&'static Report),
    List(&'static Listing),
}

impl What {
    fn name(self) -> String {
        match self {
            What::Report(report) => report.table(),
            What::List(listing) => listing.name().to_string(),
        }
    }
}

fn everything(scope: &Scope) -> Vec<What> {
    let lists = listings().chain(from_files()).filter(|_| scope.directory).map(What::List);
    scope.reports.iter().copied().map(What::Report).chain(lists).collect()
}

fn told(scope: &Scope, codec: String) -> String {
    let reports: Vec<String> = scope.reports.iter().map(|r| r.table()).collect();
    format!("{} {} {:?} {:?} {codec}", reports.join(" "), scope.directory, scope.from, scope.to)
}

fn codec_word(codec: Codec) -> String {
    serde_json::to_string(&codec).unwrap_or_default()
}

/// The published slices of a ledger, without those that retention took, in the order in which they were published.
fn in_order(ledger: &Ledger) -> Vec<Slice> {
    let mut slices: Vec<Slice> =
        ledger.slices().filter(|s| s.status == Status::Landed && s.taken_on.is_none()).cloned().collect();
    slices.sort_by(|a, b| (&a.published_at, a.day, a.window).cmp(&(&b.published_at, b.day, b.window)));
    slices
}

/// A raw answer as it is kept, compressed; none where it is not there any more.
pub(super) async fn kept(place: &Place, raw: Option<&Object>) -> Result<Option<bytes::Bytes>> {
    let Some(raw) = raw else { return Ok(None) };
    let Some(found) = place.lake.read(&raw.path).await? else { return Ok(None) };
    let sha256 = crate::lake::hex(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&found.bytes));
    if sha256 != raw.sha256 {
        return Err(Error::new(Kind::Lake, "a raw answer is not what was received")
            .with("object", &raw.path)
            .hint("restore it, or leave its report out; `usagelake verify` names all that have changed"));
    }
    Ok(Some(found.bytes))
}
