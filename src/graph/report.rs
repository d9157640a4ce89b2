//! One report for one window: Graph answers with the body itself, or with an address where it can be fetched.
//!
//! That address works without a token for a few minutes: it is a secret, is followed at once by a client that sends no
//! token, and is shown as `https://host/…` only. An address that no longer works is asked for again.

use std::time::SystemTime;

use bytes::Bytes;
use futures::Stream;
use reqwest::{Response, StatusCode, header};
use url::Url;

use super::ask::Request;
use super::reply::{self, Asked};
use super::{Budget, Client, Sent, http};
use crate::catalog::Report;
use crate::day::Window;
use crate::error::{Error, Kind, Result};

/// The most bytes of one body, unpacked. The largest tenants' reports have some hundred megabytes; an answer that never
/// ends, or unpacks to more, is not a report.
pub const BODY_LIMIT: u64 = 8 << 30;
/// How many further redirects a download may take.
const REDIRECTS: usize = 5;

/// What Graph has for a report and a window.
#[derive(Debug)]
pub enum Answer {
    /// A body, yet to be read.
    Body(Body),
    /// Nothing (204).
    Empty,
}

/// The body of a report, as it comes in.
#[derive(Debug)]
pub struct Body {
    /// The media type without parameters, in small letters: `text/csv`, `application/octet-stream`, `application/json`.
    pub content_type: Option<String>,
    /// The length that was announced, where it is that of the unpacked body.
    pub length: Option<u64>,
    pieces: Box<http::Pieces>,
    limit: u64,
}

impl Body {
    /// The next piece, `None` at the end. A body that is cut, comes to a halt or only trickles fails as unavailable and
    /// says after how many bytes; what was read of it is worth nothing then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let piece = self.pieces.next().await?;
        if self.pieces.received > self.limit {
            return Err(too_long(self.limit));
        }
        Ok(piece)
    }

    /// Bytes read so far.
    pub fn received(&self) -> u64 {
        self.pieces.received
    }

    /// The pieces as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        futures::stream::try_unfold(self, |mut body| async move { Ok(body.chunk().await?.map(|piece| (piece, body))) })
    }
}

impl Client {
    /// Asks Graph for `report` over `window`, again and again as `budget` allows. Only the head of the body has been
    /// read then: where [`Body::chunk`] fails, give the error to [`Budget::again`] and call this again.
    pub async fn report(&self, report: &Report, window: Window, budget: &mut Budget) -> Result<Answer> {
        let about = |e: Error| e.with("report", &report.function).with("window", window);
        let url = self.address(&report.path(window))?;
        let request = Request { url: &url, function: Some(&report.function), permissions: &report.permissions };
        loop {
            match self.once(request, budget).await {
                Ok(answer) => return Ok(answer),
                Err(e) => budget.again(e).await.map_err(about)?,
            };
        }
    }

    async fn once(&self, request: Request<'_>, budget: &mut Budget) -> Result<Answer> {
        let response = self.ask(request, budget).await?;
        if response.status().is_redirection() {
            let link = self.target(&response, request.url)?;
            return self.download(link, request, budget).await;
        }
        self.answer(response)
    }

    /// Fetches a download without a token.
    async fn download(&self, mut link: Url, request: Request<'_>, budget: &mut Budget) -> Result<Answer> {
        let timeouts = &self.0.settings.timeouts;
        for _ in 0..=REDIRECTS {
            let sent = self.0.download.get(link.clone());
            let began = SystemTime::now();
            let answer = http::send(sent, timeouts, "the download service").await;
            budget.sent(Sent::download(&link, began, &answer));
            let response = answer?;
            match response.status() {
                status if status.is_success() => return self.answer(response),
                status if status.is_redirection() => link = self.target(&response, &link)?,
                status @ (StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::GONE) => {
                    return Err(Error::new(Kind::LinkExpired, "the download's address is no longer valid")
                        .with("address", http::redacted(&link))
                        .with("status", status.as_u16()));
                }
                status => {
                    budget.asked_to_wait(http::asked_to_wait(&response));
                    let body = http::what_there_is(response, timeouts).await;
                    let asked = Asked { permissions: request.permissions, national: self.0.national };
                    return Err(
                        reply::judge(status.as_u16(), &body, None, &asked).with("address", http::redacted(&link))
                    );
                }
            }
        }
        Err(Error::new(Kind::Refused, format!("the download is redirected more than {REDIRECTS} times"))
            .with("address", http::redacted(&link)))
    }

    /// Where a redirect leads: to https, or to this machine where Graph itself is an emulator on it.
    fn target(&self, response: &Response, from: &Url) -> Result<Url> {
        let status = response.status().as_u16();
        let target = http::header(response, header::LOCATION).and_then(|l| from.join(l).ok()).ok_or_else(|| {
            Error::new(Kind::Unavailable, "a redirect leads nowhere")
                .with("address", http::redacted(from))
                .with("status", status)
        })?;
        let emulated = http::is_loopback(&self.0.base) && http::is_loopback(&target);
        match target.scheme() {
            "https" => Ok(target),
            "http" if emulated => Ok(target),
            _ => Err(Error::new(Kind::Refused, "a download over plain http was refused")
                .with("address", http::redacted(&target))
                .hint("find out who answers in Microsoft's place: its addresses are https")),
        }
    }

    /// A success as an answer.
    fn answer(&self, response: Response) -> Result<Answer> {
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Answer::Empty);
        }
        let content_type = http::header(&response, header::CONTENT_TYPE)
            .map(|t| t.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if content_type.as_deref() == Some("text/html") {
            return Err(Error::new(Kind::NotAReport, "the answer is a web page and no report")
                .with("address", http::redacted(response.url()))
                .hint("find out whether a proxy answers in Microsoft's place"));
        }
        let limit = self.0.settings.body_limit;
        let length = response.content_length();
        if length.is_some_and(|l| l > limit) {
            return Err(too_long(limit));
        }
        let pieces = Box::new(http::Pieces::of(response, &self.0.settings.timeouts));
        Ok(Answer::Body(Body { content_type, length, pieces, limit }))
    }
}

fn too_long(limit: u64) -> Error {
    Error::new(Kind::NotAReport, "the answer is longer than any report").with("limit", format!("{limit} bytes"))
}
