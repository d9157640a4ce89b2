//! One request to Graph: its turn, its token, its answer. The only place that sends a token to Graph.

use std::time::{Duration, SystemTime};

use reqwest::{Response, StatusCode};
use url::Url;

use super::reply::{self, Asked};
use super::{Budget, Client, Sent, http};
use crate::error::{Error, Kind, Result};

/// What is asked of Graph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// Where, on Graph's own host.
    pub url: &'a Url,
    /// The report function whose pace holds, if any.
    pub function: Option<&'a str>,
    /// Permissions, any one of which suffices.
    pub permissions: &'a [String],
}

impl Client {
    /// Graph's address for a path with or without a query. Refuses what would lead to another host.
    pub(super) fn address(&self, path: &str) -> Result<Url> {
        let base = &self.0.base;
        let url = Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')));
        url.ok()
            .filter(|u| path.starts_with('/') && u.origin() == base.origin())
            .ok_or_else(|| Error::new(Kind::Refused, "the path of a request to Graph must begin with `/`"))
    }

    /// Sends one request and returns a success or a redirect. A token that Graph does not accept is replaced once;
    /// any other refusal is judged.
    pub(super) async fn ask(&self, request: Request<'_>, budget: &mut Budget) -> Result<Response> {
        let inner = &*self.0;
        if request.url.origin() != inner.base.origin() {
            return Err(Error::new(Kind::Refused, "Graph points to another host, which must not see the token")
                .with("address", http::redacted(request.url)));
        }
        let timeouts = &inner.settings.timeouts;
        let mut replaced = false;
        loop {
            budget.begin();
            if let Some(function) = request.function {
                budget.paced(inner.pace.acquire(function).await);
            }
            budget.enter().await;
            // After the turn: a token may end while waiting for it.
            let bearer = inner.tokens.get(budget).await?;
            let sent = inner.graph.get(request.url.clone()).bearer_auth(bearer.expose());
            let began = SystemTime::now();
            let answer = http::send(sent, timeouts, "Microsoft Graph").await;
            budget.sent(Sent::to_graph(request.url, began, &answer));
            let response = answer?;
            let status = response.status();
            if status.is_success() || status.is_redirection() {
                return Ok(response);
            }
            if status == StatusCode::UNAUTHORIZED && !replaced {
                inner.tokens.forget(&bearer).await;
                replaced = true;
                continue;
            }
            let wait = http::asked_to_wait(&response);
            budget.asked_to_wait(wait);
            if let (StatusCode::TOO_MANY_REQUESTS, Some(function)) = (status, request.function) {
                inner.pace.block(function, wait.unwrap_or(Duration::ZERO));
            }
            let id = http::header(&response, "request-id").map(str::to_string);
            let body = http::what_there_is(response, timeouts).await;
            let asked = Asked { permissions: request.permissions, national: inner.national };
            return Err(reply::judge(status.as_u16(), &body, id.as_deref(), &asked));
        }
    }
}
