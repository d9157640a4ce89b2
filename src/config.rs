//! The pipeline file: what the user wrote ([`File`]) and what the program uses ([`Pipeline`]).
//!
//! Two types, because a file may leave things out, name secrets by where they are, and be wrong; the pipeline is whole,
//! holds resolved secrets that print as `***`, and has been checked. Unknown keys are refused with the nearest known one.

mod marts;
mod powerbi;

pub use marts::{Campaign, Marts, MartsFile, Price, Thresholds, Told};
pub use powerbi::{PowerBiFile, PowerBiRefresh, Reader};

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::catalog::directory::Listing;
use crate::catalog::{self, Report, normalise};
use crate::error::{Error, Kind, Result, nearest};

/// Days read again each night, since Graph completes and corrects the last days. Longer costs requests, shorter keeps
/// numbers that Graph has since corrected.
pub const REREAD_DAYS: u32 = 5;
/// CSV requests that Graph allows for one report function, application and tenant, and the time in which it does.
/// Source: Microsoft Graph throttling limits, Microsoft 365 reports.
pub const PACE: (u32, Duration) = (14, Duration::from_secs(600));

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
    /// What is read of the directory.
    #[serde(default)]
    pub directory: DirectoryFile,
    /// What is known of licences beside what Graph says.
    #[serde(default)]
    pub licenses: LicensesFile,
    /// What the Power BI project needs to know.
    #[serde(default)]
    pub powerbi: PowerBiFile,
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

/// A tenant as it is written.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantFile {
    /// The directory: its id or one of its domains.
    pub id: String,
    /// The cloud that it lives in.
    #[serde(default)]
    pub cloud: Cloud,
    /// How to sign in.
    pub auth: Auth,
    /// Other addresses than the cloud's, for an emulator or a proxy.
    #[serde(default)]
    pub endpoints: Option<Endpoints>,
    /// How fast to ask.
    #[serde(default)]
    pub pace: Option<Pace>,
}

/// A Microsoft cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The global cloud, GCC included.
    #[default]
    Global,
    /// GCC High.
    UsGovL4,
    /// DoD.
    UsGovL5,
    /// 21Vianet.
    China,
}

/// How to sign in as an application.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Auth {
    /// An application and its secret.
    ClientSecret {
        /// The application's id.
        client_id: String,
        /// Where its secret is.
        secret: SecretFrom,
    },
    /// An application and a certificate with its private key (PEM, PKCS#8, RSA).
    Certificate {
        /// The application's id.
        client_id: String,
        /// The file with the certificate and, unless `key` names another, its private key.
        certificate: PathBuf,
        /// The file with the private key.
        #[serde(default)]
        key: Option<PathBuf>,
    },
    /// The identity of the Azure machine, app or container that this runs on.
    ManagedIdentity {
        /// The id of a user-assigned identity; the system's own otherwise.
        #[serde(default)]
        client_id: Option<String>,
    },
    /// A token of another issuer, as Kubernetes or GitHub hand it out in a file.
    WorkloadIdentity {
        /// The application's id; `AZURE_CLIENT_ID` otherwise.
        #[serde(default)]
        client_id: Option<String>,
        /// The token file, read anew each time; `AZURE_FEDERATED_TOKEN_FILE` otherwise.
        #[serde(default)]
        token_file: Option<PathBuf>,
    },
}

/// Where a secret is. It never stands in the pipeline file.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretFrom {
    /// In this environment variable.
    Env(String),
    /// In this file, without the line break at its end.
    File(PathBuf),
    /// Here: for a tenant that is made by the program and not by a file.
    #[serde(skip)]
    Given(Secret),
}

/// Addresses of the services, without a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// The sign-in service.
    pub login: String,
    /// Microsoft Graph.
    pub graph: String,
    /// A PEM file with a certificate authority to trust beside the machine's own.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// So many requests in so much time, for each report function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// How many.
    pub requests: u32,
    /// In how long: `10m`, `30s`.
    pub per: String,
}

/// Which reports, as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportsFile {
    /// Report names, table names, workloads, or `*` for all that are on by default.
    #[serde(default)]
    pub include: Option<Vec<String>>,
    /// Names or workloads to leave out.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// What is read of the directory, as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryFile {
    /// `users`, `licenses`, `organization`, `groups`: all of them by default, none where the list is empty.
    #[serde(default)]
    pub include: Option<Vec<String>>,
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
    /// What is refreshed after a night.
    pub refresh: Option<PowerBiRefresh>,
}

/// A tenant to extract from.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The partition value.
    pub name: String,
    /// The directory's id or domain.
    pub id: String,
    /// How to sign in.
    pub auth: Auth,
    /// Where the services are.
    pub endpoints: Endpoints,
    /// How fast to ask each report function.
    pub pace: (u32, Duration),
}

/// A secret: wiped when dropped, printed as `***`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `value`.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(value.into()))
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SecretFrom {
    /// Reads the secret. Fails where it is not there or empty; the error names the place and never the value.
    pub fn read(&self) -> Result<Secret> {
        let (value, place) = match self {
            SecretFrom::Given(secret) => return Ok(secret.clone()),
            SecretFrom::Env(name) => (std::env::var(name).ok(), format!("the environment variable `{name}`")),
            SecretFrom::File(path) => (std::fs::read_to_string(path).ok(), format!("the file `{}`", path.display())),
        };
        match value.map(|v| v.trim_end_matches(['\r', '\n']).to_string()) {
            Some(v) if !v.is_empty() => Ok(Secret::new(v)),
            _ => Err(Error::new(Kind::Config, format!("the secret is not in {place}"))
                .hint(format!("put the application's client secret into {place}"))),
        }
    }
}

impl Cloud {
    /// Where the cloud's services are. Source: Microsoft Graph national cloud deployments.
    pub fn endpoints(self) -> Endpoints {
        let (login, graph) = match self {
            Cloud::Global => ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
            Cloud::UsGovL4 => ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
            Cloud::UsGovL5 => ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
            Cloud::China => ("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
        };
        Endpoints { login: login.into(), graph: graph.into(), ca: None }
    }
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
            // A pipeline file names secrets by where they are, but somebody may have written one into it: the message
            // of the parser is kept, the text around it is not.
            let mut error = Error::new(Kind::Config, format!("the pipeline file is wrong: {}", e.message()));
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

    /// How the marts are built, and what the file tells their models.
    pub fn marts(&self) -> Result<Marts> {
        self.marts.clone().resolve(self.prices.clone(), self.campaigns.clone())
    }

    /// Checks everything that can be checked without the network and makes the pipeline whole. `lake` and `tenants` are
    /// the command line's, which wins.
    pub fn resolve(self, lake: Option<&str>, tenants: &[String]) -> Result<Pipeline> {
        let marts = self.marts()?;
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
            tenants,
            reports,
            marts,
            directory,
            product_names: self.licenses.product_names,
            refresh: self.powerbi.refresh,
        })
    }
}

impl TenantFile {
    fn resolve(self, name: String) -> Result<Tenant> {
        check_tenant(&name)?;
        let endpoints = self.endpoints.unwrap_or_else(|| self.cloud.endpoints());
        for url in [&endpoints.login, &endpoints.graph] {
            check_endpoint(url).map_err(|e| e.with("tenant", &name))?;
        }
        let pace = match self.pace {
            None => PACE,
            Some(p) => {
                let per = duration(&p.per).filter(|d| !d.is_zero() && p.requests > 0).ok_or_else(|| {
                    Error::new(Kind::Config, format!("`{}` requests in `{}` is no pace", p.requests, p.per))
                        .with("tenant", &name)
                        .hint("write it like `pace = { requests = 14, per = \"10m\" }`")
                })?;
                (p.requests, per)
            }
        };
        Ok(Tenant { name, id: self.id, auth: self.auth, endpoints, pace })
    }
}

/// Refuses a tenant name that is no partition value: `[a-z0-9-]`, 1 to 63 characters.
pub fn check_tenant(name: &str) -> Result<()> {
    let good = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good {
        return Ok(());
    }
    Err(Error::new(Kind::Config, format!("`{name}` is no tenant name"))
        .hint("use small letters, digits and `-`, at most 63: it becomes the partition `tenant=…`"))
}

/// Refuses an address that is not https, but for loopback.
pub fn check_endpoint(url: &str) -> Result<()> {
    let parsed =
        url::Url::parse(url).map_err(|e| Error::new(Kind::Config, format!("`{url}` is no address")).because(e))?;
    let loopback = match parsed.host() {
        Some(url::Host::Domain(d)) => d == "localhost",
        Some(url::Host::Ipv4(a)) => a.is_loopback(),
        Some(url::Host::Ipv6(a)) => a.is_loopback(),
        None => false,
    };
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err(Error::new(Kind::Config, format!("`{url}` is not https"))
            .hint("a token goes there: use https, or http on 127.0.0.1 for an emulator")),
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

/// The reports that names, workloads and `*` mean, by function name.
pub fn select(include: &[String], exclude: &[String]) -> Result<Vec<&'static Report>> {
    let excluded = expand(exclude)?;
    let mut reports = expand(include)?;
    reports.retain(|r| !excluded.contains(r));
    if reports.is_empty() {
        return Err(
            Error::new(Kind::Config, "no report is left to extract").hint("see `usagelake reports` for their names")
        );
    }
    Ok(reports)
}

fn expand(names: &[String]) -> Result<Vec<&'static Report>> {
    let mut found: Vec<&'static Report> = Vec::new();
    for name in names {
        let hits: Vec<&'static Report> = match name.as_str() {
            "*" => catalog::all().iter().filter(|r| r.default && r.verified).collect(),
            _ => match catalog::find(name) {
                Some(report) => vec![report],
                None => {
                    let wanted = normalise(name);
                    catalog::all()
                        .iter()
                        .filter(|r| normalise(&r.workload) == wanted && r.default && r.verified)
                        .collect()
                }
            },
        };
        if hits.is_empty() {
            let tables: Vec<String> =
                catalog::all().iter().flat_map(|r| [r.table(), r.function.clone(), r.workload.clone()]).collect();
            let near = nearest(name, tables.iter().map(String::as_str));
            return Err(Error::new(Kind::Config, format!("there is no report or workload `{name}`")).hint(
                match near {
                    Some(near) => format!("the nearest is `{near}`; `usagelake reports` lists all"),
                    None => "see `usagelake reports` for their names".to_string(),
                },
            ));
        }
        found.extend(hits);
    }
    found.sort_by(|a, b| a.function.cmp(&b.function));
    found.dedup();
    Ok(found)
}

/// The lists of the directory that are meant; all where none is named.
fn listings(include: Option<&[String]>) -> Result<Vec<&'static Listing>> {
    let Some(include) = include else { return Ok(catalog::directory::listings().collect()) };
    for name in include {
        let known: Vec<&str> = catalog::directory::listings().map(Listing::include).collect();
        if !known.contains(&name.as_str()) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("the nearest is `{near}`"),
                None => format!("there are: {}", known.join(", ")),
            };
            return Err(Error::new(Kind::Config, format!("the directory has no `{name}`")).hint(hint));
        }
    }
    Ok(catalog::directory::listings().filter(|l| include.iter().any(|name| name == l.include())).collect())
}

/// Reads `90s`, `10m`, `2h`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let n: u64 = text[..text.len() - unit.len_utf8()].trim().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    n.checked_mul(seconds).map(Duration::from_secs)
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
