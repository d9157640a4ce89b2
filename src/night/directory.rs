//! The directory of a night: its lists, one after the other, beside the reports.
//!
//! A list is read whole or not at all: nothing is published before its last page was read and every table of it was
//! made. Then the pages appear in raw, then the tables, then the ledger's line. Pages are turned into rows as they come,
//! so that a list of many people is never held as JSON.

use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::land::Raw;
use super::record::{Outcome, Problem, ReportRecord, ends_the_run};
use super::report::{Night, stamp};
use crate::catalog::directory::{Listing, Table, from_files};
use crate::config::RawPolicy;
use crate::day::Window;
use crate::error::{Error, Kind, Result};
use crate::forget::{self, Sieve, Source};
use crate::ledger::{Availability, Ledger, Names, Object, Slice, Status};
use crate::normalise::directory::{Reader, Rows, Told, product_names};
use crate::plan::ListingPlan;
use crate::tables::publish::read_as;
use crate::tables::shape::Shape;
use crate::tables::state;

/// What the directory has of one list: nothing is published of it yet.
struct Read {
    rows: Vec<Rows>,
    told: Told,
    raw: Raw,
    /// Entities that were somebody's who is forgotten.
    forgotten: u64,
    /// Addresses of such people that are somebody else's by now.
    given_away: Vec<String>,
}

/// Microsoft's file of product names, read and checked.
pub struct ProductNames {
    listing: &'static Listing,
    page: Value,
}

impl ProductNames {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<ProductNames> {
        let about = |e: Error| e.with("file", path.display());
        let bytes = std::fs::read(path).map_err(|e| {
            Error::new(Kind::Config, "cannot read the file of product names")
                .with("file", path.display())
                .because(e)
                .hint("mend `product_names` under `[licenses]`, or leave it out")
        })?;
        ProductNames::of(&bytes).map_err(about)
    }

    /// Those of the bytes of a file.
    pub fn of(bytes: &[u8]) -> Result<ProductNames> {
        let listing = from_files().next().ok_or_else(|| Error::new(Kind::Config, "no table takes product names"))?;
        Ok(ProductNames { listing, page: product_names::page(listing, bytes)? })
    }

    /// The list that the file stands for.
    pub fn listing(&self) -> &'static Listing {
        self.listing
    }
}

/// Extracts one list. An error here ends the run; what concerns the list alone is in its record.
pub async fn extract(
    night: &Night<'_>,
    plan: &ListingPlan,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
) -> Result<()> {
    if plan.request.is_none() {
        return Ok(());
    }
    record.asked = 1;
    let (began, before) = (SystemTime::now(), record.counts());
    let (listing, today) = (plan.listing, night.clock.today());
    let read = ask(night, listing, record).await;
    let published = match read {
        Ok(read) => publish(night, listing, read, ledger, record).await,
        Err(e) => Err(e),
    };
    if let Err(e) = published {
        if ends_the_run(e.kind()) {
            return Err(e);
        }
        let mut problem = Problem::new(Some(Window::Present), &e);
        if (e.kind() == Kind::Permission || e.kind().is_state()) && !ledger.standing.ever_landed {
            let availability = match e.kind() {
                Kind::Permission => Availability::NotPermitted,
                Kind::NotReady => Availability::NotReady,
                _ => Availability::NotEnabled,
            };
            ledger.standing.is(availability, today, Some(e.to_string()));
            record.outcome = Outcome::NotServed;
            let leave =
                format!("or leave `{}` out of `include` under `[directory]`: reports need it not", listing.include());
            problem.hint = Some(problem.hint.map_or(leave.clone(), |hint| format!("{hint}; {leave}")));
        } else {
            record.failed = 1;
            let mut slice = night.slice(Window::Present, today, Status::Failed);
            slice.reason = Some(e.to_string());
            ledger.record(slice);
        }
        record.problems.push(problem);
    }
    record.asked_for(Window::Present, began, &before);
    ledger.save(&night.place.lake, &night.place.layout, &night.place.guard).await?;
    record.settle();
    record.trail.end(began);
    Ok(())
}

/// Publishes the file of product names. It costs nobody a request, so it is looked at in every run, but never for a month
/// that may be closed.
pub async fn names(
    night: &Night<'_>,
    names: &ProductNames,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
) -> Result<()> {
    if ledger.standing.asked(Window::Present).is_some_and(|a| a.on > night.clock.today()) {
        return Ok(());
    }
    record.asked = 1;
    let mut list = List::begin(night, names.listing)?;
    list.page(names.page.clone()).await?;
    publish(night, names.listing, list.end().await?, ledger, record).await?;
    record.settle();
    Ok(())
}

/// A list while its pages come.
struct List {
    reader: Reader,
    raw: Raw,
    sieve: Option<Sieve>,
    given_away: Vec<String>,
}

impl List {
    fn begin(night: &Night<'_>, listing: &'static Listing) -> Result<List> {
        let name = format!("{}.json.zst", night.answer_name());
        let key = night.place.layout.raw(listing.name(), Window::Present, &name);
        let raw = Raw::begin(night.place, key, night.place.raw != RawPolicy::Off)?;
        let sieve = night.place.sieve(Source::Listing(listing), Some(night.clock.today()));
        Ok(List { reader: Reader::new(listing, night.clock.today()), raw, sieve, given_away: Vec::new() })
    }

    /// Takes a page: into raw as one line, and into rows.
    async fn page(&mut self, mut page: Value) -> Result<()> {
        if let Some(sieve) = &mut self.sieve {
            self.given_away.extend(sieve.page(&mut page));
        }
        let mut line = serde_json::to_vec(&page).unwrap_or_default();
        line.push(b'\n');
        self.raw.write(&Bytes::from(line)).await?;
        self.reader.page(&page)
    }

    async fn end(self) -> Result<Read> {
        match self.reader.finish() {
            Ok((rows, told)) => {
                let forgotten = self.sieve.map_or(0, |sieve| sieve.dropped());
                Ok(Read { rows, told, raw: self.raw, forgotten, given_away: self.given_away })
            }
            Err(e) => {
                self.raw.abort().await;
                Err(e)
            }
        }
    }
}

/// Asks for all pages of a list.
async fn ask(night: &Night<'_>, listing: &'static Listing, record: &mut ReportRecord) -> Result<Read> {
    let mut list = List::begin(night, listing)?;
    let mut pages = night.client.pages(&listing.path(), &listing.permissions())?;
    let all = async {
        loop {
            let page = pages.next().await;
            record.trail.sent(pages.take_sent());
            match page? {
                Some(page) => list.page(page).await?,
                None => return Ok(()),
            }
        }
    };
    let all: Result<()> = all.await;
    record.attempts += u64::from(pages.attempts());
    record.waited_seconds += pages.waited().as_secs_f64();
    match all {
        Ok(()) => list.end().await,
        Err(e) => {
            list.raw.abort().await;
            Err(e.with("list", listing.name()))
        }
    }
}

/// Publishes a list that was read whole, and writes the ledger.
async fn publish(
    night: &Night<'_>,
    listing: &'static Listing,
    read: Read,
    ledger: &mut Ledger,
    record: &mut ReportRecord,
) -> Result<()> {
    let Read { rows, told, raw, forgotten, given_away } = read;
    let (place, today) = (night.place, night.clock.today());
    let (bytes, sha256) = raw.digest();
    let mut slice = night.slice(Window::Present, today, Status::Landed);
    (slice.forgotten, record.forgotten) = (forgotten, forgotten);
    (slice.rows, slice.bytes, slice.sha256, slice.rejected_cells) = (told.entities, bytes, sha256, told.rejected_cells);
    slice.unknown_headers = told.unknown_properties.iter().cloned().collect();
    slice.missing_columns = rows.iter().flat_map(|r| missing(r, listing)).collect();
    (record.bytes, record.rejected_cells) = (bytes, told.rejected_cells);
    record.drift(&slice.unknown_headers, &slice.missing_columns);

    if told.entities == 0 {
        // An empty list never replaces one that has entities.
        raw.abort().await;
        record.empty = 1;
        slice.status = Status::Empty;
    } else {
        if listing.names_people() {
            slice.names = Names::Named;
        }
        let files = match files(night, rows).await {
            Ok(files) => files,
            Err(e) => {
                raw.abort().await;
                return Err(e);
            }
        };
        let before = ledger.slices().find(|s| s.status == Status::Landed && s.sha256 == slice.sha256).cloned();
        // The same pages are kept once, unless the older ones are deleted when their time is over.
        slice.raw = match before.as_ref().and_then(|b| b.raw.as_ref()).filter(|_| place.raw == RawPolicy::Keep) {
            Some(kept) => {
                raw.abort().await;
                Some(kept.clone())
            }
            None => raw.finish(&place.guard, told.entities).await?,
        };
        for (object, bytes) in files {
            if latest(ledger, &object.path) != Some(&object) {
                place.lake.replace(&object.path, bytes, &place.guard).await?;
                record.published += 1;
            }
            slice.objects.push(object);
        }
        // All files of the month are of this night, put or found to be the same.
        slice.published_at = stamp(night.clock);
        slice.published_by = night.run.to_string();
        slice.rejects =
            super::rejects::write(place, listing.name(), Window::Present, &told.rejects, &slice.sha256, night.run)
                .await?;
        if before.is_some() {
            record.unchanged = 1;
        } else {
            (record.landed, record.rows) = (1, told.entities);
        }
        ledger.standing.ever_landed = true;
    }
    let given = forget::given_away(&place.lake, &place.layout, &place.guard, &given_away, today).await?;
    if given > 0 {
        tracing::info!("{given} addresses of people who are forgotten are somebody else's from today on");
    }
    ledger.standing.is(Availability::Served, today, None);
    ledger.standing.answered(Window::Present, today, None);
    ledger.record(slice);
    night.save(ledger).await
}

/// The files of all tables of a list, each with its object. A table of which the list says nothing has none: what is
/// published of it stays.
async fn files(night: &Night<'_>, rows: Vec<Rows>) -> Result<Vec<(Object, Bytes)>> {
    let (place, month) = (night.place, night.clock.today().month());
    let mut files = Vec::new();
    for Rows { table, batch, known, .. } in rows {
        if !known {
            continue;
        }
        let path = place.layout.monthly(&table.table, month);
        let old = match table.grows() {
            true => {
                place.lake.read(&path).await?.map(|f| read_as(&Shape::of_state(table), &path, f.bytes)).transpose()?
            }
            false => None,
        };
        let _permit =
            night.landing.acquire().await.map_err(|e| Error::new(Kind::Lake, "the run is ending").because(e))?;
        let codec = place.codec;
        let made = tokio::task::spawn_blocking(move || state::file(table, &batch, old.as_ref(), codec)).await;
        let file = made.unwrap_or_else(|e| Err(Error::new(Kind::Lake, "the encoder stopped").because(e)))?;
        let sha256 = crate::lake::hex(Sha256::new_with_prefix(&file.bytes));
        files.push((Object { path, size: file.bytes.len() as u64, sha256, rows: file.rows }, file.bytes));
    }
    Ok(files)
}

/// What the ledger says is published at `path`.
fn latest<'a>(ledger: &'a Ledger, path: &str) -> Option<&'a Object> {
    let of = |s: &'a Slice| s.objects.iter().find(|o| o.path == path).map(|o| (s.published_at.as_str(), o));
    ledger.slices().filter_map(of).max_by_key(|(at, _)| *at).map(|(_, object)| object)
}

/// Columns whose property no entity had, with their table where it is not the list's first.
fn missing(rows: &Rows, listing: &Listing) -> Vec<String> {
    let first = listing.tables.first().is_some_and(|t: &&Table| t.table == rows.table.table);
    let name = |column: &String| if first { column.clone() } else { format!("{}.{column}", rows.table.table) };
    rows.missing.iter().map(name).collect()
}
