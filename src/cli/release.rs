//! `usagelake release`

use clap::Args;
use serde::Serialize;

use super::pipeline::{codec, existing, lake_address, one_tenant};
use super::run::clock;
use super::status::Held;
use super::{ConfigArgs, Exit, LakeArgs, WindowArgs, output};
use crate::config::select;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::night::{self, Choice, Released};

/// What to publish. Without arguments: what is held.
#[derive(Args)]
pub(super) struct Release {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Answers of these reports or workloads
    #[arg(long, value_name = "NAME", num_args = 1..)]
    report: Vec<String>,
    #[command(flatten)]
    window: WindowArgs,
    /// All held answers, or all that the other flags mean
    #[arg(long)]
    all: bool,
    /// Forget them instead of publishing them; what is published stays
    #[arg(long)]
    discard: bool,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

#[derive(Serialize)]
struct Document {
    held: Vec<Held>,
    released: Vec<Released>,
    discarded: Vec<Released>,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct Failed {
    error: String,
    hint: Option<String>,
}

impl Release {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let reports = match self.report.is_empty() {
            true => Vec::new(),
            false => select(&self.report, &[])?.into_iter().map(|r| r.function.clone()).collect(),
        };
        let mut document =
            Document { held: Vec::new(), released: Vec::new(), discarded: Vec::new(), failed: Vec::new() };
        let named = !reports.is_empty() && self.window.day.is_some();
        if self.all || named {
            let choice = Choice { reports, day: self.window.day, period: self.window.period };
            let codec = codec(&self.config)?;
            let done = night::release(&lake, &tenant, &choice, self.discard, codec, clock(self.today)).await?;
            if done.is_empty() && named {
                return Err(Error::new(Kind::Usage, "no guard holds such an answer")
                    .hint("`usagelake release` without arguments lists those that are held"));
            }
            for result in done {
                match result {
                    Ok(done) if self.discard => document.discarded.push(done),
                    Ok(done) => document.released.push(done),
                    Err(e) => {
                        if !json {
                            output::error(&e);
                        }
                        document.failed.push(Failed { error: e.to_string(), hint: e.hint_text().map(str::to_string) });
                    }
                }
            }
        } else if !self.report.is_empty() || self.window.day.is_some() || self.window.period.is_some() || self.discard {
            return Err(Error::new(Kind::Usage, "it is not said which held answers are meant")
                .hint("name them with `--report NAME --day DAY`, or mean all of them with `--all`"));
        }
        let held = night::held(&lake, &tenant).await?;
        document.held = held.into_iter().map(|(r, slice)| Held { report: r.function.clone(), slice }).collect();
        if json {
            output::document(&document);
        } else {
            document.show();
        }
        Ok(match (document.failed.is_empty(), document.released.is_empty()) {
            (true, _) => Exit::Done,
            (false, false) => Exit::Partial,
            (false, true) => Exit::Failed,
        })
    }
}

impl Document {
    fn show(&self) {
        let say = |what: &str, done: &Released| {
            let rows = output::plural(done.rows, "row");
            output::say(&format!("{what}: {} {} of {}, {rows}", done.report, done.window, done.day));
        };
        self.released.iter().for_each(|done| say("released", done));
        self.discarded.iter().for_each(|done| say("discarded", done));
        if !self.released.is_empty() {
            output::say("the marts follow with the next night, or with `usagelake marts`");
        }
        match self.held.is_empty() {
            true => output::say("nothing is held"),
            false => output::print(&Held::table(&self.held)),
        }
    }
}
