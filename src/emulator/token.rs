//! The token endpoint, and the tokens that Graph calls must carry.
//!
//! A token looks like Entra's: a JWT with roles and expiry. It is signed with a key of this process, so that nothing has
//! to be kept. The signature of a client's assertion cannot be checked, since its certificate is not known here; form,
//! audience, issuer and times are.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::problem::{json_answer, sign_in_refused};

/// What an assertion says that it is.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The application permissions that every app has here.
const ROLES: [&str; 9] = [
    "Reports.Read.All",
    "User.Read.All",
    "Group.Read.All",
    "Directory.Read.All",
    "Organization.Read.All",
    "LicenseAssignment.Read.All",
    "ReportSettings.Read.All",
    "Sites.Read.All",
    "AuditLog.Read.All",
];

/// Issues and checks tokens.
#[derive(Debug)]
pub struct Mint {
    key: [u8; 32],
    secret: String,
    seconds: u64,
    tenant_id: String,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The app's client id.
    pub app: String,
    /// The tenant as the token endpoint was asked for it.
    pub tenant: String,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is none.
    Missing,
    /// It is none of ours.
    Wrong,
    /// It has expired.
    Expired,
}

impl Refused {
    /// Graph's words for it.
    pub fn message(self) -> &'static str {
        match self {
            Refused::Missing => "Access token is empty.",
            Refused::Wrong => "CompactToken validation failed with reason code: 80049217.",
            Refused::Expired => "Lifetime validation failed, the token is expired.",
        }
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

impl Mint {
    /// A mint that accepts `secret` and whose tokens last `seconds`.
    pub fn new(secret: String, seconds: u64, tenant_id: String) -> Mint {
        Mint { key: std::array::from_fn(|_| fastrand::u8(..)), secret, seconds, tenant_id }
    }

    fn sign(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.key).chain_update(text).finalize();
        BASE64.encode(Sha256::new().chain_update(self.key).chain_update(inner).finalize())
    }

    fn issue(&self, app: &str, tenant: &str, audience: &str) -> String {
        let now = seconds_now();
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": "emulated"});
        let payload = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.tenant_id),
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "app_displayname": "usagelake",
            "appid": app,
            "idtyp": "app",
            "roles": ROLES,
            "tid": self.tenant_id,
            "asked_tenant": tenant,
            "ver": "1.0",
        });
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(payload.to_string()));
        let signature = self.sign(&text);
        format!("{text}.{signature}")
    }

    /// Who calls with this `Authorization`.
    pub fn check(&self, authorization: Option<&str>) -> Result<Caller, Refused> {
        let token = authorization.and_then(|a| a.strip_prefix("Bearer ")).map(str::trim).ok_or(Refused::Missing)?;
        let (text, signature) = token.rsplit_once('.').ok_or(Refused::Wrong)?;
        if self.sign(text) != signature {
            return Err(Refused::Wrong);
        }
        let payload = text.split_once('.').and_then(|(_, p)| claims(p)).ok_or(Refused::Wrong)?;
        if payload["exp"].as_u64().is_none_or(|exp| exp <= seconds_now()) {
            return Err(Refused::Expired);
        }
        let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
        Ok(Caller { app: text("appid"), tenant: text("asked_tenant") })
    }

    /// Answers a request for a token.
    pub fn answer(&self, tenant: &str, form: &HashMap<String, String>, now: DateTime<Utc>) -> Response<Body> {
        let refuse = |status, error: &str, code, text: &str| sign_in_refused(status, error, code, text, now);
        let get = |name: &str| form.get(name).map(String::as_str).filter(|v| !v.is_empty());
        let missing = |name: &str| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            refuse(400, "invalid_request", 900_144, &text)
        };
        let Some(grant) = get("grant_type") else { return missing("grant_type") };
        if grant != "client_credentials" {
            let text = format!("The app requested an unsupported grant type '{grant}'.");
            return refuse(400, "unsupported_grant_type", 70_003, &text);
        }
        let Some(app) = get("client_id") else { return missing("client_id") };
        let Some(scope) = get("scope") else { return missing("scope") };
        let Some(audience) = scope.strip_suffix("/.default") else {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            );
            return refuse(400, "invalid_scope", 1_002_012, &text);
        };
        match (get("client_secret"), get("client_assertion")) {
            (Some(secret), None) if secret == self.secret => {}
            (Some(_), None) => {
                let text = format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'."
                );
                return refuse(401, "invalid_client", 7_000_215, &text);
            }
            (None, Some(assertion)) => {
                let kind = get("client_assertion_type");
                if kind != Some(ASSERTION) {
                    return missing("client_assertion_type");
                }
                if let Err(text) = assertion_holds(assertion, app, tenant) {
                    return refuse(401, "invalid_client", 700_027, text);
                }
            }
            _ => {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return refuse(401, "invalid_client", 7_000_218, text);
            }
        }
        let body = json!({
            "token_type": "Bearer",
            "expires_in": self.seconds,
            "ext_expires_in": self.seconds,
            "access_token": self.issue(app, tenant, audience),
        });
        json_answer(200, &body)
    }
}

fn claims(part: &str) -> Option<Json> {
    serde_json::from_slice(&BASE64.decode(part).ok()?).ok()
}

/// Whether an assertion has the form that Entra asks for.
fn assertion_holds(assertion: &str, app: &str, tenant: &str) -> Result<(), &'static str> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, payload, signature] = parts[..] else { return Err("Client assertion is malformed.") };
    let (Some(header), Some(payload)) = (claims(header), claims(payload)) else {
        return Err("Client assertion is malformed.");
    };
    if !matches!(header["alg"].as_str(), Some("PS256" | "RS256")) || signature.is_empty() {
        return Err("Client assertion contains an invalid signature.");
    }
    if payload["exp"].as_u64().is_none_or(|exp| exp <= seconds_now()) {
        return Err("Client assertion is not within its valid time range.");
    }
    if payload["iss"].as_str() != Some(app) {
        // A token of another identity provider, trusted by federation: its subject is not the app.
        return if payload["sub"].is_string() { Ok(()) } else { Err("Client assertion has no subject.") };
    }
    let audience = payload["aud"].as_str().unwrap_or_default();
    if payload["sub"].as_str() != Some(app) || !audience.ends_with(&format!("/{tenant}/oauth2/v2.0/token")) {
        return Err("Client assertion audience or subject does not match the application.");
    }
    let named = header["x5t#S256"].is_string() || header["x5t"].is_string();
    if named { Ok(()) } else { Err("Client assertion names no certificate.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_checked() {
        let mint = Mint::new("s".into(), 3_599, "t".into());
        let token = format!("Bearer {}", mint.issue("app", "contoso", "https://graph"));
        assert_eq!(mint.check(Some(&token)), Ok(Caller { app: "app".into(), tenant: "contoso".into() }));
        assert_eq!(mint.check(None), Err(Refused::Missing));
        assert_eq!(mint.check(Some(&token[..token.len() - 2])), Err(Refused::Wrong));
        assert_eq!(Mint::new("s".into(), 9, "t".into()).check(Some(&token)), Err(Refused::Wrong), "another's");
        let short = Mint::new("s".into(), 0, "t".into());
        let token = format!("Bearer {}", short.issue("app", "contoso", "https://graph"));
        assert_eq!(short.check(Some(&token)), Err(Refused::Expired));
    }
}
