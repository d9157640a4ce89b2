//! Telling somebody how a night went: a webhook and a command, where it went otherwise than well.
//!
//! Both get one JSON document: what happened (`events`), for whom, and the record of the run, or the error that left none.
//! A hook that fails is a warning and changes nothing: the night is over. The webhook's address may be a secret and is
//! never printed.

use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::record::{Outcome, Problem, ReportRecord, RunRecord};
use crate::catalog;
use crate::config::{Event, Hooks};
use crate::error::{Error, Kind, Result};

/// How long a webhook may take to answer, and a command to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at a command.
const LOOK: Duration = Duration::from_millis(50);

/// What a hook is told.
#[derive(Serialize)]
struct Told<'a> {
    /// What happened.
    events: &'a [Event],
    tenant: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a RunRecord>,
    /// What left no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// What a record has to tell.
fn events(record: &RunRecord) -> Vec<Event> {
    let reports = || record.reports.iter().chain(&record.directory);
    let any = |of: &dyn Fn(&ReportRecord) -> bool| reports().any(of);
    let failed = record.outcome == Outcome::Failed || record.lost.is_some();
    [
        (Event::Failure, failed),
        (Event::Partial, record.outcome == Outcome::Partial),
        (Event::Expiring, !record.expires_soon.is_empty()),
        (Event::Drift, any(&drifted)),
        (Event::Held, any(&|r| r.held > 0)),
    ]
    .into_iter()
    .filter_map(|(event, happened)| happened.then_some(event))
    .collect()
}

/// Whether a report came with a header that the catalog does not know, or without a column that documents promise.
fn drifted(record: &ReportRecord) -> bool {
    let promised = |name: &String| {
        let of = |r: &'static catalog::Report| Some((r, r.columns.iter().position(|c| c.name == *name)?));
        catalog::find(&record.report).and_then(of).is_some_and(|(report, at)| catalog::expected(report, at))
    };
    !record.unknown_headers.is_empty() || record.missing_columns.iter().any(promised)
}

/// Tells the hooks of a run that ended, or of the error that left no record of it. Returns what went wrong with the
/// telling.
pub async fn tell(hooks: &Hooks, tenant: &str, ended: Result<&RunRecord, &Error>) -> Vec<Error> {
    let happened = ended.map_or_else(|_| vec![Event::Failure], events);
    let events: Vec<Event> = happened.into_iter().filter(|e| hooks.on.contains(e)).collect();
    if events.is_empty() {
        return Vec::new();
    }
    let error = ended.err().map(|e| Problem::new(None, e));
    let told = Told { events: &events, tenant, record: ended.ok(), error };
    let body = serde_json::to_vec(&told).unwrap_or_default();
    let (posted, run) = tokio::join!(post(hooks, body.clone()), command(hooks, body));
    [posted, run].into_iter().filter_map(Result::err).collect()
}

async fn post(hooks: &Hooks, body: Vec<u8>) -> Result<()> {
    let Some(address) = &hooks.webhook else { return Ok(()) };
    let address = address.read()?;
    crate::config::check_endpoint(address.expose()).map_err(|_| {
        Error::new(Kind::Config, "the webhook's address is not https").hint("use https, or http on 127.0.0.1")
    })?;
    let failed = |e: reqwest::Error| {
        let e = e.without_url();
        Error::new(Kind::Unavailable, "the webhook was not reached").because(e).hint("check `webhook` under `[hooks]`")
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    let client = client.build().map_err(failed)?;
    let request = client.post(address.expose()).header("Content-Type", "application/json").body(body);
    let status = request.send().await.map_err(failed)?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(Error::new(Kind::Refused, "the webhook refused the message").with("status", status.as_u16())),
    }
}

async fn command(hooks: &Hooks, body: Vec<u8>) -> Result<()> {
    let Some((program, arguments)) = hooks.command.split_first() else { return Ok(()) };
    let failed = |what: &str| Error::new(Kind::File, what.to_string()).with("command", program);
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || run(command, &body)).await;
    match ended.unwrap_or_else(|e| Err(std::io::Error::other(e))) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed("the hook's command failed").with("status", status)),
        Ok(None) => Err(failed("the hook's command took too long and was ended")),
        Err(e) => Err(failed("the hook's command cannot be run").because(e)),
    }
}

/// Runs a command with `body` on its stdin; none where it was ended because it took too long.
fn run(mut command: Command, body: &[u8]) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let body = body.to_vec();
        // A command that does not read must not be waited for.
        std::thread::spawn(move || stdin.write_all(&body));
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
