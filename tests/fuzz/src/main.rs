//! Fuzz targets: what is promised of any bytes, for each thing that reads what somebody else wrote.
//!
//! libFuzzer calls one of them, the one that `USAGELAKE_FUZZ` names; a promise that does not hold panics, and so does any
//! code that must not. `tests/fuzz/run.sh` builds this with the counters of libFuzzer and runs it.

#![no_main]

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use usagelake::catalog::{self, Report};
use usagelake::config::File;
use usagelake::error::Error;
use usagelake::normalise::{Normaliser, Outcome};

fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
    let target = TARGET.get_or_init(|| match std::env::var("USAGELAKE_FUZZ").as_deref() {
        Ok("csv") => csv,
        Ok("json") => json,
        Ok("config") => config,
        Ok("error") => error,
        Ok("retry_after") => retry_after,
        other => panic!("USAGELAKE_FUZZ names no target: {other:?}"),
    });
    target(bytes);
});

/// A body of any report: the first byte says of which, the second in what pieces it comes.
fn csv(bytes: &[u8]) {
    let [report, piece, body @ ..] = bytes else { return };
    let reports = catalog::all();
    body_of(&reports[usize::from(*report) % reports.len()], usize::from(*piece) + 1, body);
}

/// The same where the body is JSON, which is held back until it is whole.
fn json(bytes: &[u8]) {
    let [report, body @ ..] = bytes else { return };
    let reports = catalog::all();
    let body = [b"{\"value\":[", body].concat();
    body_of(&reports[usize::from(*report) % reports.len()], 7, &body);
}

/// How a body is cut changes nothing, every row is in a batch, and every batch has the report's schema.
fn body_of(report: &'static Report, piece: usize, body: &[u8]) {
    let (whole, cut) = (read(report, [body].into_iter()), read(report, body.chunks(piece)));
    match (whole, cut) {
        (Ok((rows, told)), Ok(other)) => {
            assert_eq!((&rows, &told), (&other.0, &other.1), "pieces of {piece} bytes are read otherwise");
            assert_eq!(
                rows.iter().map(|b| b.0 as u64).sum::<u64>(),
                told.rows,
                "rows are counted that are in no batch"
            );
            assert!(told.rejects.len() as u64 <= told.rejected_cells, "more rejects than rejected cells");
        }
        (Err(a), Err(b)) => assert_eq!(a.kind(), b.kind()),
        (whole, cut) => panic!("whole {:?}, in pieces {:?}", whole.map(|w| w.1), cut.map(|c| c.1)),
    }
}

/// The batches of a body as rows and text, and what was told of it.
fn read<'a>(
    report: &'static Report,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Result<(Vec<(usize, String)>, Outcome), Error> {
    let mut batches = Vec::new();
    let mut keep = |batch| {
        batches.push(batch);
        Ok(())
    };
    let mut normaliser = Normaliser::new(report);
    for piece in pieces {
        normaliser.push(piece, &mut keep)?;
    }
    let told = normaliser.finish(&mut keep)?;
    assert!(batches.iter().all(|b| b.schema() == report.schema()), "a batch has another schema than its report");
    Ok((batches.iter().map(|b| (b.num_rows(), format!("{:?}", b.columns()))).collect(), told))
}

/// A pipeline file is understood or refused; what is refused says something.
fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let said = File::parse(text).and_then(|file| file.resolve(None, &[]));
    if let Err(e) = said {
        assert!(!e.to_string().is_empty());
    }
}

/// What Graph says of a refusal becomes an error of one short line without control characters.
fn error(bytes: &[u8]) {
    let [a, b, body @ ..] = bytes else { return };
    let status = 400 + u16::from_be_bytes([*a, *b]) % 200;
    let said = usagelake::graph::fuzzing::judge(status, body).to_string();
    assert!(!said.chars().any(char::is_control), "control characters in {said:?}");
    assert!(said.len() < 4096, "an error of {} bytes", said.len());
}

/// A wait is read or not, and is never absurd. The header, and behind a line break the server's clock.
fn retry_after(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (value, date) = text.split_once('\n').map_or((text, None), |(value, date)| (value, Some(date)));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_478_400);
    if let Some(wait) = usagelake::graph::fuzzing::retry_after(value, date, now) {
        assert!(wait <= Duration::from_secs(365 * 86_400), "a wait of {wait:?}");
    }
}
