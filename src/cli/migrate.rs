//! `usagelake migrate`

use std::collections::BTreeSet;

use clap::Args;

use super::pipeline::{existing, lake_address, one_tenant};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::day::Day;
use crate::error::Result;
use crate::night::{self, MigrateJob, Migrated};

/// What to bring to today's form: all that a tenant has.
#[derive(Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

impl Migrate {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let watch = |table: &Migrated| {
            if !json {
                show(table);
            }
        };
        let (lake, tenant, clock) = (&lake, tenant.as_str(), clock(self.today));
        let migration = night::migrate(&MigrateJob { lake, tenant, dry_run: self.dry_run, clock }, &watch).await?;
        if json {
            output::document(&migration);
        } else {
            let changed: u64 = migration.tables.iter().map(|t| t.changed).sum();
            let word = if self.dry_run { "would be written anew" } else { "written anew" };
            output::say(&format!(
                "{tenant}: layout {}; {word}: {} in {}, {}; {} that the ledger did not name, {} kept twice",
                migration.layout_version,
                output::plural(changed, "partition"),
                output::plural(migration.tables.iter().filter(|t| t.changed > 0).count() as u64, "table"),
                output::plural(migration.ledgers, "object") + " of the ledger",
                output::plural(migration.answers, "answer"),
                output::count(migration.repeated),
            ));
            if changed > 0 && !self.dry_run {
                output::say("the marts follow with the next night, or with `usagelake marts`");
            }
        }
        Ok(if migration.whole() { Exit::Done } else { Exit::Partial })
    }
}

fn show(table: &Migrated) {
    let names = |word: &str, names: &BTreeSet<String>| match names.len() {
        0 => String::new(),
        _ => format!("; {word} {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    };
    output::say(&format!(
        "{}: {} of {}, {}{}{}{}{}",
        table.table,
        output::count(table.changed),
        output::plural(table.partitions, "partition"),
        output::plural(table.rows, "row"),
        names("new columns:", &table.added),
        names("no columns any more:", &table.gone),
        names("of another type:", &table.retyped),
        names("headers that have found their column:", &table.learned),
    ));
    for refused in &table.refused {
        output::say(&format!("refused, and as it was: {}: {}", refused.object, refused.reason));
    }
}
