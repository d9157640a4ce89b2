//! Microsoft Graph: usage reports and the directory, asked for as an application, at Graph's pace.
//!
//! It promises that a token goes to the sign-in service's audience, Microsoft Graph, and nowhere else; that the address
//! of a download, a token and a secret enter no error and no log; that bodies stream through without being gathered; and
//! that what it gives up on says how often and how long it was tried. It must never hold a report to understand it: it
//! hands on bytes.
//!
//! The consumer of a body restarts the whole report when the body breaks off:
//!
//! ```no_run
//! # use usagelake::{catalog::Report, day::Window, error::Result, graph::{Answer, Client}};
//! # fn keep(_: &[u8]) {}
//! # async fn one(client: Client, report: &Report, window: Window) -> Result<()> {
//! let mut budget = client.budget();
//! 'again: loop {
//!     let Answer::Body(mut body) = client.report(report, window, &mut budget).await? else { return Ok(()) };
//!     loop {
//!         match body.chunk().await {
//!             Ok(Some(bytes)) => keep(&bytes),
//!             Ok(None) => return Ok(()),
//!             Err(e) => {
//!                 budget.again(e).await?;
//!                 continue 'again;
//!             }
//!         }
//!     }
//! }
//! # }
//! ```

mod after;
mod ask;
mod assertion;
mod directory;
mod http;
mod managed;
mod pace;
mod powerbi;
mod reply;
mod report;
mod retry;
mod sent;
mod signin;
mod text;
mod token;

pub use directory::Pages;
pub use http::Timeouts;
pub use powerbi::{PowerBi, Refreshed, Stale};
pub use report::{Answer, BODY_LIMIT, Body};
pub use retry::{Budget, Retry};
pub use sent::Sent;
pub use token::Environment;

/// What the fuzz targets try and nobody else sees.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::after::retry_after;

    /// What a refusal means: see `reply::judge`.
    pub fn judge(status: u16, body: &[u8]) -> crate::error::Error {
        super::reply::judge(status, body, None, &super::reply::Asked { permissions: &[], national: false })
    }
}

use std::sync::Arc;

use url::Url;

use crate::config::{self, Cloud};
use crate::error::{Error, Kind, Result};

/// What a client does otherwise than by default.
#[derive(Clone)]
pub struct Settings {
    /// How often and how long one answer is asked for.
    pub retry: Retry,
    /// How long one step of a request may take.
    pub timeouts: Timeouts,
    /// The most bytes of one body, unpacked.
    pub body_limit: u64,
    /// The variables of the environment, for the sign-in methods that read some.
    pub environment: Environment,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            retry: Retry::default(),
            timeouts: Timeouts::default(),
            body_limit: BODY_LIMIT,
            environment: Arc::new(|name| std::env::var(name).ok().filter(|v| !v.is_empty())),
        }
    }
}

/// Microsoft Graph for one tenant. Clones share tokens, pace and connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    /// Sends tokens, and so speaks to nobody but Graph.
    graph: reqwest::Client,
    /// Fetches downloads, and so never sends a token.
    download: reqwest::Client,
    base: Url,
    national: bool,
    tokens: token::Tokens,
    pace: pace::Pace,
    settings: Settings,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("graph", &self.0.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for `tenant`. Sends nothing yet, but fails where a secret, a certificate or `endpoints.ca` is missing.
    pub fn new(tenant: &config::Tenant) -> Result<Client> {
        Client::with(tenant, Settings::default())
    }

    /// A client with other settings than the default.
    pub fn with(tenant: &config::Tenant, settings: Settings) -> Result<Client> {
        Client::build(tenant, settings).map_err(|e| e.with("tenant", &tenant.name))
    }

    fn build(tenant: &config::Tenant, settings: Settings) -> Result<Client> {
        for url in [&tenant.endpoints.login, &tenant.endpoints.graph] {
            config::check_endpoint(url)?;
        }
        let base = Url::parse(&tenant.endpoints.graph)
            .map_err(|e| Error::new(Kind::Config, "`endpoints.graph` is no address").because(e))?;
        let ca = http::extra_ca(&tenant.endpoints)?;
        let loopback = http::is_loopback(&base);
        let timeouts = settings.timeouts;
        Ok(Client(Arc::new(Inner {
            graph: http::client(&timeouts, &ca, loopback)?,
            download: http::client(&timeouts, &ca, loopback)?,
            national: is_national(&base),
            base,
            tokens: token::Tokens::new(tenant, timeouts, &ca, &settings.environment)?,
            pace: pace::Pace::new(tenant.pace),
            settings,
        })))
    }

    /// Signs in and returns the application permissions that the token carries; `None` where it does not show them.
    pub async fn permissions(&self) -> Result<Option<Vec<String>>> {
        let mut budget = self.budget();
        loop {
            budget.begin();
            match self.0.tokens.get(&mut budget).await {
                Ok(bearer) => return Ok(token::roles(bearer.expose())),
                Err(e) => budget.again(e).await?,
            };
        }
    }

    /// A budget for one answer.
    pub fn budget(&self) -> Budget {
        Budget::new(self.0.settings.retry)
    }
}

/// Whether the address is that of a national cloud, which lacks most reports.
fn is_national(graph: &Url) -> bool {
    [Cloud::UsGovL4, Cloud::UsGovL5, Cloud::China]
        .iter()
        .filter_map(|cloud| Url::parse(&cloud.endpoints().graph).ok())
        .any(|national| national.host_str() == graph.host_str())
}

#[cfg(test)]
mod tests;
