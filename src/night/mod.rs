//! The nightly job: plan, extract, land, publish, ledger, marts, manifest, record. One tenant at a time.
//!
//! It promises that a report's failure takes no other report down, that what is published stays until something better
//! is, and that a kill at any instant costs work and never data. It prints nothing.

mod directory;
mod forget;
pub mod hooks;
mod import;
pub mod land;
mod legacy;
mod marts;
mod migrate;
mod orphan;
pub mod record;
mod rejects;
mod release;
mod replay;
mod report;
mod retention;
pub mod trail;
mod under_way;

pub use directory::ProductNames;
pub use forget::{ForgetJob, Forgot, forget};
pub use import::{File, Imported, Options as ImportOptions, import};

pub use marts::{MartsJob, build_marts};
pub use migrate::{MigrateJob, Migrated, Migration, migrate};
pub use release::{Choice, Released, held, release};
pub use replay::{Replayed, Scope, replay};
pub use retention::outlook;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use futures::StreamExt;
use tokio::sync::Semaphore;

use crate::catalog::Report;
use crate::catalog::directory::Listing;
use crate::config::{Codec, Guards, Marts, RawPolicy, Retention, Tenant};
use crate::day::Clock;
use crate::error::{Error, Kind, Result};
use crate::graph::Client;
use crate::lake::{Guard, Lake, Layout};
use crate::ledger::{Ledger, Manifest, Names};
use crate::marts::Models;
use crate::plan::{Expiring, ListingPlan, ReportPlan, Wishes, expires_soon, plan};
use land::Place;
use record::{RunRecord, overall};
use report::{Night, extract, stamp};
use trail::{Step, Stretch};
use under_way::SoFar;

/// How many answers are landed at once. Each holds a row group and a few parts: this bounds memory, not requests.
const LANDING: usize = 4;
/// How many ledgers are loaded at once.
const LOADING: usize = 16;

/// What a run is told.
pub struct Job<'a> {
    /// Where the lake is.
    pub lake: &'a Lake,
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The reports.
    pub reports: &'a [&'static Report],
    /// The lists of the directory.
    pub directory: &'a [&'static Listing],
    /// Microsoft's names of licences, where the pipeline names the file.
    pub product_names: Option<&'a ProductNames>,
    /// What is wanted beside what is due.
    pub wishes: Wishes,
    /// How Parquet is compressed.
    pub codec: Codec,
    /// Whether raw is kept.
    pub raw: RawPolicy,
    /// When an answer is held.
    pub guards: &'a Guards,
    /// How long tables and marts are kept.
    pub retention: &'a Retention,
    /// The models of the marts and how they are built; none where the night builds none.
    pub marts: Option<(&'a Models, &'a Marts)>,
    /// The time.
    pub clock: Clock,
}

/// Something that happened, for whoever watches.
pub enum Event<'a> {
    /// The plan is made; the run begins.
    Planned(&'a [ReportPlan]),
    /// A report has ended.
    Ended(&'a record::ReportRecord),
    /// A list of the directory has ended.
    Listed(&'a record::ReportRecord),
}

/// Loads the ledgers of the reports.
pub async fn ledgers(lake: &Lake, tenant: &str, reports: &[&'static Report], clock: Clock) -> Result<Vec<Ledger>> {
    load(lake, tenant, reports.iter().map(|r| r.table()), clock).await
}

/// Loads the ledgers of lists of the directory and plans them.
pub async fn listings(
    lake: Option<&Lake>,
    tenant: &str,
    directory: &[&'static Listing],
    clock: Clock,
    wishes: Wishes,
) -> Result<Vec<(ListingPlan, Ledger)>> {
    let names = directory.iter().map(|l| l.name().to_string());
    let ledgers = match lake {
        Some(lake) => load(lake, tenant, names, clock).await?,
        None => names.map(|name| Ledger::empty(&name)).collect(),
    };
    let plan = |(list, ledger): (&&'static Listing, Ledger)| {
        (crate::plan::listing(list, &ledger, clock.today(), wishes), ledger)
    };
    Ok(directory.iter().zip(ledgers).map(plan).collect())
}

async fn load(lake: &Lake, tenant: &str, names: impl Iterator<Item = String>, clock: Clock) -> Result<Vec<Ledger>> {
    let layout = Layout::new(tenant);
    let today = clock.today();
    let loads = names.map(|name| {
        let layout = layout.clone();
        async move { Ledger::load(lake, &layout, &name, today).await }
    });
    futures::stream::iter(loads).buffered(LOADING).collect::<Vec<_>>().await.into_iter().collect()
}

/// Plans a night.
pub fn plans(reports: &[&'static Report], ledgers: &[Ledger], clock: Clock, wishes: Wishes) -> Vec<ReportPlan> {
    reports.iter().zip(ledgers).map(|(r, l)| plan(r, l, clock.today(), wishes)).collect()
}

/// Runs a night for one tenant. The lake must be prepared. An error means that the run could not go on; what was
/// published before it is in the ledger.
pub async fn run(job: &Job<'_>, watch: &(dyn Fn(Event<'_>) + Sync)) -> Result<RunRecord> {
    let guard = job.lake.lock(&job.tenant.name).await?;
    let result = locked(job, guard.clone(), watch).await;
    guard.release().await;
    result
}

async fn locked(job: &Job<'_>, guard: Guard, watch: &(dyn Fn(Event<'_>) + Sync)) -> Result<RunRecord> {
    let client = Client::new(job.tenant)?;
    let id = new_id(job.clock);
    let started_at = stamp(job.clock);
    let place = Place::new(job.lake, &job.tenant.name, guard, job.codec, job.raw).await?;
    let begun = Begun::mark(&place, &id, job.clock).await?;

    let ledgers = ledgers(job.lake, &job.tenant.name, job.reports, job.clock).await?;
    let plans = plans(job.reports, &ledgers, job.clock, job.wishes);
    watch(Event::Planned(&plans));
    let landing = Arc::new(Semaphore::new(LANDING));
    let night = Night {
        place: &place,
        guards: job.guards,
        client: &client,
        clock: job.clock,
        run: &id,
        landing,
        settled: AtomicU64::new(0),
    };
    let (so_far, lists_so_far) = (SoFar::default(), SoFar::default());
    let tasks = plans.iter().zip(ledgers).map(|(plan, mut ledger)| {
        let (night, so_far) = (&night, &so_far);
        async move {
            let mut under_way = so_far.begin(&plan.report.function);
            extract(night, plan, &mut ledger, &mut under_way.record).await?;
            watch(Event::Ended(&under_way.record));
            under_way.end(ledger);
            Ok::<_, Error>(())
        }
    });
    // Each function is paced by itself, so all go side by side; what bounds memory is the landing.
    let mut running = futures::stream::iter(tasks).buffer_unordered(job.reports.len().max(1));
    let reports = async {
        while let Some(ended) = running.next().await {
            ended?;
        }
        Ok(())
    };
    let concealed = async { Ok(concealed_names(&client).await) };
    // The reports come first: they wait for Graph's pace, and the directory is read meanwhile.
    let joined = tokio::try_join!(reports, directory(&night, job, watch, &lists_so_far), concealed);
    drop(running);
    let (concealed_names, lost) = match joined {
        Ok(((), (), concealed_names)) => (concealed_names, None),
        Err(e) => (None, Some(e)),
    };
    let (records, mut published) = so_far.close();
    let (lists, read) = lists_so_far.close();
    published.extend(read);
    let mut record = RunRecord {
        run: id.clone(),
        tenant: job.tenant.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        started_at,
        ended_at: stamp(job.clock),
        outcome: overall(records.iter().chain(&lists)),
        today: job.clock.today(),
        concealed_names: concealed_names.or_else(|| shown(&published, &id)),
        expires_soon: Vec::new(),
        lost: None,
        reports: records,
        directory: lists,
        taken: retention::Taken::default(),
        marts: None,
        steps: Vec::new(),
    };
    record.expiring(expiring(job, &published));
    let lost = match lost {
        None => conclude(job, &place, &published, begun, &mut record).await.err(),
        lost => lost,
    };
    if let Some(e) = lost {
        let came = night.settled.load(Ordering::Relaxed) > 0;
        record.lost(&e, came);
        record.ended_at = stamp(job.clock);
        // The mark of the run stays, so that the next makes the manifest whole. The lake may be what was lost.
        if let Err(e) = put(&place, &record).await {
            tracing::warn!("the record of the run could not be written: {e}");
        }
        // A night that brought nothing is its error.
        if !came {
            return Err(e);
        }
    }
    Ok(record)
}

/// What follows when all reports and lists have ended: marts, manifest, retention, record.
async fn conclude(
    job: &Job<'_>,
    place: &Place,
    published: &[Ledger],
    mut begun: Begun,
    record: &mut RunRecord,
) -> Result<()> {
    let (lake, layout, guard, id) = (&place.lake, &place.layout, &place.guard, record.run.clone());
    let mut began = SystemTime::now();
    let mut step = |record: &mut RunRecord, name: &'static str| {
        record.steps.push(Step { name, time: Stretch::since(began) });
        began = SystemTime::now();
    };
    let mut horizon = retention::moved(place, job.retention, job.clock.today());
    begun.settle(place, &id, job.clock, true).await?;
    let mut manifest = Manifest::after(lake, layout, published, &id, begun.interrupted).await?;
    if let Some((models, options)) = job.marts {
        let (tenant, codec, clock) = (job.tenant.name.as_str(), job.codec, job.clock);
        let marts =
            MartsJob { lake, tenant, models, options, codec, months: Vec::new(), full: false, again: false, clock };
        record.built(marts::upon(&mut manifest, &marts, layout, guard, horizon.clone()).await);
        step(record, "marts");
    }
    // The tables are published, whatever became of the marts.
    record.taken = retention::take(place, &mut horizon, Some(&mut manifest), job.clock.today()).await?;
    manifest.write(lake, layout, guard, &id, &stamp(job.clock)).await?;
    step(record, "manifest");
    let forgotten = retention::raw(place, job.clock).await?;
    tracing::info!("{forgotten} raw answers were older than the pipeline keeps");
    step(record, "retention");
    record.ended_at = stamp(job.clock);
    put(place, record).await?;
    begun.end(place).await
}

/// Writes the record of a run. Its key is its own, so nobody else's is replaced, whoever holds the tenant.
async fn put(place: &Place, record: &RunRecord) -> Result<()> {
    let text = serde_json::to_vec_pretty(record).unwrap_or_default();
    place.lake.put(&place.layout.run(&record.run), text.into()).await
}

/// Days of the run's reports that are about to be lost. A run that was told which days to ask for is not asked about others.
fn expiring(job: &Job<'_>, ledgers: &[Ledger]) -> Vec<Expiring> {
    if job.wishes.from.is_some() || job.wishes.to.is_some() {
        return Vec::new();
    }
    let (today, warn_days) = (job.clock.today(), job.guards.warn_days);
    let of = |report: &&'static Report| {
        let ledger = ledgers.iter().find(|l| l.report() == report.table());
        ledger.map(|l| expires_soon(report, l, today, warn_days)).unwrap_or_default()
    };
    job.reports.iter().flat_map(of).collect()
}

/// Reads the lists of the directory, one after the other, and the file of product names.
async fn directory(night: &Night<'_>, job: &Job<'_>, watch: &(dyn Fn(Event<'_>) + Sync), so_far: &SoFar) -> Result<()> {
    let (lake, tenant) = (job.lake, &job.tenant.name);
    for (plan, mut ledger) in listings(Some(lake), tenant, job.directory, job.clock, job.wishes).await? {
        let mut under_way = so_far.begin(plan.listing.name());
        directory::extract(night, &plan, &mut ledger, &mut under_way.record).await?;
        watch(Event::Listed(&under_way.record));
        under_way.end(ledger);
    }
    if let Some(names) = job.product_names {
        for mut ledger in load(lake, tenant, std::iter::once(names.listing().name().to_string()), job.clock).await? {
            let mut under_way = so_far.begin(names.listing().name());
            directory::names(night, names, &mut ledger, &mut under_way.record).await?;
            under_way.end(ledger);
        }
    }
    Ok(())
}

/// Whether the tenant conceals names. That it cannot be read is no failure: names are recognised in the reports, too.
async fn concealed_names(client: &Client) -> Option<bool> {
    match client.concealed_names().await {
        Ok(concealed) => concealed,
        Err(e) => {
            tracing::warn!("whether names are concealed cannot be read: {e}");
            None
        }
    }
}

/// Whether answers of a run show that names are concealed, where the setting could not be read.
fn shown(ledgers: &[Ledger], run: &str) -> Option<bool> {
    let read = || ledgers.iter().flat_map(|l| l.slices().chain(l.held())).filter(|s| s.run == run);
    let shows = |names: Names| read().any(|s| s.names == names);
    if shows(Names::Concealed) { Some(true) } else { shows(Names::Named).then_some(false) }
}

/// A run's id: when it began (UTC) and a random word.
fn new_id(clock: Clock) -> String {
    format!("{}-{:06x}", clock.now().format("%Y%m%dT%H%M%SZ"), fastrand::u32(..1 << 24))
}

/// The mark of a run that writes.
struct Begun {
    /// Whether the mark of another run was there: that run did not end.
    interrupted: bool,
    /// Whether something of that run waits for the next night, and so the mark does.
    waits: bool,
}

impl Begun {
    async fn mark(place: &Place, run: &str, clock: Clock) -> Result<Begun> {
        let key = place.layout.running();
        let interrupted = place.lake.read(&key).await?.is_some();
        if interrupted {
            let swept = place.lake.sweep(place.layout.tenant()).await;
            tracing::info!("the run before did not end; {swept} half-written files of it were deleted");
        }
        place.lake.replace(&key, run.to_string().into(), &place.guard).await?;
        place.lake.sweep_beside(&key).await;
        // Until it is over, objects are newer than ledger and manifest say, and nobody could build on them.
        migrate::go_on(place).await?;
        retention::go_on(place, clock.today()).await?;
        forget::go_on(place, run, clock).await?;
        Ok(Begun { interrupted, waits: false })
    }

    /// Sees to what the run before has left, where it did not end. After a night, which asks again for all that Graph still has,
    /// nothing waits any more; after anything else the rest waits for the next night.
    async fn settle(&mut self, place: &Place, run: &str, clock: Clock, night: bool) -> Result<()> {
        if self.interrupted {
            self.waits = orphan::settle(place, run, clock, night).await? > 0;
        }
        Ok(())
    }

    /// All is written. Where another run has taken the tenant over since, the mark is that one's.
    async fn end(self, place: &Place) -> Result<()> {
        if self.waits {
            return Ok(());
        }
        match place.lake.delete(&place.layout.running(), &place.guard).await {
            Err(e) if e.kind() == Kind::Locked => Ok(()),
            result => result,
        }
    }
}
