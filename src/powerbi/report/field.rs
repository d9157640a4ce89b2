//! Fields of the semantic model as page files write them, and as the report's JSON does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result, nearest};
use crate::powerbi::Model;

/// A field of the semantic model: `Table[Column]`, or `[Measure]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Field {
    /// A column of a table, by display names.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A measure, by its name.
    Measure(String),
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(text: String) -> Result<Field, String> {
        let wrong = || format!("`{text}` is no field: write `Table[Column]` or `[Measure]`");
        let (table, name) = text.strip_suffix(']').and_then(|t| t.split_once('[')).ok_or_else(wrong)?;
        match (table.trim(), name.trim()) {
            (_, "") => Err(wrong()),
            ("", name) => Ok(Field::Measure(name.to_string())),
            (table, name) => Ok(Field::Column { table: table.to_string(), column: name.to_string() }),
        }
    }
}

impl From<Field> for String {
    fn from(field: Field) -> String {
        field.to_string()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Column { table, column } => write!(f, "{table}[{column}]"),
            Field::Measure(name) => write!(f, "[{name}]"),
        }
    }
}

impl Field {
    /// The column's or the measure's own name.
    pub fn name(&self) -> &str {
        match self {
            Field::Column { column, .. } => column,
            Field::Measure(name) => name,
        }
    }
}

/// What the semantic model has: the fields that a report may use.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Columns, as (table, column).
    pub columns: BTreeSet<(String, String)>,
    /// The table of each measure.
    pub measures: BTreeMap<String, String>,
}

impl Fields {
    /// The fields of a model.
    pub fn of(model: &Model) -> Fields {
        let columns = model.tables.iter().flat_map(|t| t.columns.iter().map(|c| (t.name.clone(), c.name.clone())));
        let measures = model.tables.iter().flat_map(|t| t.measures.iter().map(|m| (m.name.clone(), t.name.clone())));
        Fields { columns: columns.collect(), measures: measures.collect() }
    }

    /// The table that `field` is in; an error that names the nearest field where the model does not have it.
    pub fn table<'a>(&'a self, field: &'a Field) -> Result<&'a str> {
        let known = match field {
            Field::Column { table, column } => {
                self.columns.contains(&(table.clone(), column.clone())).then_some(table.as_str())
            }
            Field::Measure(name) => self.measures.get(name).map(String::as_str),
        };
        known.ok_or_else(|| {
            let all: Vec<String> = match field {
                Field::Column { .. } => self.columns.iter().map(|(t, c)| format!("{t}[{c}]")).collect(),
                Field::Measure(_) => self.measures.keys().map(|m| format!("[{m}]")).collect(),
            };
            let error = Error::new(Kind::Model, format!("the semantic model has no field `{field}`"));
            match nearest(&field.to_string(), all.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }

    /// The field as an expression of a visual's query.
    pub fn expression(&self, field: &Field) -> Result<Value> {
        let source = json!({"SourceRef": {"Entity": self.table(field)?}});
        Ok(expression(field, source))
    }

    /// The field as a projection: the expression, and the names by which the visual refers to it.
    pub fn projection(&self, field: &Field, shown_as: Option<&str>) -> Result<Value> {
        let mut projection = json!({
            "field": self.expression(field)?,
            "queryRef": format!("{}.{}", self.table(field)?, field.name()),
            "nativeQueryRef": shown_as.unwrap_or(field.name()),
        });
        if let Some(name) = shown_as {
            projection["displayName"] = json!(name);
        }
        Ok(projection)
    }
}

/// The field of a source: a table, or the alias that a filter gives one.
pub(super) fn expression(field: &Field, source: Value) -> Value {
    let kind = match field {
        Field::Column { .. } => "Column",
        Field::Measure(_) => "Measure",
    };
    json!({kind: {"Expression": source, "Property": field.name()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_and_written_alike() {
        for text in ["Product[Product]", "[Active Users]", "People by month[Has Teams]"] {
            assert_eq!(Field::try_from(text.to_string()).unwrap().to_string(), text);
        }
        for text in ["", "Product", "[]", "Product[", "Product[]"] {
            assert!(Field::try_from(text.to_string()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest() {
        let fields = Fields {
            columns: [("Product".to_string(), "Product".to_string())].into(),
            measures: [("Active Users".to_string(), "Adoption".to_string())].into(),
        };
        let error = fields.table(&Field::Measure("Active User".into())).unwrap_err();
        assert_eq!(error.hint_text(), Some("did you mean `[Active Users]`?"));
        assert_eq!(fields.table(&Field::Measure("Active Users".into())).unwrap(), "Adoption");
    }
}
