//! The marts of a tenant, built at the end of a night or by themselves.

use std::sync::Arc;

use crate::config::{Codec, Marts, RawPolicy};
use crate::day::{Clock, Day};
use crate::engine::Limits;
use crate::error::Result;
use crate::forget::Forgotten;
use crate::lake::{Guard, Lake, Layout};
use crate::ledger::{Horizon, Manifest, SharedManifest};
use crate::marts::{Erase, Frozen, Job, Models, Record, Sources, State, build};

use super::land::Place;
use super::report::stamp;
use super::{Begun, new_id};

/// What a build of marts is told.
pub struct MartsJob<'a> {
    /// Where the lake is.
    pub lake: &'a Lake,
    /// The tenant's partition value.
    pub tenant: &'a str,
    /// The models.
    pub models: &'a Models,
    /// How they are built.
    pub options: &'a Marts,
    /// How Parquet is compressed.
    pub codec: Codec,
    /// Only these months; empty for all.
    pub months: Vec<Day>,
    /// Whether what has not changed is built too.
    pub full: bool,
    /// Whether months that are not built again are looked through for people who are forgotten, also where they were before.
    pub again: bool,
    /// The time.
    pub clock: Clock,
}

/// Builds the marts of a tenant over the tables that its manifest names, and notes them there.
pub async fn build_marts(job: &MartsJob<'_>) -> Result<Record> {
    let guard = job.lake.lock(job.tenant).await?;
    let result = match Place::new(job.lake, job.tenant, guard.clone(), job.codec, RawPolicy::Off).await {
        Ok(place) => locked(job, &place).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    result
}

async fn locked(job: &MartsJob<'_>, place: &Place) -> Result<Record> {
    let (lake, layout, guard) = (&place.lake, &place.layout, &place.guard);
    let run = new_id(job.clock);
    let mut begun = Begun::mark(place, &run, job.clock).await?;
    begun.settle(place, &run, job.clock, false).await?;
    let mut manifest = Manifest::after(lake, layout, &[], &run, begun.interrupted).await?;
    let record = upon(&mut manifest, job, layout, guard, place.horizon.clone()).await?;
    manifest.write(lake, layout, guard, &run, &stamp(job.clock)).await?;
    begun.end(place).await?;
    Ok(record)
}

/// Builds the marts over the tables of `manifest` and puts them into it; what is before `horizon` stays as it is. The state is written whatever happens.
pub(super) async fn upon(
    manifest: &mut Manifest,
    job: &MartsJob<'_>,
    layout: &Layout,
    guard: &Guard,
    horizon: Horizon,
) -> Result<Record> {
    let today = job.clock.today();
    let mut state = State::read(job.lake, layout).await?;
    let told = &job.options.told;
    let mut sources = Sources::of(job.lake, layout, manifest, told, today, &state.coverage, horizon).await?;
    let people = Forgotten::read(job.lake, layout).await?;
    let frozen = Frozen { erase: people.map(|list| list as Arc<dyn Erase>), again: job.again };
    let build_job = Job {
        lake: job.lake,
        layout,
        guard,
        codec: job.codec,
        models: job.models,
        limits: Limits::from(job.options),
        today,
        months: &job.months,
        full: job.full,
        frozen: &frozen,
    };
    let before = state.clone();
    let built = build(&build_job, &mut sources, &mut state, &Default::default()).await;
    state.write(job.lake, layout, guard, &before, manifest).await?;
    // After the objects that it names; also where a lake of before does not have it.
    SharedManifest::of(state.published()).write(job.lake, layout, guard).await?;
    manifest.set_marts(state.published());
    built
}
