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
    /// Columns of dimensions: expressions over a mart, of which the first that it has the columns for counts.
    columns: BTreeMap<String, Vec<String>>,
    /// Marts that are read with columns of another.
    joined: BTreeMap<String, Joined>,
    /// Measures that are the change of another from the month before.
    changes: BTreeMap<String, Change>,
    /// Measures by mart, in the order in which they are preferred.
    #[serde(rename = "group")]
    groups: Vec<Group>,
    /// Values as a reader sees them: of a field, by value.
    #[serde(skip)]
    labels: Labels,
}

/// Of a field: each value and what a reader sees for it, in their order.
pub type Labels = BTreeMap<String, Vec<(String, String)>>;

/// A mart with columns of another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Joined {
    /// The columns that come from the other.
    columns: Vec<String>,
    /// The query.
    sql: String,
}

/// A change from the month before.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The measure that changes.
    pub of: String,
    /// Whether it is given as a share of what it was.
    #[serde(default)]
    pub share: bool,
}

/// Measures over one mart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    mart: String,
    /// Columns that the mart must have for it.
    #[serde(default)]
    needs: Vec<String>,
    /// The value of a field that neither a column nor a filter of the visual names.
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    /// Each measure as an aggregate over the mart's rows.
    measures: BTreeMap<String, String>,
}

/// A mart as it is read.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    mart: &'a Model,
    joined: Option<&'a Joined>,
    defaults: Option<&'a BTreeMap<String, String>>,
}

impl Terms {
    /// The terms of the binary; `labels` are the values of the model's fixed tables, by field.
    pub fn load(labels: Labels) -> Result<Terms> {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/sql.toml"));
        let read: Result<Terms, _> = toml::from_str(text);
        let mut terms = read.map_err(|e| Error::new(Kind::Model, "the dashboard's SQL cannot be read").because(e))?;
        terms.labels = labels;
        Ok(terms)
    }

    /// The mart as it is read.
    pub fn source<'a>(&'a self, models: &'a Models, mart: &str) -> Option<Source<'a>> {
        let mart = models.marts().into_iter().find(|m| m.name() == mart)?;
        Some(Source { joined: self.joined.get(mart.name()), mart, defaults: None })
    }

    /// The groups that know a measure: their places, the mart as the group reads it, and the measure's SQL.
    pub fn measure<'a>(
        &'a self,
        models: &'a Models,
        name: &'a str,
    ) -> impl Iterator<Item = (usize, Source<'a>, &'a str)> {
        self.groups.iter().enumerate().filter_map(move |(place, group)| {
            let sql = group.measures.get(name)?;
            let source = self.source(models, &group.mart).filter(|s| group.needs.iter().all(|c| s.has(c)))?;
            Some((place, Source { defaults: Some(&group.defaults), ..source }, sql.as_str()))
        })
    }

    /// The change that a measure is, if it is one.
    pub fn change(&self, name: &str) -> Option<&Change> {
        self.changes.get(name)
    }

    /// The SQL of a column over a mart.
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
            let all: Vec<String> = values.iter().flat_map(|v| self.literals(&filter.field, v)).collect();
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

    /// What is chosen where nobody chose: conditions for the fields of which neither a column nor a filter says anything.
    pub fn defaults<'a>(
        &'a self,
        source: &'a Source<'a>,
        named: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let all = source.defaults.into_iter().flatten().filter(move |(field, _)| !named(field));
        all.filter_map(move |(field, value)| {
            let field = Field::try_from(field.clone()).ok()?;
            let column = self.column(source, &field)?;
            Some(format!("{column} IN ({})", self.literals(&field, &Scalar::Text(value.clone())).join(", ")))
        })
    }

    /// A value as the marts write it; several where they have several for what a reader sees as one.
    fn literals(&self, field: &Field, value: &Scalar) -> Vec<String> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        match value {
            Scalar::Bool(b) => vec![b.to_string()],
            Scalar::Int(n) => vec![n.to_string()],
            Scalar::Text(label) => {
                let known = self.labels(field).into_iter().flatten().filter(|(_, l)| l == label);
                let values: Vec<String> = known.map(|(value, _)| quoted(value)).collect();
                if values.is_empty() { vec![quoted(label)] } else { values }
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

    /// Whether every word of an expression that is no function and no text is a column here.
    fn has_all(&self, expression: &str) -> bool {
        let outside: String = expression.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
        let words = outside.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        words.filter(|w| *w != "coalesce").all(|w| self.has(w))
    }

    fn has(&self, column: &str) -> bool {
        (column == "month" && self.by_month())
            || self.mart.contract.columns.iter().any(|c| c.name == column)
            || self.joined.is_some_and(|j| j.columns.iter().any(|c| c == column))
    }
}
