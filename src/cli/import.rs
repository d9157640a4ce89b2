//! `usagelake import`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::pipeline::lake_address;
use super::{ConfigArgs, Exit, LakeArgs, WindowArgs, output};
use crate::config::{Codec, RawPolicy, check_tenant};
use crate::day::Clock;
use crate::error::Result;
use crate::lake::Lake;
use crate::night::{self, Imported};

/// What to import.
#[derive(Args)]
pub(super) struct Import {
    /// CSV or JSON files as Graph or the admin center saves them, or CSV of the retired usage analytics app
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// The report, where neither the header nor the file's name says it
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    #[command(flatten)]
    window: WindowArgs,
    /// Whether the files are kept in raw/
    #[arg(long, value_enum, default_value = "keep")]
    raw: Raw,
    /// How Parquet is compressed
    #[arg(long, value_enum, default_value = "snappy")]
    codec: Codec,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Raw {
    Keep,
    Off,
}

#[derive(Serialize)]
struct Refused {
    file: String,
    error: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document {
    imported: Vec<Imported>,
    refused: Vec<Refused>,
}

impl Import {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let tenant = self.lake.tenant.clone().unwrap_or_else(|| "imported".to_string());
        check_tenant(&tenant)?;
        let lake = Lake::open(&lake_address(&self.config, &self.lake)?)?;
        let options = night::ImportOptions {
            report: self.report,
            day: self.window.day,
            period: self.window.period,
            raw: Some(if self.raw == Raw::Keep { RawPolicy::Keep } else { RawPolicy::Off }),
            codec: self.codec,
        };
        let results = night::import(&lake, &tenant, &self.files, &options, Clock::default()).await?;
        let mut document = Document { imported: Vec::new(), refused: Vec::new() };
        let mut usage_only = true;
        for (path, result) in results {
            match result {
                Ok(imported) => {
                    if !json {
                        say(&imported);
                    }
                    document.imported.push(imported);
                }
                Err(e) => {
                    usage_only &= Exit::of(&e) == Exit::Usage;
                    if !json {
                        output::error(&e);
                    }
                    let hint = e.hint_text().map(str::to_string);
                    document.refused.push(Refused { file: path.display().to_string(), error: e.to_string(), hint });
                }
            }
        }
        if json {
            output::document(&document);
        }
        Ok(match (document.imported.is_empty(), document.refused.is_empty()) {
            (_, true) => Exit::Done,
            (false, false) => Exit::Partial,
            (true, false) if usage_only => Exit::Usage,
            (true, false) => Exit::Failed,
        })
    }
}

fn say(i: &Imported) {
    let what = match (i.unchanged, i.rows) {
        (true, _) => "imported before, nothing changed".to_string(),
        (false, 0) => "no row in it, nothing changed".to_string(),
        (false, rows) => {
            format!("{} in {}", output::plural(rows, "row"), output::plural(i.partitions.len() as u64, "partition"))
        }
    };
    output::say(&format!("{}: {} ({what})", i.file, i.report));
    if !i.unknown_headers.is_empty() {
        let headers: Vec<String> = i.unknown_headers.iter().map(|h| format!("`{h}`")).collect();
        output::say(&format!("  the catalog does not know {}; kept in `unknown_columns`", headers.join(", ")));
    }
    if i.forgotten > 0 {
        output::say(&format!("  {} of people who are forgotten left out", output::plural(i.forgotten, "row")));
    }
    if i.rejected_cells > 0 {
        let cells = output::plural(i.rejected_cells, "cell");
        output::say(&format!("  {cells} did not parse; see `_usagelake/rejects` in the lake"));
    }
}
