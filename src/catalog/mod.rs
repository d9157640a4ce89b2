//! The report catalog: every usage report function of Microsoft Graph as data, embedded in the binary.
//!
//! `schemas/reports/<table>.toml` holds one function each. Everything that knows a report by name reads it from here:
//! the planner, the normaliser, the emulator, the import, the docs and the tests. A new report is a new file there.

pub mod directory;
mod embedded;
mod headers;
pub mod legacy;
pub mod reference;
mod report;

pub use headers::{
    Match, Recognised, expected, fits, match_headers, normalise, recognise, resembles, window_from_file_name,
};
pub use report::{
    Argument, Blank, Column, ColumnType, Concealed, Kind, Merge, Night, Report, Role, UNKNOWN_COLUMNS, Version, Who,
    Written,
};

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/reports");

static CATALOG: LazyLock<Vec<Report>> = LazyLock::new(|| {
    let mut reports: Vec<Report> = embedded::read(&FILES, "");
    reports.sort_by(|a, b| a.function.cmp(&b.function));
    reports
});

/// All reports, by function name.
pub fn all() -> &'static [Report] {
    &CATALOG
}

/// The report with this function name (`getEmailActivityUserDetail`, with or without `get`, any case) or table name
/// (`email_activity_user_detail`).
pub fn find(name: &str) -> Option<&'static Report> {
    let wanted = normalise(name);
    let wanted = wanted.strip_prefix("get").unwrap_or(&wanted);
    all().iter().find(|r| normalise(&r.function)[3..] == *wanted)
}

#[cfg(test)]
mod tests;
