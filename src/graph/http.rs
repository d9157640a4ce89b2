//! The way to a service: clients, timeouts, and errors that carry no address with a credential in it.
//!
//! No client follows a redirect by itself, keeps cookies or sends a `Referer`. Plain http and a direct way past proxies
//! are for loopback only. An error of the HTTP library never leaves here as it is: its texts may hold an address.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::{Certificate, Client, RequestBuilder, Response, header};
use url::Url;

use super::after::retry_after;
use super::text;
use crate::config::Endpoints;
use crate::error::{Error, Kind, Result};

/// What this program calls itself.
const USER_AGENT: &str = concat!("usagelake/", env!("CARGO_PKG_VERSION"));
/// The most that is read of an error or a token: a judge needs no more.
pub(super) const SMALL: usize = 256 * 1024;

/// How long one step of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// From the request to the head of its answer.
    pub answer: Duration,
    /// Between two pieces of a body.
    pub chunk: Duration,
    /// Waited for all pieces of a body together, beside a second for each 16 KiB.
    pub body: Duration,
}

/// The least bytes a second in the long run: a trickle that never halts is as dead as a halt.
const SLOWEST: u64 = 16 << 10;

/// Half a minute to connect, two to think, one between pieces: a report of a large tenant takes Graph a while, a dead
/// connection is noticed before the night is over.
impl Default for Timeouts {
    fn default() -> Timeouts {
        let seconds = Duration::from_secs;
        Timeouts { connect: seconds(30), answer: seconds(120), chunk: seconds(60), body: seconds(300) }
    }
}

/// Builds a client for a service. `loopback` allows plain http and goes past proxies.
pub(super) fn client(timeouts: &Timeouts, ca: &[Certificate], loopback: bool) -> Result<Client> {
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(timeouts.connect)
        .https_only(!loopback);
    if loopback {
        builder = builder.no_proxy();
    }
    for certificate in ca {
        builder = builder.add_root_certificate(certificate.clone());
    }
    builder.build().map_err(|e| {
        Error::new(Kind::Config, "cannot set up TLS")
            .because(Cause::of(&e))
            .hint("check the certificates that this machine trusts, and `endpoints.ca`")
    })
}

/// The certificates of `endpoints.ca`.
pub(super) fn extra_ca(endpoints: &Endpoints) -> Result<Vec<Certificate>> {
    let Some(path) = &endpoints.ca else { return Ok(Vec::new()) };
    let wrong = |why: &str| {
        Error::new(Kind::Config, format!("`endpoints.ca` {why}"))
            .with("file", path.display())
            .hint("name a PEM file that begins with `-----BEGIN CERTIFICATE-----`")
    };
    let pem = std::fs::read(path).map_err(|e| wrong("cannot be read").because(e))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("holds no certificate")),
        Err(e) => Err(wrong("is not PEM").because(Cause::of(&e))),
    }
}

/// Whether `url` points at this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    crate::config::is_loopback(url.as_str())
}

/// The part of an address that may be shown: `https://host/…`.
pub(super) fn redacted(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{}://{host}:{port}/…", url.scheme()),
        (Some(host), None) => format!("{}://{host}/…", url.scheme()),
        _ => format!("{}:…", url.scheme()),
    }
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn send(request: RequestBuilder, timeouts: &Timeouts, whom: &str) -> Result<Response> {
    match tokio::time::timeout(timeouts.answer, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(e)) => Err(failed(&e, whom)),
        Err(_) => Err(Error::new(Kind::Unavailable, format!("{whom} did not answer"))
            .with("within", super::retry::words(timeouts.answer))),
    }
}

/// A body as it comes in.
#[derive(Debug)]
pub(super) struct Pieces {
    response: Response,
    timeouts: Timeouts,
    /// Bytes so far.
    pub(super) received: u64,
    /// What was waited for them; what the reader does with them takes its own time.
    waited: Duration,
}

impl Pieces {
    pub(super) fn of(response: Response, timeouts: &Timeouts) -> Pieces {
        Pieces { response, timeouts: *timeouts, received: 0, waited: Duration::ZERO }
    }

    /// The next piece, `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        let unavailable = |message: &str| Error::new(Kind::Unavailable, message);
        let asked = Instant::now();
        let came = tokio::time::timeout(self.timeouts.chunk, self.response.chunk()).await;
        self.waited += asked.elapsed();
        let error = match came {
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(piece))) => {
                self.received += piece.len() as u64;
                let allowed = self.timeouts.body + Duration::from_secs(self.received / SLOWEST);
                if self.waited <= allowed {
                    return Ok(Some(piece));
                }
                unavailable("the answer comes too slowly").with("after", super::retry::words(self.waited))
            }
            Ok(Err(e)) => unavailable("the answer was cut short").because(Cause::of(&e)),
            Err(_) => unavailable("the answer came to a halt").with("for", super::retry::words(self.timeouts.chunk)),
        };
        Err(error.with("bytes", self.received))
    }
}

/// Reads a body of at most `most` bytes whole.
pub(super) async fn whole(response: Response, timeouts: &Timeouts, most: usize) -> Result<Vec<u8>> {
    let (mut pieces, mut body) = (Pieces::of(response, timeouts), Vec::new());
    while let Some(piece) = pieces.next().await? {
        if body.len() + piece.len() > most {
            return Err(
                Error::new(Kind::NotAReport, "the answer is too long").with("more than", format!("{most} bytes"))
            );
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Reads what there is of an error's body. A body that is cut, late or too long is judged by what came of it.
pub(super) async fn what_there_is(response: Response, timeouts: &Timeouts) -> Vec<u8> {
    let (mut pieces, mut body) = (Pieces::of(response, timeouts), Vec::new());
    while let Ok(Some(piece)) = pieces.next().await {
        body.extend_from_slice(&piece[..piece.len().min(SMALL - body.len())]);
        if body.len() == SMALL {
            break;
        }
    }
    body
}

/// The text of a header.
pub(super) fn header(response: &Response, name: impl header::AsHeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|v| v.to_str().ok())
}

/// The wait that a reply asks for.
pub(super) fn asked_to_wait(response: &Response) -> Option<Duration> {
    retry_after(header(response, header::RETRY_AFTER)?, header(response, header::DATE), SystemTime::now())
}

/// A request that brought no answer.
fn failed(e: &reqwest::Error, whom: &str) -> Error {
    let cause = Cause::of(e);
    if cause.mentions("certificate") {
        return Error::new(Kind::Config, format!("the certificate of {whom} is not trusted"))
            .because(cause)
            .hint("name the certificate authority of your proxy in `endpoints.ca`, or install it on this machine");
    }
    if e.is_builder() {
        return Error::new(Kind::Config, format!("the request to {whom} cannot be made")).because(cause);
    }
    let message = match e.is_connect() {
        true => format!("cannot connect to {whom}"),
        false => format!("{whom} did not answer"),
    };
    Error::new(Kind::Unavailable, message).because(cause)
}

/// An error of a library and its causes, as texts without addresses.
#[derive(Debug)]
pub(super) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// Copies the texts of `e` and of its causes.
    pub(super) fn of(e: &dyn StdError) -> Cause {
        Cause { text: text::clean(&e.to_string()), source: e.source().map(|s| Box::new(Cause::of(s))) }
    }

    fn mentions(&self, word: &str) -> bool {
        self.text.contains(word) || self.source.as_ref().is_some_and(|s| s.mentions(word))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_redacted() {
        let shown = |u| redacted(&Url::parse(u).unwrap());
        assert_eq!(
            shown("https://user:pw@reports.example.com/data/download/TOKEN?x=1"),
            "https://reports.example.com/…"
        );
        assert_eq!(shown("http://127.0.0.1:4010/download/TOKEN"), "http://127.0.0.1:4010/…");
        assert_eq!(shown("data:text/plain,TOKEN"), "data:…");
    }

    #[test]
    fn loopback_is_this_machine() {
        let at = |u| is_loopback(&Url::parse(u).unwrap());
        assert!(at("http://127.0.0.1:1/") && at("http://[::1]/") && at("https://LOCALHOST/"));
        assert!(!at("http://127.0.0.1.example.com/") && !at("https://graph.microsoft.com") && !at("data:x"));
    }
}
