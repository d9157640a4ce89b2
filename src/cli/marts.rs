//! `usagelake marts`

use clap::Args;
use serde::Serialize;

use super::pipeline::{codec, existing, lake_address, marts_options, tenants};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::day::Day;
use crate::error::Result;
use crate::marts::{Models, Record};
use crate::night::{MartsJob, build_marts};

/// What to build.
#[derive(Args)]
pub(super) struct Marts {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// What answers the SQL
    #[arg(long, value_name = "ENGINE", default_value = "embedded", value_parser = engine)]
    engine: String,
    /// Only these months, `YYYY-MM`, of models that have months
    #[arg(long, value_name = "MONTH", num_args = 1.., value_parser = month)]
    month: Vec<Day>,
    /// Build what has not changed too
    #[arg(long)]
    full: bool,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

fn engine(text: &str) -> Result<String, String> {
    match text {
        "embedded" => Ok(text.to_string()),
        _ => Err("this version has the engine `embedded` alone".to_string()),
    }
}

fn month(text: &str) -> Result<Day, String> {
    let day: Day = if text.len() == 7 { format!("{text}-01").parse()? } else { text.parse()? };
    Ok(day.month())
}

#[derive(Serialize)]
struct Document<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    record: Record,
}

impl Marts {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let options = marts_options(&self.config)?;
        let models = Models::configured(&options)?;
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        tracing::debug!("engine {}", self.engine);
        let named: Vec<String> = match &self.lake.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => tenants(&lake).await?,
        };
        lake.prepare().await?;
        let (mut exit, mut documents) = (Exit::Done, Vec::new());
        for tenant in &named {
            let job = MartsJob {
                lake: &lake,
                tenant,
                models: &models,
                options: &options,
                codec: codec(&self.config)?,
                months: self.month.clone(),
                full: self.full,
                again: false,
                clock: clock(self.today),
            };
            let record = build_marts(&job).await.map_err(|e| e.with("tenant", tenant))?;
            if !record.whole() {
                exit = if record.models.is_empty() && exit == Exit::Done { Exit::Failed } else { Exit::Partial };
            }
            if !json {
                summary(tenant, &record, "");
            }
            documents.push(Document { tenant, record });
        }
        if json {
            output::document(&documents);
        }
        Ok(exit)
    }
}

/// Says what was built, to stderr; with `would be ` before the verb, what would be.
pub(super) fn summary(tenant: &str, record: &Record, would: &str) {
    for problem in &record.problems {
        output::say(&format!("failed: {}: {}", problem.model, problem.message));
        if let Some(hint) = &problem.hint {
            output::say(&format!("  hint: {hint}"));
        }
    }
    let built: u64 = record.models.iter().map(|m| m.built).sum();
    let removed = match record.removed() {
        0 => String::new(),
        n => format!(" {} without a row left,", output::count(n)),
    };
    output::say(&format!(
        "{tenant}: marts: {} {would}built, {} new,{removed} {} unchanged, {:.1} s",
        output::plural(built, "partition"),
        output::count(record.published()),
        output::count(record.unchanged),
        record.seconds,
    ));
    if !record.renewed.is_none() {
        output::say(&format!(
            "{tenant}: marts: {} of months that are not built again {would}written anew: {} and {} of people who are forgotten taken out",
            output::plural(record.renewed.partitions, "partition"),
            output::plural(record.renewed.rows, "row"),
            output::plural(record.renewed.cells, "cell"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_named_by_any_day_of_them() {
        assert_eq!(month("2026-03").unwrap().to_string(), "2026-03-01");
        assert_eq!(month("2026-03-17").unwrap().to_string(), "2026-03-01");
        assert!(month("2026-3").is_err() && month("2026-13").is_err());
    }
}
