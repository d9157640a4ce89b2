//! Cells that did not parse, beside the lake's tables: nothing of an answer is lost without a trace.

use serde::Serialize;

use super::land::{Landed, Place};
use crate::catalog::Report;
use crate::day::Window;
use crate::error::Result;
use crate::normalise::Reject;

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    column: &'a str,
    value: &'a str,
    reason: &'a str,
    row: &'a str,
}

/// Writes the rejected cells of an answer, one JSON object a line, each with its line in the answer.
pub async fn keep(place: &Place, report: &Report, window: Window, landed: &Landed, run: &str) -> Result<()> {
    write(place, &report.table(), window, &landed.outcome.rejects, &landed.sha256, run).await
}

/// The same for the answer with this hash of any table or list.
pub async fn write(
    place: &Place,
    table: &str,
    window: Window,
    rejects: &[Reject],
    sha256: &str,
    run: &str,
) -> Result<()> {
    let mut text = Vec::new();
    for r in rejects {
        let line = Line { line: r.line, column: &r.column, value: &r.value, reason: r.reason, row: &r.row };
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
        }
    }
    let name = format!("{run}-{}", &sha256[..12.min(sha256.len())]);
    place.lake.replace(&place.layout.rejects(table, window, &name), text.into(), &place.guard).await
}
