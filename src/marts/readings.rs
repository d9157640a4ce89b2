//! The ledger for whoever asks in SQL: what every window said when it was read, and which run put which partition.
//!
//! Three tables that are in no folder of the lake: `ledger` (a row a slice, and one for each held answer), `readings` (a row
//! each reading of a slice that said something else) and `loads` (a row a partition). They are read when somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as Answer;
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Layout};
use crate::ledger::{Ledger, Slice};

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Book {
    /// A row a slice.
    Ledger,
    /// A row a reading.
    Readings,
    /// A row a partition.
    Loads,
}

impl Book {
    /// All of them.
    pub const ALL: [Book; 3] = [Book::Ledger, Book::Readings, Book::Loads];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Book::Ledger => "ledger",
            Book::Readings => "readings",
            Book::Loads => "loads",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let columns: Vec<(&str, DataType)> = match self {
            Book::Ledger => vec![
                ("report", DataType::Utf8),
                ("period", DataType::Int32),
                ("day", DataType::Date32),
                ("status", DataType::Utf8),
                ("refresh_date", DataType::Date32),
                ("rows", DataType::Int64),
                ("bytes", DataType::Int64),
                ("rejected_cells", DataType::Int64),
                ("names", DataType::Utf8),
                ("unknown_headers", DataType::Utf8),
                ("missing_columns", DataType::Utf8),
                ("guard", DataType::Utf8),
                ("reason", DataType::Utf8),
                ("readings", DataType::Int64),
                ("first_read_at", instant()),
                ("read_at", instant()),
                ("run", DataType::Utf8),
                ("sha256", DataType::Utf8),
                ("raw", DataType::Utf8),
            ],
            Book::Readings => vec![
                ("report", DataType::Utf8),
                ("period", DataType::Int32),
                ("day", DataType::Date32),
                ("reading", DataType::Int64),
                ("latest", DataType::Boolean),
                ("status", DataType::Utf8),
                ("rows", DataType::Int64),
                ("sha256", DataType::Utf8),
                ("read_at", instant()),
                ("run", DataType::Utf8),
            ],
            Book::Loads => vec![
                ("report", DataType::Utf8),
                ("object", DataType::Utf8),
                ("rows", DataType::Int64),
                ("bytes", DataType::Int64),
                ("sha256", DataType::Utf8),
                ("loaded_at", instant()),
                ("run", DataType::Utf8),
            ],
        };
        Arc::new(Schema::new(columns.into_iter().map(|(n, t)| Field::new(n, t, true)).collect::<Vec<_>>()))
    }

    fn batch(self, ledgers: &[Ledger]) -> Result<RecordBatch> {
        let mut slices: Vec<(&str, &Slice)> =
            ledgers.iter().flat_map(|l| l.slices().chain(l.held()).map(move |s| (l.report(), s))).collect();
        slices.sort_by(|(a, s), (b, t)| {
            (a, s.window.period(), s.day, &s.read_at).cmp(&(b, t.window.period(), t.day, &t.read_at))
        });
        let columns = match self {
            Book::Ledger => ledger(&slices),
            Book::Readings => readings(&slices),
            Book::Loads => loads(&slices),
        };
        RecordBatch::try_new(self.schema(), columns)
            .map_err(|e| Error::new(Kind::Lake, "the ledger cannot be made a table").because(e))
    }
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.map(|v| v.filter(|v| !v.as_ref().is_empty())).collect::<StringArray>())
}

fn ints(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(values.map(|n| i64::try_from(n).ok()).collect::<Int64Array>())
}

fn days(values: impl Iterator<Item = Option<Day>>) -> ArrayRef {
    Arc::new(values.map(|d| d.map(Day::epoch)).collect::<Date32Array>())
}

fn instants<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let micros = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros());
    Arc::new(values.map(micros).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn word(variant: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(variant).ok()?.as_str().map(str::to_string)
}

fn ledger(slices: &[(&str, &Slice)]) -> Vec<ArrayRef> {
    let all = || slices.iter().map(|(_, s)| *s);
    vec![
        texts(slices.iter().map(|(report, _)| Some(*report))),
        Arc::new(all().map(|s| Some(i32::from(s.window.period()))).collect::<Int32Array>()),
        days(all().map(|s| Some(s.day))),
        texts(all().map(|s| word(&s.status))),
        days(all().map(|s| s.refresh_date)),
        ints(all().map(|s| s.rows)),
        ints(all().map(|s| s.bytes)),
        ints(all().map(|s| s.rejected_cells)),
        texts(all().map(|s| word(&s.names))),
        texts(all().map(|s| Some(s.unknown_headers.join(", ")))),
        texts(all().map(|s| Some(s.missing_columns.join(", ")))),
        texts(all().map(|s| s.doubt.as_ref().map(|d| d.guard.word()))),
        texts(all().map(|s| s.reason.as_deref())),
        ints(all().map(|s| s.before.len() as u64 + 1)),
        instants(all().map(|s| s.first_read_at.as_str())),
        instants(all().map(|s| s.read_at.as_str())),
        texts(all().map(|s| Some(&s.run))),
        texts(all().map(|s| Some(&s.sha256))),
        texts(all().map(|s| s.raw.as_ref().map(|o| &o.path))),
    ]
}

fn readings(slices: &[(&str, &Slice)]) -> Vec<ArrayRef> {
    let mut rows = Vec::new();
    for (report, slice) in slices {
        let now = slice.reading();
        let all: Vec<_> = slice.before.iter().cloned().chain([now]).collect();
        let n = all.len();
        rows.extend(all.into_iter().enumerate().map(|(at, r)| (*report, *slice, at as u64 + 1, at + 1 == n, r)));
    }
    vec![
        texts(rows.iter().map(|r| Some(r.0))),
        Arc::new(rows.iter().map(|r| Some(i32::from(r.1.window.period()))).collect::<Int32Array>()),
        days(rows.iter().map(|r| Some(r.1.day))),
        ints(rows.iter().map(|r| r.2)),
        Arc::new(rows.iter().map(|r| Some(r.3)).collect::<BooleanArray>()),
        texts(rows.iter().map(|r| word(&r.4.status))),
        ints(rows.iter().map(|r| r.4.rows)),
        texts(rows.iter().map(|r| Some(&r.4.sha256))),
        instants(rows.iter().map(|r| r.4.read_at.as_str())),
        texts(rows.iter().map(|r| Some(&r.4.run))),
    ]
}

/// The latest word on each object, and whose it is.
fn loads(slices: &[(&str, &Slice)]) -> Vec<ArrayRef> {
    let mut latest = BTreeMap::new();
    let mut by_time: Vec<_> = slices.iter().filter(|(_, s)| !s.objects.is_empty()).collect();
    by_time.sort_by(|(_, a), (_, b)| a.published_at.cmp(&b.published_at));
    for (report, slice) in by_time {
        latest.extend(slice.objects.iter().map(|object| (&object.path, (*report, *slice, object))));
    }
    let rows: Vec<_> = latest.into_values().collect();
    vec![
        texts(rows.iter().map(|r| Some(r.0))),
        texts(rows.iter().map(|r| Some(&r.2.path))),
        ints(rows.iter().map(|r| r.2.rows)),
        ints(rows.iter().map(|r| r.2.size)),
        texts(rows.iter().map(|r| Some(&r.2.sha256))),
        instants(rows.iter().map(|r| r.1.published_at.as_str())),
        texts(rows.iter().map(|r| Some(&r.1.published_by))),
    ]
}

/// A table over the ledger of a tenant, read when it is scanned.
pub struct LedgerTable {
    book: Book,
    lake: Lake,
    layout: Layout,
}

impl LedgerTable {
    /// The table of a tenant.
    pub fn new(book: Book, lake: &Lake, layout: &Layout) -> LedgerTable {
        LedgerTable { book, lake: lake.clone(), layout: layout.clone() }
    }

    async fn rows(&self) -> Result<RecordBatch> {
        let (reports, keys) = Ledger::every(&self.lake, &self.layout).await?;
        let mut ledgers = Vec::with_capacity(reports.len());
        for report in reports {
            ledgers.push(Ledger::load_all(&self.lake, &self.layout, &report, &keys).await?);
        }
        self.book.batch(&ledgers)
    }
}

impl fmt::Debug for LedgerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerTable({})", self.book.name())
    }
}

#[async_trait]
impl TableProvider for LedgerTable {
    fn schema(&self) -> SchemaRef {
        self.book.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Answer<Arc<dyn ExecutionPlan>> {
        let rows = self.rows().await.map_err(|e| DataFusionError::External(Box::new(e)))?;
        MemTable::try_new(self.schema(), vec![vec![rows]])?.scan(state, projection, filters, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Status;

    #[test]
    fn restatements_can_be_counted() {
        let day: Day = "2026-11-18".parse().unwrap();
        let read = |at: &str, run: &str, rows: u64, sha: &str| {
            let window = crate::day::Window::Date(day);
            let mut slice = Slice::new(window, day, Status::Landed, at, run);
            (slice.rows, slice.sha256) = (rows, sha.to_string());
            slice
        };
        let mut ledger = Ledger::empty("x");
        ledger.record(read("2026-11-20T02:00:00Z", "one", 10, "a"));
        ledger.record(read("2026-11-21T02:00:00Z", "two", 12, "b"));
        let readings = Book::Readings.batch(std::slice::from_ref(&ledger)).unwrap();
        assert_eq!(readings.num_rows(), 2);
        let of = |name: &str| {
            let array = readings.column_by_name(name).unwrap();
            (0..2).map(|n| arrow::util::display::array_value_to_string(array, n).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((of("rows"), of("run")), (vec!["10".into(), "12".into()], vec!["one".into(), "two".into()]));
        assert_eq!((of("latest"), of("reading")), (vec!["false".into(), "true".into()], vec!["1".into(), "2".into()]));
        assert_eq!(Book::Ledger.batch(&[ledger]).unwrap().num_rows(), 1);
        for book in Book::ALL {
            assert_eq!(book.batch(&[]).unwrap().num_rows(), 0, "{}", book.name());
        }
    }
}
