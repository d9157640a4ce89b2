//! The figures of a run for those who watch many programs: a file for Prometheus, traces and metrics for OpenTelemetry.
//!
//! Both are made of the run's record, by one table of metrics. It promises that nothing here makes a night fail, or wait
//! longer than ten seconds; that no label or attribute holds a person, a secret or a text of Graph; and that the time of the last
//! success stays until the next one. It prints nothing.

pub mod metrics;
mod otlp;
mod prometheus;
mod trace;

use std::time::{Duration, SystemTime};

use crate::config::Telemetry;
use crate::error::{Error, Kind};
use crate::night::record::{Outcome, RunRecord};
use crate::night::trail::Stretch;

/// How long a collector may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a command did.
pub struct Nights<'a> {
    /// The night of each tenant.
    pub nights: Vec<Night<'a>>,
    /// The command's exit code.
    pub exit: u8,
}

/// What a command did for one tenant.
pub struct Night<'a> {
    /// The tenant's partition value.
    pub tenant: &'a str,
    /// When it was, by the machine's clock.
    pub time: Stretch,
    /// Its record, or the error that left none.
    pub ended: Result<&'a RunRecord, &'a Error>,
    /// Whether all was asked for that is due. Who asks for one report at noon does not make good the night.
    pub whole: bool,
}

impl Night<'_> {
    fn record(&self) -> Option<&RunRecord> {
        self.ended.ok()
    }

    fn outcome(&self) -> Outcome {
        self.record().map_or(Outcome::Failed, |r| r.outcome)
    }
}

/// Tells everybody who is to be told. Returns what went wrong with the telling.
pub async fn tell(telemetry: &Telemetry, nights: &Nights<'_>) -> Vec<Error> {
    let mut wrong = Vec::new();
    if let Some(path) = &telemetry.prometheus {
        wrong.extend(prometheus::write(path, nights, &telemetry.tenants).err());
    }
    if let Some(collector) = &telemetry.otlp {
        let told = tokio::time::timeout(PATIENCE, otlp::send(collector, nights)).await;
        let late = || {
            Error::new(Kind::Unavailable, "the OpenTelemetry collector took too long")
                .with("seconds", PATIENCE.as_secs())
                .hint("check `otlp` under `[telemetry]`")
        };
        wrong.extend(told.unwrap_or_else(|_| Err(late())).err());
    }
    wrong
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| (d.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests;
