//! `usagelake replay`

use clap::Args;

use super::pipeline::{codec, existing, lake_address, one_tenant};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::catalog;
use crate::config::select;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::night::{self, Replayed, Scope};

/// What to rebuild. Without arguments: every table.
#[derive(Args)]
pub(super) struct Replay {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Only these reports or workloads; the directory is left out then
    #[arg(long, value_name = "NAME", num_args = 1..)]
    report: Vec<String>,
    /// Only partitions of this day or its month, and later ones
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Only partitions up to this day or its month
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

impl Replay {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Error::new(Kind::Usage, format!("`--from {from}` is after `--to {to}`")));
        }
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let reports = match self.report.is_empty() {
            true => catalog::all().iter().collect(),
            false => select(&self.report, &[])?,
        };
        let scope = Scope { reports, directory: self.report.is_empty(), from: self.from, to: self.to };
        let watch = |table: &Replayed| {
            if !json {
                output::say(&line(table));
            }
        };
        let done = night::replay(&lake, &tenant, &scope, codec(&self.config)?, clock(self.today), &watch).await?;
        if json {
            output::document(&done);
        } else {
            let sum = |f: fn(&Replayed) -> u64| done.iter().map(f).sum();
            output::say(&format!(
                "{tenant}: {} read again, {} of {} put, {} changed",
                output::plural(sum(|t| t.answers), "answer"),
                output::plural(sum(|t| t.partitions), "partition"),
                output::plural(done.len() as u64, "table"),
                output::count(sum(|t| t.changed)),
            ));
        }
        Ok(if done.iter().all(|t| t.without_raw == 0) { Exit::Done } else { Exit::Partial })
    }
}

fn line(table: &Replayed) -> String {
    let kept = match table.without_raw {
        0 => String::new(),
        n => format!("; {} without raw, published as before", output::plural(n, "answer")),
    };
    format!(
        "{}: {}, {}, {} changed{kept}",
        table.table,
        output::plural(table.answers, "answer"),
        output::plural(table.partitions, "partition"),
        output::count(table.changed),
    )
}
