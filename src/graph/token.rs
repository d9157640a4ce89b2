//! Tokens of an application for Microsoft Graph: kept until shortly before they end, asked for by one task at a time.
//!
//! A token and what it is got with go to the sign-in service and to Graph, and into no error, log or debug output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Certificate, Client, RequestBuilder, header};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::assertion::Signer;
use super::http::{self, Timeouts};
use super::managed::{self, Source};
use super::retry::Budget;
use super::signin;
use crate::config::{Auth, Secret, SecretFrom, Tenant};
use crate::error::{Error, Kind, Result};

/// How long before its end a token is replaced, so that it cannot end under way. A short-lived one is used for four
/// fifths of its life.
const MARGIN: Duration = Duration::from_secs(300);
/// How long a token is believed to live that does not say it.
const UNSAID: Duration = Duration::from_secs(600);

/// Reads a variable of the environment; `None` where it is not set.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A token, and which one it is.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    token: Secret,
    number: u64,
}

impl Bearer {
    /// The token itself, for the one place that sends it.
    pub(super) fn expose(&self) -> &str {
        self.token.expose()
    }
}

/// The tokens of one application in one tenant.
#[derive(Debug)]
pub(super) struct Tokens {
    method: Method,
    http: Client,
    timeouts: Timeouts,
    /// The address of the sign-in service for the tenant.
    login: Url,
    /// Microsoft Graph, without a path.
    graph: String,
    held: Mutex<Held>,
}

/// How to sign in, with what it takes at hand.
enum Method {
    Secret { client_id: String, secret: SecretFrom },
    Certificate { client_id: String, signer: Box<Signer> },
    Managed(Source),
    Federated { client_id: String, file: PathBuf },
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Method::Secret { .. } => "client-secret",
            Method::Certificate { .. } => "certificate",
            Method::Managed(_) => "managed-identity",
            Method::Federated { .. } => "workload-identity",
        })
    }
}

/// The token at hand.
#[derive(Debug, Default)]
struct Held {
    bearer: Option<Bearer>,
    /// Until when it is used without asking.
    fresh: Option<Instant>,
    /// Until when it works.
    ends: Option<Instant>,
    got: u64,
}

impl Tokens {
    /// Checks what can be checked without the network: that secret, certificate or token file is there.
    pub(super) fn new(tenant: &Tenant, timeouts: Timeouts, ca: &[Certificate], env: &Environment) -> Result<Tokens> {
        let method = match &tenant.auth {
            Auth::ClientSecret { client_id, secret } => {
                secret.read()?;
                Method::Secret { client_id: client_id.clone(), secret: secret.clone() }
            }
            Auth::Certificate { client_id, certificate, key } => Method::Certificate {
                client_id: client_id.clone(),
                signer: Box::new(Signer::read(certificate, key.as_deref())?),
            },
            Auth::ManagedIdentity { client_id } => {
                Method::Managed(Source::find(client_id.as_deref(), |name| env(name))?)
            }
            Auth::WorkloadIdentity { client_id, token_file } => Method::Federated {
                client_id: client_id
                    .clone()
                    .or_else(|| env("AZURE_CLIENT_ID"))
                    .ok_or_else(|| missing("client_id", "AZURE_CLIENT_ID"))?,
                file: token_file
                    .clone()
                    .or_else(|| env("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from))
                    .ok_or_else(|| missing("token_file", "AZURE_FEDERATED_TOKEN_FILE"))?,
            },
        };
        let mut login = Url::parse(&tenant.endpoints.login)
            .map_err(|e| Error::new(Kind::Config, "`endpoints.login` is no address").because(e))?;
        if let Ok(mut path) = login.path_segments_mut() {
            path.clear().extend([tenant.id.as_str(), "oauth2", "v2.0", "token"]);
        }
        // The platform's own service speaks plain http and must not be sought behind a proxy.
        let local = matches!(method, Method::Managed(_)) || http::is_loopback(&login);
        Ok(Tokens {
            http: http::client(&timeouts, ca, local)?,
            method,
            timeouts,
            login,
            graph: tenant.endpoints.graph.trim_end_matches('/').to_string(),
            held: Mutex::default(),
        })
    }

    /// The token at hand, or a new one.
    pub(super) async fn get(&self, budget: &mut Budget) -> Result<Bearer> {
        let mut held = self.held.lock().await;
        let before = |end: Option<Instant>| end.is_some_and(|end| Instant::now() < end);
        if let Some(bearer) = held.bearer.as_ref().filter(|_| before(held.fresh)) {
            return Ok(bearer.clone());
        }
        match self.fetch(budget).await {
            Ok((token, life)) => {
                let now = Instant::now();
                held.got += 1;
                let bearer = Bearer { token, number: held.got };
                held.fresh = Some(now + life.saturating_sub(MARGIN.min(life / 5)));
                held.ends = Some(now + life);
                held.bearer = Some(bearer.clone());
                Ok(bearer)
            }
            // The service fails in the last minutes of a token that still works.
            Err(e) if e.is_temporary() && before(held.ends) => held.bearer.clone().ok_or(e),
            Err(e) => Err(e),
        }
    }

    /// Drops a token that Graph does not accept, unless another has taken its place.
    pub(super) async fn forget(&self, bearer: &Bearer) {
        let mut held = self.held.lock().await;
        if held.bearer.as_ref().is_some_and(|b| b.number == bearer.number) {
            *held = Held { got: held.got, ..Held::default() };
        }
    }

    async fn fetch(&self, budget: &mut Budget) -> Result<(Secret, Duration)> {
        let whom = match self.method {
            Method::Managed(_) => "the managed identity service",
            _ => "the sign-in service",
        };
        let response = http::send(self.request()?, &self.timeouts, whom).await.map_err(|e| match self.method {
            Method::Managed(_) => e.hint("check that this machine is in Azure, or choose another `auth.method`"),
            _ => e,
        })?;
        let status = response.status();
        if !status.is_success() {
            budget.asked_to_wait(http::asked_to_wait(&response));
            let body = self.scrubbed(http::what_there_is(response, &self.timeouts).await);
            return Err(match self.method {
                Method::Managed(_) => managed::judge(status.as_u16(), &body),
                _ => signin::judge(status.as_u16(), &body),
            });
        }
        let body = zeroize::Zeroizing::new(http::whole(response, &self.timeouts, http::SMALL).await?);
        granted(&body, SystemTime::now()).ok_or_else(|| {
            Error::new(Kind::SignIn, format!("the answer of {whom} holds no token"))
                .with("status", status.as_u16())
                .hint("check `endpoints.login`, and that no proxy answers in its place")
        })
    }

    /// A refusal without the secret, should the service repeat it.
    fn scrubbed(&self, body: Vec<u8>) -> Vec<u8> {
        match &self.method {
            Method::Secret { secret, .. } => match secret.read() {
                Ok(secret) => String::from_utf8_lossy(&body).replace(secret.expose(), "***").into_bytes(),
                Err(_) => Vec::new(),
            },
            _ => body,
        }
    }

    fn request(&self) -> Result<RequestBuilder> {
        let assertion = |client_id: &str, statement: &Secret| {
            self.form(&[
                ("client_id", client_id),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", statement.expose()),
            ])
        };
        Ok(match &self.method {
            Method::Managed(source) => source.request(&self.http, &self.graph),
            Method::Secret { client_id, secret } => {
                self.form(&[("client_id", client_id), ("client_secret", secret.read()?.expose())])
            }
            Method::Certificate { client_id, signer } => {
                assertion(client_id, &signer.statement(client_id, self.login.as_str(), chrono::Utc::now())?)
            }
            Method::Federated { client_id, file } => assertion(client_id, &token_file(file)?),
        })
    }

    fn form(&self, proof: &[(&str, &str)]) -> RequestBuilder {
        let scope = format!("{}/.default", self.graph);
        let form: Vec<(&str, &str)> = [("grant_type", "client_credentials"), ("scope", &scope)]
            .into_iter()
            .chain(proof.iter().copied())
            .collect();
        self.http.post(self.login.clone()).header(header::ACCEPT, "application/json").form(&form)
    }
}

fn missing(key: &str, variable: &str) -> Error {
    Error::new(Kind::Config, format!("workload identity lacks `auth.{key}`"))
        .hint(format!("set it, or the environment variable `{variable}`"))
}

/// The token of another issuer, read anew since its issuer replaces it.
fn token_file(file: &PathBuf) -> Result<Secret> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        Error::new(Kind::SignIn, "cannot read the token file")
            .with("file", file.display())
            .because(e)
            .hint("check `auth.token_file`, and that the pod's service account is federated")
    })?;
    Ok(Secret::new(text.trim()))
}

/// The application permissions that a token carries, where it can be read. They are for show: Graph decides.
pub(super) fn roles(token: &str) -> Option<Vec<String>> {
    let claims = base64::Engine::decode(&URL_SAFE_NO_PAD, token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let roles = claims.get("roles").map_or(Some(&[][..]), |r| r.as_array().map(Vec::as_slice))?;
    Some(roles.iter().filter_map(|r| r.as_str().map(str::to_string)).collect())
}

/// The token in an answer, and how long it lives. Lifetimes come as numbers and as texts.
fn granted(body: &[u8], now: SystemTime) -> Option<(Secret, Duration)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let token =
        answer.get("access_token")?.as_str().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic()))?;
    let seconds = |key: &str| match answer.get(key)? {
        Value::String(s) => s.trim().parse::<u64>().ok(),
        n => n.as_u64(),
    };
    let until = |end: u64| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(end))?.duration_since(now).ok();
    let life = seconds("expires_in").map(Duration::from_secs).or_else(|| until(seconds("expires_on")?));
    Some((Secret::new(token), life.unwrap_or(UNSAID).min(Duration::from_secs(86_400))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_where_they_can_be() {
        let token = |claims: &str| format!("e.{}.s", base64::Engine::encode(&URL_SAFE_NO_PAD, claims));
        assert_eq!(roles(&token(r#"{"roles":["Reports.Read.All"]}"#)), Some(vec!["Reports.Read.All".to_string()]));
        assert_eq!(roles(&token("{}")), Some(vec![]));
        for opaque in ["", "opaque", "a.b.c", &token("[")] {
            assert_eq!(roles(opaque), None, "{opaque}");
        }
    }

    #[test]
    fn lifetimes_are_numbers_or_texts() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let life = |body: &str| granted(body.as_bytes(), now).map(|(_, life)| life.as_secs());
        assert_eq!(life(r#"{"access_token":"t","expires_in":3599}"#), Some(3599));
        assert_eq!(life(r#"{"access_token":"t","expires_in":"3599"}"#), Some(3599));
        assert_eq!(life(r#"{"access_token":"t","expires_on":"1500"}"#), Some(500));
        assert_eq!(life(r#"{"access_token":"t"}"#), Some(UNSAID.as_secs()));
        assert_eq!(life(r#"{"access_token":"t","expires_in":99999999999}"#), Some(86_400));
        for bad in ["", "[]", r#"{"access_token":""}"#, r#"{"access_token":"a b"}"#, "<html>"] {
            assert_eq!(life(bad), None, "{bad}");
        }
    }
}
