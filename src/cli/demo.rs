//! `usagelake demo`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{Exit, output};
use crate::catalog::directory::{Listing, listings};
use crate::config::{
    Auth, Campaign, Codec, Endpoints, File, Guards, Marts, RawPolicy, Retention, Secret, SecretFrom, Tenant, select,
};
use crate::day::{Clock, Day};
use crate::emulator::{Emulator, Options};
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;
use crate::marts::Models;
use crate::night::record::{Outcome, RunRecord};
use crate::night::{self, Job, ProductNames};
use crate::plan::Wishes;

/// Days of the month on which there is a simulated night. Graph keeps 28 days, so none is missed; and what is read on the second
/// is of the last day of the month before, so that every month is complete.
const NIGHTS: [i32; 2] = [2, 17];
const TENANT: &str = "contoso";
/// What to try next. It names tables, so it stands with the data and not in the code.
const NEXT: &str = include_str!("../../pipelines/demo-next.txt");
const MARK: &str = "_usagelake/demo.json";
/// What the tenant's owner would tell: prices.
const PIPELINE: &str = include_str!("../../pipelines/demo.toml");
/// And what Microsoft's file of product names says of the licences that it has.
const PRODUCT_NAMES: &str = include_str!("../../pipelines/demo-product-names.csv");

/// What to make.
#[derive(Args)]
pub(super) struct Demo {
    /// Where the lake goes
    #[arg(long, value_name = "DIR", default_value = "./demo-lake")]
    out: PathBuf,
    /// People in the emulated tenant
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    users: u32,
    /// Days that are lived through, up to today
    #[arg(long, value_name = "N", default_value_t = 396, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The same seed makes the same tenant
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The table format
    #[arg(long, value_enum, default_value = "parquet")]
    format: TableFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum TableFormat {
    Parquet,
}

/// What a demo lake was made of, so that it is not mixed with another.
#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Mark {
    users: u32,
    days: u32,
    seed: u64,
    end: Day,
}

#[derive(Serialize)]
struct Document {
    lake: String,
    tenant: &'static str,
    nights: usize,
    from: Day,
    to: Day,
    tables: usize,
    rows: u64,
    partitions: u64,
    marts: usize,
    seconds: f64,
}

impl Demo {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let begun = Instant::now();
        let lake = Lake::open(&self.out.to_string_lossy())?;
        let mark = self.mark(&lake).await?;
        lake.prepare().await?;
        lake.put(MARK, serde_json::to_vec(&mark).unwrap_or_default().into()).await?;
        let nights = nights(mark.end, self.days);
        let first = nights.first().copied().unwrap_or(mark.end);
        let options = Options {
            users: self.users,
            days: self.days,
            seed: self.seed,
            end: mark.end,
            today: first,
            pace: false,
            ..Options::default()
        };
        let secret = options.secret.clone();
        let emulator = Emulator::start(options).await?;
        let tenant = tenant(emulator.url(), emulator.tenant_id(), secret);
        let reports = select(&["*".to_string()], &[])?;
        let directory: Vec<&Listing> = listings().collect();
        output::say(&format!(
            "an emulated tenant of {} people answers at {}; {} simulated nights from {first} to {}",
            output::count(u64::from(self.users)),
            emulator.url(),
            nights.len(),
            mark.end
        ));
        let product_names = ProductNames::of(PRODUCT_NAMES.as_bytes())?;
        let options = told(&emulator)?;
        let models = Models::configured(&options)?;
        let mut records = Vec::new();
        for today in &nights {
            emulator.set_today(*today);
            // Marts are what the tables of all nights make: once, at the end.
            let marts = (Some(today) == nights.last()).then_some((&models, &options));
            let job = Job {
                lake: &lake,
                tenant: &tenant,
                reports: &reports,
                directory: &directory,
                product_names: Some(&product_names),
                wishes: Wishes { reread_days: crate::config::REREAD_DAYS, ..Wishes::default() },
                codec: Codec::default(),
                raw: RawPolicy::Keep,
                guards: &Guards::default(),
                retention: &Retention::default(),
                marts,
                clock: Clock::on(*today),
            };
            let record = night::run(&job, &|_| ()).await?;
            output::say(&line(*today, &record));
            records.push(record);
        }
        emulator.stop().await;
        let failed = records.iter().any(|r| r.outcome != Outcome::Done);
        if failed {
            records.iter().filter(|r| r.outcome != Outcome::Done).for_each(super::run::summary);
        }
        let sum =
            |f: fn(&night::record::ReportRecord) -> u64| records.iter().flat_map(|r| &r.reports).map(f).sum::<u64>();
        let mut tables: Vec<&str> = Vec::new();
        records.iter().flat_map(|r| &r.reports).filter(|r| r.landed > 0).for_each(|r| tables.push(&r.report));
        tables.sort_unstable();
        tables.dedup();
        let document = Document {
            lake: lake.address().to_string(),
            tenant: TENANT,
            nights: nights.len(),
            from: first,
            to: mark.end,
            tables: tables.len(),
            rows: sum(|r| r.rows),
            partitions: sum(|r| r.published),
            marts: records
                .iter()
                .filter_map(|r| r.marts.as_ref())
                .flat_map(|m| &m.built.models)
                .filter(|m| models.is_mart(&m.model))
                .count(),
            seconds: (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        };
        if json {
            output::document(&document);
        } else {
            self.next(&document);
        }
        Ok(if failed { Exit::Partial } else { Exit::Done })
    }

    /// What the lake is made of: what this command says, or the same demo of before. Another lake is not touched.
    async fn mark(&self, lake: &Lake) -> Result<Mark> {
        let mine = Mark { users: self.users, days: self.days, seed: self.seed, end: Clock::default().today() };
        let found = lake.read(MARK).await?;
        let before: Option<Mark> = found.and_then(|f| serde_json::from_slice(&f.bytes).ok());
        match before {
            Some(before) if (before.users, before.days, before.seed) == (mine.users, mine.days, mine.seed) => {
                Ok(before)
            }
            None if lake.list("").await?.is_empty() => Ok(mine),
            _ => Err(Error::new(Kind::Usage, "there is something else in the folder already")
                .with("folder", self.out.display())
                .hint("name another folder with `--out`, or delete this one")),
        }
    }

    fn next(&self, d: &Document) {
        let out = self.out.display();
        output::print(&format!(
            "\n{} of {} in {}, {} from {} to {}, {}, {:.1} s\n\nin {}\n  tables/   typed Parquet, one folder a report\n  marts/    what they come to: usage, adoption, licences\n  marts_shared/  of them, what is safe to show\n  raw/      every answer as received\n  _usagelake/   ledger, manifest, run records",
            output::plural(d.rows, "row"),
            output::plural(d.tables as u64, "report"),
            output::plural(d.partitions, "partition"),
            output::plural(d.nights as u64, "night"),
            d.from,
            d.to,
            output::plural(d.marts as u64, "mart"),
            d.seconds,
            d.lake,
        ));
        output::print(&format!("\n{}", NEXT.trim_end().replace("{lake}", &out.to_string())));
    }
}

/// The simulated nights: two a month, and the last day.
fn nights(end: Day, days: u32) -> Vec<Day> {
    let lived = (0..=days as i32).rev().map(|n| end.plus(-n));
    lived.filter(|d| *d == end || NIGHTS.iter().any(|n| d.month().plus(n - 1) == *d)).collect()
}

/// How the marts are built: the pipeline file of the demo, and the campaigns that the emulated tenant ran.
fn told(emulator: &Emulator) -> Result<Marts> {
    let mut marts = File::parse(PIPELINE)?.marts()?;
    let campaigns = emulator.planted().campaigns.into_iter().map(|c| Campaign {
        name: c.name.to_string(),
        products: vec![c.product.truth_name().to_string()],
        attribute: "department".to_string(),
        value: c.department.to_string(),
        start: c.start,
        end: c.end,
    });
    marts.told.campaigns = campaigns.collect();
    Ok(marts)
}

/// A tenant of the embedded emulator.
fn tenant(url: &str, id: &str, secret: String) -> Tenant {
    Tenant {
        name: TENANT.to_string(),
        id: id.to_string(),
        auth: Auth::ClientSecret {
            client_id: "00000000-0000-0000-0000-000000000001".to_string(),
            secret: SecretFrom::Given(Secret::new(secret)),
        },
        endpoints: Endpoints { login: url.to_string(), graph: url.to_string(), ca: None },
        // The emulator of the demo has no pace limit: what is waited for in a night would make it last hours.
        pace: (1_000_000, Duration::from_secs(1)),
    }
}

fn line(today: Day, record: &RunRecord) -> String {
    let sum = |f: fn(&night::record::ReportRecord) -> u64| record.reports.iter().map(f).sum::<u64>();
    format!(
        "  night of {today}: {} asked, {} landed, {}",
        output::count(sum(|r| r.asked)),
        output::count(sum(|r| r.landed)),
        output::plural(sum(|r| r.rows), "row"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_day_is_missed_between_two_nights() {
        let end: Day = "2026-11-24".parse().unwrap();
        let nights = nights(end, 396);
        assert_eq!((nights.first(), nights.last()), (Some(&"2025-11-02".parse().unwrap()), Some(&end)));
        assert_eq!(nights.len(), 27);
        assert!(nights.windows(2).all(|w| w[1].since(w[0]) < crate::plan::WINDOW_DAYS - crate::plan::LAG_DAYS));
    }
}
