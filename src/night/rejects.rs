//! Cells that did not parse, beside the lake's tables: nothing of an answer is lost without a trace.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::land::{Landed, Place};
use crate::catalog::Report;
use crate::day::Window;
use crate::error::Result;
use crate::lake::hex;
use crate::ledger::Object;
use crate::normalise::Reject;

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    column: &'a str,
    value: &'a str,
    reason: &'a str,
    row: &'a str,
}

/// Writes the rejected cells of an answer, one JSON object a line, each with its line in the answer. None where all did parse.
pub async fn keep(
    place: &Place,
    report: &Report,
    window: Window,
    landed: &Landed,
    run: &str,
) -> Result<Option<Object>> {
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
) -> Result<Option<Object>> {
    if rejects.is_empty() {
        return Ok(None);
    }
    let mut text = Vec::new();
    for r in rejects {
        let line = Line { line: r.line, column: &r.column, value: &r.value, reason: r.reason, row: &r.row };
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
        }
    }
    let name = format!("{run}-{}", &sha256[..12.min(sha256.len())]);
    let (path, sha256) = (place.layout.rejects(table, window, &name), hex(Sha256::new_with_prefix(&text)));
    let object = Object { path, size: text.len() as u64, sha256, rows: rejects.len() as u64 };
    place.lake.replace(&object.path, text.into(), &place.guard).await?;
    Ok(Some(object))
}
