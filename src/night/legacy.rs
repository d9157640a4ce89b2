//! Exports of the retired app, landed beside the files of Graph.
//!
//! A month is replaced whole by a file that has it, where that file's data goes as far as what is there or further: an export
//! of an unfinished month gives way to a later one, and never the other way. What was landed once is not landed again.

use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::import::{Imported, Options};
use super::land::{Place, Raw};
use super::report::stamp;
use crate::catalog::legacy::{Recognised, Table, find, recognise};
use crate::config::RawPolicy;
use crate::day::{Clock, Day, Window};
use crate::error::{Error, Kind, Result};
use crate::forget::Source;
use crate::lake::hex;
use crate::ledger::{Ledger, Names, Object, Slice, Status};
use crate::normalise::legacy;
use crate::tables::state;

/// A file of the retired app.
pub(super) struct Export {
    pub(super) path: PathBuf,
    table: &'static Table,
}

/// Recognises a file by its beginning; none where it is nothing of the app.
pub(super) fn look(path: &Path, head: &[u8], options: &Options) -> Result<Option<Export>> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let headers = legacy::headers(head);
    let found = |table| Ok(Some(Export { path: path.to_path_buf(), table }));
    let near = |table: &'static Table, lacks: Vec<String>| {
        let lacks: Vec<String> = lacks.iter().map(|h| format!("`{h}`")).collect();
        Err(Error::new(Kind::NotAReport, "the header is no table's of the retired app")
            .with("nearest", table.name())
            .hint(format!("it lacks {}; export all columns of the table", lacks.join(", "))))
    };
    if let Some(table) = options.report.as_deref().and_then(find) {
        let lacks = table.lacks(&headers);
        return if lacks.is_empty() { found(table) } else { near(table, lacks) };
    }
    match recognise(&headers, &name) {
        Recognised::One(table) => found(table),
        Recognised::Several(tables) => {
            let names: Vec<&str> = tables.iter().map(|t| t.name()).collect();
            Err(Error::new(Kind::Usage, "several tables of the retired app have this header")
                .with("candidates", names.join("`, `"))
                .hint("name the table with `--report`, or the file after it"))
        }
        Recognised::Near(table, lacks) => near(table, lacks),
        Recognised::None => Ok(None),
    }
}

/// Lands a file.
pub(super) async fn one(
    place: &Place,
    export: &Export,
    run: &str,
    clock: Clock,
    ledgers: &mut Vec<Ledger>,
) -> Result<Imported> {
    let table = export.table;
    let bytes =
        std::fs::read(&export.path).map_err(|e| Error::new(Kind::NotAReport, "cannot read the file").because(e))?;
    let mut sieve = place.sieve(Source::Legacy(table), None);
    let bytes = match &mut sieve {
        Some(sieve) => sieve.whole(&bytes)?.to_vec(),
        None => bytes,
    };
    let read = legacy::read(table, &bytes)?;
    let sha256 = hex(Sha256::new_with_prefix(&bytes));
    let mut imported = Imported {
        file: export.path.display().to_string(),
        report: table.name().to_string(),
        table: table.table.clone(),
        rows: read.rows,
        forgotten: sieve.map_or(0, |sieve| sieve.dropped()),
        partitions: Vec::new(),
        unchanged: false,
        rejected_cells: read.rejected_cells,
        unknown_headers: read.unknown_headers.clone(),
        missing_columns: read.missing_columns.clone(),
    };
    if !ledgers.iter().any(|l| l.report() == table.table) {
        ledgers.push(Ledger::empty(&table.table));
    }
    let ledger = ledgers
        .iter_mut()
        .find(|l| l.report() == table.table)
        .ok_or_else(|| Error::new(Kind::Lake, "the ledger is not loaded").with("table", &table.table))?;
    let mut due: Vec<(Day, Day, &RecordBatch)> = Vec::new();
    for (month, rows) in &read.months {
        once(table, *month, rows)?;
        ledger.load_month(&place.lake, &place.layout, *month).await?;
        let until = until(rows).unwrap_or(*month);
        if !place.horizon.takes(&table.table, *month) && wins(ledger.get(Window::Present, *month), until, &sha256) {
            due.push((*month, until, rows));
        }
    }
    if due.is_empty() {
        if let Some(month) = read.months.keys().next_back() {
            super::import::kept(place, &table.table, *month)?;
        }
        imported.unchanged = read.rows > 0;
        return Ok(imported);
    }
    let raw = keep(place, table, &bytes, run, read.rows).await?;
    let rejects = super::rejects::write(place, &table.table, Window::Present, &read.rejects, &sha256, run).await?;
    for (month, until, rows) in due {
        let object = put(place, table, month, rows).await?;
        imported.partitions.push(object.path.clone());
        let mut slice = Slice::new(Window::Present, month, Status::Landed, &stamp(clock), run);
        slice.refresh_date = Some(until);
        (slice.rows, slice.bytes, slice.sha256) = (rows.num_rows() as u64, bytes.len() as u64, sha256.clone());
        slice.rejected_cells = read.rejected_cells;
        slice.unknown_headers.clone_from(&read.unknown_headers);
        slice.missing_columns.clone_from(&read.missing_columns);
        slice.names = if table.key.iter().any(|k| k == PERSON) { Names::Named } else { Names::None };
        slice.raw.clone_from(&raw);
        slice.rejects.clone_from(&rejects);
        slice.objects = vec![object];
        slice.published_at = stamp(clock);
        slice.published_by = run.to_string();
        ledger.record(slice);
    }
    ledger.save(&place.lake, &place.layout, &place.guard).await?;
    Ok(imported)
}

/// The column of tables that are about people.
const PERSON: &str = "user_id";

/// Refuses a month with two rows of one key that say different things; equal rows are one.
fn once(table: &Table, month: Day, rows: &RecordBatch) -> Result<()> {
    let columns = |names: &[usize]| {
        arrow::row::RowConverter::new(
            names.iter().map(|n| arrow::row::SortField::new(rows.column(*n).data_type().clone())).collect(),
        )
        .and_then(|c| c.convert_columns(&names.iter().map(|n| rows.column(*n).clone()).collect::<Vec<_>>()))
        .map_err(|e| Error::new(Kind::NotAReport, "the rows do not go together").because(e))
    };
    let key: Vec<usize> = table.key.iter().filter_map(|k| table.columns.iter().position(|c| c.name == *k)).collect();
    let (keys, whole) = (columns(&key)?, columns(&(0..rows.num_columns()).collect::<Vec<_>>())?);
    let mut seen = std::collections::HashMap::new();
    for n in 0..rows.num_rows() {
        if seen.insert(keys.row(n), n).is_some_and(|before| whole.row(before) != whole.row(n)) {
            return Err(Error::new(Kind::NotAReport, "two rows of a month have the same key and say different things")
                .with("month", month)
                .with("key", table.key.join(", "))
                .hint("export the table as it is, without filters and totals of a report"));
        }
    }
    Ok(())
}

/// How far the data of a month goes.
fn until(rows: &RecordBatch) -> Option<Day> {
    let days = rows.column_by_name("content_date")?.as_primitive_opt::<Date32Type>()?;
    arrow::compute::max(days).map(Day::from_epoch)
}

/// Whether a file's month replaces what is there.
fn wins(there: Option<&Slice>, until: Day, sha256: &str) -> bool {
    let Some(there) = there.filter(|s| s.status == Status::Landed) else { return true };
    let known = there.sha256 == sha256 || there.before.iter().any(|r| r.sha256 == sha256);
    !known && there.refresh_date.is_none_or(|before| until >= before)
}

/// Keeps the file as it is.
async fn keep(place: &Place, table: &Table, bytes: &[u8], run: &str, rows: u64) -> Result<Option<Object>> {
    if place.raw == RawPolicy::Off {
        return Ok(None);
    }
    let name = format!("import-{run}-{:08x}.csv.zst", fastrand::u32(..));
    let mut raw = Raw::begin(place, place.layout.raw(&table.table, Window::Present, &name), true)?;
    match raw.write(&Bytes::copy_from_slice(bytes)).await {
        Ok(()) => raw.finish(&place.guard, rows).await,
        Err(e) => {
            raw.abort().await;
            Err(e)
        }
    }
}

/// Puts a month.
async fn put(place: &Place, table: &'static Table, month: Day, rows: &RecordBatch) -> Result<Object> {
    let as_state = table
        .as_state()
        .ok_or_else(|| Error::new(Kind::Lake, "the table cannot be encoded").with("table", &table.table))?;
    let file = state::file(as_state, rows, None, place.codec)?;
    let path = place.layout.monthly(&table.table, month);
    let object = Object {
        path,
        size: file.bytes.len() as u64,
        sha256: hex(Sha256::new_with_prefix(&file.bytes)),
        rows: file.rows,
    };
    place.lake.replace(&object.path, file.bytes, &place.guard).await?;
    Ok(object)
}
