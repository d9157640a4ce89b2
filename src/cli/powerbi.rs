//! `usagelake powerbi`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::pipeline::{existing, lake_address, marts_options, one_tenant, readers};
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::error::Result;
use crate::marts::Models;
use crate::powerbi::report::keep_others;
use crate::powerbi::{Audience, Definitions, Project, SourceKind, reach, write};

/// Where Azure's own tools read the storage account.
const ACCOUNT: [&str; 2] = ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"];

/// Which project, and where it goes.
#[derive(Args)]
pub(super) struct Powerbi {
    /// The folder that the project is written to; what is there of an earlier writing is brought up to date
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write the project without people, over the aggregates that are safe to show
    #[arg(long)]
    shared: bool,
    /// The project's name: of its files, and in the workspace
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How Power BI reads the lake, where the lake's address does not say it
    #[arg(long, value_enum, value_name = "KIND")]
    source: Option<SourceKind>,
    /// The lake's address as Power BI sees it, where that is another: `https://…`, or a folder of the gateway
    #[arg(long, value_name = "URL")]
    root: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
}

impl Powerbi {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = lake_address(&self.config, &self.lake)?;
        // A project can be written where the lake cannot be reached.
        let tenant = match &self.lake.tenant {
            Some(tenant) => tenant.clone(),
            None => one_tenant(&existing(&lake).await?, &self.lake).await?,
        };
        let account = ACCOUNT.iter().find_map(|name| std::env::var(name).ok());
        let address = self.root.unwrap_or(lake);
        let (audience, name) =
            if self.shared { (Audience::Shared, "UsageShared") } else { (Audience::People, "Usage") };
        let project = Project {
            name: self.name.unwrap_or_else(|| name.to_string()),
            tenant,
            audience,
            source: reach(&address, self.source, account.as_deref())?,
            readers: readers(&self.config)?,
        };
        project.check()?;
        let models = Models::load(marts_options(&self.config)?.models.as_deref())?;
        let mut files = project.files(&Definitions::load()?, &models)?;
        keep_others(&project, &mut files, &self.out)?;
        let done = write(&project, &files, &self.out)?;
        let opens = self.out.join(format!("{}.pbip", project.name));
        if json {
            output::document(&json!({ "project": opens, "tenant": project.tenant, "files": done }));
        } else {
            output::say(&format!(
                "{}: {} written, {} as they were, {} removed; open `{}` in Power BI Desktop",
                project.tenant,
                output::plural(done.written as u64, "file"),
                output::count(done.unchanged as u64),
                output::count(done.removed as u64),
                opens.display()
            ));
        }
        Ok(Exit::Done)
    }
}
