//! `usagelake sql`

use std::collections::BTreeSet;

use clap::Args;

use super::pipeline::{existing, lake_address, marts_options, tenants};
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::error::Result;
use crate::lake::Layout;
use crate::ledger::Manifest;
use crate::marts::{Dialect, Models, views};

/// For which engine.
#[derive(Args)]
pub(super) struct Sql {
    /// The engine that will read the lake
    #[arg(long = "for", value_enum, value_name = "ENGINE")]
    engine: Dialect,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
}

impl Sql {
    pub(super) async fn run(self) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let models = Models::configured(&marts_options(&self.config)?)?;
        let mut folders: BTreeSet<String> = BTreeSet::new();
        for tenant in tenants(&lake).await? {
            let manifest = Manifest::read(&lake, &Layout::new(&tenant)).await?.unwrap_or_default();
            let folder = |key: &String| Some(key.split_once("/tenant=")?.0.to_string());
            folders.extend(manifest.objects.keys().filter_map(folder));
        }
        let text = views(self.engine, lake.address(), &models, |folder| folders.contains(folder));
        output::print(text.trim_end());
        Ok(Exit::Done)
    }
}
