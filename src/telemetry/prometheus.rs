//! The file for Prometheus, in its text format, as node_exporter's textfile collector reads it.
//!
//! It is replaced in one step, and holds every tenant of the pipeline file. What a command does not speak of stays: other
//! tenants, and of a run of some reports the others. The time of the last success stays until the next.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::Nights;
use super::metrics::{METRICS, Metric, Sample};
use crate::error::{Error, Kind, Result};

/// A file that is longer was not written by us.
const LONGEST: u64 = 64 << 20;

/// Writes the file. What stood in it and still holds is taken over.
pub(super) fn write(path: &Path, nights: &Nights<'_>, tenants: &[String]) -> Result<()> {
    let before = before(path);
    let text = text(&merged(&before, nights, tenants));
    replace(path, text.as_bytes()).map_err(|e| {
        Error::new(Kind::File, "the file for Prometheus cannot be written")
            .with("file", path.display())
            .because(e)
            .hint("name a file in a folder that is there and that this user may write to: `prometheus` under `[telemetry]`")
    })
}

/// What the file says. A file that is not there, or is none of ours, says nothing.
fn before(path: &Path) -> Vec<Sample> {
    let short = fs::metadata(path).is_ok_and(|m| m.len() <= LONGEST);
    short.then(|| fs::read_to_string(path).ok()).flatten().map_or_else(Vec::new, |text| parse(&text))
}

/// Puts a file in one step: a reader sees the old or the new.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().ok_or_else(|| std::io::Error::other("it is no file"))?.to_os_string();
    // The collector reads what ends in `.prom`.
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let put = written.and_then(|()| fs::rename(&beside, path));
    if put.is_err() {
        let _ = fs::remove_file(&beside);
    }
    put
}

/// What holds after these nights: what they say, and of what was said before what they do not speak of.
fn merged(before: &[Sample], nights: &Nights<'_>, tenants: &[String]) -> Vec<Sample> {
    let mut all = Vec::new();
    for metric in &METRICS {
        let mut samples = metric.samples(nights);
        let said: BTreeSet<_> = samples.iter().map(|s| s.labels.clone()).collect();
        let of_metric = before.iter().filter(|s| s.name == metric.name && !said.contains(&s.labels));
        samples.extend(of_metric.filter(|s| holds(metric, s, nights, tenants)).cloned());
        if metric.stays && metric.labels() == ["tenant"] {
            let known: BTreeSet<_> = samples.iter().filter_map(|s| s.label("tenant")).map(str::to_string).collect();
            let never = tenants.iter().filter(|t| !known.contains(*t));
            samples.extend(never.map(|t| Sample {
                name: metric.name,
                labels: vec![("tenant", t.clone())],
                value: 0.0,
            }));
        }
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        all.extend(samples);
    }
    all
}

/// Whether a value that these nights do not give still holds.
fn holds(metric: &Metric, sample: &Sample, nights: &Nights<'_>, tenants: &[String]) -> bool {
    let Some(tenant) = sample.label("tenant") else { return false };
    if !tenants.iter().any(|t| t == tenant) {
        return false;
    }
    let Some(night) = nights.nights.iter().find(|n| n.tenant == tenant) else { return true };
    match (sample.label("report"), night.record()) {
        // The tenant's own figures are those of the last run.
        (None, _) => metric.stays,
        // A run that left no record says nothing of reports.
        (Some(_), None) => true,
        (Some(report), Some(record)) => {
            let spoken_of = record.reports.iter().chain(&record.directory).any(|r| r.report == report);
            if spoken_of { metric.stays } else { !night.whole }
        }
    }
}

/// Samples as text, metric by metric.
fn text(samples: &[Sample]) -> String {
    let mut out = String::new();
    for metric in &METRICS {
        let mut of_metric = samples.iter().filter(|s| s.name == metric.name).peekable();
        if of_metric.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "# HELP {} {}\n# TYPE {} gauge", metric.name, metric.help, metric.name);
        for sample in of_metric {
            let labels: Vec<String> = sample.labels.iter().map(|(l, v)| format!("{l}=\"{}\"", escaped(v))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "{}{labels} {}", sample.name, sample.value);
        }
    }
    out
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Reads what [`text`] writes. A line that it would not write is left out.
fn parse(text: &str) -> Vec<Sample> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Sample> {
    let (head, value) = line.rsplit_once(' ')?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (head, ""),
    };
    let metric = METRICS.iter().find(|m| m.name == name)?;
    let mut rest = labels;
    let mut found = Vec::new();
    for label in metric.labels() {
        rest = rest.strip_prefix(',').unwrap_or(rest).strip_prefix(label)?.strip_prefix("=\"")?;
        // Tenants, reports and outcomes have no quotes; a value that has some is none of ours.
        let (value, after) = rest.split_once('"')?;
        found.push((label, value.to_string()));
        rest = after;
    }
    let value = value.parse().ok()?;
    rest.is_empty().then_some(Sample { name: metric.name, labels: found, value })
}
