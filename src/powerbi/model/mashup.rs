//! Where Power Query reads the lake, and the M that does it.
//!
//! One static source for each table, with its root in a parameter: only such a source is refreshed in the service. The list
//! of files is cut to the months asked for before a file is opened. The functions that all tables share open no source.

use super::table::{Column, Content, Table};
use crate::marts::ColumnType;
use crate::powerbi::definitions::{KeyColumn, Months};

/// How Power BI reaches the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Azure Data Lake Storage Gen2, or OneLake: `https://account.dfs.core.windows.net/container/path`.
    Adls(String),
    /// Azure Blob Storage.
    Blob {
        /// `https://account.blob.core.windows.net`
        account: String,
        /// The container.
        container: String,
        /// The folder of the lake in it, without slashes at its ends; empty for the whole container.
        folder: String,
    },
    /// A folder that Power BI Desktop, or the gateway, sees.
    Folder(String),
    /// Any web server that serves the lake's files by path: what is there is read from a manifest.
    Https(String),
}

/// What is the same in all partitions of a model.
#[derive(Debug, Clone)]
pub struct Lake {
    /// How it is reached.
    pub source: Source,
    /// The tenant.
    pub tenant: String,
    /// `marts` or `marts_shared`.
    pub folder: &'static str,
    /// The manifest that names what is in it.
    pub manifest: String,
}

/// A shared query: its name, what it is, its expression, what it results in.
pub(super) struct Query {
    pub name: &'static str,
    pub description: &'static str,
    pub expression: String,
    pub result: &'static str,
}

/// Power BI Desktop reads months from here…
const RANGE_START: &str = "#datetime(2015, 1, 1, 0, 0, 0)";
/// …to here: all. The service puts the refresh policy's ranges in their place.
const RANGE_END: &str = "#datetime(2100, 1, 1, 0, 0, 0)";

const LAKE_TABLE: &str = "\
(files as table, folder as text) as table =>
    let
        Named = Table.AddColumn(files, \"Path\", each Text.Replace(Text.Replace(\"/\" & [Folder Path] & \"/\" & [Name], \"\\\", \"/\"), \"%3D\", \"=\"), type text)
    in
        Table.SelectColumns(Table.SelectRows(Named, each Text.Contains([Path], \"/\" & folder & \"/\") and Text.EndsWith([Path], \".parquet\")), {\"Path\", \"Content\"})";

const MONTHS: &str = "\
(files as table, from as datetime, to as datetime) as table =>
    let
        Month = (path as text) as date => Date.FromText(Text.BetweenDelimiters(path, \"/month=\", \"/\"), [Format = \"yyyy-MM-dd\", Culture = \"en-US\"]),
        Dated = Table.AddColumn(files, \"month\", each Month([Path]), type date)
    in
        Table.SelectRows(Dated, each DateTime.From([month]) >= from and DateTime.From([month]) < to)";

const LAST_MONTH: &str = "(files as table) as table => Table.MaxN(files, \"Path\", 1)";

const ROWS: &str = "\
(files as table, columns as type) as table =>
    let
        All = Table.ColumnNames(#table(columns, {})),
        Inside = List.RemoveItems(All, {\"month\"}),
        Opened = Table.TransformColumns(files, {{\"Content\", each Table.SelectColumns(Parquet.Document(_), Inside, MissingField.UseNull), type table}}),
        Expanded = Table.ExpandTableColumn(Opened, \"Content\", Inside)
    in
        Value.ReplaceType(Table.SelectColumns(Expanded, All), columns)";

const NAMED: &str = "\
(value as nullable text) as text =>
    if value = null or Text.Trim(value) = \"\" then \"(none)\" else Text.Trim(value)";

/// The parameters and functions, in their order.
pub(super) fn queries(lake: &Lake) -> Vec<Query> {
    let parameter = |name, description, value: &str, kind: &'static str| Query {
        name,
        description,
        expression: format!(
            "{value} meta [IsParameterQuery = true, Type = \"{kind}\", IsParameterQueryRequired = true]"
        ),
        result: kind,
    };
    let (root, what) = match &lake.source {
        Source::Adls(root) => {
            (root, "The folder of the lake in Azure Data Lake Storage or OneLake, without a slash at its end")
        }
        Source::Blob { account, .. } => (account, "The account of Azure Blob Storage"),
        Source::Folder(root) => (root, "The folder of the lake, without a slash at its end"),
        Source::Https(root) => (root, "The address under which the lake's files are served, with a slash at its end"),
    };
    let mut queries = vec![parameter("Lake", what, &quoted(root), "Text")];
    if let Source::Blob { container, .. } = &lake.source {
        queries.push(parameter("Container", "The container of the lake", &quoted(container), "Text"));
    }
    queries.push(parameter("RangeStart", "The first month that is read", RANGE_START, "DateTime"));
    queries.push(parameter("RangeEnd", "The first month that is not read any more", RANGE_END, "DateTime"));
    let function =
        |name, description, text: &str| Query { name, description, expression: text.to_string(), result: "Function" };
    queries.push(function("LakeTable", "The Parquet files of one table; nothing is opened", LAKE_TABLE));
    queries.push(function("MonthsBetween", "The files of some months; nothing is opened", MONTHS));
    queries.push(function("LastMonth", "The file of the last month; nothing is opened", LAST_MONTH));
    queries.push(function("RowsOf", "The rows of files, with the columns and types of a table", ROWS));
    queries.push(function("Named", "A name, or (none)", NAMED));
    queries
}

/// The expression of a table that is read or that stands in the model; none where it is calculated.
pub(super) fn partition(table: &Table, lake: &Lake) -> Option<String> {
    match &table.content {
        Content::Mart { mart, months, keys } => Some(of_mart(table, mart, *months, keys, lake)),
        Content::Rows(rows) => Some(of_rows(&table.columns, rows)),
        Content::Calculated(_) => None,
    }
}

fn of_mart(table: &Table, mart: &str, months: Option<Months>, keys: &[KeyColumn], lake: &Lake) -> String {
    let mut steps: Vec<(&str, String)> = Vec::new();
    match &lake.source {
        Source::Adls(_) => steps.push(("Source", format!("AzureStorage.DataLake(Lake & \"/{}\")", lake.folder))),
        Source::Blob { .. } => steps.push(("Source", "AzureStorage.Blobs(Lake){[Name = Container]}[Data]".to_string())),
        Source::Folder(_) => steps.push(("Source", format!("Folder.Files(Lake & \"/{}\")", lake.folder))),
        Source::Https(_) => {
            let manifest = quoted(&lake.manifest);
            steps
                .push(("Manifest", format!("Json.Document(Web.Contents(Lake, [RelativePath = {manifest}]))[objects]")));
            let columns = "each [#\"Folder Path\" = \"\", Name = _, Content = null]";
            steps.push(("Source", format!("Table.FromRecords(List.Transform(Record.FieldNames(Manifest), {columns}), type table [#\"Folder Path\" = text, Name = text, Content = any])")));
        }
    }
    let inside = match &lake.source {
        Source::Blob { folder, .. } if !folder.is_empty() => format!("{folder}/"),
        _ => String::new(),
    };
    let folder = quoted(&format!("{inside}{}/{mart}/tenant={}", lake.folder, lake.tenant));
    steps.push(("Files", format!("LakeTable(Source, {folder})")));
    match months {
        Some(Months::All) => steps.push(("Months", "MonthsBetween(Files, RangeStart, RangeEnd)".to_string())),
        Some(Months::Last) => steps.push(("Months", "LastMonth(Files)".to_string())),
        None => {}
    }
    if let Source::Https(_) = lake.source {
        let from = steps.last().map_or("Files", |(name, _)| name);
        let read = format!(
            "Table.AddColumn(Table.RemoveColumns({from}, {{\"Content\"}}), \"Content\", \
             each Binary.Buffer(Web.Contents(Lake, [RelativePath = Text.TrimStart([Path], \"/\")])), type binary)"
        );
        steps.push(("Read", read));
    }
    let from = steps.last().map_or("Files", |(name, _)| name);
    steps.push(("Rows", format!("RowsOf({from}, {})", table_type(read_columns(table, keys)))));
    let cleaned: Vec<String> =
        columns_of(keys).iter().map(|c| format!("{{{}, Named, type text}}", quoted(c))).collect();
    if !cleaned.is_empty() {
        steps.push(("Clean", format!("Table.TransformColumns(Rows, {{{}}})", cleaned.join(", "))));
    }
    let numbered: Vec<String> = (1..=keys.len()).map(|n| format!("Key{n}")).collect();
    for (key, step) in keys.iter().zip(&numbered) {
        let of = key.of.iter().map(|c| if is_word(c) { quoted(c) } else { format!("[{c}]") });
        let text = of.collect::<Vec<_>>().join(" & \"|\" & ");
        let from = steps.last().map_or("Rows", |(name, _)| name);
        steps.push((step, format!("Table.AddColumn({from}, {}, each {text}, type text)", quoted(&key.name))));
    }
    let last = steps.last().map_or("Rows", |(name, _)| name);
    let lines: Vec<String> = steps.iter().map(|(name, text)| format!("    {name} = {text}")).collect();
    format!("let\n{}\nin\n    {last}", lines.join(",\n"))
}

/// The columns that come out of the files.
fn read_columns<'a>(table: &'a Table, keys: &'a [KeyColumn]) -> impl Iterator<Item = &'a Column> {
    table.columns.iter().filter(|c| c.dax.is_none() && !keys.iter().any(|k| k.name == c.source))
}

/// The columns that keys are made of, each once.
fn columns_of(keys: &[KeyColumn]) -> Vec<&str> {
    let mut columns: Vec<&str> = keys.iter().flat_map(|k| &k.of).map(String::as_str).filter(|c| !is_word(c)).collect();
    let mut seen = std::collections::HashSet::new();
    columns.retain(|c| seen.insert(*c));
    columns
}

fn is_word(part: &str) -> bool {
    part.starts_with('(')
}

fn of_rows(columns: &[Column], rows: &[Vec<toml::Value>]) -> String {
    let cell = |v: &toml::Value| match v {
        toml::Value::String(s) if s.is_empty() => "null".to_string(),
        toml::Value::String(s) => quoted(s),
        other => other.to_string(),
    };
    let row = |r: &Vec<toml::Value>| format!("        {{{}}}", r.iter().map(cell).collect::<Vec<_>>().join(", "));
    let rows = rows.iter().map(row).collect::<Vec<_>>().join(",\n");
    let rows = if rows.is_empty() { "{}".to_string() } else { format!("{{\n{rows}\n    }}") };
    format!("let\n    Rows = #table({}, {rows})\nin\n    Rows", table_type(columns.iter()))
}

fn table_type<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let column = |c: &Column| format!("{} = nullable {}", identifier(&c.source), word(c.column_type));
    format!("type table [{}]", columns.map(column).collect::<Vec<_>>().join(", "))
}

/// A field's name in M.
fn identifier(column: &str) -> String {
    let plain = column.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain { column.to_string() } else { format!("#{}", quoted(column)) }
}

fn word(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "text",
        ColumnType::Int => "Int64.Type",
        ColumnType::Double => "number",
        ColumnType::Bool => "logical",
        ColumnType::Date => "date",
        ColumnType::Datetime => "datetimezone",
    }
}

/// A text in M.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
