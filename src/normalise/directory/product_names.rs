//! Microsoft's file of product names, as a page of the directory.
//!
//! The file is published for people: it is UTF-8 or Windows-1252, its headers have stray blanks, its cells too.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::catalog::directory::Listing;
use crate::catalog::normalise;
use crate::error::{Error, Kind, Result};

/// Characters of Windows-1252 from 0x80 to 0x9F; 0 where there is none.
const WINDOWS: [u16; 32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0,
    0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
];

/// Reads the file into a page of `listing`: one entity for each row, its properties under the names that the columns
/// read. Headers are matched without regard to case, blanks and punctuation. Fails where one is missing.
pub fn page(listing: &Listing, bytes: &[u8]) -> Result<Value> {
    let text = decode(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let unreadable = |e: csv::Error| Error::new(Kind::Config, "the file of product names is no CSV").because(e);
    let headers: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(str::to_string).collect();
    let wanted: BTreeSet<&str> = listing.properties();
    let names: Vec<&str> = headers
        .iter()
        .map(|h| wanted.iter().find(|w| normalise(w) == normalise(h)).copied().unwrap_or(h.trim()))
        .collect();
    let missing: Vec<&str> = wanted.iter().filter(|w| !names.contains(w)).copied().collect();
    if !missing.is_empty() {
        return Err(Error::new(Kind::Config, "the file of product names lacks columns")
            .with("columns", missing.join(", "))
            .hint("take the CSV that Microsoft's page of licensing service plans links to"));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cells = names.iter().zip(record.iter()).map(|(name, cell)| (name.to_string(), Value::from(cell)));
        rows.push(Value::Object(cells.collect::<Map<_, _>>()));
    }
    if rows.is_empty() {
        return Err(Error::new(Kind::Config, "the file of product names has no row"));
    }
    Ok(json!({ "value": rows }))
}

/// The text of the file.
fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|b| character(*b)).collect(),
    }
}

fn character(byte: u8) -> char {
    match byte {
        0x80..=0x9F => match WINDOWS[usize::from(byte - 0x80)] {
            0 => char::REPLACEMENT_CHARACTER,
            code => char::from_u32(u32::from(code)).unwrap_or(char::REPLACEMENT_CHARACTER),
        },
        _ => char::from(byte),
    }
}
