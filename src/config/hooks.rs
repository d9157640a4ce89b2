//! `[hooks]`: who is told when a night did not go well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Secret, SecretFrom, check_endpoint};
use crate::error::{Error, Kind, Result};

/// Something that a hook may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// Nothing was published, or the run was lost on its way.
    Failure,
    /// Something was published, something else was not.
    Partial,
    /// A day that Graph still has and the lake lacks is about to be lost.
    Expiring,
    /// Answers have other columns than the catalog.
    Drift,
    /// A guard holds an answer.
    Held,
}

/// `[hooks]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HooksFile {
    /// What is told. Default: all of it.
    #[serde(default)]
    pub on: Option<Vec<Event>>,
    /// An https address that gets the document as POST, or where it is, since it may be a secret.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// A program and its arguments, which gets the document on stdin.
    #[serde(default)]
    pub command: Vec<String>,
}

/// A webhook's address, or where it is.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Webhook {
    /// The address itself.
    Address(String),
    /// Where it is.
    From(SecretFrom),
}

/// The hooks, checked.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// What is told.
    pub on: Vec<Event>,
    /// Where the webhook's address is.
    pub webhook: Option<SecretFrom>,
    /// A program and its arguments.
    pub command: Vec<String>,
}

impl HooksFile {
    /// Checks what can be checked without the network.
    pub(super) fn resolve(self) -> Result<Hooks> {
        let all = || vec![Event::Failure, Event::Partial, Event::Expiring, Event::Drift, Event::Held];
        let webhook = match self.webhook {
            None => None,
            Some(Webhook::From(place)) => Some(place),
            Some(Webhook::Address(address)) => {
                check_endpoint(&address).map_err(|_| {
                    Error::new(Kind::Config, "`webhook` under `[hooks]` is no https address")
                        .hint("write an https address, or where it is: `webhook = { env = \"MY_WEBHOOK\" }`")
                })?;
                Some(SecretFrom::Given(Secret::new(address)))
            }
        };
        Ok(Hooks { on: self.on.unwrap_or_else(all), webhook, command: self.command })
    }
}
