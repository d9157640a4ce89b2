//! Traces and metrics to an OpenTelemetry collector: OTLP over HTTP, binary Protobuf, one try.
//!
//! The messages are OpenTelemetry's own. A collector that is asked again would hold up the night, so it is not; the record in the
//! lake has everything.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::metrics::{METRICS, Sample};
use super::{Nights, PATIENCE, trace};
use crate::config::Otlp;
use crate::error::{Error, Kind, Result};

/// Spans of one message: collectors refuse what is longer than some megabytes.
const SPANS: usize = 4_000;

/// Sends traces and metrics of a command.
pub(super) async fn send(collector: &Otlp, nights: &Nights<'_>) -> Result<()> {
    let sender = Sender::new(collector)?;
    let metrics = async {
        let answer = sender.post("metrics", metrics(nights).encode_to_vec()).await?;
        let refused = ExportMetricsServiceResponse::decode(answer.as_slice()).ok().and_then(|a| a.partial_success);
        taken("metrics", refused.map_or(0, |r| r.rejected_data_points))
    };
    let traces = async {
        for message in traces(nights) {
            let answer = sender.post("traces", message.encode_to_vec()).await?;
            let refused = ExportTraceServiceResponse::decode(answer.as_slice()).ok().and_then(|a| a.partial_success);
            taken("traces", refused.map_or(0, |r| r.rejected_spans))?;
        }
        Ok(())
    };
    tokio::try_join!(metrics, traces).map(drop)
}

fn taken(what: &str, refused: i64) -> Result<()> {
    if refused == 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, format!("the OpenTelemetry collector did not take all {what}"))
        .with("refused", refused))
}

/// The way to a collector.
struct Sender<'a> {
    collector: &'a Otlp,
    client: reqwest::Client,
    headers: HeaderMap,
}

impl Sender<'_> {
    fn new(collector: &Otlp) -> Result<Sender<'_>> {
        let mut headers = HeaderMap::new();
        for (name, place) in &collector.headers {
            let wrong = || {
                Error::new(Kind::Config, "a header of `otlp_headers` under `[telemetry]` cannot be sent")
                    .with("header", name)
            };
            let mut value = HeaderValue::from_str(place.read()?.expose()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
        }
        let mut client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        if collector.address.scheme() == "http" {
            client = client.no_proxy();
        }
        Ok(Sender { collector, client: client.build().map_err(unreached)?, headers })
    }

    /// Sends a message and returns the answer's body.
    async fn post(&self, signal: &str, message: Vec<u8>) -> Result<Vec<u8>> {
        let address = format!("{}/v1/{signal}", self.collector.address.as_str().trim_end_matches('/'));
        let request = self.client.post(address).headers(self.headers.clone()).body(message);
        let mut response = request.header("Content-Type", "application/x-protobuf").send().await.map_err(unreached)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Error::new(Kind::Refused, format!("the OpenTelemetry collector refused the {signal}"))
                .with("status", status.as_u16())
                .hint("check `otlp` and `otlp_headers` under `[telemetry]`: it must speak OTLP over HTTP, binary Protobuf"));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreached)? {
            body.extend_from_slice(&piece);
            // What it says is a number and a sentence.
            if body.len() > 64 << 10 {
                break;
            }
        }
        Ok(body)
    }
}

fn unreached(e: reqwest::Error) -> Error {
    Error::new(Kind::Unavailable, "the OpenTelemetry collector was not reached")
        .because(e.without_url())
        .hint("check `otlp` under `[telemetry]`")
}

fn traces(nights: &Nights<'_>) -> Vec<ExportTraceServiceRequest> {
    let spans: Vec<Span> = nights.nights.iter().flat_map(trace::spans).collect();
    let message = |spans: &[Span]| ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource()),
            scope_spans: vec![ScopeSpans { scope: Some(scope()), spans: spans.to_vec(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    };
    spans.chunks(SPANS).map(message).collect()
}

fn metrics(nights: &Nights<'_>) -> ExportMetricsServiceRequest {
    let began = nights.nights.iter().map(|n| n.time.began).min().unwrap_or(SystemTime::UNIX_EPOCH);
    let ended = nights.nights.iter().map(|n| n.time.ended).max().unwrap_or(began);
    let point = |sample: Sample| NumberDataPoint {
        attributes: sample.labels.iter().map(|(label, value)| text(label, value)).collect(),
        start_time_unix_nano: nanos(began),
        time_unix_nano: nanos(ended),
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    };
    let metrics = METRICS.iter().filter_map(|m| {
        let data_points: Vec<_> = m.samples(nights).into_iter().map(point).collect();
        (!data_points.is_empty()).then(|| Metric {
            name: m.name.to_string(),
            description: m.help.to_string(),
            unit: m.unit.to_string(),
            data: Some(metric::Data::Gauge(Gauge { data_points })),
            ..Metric::default()
        })
    });
    let scope_metrics = ScopeMetrics { scope: Some(scope()), metrics: metrics.collect(), ..ScopeMetrics::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        }],
    }
}

fn resource() -> Resource {
    let attributes = vec![text("service.name", "usagelake"), text("service.version", env!("CARGO_PKG_VERSION"))];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    let (name, version) = ("usagelake".to_string(), env!("CARGO_PKG_VERSION").to_string());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}

/// An attribute that is a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_string()))
}

/// An attribute that is a number.
pub(super) fn number(key: &str, value: u64) -> KeyValue {
    attribute(key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_string(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Nanoseconds since 1970.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
