//! Formatting as page files write it (`legend = { show = true }`), and as the report's JSON does.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Formatting objects of a visual, by name, and their properties.
pub type Format = BTreeMap<String, BTreeMap<String, Value>>;

/// The objects as JSON.
pub(super) fn objects(format: &Format) -> Map<String, Value> {
    format.iter().map(|(name, properties)| (name.clone(), json!([{"properties": all(properties)}]))).collect()
}

fn all(properties: &BTreeMap<String, Value>) -> Map<String, Value> {
    properties.iter().map(|(name, value)| (name.clone(), property(value))).collect()
}

/// A property: true and false, numbers (whole ones as integers, the others as doubles), colours (`#RRGGBB`), texts.
pub(super) fn property(value: &Value) -> Value {
    match value {
        Value::Number(n) if n.is_i64() => literal(format!("{n}L")),
        Value::Number(n) => number(n.as_f64().unwrap_or_default()),
        Value::String(s) if is_colour(s) => json!({"solid": {"color": text(s)}}),
        Value::String(s) => text(s),
        other => literal(other.to_string()),
    }
}

/// A text as an expression.
pub(super) fn text(text: &str) -> Value {
    literal(format!("'{}'", text.replace('\'', "''")))
}

/// A number of points or pixels.
pub(super) fn number(n: impl std::fmt::Display) -> Value {
    literal(format!("{n}D"))
}

/// true or false.
pub(super) fn flag(on: bool) -> Value {
    literal(on.to_string())
}

fn literal(value: String) -> Value {
    json!({"expr": {"Literal": {"Value": value}}})
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_literals_of_their_kind() {
        let value = |v: Value| property(&v)["expr"]["Literal"]["Value"].clone();
        assert_eq!(value(json!(true)), json!("true"));
        assert_eq!(value(json!(3)), json!("3L"));
        assert_eq!(value(json!(0.5)), json!("0.5D"));
        assert_eq!(value(json!(2.0)), json!("2D"));
        assert_eq!(value(json!("it's")), json!("'it''s'"));
        assert_eq!(property(&json!("#0F6CBD"))["solid"]["color"]["expr"]["Literal"]["Value"], json!("'#0F6CBD'"));
    }
}
