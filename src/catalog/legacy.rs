//! The tables of the retired usage analytics app, as people exported them: names, headers, and the marts that take them.
//!
//! `schemas/legacy/legacy_<table>.toml` holds one table each; `names.toml` what the app called products and kinds of sites. Every
//! table of the app has a column `TimeFrame`, the first day of a month, and no report of Graph has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::datatypes::SchemaRef;
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::{ColumnType, Who, directory, embedded, normalise};

/// The header of the month, in each table.
const MONTH: &str = "timeframe";
/// What the tables are called in the lake: this, and the name of their mart.
const PREFIX: &str = "legacy_";

/// A table of the app.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name in the lake.
    pub table: String,
    /// A short title in English.
    pub title: String,
    /// What the app called it, in its feed and in its dataset.
    pub names: Vec<String>,
    /// The mart that takes its months before measuring began.
    pub mart: String,
    /// The columns that tell rows of a month apart.
    pub key: Vec<String>,
    /// Its columns but the month, which is the partition.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the lake.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: Type,
    /// The headers that mean it, whatever their case, blanks and signs.
    pub headers: Vec<String>,
    /// Whether a file without it is none of the table.
    #[serde(default)]
    pub required: bool,
    /// The mart's column that takes it; none where it is kept in the table alone.
    #[serde(default)]
    pub mart: Option<String>,
    /// Whom the cell names, where it names a person.
    #[serde(default)]
    pub who: Option<Who>,
    /// What it says.
    pub description: String,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Type {
    /// Text, trimmed.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// `True` or `False`.
    Bool,
    /// A day.
    Date,
    /// A product, under our name.
    Product,
    /// A kind of site, group or activity, in small letters.
    Site,
}

/// What a header row and a file's name tell.
#[derive(Debug)]
pub enum Recognised {
    /// Exactly this table.
    One(&'static Table),
    /// These, and the name does not decide.
    Several(Vec<&'static Table>),
    /// A table of the app by its month or its name, but none that we know: the nearest, and the headers that it lacks.
    Near(&'static Table, Vec<String>),
    /// Nothing of the app.
    None,
}

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/legacy");

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = embedded::read(&FILES, PREFIX);
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    tables
});

static NAMES: LazyLock<BTreeMap<String, BTreeMap<String, String>>> =
    LazyLock::new(|| embedded::file(&FILES, "names.toml"));

static ENCODED: LazyLock<Vec<directory::Table>> = LazyLock::new(|| TABLES.iter().map(Table::encoded).collect());

/// All tables, by name.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// Whether a table of the lake is one of the app's.
pub fn is_legacy(table: &str) -> bool {
    table.starts_with(PREFIX)
}

/// The table with this name, in the lake or in the app.
pub fn find(name: &str) -> Option<&'static Table> {
    let wanted = normalise(name);
    tables().iter().find(|t| normalise(&t.table) == wanted || t.names.iter().any(|n| normalise(n) == wanted))
}

/// Our name for a product or a kind of site of the app.
pub fn our_name(column_type: Type, text: &str) -> String {
    let of = match column_type {
        Type::Product => "product",
        Type::Site => "site",
        _ => return text.to_string(),
    };
    match NAMES.get(of).and_then(|names| names.get(&normalise(text))) {
        Some(name) => name.clone(),
        None => text.trim().to_lowercase(),
    }
}

/// A header without what Power BI and DAX Studio put around it: `TenantProductUsage[Enabled Users]`, `Sum of EnabledUsers`.
pub fn bare(header: &str) -> &str {
    let header = header.trim();
    let inner = header.strip_suffix(']').and_then(|h| h.rsplit_once('[')).map_or(header, |(_, inner)| inner);
    inner.strip_prefix("Sum of ").unwrap_or(inner)
}

/// Whether a header is that of the month.
pub fn is_month(header: &str) -> bool {
    normalise(bare(header)) == MONTH
}

/// Which table a header row is of. A file's name decides between tables that have the same columns.
pub fn recognise(headers: &[String], file_name: &str) -> Recognised {
    let stem = normalise(file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem));
    let named = |t: &&Table| t.names.iter().any(|n| stem.contains(&normalise(n)));
    let exactly = |t: &&Table| t.names.iter().any(|n| stem.trim_end_matches(char::is_numeric) == normalise(n));
    if !headers.iter().any(|h| is_month(h)) {
        return match tables().iter().find(exactly) {
            Some(table) => Recognised::Near(table, vec!["TimeFrame".to_string()]),
            None => Recognised::None,
        };
    }
    let known = |t: &Table| t.columns_of(headers).into_iter().flatten().count();
    let fitting: Vec<&'static Table> = tables().iter().filter(|t| t.lacks(headers).is_empty()).collect();
    let most = fitting.iter().map(|t| known(t)).max();
    let best: Vec<&'static Table> = fitting.into_iter().filter(|t| Some(known(t)) == most).collect();
    match best[..] {
        [one] => Recognised::One(one),
        [] => match tables().iter().max_by_key(|t| (known(t), named(t))) {
            Some(near) => Recognised::Near(near, near.lacks(headers)),
            None => Recognised::None,
        },
        _ => {
            let by_name: Vec<&'static Table> = best.iter().copied().filter(|t| named(t)).collect();
            match by_name[..] {
                [one] => Recognised::One(one),
                _ => Recognised::Several(best),
            }
        }
    }
}

impl Table {
    /// What the app called it.
    pub fn name(&self) -> &str {
        self.names.first().map_or(self.table.as_str(), String::as_str)
    }

    /// For each header the position of its column; none for the month and for what is not known.
    pub fn columns_of(&self, headers: &[String]) -> Vec<Option<usize>> {
        let mut taken = vec![false; self.columns.len()];
        let place = |header: &String| {
            let wanted = normalise(bare(header));
            let means = |c: &Column| normalise(&c.name) == wanted || c.headers.iter().any(|h| normalise(h) == wanted);
            let at = self.columns.iter().position(means).filter(|at| !taken[*at])?;
            taken[at] = true;
            Some(at)
        };
        headers.iter().map(place).collect()
    }

    /// Headers without which a file is none of the table.
    pub fn lacks(&self, headers: &[String]) -> Vec<String> {
        let there: Vec<usize> = self.columns_of(headers).into_iter().flatten().collect();
        let lost = |(at, c): (usize, &Column)| (c.required && !there.contains(&at)).then(|| c.headers[0].clone());
        let month = (!headers.iter().any(|h| is_month(h))).then(|| "TimeFrame".to_string());
        month.into_iter().chain(self.columns.iter().enumerate().filter_map(lost)).collect()
    }

    /// The schema of every file of the table.
    pub fn schema(&self) -> SchemaRef {
        self.encoded().schema()
    }

    /// The table as a monthly state, which is how its months are encoded.
    pub fn as_state(&self) -> Option<&'static directory::Table> {
        ENCODED.iter().find(|t| t.table == self.table)
    }

    fn encoded(&self) -> directory::Table {
        let column = |c: &Column| directory::Column {
            name: c.name.clone(),
            path: None,
            role: None,
            column_type: c.column_type.stored(),
            lower: false,
            person: false,
            who: c.who,
            description: c.description.clone(),
        };
        directory::Table {
            table: self.table.clone(),
            title: self.title.clone(),
            description: self.title.clone(),
            source: String::new(),
            grain: String::new(),
            ask: None,
            from: None,
            each: Vec::new(),
            key: self.key.clone(),
            columns: self.columns.iter().map(column).collect(),
        }
    }
}

impl Type {
    /// The type of a table's column.
    fn stored(self) -> ColumnType {
        match self {
            Type::Text | Type::Product | Type::Site => ColumnType::Text,
            Type::Int => ColumnType::Int,
            Type::Double => ColumnType::Float,
            Type::Bool => ColumnType::Bool,
            Type::Date => ColumnType::Date,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> Vec<String> {
        text.split(',').map(str::to_string).collect()
    }

    #[test]
    fn every_table_is_whole() {
        assert_eq!(tables().len(), 12);
        let page = include_str!("../../docs/legacy.md");
        for t in tables() {
            assert!(page.contains(&format!("| `{}` | `{}` |", t.table, t.mart)), "docs/legacy.md lacks {}", t.table);
            assert_eq!(t.table, format!("{PREFIX}{}", t.mart));
            assert!(t.columns.iter().all(|c| !c.headers.is_empty() && c.description.ends_with('.')), "{}", t.table);
            assert!(t.key.iter().all(|k| t.columns.iter().any(|c| c.name == *k)), "{}", t.table);
            let all: Vec<String> = std::iter::once("TimeFrame".to_string())
                .chain(t.columns.iter().map(|c| c.headers[0].clone()))
                .collect();
            assert!(t.lacks(&all).is_empty());
            for name in &t.names {
                assert!(
                    matches!(recognise(&all, &format!("{name}.csv")), Recognised::One(found) if found.table == t.table)
                );
            }
        }
    }

    #[test]
    fn feed_names_dataset_names_and_what_tools_put_around_them_are_one() {
        for row in [
            "Product,LicensedUsers,ActiveUsers,CumulativeActiveUsers,MOMReturningUsers,FirstTimeUsers,TimeFrame,ContentDate",
            "Product,Enabled Users,Active Users,TimeFrame",
            "TenantProductUsage[Product],TenantProductUsage[EnabledUsers],[ActiveUsers],TenantProductUsage[TimeFrame]",
            "product,Sum of EnabledUsers,Sum of ActiveUsers,timeframe",
        ] {
            assert!(
                matches!(recognise(&headers(row), "data.csv"), Recognised::One(t) if t.mart == "tenant_product_usage"),
                "{row}"
            );
        }
    }

    #[test]
    fn what_could_be_two_tables_needs_a_name() {
        let row = headers("SiteType,ActivityType,Diplansed,DocumentCount,TotalSites,TimeFrame");
        assert!(matches!(recognise(&row, "x.csv"), Recognised::Several(t) if t.len() == 2));
        assert!(
            matches!(recognise(&row, "TenantOneDriveUsage (3).csv"), Recognised::One(t) if t.mart == "tenant_onedrive_usage")
        );
    }

    #[test]
    fn a_wrong_header_has_a_nearest_table() {
        match recognise(&headers("Product,ActivityType,ActivityCount,TimeFrame"), "x.csv") {
            Recognised::Near(t, lacks) => {
                assert_eq!((t.name(), lacks), ("TenantProductActivity", vec!["Activity".to_string()]));
            }
            other => panic!("{other:?}"),
        }
        match recognise(&headers("Product,EnabledUsers,ActiveUsers"), "TenantProductUsage.csv") {
            Recognised::Near(t, lacks) => {
                assert_eq!((t.name(), lacks), ("TenantProductUsage", vec!["TimeFrame".to_string()]))
            }
            other => panic!("{other:?}"),
        }
        let graphs = headers("Report Refresh Date,User Principal Name");
        assert!(matches!(recognise(&graphs, "TeamsUserActivityUserDetail.csv"), Recognised::None));
    }

    #[test]
    fn products_have_our_names() {
        for (theirs, ours) in [
            ("Office365", "microsoft365"),
            ("Yammer", "viva_engage"),
            ("Skype For Business", "skype_for_business"),
            ("Planner", "planner"),
        ] {
            assert_eq!(our_name(Type::Product, theirs), ours);
        }
        assert_eq!(our_name(Type::Site, "OneDrive"), "OneDrive");
        assert_eq!(our_name(Type::Site, "Any"), "any");
    }
}
