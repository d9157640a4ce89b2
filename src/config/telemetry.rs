//! `[telemetry]`: figures of each run for those who watch many programs. Both ways are off by default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{SecretFrom, check_endpoint};
use crate::error::{Error, Kind, Result};

/// `[telemetry]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelemetryFile {
    /// A file that gets the figures of each run in the text format of Prometheus, for node_exporter's textfile collector.
    #[serde(default)]
    pub prometheus: Option<PathBuf>,
    /// An OpenTelemetry collector that gets traces and metrics by OTLP over HTTP: `http://127.0.0.1:4318`.
    #[serde(default)]
    pub otlp: Option<String>,
    /// Headers that the collector wants, by where their values are: `{ Authorization = { env = "OTLP_AUTHORIZATION" } }`.
    #[serde(default)]
    pub otlp_headers: BTreeMap<String, SecretFrom>,
}

/// Who gets the figures of runs, checked.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// The file for Prometheus.
    pub prometheus: Option<PathBuf>,
    /// The collector.
    pub otlp: Option<Otlp>,
    /// All tenants of the pipeline file, whether the command line names them or not: of others the file tells nothing.
    pub tenants: Vec<String>,
}

/// An OpenTelemetry collector.
#[derive(Debug, Clone)]
pub struct Otlp {
    /// Its address; `v1/traces` and `v1/metrics` follow.
    pub address: Url,
    /// Names of headers and where their values are.
    pub headers: BTreeMap<String, SecretFrom>,
}

impl TelemetryFile {
    /// Checks what can be checked without the network.
    pub(super) fn resolve(self, tenants: Vec<String>) -> Result<Telemetry> {
        let otlp = match self.otlp {
            None => None,
            Some(address) => Some(Otlp { address: collector(&address)?, headers: self.otlp_headers }),
        };
        Ok(Telemetry { prometheus: self.prometheus, otlp, tenants })
    }
}

/// The collector's address. What is wrong with it is said without it, since it may hold a credential.
fn collector(address: &str) -> Result<Url> {
    let wrong = |what: &str| {
        Error::new(Kind::Config, format!("`otlp` under `[telemetry]` {what}")).hint(
            "write it like `otlp = \"https://collector.example.com:4318\"`; credentials belong into `otlp_headers`",
        )
    };
    check_endpoint(address).map_err(|_| wrong("is no https address, nor http on 127.0.0.1"))?;
    let url = Url::parse(address).map_err(|_| wrong("is no address"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds more than where the collector is"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::*;

    fn telemetry(text: &str) -> Result<Telemetry> {
        File::parse(text).and_then(|f| f.telemetry.resolve(Vec::new()))
    }

    #[test]
    fn nothing_is_told_unless_it_is_asked_for() {
        let t = telemetry("").unwrap();
        assert!(t.prometheus.is_none() && t.otlp.is_none());
    }

    #[test]
    fn a_collector_is_https_and_has_its_credentials_elsewhere() {
        assert!(telemetry("[telemetry]\notlp = 'http://127.0.0.1:4318'").unwrap().otlp.is_some());
        assert!(telemetry("[telemetry]\notlp = 'https://otlp.example.com/api'").is_ok());
        for bad in
            ["http://otlp.example.com", "https://me:hunter2@otlp.example.com", "https://x.example.com/?key=hunter2"]
        {
            let e = telemetry(&format!("[telemetry]\notlp = '{bad}'")).unwrap_err();
            assert_eq!(e.kind(), Kind::Config, "{bad}");
            assert!(!format!("{e:?}").contains("hunter2"), "{e:?}");
        }
        let e = telemetry("[telemetry]\notlp_headers = { Authorization = 'Bearer hunter2' }").unwrap_err();
        assert!(!format!("{e:?}").contains("hunter2"), "{e:?}");
    }
}
