//! Lists of the directory: each night's pages are read again, and the last state of each month is put.

use std::collections::BTreeMap;
use std::io::BufRead;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::super::land::Place;
use super::{Replayed, Scope, in_order, kept};
use crate::catalog::directory::Listing;
use crate::error::{Error, Kind, Result};
use crate::ledger::{Ledger, Object, Slice};
use crate::normalise::directory::{Reader, Rows};
use crate::tables::publish::read_as;
use crate::tables::shape::Shape;
use crate::tables::state;

pub(super) async fn rebuild(
    place: &Place,
    listing: &'static Listing,
    scope: &Scope,
    ledger: &mut Ledger,
) -> Result<Replayed> {
    let mut replayed = Replayed { table: listing.name().to_string(), ..Replayed::default() };
    // The files of each month, by key, with the slice that made them last.
    let mut files: BTreeMap<String, (Object, Bytes, Slice)> = BTreeMap::new();
    for slice in in_order(ledger).into_iter().filter(|s| scope.has_month(s.day.month())) {
        let Some(bytes) = kept(place, slice.raw.as_ref()).await? else {
            replayed.without_raw += 1;
            continue;
        };
        replayed.answers += 1;
        for rows in rows(listing, &slice, bytes)?.into_iter().filter(|rows| rows.known) {
            if place.horizon.takes(&rows.table.table, slice.day.month()) {
                continue;
            }
            let path = place.layout.monthly(&rows.table.table, slice.day.month());
            let old = match files.get(&path) {
                Some((_, bytes, _)) => Some(bytes.clone()),
                // Where a night is gone, what is published has seen it.
                None if replayed.without_raw > 0 => place.lake.read(&path).await?.map(|f| f.bytes),
                None => None,
            };
            let old = old.filter(|_| rows.table.grows());
            let old = old.map(|bytes| read_as(&Shape::of_state(rows.table), &path, bytes)).transpose()?;
            let file = state::file(rows.table, &rows.batch, old.as_ref(), place.codec)?;
            let sha256 = crate::lake::hex(Sha256::new_with_prefix(&file.bytes));
            let object = Object { path: path.clone(), size: file.bytes.len() as u64, sha256, rows: file.rows };
            files.insert(path, (object, file.bytes, slice.clone()));
        }
    }
    for (path, (object, bytes, slice)) in files {
        place.lake.replace(&path, bytes, &place.guard).await?;
        replayed.partitions += 1;
        replayed.rows += object.rows;
        // An earlier table of the same list may have amended the slice.
        let mut slice = ledger.get(slice.window, slice.day).cloned().unwrap_or(slice);
        if slice.objects.contains(&object) {
            continue;
        }
        replayed.changed += 1;
        replayed.objects.push(object.clone());
        slice.objects.retain(|o| o.path != path);
        slice.objects.push(object);
        ledger.amend(slice);
    }
    Ok(replayed)
}

/// The rows of all tables of a list as a night read it: one page a line.
fn rows(listing: &'static Listing, slice: &Slice, bytes: Bytes) -> Result<Vec<Rows>> {
    let broken = |e: Box<dyn std::error::Error + Send + Sync>| {
        let object = slice.raw.as_ref().map(|o| o.path.clone()).unwrap_or_default();
        Error::new(Kind::Lake, "a raw list cannot be read").with("object", object).because(e)
    };
    let zstd = zstd::stream::read::Decoder::new(std::io::Cursor::new(bytes)).map_err(|e| broken(e.into()))?;
    let mut reader = Reader::new(listing, slice.day);
    for line in std::io::BufReader::new(zstd).lines() {
        let line = line.map_err(|e| broken(e.into()))?;
        let page: serde_json::Value = serde_json::from_str(&line).map_err(|e| broken(e.into()))?;
        reader.page(&page)?;
    }
    Ok(reader.finish()?.0)
}
