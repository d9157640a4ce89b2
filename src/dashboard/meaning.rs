//! What the dashboard takes from the semantic model: how numbers are written, and what readers see for values.

use std::collections::BTreeMap;

use super::terms::Labels;
use crate::powerbi::{Content, Measure, Model, Table};

/// How a measure's numbers are written.
#[derive(Debug, Clone)]
pub struct Format {
    /// As a format string.
    pub pattern: String,
    /// The measure that is their unit.
    pub unit: Option<String>,
}

/// The formats of measures, by name.
pub fn formats(model: &Model) -> BTreeMap<String, Format> {
    let measures = model.tables.iter().flat_map(|t| &t.measures);
    let format = |m: &Measure| Some(Format { pattern: m.format.clone()?, unit: m.unit.clone() });
    measures.filter_map(|m| Some((m.name.clone(), format(m)?))).collect()
}

/// The labels of columns: of tables whose rows stand in the model what readers see for each key, and the names of values.
pub fn labels(model: &Model) -> Labels {
    let mut labels = Labels::new();
    for table in &model.tables {
        if let Content::Rows(rows) = &table.content {
            labels.extend(of(table, rows));
        }
        for column in table.columns.iter().filter(|c| !c.labels.is_empty()) {
            let names = column.labels.iter().map(|[value, label]| (value.clone(), label.clone()));
            labels.insert(format!("{}[{}]", table.name, column.name), names.collect());
        }
    }
    labels
}

fn of(table: &Table, rows: &[Vec<toml::Value>]) -> Labels {
    let Some(key) = table.columns.iter().position(|c| c.key) else { return Labels::new() };
    let text = |row: &[toml::Value], at: usize| Some(row.get(at)?.as_str()?.to_string());
    let all = |at: usize| rows.iter().filter_map(|row| Some((text(row, key)?, text(row, at)?))).collect();
    let columns = table.columns.iter().enumerate().filter(|(_, c)| !c.hidden);
    columns.map(|(at, c)| (format!("{}[{}]", table.name, c.name), all(at))).collect()
}
