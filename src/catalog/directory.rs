//! The directory's tables as data: who is in the tenant, what is licensed, and under which names.
//!
//! `schemas/directory/<table>.toml` holds one table each, with the path in Graph's JSON that each column is read from.
//! Tables that are made of one list of Graph share its pages: one of them says how the list is asked for, the others
//! name that one. What is asked for (`$select`) follows from the columns, so the two cannot drift apart.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ColumnType, UNKNOWN_COLUMNS, Who, embedded};

/// The property that tells entities of a list apart. Graph has it on every entity.
pub const ENTITY: &str = "id";

/// A table of the directory: one state for each month.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name in the lake.
    pub table: String,
    /// A short title in English.
    pub title: String,
    /// What the table answers, in a sentence or two.
    pub description: String,
    /// The Microsoft page that the definition comes from.
    pub source: String,
    /// What one row is: `person × licence`.
    pub grain: String,
    /// How Graph is asked for the list that the rows are made of.
    #[serde(default)]
    pub ask: Option<Ask>,
    /// The table whose list the rows are made of, where it is not asked for anew. Neither this nor `ask`: the rows come
    /// from a file that the pipeline names.
    #[serde(default)]
    pub from: Option<String>,
    /// Where the rows of an entity are: one for each element. Without it an entity is a row.
    #[serde(default)]
    pub each: Vec<Each>,
    /// The columns by which rows are sorted and told apart.
    pub key: Vec<String>,
    /// The columns, in their order.
    pub columns: Vec<Column>,
}

/// A list of Graph.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What `[directory] include` calls the list and all tables that are made of it.
    pub include: String,
    /// Its path behind the host, without options: `/v1.0/users`.
    pub path: String,
    /// Related objects that come with each entity: `manager($select=id)`.
    #[serde(default)]
    pub expand: Vec<String>,
    /// Entities on a page, where Graph pages the list.
    #[serde(default)]
    pub top: Option<u16>,
    /// Application permissions, any one of which suffices.
    pub permissions: Vec<String>,
}

/// Elements of an entity that are rows.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// The path of an array, or of a value that is the only element.
    pub path: String,
    /// What these rows are called in the column with the role `kind`.
    #[serde(default)]
    pub kind: Option<String>,
    /// Only elements that begin with this, in any case, and without it.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// A column.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// Where it is in the entity: `manager.id`. Of an array `verifiedDomains[isDefault].name` takes the first element whose
    /// property is true. A path that begins with that of `each` is read from the row's element.
    #[serde(default)]
    pub path: Option<String>,
    /// What it holds, where that is no path.
    #[serde(default)]
    pub role: Option<Role>,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether texts are kept in small letters, since case does not count. GUIDs always are.
    #[serde(default)]
    pub lower: bool,
    /// Whether it says something about a person.
    #[serde(default)]
    pub person: bool,
    /// Whom the cell names, where it names a person.
    #[serde(default)]
    pub who: Option<Who>,
    /// What the column says.
    pub description: String,
}

/// What a column without a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The row's element itself.
    Element,
    /// The `kind` of the row's `each`.
    Kind,
    /// The first day of the month on which the row was there. A table that has it grows.
    FirstSeen,
    /// The last such day.
    LastSeen,
}

/// One list and the tables that are made of it.
#[derive(Debug)]
pub struct Listing {
    /// How it is asked for; none for the file that the pipeline names.
    pub ask: Option<&'static Ask>,
    /// The tables, the one that says how to ask first, then by name.
    pub tables: Vec<&'static Table>,
}

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/directory");

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = embedded::read(&FILES, "");
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    tables
});

static LISTINGS: LazyLock<Vec<Listing>> = LazyLock::new(|| {
    let main = TABLES.iter().filter(|t| t.from.is_none());
    main.map(|main| {
        let others = TABLES.iter().filter(|t| t.from.as_ref() == Some(&main.table));
        Listing { ask: main.ask.as_ref(), tables: std::iter::once(main).chain(others).collect() }
    })
    .collect()
});

/// All tables, by name.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The lists that Graph is asked for, by the name of their first table.
pub fn listings() -> impl Iterator<Item = &'static Listing> {
    LISTINGS.iter().filter(|l| l.ask.is_some())
}

/// The tables whose rows come from a file.
pub fn from_files() -> impl Iterator<Item = &'static Listing> {
    LISTINGS.iter().filter(|l| l.ask.is_none())
}

/// The list of which a table is made.
pub fn listing_of(table: &Table) -> Option<&'static Listing> {
    LISTINGS.iter().find(|l| l.tables.iter().any(|t| t.table == table.table))
}

/// The tables that a ledger of this name speaks of: those of a list, or the one that is called so.
pub fn tables_of(ledger: &str) -> Vec<&str> {
    match LISTINGS.iter().find(|l| l.name() == ledger) {
        Some(list) => list.tables.iter().map(|t| t.table.as_str()).collect(),
        None => vec![ledger],
    }
}

impl Table {
    /// The schema of every file of the table: the columns in their order, then `unknown_columns`.
    pub fn schema(&self) -> SchemaRef {
        let columns = self.columns.iter().map(|c| Field::new(&c.name, c.column_type.arrow(), true));
        let unknown = Field::new(UNKNOWN_COLUMNS, DataType::Utf8, true);
        Arc::new(Schema::new(columns.chain([unknown]).collect::<Vec<_>>()))
    }

    /// The position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The position of the column with this role.
    pub fn role(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|c| c.role == Some(role))
    }

    /// Whether rows stay for the whole month once they were seen in it, with the days on which they were.
    pub fn grows(&self) -> bool {
        self.role(Role::FirstSeen).is_some()
    }

    /// The paths in an entity that the table reads.
    fn paths(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|c| c.path.as_deref()).chain(self.each.iter().map(|e| e.path.as_str()))
    }
}

impl Listing {
    /// The name of the list in the ledger, in raw and in the record of a run: that of its first table.
    pub fn name(&self) -> &'static str {
        self.tables.first().map_or("", |t| &t.table)
    }

    /// What `[directory] include` calls it.
    pub fn include(&self) -> &'static str {
        self.ask.map_or("", |a| &a.include)
    }

    /// Permissions, any one of which suffices.
    pub fn permissions(&self) -> Vec<&'static str> {
        self.ask.iter().flat_map(|a| &a.permissions).map(String::as_str).collect()
    }

    /// The properties of an entity that some table reads, by name.
    pub fn properties(&self) -> BTreeSet<&'static str> {
        let first = |path: &'static str| path.split(['.', '[']).next().unwrap_or(path);
        let read = self.tables.iter().flat_map(|t| t.paths()).map(first);
        read.chain(self.ask.map(|_| ENTITY)).collect()
    }

    /// The request behind the host: `/v1.0/users?$select=…&$expand=…&$top=999`.
    pub fn path(&self) -> String {
        let Some(ask) = self.ask else { return String::new() };
        let expanded = |p: &&&str| ask.expand.iter().any(|e| e.split('(').next() == Some(p));
        let properties = self.properties();
        let select: Vec<&str> = properties.iter().filter(|p| !expanded(p)).copied().collect();
        let mut path = format!("{}?$select={}", ask.path, select.join(","));
        if !ask.expand.is_empty() {
            path += &format!("&$expand={}", ask.expand.join(","));
        }
        if let Some(top) = ask.top {
            path += &format!("&$top={top}");
        }
        path
    }

    /// Whether a column of it says something about a person.
    pub fn names_people(&self) -> bool {
        self.tables.iter().any(|t| t.columns.iter().any(|c| c.person))
    }
}

#[cfg(test)]
mod tests;
