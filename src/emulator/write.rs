//! An answer as bytes: CSV as the download serves it, JSON as the beta serves it.

use serde_json::{Map, Value as Json};

use super::cell::Value;
use super::table::{Head, Table};
use crate::catalog::{ColumnType, Role, Written};

/// The byte order mark that every CSV begins with.
const BOM: &str = "\u{feff}";

/// CSV with a byte order mark, CRLF and quotes where needed.
pub fn csv(table: &Table) -> Result<Vec<u8>, String> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BOM.as_bytes().to_vec());
    let failed = |e: csv::Error| e.to_string();
    out.write_record(table.heads.iter().map(|h| h.header.as_str())).map_err(failed)?;
    for row in &table.rows {
        out.write_record(row.iter().zip(&table.heads).map(|(v, h)| text(v, h))).map_err(failed)?;
    }
    out.into_inner().map_err(|e| e.to_string())
}

fn text(value: &Value, head: &Head) -> String {
    let column = head.column;
    let yes_no = column.is_some_and(|c| c.written == Some(Written::YesNo));
    match value {
        Value::Blank => String::new(),
        Value::Int(n) if column.is_some_and(|c| c.column_type == ColumnType::Duration) => iso_duration(*n),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Bool(true) => if yes_no { "Yes" } else { "True" }.to_owned(),
        Value::Bool(false) => if yes_no { "No" } else { "False" }.to_owned(),
        Value::Date(day) => day.to_string(),
        Value::Time(day) => format!("{day}T00:00:00Z"),
        Value::Text(text) => text.clone(),
    }
}

/// `PT1H2M3S`, and `PT0S` for nothing.
fn iso_duration(seconds: u64) -> String {
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let part = |n: u64, unit: &str| if n == 0 { String::new() } else { format!("{n}{unit}") };
    match part(h, "H") + &part(m, "M") + &part(s, "S") {
        empty if empty.is_empty() => "PT0S".to_owned(),
        parts => format!("PT{parts}"),
    }
}

/// The elements of `value`. With `nest` the columns from the named one on stand in an array, and rows with the same other
/// columns share an element; the period is a number there, and a text elsewhere.
pub fn json(table: &Table, nest: Option<&(String, String)>) -> Vec<Json> {
    let split = nest.map(|(array, column)| {
        let at = table.heads.iter().position(|h| h.column.is_some_and(|c| c.name == *column));
        (array, column, at.unwrap_or(table.heads.len()))
    });
    let mut elements: Vec<Json> = Vec::new();
    for row in &table.rows {
        let mut outer = Map::new();
        let mut inner = Map::new();
        for (i, (value, head)) in row.iter().zip(&table.heads).enumerate() {
            let period = head.column.is_some_and(|c| c.role == Some(Role::ReportPeriod));
            let inside = match &split {
                Some((_, column, at)) => i >= *at && (!period || *column != "report_date"),
                None => false,
            };
            let value = match value {
                Value::Int(n) if period && split.is_none() => Json::String(n.to_string()),
                value => json_value(value, head),
            };
            if inside { &mut inner } else { &mut outer }.insert(head.json.clone(), value);
        }
        let Some((array, _, _)) = &split else {
            elements.push(Json::Object(outer));
            continue;
        };
        let inner = Json::Object(inner);
        if let Some(Json::Object(last)) = elements.last_mut()
            && outer.iter().all(|(k, v)| last.get(k) == Some(v))
            && let Some(Json::Array(items)) = last.get_mut(array.as_str())
        {
            items.push(inner);
            continue;
        }
        outer.insert((*array).clone(), Json::Array(vec![inner]));
        elements.push(Json::Object(outer));
    }
    elements
}

fn json_value(value: &Value, head: &Head) -> Json {
    let kind = head.column.map(|c| c.column_type);
    match value {
        Value::Blank if kind == Some(ColumnType::List) => Json::Array(Vec::new()),
        Value::Blank => Json::Null,
        Value::Text(text) if kind == Some(ColumnType::List) => {
            Json::Array(text.split('+').map(|t| Json::String(t.to_owned())).collect())
        }
        Value::Int(n) if kind == Some(ColumnType::Duration) => {
            Json::String(format!("{:02}:{:02}:{:02}", n / 3_600, n / 60 % 60, n % 60))
        }
        Value::Int(0) if kind == Some(ColumnType::Bool) => Json::Bool(false),
        Value::Int(n) => Json::from(*n),
        Value::Float(x) => Json::from(*x),
        Value::Bool(b) => Json::Bool(*b),
        Value::Date(day) => Json::String(day.to_string()),
        Value::Time(day) => Json::String(format!("{day}T00:00:00Z")),
        Value::Text(text) => Json::String(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso() {
        assert_eq!(iso_duration(0), "PT0S");
        assert_eq!(iso_duration(3_723), "PT1H2M3S");
        assert_eq!(iso_duration(7_200), "PT2H");
    }
}
