//! Secrets: never in a pipeline file, never printed.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

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
            SecretFrom::Env(name) if is_name(name) => {
                (std::env::var(name).ok(), format!("the environment variable `{name}`"))
            }
            // Somebody may have written the secret itself.
            SecretFrom::Env(_) => (None, "the environment: what `env` names is no variable's name".to_string()),
            SecretFrom::File(path) => (std::fs::read_to_string(path).ok(), format!("the file `{}`", path.display())),
        };
        match value.map(|v| v.trim_end_matches(['\r', '\n']).to_string()) {
            Some(v) if !v.is_empty() => Ok(Secret::new(v)),
            _ => {
                Err(Error::new(Kind::Config, format!("the secret is not in {place}"))
                    .hint(format!("put it into {place}")))
            }
        }
    }
}

/// Whether a text can be the name of an environment variable.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
