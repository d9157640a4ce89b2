//! Cells that were kept as texts because no column knew them → the values of a column that knows them by now.
//!
//! They are read as the cells of an answer are; one that cannot be read is nobody's loss here, since it stays where it is.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};

use serde_json::{Map, Value};

use super::table::push_json;
use super::values;
use crate::catalog::ColumnType;

/// The texts of a row that no column knows, in the form of `unknown_columns`; none where there are none.
pub fn object(cells: &Map<String, Value>) -> Option<String> {
    let mut out = String::new();
    for (name, value) in cells {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_json(&mut out, name);
        out.push(':');
        match value {
            Value::String(text) => push_json(&mut out, text),
            other => out.push_str(&other.to_string()),
        }
    }
    (!out.is_empty()).then(|| out + "}")
}

/// Whether a text, trimmed and not blank, is a value of the type.
pub fn is_value(kind: ColumnType, text: &str) -> bool {
    let cell = text.as_bytes();
    match kind {
        ColumnType::Date => values::date(cell).is_some(),
        ColumnType::Datetime => values::datetime(cell).is_some(),
        ColumnType::Bool => values::boolean(cell).is_some(),
        ColumnType::Int => values::int(cell).is_some(),
        ColumnType::Float => values::float(cell).is_some(),
        ColumnType::Duration => values::duration(cell).is_some(),
        ColumnType::Text | ColumnType::List | ColumnType::Guid => true,
    }
}

/// The array of such texts; what is none, or no value, is null.
pub fn column<'a>(kind: ColumnType, texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    fn of<'a, T>(
        texts: impl Iterator<Item = Option<&'a str>>,
        read: fn(&[u8]) -> Option<T>,
    ) -> impl Iterator<Item = Option<T>> {
        texts.map(move |text| read(text?.as_bytes()))
    }
    match kind {
        ColumnType::Date => Arc::new(of(texts, values::date).collect::<Date32Array>()),
        ColumnType::Datetime => {
            Arc::new(of(texts, values::datetime).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        ColumnType::Bool => Arc::new(of(texts, values::boolean).collect::<BooleanArray>()),
        ColumnType::Int => Arc::new(of(texts, values::int).collect::<Int64Array>()),
        ColumnType::Float => Arc::new(of(texts, values::float).collect::<Float64Array>()),
        ColumnType::Duration => Arc::new(of(texts, values::duration).collect::<Int64Array>()),
        ColumnType::Text | ColumnType::List | ColumnType::Guid => Arc::new(texts.collect::<StringArray>()),
    }
}
