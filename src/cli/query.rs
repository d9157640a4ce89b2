//! `usagelake query`

use std::io::IsTerminal;

use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::{Args, ValueEnum};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use serde_json::{Map, Value};

use super::pipeline::{existing, lake_address, marts_options, one_tenant};
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::engine::{Engine, Limits, refusal};
use crate::error::{Error, Kind, Result};
use crate::marts::{Models, offer};

/// Characters of a cell that a terminal shows. CSV and JSON are never cut.
const WIDEST: usize = 60;

/// What to ask.
#[derive(Args)]
pub(super) struct Query {
    /// One statement that reads; `SHOW TABLES` and `DESCRIBE table` work too
    sql: String,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The most rows that a table shows; 0 shows all. CSV and JSON are always whole
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rows: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Aligned, for people
    Table,
    /// With a header; cells that a spreadsheet would run are marked with '
    Csv,
    /// A list of objects
    Json,
}

impl Query {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let options = marts_options(&self.config)?;
        let models = Models::configured(&options)?;
        let session = Engine::new(&lake, Limits::from(&options))?.session(false);
        offer(&session, &lake, &tenant, &models).await?;
        let tables = session.tables();
        let wrong = |e| refusal(Kind::Usage, e, &tables);
        let frame = session.sql(&self.sql).await.map_err(wrong)?;
        let schema = SchemaRef::new(frame.schema().as_arrow().clone());
        let rows = frame.execute_stream().await.map_err(wrong)?;
        match if json { Format::Json } else { self.format } {
            Format::Table => table(&schema, rows, self.rows, &tables).await?,
            Format::Csv => csv(&schema, rows, &tables).await?,
            Format::Json => objects(&schema, rows, &tables).await?,
        }
        Ok(Exit::Done)
    }
}

/// The cells of a batch as text; none where a cell is null.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>> {
    let format = FormatOptions::default().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%SZ"));
    let columns = batch
        .columns()
        .iter()
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &format))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Error::new(Kind::Usage, "a column cannot be printed").because(e))?;
    let nulls: Vec<Option<NullBuffer>> = batch.columns().iter().map(|c| c.logical_nulls()).collect();
    let row = |n: usize| {
        let cell = |(nulls, text): (&Option<NullBuffer>, &ArrayFormatter<'_>)| {
            nulls.as_ref().is_none_or(|nulls| nulls.is_valid(n)).then(|| text.value(n).to_string())
        };
        nulls.iter().zip(&columns).map(cell).collect()
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

async fn table(schema: &SchemaRef, mut rows: SendableRecordBatchStream, most: usize, tables: &[String]) -> Result<()> {
    let head: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let cut = std::io::stdout().is_terminal();
    let (mut shown, mut all) = (Vec::new(), 0u64);
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| refusal(Kind::Usage, e, tables))?;
        all += batch.num_rows() as u64;
        let left = if most == 0 { batch.num_rows() } else { most.saturating_sub(shown.len()).min(batch.num_rows()) };
        for row in cells(&batch.slice(0, left))? {
            shown.push(row.into_iter().map(|c| plain(c.unwrap_or_default(), cut)).collect::<Vec<String>>());
        }
    }
    if !head.is_empty() {
        output::print(&output::table(&head, &shown));
    }
    let rest = all - shown.len() as u64;
    let more = if rest > 0 {
        format!(", {} of them not shown; `--rows 0` shows all", output::count(rest))
    } else {
        String::new()
    };
    output::say(&format!("{}{more}", output::plural(all, "row")));
    Ok(())
}

/// A cell on one line, without what a terminal would take for a command.
fn plain(text: String, cut: bool) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(WIDEST - 1) {
        Some((end, c)) if cut && end + c.len_utf8() < line.len() => format!("{}…", &line[..end]),
        _ => line,
    }
}

async fn csv(schema: &SchemaRef, mut rows: SendableRecordBatchStream, tables: &[String]) -> Result<()> {
    let broken = |e: csv::Error| Error::new(Kind::File, "cannot print the answer").because(e);
    let mut out = csv::Writer::from_writer(output::Stdout);
    out.write_record(schema.fields().iter().map(|f| harmless(f.name().clone()))).map_err(broken)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| refusal(Kind::Usage, e, tables))?;
        let texts: Vec<bool> = schema.fields().iter().map(|f| is_text(f.data_type())).collect();
        for row in cells(&batch)? {
            // A number may begin with a minus; only what somebody wrote can be a formula.
            let cells = row.into_iter().zip(&texts).map(|(c, text)| {
                let cell = c.unwrap_or_default();
                if *text { harmless(cell) } else { cell }
            });
            out.write_record(cells).map_err(broken)?;
        }
    }
    out.flush().map_err(|e| broken(e.into()))
}

fn is_text(data_type: &DataType) -> bool {
    !(data_type.is_numeric() || data_type.is_temporal() || *data_type == DataType::Boolean)
}

/// The text as a spreadsheet shows it and does not run it.
fn harmless(text: String) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text,
    }
}

async fn objects(schema: &SchemaRef, mut rows: SendableRecordBatchStream, tables: &[String]) -> Result<()> {
    let mut first = true;
    output::print_part("[");
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| refusal(Kind::Usage, e, tables))?;
        for (n, row) in cells(&batch)?.into_iter().enumerate() {
            let mut object = Map::new();
            for ((field, cell), column) in schema.fields().iter().zip(row).zip(batch.columns()) {
                object.insert(field.name().clone(), value(field.data_type(), cell, column.as_ref(), n));
            }
            let text = serde_json::to_string(&object).unwrap_or_default();
            output::print_part(&format!("{}\n  {text}", if first { "" } else { "," }));
            first = false;
        }
    }
    output::print_part(if first { "]\n" } else { "\n]\n" });
    Ok(())
}

/// Numbers and booleans as such, the rest as text; what JSON cannot hold (NaN) is null.
fn value(data_type: &DataType, cell: Option<String>, column: &dyn Array, n: usize) -> Value {
    let Some(text) = cell else { return Value::Null };
    if let Some(floats) = column.as_any().downcast_ref::<arrow::array::Float64Array>() {
        return serde_json::Number::from_f64(floats.value(n)).map_or(Value::Null, Value::Number);
    }
    match data_type {
        t if t.is_numeric() => serde_json::from_str(&text).unwrap_or(Value::Null),
        DataType::Boolean => Value::Bool(text == "true"),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_no_cell() {
        for (cell, safe) in
            [("=1+1", "'=1+1"), ("-x", "'-x"), ("@a", "'@a"), ("+4", "'+4"), ("\tx", "'\tx"), ("a=b", "a=b"), ("", "")]
        {
            assert_eq!(harmless(cell.into()), safe);
        }
        assert!(!is_text(&DataType::Int64) && !is_text(&DataType::Date32) && is_text(&DataType::Utf8View));
    }

    #[test]
    fn a_cell_is_one_line_and_not_too_wide() {
        assert_eq!(plain("a\u{1b}[31m\nb".into(), true), "a [31m b");
        assert_eq!(plain("ä".repeat(100), true).chars().count(), WIDEST);
        assert_eq!(plain("ä".repeat(WIDEST), true), "ä".repeat(WIDEST));
        assert_eq!(plain("ä".repeat(100), false).chars().count(), 100);
    }
}
