//! Asks the Azure machine, app or container that this runs on for a token of its own identity.
//!
//! The request goes to this machine only: past every proxy, to a link-local or loopback address or to the one that the
//! platform names in its environment.

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use url::Url;

use super::text::clean;
use crate::error::{Error, Kind, Result};

/// The instance metadata service of every Azure machine.
const MACHINE: &str = "http://169.254.169.254";
/// Names another instance metadata service, as the Azure SDKs read it.
const MACHINE_FROM: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Where the tokens of a managed identity come from.
#[derive(Debug)]
pub(super) struct Source {
    address: Url,
    /// The header that proves that the request comes from inside, and its value.
    header: (&'static str, crate::config::Secret),
    client_id: Option<String>,
}

impl Source {
    /// Finds the source in the environment: an app's or container's, else the machine's.
    pub(super) fn find(client_id: Option<&str>, env: impl Fn(&str) -> Option<String>) -> Result<Source> {
        let (address, version, header) = match (env("IDENTITY_ENDPOINT"), env("IDENTITY_HEADER")) {
            (Some(endpoint), Some(header)) => (endpoint, "2019-08-01", ("X-IDENTITY-HEADER", header)),
            (Some(_), None) => {
                return Err(Error::new(Kind::Config, "the managed identity of Azure Arc is not supported")
                    .hint("sign in with a certificate: `auth = { method = \"certificate\", … }`"));
            }
            _ => {
                let host = env(MACHINE_FROM).unwrap_or_else(|| MACHINE.to_string());
                let address = format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/'));
                (address, "2018-02-01", ("Metadata", "true".to_string()))
            }
        };
        let mut address = Url::parse(&address).map_err(|e| {
            Error::new(Kind::Config, "the address of the managed identity is no address")
                .because(e)
                .hint(format!("check the environment variables `IDENTITY_ENDPOINT` and `{MACHINE_FROM}`"))
        })?;
        address.query_pairs_mut().append_pair("api-version", version);
        let client_id = client_id.map(str::to_string);
        Ok(Source { address, header: (header.0, crate::config::Secret::new(header.1)), client_id })
    }

    /// The request for a token for `resource`.
    pub(super) fn request(&self, http: &Client, resource: &str) -> RequestBuilder {
        let mut address = self.address.clone();
        address.query_pairs_mut().append_pair("resource", resource);
        if let Some(id) = &self.client_id {
            address.query_pairs_mut().append_pair("client_id", id);
        }
        let mut value = reqwest::header::HeaderValue::from_str(self.header.1.expose())
            .unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
        value.set_sensitive(true);
        http.get(address).header(self.header.0, value)
    }
}

/// What a refusal means. The service answers 404 and 410 while it is being updated.
pub(super) fn judge(status: u16, body: &[u8]) -> Error {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = ["error_description", "message", "error"].iter().find_map(|k| said.get(*k)?.as_str());
    let error = match status {
        429 => Error::new(Kind::Throttled, "the managed identity service received too many requests"),
        404 | 408 | 410 | 500.. => Error::new(Kind::Unavailable, "the managed identity service is not available"),
        _ => Error::new(Kind::SignIn, "this machine has no such managed identity").hint(
            "turn on the system-assigned identity of the machine, app or container, or assign it the one whose id is \
             in `auth.client_id`",
        ),
    };
    match text {
        Some(text) => error.with("status", status).with("message", clean(text)),
        None => error.with("status", status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(client_id: Option<&str>, env: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        let source = Source::find(client_id, env).unwrap();
        let request = source.request(&Client::new(), "https://graph.microsoft.com").build().unwrap();
        let headers = request.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_string())).collect();
        (request.url().to_string(), headers)
    }

    #[test]
    fn machine_and_app() {
        let (url, headers) = asked(None, &[]);
        assert_eq!(
            url,
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com"
        );
        assert_eq!(headers, [("metadata".to_string(), "true".to_string())]);
        let (url, headers) =
            asked(Some("me"), &[("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token"), ("IDENTITY_HEADER", "inside")]);
        assert_eq!(
            url,
            "http://127.0.0.1:41/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id=me"
        );
        assert_eq!(headers, [("x-identity-header".to_string(), "inside".to_string())]);
    }

    #[test]
    fn arc_is_refused_in_words() {
        let e = Source::find(None, |n| (n == "IDENTITY_ENDPOINT").then(|| "http://localhost:40342".into()));
        assert_eq!(e.unwrap_err().kind(), Kind::Config);
    }

    #[test]
    fn refusals() {
        assert_eq!(
            judge(400, br#"{"error":"invalid_request","error_description":"Identity not found"}"#).kind(),
            Kind::SignIn
        );
        assert_eq!(judge(404, b"").kind(), Kind::Unavailable);
        assert_eq!(judge(503, b"").kind(), Kind::Unavailable);
        assert_eq!(judge(429, b"").kind(), Kind::Throttled);
    }
}
