//! A night as a tree of spans: the run, its reports, their windows, the requests; then marts, manifest and retention.
//!
//! Identifiers are made of the run's id, so that whoever has a record finds its trace. Attributes follow OpenTelemetry's
//! semantic conventions where there are some. What an error says is in the record; here is only its kind.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use sha2::{Digest, Sha256};

use super::Night;
use super::otlp::{nanos, number, text};
use crate::error::Error;
use crate::graph::Sent;
use crate::night::record::{Outcome, ReportRecord};
use crate::night::trail::{Asked, Stretch};

/// The spans of one tenant's night, parents first.
pub(super) fn spans(night: &Night<'_>) -> Vec<Span> {
    let record = night.record();
    let run = record.map_or_else(|| nanos(night.time.began).to_string(), |r| r.run.clone());
    let mut trace = Trace::new(night.tenant, &run);
    let mut about = vec![text("usagelake.tenant", night.tenant), text("usagelake.outcome", word(night.outcome()))];
    about.extend(record.map(|r| text("usagelake.run", &r.run)));
    let lost = record.and_then(|r| r.lost.as_ref()).map(|p| p.kind.clone());
    let error = night.ended.err().map(kind).or(lost).or_else(|| match night.outcome() {
        Outcome::Failed => Some("failed".to_string()),
        _ => None,
    });
    let root = trace.add(&[], "usagelake run", night.time, about, error);
    if let Some(record) = record {
        for report in record.reports.iter().chain(&record.directory) {
            trace.report(&root, report, night.time);
        }
        for step in &record.steps {
            trace.add(&root, step.name, step.time, Vec::new(), None);
        }
    }
    trace.spans
}

struct Trace {
    id: Vec<u8>,
    spans: Vec<Span>,
}

impl Trace {
    fn new(tenant: &str, run: &str) -> Trace {
        let id = Sha256::digest(format!("{tenant}/{run}"))[..16].to_vec();
        Trace { id, spans: Vec::new() }
    }

    /// Adds a span and returns its id.
    fn add(
        &mut self,
        parent: &[u8],
        name: &str,
        time: Stretch,
        attributes: Vec<KeyValue>,
        error: Option<String>,
    ) -> Vec<u8> {
        let number = self.spans.len() as u64;
        let id = Sha256::new_with_prefix(&self.id).chain_update(number.to_be_bytes()).finalize()[..8].to_vec();
        let status = error.as_ref().map(|_| Status { message: String::new(), code: StatusCode::Error as i32 });
        let mut attributes = attributes;
        attributes.extend(error.map(|kind| text("error.type", &kind)));
        self.spans.push(Span {
            trace_id: self.id.clone(),
            span_id: id.clone(),
            parent_span_id: parent.to_vec(),
            name: name.to_string(),
            kind: SpanKind::Internal as i32,
            start_time_unix_nano: nanos(time.began),
            end_time_unix_nano: nanos(time.ended.max(time.began)),
            attributes,
            status,
            ..Span::default()
        });
        id
    }

    fn report(&mut self, parent: &[u8], report: &ReportRecord, run: Stretch) {
        // Of a report for which nothing was due there is nothing to draw.
        if report.trail.windows.is_empty() {
            return;
        }
        let first = report.trail.windows.iter().map(|w| w.time.began).min().unwrap_or(run.began);
        // A report that was cut off ended with the last of its windows.
        let last = report.trail.windows.iter().map(|w| w.time.ended).max().unwrap_or(first);
        let time = report.trail.time.unwrap_or(Stretch { began: first, ended: last });
        let mut about = vec![
            text("usagelake.report", &report.report),
            text("usagelake.outcome", word(report.outcome)),
            number("usagelake.rows", report.rows),
            number("usagelake.bytes", report.bytes),
        ];
        if report.trail.left_out > 0 {
            about.push(number("usagelake.left_out", report.trail.left_out));
        }
        let kinds = || report.problems.iter().map(|p| p.kind.clone());
        let error = (report.outcome == Outcome::Failed).then(|| kinds().next().unwrap_or_else(|| "failed".to_string()));
        let id = self.add(parent, &report.report, time, about, error);
        for window in &report.trail.windows {
            self.window(&id, report, window);
        }
    }

    fn window(&mut self, parent: &[u8], report: &ReportRecord, asked: &Asked) {
        let outcome = asked.outcome.unwrap_or(word(Outcome::NotServed));
        let about = vec![
            text("usagelake.window", &asked.window.to_string()),
            text("usagelake.outcome", outcome),
            number("usagelake.rows", asked.rows),
        ];
        let problem = report.problems.iter().find(|p| p.window == Some(asked.window)).map(|p| p.kind.clone());
        let error = (outcome == "failed").then(|| problem.unwrap_or_else(|| "failed".to_string()));
        let id = self.add(parent, &asked.window.to_string(), asked.time, about, error);
        for (n, sent) in asked.requests.iter().enumerate() {
            self.request(&id, n, sent);
        }
    }

    fn request(&mut self, parent: &[u8], n: usize, sent: &Sent) {
        let mut about = vec![
            text("http.request.method", "GET"),
            text("url.full", &sent.url),
            text("server.address", &sent.host),
            number("usagelake.request", n as u64 + 1),
        ];
        about.extend(sent.port.map(|port| number("server.port", u64::from(port))));
        about.extend(sent.status.map(|status| number("http.response.status_code", u64::from(status))));
        let error = match sent.status {
            None => Some("unavailable".to_string()),
            Some(status) if status >= 400 => Some(status.to_string()),
            Some(_) => None,
        };
        self.add(parent, "GET", Stretch { began: sent.began, ended: sent.ended }, about, error);
        if let Some(span) = self.spans.last_mut() {
            span.kind = SpanKind::Client as i32;
        }
    }
}

fn kind(e: &Error) -> String {
    crate::night::record::Problem::new(None, e).kind
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Partial => "partial",
        Outcome::Failed => "failed",
        Outcome::NotServed => "not-served",
    }
}
