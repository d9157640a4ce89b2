//! Rows that stand in the model itself: the report catalog, and who may see what.

use toml::Value;

use crate::catalog;
use crate::config::Reader;

/// A row for each report and each table of the directory: its table in the lake, its title, what it is about.
pub(super) fn reports() -> Vec<Vec<Value>> {
    let row = |cells: [&str; 3]| cells.map(|c| Value::String(c.to_string())).to_vec();
    let reports = catalog::all().iter().map(|r| row([&r.table(), &r.title, &r.workload]));
    let directory = catalog::directory::tables().iter().map(|t| row([&t.table, &t.title, "Directory"]));
    let mut rows: Vec<Vec<Value>> = reports.chain(directory).collect();
    rows.sort_by(|a, b| a[0].as_str().cmp(&b[0].as_str()));
    rows
}

/// A row for each thing that a reader may see.
pub(super) fn readers(readers: &[Reader]) -> Vec<Vec<Value>> {
    let text = |t: &Option<String>| Value::String(t.clone().unwrap_or_default());
    readers.iter().map(|r| vec![Value::String(r.reader.clone()), text(&r.country), text(&r.department)]).collect()
}
