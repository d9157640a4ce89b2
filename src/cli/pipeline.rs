//! From arguments to a pipeline and an open lake.

use super::{ConfigArgs, LakeArgs};
use crate::config::{File, Pipeline};
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;

/// Reads and resolves the pipeline file.
pub(super) fn pipeline(config: &ConfigArgs, lake: &LakeArgs) -> Result<Pipeline> {
    let tenants: Vec<String> = lake.tenant.iter().cloned().collect();
    let pipeline = File::read(&config.config)?.resolve(lake.lake.as_deref(), &tenants)?;
    if pipeline.tenants.is_empty() {
        return Err(Error::new(Kind::Config, "the pipeline file names no tenant")
            .with("file", config.config.display())
            .hint("add a table like `[tenant.contoso]`; `pipelines/nightly.toml` shows one"));
    }
    Ok(pipeline)
}

/// The lake that a command without a pipeline means: `--lake`, else the pipeline file's, else `./lake`.
pub(super) fn lake_address(config: &ConfigArgs, lake: &LakeArgs) -> Result<String> {
    if let Some(address) = &lake.lake {
        return Ok(address.clone());
    }
    if config.config.exists() {
        return Ok(File::read(&config.config)?.resolve(None, &[])?.lake);
    }
    Ok("./lake".to_string())
}

/// Opens a lake that must be there already.
pub(super) fn existing(address: &str) -> Result<Lake> {
    let path = std::path::Path::new(address);
    if !address.contains("://") && !path.exists() {
        return Err(Error::new(Kind::Usage, format!("there is no lake at `{address}`"))
            .hint("name it with `--lake`, or make one with `usagelake demo`"));
    }
    Lake::open(address)
}
