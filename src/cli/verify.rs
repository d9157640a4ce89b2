//! `usagelake verify`

use clap::Args;

use super::pipeline::{existing, lake_address, marts_options, raw_policy, tenants};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::day::Day;
use crate::error::Result;
use crate::marts::Models;
use crate::verify::{Proof, verify};

/// What to prove.
#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

impl Verify {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let models = Models::load(marts_options(&self.config)?.models.as_deref())?;
        let raw = raw_policy(&self.config)?;
        let tenants = match &self.lake.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => tenants(&lake).await?,
        };
        let mut proofs = Vec::new();
        for tenant in tenants {
            let proof = verify(&lake, &tenant, &models, raw, clock(self.today).today()).await?;
            if !json {
                show(&proof);
            }
            proofs.push(proof);
        }
        if json {
            output::document(&proofs);
        }
        Ok(if proofs.iter().all(|p| p.findings.is_empty()) { Exit::Done } else { Exit::Partial })
    }
}

fn show(proof: &Proof) {
    for finding in &proof.findings {
        let word = serde_json::to_value(finding.wrong).ok().and_then(|v| v.as_str().map(str::to_string));
        output::print(&format!("{}: {}: {}", word.unwrap_or_default(), finding.object, finding.message));
    }
    for note in &proof.notes {
        output::print(&format!("note: {}: {}", note.object, note.message));
    }
    let verdict = match proof.findings.len() {
        0 => "all is as the ledger says".to_string(),
        n => output::plural(n as u64, "finding"),
    };
    output::say(&format!(
        "{}: {} read, {} MiB, {}: {verdict}",
        proof.tenant,
        output::plural(proof.objects, "object"),
        output::count(proof.bytes >> 20),
        output::plural(proof.rows, "row"),
    ));
}
