//! Expected rows are worked out by hand, or are those of a download that had known the columns; any file is left to proptest.

use arrow::array::{Float64Array, Int64Array};
use arrow::datatypes::Field;
use proptest::prelude::*;

use super::*;
use crate::catalog::{self, Report};
use crate::normalise::Normaliser;

const HEAD: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Assigned Products,Report Period";

fn mail() -> &'static Report {
    catalog::find("getEmailActivityUserDetail").unwrap()
}

fn shape() -> Shape {
    Shape::of("email_activity_user_detail").unwrap()
}

/// Rows as a download gives them.
fn download(head: &str, rows: &[&str]) -> RecordBatch {
    let mut batches = Vec::new();
    let mut keep = |b| {
        batches.push(b);
        Ok(())
    };
    let mut normaliser = Normaliser::new(mail());
    normaliser.push(format!("{head}\n{}\n", rows.join("\n")).as_bytes(), &mut keep).unwrap();
    normaliser.finish(&mut keep).unwrap();
    concat_batches(&mail().schema(), &batches).unwrap()
}

/// The same rows as a catalog would have had them that lacked a column.
fn without(rows: &RecordBatch, column: &str) -> RecordBatch {
    let at: Vec<usize> = (0..rows.num_columns()).filter(|n| rows.schema().field(*n).name() != column).collect();
    rows.project(&at).unwrap()
}

/// The rows with another column in the place of one of the same name, or behind the others.
fn with(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut fields: Vec<Field> = rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    let mut columns = rows.columns().to_vec();
    let field = Field::new(name, column.data_type().clone(), true);
    match fields.iter().position(|f| f.name() == name) {
        Some(at) => (fields[at], columns[at]) = (field, column),
        None => {
            fields.push(field);
            columns.push(column);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn unknown(rows: &RecordBatch) -> Vec<Option<String>> {
    rows.column_by_name(UNKNOWN_COLUMNS).unwrap().as_string::<i32>().iter().map(|t| t.map(str::to_string)).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| n.to_string()).collect()
}

const ROWS: [&str; 2] = [
    "2026-11-18,ann@contoso.com,Ann,False,,2026-11-18,1,2,3,E3,1",
    "2026-11-18,bob@contoso.com,Bob,True,2026-11-01,,,,,,1",
];

#[test]
fn a_file_of_today_is_as_it_is() {
    let rows = download(HEAD, &ROWS);
    assert!(Change::of(&rows.schema(), &shape()).is_none());
    let today = today(&shape(), &rows).unwrap();
    assert_eq!((today.rows, today.learned.len(), today.left.len()), (rows, 0, 0));
}

#[test]
fn a_column_that_the_file_lacks_comes_from_what_no_column_knew() {
    // What a catalog without `send_count` would have made of this answer.
    let known = download(&format!("{HEAD},Note"), &[&format!("{},x", ROWS[0]), &format!("{},", ROWS[1])]);
    let old = without(&known, "send_count");
    let texts = StringArray::from(vec![Some("{\"Send Count\":\"1\",\"Note\":\"x\"}"), None]);
    let old = with(&old, UNKNOWN_COLUMNS, Arc::new(texts));
    let change = Change::of(&old.schema(), &shape());
    assert_eq!((change.added.clone(), change.is_none()), (set(&["send_count"]), false));
    let today = today(&shape(), &old).unwrap();
    assert_eq!(today.rows, known, "the rows of a download that had always known it");
    assert_eq!((today.learned, today.left), (set(&["Send Count"]), set(&["Note"])));
}

#[test]
fn a_header_that_the_catalog_has_learned_gives_its_values_and_one_that_no_cell_of_the_type_is_stays() {
    let rows = download(HEAD, &ROWS);
    let blank = new_null_array(&DataType::Int64, 2);
    let texts = vec![Some("{\"SEND count\":\"5\",\"Receive Count\":\"9\"}"), Some("{\"Send Count\":\"many\"}")];
    let old = with(&with(&rows, "send_count", blank), UNKNOWN_COLUMNS, Arc::new(StringArray::from(texts)));
    let today = today(&shape(), &old).unwrap();
    let sent = today.rows.column_by_name("send_count").unwrap();
    assert_eq!(sent.as_primitive::<arrow::datatypes::Int64Type>().iter().collect::<Vec<_>>(), [Some(5), None]);
    // `receive_count` has a value of its own, and `many` is no number.
    let left = vec![Some("{\"Receive Count\":\"9\"}".to_string()), Some("{\"Send Count\":\"many\"}".to_string())];
    assert_eq!(unknown(&today.rows), left);
    assert_eq!(today.left, set(&["Receive Count", "Send Count"]));
}

#[test]
fn what_the_table_has_no_column_for_goes_where_headers_are_that_nobody_knows() {
    let rows = download(&format!("{HEAD},Note"), &[&format!("{},x \"y\"", ROWS[0]), &format!("{},", ROWS[1])]);
    let old = with(&rows, "beta_score", Arc::new(Float64Array::from(vec![Some(0.5), None])));
    let old = with(&old, "last_seen", Arc::new(Date32Array::from(vec![Some(20_000), Some(20_001)])));
    assert_eq!(Change::of(&old.schema(), &shape()).gone, set(&["beta_score", "last_seen"]));
    let today = today(&shape(), &old).unwrap();
    let first = "{\"Note\":\"x \\\"y\\\"\",\"beta_score\":\"0.5\",\"last_seen\":\"2024-10-04\"}";
    assert_eq!(unknown(&today.rows), [Some(first.to_string()), Some("{\"last_seen\":\"2024-10-05\"}".to_string())]);
}

#[test]
fn a_type_is_converted_where_every_value_survives() {
    let rows = download(HEAD, &ROWS);
    let read = |name: &str, column: ArrayRef| today(&shape(), &with(&rows, name, column)).map(|t| t.rows);
    let texts = |texts: Vec<Option<&str>>| Arc::new(StringArray::from(texts)) as ArrayRef;
    for (name, was) in [
        ("send_count", texts(vec![Some("1"), None])),
        ("send_count", Arc::new(Float64Array::from(vec![Some(1.0), None])) as ArrayRef),
        ("is_deleted", texts(vec![Some("False"), Some("yes")])),
        ("deleted_date", texts(vec![None, Some("2026-11-01")])),
    ] {
        assert_eq!(read(name, was).unwrap(), rows, "{name}");
    }
    for (name, was) in [
        ("send_count", texts(vec![Some("one"), None])),
        ("send_count", Arc::new(Float64Array::from(vec![Some(1.5), None])) as ArrayRef),
        ("deleted_date", texts(vec![None, Some("2026-11-01T10:00:00Z")])),
        ("deleted_date", Arc::new(Int64Array::from(vec![None, Some(20_000)])) as ArrayRef),
    ] {
        let e = read(name, was).unwrap_err();
        assert_eq!(e.kind(), Kind::Contract, "{name}");
        assert!(e.to_string().contains(name), "{e}");
    }
    // A number becomes the text that it is.
    let named = read("display_name", Arc::new(Int64Array::from(vec![Some(17), None]))).unwrap();
    assert_eq!(named.column_by_name("display_name").unwrap().as_string::<i32>().value(0), "17");
}

#[test]
fn columns_in_another_order_take_their_places() {
    let rows = download(HEAD, &ROWS);
    let order: Vec<usize> = (0..rows.num_columns()).rev().collect();
    let old = rows.project(&order).unwrap();
    assert!(!Change::of(&old.schema(), &shape()).is_none());
    assert_eq!(today(&shape(), &old).unwrap().rows, rows);
}

/// Every value of a row as a text, whether a column has it or the object of what no column knows.
fn values(rows: &RecordBatch, n: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if column.is_null(n) {
            continue;
        }
        let text = arrow::util::display::array_value_to_string(column, n).unwrap();
        match field.name().as_str() {
            UNKNOWN_COLUMNS => {
                let object: Map<String, Value> = serde_json::from_str(&text).unwrap();
                all.extend(object.values().map(|v| v.as_str().unwrap().to_string()));
            }
            _ => all.push(text),
        }
    }
    all.sort();
    all
}

proptest! {
    /// Whatever columns a file has, with whatever headers beside: no row moves, no value is lost, and what is made of it is
    /// a file of today.
    #[test]
    fn nothing_is_lost(
        dropped in proptest::sample::subsequence(
            vec!["display_name", "send_count", "receive_count", "read_count", "assigned_products"], 0..5),
        gone in proptest::collection::vec(proptest::option::of(0i64..50), 2),
        headers in proptest::collection::vec(
            (proptest::sample::select(vec!["Send Count", "read count", "Display Name", "Other", "beta_score"]), "[a-z0-9\"]{1,4}"), 0..4),
    ) {
        let mut old = download(HEAD, &ROWS);
        for name in &dropped {
            old = without(&old, name);
        }
        let beside: Map<String, Value> =
            headers.into_iter().map(|(name, text)| (name.to_string(), Value::String(text))).collect();
        let text = kept::object(&beside);
        old = with(&old, UNKNOWN_COLUMNS, Arc::new(StringArray::from(vec![text.as_deref(), None])));
        old = with(&old, "beta_score", Arc::new(Int64Array::from(gone)));
        let made = today(&shape(), &old).unwrap();
        prop_assert_eq!(made.rows.schema(), mail().schema());
        for n in 0..2 {
            // A number that was written with zeros before it is the same number.
            let plain = |all: Vec<String>| -> Vec<String> {
                let mut all: Vec<String> =
                    all.into_iter().map(|v| v.parse::<i64>().map_or(v.clone(), |n| n.to_string())).collect();
                all.sort();
                all
            };
            prop_assert_eq!(plain(values(&old, n)), plain(values(&made.rows, n)));
        }
        prop_assert_eq!(today(&shape(), &made.rows).unwrap().rows, made.rows);
    }
}
