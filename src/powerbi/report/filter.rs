//! Filters of pages and visuals, as page files write them, and as the report's JSON does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::field::{Field, Fields, expression};
use crate::error::Result;

/// A filter on one field, with exactly one condition.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The column that is filtered.
    pub field: Field,
    /// Rows with one of these values are kept.
    #[serde(default)]
    pub values: Vec<Scalar>,
    /// Rows with none of these values are kept.
    #[serde(default)]
    pub except: Vec<Scalar>,
    /// Rows in which the field has a value are kept.
    #[serde(default)]
    pub present: bool,
    /// The values with the most of a measure are kept.
    #[serde(default)]
    pub top: Option<Top>,
}

/// The values with the most of a measure.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Top {
    /// How many of them.
    pub most: u32,
    /// The measure.
    pub by: Field,
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The value as a literal of a query.
    fn literal(&self) -> Value {
        let text = match self {
            Scalar::Bool(b) => b.to_string(),
            Scalar::Int(n) => format!("{n}L"),
            Scalar::Text(t) => format!("'{}'", t.replace('\'', "''")),
        };
        json!({"Literal": {"Value": text}})
    }
}

/// The filters of a page or visual. Their names begin with the owner's, since they are unique in the report.
pub(super) fn config(fields: &Fields, owner: &str, filters: &[Filter]) -> Result<Vec<Value>> {
    filters.iter().enumerate().map(|(n, f)| f.json(fields, &format!("{owner}-filter-{}", n + 1))).collect()
}

impl Filter {
    /// Whether it has no condition, or several.
    pub(super) fn is_ambiguous(&self) -> bool {
        let given = [!self.values.is_empty(), !self.except.is_empty(), self.present, self.top.is_some()];
        given.into_iter().filter(|g| *g).count() != 1
    }

    fn json(&self, fields: &Fields, name: &str) -> Result<Value> {
        let kind = match self {
            Filter { top: Some(_), .. } => "TopN",
            Filter { present: true, .. } => "Advanced",
            _ => "Categorical",
        };
        let mut filter = json!({
            "name": name,
            "field": fields.expression(&self.field)?,
            "type": kind,
            "filter": self.definition(fields)?,
        });
        if !self.except.is_empty() {
            let inverted = json!({"isInvertedSelectionMode": {"expr": {"Literal": {"Value": "true"}}}});
            filter["objects"] = json!({"general": [{"properties": inverted}]});
        }
        Ok(filter)
    }

    /// The condition as a part of a query.
    pub(super) fn definition(&self, fields: &Fields) -> Result<Value> {
        let of = |source: &str| json!({"SourceRef": {"Source": source}});
        let column = expression(&self.field, of("t"));
        let mut from = vec![json!({"Name": "t", "Entity": fields.table(&self.field)?, "Type": 0})];
        let is_in = |values: &[Scalar]| {
            let rows: Vec<Value> = values.iter().map(|v| json!([v.literal()])).collect();
            json!({"In": {"Expressions": [column], "Values": rows}})
        };
        let not = |condition: Value| json!({"Not": {"Expression": condition}});
        let condition = if let Some(top) = &self.top {
            let query = json!({
                "Version": 2,
                "From": [from[0], {"Name": "m", "Entity": fields.table(&top.by)?, "Type": 0}],
                "Select": [{"Column": column["Column"], "Name": "field"}],
                "OrderBy": [{"Direction": 2, "Expression": expression(&top.by, of("m"))}],
                "Top": top.most,
            });
            from.insert(0, json!({"Name": "best", "Expression": {"Subquery": {"Query": query}}, "Type": 2}));
            json!({"In": {"Expressions": [column], "Table": of("best")}})
        } else if self.present {
            let nothing = json!({"Literal": {"Value": "null"}});
            not(json!({"Comparison": {"ComparisonKind": 0, "Left": column, "Right": nothing}}))
        } else if self.except.is_empty() {
            is_in(&self.values)
        } else {
            not(is_in(&self.except))
        };
        Ok(json!({"Version": 2, "From": from, "Where": [{"Condition": condition}]}))
    }
}
