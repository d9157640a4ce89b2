//! The directory and the tenant's settings: JSON in pages.
//!
//! The address of the next page is used as Graph wrote it, on Graph's own host only: it is asked with the token.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::ask::Request;
use super::{Budget, Client, Sent, http};
use crate::error::{Error, Kind, Result};

/// The most bytes of one page: 999 persons with all their licences have some megabytes.
const PAGE_LIMIT: usize = 64 << 20;
/// The most pages of one list: with 100 rows each, ten million rows.
const PAGES_LIMIT: u32 = 100_000;
/// Reads whether the tenant conceals names.
const REPORT_SETTINGS: &str = "ReportSettings.Read.All";

/// The pages of a list, asked for one by one.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    permissions: Vec<String>,
    next: Option<Url>,
    pages: u32,
    attempts: u32,
    waited: Duration,
    sent: Vec<Sent>,
}

impl Pages {
    /// The next page, as Graph wrote it, `None` after the last. Each page has a budget of its own.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        let Some(url) = self.next.take() else { return Ok(None) };
        let mut budget = self.client.budget();
        let page = self.client.json(&url, &self.permissions, &mut budget).await;
        self.attempts += budget.attempts();
        self.waited += budget.waited();
        self.sent.extend(budget.take_sent());
        let page = page?;
        self.pages += 1;
        if let Some(link) = page.get("@odata.nextLink").and_then(Value::as_str) {
            let next = Url::parse(link)
                .map_err(|e| Error::new(Kind::NotAReport, "the address of the next page is no address").because(e))?;
            if next == url || self.pages >= PAGES_LIMIT {
                return Err(Error::new(Kind::NotAReport, "the pages of the list have no end")
                    .with("path", url.path())
                    .with("pages", self.pages));
            }
            self.next = Some(next);
        }
        Ok(Some(page))
    }

    /// Requests sent so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The requests since this was asked for the last time.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Time spent waiting so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Client {
    /// The pages of the list at `path` (`/v1.0/users?$top=999`). `permissions` are those of which any one suffices, for
    /// the hint where all are missing.
    pub fn pages(&self, path: &str, permissions: &[&str]) -> Result<Pages> {
        Ok(Pages {
            client: self.clone(),
            permissions: permissions.iter().map(|p| p.to_string()).collect(),
            next: Some(self.address(path)?),
            pages: 0,
            attempts: 0,
            waited: Duration::ZERO,
            sent: Vec::new(),
        })
    }

    /// Whether the tenant conceals the names of persons, groups and sites in reports. `None` where that cannot be read:
    /// the permission `ReportSettings.Read.All` is missing, or the cloud does not have the setting.
    pub async fn concealed_names(&self) -> Result<Option<bool>> {
        let url = self.address("/v1.0/admin/reportSettings")?;
        match self.json(&url, &[REPORT_SETTINGS.to_string()], &mut self.budget()).await {
            Ok(settings) => Ok(settings.get("displayConcealedNames").and_then(Value::as_bool)),
            Err(e) if matches!(e.kind(), Kind::Permission | Kind::NotEnabled) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// One JSON document.
    async fn json(&self, url: &Url, permissions: &[String], budget: &mut Budget) -> Result<Value> {
        loop {
            match self.json_once(url, permissions, budget).await {
                Ok(value) => return Ok(value),
                Err(e) => budget.again(e).await.map_err(|e| e.with("path", url.path()))?,
            };
        }
    }

    async fn json_once(&self, url: &Url, permissions: &[String], budget: &mut Budget) -> Result<Value> {
        let response = self.ask(Request { url, function: None, permissions }, budget).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(Error::new(Kind::Refused, "Graph answers with a redirect").with("status", status.as_u16()));
        }
        let body = http::whole(response, &self.0.settings.timeouts, PAGE_LIMIT).await?;
        serde_json::from_slice(&body)
            .map_err(|e| Error::new(Kind::NotAReport, "the answer of Graph is not JSON").because(e.to_string()))
    }
}
