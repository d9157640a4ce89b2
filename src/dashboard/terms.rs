//! What the fields of the semantic model are in SQL over the marts, as `schemas/powerbi/dashboard/sql.toml` says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::marts::{Model, Models, Partition};
use crate::powerbi::report::{Field, Filter, Scalar};

/// What fields are in SQL.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Marts that are read joined with others: the mart, and a query with more columns.
    #[serde(default)]
    joined: BTreeMap<String, Joined>,
    /// Columns of dimensions: the columns that a mart may have for them, the first that it has counts.
    columns: BTreeMap<String, Vec<String>>,
    /// Measures by mart: an aggregate over its rows.
    measures: BTreeMap<String, BTreeMap<String, String>>,
    /// Values as a reader sees them: of a field, by value.
    #[serde(skip)]
    labels: BTreeMap<String, Vec<(String, String)>>,
}

/// A mart with columns of another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Joined {
    /// The columns that come from the other.
    columns: Vec<String>,
    /// The query.
    sql: String,
}

/// A mart that a part of a question goes to.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    mart: &'a Model,
    joined: Option<&'a Joined>,
}

impl Terms {
    /// The terms of the binary; `labels` are the values of the model's fixed tables, by field.
    pub fn load(labels: BTreeMap<String, Vec<(String, String)>>) -> Result<Terms> {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/sql.toml"));
        let read: Result<Terms, _> = toml::from_str(text);
        let mut terms =
            read.map_err(|e| Error::new(Kind::Model, "the dashboard's SQL cannot be read").because(e))?;
        terms.labels = labels;
        Ok(terms)
    }

    /// The mart as it is read.
    pub fn source<'a>(&'a self, models: &'a Models, mart: &str) -> Option<Source<'a>> {
        let mart = models.marts().into_iter().find(|m| m.name() == mart)?;
        Some(Source { joined: self.joined.get(mart.name()), mart })
    }

    /// The marts that know a measure, and its SQL over each.
    pub fn measure<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.measures.iter().filter_map(move |(mart, all)| Some((mart.as_str(), all.get(name)?.as_str())))
    }

    /// The SQL of a column over a mart; `shown` is the mart's table in the model, whose columns are its own.
    pub fn column(&self, source: &Source<'_>, field: &Field) -> Option<String> {
        let ways = self.columns.get(&field.to_string())?;
        ways.iter().find(|way| source.has_all(way)).cloned()
    }

    /// The values of a field that have names of their own, in their order.
    pub fn labels(&self, field: &Field) -> Option<&Vec<(String, String)>> {
        self.labels.get(&field.to_string())
    }

    /// A filter as a condition; none where the mart knows nothing of the field, which Power BI ignores as well.
    pub fn condition(&self, source: &Source<'_>, filter: &Filter) -> Option<String> {
        let column = self.column(source, &filter.field)?;
        let list = |values: &[Scalar]| {
            let all: Vec<String> = values.iter().map(|v| self.literal(&filter.field, v)).collect();
            all.join(", ")
        };
        if filter.present {
            Some(format!("{column} IS NOT NULL"))
        } else if !filter.values.is_empty() {
            Some(format!("{column} IN ({})", list(&filter.values)))
        } else if !filter.except.is_empty() {
            Some(format!("({column} IS NULL OR {column} NOT IN ({}))", list(&filter.except)))
        } else {
            None
        }
    }

    fn literal(&self, field: &Field, value: &Scalar) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        match value {
            Scalar::Bool(b) => b.to_string(),
            Scalar::Int(n) => n.to_string(),
            Scalar::Text(label) => {
                let known = self.labels(field).and_then(|all| all.iter().find(|(_, l)| l == label));
                quoted(known.map_or(label, |(value, _)| value))
            }
        }
    }
}

impl Source<'_> {
    /// What stands after FROM.
    pub fn from(&self) -> String {
        match self.joined {
            Some(joined) => format!("({}) AS joined", joined.sql),
            None => self.mart.name().to_string(),
        }
    }

    /// Whether its rows are of months.
    pub fn by_month(&self) -> bool {
        self.mart.contract.partition == Partition::Month
    }

    /// Whether every word of an expression that could be a column is one here.
    fn has_all(&self, expression: &str) -> bool {
        let words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\''));
        words
            .filter(|w| w.chars().next().is_some_and(|c| c.is_ascii_lowercase()))
            .filter(|w| !FUNCTIONS.contains(w))
            .all(|w| self.has(w))
    }

    fn has(&self, column: &str) -> bool {
        (column == "month" && self.by_month())
            || self.mart.contract.columns.iter().any(|c| c.name == column)
            || self.joined.is_some_and(|j| j.columns.iter().any(|c| c == column))
    }
}

/// Functions that the columns of dimensions use.
const FUNCTIONS: [&str; 2] = ["coalesce", "date_part"];
