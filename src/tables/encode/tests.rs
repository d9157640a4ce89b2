//! Batches in, and what an independent reader finds in the file.

use arrow::array::*;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::ByteArray;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::{Statistics, ValueStatistics};
use proptest::prelude::*;

use super::*;
use crate::catalog::{self, Report};
use crate::normalise::{self, Normaliser, Outcome};

mod whole_file;
use whole_file::encode_body;

fn encode(batches: &[RecordBatch], codec: Codec) -> Bytes {
    let mut encoder = Encoder::new(batches[0].schema(), codec).unwrap();
    let mut file = Vec::new();
    for b in batches {
        encoder.write(b).unwrap();
        file.extend_from_slice(&encoder.take());
    }
    let finished = encoder.finish().unwrap();
    file.extend_from_slice(&finished.bytes);
    assert_eq!(finished.size, file.len() as u64);
    assert_eq!(finished.rows, batches.iter().map(|b| b.num_rows() as u64).sum::<u64>());
    file.into()
}

fn read_back(file: &Bytes, schema: SchemaRef) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap().with_batch_size(1000).build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(|b| b.unwrap()).collect();
    for b in &batches {
        assert_eq!(b.schema(), schema);
    }
    concat_batches(&schema, &batches).unwrap()
}

fn schema() -> SchemaRef {
    let field = |name: &str, t| Field::new(name, t, true);
    Arc::new(Schema::new(vec![
        field("day", DataType::Date32),
        field("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        field("yes", DataType::Boolean),
        field("n", DataType::Int64),
        field("x", DataType::Float64),
        field("s", DataType::Utf8),
    ]))
}

/// Rows whose values come from `distinct` many, of which one in `nulls` is null (0: none, 1: all).
fn rows(rng: &mut fastrand::Rng, rows: usize, distinct: u64, nulls: u32) -> RecordBatch {
    let mut pick = |_| (nulls == 0 || rng.u32(..nulls) != 0).then(|| rng.u64(..distinct));
    let mut column = || (0..rows).map(&mut pick).collect::<Vec<_>>();
    let spread =
        |v: u64| (v as i64).wrapping_mul(if v.is_multiple_of(3) { 1 } else { 0x9e37_79b9_7f4a_7c15_u64 as i64 });
    let days: Date32Array = column().into_iter().map(|v| v.map(|v| 20_000 - v as i32 * 3)).collect();
    let at: TimestampMicrosecondArray = column().into_iter().map(|v| v.map(spread)).collect();
    let yes: BooleanArray = column().into_iter().map(|v| v.map(|v| v % 2 == 0)).collect();
    let n: Int64Array = column().into_iter().map(|v| v.map(spread)).collect();
    let x: Float64Array = column().into_iter().map(|v| v.map(|v| v as f64 / 7.0 - 3.0)).collect();
    let s: StringArray =
        column().into_iter().map(|v| v.map(|v| format!("{}é{v}", "x".repeat(v as usize % 80)))).collect();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(days), Arc::new(at.with_timezone("UTC")), Arc::new(yes), Arc::new(n), Arc::new(x), Arc::new(s)];
    RecordBatch::try_new(schema(), columns).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mut rng = fastrand::Rng::with_seed(1);
    for (size, distinct, nulls) in [
        (1, 1, 0),
        (1, 1, 1),
        (9, 3, 2),
        (300, 300, 0),
        (8192, 2, 5),
        (20_000, 30, 0),
        (70_000, 100_000, 3),
        (70_000, 5, 1),
    ] {
        for codec in [Codec::Snappy, Codec::Zstd] {
            let batch = rows(&mut rng, size, distinct, nulls);
            let file = encode(std::slice::from_ref(&batch), codec);
            assert_eq!(read_back(&file, schema()), batch, "{size} {distinct} {nulls}");
            assert_eq!(encode(&[batch], codec), file, "not the same bytes");
        }
    }
}

#[test]
fn dictionaries_come_and_go_within_a_file() {
    let mut rng = fastrand::Rng::with_seed(2);
    // Few values for pages, then many; three row groups.
    let mut batches: Vec<RecordBatch> = (0..20).map(|_| rows(&mut rng, 8192, 20, 4)).collect();
    batches.extend((0..30).map(|_| rows(&mut rng, 8192, 1 << 20, 4)));
    batches.extend((0..30).map(|_| rows(&mut rng, 8192, 20, 0)));
    let file = encode(&batches, Codec::Snappy);
    assert_eq!(read_back(&file, schema()), concat_batches(&schema(), &batches).unwrap());
    let reader = SerializedFileReader::new(file).unwrap();
    let groups = reader.metadata().row_groups();
    assert_eq!(groups.iter().map(|g| g.num_rows()).collect::<Vec<_>>(), [262_144, 262_144, 131_072]);
    let encodings: Vec<_> = groups[0].column(5).encodings().collect();
    assert!(encodings.contains(&Encoding::PLAIN) && encodings.contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
}

#[test]
fn slices_of_batches_are_written_as_they_are() {
    let mut rng = fastrand::Rng::with_seed(3);
    for (distinct, nulls) in [(5, 3), (100_000, 3), (5, 0)] {
        let whole = rows(&mut rng, 30_000, distinct, nulls);
        let cuts = [0, 3, 10, 8195, 8196, 29_999, 30_000];
        let slices: Vec<RecordBatch> = cuts.windows(2).map(|c| whole.slice(c[0], c[1] - c[0])).collect();
        assert_eq!(read_back(&encode(&slices, Codec::Snappy), schema()), whole);
    }
}

#[test]
fn the_file_is_what_the_layout_says() {
    let mut rng = fastrand::Rng::with_seed(4);
    let batch = rows(&mut rng, 5000, 50, 4);
    let file = encode(&[batch], Codec::Snappy);
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata();
    let about = metadata.file_metadata();
    assert_eq!((about.version(), about.num_rows()), (1, 5000));
    assert_eq!(about.created_by(), Some(CREATED_BY));
    assert!(about.key_value_metadata().is_none());
    let columns: Vec<String> = about
        .schema()
        .get_fields()
        .iter()
        .map(|f| format!("{:?} {:?}", f.get_physical_type(), f.get_basic_info().logical_type_ref()))
        .collect();
    assert_eq!(
        columns,
        [
            "INT32 Some(Date)",
            "INT64 Some(Timestamp(TimestampType { is_adjusted_to_u_t_c: true, unit: MICROS }))",
            "BOOLEAN None",
            "INT64 None",
            "DOUBLE None",
            "BYTE_ARRAY Some(String)"
        ]
    );
    for c in metadata.row_group(0).columns() {
        assert_eq!(c.compression(), Compression::SNAPPY);
        assert!(c.encodings().all(|e| matches!(e, Encoding::PLAIN | Encoding::RLE | Encoding::RLE_DICTIONARY)));
        let s = c.statistics().unwrap();
        assert!(s.min_bytes_opt().is_some() && s.max_bytes_opt().is_some() && s.null_count_opt() > Some(0));
        assert_eq!((c.column_index_offset(), c.offset_index_offset(), c.bloom_filter_offset()), (None, None, None));
    }
}

#[test]
fn statistics_tell_the_range() {
    let batch = RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(Date32Array::from(vec![Some(3), None, Some(-9)])),
            Arc::new(TimestampMicrosecondArray::from(vec![None, None, Some(5)]).with_timezone("UTC")),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(true)])),
            Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN, 0])),
            Arc::new(Float64Array::from(vec![0.0, 1.5, 0.0])),
            Arc::new(StringArray::from(vec![Some("b"), Some("é"), Some("")])),
        ],
    )
    .unwrap();
    let reader = SerializedFileReader::new(encode(&[batch], Codec::Snappy)).unwrap();
    let found: Vec<Statistics> =
        reader.metadata().row_group(0).columns().iter().map(|c| c.statistics().unwrap().clone()).collect();
    let text = |t: &str| Some(ByteArray::from(t));
    let text = ValueStatistics::new(text(""), text("é"), None, Some(0), false);
    assert_eq!(
        found,
        [
            Statistics::int32(Some(-9), Some(3), None, Some(1), false),
            Statistics::int64(Some(5), Some(5), None, Some(2), false),
            Statistics::boolean(Some(true), Some(true), None, Some(1), false),
            Statistics::int64(Some(i64::MIN), Some(i64::MAX), None, Some(0), false),
            Statistics::double(Some(-0.0), Some(1.5), None, Some(0), false),
            Statistics::ByteArray(text.with_max_is_exact(true).with_min_is_exact(true)),
        ]
    );
}

#[test]
fn a_file_without_rows_is_a_file() {
    let finished = Encoder::new(schema(), Codec::Snappy).unwrap().finish().unwrap();
    assert_eq!((finished.rows, finished.size), (0, finished.bytes.len() as u64));
    assert_eq!(read_back(&finished.bytes, schema()).num_rows(), 0);
}

#[test]
fn a_column_that_tables_do_not_have_is_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("u", DataType::UInt8, true)]));
    assert_eq!(Encoder::new(schema, Codec::Snappy).err().map(|e| e.kind()), Some(Kind::Lake));
}

/// A body of so many rows of mail.
fn body(rows: usize) -> Bytes {
    let mut out =
        String::from("Report Refresh Date,User Principal Name,Is Deleted,Send Count,Report Period,Brand New\n");
    for i in 0..rows {
        out.push_str(&format!("2026-11-{:02},u{i}@contoso.com,False,{},7,{}\n", i % 20 + 1, i % 50, i % 3));
    }
    out.into()
}

#[test]
fn one_thread_and_two_give_the_same_file() {
    let report = catalog::find("getEmailActivityUserDetail").unwrap();
    for rows in [0, 10, 100_000, 300_000] {
        let body = body(rows);
        let mut whole = Vec::new();
        let chunks = |size: usize| {
            let body = body.clone();
            (0..body.len()).step_by(size).map(move |i| Ok(body.slice(i..body.len().min(i + size))))
        };
        let (outcome, finished) = encode_body(report, Codec::Snappy, chunks(100_000), |b| {
            whole.extend_from_slice(&b);
            Ok(())
        })
        .unwrap();
        whole.extend_from_slice(&finished.bytes);
        assert_eq!((outcome.rows, finished.rows, finished.size), (rows as u64, rows as u64, whole.len() as u64));
        let mut normaliser = Normaliser::new(report);
        let mut batches = Vec::new();
        let mut out = |b| {
            batches.push(b);
            Ok(())
        };
        normaliser.push(&body, &mut out).unwrap();
        normaliser.finish(&mut out).unwrap();
        if rows > 0 {
            assert!(encode(&batches, Codec::Snappy) == whole);
            assert_eq!(read_back(&whole.into(), report.schema()), concat_batches(&report.schema(), &batches).unwrap());
        }
    }
}

#[test]
fn errors_of_chunks_sink_and_body_come_through() {
    let report = catalog::find("getEmailActivityUserDetail").unwrap();
    let whole = body(400_000);
    let failing = |at: usize| {
        let pieces = whole.chunks(1 << 20).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        pieces
            .into_iter()
            .enumerate()
            .map(move |(i, b)| if i == at { Err(Error::new(Kind::Unavailable, "gone")) } else { Ok(b) })
    };
    for at in [0, 1, 5] {
        let e = encode_body(report, Codec::Snappy, failing(at), |_| Ok(())).unwrap_err();
        assert_eq!(e.kind(), Kind::Unavailable);
    }
    let e =
        encode_body(report, Codec::Snappy, failing(usize::MAX), |_| Err(Error::new(Kind::File, "full"))).unwrap_err();
    assert_eq!(e.kind(), Kind::File);
    let cut = whole.slice(..whole.len() - 5);
    let e = encode_body(report, Codec::Snappy, [Ok(cut)].into_iter(), |_| Ok(())).unwrap_err();
    assert_eq!(e.kind(), Kind::NotAReport);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_are_read_back(
        seed in any::<u64>(),
        parts in prop::collection::vec((1usize..3000, 1u64..5000, 0u32..4), 1..8),
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let batches: Vec<RecordBatch> = parts.iter().map(|(n, distinct, nulls)| rows(&mut rng, *n, *distinct, *nulls)).collect();
        let file = encode(&batches, if seed % 2 == 0 { Codec::Snappy } else { Codec::Zstd });
        prop_assert_eq!(read_back(&file, schema()), concat_batches(&schema(), &batches).unwrap());
    }
}
