//! A table over Parquet objects of the lake that are known by key. Nothing is listed, and no file is opened to plan.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result as Answer, ScalarValue, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::datasource::{TableType, listing::helpers::expr_applicable_for_cols};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::ledger::Object;

/// Bytes at the end of a file that are read first: the footer of most files is in them.
const FOOTER: usize = 64 << 10;

/// How the objects of a table are partitioned, in path order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partitions {
    /// `tenant=…/period=…/day=…`
    ByDay,
    /// `tenant=…/month=…`
    ByMonth,
    /// `tenant=…`
    Whole,
}

impl Partitions {
    /// The columns that the path gives, with their types.
    pub fn fields(self) -> Vec<FieldRef> {
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
        let mut fields = vec![field("tenant", DataType::Utf8)];
        match self {
            Partitions::ByDay => {
                fields.extend([field("period", DataType::Int32), field("day", DataType::Date32)]);
            }
            Partitions::ByMonth => fields.push(field("month", DataType::Date32)),
            Partitions::Whole => {}
        }
        fields
    }

    /// The values that a key gives them.
    fn values(self, key: &str) -> Result<Vec<ScalarValue>> {
        self.fields()
            .iter()
            .map(|field| {
                let text = value(key, field.name())?;
                match field.data_type() {
                    DataType::Int32 => text.parse().ok().map(|n| ScalarValue::Int32(Some(n))),
                    DataType::Date32 => text.parse().ok().map(|d: Day| ScalarValue::Date32(Some(d.epoch()))),
                    _ => Some(ScalarValue::Utf8(Some(text.to_string()))),
                }
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                Error::new(Kind::Lake, "an object's key does not have its table's partitions").with("object", key)
            })
    }
}

/// The value of a partition in a key: `2026-11-01` for `month` in `marts/x/tenant=a/month=2026-11-01/part-0.parquet`.
pub fn value<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    key.split('/').find_map(|part| part.split_once('=').filter(|(n, _)| *n == name).map(|(_, value)| value))
}

/// A table over objects.
pub struct Objects {
    columns: TableSchema,
    files: Vec<PartitionedFile>,
}

impl Objects {
    /// A table with `columns` in its files and `partitions` in their keys. Without objects it is empty.
    pub fn new<'a>(
        columns: SchemaRef,
        partitions: Partitions,
        objects: impl IntoIterator<Item = &'a Object>,
    ) -> Result<Objects> {
        let columns = TableSchema::builder(columns).with_table_partition_cols(partitions.fields()).build();
        let files = objects
            .into_iter()
            .map(|object| {
                let mut file = PartitionedFile::new(object.path.clone(), object.size).with_metadata_size_hint(FOOTER);
                file.partition_values = partitions.values(&object.path)?;
                let mut known = Statistics::new_unknown(columns.table_schema());
                // What the ledger says is good enough to order joins by, not to answer with.
                known.num_rows = Precision::Inexact(object.rows as usize);
                known.total_byte_size = Precision::Inexact(object.size as usize);
                file.statistics = Some(Arc::new(known));
                Ok(file)
            })
            .collect::<Result<_>>()?;
        Ok(Objects { columns, files })
    }

    fn partitions(&self) -> Vec<&str> {
        self.columns.table_partition_cols().iter().map(|f| f.name().as_str()).collect()
    }

    /// The files that may have rows for which all `filters` hold, which look at nothing but partitions.
    fn chosen(&self, state: &dyn Session, filters: Vec<Expr>) -> Answer<Vec<PartitionedFile>> {
        let Some(filter) = conjunction(filters) else { return Ok(self.files.clone()) };
        if self.files.is_empty() {
            return Ok(Vec::new());
        }
        let fields = self.columns.table_partition_cols();
        let schema = Arc::new(Schema::new(fields.clone()));
        let values: Vec<ArrayRef> = (0..fields.len())
            .map(|n| ScalarValue::iter_to_array(self.files.iter().map(|f| f.partition_values[n].clone())))
            .collect::<Answer<_>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), values)?;
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(schema)?)?;
        let holds = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let holds = holds.as_boolean();
        Ok(self.files.iter().zip(holds).filter(|(_, holds)| *holds == Some(true)).map(|(f, _)| f.clone()).collect())
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.files.len())
    }
}

#[async_trait]
impl TableProvider for Objects {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.columns.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Answer<Arc<dyn ExecutionPlan>> {
        let names = self.partitions();
        let on_partitions: Vec<Expr> =
            filters.iter().filter(|f| expr_applicable_for_cols(&names, f)).cloned().collect();
        let files = self.chosen(state, on_partitions)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema(), projection)?)));
        }
        let sum = |of: fn(&Statistics) -> Precision<usize>| {
            let all = files.iter().filter_map(|f| f.statistics.as_ref()).filter_map(|s| of(s).get_value().copied());
            Precision::Inexact(all.sum())
        };
        let mut known = Statistics::new_unknown(self.columns.table_schema());
        known.num_rows = sum(|s| s.num_rows);
        known.total_byte_size = sum(|s| s.total_byte_size);
        let source = ParquetSource::new(self.columns.clone())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_metadata_size_hint(FOOTER);
        let config = FileScanConfigBuilder::new(address(), Arc::new(source))
            .with_file_groups(FileGroup::new(files).split_files(state.config().target_partitions()))
            .with_statistics(known)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Answer<Vec<TableProviderFilterPushDown>> {
        let names = self.partitions();
        let how = |f: &&Expr| match expr_applicable_for_cols(&names, f) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(how).collect())
    }
}

/// The name under which the lake's store is known to the engine.
pub(super) fn address() -> ObjectStoreUrl {
    // A constant that parses; DataFusion's own local address is what it falls back to.
    ObjectStoreUrl::parse("lake://objects").unwrap_or_else(|_| ObjectStoreUrl::local_filesystem())
}
