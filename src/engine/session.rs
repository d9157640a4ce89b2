//! Sessions: bounded memory, few threads, no writing, no clock.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

use super::joins;
use super::objects::address;
use crate::config::Marts;
use crate::error::{Error, Kind, Result};
use crate::lake::Lake;

/// Functions that answer something else each time. A model that calls one would never give the same bytes twice.
const UNSTEADY: [&str; 7] = ["now", "current_timestamp", "current_date", "current_time", "today", "random", "uuid"];

/// What a session may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for sorts, joins and groups together; beyond that they go to disk.
    pub memory: usize,
    /// Threads that work side by side. More are faster on a large machine and need more memory.
    pub threads: usize,
}

impl From<&Marts> for Limits {
    fn from(options: &Marts) -> Limits {
        Limits { memory: options.memory, threads: options.threads }
    }
}

/// Where sessions come from: one store and one budget for all of them.
#[derive(Clone)]
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    threads: usize,
}

impl Engine {
    /// An engine over the objects of a lake.
    pub fn new(lake: &Lake, limits: Limits) -> Result<Engine> {
        let mode = DiskManagerMode::OsTmpDirectory;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
            .build_arc()
            .map_err(|e| Error::new(Kind::File, "cannot start the SQL engine").because(e))?;
        runtime.register_object_store(address().as_ref(), lake.objects());
        Ok(Engine { runtime, threads: limits.threads.max(1) })
    }

    /// A session without tables. `steady` ones have no function that asks the clock or a die.
    pub fn session(&self, steady: bool) -> Session {
        let config = SessionConfig::new()
            .with_target_partitions(self.threads)
            .with_information_schema(!steady)
            .with_default_catalog_and_schema("usagelake", "lake");
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .with_physical_optimizer_rules(joins::rules())
            .build();
        let context = SessionContext::new_with_state(state);
        if steady {
            UNSTEADY.iter().for_each(|name| context.deregister_udf(name));
        }
        Session { context }
    }
}

/// Tables and the SQL over them. A clone sees the same tables.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
}

impl Session {
    /// Adds a table, or replaces one.
    pub fn add(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        let fail = |e: DataFusionError| {
            Error::new(Kind::Model, "a table cannot be offered to SQL").with("table", name).because(e)
        };
        self.context.deregister_table(name).map_err(fail)?;
        self.context.register_table(name, table).map(drop).map_err(fail)
    }

    /// Adds a table of rows that are in memory.
    pub fn add_rows(&self, name: &str, schema: SchemaRef, rows: Vec<RecordBatch>) -> Result<()> {
        let table = MemTable::try_new(schema, vec![rows]).map_err(|e| {
            Error::new(Kind::Model, "rows are not of their table's schema").with("table", name).because(e)
        })?;
        self.add(name, Arc::new(table))
    }

    /// The tables that there are.
    pub fn tables(&self) -> Vec<String> {
        let schema = self.context.catalog("usagelake").and_then(|c| c.schema("lake"));
        schema.map(|s| s.table_names()).unwrap_or_default()
    }

    /// Plans one statement that reads. Anything that would write, set or create is refused.
    pub async fn sql(&self, text: &str) -> Result<DataFrame, DataFusionError> {
        let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.context.sql_with_options(text, reading).await
    }
}
