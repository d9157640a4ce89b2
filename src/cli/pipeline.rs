//! From arguments to a pipeline and an open lake.

use super::{ConfigArgs, LakeArgs};
use crate::config::{Codec, File, Marts, Pipeline, RawPolicy, Reader, Retention};
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

/// How marts are built: as the pipeline file says, where there is one.
pub(super) fn marts_options(config: &ConfigArgs) -> Result<Marts> {
    if config.config.exists() { File::read(&config.config)?.marts() } else { Ok(Marts::default()) }
}

/// What restricted readers of the Power BI project may see: as the pipeline file says, where there is one.
pub(super) fn readers(config: &ConfigArgs) -> Result<Vec<Reader>> {
    if config.config.exists() { Ok(File::read(&config.config)?.powerbi.readers) } else { Ok(Vec::new()) }
}

/// How Parquet is compressed: as the pipeline file says, where there is one.
pub(super) fn codec(config: &ConfigArgs) -> Result<Codec> {
    if config.config.exists() { Ok(File::read(&config.config)?.codec) } else { Ok(Codec::default()) }
}

/// How long raw is kept: as the pipeline file says, where there is one.
pub(super) fn raw_policy(config: &ConfigArgs) -> Result<RawPolicy> {
    if !config.config.exists() {
        return Ok(RawPolicy::Keep);
    }
    File::read(&config.config)?.raw.as_deref().map_or(Ok(RawPolicy::Keep), RawPolicy::parse)
}

/// How long tables are kept: as the pipeline file says, where there is one.
pub(super) fn retention(config: &ConfigArgs) -> Result<Retention> {
    if config.config.exists() {
        Retention::resolve(&File::read(&config.config)?.retention)
    } else {
        Ok(Retention::default())
    }
}

/// Days before a day is lost on which that is an alarm: as the pipeline file says, where there is one.
pub(super) fn warn_days(config: &ConfigArgs) -> Result<i32> {
    let file = if config.config.exists() { File::read(&config.config)? } else { File::parse("")? };
    Ok(file.guards()?.warn_days)
}

/// Opens a lake that must be there already, and of a layout that this version knows.
pub(super) async fn existing(address: &str) -> Result<Lake> {
    let path = std::path::Path::new(address);
    if !address.contains("://") && !path.exists() {
        return Err(Error::new(Kind::Usage, format!("there is no lake at `{address}`"))
            .hint("name it with `--lake`, or make one with `usagelake demo`"));
    }
    let lake = Lake::open(address)?;
    lake.is_known().await?;
    Ok(lake)
}

/// The tenants that the lake has a ledger of.
pub(super) async fn tenants(lake: &Lake) -> Result<Vec<String>> {
    let mut tenants: Vec<String> = lake
        .list("_usagelake/ledger")
        .await?
        .into_iter()
        .filter_map(|(key, _)| Some(key.split_once("tenant=")?.1.split('/').next()?.to_string()))
        .collect();
    tenants.dedup();
    if tenants.is_empty() {
        return Err(Error::new(Kind::Usage, "the lake has no tenant yet")
            .with("lake", lake.address())
            .hint("fill it with `usagelake run` or `usagelake import`"));
    }
    Ok(tenants)
}

/// The tenant that a command for one of them means: `--tenant`, else the only one that the lake has.
pub(super) async fn one_tenant(lake: &Lake, args: &LakeArgs) -> Result<String> {
    let tenants = tenants(lake).await?;
    match (&args.tenant, tenants.as_slice()) {
        (Some(named), all) if all.contains(named) => Ok(named.clone()),
        (None, [only]) => Ok(only.clone()),
        (named, all) => {
            let what = match named {
                Some(named) => format!("the lake has no tenant `{named}`"),
                None => "the lake has several tenants".to_string(),
            };
            Err(Error::new(Kind::Usage, what).hint(format!("name one with `--tenant`: {}", all.join(", "))))
        }
    }
}
