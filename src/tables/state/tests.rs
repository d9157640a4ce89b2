use arrow::array::{Array, StringArray};
use arrow::datatypes::DataType;
use serde_json::{Value, json};

use super::*;
use crate::catalog::directory::{Listing, listings};
use crate::normalise::directory::Reader;
use crate::tables::publish::read_as;
use crate::tables::shape::Shape;

fn listing(name: &str) -> &'static Listing {
    listings().find(|l| l.name() == name).unwrap()
}

/// The file of a table after a night with these people, on top of `old`.
fn night(table: &str, day: &str, people: Value, old: Option<&File>) -> File {
    let mut reader = Reader::new(listing("users"), day.parse().unwrap());
    reader.page(&json!({ "value": people })).unwrap();
    let rows = reader.finish().unwrap().0.into_iter().find(|r| r.table.table == table).unwrap();
    let old = old.map(|f| read_as(&Shape::of_state(rows.table), "old", f.bytes.clone()).unwrap());
    file(rows.table, &rows.batch, old.as_ref(), Codec::Snappy).unwrap()
}

fn rows(table: &str, file: &File) -> Vec<Vec<String>> {
    let table = listing("users").tables.iter().find(|t| t.table == table).unwrap();
    let batch = read_as(&Shape::of_state(table), "new", file.bytes.clone()).unwrap();
    assert_eq!(batch.num_rows() as u64, file.rows);
    let readable = |c: &ArrayRef| match c.data_type() {
        // Instants as numbers: names of time zones are not built in.
        DataType::Timestamp(..) => cast(&cast(c, &DataType::Int64).unwrap(), &DataType::Utf8).unwrap(),
        _ => cast(c, &DataType::Utf8).unwrap(),
    };
    let texts: Vec<ArrayRef> = batch.columns().iter().map(readable).collect();
    let text = |c: &ArrayRef, row: usize| {
        let c = c.as_any().downcast_ref::<StringArray>().unwrap();
        if c.is_null(row) { "-".to_string() } else { c.value(row).to_string() }
    };
    (0..batch.num_rows()).map(|row| texts.iter().map(|c| text(c, row)).collect()).collect()
}

fn person(id: &str, upn: &str, more: &[&str]) -> Value {
    json!({"id": id, "userPrincipalName": upn, "proxyAddresses": more})
}

#[test]
fn the_order_of_an_answer_does_not_matter() {
    let (a, b) = (person("b", "B@x.com", &[]), person("a", "A@x.com", &[]));
    let one = night("users", "2026-11-20", json!([a, b]), None);
    let other = night("users", "2026-11-20", json!([b, a]), None);
    assert_eq!(one, other);
    let ids: Vec<String> = rows("users", &one).into_iter().map(|r| r[0].clone()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn who_is_absent_leaves_no_row() {
    let first = night("users", "2026-11-20", json!([person("a", "a@x", &[]), person("b", "b@x", &[])]), None);
    let second = night("users", "2026-11-21", json!([person("a", "a@x", &[])]), Some(&first));
    assert_eq!(rows("users", &second).len(), 1);
}

#[test]
fn rows_that_are_equal_are_one() {
    let plan = json!({"servicePlanId": "P", "service": "exchange", "capabilityStatus": "Enabled", "assignedDateTime": "2026-01-01T00:00:00Z"});
    let later = json!({"servicePlanId": "P", "service": "exchange", "capabilityStatus": "Enabled", "assignedDateTime": "2026-02-01T00:00:00Z"});
    let file = night("user_plans", "2026-11-20", json!([{"id": "a", "assignedPlans": [plan, later, plan]}]), None);
    assert_eq!(file.rows, 2);
}

#[test]
fn addresses_grow_within_the_month() {
    let first = night("addresses", "2026-11-02", json!([person("a", "Old@x.com", &[])]), None);
    let second = night("addresses", "2026-11-03", json!([person("a", "new@x.com", &["smtp:OLD@x.com"])]), Some(&first));
    let third = night("addresses", "2026-11-09", json!([person("a", "NEW@X.com", &[])]), Some(&second));
    assert_eq!(
        rows("addresses", &third),
        [
            ["a", "new@x.com", "upn", "2026-11-03", "2026-11-09", "-"],
            ["a", "old@x.com", "proxy", "2026-11-03", "2026-11-03", "-"],
            ["a", "old@x.com", "upn", "2026-11-02", "2026-11-02", "-"],
        ]
    );
    let again = night("addresses", "2026-11-09", json!([person("a", "NEW@X.com", &[])]), Some(&third));
    assert_eq!(again, third, "the same night twice");
}

#[test]
fn an_address_that_was_given_to_another_has_two_holders_apart_in_time() {
    let first = night("addresses", "2026-11-02", json!([person("a", "sales@x.com", &[])]), None);
    let second = night(
        "addresses",
        "2026-11-20",
        json!([person("a", "ann@x.com", &[]), person("b", "Sales@x.com", &[])]),
        Some(&first),
    );
    let holders: Vec<Vec<String>> = rows("addresses", &second).into_iter().filter(|r| r[1] == "sales@x.com").collect();
    assert_eq!(
        holders,
        [
            ["a", "sales@x.com", "upn", "2026-11-02", "2026-11-02", "-"],
            ["b", "sales@x.com", "upn", "2026-11-20", "2026-11-20", "-"],
        ]
    );
}

#[test]
fn a_table_without_a_row_has_a_file_with_its_schema() {
    let file = night("user_licenses", "2026-11-20", json!([{"id": "a", "assignedLicenses": []}]), None);
    assert_eq!((file.rows, rows("user_licenses", &file).len()), (0, 0));
}
