//! The ledger as a table: one row a slice. It is read month by month, and only where somebody looks.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::built_in::BuiltIn;
use super::scope::{Scope, shifted};
use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};
use crate::lake::{Lake, Layout, hex};
use crate::ledger::{Ledger, Slice, Status};
use crate::plan::WINDOW_DAYS;

/// A slice as models see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The table's name.
    pub report: String,
    /// 1 for `date=`, 0 where the function takes none.
    pub period: u16,
    /// The day that was asked for, else the refresh date.
    pub day: Day,
    /// How it stands.
    pub status: String,
    /// Whether it is empty and will stay so.
    pub known_empty: bool,
    /// Whose names its rows show.
    pub names: String,
    /// Rows of the answer.
    pub rows: i64,
    /// Rows of the first answer that had any and was published.
    pub first_rows: i64,
    /// Cells that did not parse.
    pub rejected_cells: i64,
    /// Earlier readings that had rows and said something else.
    pub restatements: i64,
    /// The day of the first reading.
    pub first_read_on: Option<Day>,
    /// The day of the last reading.
    pub read_on: Option<Day>,
    /// The run of the last reading.
    pub run: String,
    /// Why it stands so, where it is not landed.
    pub reason: Option<String>,
}

impl Row {
    /// A slice of `report` as it stands on `today`.
    pub fn new(report: &str, slice: &Slice, today: Day) -> Row {
        // An empty day that Graph no longer has will never come.
        let gone = matches!(slice.window, Window::Date(day) if today.since(day) > WINDOW_DAYS);
        Row {
            report: report.to_string(),
            period: slice.window.period(),
            day: slice.day,
            status: word(&slice.status),
            known_empty: slice.status == Status::Empty && gone,
            names: word(&slice.names),
            rows: slice.rows as i64,
            first_rows: slice.first_landed_rows() as i64,
            rejected_cells: slice.rejected_cells as i64,
            restatements: slice.before.iter().filter(|r| r.status == Status::Landed).count() as i64,
            first_read_on: slice.first_read_at.get(..10).and_then(|d| d.parse().ok()),
            read_on: slice.read_on(),
            run: slice.run.clone(),
            reason: slice.taken_on.map(|day| format!("retention took its rows on {day}")).or(slice.reason.clone()),
        }
    }
}

/// The word by which the ledger's files call a variant.
fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A month of a report's ledger.
#[derive(Debug, Clone, Default)]
struct Part {
    /// The object's tag in the store; none where the rows are not of a lake.
    tag: Option<String>,
    digest: Option<String>,
    rows: Option<Vec<Row>>,
}

/// What is known of a ledger object that no longer changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The object's tag in the store.
    pub tag: String,
    /// The digest of its rows.
    pub digest: String,
}

/// What is known of settled ledger objects, by month and report.
pub type Known = BTreeMap<String, Seen>;

/// The coverage of a tenant.
pub struct Coverage {
    parts: BTreeMap<(Day, String), Part>,
    lake: Option<(Lake, Layout)>,
    today: Day,
}

impl Coverage {
    /// The coverage that the ledger of a lake has. Nothing but its list is read yet. `known` is what an earlier look found.
    pub async fn of(lake: &Lake, layout: &Layout, today: Day, known: &Known) -> Result<Coverage> {
        let mut parts = BTreeMap::new();
        for object in lake.listing(&layout.ledgers()).await? {
            let report = crate::engine::value(&object.key, "report");
            let month =
                crate::engine::value(&object.key, "month").and_then(|m| m.strip_suffix(".jsonl")?.parse::<Day>().ok());
            let (Some(report), Some(month)) = (report, month) else { continue };
            // What was exported of the retired app is no answer of Graph's.
            if crate::catalog::legacy::is_legacy(report) {
                continue;
            }
            let seen = known.get(&name(month, report)).filter(|s| s.tag == object.tag);
            let part = Part { tag: Some(object.tag), digest: seen.map(|s| s.digest.clone()), rows: None };
            parts.insert((month, report.to_string()), part);
        }
        Ok(Coverage { parts, lake: Some((lake.clone(), layout.clone())), today })
    }

    /// A coverage of these rows.
    pub fn rows_only(rows: Vec<Row>, today: Day) -> Coverage {
        let mut parts: BTreeMap<(Day, String), Part> = BTreeMap::new();
        for row in rows {
            let part = parts.entry((row.day.month(), row.report.clone())).or_default();
            part.rows.get_or_insert_default().push(row);
        }
        Coverage { parts, lake: None, today }
    }

    fn chosen(&self, scope: Scope, built: Option<Day>) -> Vec<(Day, String)> {
        let in_scope = |month: &Day| match (scope, built) {
            (Scope::Months(a, b), Some(built)) => (shifted(built, a)..=shifted(built, b)).contains(month),
            (Scope::Last | Scope::State, Some(built)) => *month == built,
            _ => true,
        };
        self.parts.keys().filter(|(month, _)| in_scope(month)).cloned().collect()
    }

    async fn load(&mut self, key: &(Day, String)) -> Result<&Part> {
        let today = self.today;
        let part = self.parts.entry(key.clone()).or_default();
        if part.rows.is_none() {
            let (month, report) = key;
            let mut ledger = Ledger::empty(report);
            if let Some((lake, layout)) = &self.lake {
                ledger.load_month(lake, layout, *month).await?;
            }
            // What is held shows where nothing is published of it: the rows that are there speak for themselves.
            let alone = |s: &&Slice| ledger.get(s.window, s.day).is_none();
            let slices = ledger.slices().chain(ledger.held().filter(alone));
            part.rows = Some(slices.map(|s| Row::new(report, s, today)).collect());
        }
        if part.digest.is_none() {
            let text = serde_json::to_vec(&part.rows).unwrap_or_default();
            part.digest = Some(hex(Sha256::new_with_prefix(text)));
        }
        Ok(part)
    }

    /// A digest of the rows of a scope: it changes where they do.
    pub async fn digest(&mut self, scope: Scope, built: Option<Day>) -> Result<String> {
        let mut sha = Sha256::new();
        for key in self.chosen(scope, built) {
            let digest = match self.parts.get(&key).and_then(|p| p.digest.clone()) {
                Some(digest) => digest,
                None => self.load(&key).await?.digest.clone().unwrap_or_default(),
            };
            sha.update(format!("{} {} {digest}\n", key.0, key.1));
        }
        Ok(hex(sha))
    }

    /// The rows of a scope.
    pub async fn batch(&mut self, scope: Scope, built: Option<Day>) -> Result<RecordBatch> {
        let mut rows: Vec<Row> = Vec::new();
        for key in self.chosen(scope, built) {
            rows.extend(self.load(&key).await?.rows.clone().unwrap_or_default());
        }
        rows.sort_by(|a, b| (&a.report, a.period, a.day).cmp(&(&b.report, b.period, b.day)));
        batch(&rows)
    }

    /// What need not be read again: months that are over and whose days have left Graph's window.
    pub fn settled(&self) -> Known {
        let over = |month: Day| shifted(month, 1).plus(WINDOW_DAYS + 1) < self.today;
        let seen = |((month, report), part): (&(Day, String), &Part)| {
            let seen = Seen { tag: part.tag.clone()?, digest: part.digest.clone()? };
            over(*month).then(|| (name(*month, report), seen))
        };
        self.parts.iter().filter_map(seen).collect()
    }
}

fn name(month: Day, report: &str) -> String {
    format!("{month} {report}")
}

fn batch(rows: &[Row]) -> Result<RecordBatch> {
    let texts = |of: fn(&Row) -> Option<&str>| Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef;
    let ints = |of: fn(&Row) -> i64| Arc::new(rows.iter().map(|r| Some(of(r))).collect::<Int64Array>()) as ArrayRef;
    let days = |of: fn(&Row) -> Option<Day>| {
        Arc::new(rows.iter().map(|r| of(r).map(Day::epoch)).collect::<Date32Array>()) as ArrayRef
    };
    let columns = vec![
        texts(|r| Some(&r.report)),
        Arc::new(rows.iter().map(|r| Some(i32::from(r.period))).collect::<Int32Array>()),
        days(|r| Some(r.day)),
        texts(|r| Some(&r.status)),
        Arc::new(rows.iter().map(|r| Some(r.known_empty)).collect::<BooleanArray>()),
        texts(|r| Some(&r.names)),
        ints(|r| r.rows),
        ints(|r| r.first_rows),
        ints(|r| r.rejected_cells),
        ints(|r| r.restatements),
        days(|r| r.first_read_on),
        days(|r| r.read_on),
        texts(|r| Some(&r.run)),
        texts(|r| r.reason.as_deref()),
    ];
    RecordBatch::try_new(BuiltIn::Coverage.schema(), columns)
        .map_err(|e| Error::new(Kind::Model, "the coverage cannot be made a table").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn slice(window: &str, at: &str, status: Status) -> Slice {
        Slice::new(window.parse().unwrap(), day(at), status, "2026-03-05T02:00:00Z", "r")
    }

    #[test]
    fn an_empty_day_is_settled_once_it_left_the_window() {
        let empty = slice("date=2026-03-01", "2026-03-01", Status::Empty);
        assert!(!Row::new("x", &empty, day("2026-03-29")).known_empty);
        assert!(Row::new("x", &empty, day("2026-03-30")).known_empty);
        assert!(!Row::new("x", &slice("period=D7", "2026-03-01", Status::Empty), day("2026-06-01")).known_empty);
        assert!(
            !Row::new("x", &slice("date=2026-03-01", "2026-03-01", Status::Expired), day("2026-06-01")).known_empty
        );
    }

    #[tokio::test]
    async fn scopes_choose_months_and_digests_follow_rows() {
        let rows = |read: &str| -> Vec<Row> {
            let at = |d: &str| Row {
                read_on: Some(day(read)),
                ..Row::new("x", &slice(&format!("date={d}"), d, Status::Landed), day(read))
            };
            vec![at("2026-02-28"), at("2026-03-01"), at("2026-03-02")]
        };
        let mut a = Coverage::rows_only(rows("2026-03-05"), day("2026-03-05"));
        let march = Some(day("2026-03-01"));
        assert_eq!(a.batch(Scope::MONTH, march).await.unwrap().num_rows(), 2);
        assert_eq!(a.batch(Scope::PREVIOUS, march).await.unwrap().num_rows(), 1);
        assert_eq!(a.batch(Scope::All, None).await.unwrap().num_rows(), 3);
        let mut b = Coverage::rows_only(rows("2026-03-06"), day("2026-03-06"));
        assert_ne!(a.digest(Scope::MONTH, march).await.unwrap(), b.digest(Scope::MONTH, march).await.unwrap());
        let mut c = Coverage::rows_only(rows("2026-03-05"), day("2026-03-06"));
        assert_eq!(a.digest(Scope::MONTH, march).await.unwrap(), c.digest(Scope::MONTH, march).await.unwrap());
    }
}
