//! The pipeline file: what the user wrote ([`File`]) and what the program uses ([`Pipeline`]).
//!
//! Two types, because a file may leave things out, name secrets by where they are, and be wrong; the pipeline is whole,
//! holds resolved secrets that print as `***`, and has been checked. Unknown keys are refused with the nearest known one.

mod guards;
mod hooks;
mod marts;
mod powerbi;
mod reports;
mod retention;
mod secret;
mod telemetry;
mod tenant;

pub use guards::{Contract, GuardName, Guards, GuardsFile};
pub use hooks::{Event, Hooks, HooksFile, Webhook};
pub use marts::{Campaign, Marts, MartsFile, Price, PrivacyFile, Thresholds, Told};
pub use powerbi::{PowerBiFile, PowerBiRefresh, Reader};
use reports::listings;
pub use reports::{DirectoryFile, ReportsFile, select};
pub use retention::{Keep, Retention};
pub use secret::{Secret, SecretFrom};
pub use telemetry::{Otlp, Telemetry, TelemetryFile};
pub use tenant::{Auth, Cloud, Endpoints, PACE, Pace, Tenant, TenantFile, check_endpoint, check_tenant, is_loopback};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::Report;
use crate::catalog::directory::Listing;
use crate::error::{Error, Kind, Result, nearest};

/// Days read again each night, since Graph completes and corrects the last days. Longer costs requests, shorter keeps
/// numbers that Graph has since corrected.
pub const REREAD_DAYS: u32 = 5;

/// A pipeline file as it is written.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the lake is: a path, or `file://`, `az://`, `abfss://`, `s3://`, `gs://`.
    #[serde(default)]
    pub lake: Option<String>,
    /// The table format: `parquet`.
    #[serde(default)]
    pub format: Format,
    /// Whether raw answers are kept: `keep`, `days:90` or `off`.
    #[serde(default)]
    pub raw: Option<String>,
    /// How Parquet is compressed.
    #[serde(default)]
    pub codec: Codec,
    /// How many of the last days are read again each night.
    #[serde(default)]
    pub reread_days: Option<u32>,
    /// How long tables are kept, and marts that are named: `36 months`, `400 days` or `forever`, by table, report, workload, mart or
    /// `*`. What is not named is kept for ever.
    #[serde(default)]
    pub retention: BTreeMap<String, String>,
    /// The tenants, by the name that becomes the partition value.
    #[serde(default)]
    pub tenant: BTreeMap<String, TenantFile>,
    /// Which reports.
    #[serde(default)]
    pub reports: ReportsFile,
    /// How the marts are built.
    #[serde(default)]
    pub marts: MartsFile,
    /// What licences cost, by SKU part number: `SPE_E5 = { month = 54.8, currency = "EUR" }`.
    #[serde(default)]
    pub prices: BTreeMap<String, Price>,
    /// Campaigns whose effect is measured.
    #[serde(default)]
    pub campaigns: Vec<Campaign>,
    /// How people are protected in what is shown.
    #[serde(default)]
    pub privacy: PrivacyFile,
    /// What is read of the directory.
    #[serde(default)]
    pub directory: DirectoryFile,
    /// What is known of licences beside what Graph says.
    #[serde(default)]
    pub licenses: LicensesFile,
    /// What the Power BI project needs to know.
    #[serde(default)]
    pub powerbi: PowerBiFile,
    /// When an answer is held until a person has looked.
    #[serde(default)]
    pub guards: GuardsFile,
    /// What becomes of answers with other columns than the catalog's, by report, table, workload or `*`.
    #[serde(default)]
    pub contracts: BTreeMap<String, Contract>,
    /// Who is told when a night did not go well.
    #[serde(default)]
    pub hooks: HooksFile,
    /// Who gets the figures of each run.
    #[serde(default)]
    pub telemetry: TelemetryFile,
}

/// The table format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Hive-partitioned Parquet, read by glob.
    #[default]
    Parquet,
}

/// How Parquet pages are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Read by every consumer that we know of.
    #[default]
    Snappy,
    /// Smaller; not documented for Synapse serverless.
    Zstd,
}

/// What is known of licences, as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LicensesFile {
    /// Microsoft's CSV of product names and service plan identifiers.
    #[serde(default)]
    pub product_names: Option<PathBuf>,
}

/// Whether raw answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawPolicy {
    /// For ever.
    Keep,
    /// For so many days.
    Days(u32),
    /// Not at all: tables cannot be rebuilt without Graph.
    Off,
}

/// A pipeline that has been checked and is whole.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Where the lake is.
    pub lake: String,
    /// Whether raw answers are kept.
    pub raw: RawPolicy,
    /// How Parquet is compressed.
    pub codec: Codec,
    /// How many of the last days are read again each night.
    pub reread_days: u32,
    /// How long tables and marts are kept.
    pub retention: Retention,
    /// The tenants.
    pub tenants: Vec<Tenant>,
    /// The reports, by function name.
    pub reports: Vec<&'static Report>,
    /// How the marts are built.
    pub marts: Marts,
    /// The lists of the directory.
    pub directory: Vec<&'static Listing>,
    /// Microsoft's file of product names.
    pub product_names: Option<PathBuf>,
    /// When an answer is held until a person has looked.
    pub guards: Guards,
    /// Who is told when a night did not go well.
    pub hooks: Hooks,
    /// Who gets the figures of each run.
    pub telemetry: Telemetry,
    /// The dataset of the project with people, refreshed after a night.
    pub refresh: Option<PowerBiRefresh>,
    /// The dataset of the shared project, likewise.
    pub refresh_shared: Option<PowerBiRefresh>,
}

impl File {
    /// Reads a pipeline file.
    pub fn read(path: &Path) -> Result<File> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::new(Kind::Config, "cannot read the pipeline file")
                .with("file", path.display())
                .because(e)
                .hint("name it with `--config FILE`, or copy `pipelines/nightly.toml` and edit it")
        })?;
        File::parse(&text).map_err(|e| e.with("file", path.display()))
    }

    /// Reads the text of a pipeline file. An unknown key is refused with its line and the nearest known key.
    pub fn parse(text: &str) -> Result<File> {
        toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map(|s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            let mut error =
                Error::new(Kind::Config, format!("the pipeline file is wrong: {}", without_value(e.message())));
            if let Some(line) = line {
                error = error.with("line", line);
            }
            match unknown_key(e.message()) {
                Some((key, known)) => match nearest(&key, known.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("the nearest known key to `{key}` is `{near}`")),
                    None => error.hint(format!("known keys here: {}", known.join(", "))),
                },
                None => error,
            }
        })
    }

    /// When an answer is held, and what is an alarm.
    pub fn guards(&self) -> Result<Guards> {
        self.guards.clone().resolve(self.contracts.clone())
    }

    /// How the marts are built, and what the file tells their models.
    pub fn marts(&self) -> Result<Marts> {
        self.marts.clone().resolve(self.prices.clone(), self.campaigns.clone(), &self.privacy)
    }

    /// Checks everything that can be checked without the network and makes the pipeline whole. `lake` and `tenants` are
    /// the command line's, which wins.
    pub fn resolve(self, lake: Option<&str>, tenants: &[String]) -> Result<Pipeline> {
        let marts = self.marts()?;
        let guards = self.guards()?;
        let hooks = self.hooks.resolve()?;
        let telemetry = self.telemetry.resolve(self.tenant.keys().cloned().collect())?;
        let retention = Retention::resolve(&self.retention)?;
        let raw = self.raw.as_deref().map_or(Ok(RawPolicy::Keep), RawPolicy::parse)?;
        let reports = select(self.reports.include.as_deref().unwrap_or(&["*".into()]), &self.reports.exclude)?;
        let directory = listings(self.directory.include.as_deref())?;
        for name in tenants {
            if !self.tenant.contains_key(name) {
                let known: Vec<&str> = self.tenant.keys().map(String::as_str).collect();
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("the nearest tenant of the pipeline file is `{near}`"),
                    None => format!("the pipeline file has: {}", known.join(", ")),
                };
                return Err(Error::new(Kind::Config, format!("there is no tenant `{name}`")).hint(hint));
            }
        }
        let tenants: Vec<Tenant> = self
            .tenant
            .into_iter()
            .filter(|(name, _)| tenants.is_empty() || tenants.contains(name))
            .map(|(name, t)| t.resolve(name))
            .collect::<Result<_>>()?;
        Ok(Pipeline {
            lake: lake.map(str::to_string).or(self.lake).unwrap_or_else(|| "./lake".into()),
            raw,
            codec: self.codec,
            reread_days: self.reread_days.unwrap_or(REREAD_DAYS).min(27),
            retention,
            tenants,
            reports,
            marts,
            directory,
            product_names: self.licenses.product_names,
            guards,
            hooks,
            telemetry,
            refresh: self.powerbi.refresh,
            refresh_shared: self.powerbi.refresh_shared,
        })
    }
}

impl RawPolicy {
    /// Reads `keep`, `off` or `days:N`.
    pub fn parse(text: &str) -> Result<RawPolicy> {
        match text {
            "keep" => Ok(RawPolicy::Keep),
            "off" => Ok(RawPolicy::Off),
            _ => text
                .strip_prefix("days:")
                .and_then(|n| n.parse().ok())
                .filter(|n| *n > 0)
                .map(RawPolicy::Days)
                .ok_or_else(|| {
                    Error::new(Kind::Config, format!("`raw = \"{text}\"` is not understood"))
                        .hint("write `keep`, `off` or `days:90`")
                }),
        }
    }
}

/// A message of the parser without the value that it quotes, where that may be a secret: a pipeline file names secrets by where
/// they are, but somebody may have written one into it.
fn without_value(message: &str) -> String {
    match message.rsplit_once("expected ") {
        Some((said, expected)) if said.starts_with("invalid type: string ") || expected.contains("`env`") => {
            format!("a value is not what belongs there, which is {expected}")
        }
        _ => message.to_string(),
    }
}

/// The key and the known keys in serde's message about an unknown field.
fn unknown_key(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_string).collect();
    Some((key.to_string(), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        lake = "./lake"
        [tenant.contoso]
        id = "contoso.onmicrosoft.com"
        auth = { method = "client-secret", client_id = "a", secret = { env = "X" } }
    "#;

    #[test]
    fn a_whole_file_resolves() {
        let p = File::parse(GOOD).unwrap().resolve(None, &[]).unwrap();
        assert_eq!(p.tenants[0].endpoints.graph, "https://graph.microsoft.com");
        assert_eq!(p.tenants[0].pace, PACE);
        assert_eq!(p.reread_days, REREAD_DAYS);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let e = File::parse("lakee = 'x'").unwrap_err();
        assert_eq!(e.kind(), Kind::Config);
        assert_eq!(e.hint_text(), Some("the nearest known key to `lakee` is `lake`"));
    }

    #[test]
    fn a_value_in_a_wrong_place_is_not_shown() {
        let auth = |secret: &str| GOOD.replace("{ env = \"X\" }", secret);
        for written in ["'hunter~2'", "['hunter~2']", "{ env = ['hunter~2'] }", "{ env = 'hunter~2' }"] {
            let e = File::parse(&auth(written)).and_then(|f| match &f.tenant["contoso"].auth {
                Auth::ClientSecret { secret, .. } => secret.read().map(drop),
                _ => Ok(()),
            });
            let said = format!("{:?} {:?}", e.as_ref().unwrap_err(), e.as_ref().unwrap_err().hint_text());
            assert!(!said.contains("hunter"), "{written}: {said}");
        }
    }

    #[test]
    fn the_directory_is_read_unless_left_out() {
        let names = |more: &str| {
            let pipeline = File::parse(&format!("{GOOD}\n{more}"))?.resolve(None, &[])?;
            Ok::<_, Error>(pipeline.directory.iter().map(|l| l.include()).collect::<Vec<_>>())
        };
        assert_eq!(names("").unwrap(), ["groups", "organization", "licenses", "users"]);
        assert_eq!(names("[directory]\ninclude = ['licenses']").unwrap(), ["licenses"]);
        assert!(names("[directory]\ninclude = []").unwrap().is_empty());
        let e = names("[directory]\ninclude = ['licences']").unwrap_err();
        assert_eq!((e.kind(), e.hint_text()), (Kind::Config, Some("the nearest is `licenses`")));
        assert!(names("[directory]\nincluded = []").is_err());
        assert!(names("[licenses]\nproduct_name = 'x'").is_err());
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        assert!(check_endpoint("http://127.0.0.1:4010").is_ok());
        assert!(check_endpoint("http://[::1]:4010").is_ok());
        assert!(check_endpoint("http://graph.example.com").is_err());
        assert!(check_endpoint("ftp://127.0.0.1").is_err());
        assert!(check_endpoint("https://graph.microsoft.com").is_ok());
    }

    #[test]
    fn tenant_names_are_partition_values() {
        assert!(check_tenant("contoso-eu1").is_ok());
        for bad in ["", "Contoso", "a/b", "a=b", "../x", &"a".repeat(64)] {
            assert!(check_tenant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
