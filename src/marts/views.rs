//! The lake for other engines: statements that make every table and mart a view there. Pure text.

use arrow::datatypes::{DataType, SchemaRef};

use super::models::{Model, Models};
use super::sources::{schema_of, tables};
use crate::engine::Partitions;
use crate::lake::Layout;

/// An engine that reads a lake by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// DuckDB, from 1.2 on.
    Duckdb,
    /// Spark SQL, from 3.4 on; also Databricks and Fabric notebooks.
    Spark,
}

/// A table of the lake.
struct Table {
    name: String,
    folder: String,
    columns: SchemaRef,
    partitions: Partitions,
}

/// Statements that make all tables and marts views over the lake at `address`. `landed` says whether a folder of the lake
/// (`tables/x`) has files: what has none becomes an empty view, so that queries do not depend on what landed.
pub fn views(dialect: Dialect, address: &str, models: &Models, landed: impl Fn(&str) -> bool) -> String {
    let of_tables = tables().into_iter().filter_map(|name| {
        let (columns, partitions) = schema_of(&name)?;
        Some(Table { folder: format!("tables/{name}"), name, columns, partitions })
    });
    // The folder without its tenant: a view is over all tenants.
    let folder = |m: &Model| m.folder(&Layout::new("")).trim_end_matches("/tenant=").to_string();
    let of_marts = models.published().into_iter().map(|m| Table {
        name: m.name().to_string(),
        folder: folder(m),
        columns: m.contract.schema(),
        partitions: m.contract.partitions(),
    });
    let address = address.trim_end_matches('/');
    let view = |t: Table| if landed(&t.folder) { t.over_files(dialect, address) } else { t.empty(dialect) };
    of_tables.chain(of_marts).map(view).collect()
}

impl Table {
    fn over_files(&self, dialect: Dialect, address: &str) -> String {
        let folder = quoted(&format!("{address}/{}", self.folder));
        let keys = self.partitions.fields();
        match dialect {
            Dialect::Duckdb => {
                let path: String = keys.iter().map(|f| format!("{}=*/", f.name())).collect();
                let types: Vec<String> =
                    keys.iter().map(|f| format!("'{}': {}", f.name(), word(dialect, f.data_type()))).collect();
                format!(
                    "CREATE OR REPLACE VIEW {} AS SELECT * FROM read_parquet('{folder}/{path}part-0.parquet', \
                     union_by_name = true, hive_partitioning = true, hive_types = {{{}}});\n",
                    self.name,
                    types.join(", ")
                )
            }
            Dialect::Spark => {
                let fields = self.columns.fields().iter().chain(&keys);
                let columns: Vec<String> =
                    fields.map(|f| format!("`{}` {}", f.name(), word(dialect, f.data_type()))).collect();
                format!(
                    "CREATE OR REPLACE TEMPORARY VIEW {} ({}) USING parquet OPTIONS (path '{folder}');\n",
                    self.name,
                    columns.join(", ")
                )
            }
        }
    }

    fn empty(&self, dialect: Dialect) -> String {
        let keys = self.partitions.fields();
        let fields = self.columns.fields().iter().chain(&keys);
        let quote = if dialect == Dialect::Spark { '`' } else { '"' };
        let columns: Vec<String> = fields
            .map(|f| format!("CAST(NULL AS {}) AS {quote}{}{quote}", word(dialect, f.data_type()), f.name()))
            .collect();
        let temporary = if dialect == Dialect::Spark { "TEMPORARY " } else { "" };
        format!("CREATE OR REPLACE {temporary}VIEW {} AS SELECT {} WHERE false;\n", self.name, columns.join(", "))
    }
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

/// The engine's word for a type.
fn word(dialect: Dialect, data_type: &DataType) -> &'static str {
    let duckdb = dialect == Dialect::Duckdb;
    match data_type {
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::Float64 => "DOUBLE",
        DataType::Boolean => "BOOLEAN",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) if duckdb => "TIMESTAMPTZ",
        DataType::Timestamp(..) => "TIMESTAMP",
        _ if duckdb => "VARCHAR",
        _ => "STRING",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_mart_is_a_view() {
        let models = Models::load(None).unwrap().with_shared(10);
        for dialect in [Dialect::Duckdb, Dialect::Spark] {
            let text =
                views(dialect, "s3://box/o'lake/", &models, |folder| folder == "tables/office365_active_user_detail");
            for name in tables().iter().map(String::as_str).chain(models.published().iter().map(|m| m.name())) {
                assert!(text.lines().any(|l| l.contains(&format!("VIEW {name} "))), "{name}");
            }
            assert_eq!(text.matches("s3://box/o''lake/tables/office365_active_user_detail").count(), 1);
            let all = views(dialect, "lake", &models, |_| true);
            assert_eq!(all.matches("lake/marts_shared/adoption_by_segment").count(), 1);
        }
    }
}
