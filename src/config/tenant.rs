//! Tenants: which directory, in which cloud, how to sign in, and how fast to ask.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretFrom;
use crate::error::{Error, Kind, Result};

/// CSV requests that Graph allows for one report function, application and tenant, and the time in which it does.
/// Source: Microsoft Graph throttling limits, Microsoft 365 reports.
pub const PACE: (u32, Duration) = (14, Duration::from_secs(600));

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

impl TenantFile {
    /// Checks it and makes it whole.
    pub(super) fn resolve(self, name: String) -> Result<Tenant> {
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
    let parsed = url::Url::parse(url).map_err(|e| Error::new(Kind::Config, "an address is none").because(e))?;
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        // Only where it leads: what else an address has may be a credential.
        scheme => {
            Err(Error::new(Kind::Config, format!("`{scheme}://{}` is not https", parsed.host_str().unwrap_or("…")))
                .hint("a token goes there: use https, or http on 127.0.0.1 for an emulator"))
        }
    }
}

/// Whether an address points at this machine.
pub fn is_loopback(url: &str) -> bool {
    let url = url::Url::parse(url);
    match url.as_ref().ok().and_then(url::Url::host) {
        Some(url::Host::Domain(d)) => d.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(a)) => a.is_loopback(),
        Some(url::Host::Ipv6(a)) => a.is_loopback(),
        None => false,
    }
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
