//! What a model promises and what it reads: the types behind `schemas/marts/<model>.toml`.
//! `pipelines/usage_analytics/README.md` says what SQL and runner owe each other.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scope::Scope;
use super::shared::Shared;
use crate::engine::Partitions;

/// The contract of a model.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The name of its file, of its folder in the lake, and of the view over it.
    pub model: String,
    /// A short title in English.
    pub title: String,
    /// What it answers, and how its numbers are meant.
    pub description: String,
    /// What one row is: `month × person × product`.
    pub grain: String,
    /// Whether it is shown to anybody.
    pub kind: ModelKind,
    /// Whether it has one file for each month.
    pub partition: Partition,
    /// The columns that tell rows of a partition apart; rows are stored in this order.
    pub key: Vec<String>,
    /// Its columns: exactly the SELECT's, in its order. A month's file has no column `month`.
    pub columns: Vec<Column>,
    /// Columns of the retired app that Graph does not give.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// What of it is shown beyond those who may see people; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// What its SQL reads.
    #[serde(default)]
    pub inputs: Vec<Input>,
}

/// Whether a model is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// A step on the way. It is kept, and shown nowhere.
    Staging,
    /// A published table.
    Mart,
    /// What of a mart is safe to show: made of the mart's contract, never written.
    #[serde(skip_deserializing)]
    Shared,
}

/// How a model is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// One file for each calendar month.
    Month,
    /// One file.
    None,
}

/// A column.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its values. All may be null.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// What it says, with its unit.
    pub description: String,
    /// The column of a table that it comes from, where it comes from one.
    #[serde(default)]
    pub source: Option<String>,
    /// Whom it names, where it may name somebody.
    // What is built does not depend on it, and so no fingerprint does.
    #[serde(default, skip_serializing)]
    pub who: Option<Whom>,
}

/// Whom a column names: what becomes of a row of a month that is not built again, when that person is forgotten. An address or an
/// id is found in every column; where the column is of the key, the row is about whom it names, and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// The person whom the row is about, by the directory's id; by an address or another id where the directory does not know them.
    /// Where the directory's id is there, it decides.
    Id,
    /// Another name of that person: an address, the display name.
    Subject,
    /// Somebody whom the row mentions: a manager. Without the cell the row is about nobody.
    Other,
    /// Among other values now and then somebody's address or id: a manager among segments, somebody in a reason.
    Among,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnType {
    /// UTF8.
    Text,
    /// INT64.
    Int,
    /// DOUBLE.
    Double,
    /// BOOLEAN.
    Bool,
    /// DATE.
    Date,
    /// TIMESTAMP in microseconds, UTC.
    Datetime,
}

/// A column of the retired app that the model lacks.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Its name there, in snake_case.
    pub column: String,
    /// Why it cannot be had.
    pub why: String,
}

/// A table that the SQL reads.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A table of the lake, another model, or a built-in table.
    pub name: String,
    /// Which part of it. Without it the month that is built, or all where there are no months.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub scope: Option<Scope>,
    /// The name of the view in the SQL. Without it the name.
    #[serde(default, rename = "as")]
    pub alias: Option<String>,
}

impl ColumnType {
    /// The Arrow type of the column in the file.
    pub fn arrow(self) -> DataType {
        match self {
            ColumnType::Text => DataType::Utf8,
            ColumnType::Int => DataType::Int64,
            ColumnType::Double => DataType::Float64,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Date => DataType::Date32,
            ColumnType::Datetime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

impl Contract {
    /// The schema of the model's files.
    pub fn schema(&self) -> SchemaRef {
        let field = |c: &Column| Field::new(&c.name, c.column_type.arrow(), true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// How the model's files are partitioned.
    pub fn partitions(&self) -> Partitions {
        match self.partition {
            Partition::Month => Partitions::ByMonth,
            Partition::None => Partitions::Whole,
        }
    }

    /// What is wrong with it by itself.
    pub(super) fn mistake(&self) -> Option<String> {
        let twice = |names: Vec<&str>| {
            let mut seen = std::collections::HashSet::new();
            names.into_iter().find(|n| !seen.insert(n.to_lowercase())).map(str::to_string)
        };
        if let Some(name) = twice(self.columns.iter().map(|c| c.name.as_str()).collect()) {
            return Some(format!("column `{name}` is there twice"));
        }
        if let Some(name) = twice(self.inputs.iter().map(Input::view).collect()) {
            return Some(format!("two inputs are called `{name}`; name one with `as`"));
        }
        let reserved: &[&str] = match self.partition {
            Partition::Month => &["tenant", "month"],
            Partition::None => &["tenant"],
        };
        if let Some(c) = self.columns.iter().find(|c| reserved.contains(&c.name.as_str())) {
            return Some(format!("column `{}` is the partition's, files do not have it", c.name));
        }
        if self.key.is_empty() {
            return Some("it has no key".to_string());
        }
        if let Some(name) = self.key.iter().find(|k| !self.columns.iter().any(|c| c.name == **k)) {
            return Some(format!("its key `{name}` is no column"));
        }
        if self.partition == Partition::None {
            let by_month = |i: &&Input| !matches!(i.scope, None | Some(Scope::All));
            if let Some(i) = self.inputs.iter().find(by_month) {
                return Some(format!("it has no months, so `{}` can only have the scope `all`", i.name));
            }
        }
        if let Some(mistake) = self.shared.as_ref().and_then(|s| s.mistake(self)) {
            return Some(mistake);
        }
        let of_itself = |i: &&Input| i.name == self.model && i.scope != Some(Scope::PREVIOUS);
        self.inputs.iter().find(of_itself).map(|_| "of itself it can only read `previous`".to_string())
    }
}

impl Input {
    /// The name of the view in the SQL.
    pub fn view(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}
