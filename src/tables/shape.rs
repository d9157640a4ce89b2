//! What the files of a table are today, whichever kind of table it is: its columns, which header means which, and how its rows
//! are encoded.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;

use super::encode::Encoder;
use super::state;
use crate::catalog::directory::{self, Table};
use crate::catalog::{self, ColumnType, Report, legacy, match_headers, normalise};
use crate::config::Codec;
use crate::error::Result;

/// The form of a table.
pub struct Shape {
    /// The columns of every file.
    pub schema: SchemaRef,
    /// The types of its columns; the last one, `unknown_columns`, has none.
    pub kinds: Vec<ColumnType>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Report(&'static Report),
    Directory(&'static Table),
    Legacy(&'static legacy::Table, &'static Table),
}

impl Shape {
    /// The form of the table with this name; none where the catalog has none.
    pub fn of(table: &str) -> Option<Shape> {
        if let Some(report) = catalog::all().iter().find(|r| r.table() == table) {
            return Some(Shape::of_report(report));
        }
        if let Some(table) = directory::tables().iter().find(|t| t.table == table) {
            return Some(Shape::of_state(table));
        }
        let table = legacy::tables().iter().find(|t| t.table == table)?;
        let as_state = table.as_state()?;
        Some(Shape { kind: Kind::Legacy(table, as_state), ..Shape::of_state(as_state) })
    }

    /// The form of a report's table.
    pub fn of_report(report: &'static Report) -> Shape {
        let kinds = report.columns.iter().map(|c| c.column_type).collect();
        Shape { schema: report.schema(), kinds, kind: Kind::Report(report) }
    }

    /// The form of a table of the directory.
    pub fn of_state(table: &'static Table) -> Shape {
        let kinds = table.columns.iter().map(|c| c.column_type).collect();
        Shape { schema: table.schema(), kinds, kind: Kind::Directory(table) }
    }

    /// Whether the ledger says of an answer which columns it lacked, and which headers it had beside.
    pub fn tells_drift(&self) -> bool {
        matches!(self.kind, Kind::Report(_))
    }

    /// The column that a header, or a property of the directory, means.
    pub fn column(&self, header: &str) -> Option<usize> {
        let headers = [header.to_string()];
        match self.kind {
            Kind::Report(report) => match_headers(report, &headers).columns.into_iter().next().flatten(),
            Kind::Legacy(table, _) => table.columns_of(&headers).into_iter().next().flatten(),
            Kind::Directory(table) => table.columns.iter().position(|c| {
                let path = c.path.as_deref().unwrap_or_default();
                let each = table.each.iter().find_map(|e| path.strip_prefix(e.path.as_str())?.strip_prefix('.'));
                each.unwrap_or(path) == header
            }),
        }
    }

    /// Whether a header is the column's own, and not one that it had elsewhere.
    pub fn is_own(&self, column: usize, header: &str) -> bool {
        let Kind::Report(report) = self.kind else { return true };
        let wanted = normalise(header);
        report.columns.get(column).is_some_and(|c| [&c.header, &c.name].iter().any(|own| normalise(own) == wanted))
    }

    /// A text in the form in which the column has it.
    pub fn spelled(&self, column: usize, text: &str) -> String {
        let text = text.trim();
        match self.kind {
            Kind::Report(_) => text.to_string(),
            Kind::Legacy(table, _) => match table.columns.get(column) {
                Some(c) => legacy::our_name(c.column_type, text),
                None => text.to_string(),
            },
            Kind::Directory(table) => match table.columns.get(column) {
                Some(c) if c.lower || c.column_type == ColumnType::Guid => text.to_lowercase(),
                _ => text.to_string(),
            },
        }
    }

    /// The names of its columns.
    pub fn names(&self) -> BTreeSet<&str> {
        self.schema.fields().iter().map(|f| f.name().as_str()).collect()
    }

    /// Rows of the table as a file.
    pub fn encode(&self, rows: &RecordBatch, codec: Codec) -> Result<Bytes> {
        match self.kind {
            Kind::Report(report) => {
                let mut encoder = Encoder::new(report.schema(), codec)?;
                encoder.write(rows)?;
                let mut bytes = encoder.take().to_vec();
                bytes.extend_from_slice(&encoder.finish()?.bytes);
                Ok(bytes.into())
            }
            Kind::Directory(table) | Kind::Legacy(_, table) => Ok(state::file(table, rows, None, codec)?.bytes),
        }
    }
}

/// How a file is compressed; none where it has no rows, or is none.
pub fn codec(bytes: &Bytes) -> Option<Codec> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).ok()?;
    let chunk = builder.metadata().row_groups().first()?.columns().first()?;
    Some(if matches!(chunk.compression(), Compression::ZSTD(_)) { Codec::Zstd } else { Codec::Snappy })
}
