//! JSON values of one column → the values of one Arrow array.
//!
//! Texts are kept as a dictionary: a tenant has millions of assigned plans and a few hundred different ones.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::Int32Type;
use serde_json::Value;

use super::super::values;
use crate::catalog::ColumnType;

/// The values of one column so far.
pub(super) struct Cells {
    kind: ColumnType,
    data: Data,
}

enum Data {
    Days(Date32Builder),
    Micros(TimestampMicrosecondBuilder),
    Longs(Int64Builder),
    Doubles(Float64Builder),
    Bools(BooleanBuilder),
    Texts(StringDictionaryBuilder<Int32Type>),
}

impl Cells {
    /// An empty column.
    pub fn new(kind: ColumnType) -> Cells {
        let data = match kind {
            ColumnType::Date => Data::Days(Date32Builder::new()),
            ColumnType::Datetime => Data::Micros(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnType::Int | ColumnType::Duration => Data::Longs(Int64Builder::new()),
            ColumnType::Float => Data::Doubles(Float64Builder::new()),
            ColumnType::Bool => Data::Bools(BooleanBuilder::new()),
            ColumnType::Text | ColumnType::List | ColumnType::Guid => Data::Texts(StringDictionaryBuilder::new()),
        };
        Cells { kind, data }
    }

    /// Adds a value. What is missing, null or blank is null; what cannot be read is null too, and the error says why.
    pub fn push(&mut self, value: Option<&Value>, lower: bool) -> Result<(), &'static str> {
        let list = self.kind == ColumnType::List;
        let text = match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text.trim()))),
            Some(Value::Array(all)) if list => {
                all.iter().map(scalar).collect::<Result<Vec<_>, _>>().map(|all| Some(all.join("+").into()))
            }
            Some(other) => scalar(other).map(|text| Some(Cow::Owned(text))),
        };
        let (text, mut result) = match text {
            Ok(text) => (text.filter(|t| !t.is_empty()), Ok(())),
            Err(reason) => (None, Err(reason)),
        };
        let bytes = text.as_deref().map(str::as_bytes);
        // Reads the text, and notes where it says nothing of the type.
        macro_rules! read {
            ($builder:expr, $read:expr, $reason:expr) => {{
                let read = bytes.and_then($read);
                if bytes.is_some() && read.is_none() {
                    result = Err($reason);
                }
                $builder.append_option(read);
            }};
        }
        match (&mut self.data, self.kind) {
            (Data::Days(b), _) => read!(b, values::date, "not a date"),
            (Data::Micros(b), _) => read!(b, values::datetime, "not an instant"),
            (Data::Longs(b), ColumnType::Duration) => read!(b, values::duration, "not a duration"),
            (Data::Longs(b), _) => read!(b, values::int, "not a whole number"),
            (Data::Doubles(b), _) => read!(b, values::float, "not a number"),
            (Data::Bools(b), _) => read!(b, values::boolean, "not a yes or no"),
            (Data::Texts(b), kind) => {
                let text = if lower || kind == ColumnType::Guid { text.map(|t| t.to_lowercase().into()) } else { text };
                b.append_option(text);
            }
        }
        result
    }

    /// The array.
    pub fn finish(self) -> ArrayRef {
        match self.data {
            Data::Days(mut b) => Arc::new(b.finish()),
            Data::Micros(mut b) => Arc::new(b.finish()),
            Data::Longs(mut b) => Arc::new(b.finish()),
            Data::Doubles(mut b) => Arc::new(b.finish()),
            Data::Bools(mut b) => Arc::new(b.finish()),
            Data::Texts(mut b) => Arc::new(b.finish()),
        }
    }
}

/// The text of a value that holds no others.
fn scalar(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.trim().to_string()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(_) | Value::Object(_) => Err("not one value"),
    }
}
