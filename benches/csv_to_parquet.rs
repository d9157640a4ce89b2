//! From the bytes of a report in memory to the bytes of a Parquet file: `cargo bench`.
//!
//! One column of numbers for each step: reading alone, writing alone, the whole way; and the whole way for the small
//! files that most of a night consists of.

#![allow(clippy::expect_used)] // A bench that cannot run must say so.

use std::fmt::Write;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use usagelake::catalog::{Report, find};
use usagelake::config::Codec;
use usagelake::error::Result;
use usagelake::normalise::{self, Normaliser, Outcome};
use usagelake::tables::encode::{Encoder, Finished};

#[path = "../src/tables/encode/tests/whole_file.rs"]
mod whole_file;
use whole_file::encode_body;

const LARGE: usize = 1_000_000;
const SMALL: usize = 300;
/// As a download or a file comes.
const CHUNK: usize = 1 << 20;

fn main() {
    divan::main();
}

fn report() -> &'static Report {
    find("getOffice365ActiveUserDetail").expect("the catalog has it")
}

/// The report for so many people: names that quote and names beyond ASCII, licences, dates with gaps.
fn body(people: usize) -> Bytes {
    let mut rng = fastrand::Rng::with_seed(7);
    let headers: Vec<&str> = report().columns.iter().map(|c| c.header.as_str()).collect();
    let mut out = format!("\u{feff}{}\r\n", headers.join(","));
    let products = ["MICROSOFT 365 E5", "OFFICE 365 E1", "POWER BI PRO", "VISIO PLAN 2", "MICROSOFT 365 COPILOT"];
    let firsts = ["James", "Mary", "José", "Zoë", "太郎", "Priya", "Ольга", "Robert"];
    for i in 0..people {
        for (c, column) in report().columns.iter().enumerate() {
            if c > 0 {
                out.push(',');
            }
            let some = rng.u8(..10) < 6;
            match column.name.as_str() {
                "report_refresh_date" => out.push_str("2026-11-20"),
                "user_principal_name" => {
                    write!(out, "person.{:07}@contoso.com", i * 7_368_787 % 10_000_000).expect("a string")
                }
                "display_name" if rng.u8(..3) == 0 => write!(out, "\"Smith, {}\"", firsts[i % 8]).expect("a string"),
                "display_name" => write!(out, "{} Schröder", firsts[i % 8]).expect("a string"),
                "assigned_products" => {
                    let mut held: Vec<&str> = products.to_vec();
                    held.retain(|_| rng.bool());
                    out.push_str(&held.join("+"));
                }
                name if name.starts_with("has_") || name.starts_with("is_") => {
                    out.push_str(if some { "True" } else { "False" });
                }
                _ if some => {
                    let (month, day) = (rng.u8(1..=12), rng.u8(1..=28));
                    write!(out, "20{}-{month:02}-{day:02}", rng.u8(18..=26)).expect("a string");
                }
                _ => {}
            }
        }
        out.push_str("\r\n");
    }
    Bytes::from(out)
}

static BODY: LazyLock<Bytes> = LazyLock::new(|| body(LARGE));
static SMALL_BODY: LazyLock<Bytes> = LazyLock::new(|| body(SMALL));
static BATCHES: LazyLock<Vec<RecordBatch>> = LazyLock::new(|| {
    let mut batches = Vec::new();
    read(&BODY, &mut |b| batches.push(b));
    batches
});

fn read(body: &Bytes, see: &mut dyn FnMut(RecordBatch)) {
    let mut out = |b| {
        see(b);
        Ok(())
    };
    let mut normaliser = Normaliser::new(report());
    for chunk in body.chunks(CHUNK) {
        normaliser.push(chunk, &mut out).expect("a report");
    }
    normaliser.finish(&mut out).expect("a report");
}

fn chunks(body: &Bytes) -> impl Iterator<Item = usagelake::error::Result<Bytes>> + use<> {
    let body = body.clone();
    (0..body.len()).step_by(CHUNK).map(move |i| Ok(body.slice(i..body.len().min(i + CHUNK))))
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn read_1m(bencher: Bencher) {
    bencher
        .counter(BytesCount::new(BODY.len()))
        .counter(ItemsCount::new(LARGE))
        .bench_local(|| read(&BODY, &mut |b| drop(black_box(b))));
}

#[divan::bench(args = [Codec::Snappy, Codec::Zstd], sample_count = 9, sample_size = 1)]
fn write_1m(bencher: Bencher, codec: Codec) {
    let batches = &*BATCHES;
    bencher.counter(BytesCount::new(BODY.len())).counter(ItemsCount::new(LARGE)).bench_local(|| {
        let mut encoder = Encoder::new(report().schema(), codec).expect("an encoder");
        for b in batches {
            encoder.write(b).expect("rows");
            black_box(encoder.take());
        }
        encoder.finish().expect("a file")
    });
}

#[divan::bench(args = [Codec::Snappy, Codec::Zstd], sample_count = 9, sample_size = 1)]
fn whole_1m(bencher: Bencher, codec: Codec) {
    let body = BODY.clone();
    bencher.counter(BytesCount::new(body.len())).counter(ItemsCount::new(LARGE)).bench_local(|| {
        encode_body(report(), codec, chunks(&body), |b| {
            black_box(b);
            Ok(())
        })
        .expect("a file")
    });
}

#[divan::bench(args = [Codec::Snappy, Codec::Zstd])]
fn whole_300(bencher: Bencher, codec: Codec) {
    let body = SMALL_BODY.clone();
    bencher
        .counter(BytesCount::new(body.len()))
        .counter(ItemsCount::new(SMALL))
        .bench_local(|| encode_body(report(), codec, chunks(&body), |_| Ok(())).expect("a file"));
}
