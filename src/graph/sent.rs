//! What became of each request that was sent, for whoever draws a night on a line of time.
//!
//! Of an address only what may be shown is kept: no query, and of a download no path, which is a secret.

use std::time::SystemTime;

use reqwest::Response;
use url::Url;

use super::http;
use crate::error::Result;

/// A request and the head of its answer. Its method is GET: nothing else is sent to Graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The address, as far as it may be shown.
    pub url: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
    /// When it was sent.
    pub began: SystemTime,
    /// When the head of its answer was there, or none came.
    pub ended: SystemTime,
    /// The status, where an answer came.
    pub status: Option<u16>,
}

impl Sent {
    /// A request to Graph: its path says what was asked for.
    pub(super) fn to_graph(url: &Url, began: SystemTime, answer: &Result<Response>) -> Sent {
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        Sent::of(url, shown, began, answer)
    }

    /// A download.
    pub(super) fn download(url: &Url, began: SystemTime, answer: &Result<Response>) -> Sent {
        Sent::of(url, http::redacted(url), began, answer)
    }

    fn of(url: &Url, shown: String, began: SystemTime, answer: &Result<Response>) -> Sent {
        Sent {
            url: shown,
            host: url.host_str().unwrap_or_default().to_string(),
            port: url.port_or_known_default(),
            began,
            ended: SystemTime::now(),
            status: answer.as_ref().ok().map(|a| a.status().as_u16()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    #[test]
    fn of_an_address_only_what_may_be_shown_is_kept() {
        let none = || Err(Error::new(Kind::Unavailable, "no answer"));
        let now = SystemTime::now();
        let graph = Url::parse("https://graph.microsoft.com/v1.0/users?$skiptoken=ada").unwrap();
        let sent = Sent::to_graph(&graph, now, &none());
        assert_eq!((sent.url.as_str(), sent.port), ("https://graph.microsoft.com/v1.0/users", Some(443)));
        let link = Url::parse("https://user:pw@reports.example.com/data/download/TOKEN?x=1").unwrap();
        let sent = Sent::download(&link, now, &none());
        assert_eq!((sent.url.as_str(), sent.host.as_str()), ("https://reports.example.com/…", "reports.example.com"));
        assert_eq!(sent.status, None);
    }
}
