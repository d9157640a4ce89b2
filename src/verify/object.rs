//! One object: its bytes hashed piece by piece, and what its footer says where it is Parquet.

use arrow::datatypes::SchemaRef;
use bytes::{Bytes, BytesMut};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

use super::Wrong;
use super::expected::Form;
use crate::error::Result;
use crate::lake::{Lake, hex};

/// Bytes that are read at once.
const PIECE: u64 = 8 << 20;

/// What was seen of an object.
pub(super) struct Seen {
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its last bytes: more than any footer has.
    tail: Bytes,
    size: u64,
}

/// Reads an object of this size; none where it is not there any more.
pub(super) async fn read(lake: &Lake, key: &str, size: u64) -> Result<Option<Seen>> {
    let mut sha = Sha256::new();
    let (mut at, mut tail) = (0, BytesMut::new());
    while at < size {
        let Some(piece) = lake.range(key, at..size.min(at + PIECE)).await? else { return Ok(None) };
        sha.update(&piece);
        at += piece.len() as u64;
        // The piece before the last is kept with it, since a footer may lie on both.
        if tail.len() as u64 > PIECE {
            let _ = tail.split_to(tail.len() - PIECE as usize);
        }
        tail.extend_from_slice(&piece);
        if piece.is_empty() {
            break;
        }
    }
    Ok(Some(Seen { sha256: hex(sha), tail: tail.freeze(), size }))
}

/// What differs in rows or columns, if something does.
pub(super) fn differs(seen: &Seen, form: &Form, rows: u64) -> Option<(Wrong, String)> {
    let mut reader = ParquetMetaDataReader::new();
    let metadata = match reader.try_parse_sized(&seen.tail, seen.size).and_then(|()| reader.finish()) {
        Ok(metadata) => metadata,
        Err(e) => return Some((Wrong::Unreadable, format!("it is no Parquet file: {e}"))),
    };
    let file = metadata.file_metadata();
    let has = u64::try_from(file.num_rows()).unwrap_or(0);
    if has != rows {
        return Some((Wrong::Rows, format!("it has {has} rows, and {rows} are said to be there")));
    }
    let want = form.schema.as_ref()?;
    let columns = match parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()) {
        Ok(schema) => SchemaRef::new(schema),
        Err(e) => return Some((Wrong::Unreadable, format!("its columns cannot be read: {e}"))),
    };
    let names = |schema: &SchemaRef| -> Vec<String> { schema.fields().iter().map(|f| f.name().clone()).collect() };
    let (have, should) = (names(&columns), names(want));
    if have != should {
        let lacks: Vec<String> = should.iter().filter(|n| !have.contains(n)).map(|n| format!("`{n}`")).collect();
        let more: Vec<String> = have.iter().filter(|n| !should.contains(n)).map(|n| format!("`{n}`")).collect();
        let message = match (lacks.is_empty(), more.is_empty()) {
            (true, true) => "its columns have another order than the table's".to_string(),
            _ => {
                format!("its columns are not the table's: it lacks {}; it has {} beside", or_none(lacks), or_none(more))
            }
        };
        return Some((Wrong::Schema, message));
    }
    let other = columns.fields().iter().zip(want.fields()).find(|(a, b)| a.data_type() != b.data_type());
    other.map(|(a, b)| {
        (Wrong::Schema, format!("its column `{}` is {} and should be {}", a.name(), a.data_type(), b.data_type()))
    })
}

fn or_none(names: Vec<String>) -> String {
    if names.is_empty() { "none".to_string() } else { names.join(", ") }
}
