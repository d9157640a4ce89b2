//! Errors as Graph and Entra write them.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

/// An error of Graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: String,
    /// `error.message`.
    pub message: String,
    /// `Retry-After`, word for word.
    pub retry_after: Option<String>,
}

impl Problem {
    /// An error of Graph.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { status, code: code.into(), message: message.into(), retry_after: None }
    }

    /// The path leads nowhere.
    pub fn no_segment(segment: &str) -> Problem {
        Problem::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."))
    }

    /// The body of the error.
    pub fn body(&self, now: DateTime<Utc>) -> Json {
        let id = guid();
        json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": now.format("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": id,
                "client-request-id": id,
            },
        }})
    }

    /// The error as an answer.
    pub fn answer(&self, now: DateTime<Utc>) -> Response<Body> {
        let mut answer = json_answer(self.status, &self.body(now));
        if let Some(after) = self.retry_after.as_deref().and_then(|a| HeaderValue::from_str(a).ok()) {
            answer.headers_mut().insert(header::RETRY_AFTER, after);
        }
        if self.status == 401 {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"\""));
        }
        answer
    }
}

/// A GUID that nothing else has.
pub fn guid() -> String {
    let (a, b) = (fastrand::u64(..), fastrand::u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 48) & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// An answer with a body of JSON.
pub fn json_answer(status: u16, body: &Json) -> Response<Body> {
    answer(
        status,
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        body.to_string(),
    )
}

/// An answer with a body.
pub fn answer(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&guid()) {
        headers.insert("request-id", id.clone());
        headers.insert("client-request-id", id);
    }
    answer
}

/// An error of the token endpoint.
pub fn sign_in_refused(status: u16, error: &str, code: u32, text: &str, now: DateTime<Utc>) -> Response<Body> {
    let (trace, correlation) = (guid(), guid());
    let stamp = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let description =
        format!("AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}");
    json_answer(
        status,
        &json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}
