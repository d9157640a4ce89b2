//! Forgetting people: all that the lake knows of who they are, the list, the erasure, the marts, the proof.
//!
//! The list is put first: from then on no night, import, release or replay brings them back, whatever happens to the rest. A
//! run that was killed is gone on with by the next one, for the same people or for nobody in particular.

use serde::Serialize;

use super::land::Place;
use super::marts::upon;
use super::record::{MartsRecord, Problem};
use super::report::stamp;
use super::{Begun, MartsJob, new_id};
use crate::config::{Codec, Marts, RawPolicy};
use crate::day::Clock;
use crate::error::{Error, Kind, Result};
use crate::forget::{Erased, Eraser, Forgotten, Name, Person, Proof, UnderWay, prove, resolve};
use crate::lake::Lake;
use crate::ledger::Manifest;
use crate::marts::Models;

/// What is to be forgotten.
pub struct ForgetJob<'a> {
    /// Where the lake is.
    pub lake: &'a Lake,
    /// The tenant's partition value.
    pub tenant: &'a str,
    /// Who, each by one name; nobody, where those on the list are taken out again.
    pub given: &'a [Name],
    /// The models of the marts and how they are built.
    pub models: (&'a Models, &'a Marts),
    /// How the Parquet of marts is compressed.
    pub codec: Codec,
    /// Whether it is only said what would be done.
    pub dry_run: bool,
    /// The time.
    pub clock: Clock,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub struct Forgot {
    /// The tenant.
    pub tenant: String,
    /// The people, in the order in which they were named.
    #[serde(skip)]
    pub people: Vec<Person>,
    /// How many people the list has.
    pub listed: u64,
    /// What was taken out, or would be.
    pub erased: Erased,
    /// What was built of the marts, or would be; none where the lake has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marts: Option<MartsRecord>,
    /// What was searched, and what is left; none where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

impl Forgot {
    /// Whether nobody is left, as far as there is proof.
    pub fn whole(&self) -> bool {
        let marts = self.marts.as_ref().is_none_or(|m| m.failed.is_none() && m.built.whole());
        marts && self.erased.unreadable.is_empty() && self.proof.as_ref().is_none_or(|p| p.left.is_empty())
    }
}

/// Forgets people.
pub async fn forget(job: &ForgetJob<'_>) -> Result<Forgot> {
    let guard = job.lake.lock(job.tenant).await?;
    let done = match Place::new(job.lake, job.tenant, guard.clone(), job.codec, RawPolicy::Off).await {
        Ok(place) if job.dry_run => drafted(&place, job).await,
        Ok(place) => all(&place, job).await,
        Err(e) => Err(e),
    };
    guard.release().await;
    done
}

/// All of it, in a draft of the lake: what is counted is what would be done.
async fn drafted(place: &Place, job: &ForgetJob<'_>) -> Result<Forgot> {
    all(&Place { lake: place.lake.draft()?, ..place.clone() }, job).await
}

async fn all(place: &Place, job: &ForgetJob<'_>) -> Result<Forgot> {
    let (lake, layout) = (&place.lake, &place.layout);
    let people = resolve(lake, layout, job.models.0, job.given).await?;
    if job.given.is_empty() && place.forgotten.is_none() {
        return Err(Error::new(Kind::Usage, "nobody is forgotten yet, and nobody is named")
            .hint("name an address or an id with `--user`"));
    }
    let run = new_id(job.clock);
    let mut begun = Begun::mark(place, &run, job.clock).await?;
    let note = UnderWay { run: run.clone(), ..UnderWay::default() };
    lake.put(&layout.forgetting(), note.text()).await?;
    let list = match place.forgotten.clone().filter(|_| job.given.is_empty()) {
        Some(list) => list,
        None => Forgotten::add(lake, layout, &place.guard, &people, &run, &stamp(job.clock)).await?,
    };
    let (guard, drafted) = (Some(&place.guard), job.dry_run);
    let eraser = Eraser { lake, layout, guard, list: &list, run: &run, resumed: None, drafted };
    let erased = eraser.everything().await?;
    begun.settle(place, &run, job.clock, false).await?;
    // Ledgers have other bytes now, so what the manifest knows of them is gathered anew.
    let mut manifest = Manifest::after(lake, layout, &[], &run, true).await?;
    renew(&mut manifest, &erased);
    // Numbers of people follow as on any night, since what they were counted from has other bytes.
    let marts = match lake.has(&layout.marts_state()).await? {
        false => None,
        true => {
            let (models, options) = job.models;
            let (codec, clock) = (job.codec, job.clock);
            let marts = MartsJob {
                lake,
                tenant: job.tenant,
                models,
                options,
                codec,
                months: Vec::new(),
                full: false,
                again: true,
                clock,
            };
            Some(match upon(&mut manifest, &marts, layout, &place.guard, place.horizon.clone()).await {
                Ok(built) => MartsRecord { built, failed: None },
                Err(e) => MartsRecord { failed: Some(Problem::new(None, &e)), ..MartsRecord::default() },
            })
        }
    };
    manifest.write(lake, layout, &place.guard, &run, &stamp(job.clock)).await?;
    lake.delete(&layout.forgetting(), &place.guard).await?;
    begun.end(place).await?;
    let proof = if job.dry_run { None } else { Some(prove(lake, layout, &list, &people).await?) };
    let listed = list.people() as u64;
    Ok(Forgot { tenant: job.tenant.to_string(), people, listed, erased, marts, proof })
}

/// Goes on with an erasure that did not end: tables, raw, ledger and manifest. Marts follow when they are built next.
pub(super) async fn go_on(place: &Place, run: &str, clock: Clock) -> Result<()> {
    let (lake, layout) = (&place.lake, &place.layout);
    let Some(note) = UnderWay::read(lake, layout).await? else { return Ok(()) };
    tracing::warn!("somebody was being taken out of the lake, and that did not end: it is gone on with");
    if let Some(list) = &place.forgotten {
        let (guard, resumed) = (Some(&place.guard), Some(note));
        let eraser = Eraser { lake, layout, guard, list, run, resumed, drafted: false };
        let erased = eraser.everything().await?;
        let mut manifest = Manifest::after(lake, layout, &[], run, true).await?;
        renew(&mut manifest, &erased);
        manifest.write(lake, layout, &place.guard, run, &stamp(clock)).await?;
    }
    lake.delete(&layout.forgetting(), &place.guard).await
}

/// Says in a manifest what tables are now.
fn renew(manifest: &mut Manifest, erased: &Erased) {
    for (key, object) in &erased.tables {
        match object {
            Some(object) => manifest.insert(object),
            None => drop(manifest.objects.remove(key)),
        }
    }
}
