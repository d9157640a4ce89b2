//! A lake on disk that a test fills by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use sha2::{Digest, Sha256};

use super::super::coverage::{Coverage, Row};
use super::super::sources::schema_of;
use super::super::state::Kept;
use super::super::{Frozen, Job, Models, Record, Sources, State, build};
use crate::config::{Codec, Told};
use crate::day::Day;
use crate::engine::{Limits, Partitions};
use crate::error::Result;
use crate::lake::{Guard, Lake, Layout, hex};
use crate::ledger::{Horizon, Manifest, Object};
use crate::tables::encode::Encoder;

/// A row as TOML has it.
pub type Cells = toml::Table;

pub struct Tiny {
    pub lake: Lake,
    pub layout: Layout,
    pub manifest: Manifest,
    pub state: State,
    pub told: Told,
    pub coverage: Vec<Row>,
    pub guard: Guard,
    pub frozen: Frozen,
    pub horizon: Horizon,
    _folder: tempfile::TempDir,
}

impl Tiny {
    pub async fn new() -> Tiny {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        let guard = lake.lock("a").await.unwrap();
        Tiny {
            lake,
            layout: Layout::new("a"),
            manifest: Manifest::default(),
            state: State::default(),
            told: Told::default(),
            coverage: Vec::new(),
            guard,
            frozen: Frozen::default(),
            horizon: Horizon::default(),
            _folder: folder,
        }
    }

    /// Puts a partition of a table of the catalog.
    pub async fn put(&mut self, table: &str, period: u16, day: &str, rows: &[Cells]) {
        let (schema, partitions) = schema_of(table).unwrap_or_else(|| panic!("no table {table}"));
        let day: Day = day.parse().unwrap();
        let key = match partitions {
            Partitions::ByDay => self.layout.detail(table, period, day),
            _ => self.layout.monthly(table, day.month()),
        };
        let object = self.object(&key, &batch(&schema, rows)).await;
        let mut manifest = std::mem::take(&mut self.manifest);
        manifest.insert(&object);
        self.manifest = manifest;
    }

    /// Puts the partition of a model as if it had been built.
    pub async fn put_model(&mut self, models: &Models, model: &str, month: Option<Day>, rows: &[Cells]) {
        let contract = &models.get(model).unwrap_or_else(|| panic!("no model {model}")).contract;
        let key = self.layout.staging(model, month);
        let object = self.object(&key, &batch(&contract.schema(), rows)).await;
        self.state.set(model, month, Kept { fingerprint: "given".into(), object: Some(object), earlier: false });
    }

    async fn object(&self, key: &str, rows: &RecordBatch) -> Object {
        let mut encoder = Encoder::new(rows.schema(), Codec::default()).unwrap();
        encoder.write(rows).unwrap();
        let mut bytes = encoder.take().to_vec();
        bytes.extend_from_slice(&encoder.finish().unwrap().bytes);
        let sha256 = hex(Sha256::new_with_prefix(&bytes));
        let object = Object { path: key.into(), size: bytes.len() as u64, sha256, rows: rows.num_rows() as u64 };
        self.lake.replace(key, bytes.into(), &self.guard).await.unwrap();
        object
    }

    pub async fn build(&mut self, models: &Models, today: &str, full: bool) -> Result<Record> {
        self.build_with(models, today, full, &BTreeSet::new(), None).await
    }

    pub async fn build_with(
        &mut self,
        models: &Models,
        today: &str,
        full: bool,
        given: &BTreeSet<String>,
        months: Option<&[Day]>,
    ) -> Result<Record> {
        let today: Day = today.parse().unwrap();
        let coverage = Coverage::rows_only(self.coverage.clone(), today);
        let mut sources = Sources::new(&self.layout, &self.manifest, &self.told, today, coverage);
        sources.horizon = self.horizon.clone();
        if let Some(months) = months {
            sources.set_months(months);
        }
        let job = Job {
            lake: &self.lake,
            layout: &self.layout,
            guard: &self.guard,
            codec: Codec::default(),
            models,
            limits: Limits { memory: 128 << 20, threads: 2 },
            today,
            months: &[],
            full,
            frozen: &self.frozen,
        };
        build(&job, &mut sources, &mut self.state, given).await
    }

    /// The rows of a model's partition, as text by column.
    pub async fn rows(&self, model: &super::super::Model, month: Option<Day>) -> Vec<BTreeMap<String, Option<String>>> {
        let key = model.key(&self.layout, month);
        let Some(found) = self.lake.read(&key).await.unwrap() else { return Vec::new() };
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(found.bytes)
            .unwrap()
            .build()
            .unwrap();
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            for n in 0..batch.num_rows() {
                let cell =
                    |c: &ArrayRef| (!c.is_null(n)).then(|| arrow::util::display::array_value_to_string(c, n).unwrap());
                let names = batch.schema();
                rows.push(
                    names.fields().iter().zip(batch.columns()).map(|(f, c)| (f.name().clone(), cell(c))).collect(),
                );
            }
        }
        rows
    }

    /// Bytes of an object.
    pub async fn bytes(&self, key: &str) -> Option<bytes::Bytes> {
        self.lake.read(key).await.unwrap().map(|f| f.bytes)
    }
}

/// Rows with the columns of a schema; what is not named is null, and what is not there is refused.
pub fn batch(schema: &SchemaRef, rows: &[Cells]) -> RecordBatch {
    for row in rows {
        for name in row.keys() {
            assert!(schema.field_with_name(name).is_ok(), "there is no column `{name}`");
        }
    }
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| {
            let cells = rows.iter().map(|r| r.get(field.name()));
            match field.data_type() {
                DataType::Utf8 => Arc::new(cells.map(|c| c.map(text)).collect::<StringArray>()) as ArrayRef,
                DataType::Int64 => Arc::new(cells.map(|c| c.map(|c| c.as_integer().unwrap())).collect::<Int64Array>()),
                DataType::Int32 => {
                    Arc::new(cells.map(|c| c.map(|c| c.as_integer().unwrap() as i32)).collect::<Int32Array>())
                }
                DataType::Float64 => Arc::new(cells.map(|c| c.map(double)).collect::<Float64Array>()),
                DataType::Boolean => Arc::new(cells.map(|c| c.map(|c| c.as_bool().unwrap())).collect::<BooleanArray>()),
                DataType::Date32 => {
                    Arc::new(cells.map(|c| c.map(|c| text(c).parse::<Day>().unwrap().epoch())).collect::<Date32Array>())
                }
                DataType::Timestamp(..) => {
                    let micros = |c: &toml::Value| match text(c).parse::<chrono::DateTime<chrono::Utc>>() {
                        Ok(at) => at.timestamp_micros(),
                        Err(_) => i64::from(text(c).parse::<Day>().unwrap().epoch()) * 86_400_000_000,
                    };
                    Arc::new(cells.map(|c| c.map(micros)).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                other => panic!("no cells of {other}"),
            }
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

fn double(value: &toml::Value) -> f64 {
    value.as_float().or(value.as_integer().map(|n| n as f64)).unwrap()
}

/// A cell as text: TOML's own dates without quotes.
pub fn text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}
