//! A table of the model, whole: its columns under the names that readers see, and where its rows come from.

use super::text::name;
use crate::marts::{Column as MartColumn, ColumnType, Contract, Partition};
use crate::powerbi::definitions::{Hierarchy, KeyColumn, Labelled, Measure, Months, TableDefinition};

/// The partition key of a mart by month, as a column.
pub const MONTH: &str = "month";

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Whether readers see it.
    pub hidden: bool,
    /// Whether it is the calendar.
    pub date_table: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its hierarchies.
    pub hierarchies: Vec<Hierarchy>,
    /// Its measures.
    pub measures: Vec<Measure>,
    /// Where its rows come from.
    pub content: Content,
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub enum Content {
    /// The files of a mart.
    Mart {
        /// Its name.
        mart: String,
        /// Whether it has files by month, and which of them are read.
        months: Option<Months>,
        /// Keys that are put together when they are read.
        keys: Vec<KeyColumn>,
    },
    /// Rows that stand in the model.
    Rows(Vec<Vec<toml::Value>>),
    /// An expression over other tables.
    Calculated(String),
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name in the model.
    pub name: String,
    /// Its name where the rows come from.
    pub source: String,
    /// The type of its values.
    pub column_type: ColumnType,
    /// What it says.
    pub description: String,
    /// Whether readers see it.
    pub hidden: bool,
    /// Whether it is different in each row.
    pub key: bool,
    /// How it is printed.
    pub format: Option<String>,
    /// The column that it is sorted by.
    pub sort_by: Option<String>,
    /// Power BI's data category.
    pub category: Option<String>,
    /// The expression that calculates it.
    pub dax: Option<String>,
    /// Where it has names for the values of its source: the values and their names, in the order of lists.
    pub labels: Vec<[String; 2]>,
}

impl Table {
    /// The table of a definition, without measures. `contract` is that of its mart.
    pub(super) fn of(definition: &TableDefinition, contract: Option<&Contract>, rows: Vec<Vec<toml::Value>>) -> Table {
        let description = match (&definition.description, contract) {
            (Some(own), _) => own.clone(),
            (None, Some(c)) => format!("{}. {}", c.title, c.description),
            (None, None) => String::new(),
        };
        let content = match (contract, &definition.dax) {
            (Some(c), _) => Content::Mart {
                mart: c.model.clone(),
                months: (c.partition == Partition::Month).then_some(definition.months),
                keys: definition.keys.clone(),
            },
            (None, Some(dax)) => Content::Calculated(dax.clone()),
            (None, None) => Content::Rows(rows),
        };
        let mut columns = Vec::new();
        if let Content::Mart { months: Some(Months::All), .. } = content {
            columns.push(Column::of(definition, MONTH, ColumnType::Date, "The first day of the month.", None));
        }
        for MartColumn { name, column_type, description, .. } in contract.iter().flat_map(|c| &c.columns) {
            columns.push(Column::of(definition, name, *column_type, description, None));
        }
        for key in &definition.keys {
            columns.push(Column::of(definition, &key.name, ColumnType::Text, &key.description, None));
        }
        for own in definition.columns.iter().chain(&definition.calculated) {
            columns.push(Column::of(definition, &own.name, own.column_type, &own.description, own.dax.clone()));
        }
        for labelled in &definition.labels {
            let of = columns.iter().find(|c: &&Column| c.source == labelled.of).map(|c| c.name.clone());
            columns.extend(of.map(|of| Column::of_labels(definition, labelled, &of)));
        }
        Table {
            name: definition.name.clone(),
            description,
            hidden: definition.hide,
            date_table: definition.date_table,
            columns,
            hierarchies: definition.hierarchies.clone(),
            measures: Vec::new(),
            content,
        }
    }

    /// The column with this name in the model.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}

impl Column {
    fn of(d: &TableDefinition, source: &str, column_type: ColumnType, text: &str, dax: Option<String>) -> Column {
        let hidden = d.hidden.iter().any(|h| h == source);
        // A table that is no mart is written with the names that readers see.
        let derived = if hidden || d.mart.is_none() { source.to_string() } else { shown(source) };
        let name = d.names.get(source).cloned().unwrap_or(derived);
        let format = d.formats.get(&name).cloned().or_else(|| default_format(column_type).map(str::to_string));
        Column {
            source: source.to_string(),
            column_type,
            description: text.to_string(),
            hidden: hidden || d.hide,
            key: d.key.as_deref() == Some(&name),
            format,
            sort_by: d.sort_by.get(&name).cloned(),
            category: d.categories.get(&name).cloned(),
            dax,
            labels: Vec::new(),
            name,
        }
    }

    /// Names for the values of the column `of`.
    fn of_labels(d: &TableDefinition, labelled: &Labelled, of: &str) -> Column {
        let text = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let source = format!("{}[{of}]", name(&d.name));
        let mut dax = format!("SWITCH (\n    {source}");
        for [value, label] in &labelled.values {
            dax += &format!(",\n    {}, {}", text(value), text(label));
        }
        dax += &format!(",\n    {source}\n)");
        let column = Column::of(d, &labelled.name, ColumnType::Text, &labelled.description, Some(dax));
        Column { source: labelled.of.clone(), labels: labelled.values.clone(), ..column }
    }
}

/// `enabled_users`: `Enabled users`.
fn shown(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn default_format(column_type: ColumnType) -> Option<&'static str> {
    match column_type {
        ColumnType::Int => Some("0"),
        ColumnType::Date => Some("yyyy-mm-dd"),
        ColumnType::Datetime => Some("yyyy-mm-dd hh:nn:ss"),
        ColumnType::Bool => Some(r#""""TRUE"";""TRUE"";""FALSE""""#),
        ColumnType::Text | ColumnType::Double => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_readers_follow_from_names_in_the_lake() {
        assert_eq!(shown("enabled_users"), "Enabled users");
        assert_eq!(shown("date"), "Date");
    }
}
