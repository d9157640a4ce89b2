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
            SecretFrom::Env(name) if looks_like_name(name) => {
                (std::env::var(name).ok(), format!("the environment variable `{name}`"))
            }
            // Somebody may have written the secret itself.
            SecretFrom::Env(name) => {
                let value = can_be_name(name).then(|| std::env::var(name).ok()).flatten();
                return kept(value).ok_or_else(|| {
                    Error::new(Kind::Config, "the secret is not in the environment variable that `env` names")
                        .hint("`env` has the name of a variable, such as `USAGELAKE_CLIENT_SECRET`, and not the secret itself")
                });
            }
            SecretFrom::File(path) => (std::fs::read_to_string(path).ok(), format!("the file `{}`", path.display())),
        };
        kept(value).ok_or_else(|| {
            Error::new(Kind::Config, format!("the secret is not in {place}")).hint(format!("put it into {place}"))
        })
    }
}

/// A secret as it was read, where it is one.
fn kept(value: Option<String>) -> Option<Secret> {
    let value = Zeroizing::new(value?);
    let secret = value.trim_end_matches(['\r', '\n']);
    (!secret.is_empty()).then(|| Secret::new(secret))
}

/// Whether a text can be the name of an environment variable.
fn can_be_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a text looks like the name that somebody gives a variable, and like no secret: words of letters of one case with
/// `_` between them, each perhaps with a digit or two at its end; or one word, which is short.
fn looks_like_name(text: &str) -> bool {
    let one_case = !text.bytes().any(|b| b.is_ascii_lowercase()) || !text.bytes().any(|b| b.is_ascii_uppercase());
    let word = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        word.len() <= 16 && word.len() - letters.len() <= 2 && letters.bytes().all(|b| b.is_ascii_alphabetic())
    };
    let words: Vec<&str> = text.split('_').collect();
    can_be_name(text) && one_case && (words.len() > 1 || text.len() <= 8) && words.into_iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_place_of_a_name_is_not_shown() {
        for secret in [
            "hunter2hunter2hunter2",
            "HUNTER2HUNTER2HUNTER2",
            "JBSWY3HUNTER2EHPK3PXP",
            "Hunter8QaBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
            "Hunter_8Qab_cdEF",
            "hunter_a1b2c3d4e5f6",
            "_hunterhunterhunterhunter",
            "hunterhunter",
            "9hunter_two",
            "hunter~2",
        ] {
            let e = SecretFrom::Env(secret.into()).read().unwrap_err();
            assert!(!format!("{e:?}").to_lowercase().contains("hunter"), "{e:?}");
            assert!(e.hint_text().is_some_and(|h| h.contains("not the secret itself")), "{e:?}");
        }
        for name in ["USAGELAKE_TEST_NOT_SET", "usagelake_not_set_2", "NOTSET"] {
            let e = SecretFrom::Env(name.into()).read().unwrap_err();
            assert!(e.to_string().contains(name) && e.hint_text().is_some_and(|h| h.contains(name)), "{e:?}");
        }
    }
}
