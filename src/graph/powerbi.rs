//! The Power BI service: a dataset is refreshed after a night, with the tenant's sign-in and a token of its own.
//!
//! It is no part of Graph, so its token is another one and goes to no other host. Microsoft documents the requests under
//! "Enhanced refresh with the Power BI REST API".

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::{Budget, Settings, http, token};
use crate::config::{PowerBiRefresh, Tenant, check_endpoint};
use crate::error::{Error, Kind, Result};

/// The service and the audience of its tokens, by the host of Graph in the same cloud.
const CLOUDS: [(&str, &str, &str); 4] = [
    ("graph.microsoft.us", "https://api.high.powerbigov.us", "https://high.analysis.usgovcloudapi.net/powerbi/api"),
    ("dod-graph.microsoft.us", "https://api.mil.powerbigov.us", "https://mil.analysis.usgovcloudapi.net/powerbi/api"),
    ("microsoftgraph.chinacloudapi.cn", "https://api.powerbi.cn", "https://analysis.chinacloudapi.cn/powerbi/api"),
    ("", "https://api.powerbi.com", "https://analysis.windows.net/powerbi/api"),
];
/// How long a refresh is waited for. Premium ends one after five hours.
const LONGEST: Duration = Duration::from_secs(5 * 3600);

/// The longest time between two looks at a refresh.
const LOOK: Duration = Duration::from_secs(30);

/// How a refresh stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refreshed {
    /// The service has begun; it was not waited for.
    Begun,
    /// It has ended well.
    Completed,
}

/// A table of a dataset that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Its name.
    pub table: String,
    /// Whether all of it is, and not only the months that its refresh policy reads again.
    pub whole: bool,
}

/// The Power BI service for one tenant.
pub struct PowerBi {
    http: reqwest::Client,
    tokens: token::Tokens,
    base: Url,
    settings: Settings,
    /// The time before the first look at a refresh; each is twice as long as the one before, up to half a minute.
    pub first_look: Duration,
}

impl PowerBi {
    /// The service of the tenant's cloud, or at the address that the pipeline file names.
    pub fn new(tenant: &Tenant, address: Option<&str>, settings: Settings) -> Result<PowerBi> {
        let graph = Url::parse(&tenant.endpoints.graph).ok();
        let host = graph.as_ref().and_then(Url::host_str).unwrap_or_default();
        let (_, service, audience) =
            CLOUDS.iter().find(|(h, ..)| *h == host || h.is_empty()).copied().unwrap_or(CLOUDS[3]);
        let address = address.unwrap_or(service);
        check_endpoint(address)?;
        let base = Url::parse(address)
            .map_err(|e| Error::new(Kind::Config, "`powerbi.refresh.endpoint` is no address").because(e))?;
        let mut own = tenant.clone();
        own.endpoints.graph = audience.to_string();
        let ca = http::extra_ca(&tenant.endpoints)?;
        Ok(PowerBi {
            http: http::client(&settings.timeouts, &ca, http::is_loopback(&base))?,
            tokens: token::Tokens::new(&own, settings.timeouts, &ca, &settings.environment)?,
            base,
            settings,
            first_look: Duration::from_secs(1),
        })
    }

    /// Refreshes the `stale` tables of a dataset, or all of it where its capacity knows no tables. Policies are applied to
    /// all of them first, since that is what makes the partition of a new month. Tables of which older months changed
    /// follow in a refresh of their own, past their policies: a dataset takes one at a time, so the first is waited for.
    pub async fn refresh(&self, wanted: &PowerBiRefresh, stale: &[Stale]) -> Result<Refreshed> {
        let path = format!("v1.0/myorg/groups/{}/datasets/{}/refreshes", wanted.workspace, wanted.dataset);
        if wanted.whole {
            self.begin(&path, &json!({ "notifyOption": "NoNotification" })).await?;
            return Ok(Refreshed::Begun);
        }
        let body = |policy: bool, tables: &[&Stale]| {
            let objects: Vec<Value> = tables.iter().map(|t| json!({ "table": t.table })).collect();
            json!({ "type": "full", "commitMode": "transactional", "applyRefreshPolicy": policy, "objects": objects })
        };
        let whole: Vec<&Stale> = stale.iter().filter(|t| t.whole).collect();
        let mut id = self.begin(&path, &body(true, &stale.iter().collect::<Vec<_>>())).await?;
        if !whole.is_empty() {
            self.end(&path, id.as_deref()).await?;
            id = self.begin(&path, &body(false, &whole)).await?;
        }
        if wanted.wait { self.end(&path, id.as_deref()).await } else { Ok(Refreshed::Begun) }
    }

    /// Begins a refresh. Its id, where the service gives one.
    async fn begin(&self, path: &str, body: &Value) -> Result<Option<String>> {
        let answer = self.ask(path, Some(body), &mut Budget::new(self.settings.retry)).await?;
        let id = http::header(&answer, "location")
            .and_then(|l| l.rsplit('/').next())
            .or_else(|| http::header(&answer, "x-ms-request-id"))
            .filter(|id| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        Ok(id.map(str::to_string))
    }

    /// Looks until a refresh has ended.
    async fn end(&self, path: &str, id: Option<&str>) -> Result<Refreshed> {
        let id = id.ok_or_else(|| {
            Error::new(Kind::Unavailable, "the Power BI service has begun a refresh and did not say which")
                .hint("look at the dataset's refresh history in the service")
        })?;
        let path = format!("{path}/{id}");
        let begun = tokio::time::Instant::now();
        let mut look = self.first_look;
        while begun.elapsed() < LONGEST {
            tokio::time::sleep(look).await;
            look = LOOK.min(look * 2);
            let mut budget = Budget::new(self.settings.retry);
            let body =
                http::whole(self.ask(&path, None, &mut budget).await?, &self.settings.timeouts, http::SMALL).await?;
            let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
            match answer.get("status").and_then(Value::as_str).unwrap_or_default() {
                "Completed" => return Ok(Refreshed::Completed),
                status @ ("Failed" | "Disabled" | "Cancelled" | "TimedOut") => {
                    return Err(Error::new(Kind::Refused, "the refresh of the Power BI dataset did not end well")
                        .with("status", status)
                        .hint(
                            "look at the dataset's refresh history in the service; it names the table and the cause",
                        ));
                }
                _ => {}
            }
        }
        Err(Error::new(Kind::Unavailable, "the refresh of the Power BI dataset does not end")
            .hint("look at the dataset's refresh history in the service"))
    }

    /// One request: with a body it begins something, without it looks.
    async fn ask(&self, path: &str, body: Option<&Value>, budget: &mut Budget) -> Result<Response> {
        loop {
            budget.begin();
            match self.once(path, body, budget).await {
                Ok(response) => return Ok(response),
                Err(e) => budget.again(e).await?,
            };
        }
    }

    async fn once(&self, path: &str, body: Option<&Value>, budget: &mut Budget) -> Result<Response> {
        let url = self
            .base
            .join(path)
            .map_err(|e| Error::new(Kind::Config, "`workspace` or `dataset` is no id").because(e))?;
        let bearer = self.tokens.get(budget).await?;
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let response =
            http::send(request.bearer_auth(bearer.expose()), &self.settings.timeouts, "the Power BI service").await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        budget.asked_to_wait(http::asked_to_wait(&response));
        self.tokens.forget(&bearer).await;
        let said: Value =
            serde_json::from_slice(&http::what_there_is(response, &self.settings.timeouts).await).unwrap_or_default();
        let code = said.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        Err(judge(status, code))
    }
}

/// What a refusal means. Its text is not shown: it may name people.
fn judge(status: StatusCode, code: &str) -> Error {
    let (kind, hint) = match status {
        StatusCode::TOO_MANY_REQUESTS => {
            (Kind::Throttled, "a Pro workspace refreshes eight times a day; refresh less often")
        }
        s if s.is_server_error() => (Kind::Unavailable, "the next night tries again"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            Kind::Permission,
            "let service principals use Power BI APIs in the admin portal, and make the application a member of the workspace",
        ),
        StatusCode::NOT_FOUND => (Kind::Refused, "check `workspace` and `dataset` under `[powerbi]`: they are ids"),
        StatusCode::BAD_REQUEST => (
            Kind::Refused,
            "tables are refreshed by themselves in Premium and Fabric capacities only: elsewhere set `whole = true`",
        ),
        _ => (Kind::Refused, "look at the dataset's refresh history in the service"),
    };
    let error = Error::new(kind, "the Power BI service did not take the refresh").with("status", status.as_u16());
    let error = if code.is_empty() { error } else { error.with("code", code) };
    error.hint(hint)
}
