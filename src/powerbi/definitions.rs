//! The model as it is written down: the types behind `schemas/powerbi/model.toml` and `schemas/powerbi/measures/`.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::marts::ColumnType;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/powerbi");

/// Which of the two projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// For readers who may see people: over `marts/`.
    People,
    /// For everybody else: aggregates only, over `marts_shared/`.
    Shared,
}

/// Tables, relationships, roles and measures, as the files say.
#[derive(Debug, Clone)]
pub struct Definitions {
    /// The tables, in the order in which Power BI shows them.
    pub tables: Vec<TableDefinition>,
    /// What stands between them.
    pub relationships: Vec<Relationship>,
    /// Restricted readers.
    pub roles: Vec<Role>,
    /// All measures, by file.
    pub measures: Vec<Measure>,
}

/// A table. Its rows are a mart's, or written here (`rows`), or calculated (`dax`), or the report catalog, or the pipeline
/// file's readers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDefinition {
    /// Its name.
    pub name: String,
    /// The project that has it; both where it is not said.
    #[serde(default)]
    pub project: Option<Audience>,
    /// What it is; of a mart what the contract says.
    #[serde(default)]
    pub description: Option<String>,
    /// The mart.
    #[serde(default)]
    pub mart: Option<String>,
    /// Which of the mart's months.
    #[serde(default)]
    pub months: Months,
    /// The column that is different in each row, by its name in the model.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether it is the model's calendar.
    #[serde(default)]
    pub date_table: bool,
    /// Whether it is hidden as a whole.
    #[serde(default)]
    pub hide: bool,
    /// Names of the mart's columns, where the one that follows from theirs is not good.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Columns that are hidden: they keep the mart's name.
    #[serde(default)]
    pub hidden: Vec<String>,
    /// Hidden columns that nothing uses.
    #[serde(default)]
    pub idle: Vec<String>,
    /// Columns that are shown and that nothing of ours uses: for readers' own filters and pages.
    #[serde(default)]
    pub offered: Vec<String>,
    /// Formats by column.
    #[serde(default)]
    pub formats: BTreeMap<String, String>,
    /// The column by which another is sorted.
    #[serde(default)]
    pub sort_by: BTreeMap<String, String>,
    /// Power BI's data categories by column.
    #[serde(default)]
    pub categories: BTreeMap<String, String>,
    /// Hierarchies.
    #[serde(default)]
    pub hierarchies: Vec<Hierarchy>,
    /// Keys that are put together of a mart's columns when they are read.
    #[serde(default)]
    pub keys: Vec<KeyColumn>,
    /// Columns that are calculated when the model is refreshed.
    #[serde(default)]
    pub calculated: Vec<OwnColumn>,
    /// Columns that readers see instead of one of the mart's, with names for its values.
    #[serde(default)]
    pub labels: Vec<Labelled>,
    /// The columns of a table that is no mart.
    #[serde(default)]
    pub columns: Vec<OwnColumn>,
    /// Its rows.
    #[serde(default)]
    pub rows: Vec<Vec<toml::Value>>,
    /// The expression that calculates it.
    #[serde(default)]
    pub dax: Option<String>,
    /// Whether its rows are the report catalog.
    #[serde(default)]
    pub catalog: bool,
    /// Whether its rows are the readers of the pipeline file.
    #[serde(default)]
    pub readers: bool,
}

/// Which months of a mart a table has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Months {
    /// Every one, with a column `month`.
    #[default]
    All,
    /// The last one: what it says holds for all times.
    Last,
}

/// A key of several columns: `Germany|Berlin`. What stands in brackets is no column and taken as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// The mart's columns, or words in brackets.
    pub of: Vec<String>,
    /// What it stands for.
    pub description: String,
}

/// A column that no contract describes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnColumn {
    /// Its name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// What it says.
    pub description: String,
    /// The expression that calculates it.
    #[serde(default)]
    pub dax: Option<String>,
}

/// A column of names for the values of one of a mart's, which is hidden. A value that has no name here is its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// Its name.
    pub name: String,
    /// The mart's column.
    pub of: String,
    /// What it says.
    pub description: String,
    /// The values as the mart writes them, and their names, in the order of lists.
    pub values: Vec<[String; 2]>,
}

/// Columns from the whole to the part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hierarchy {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub levels: Vec<String>,
}

/// Many rows of `from` belong to one of `to`. Both are `Table.Column`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relationship {
    /// The many side.
    pub from: String,
    /// The one side.
    pub to: String,
}

/// A role of restricted readers. A table that it does not name is empty for them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whom it is for.
    pub description: String,
    /// Tables that it sees whole, or as far as a filtered table that stands before them lets it.
    pub open: Vec<String>,
    /// Which rows it sees of others.
    pub filters: BTreeMap<String, String>,
}

/// A measure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Its name.
    pub name: String,
    /// The table that it stands in.
    pub table: String,
    /// The display folder; `\` between folder and subfolder.
    pub folder: String,
    /// The format of a number or day; text has none.
    #[serde(default)]
    pub format: Option<String>,
    /// The measure that is the unit of its numbers, where rows may be of different ones: a currency.
    #[serde(default)]
    pub unit: Option<String>,
    /// Whether only other measures use it.
    #[serde(default)]
    pub hidden: bool,
    /// What it says, with its unit.
    pub description: String,
    /// The expression.
    pub dax: String,
    /// The expression in the shared project, where the other needs what is not shared.
    #[serde(default)]
    pub dax_shared: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    table: Vec<TableDefinition>,
    relationship: Vec<Relationship>,
    role: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureFile {
    measure: Vec<Measure>,
}

impl Definitions {
    /// Those of the binary.
    pub fn load() -> Result<Definitions> {
        let model: ModelFile = read(FILES.get_file("model.toml"))?;
        let mut measures = Vec::new();
        let mut files: Vec<_> = FILES.get_dir("measures").map(|d| d.files().collect()).unwrap_or_default();
        files.sort_by_key(|f| f.path());
        for file in files {
            measures.extend(read::<MeasureFile>(Some(file))?.measure);
        }
        let trimmed = |dax: &mut String| *dax = dax.trim().to_string();
        measures.iter_mut().flat_map(|m| [Some(&mut m.dax), m.dax_shared.as_mut()]).flatten().for_each(trimmed);
        let mut tables = model.table;
        tables.iter_mut().filter_map(|t| t.dax.as_mut()).for_each(trimmed);
        Ok(Definitions { tables, relationships: model.relationship, roles: model.role, measures })
    }
}

fn read<T: serde::de::DeserializeOwned>(file: Option<&include_dir::File<'_>>) -> Result<T> {
    let wrong = || Error::new(Kind::Model, "a definition of the Power BI model cannot be read");
    let file = file.ok_or_else(wrong)?;
    toml::from_str(file.contents_utf8().unwrap_or_default())
        .map_err(|e| wrong().with("file", file.path().display()).because(std::io::Error::other(e.to_string())))
}
