//! Bodies, whole or spoilt: cut connections, short files, slow drops, pages of HTML.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use futures::stream;

use super::faults::Fault;
use super::problem::{Problem, answer};
use super::reports::status;
use super::service::Service;

/// How long a body that will be cut waits before the cut, so that what was sent has left.
const BEFORE_CUT: Duration = Duration::from_millis(30);

/// An answer with these bytes, as the faults leave it.
pub fn deliver(service: &Service, bytes: Vec<u8>, content_type: &'static str, faults: Vec<Fault>) -> Response<Body> {
    let length = bytes.len();
    let mut answer = answer(200, content_type, bytes.clone());
    for fault in faults {
        answer = match fault {
            Fault::Status { code, retry_after } => status(service, code, retry_after.as_deref()),
            Fault::Html { status } => html(status),
            Fault::JsonError {} => {
                let problem = Problem::new(200, "UnknownError", "An internal error has occurred.");
                problem.answer(service.now())
            }
            Fault::UnknownTenant { .. } => {
                Problem::new(404, "UnknownTenantId", "We do not recognize this tenant ID.").answer(service.now())
            }
            Fault::Permission {} => Problem::new(403, "S2SUnauthorized", "Invalid permission.").answer(service.now()),
            Fault::Truncated { after } => {
                let mut short = bytes.clone();
                short.truncate(after);
                super::problem::answer(200, content_type, short)
            }
            Fault::Cut { after, chunked } => cut(&bytes, after, content_type, (!chunked).then_some(length)),
            Fault::Slow { bytes: drop, millis } => {
                slow(bytes.clone(), drop.max(1), Duration::from_millis(millis), content_type)
            }
            _ => answer,
        };
    }
    answer
}

fn html(status: u16) -> Response<Body> {
    let page = "<!DOCTYPE html>\r\n<html><head><title>Service unavailable</title></head>\r\n<body><h2>Our services aren't available right now</h2><p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>\r\n";
    answer(status, "text/html", page)
}

/// Sends the first bytes, then breaks the connection off.
fn cut(bytes: &[u8], after: usize, content_type: &'static str, length: Option<usize>) -> Response<Body> {
    let first = Bytes::copy_from_slice(&bytes[..after.min(bytes.len())]);
    let parts = stream::unfold(Some(first), |state| async move {
        match state {
            Some(first) if !first.is_empty() => Some((Ok(first), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(BEFORE_CUT).await;
                Some((Err(std::io::Error::other("cut by a fault")), None))
            }
            None => None,
        }
    });
    with_length(answer(200, content_type, Body::from_stream(parts)), length)
}

fn slow(bytes: Vec<u8>, drop: usize, pause: Duration, content_type: &'static str) -> Response<Body> {
    let length = bytes.len();
    let parts = stream::unfold(Bytes::from(bytes), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let part = rest.split_to(drop.min(rest.len()));
        Some((Ok::<_, std::io::Error>(part), rest))
    });
    with_length(answer(200, content_type, Body::from_stream(parts)), Some(length))
}

fn with_length(mut answer: Response<Body>, length: Option<usize>) -> Response<Body> {
    if let Some(length) = length {
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}
