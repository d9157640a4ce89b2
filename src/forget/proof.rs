//! The proof that nobody is left: every object of the lake that may be the tenant's, unpacked, is searched for everything that
//! names the people.
//!
//! It does not use what the erasure uses to find cells: texts are searched as they are, wherever they stand, and for hashes where the
//! names themselves are not known any more. An address that was somebody else's too is looked for where the day says whose it was.

use arrow::array::AsArray;
use bytes::Bytes;
use futures::StreamExt;
use memchr::memmem::Finder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use std::sync::Arc;

use super::list::Forgotten;
use super::mark::Kind;
use super::resolve::Person;
use super::source::{Columns, columns_of_table};
use crate::catalog::Who;
use crate::day::Day;
use crate::error::{Error, Kind as Wrong, Result};
use crate::lake::{Lake, Layout};

/// Objects that are searched side by side: each is held whole, and unpacked.
const SEARCHING: usize = 4;

/// Letters of an id that is looked for in the middle of a text.
const SHORT: usize = 16;

/// What was searched, and what is left.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Proof {
    /// Objects that were searched.
    pub objects: u64,
    /// Bytes of them, unpacked.
    pub bytes: u64,
    /// Where somebody still stands.
    pub left: Vec<Left>,
}

/// An object in which somebody still stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Left {
    /// Its key.
    pub object: String,
    /// What was found: an address, an id; or that it cannot be read.
    pub what: String,
}

/// What is searched for.
struct Wanted {
    list: Arc<Forgotten>,
    /// Names that nobody else ever had.
    texts: Vec<(Kind, String, Finder<'static>)>,
}

/// Searches a tenant's part of the lake for the people on the list, and for the names of `people` as they are written.
pub async fn prove(lake: &Lake, layout: &Layout, list: &Arc<Forgotten>, people: &[Person]) -> Result<Proof> {
    let always = people.iter().flat_map(|p| &p.marks).filter(|m| m.from.is_none() && m.until.is_none());
    let texts = always.map(|m| (m.name.kind, m.name.text.clone(), Finder::new(m.name.text.as_bytes()).into_owned()));
    let wanted = Arc::new(Wanted { list: Arc::clone(list), texts: texts.collect() });
    let listed = lake.listing("").await?.into_iter().filter(|o| layout.may_be_ours(&o.key));
    let searches = listed.map(|object| {
        let (lake, wanted) = (lake.clone(), Arc::clone(&wanted));
        async move {
            let Some(found) = lake.read(&object.key).await? else { return Ok((0, None)) };
            let search = move || wanted.object(&object.key, found.bytes);
            let done = tokio::task::spawn_blocking(search).await;
            done.map_err(|e| Error::new(Wrong::Lake, "the search has stopped").because(e))
        }
    });
    let mut searches = futures::stream::iter(searches).buffer_unordered(SEARCHING);
    let mut proof = Proof::default();
    while let Some(searched) = searches.next().await {
        let (bytes, left): (u64, Option<Left>) = searched?;
        proof.objects += 1;
        proof.bytes += bytes;
        proof.left.extend(left);
    }
    proof.left.sort();
    Ok(proof)
}

impl Wanted {
    fn object(&self, key: &str, bytes: Bytes) -> (u64, Option<Left>) {
        let day = key.split('/').find_map(|part| part.strip_prefix("day=").or(part.strip_prefix("date=")));
        // Where rows have an id, that says whose an address is.
        let table = key.strip_prefix("tables/").and_then(|k| k.split('/').next());
        let table = table.or_else(|| crate::engine::value(key, "report"));
        let has_id = |columns: Columns| columns.who.contains(&Some(Who::Id));
        let decided = table.and_then(columns_of_table).is_some_and(has_id);
        let day = day.filter(|_| !decided).and_then(|d| d.parse().ok());
        let mut size = 0;
        let found = self.texts(key, bytes, day, &mut size);
        let left = |what: String| Left { object: key.to_string(), what };
        let left = match found {
            Ok(None) => self.text(key, None).map(|_| left("its key".to_string())),
            Ok(Some(kind)) => Some(left(word(kind).to_string())),
            Err(e) => Some(left(format!("it cannot be read: {e}"))),
        };
        (size, left)
    }

    fn texts(
        &self,
        key: &str,
        bytes: Bytes,
        day: Option<Day>,
        size: &mut u64,
    ) -> Result<Option<Kind>, Box<dyn std::error::Error>> {
        if key.ends_with(".parquet") {
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
                for column in batch?.columns() {
                    let Some(texts) = column.as_string_opt::<i32>() else { continue };
                    *size += texts.value_data().len() as u64;
                    if let Some(kind) = texts.iter().flatten().find_map(|text| self.text(text, day)) {
                        return Ok(Some(kind));
                    }
                }
            }
            return Ok(None);
        }
        let bytes = if key.ends_with(".zst") { zstd::decode_all(&bytes[..])?.into() } else { bytes };
        *size = bytes.len() as u64;
        let wide = bytes.starts_with(&[0xff, 0xfe]);
        let units = || bytes.chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]]));
        let text = if wide { String::from_utf16_lossy(&units().collect::<Vec<_>>()) } else { lossy(&bytes) };
        Ok(text.lines().find_map(|line| self.text(line, day)))
    }

    /// What of somebody stands in a text.
    fn text(&self, text: &str, day: Option<Day>) -> Option<Kind> {
        if text.is_empty() {
            return None;
        }
        // A line break in a text of JSON is two letters, of which one would belong to the next word.
        let plain =
            text.contains('\\').then(|| ["\\n", "\\r", "\\t"].iter().fold(text.to_string(), |t, e| t.replace(e, " ")));
        let text = plain.as_deref().unwrap_or(text);
        let small = text.to_lowercase();
        let stands = |(kind, name, finder): &&(Kind, String, Finder<'static>)| {
            finder.find_iter(small.as_bytes()).any(|at| alone(*kind, small.as_bytes(), at, at + name.len()))
        };
        let found = self.texts.iter().find(stands).map(|(kind, ..)| *kind);
        found.or_else(|| self.list.surely_names(text, day).then_some(Kind::Address))
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether what was found is all of a word: `ann@contoso.com` does not stand in `joann@contoso.com`. A display name must be all of
/// a cell.
fn alone(kind: Kind, text: &[u8], from: usize, to: usize) -> bool {
    let (before, after) = (from.checked_sub(1).and_then(|n| text.get(n)), text.get(to));
    // An id that is no GUID may be a word.
    if kind == Kind::Name || (kind == Kind::Thing && to - from < SHORT) {
        let ends = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b',' | b';' | b'"' | b'\t' | b'\r' | b'\n'));
        return ends(before) && ends(after);
    }
    let goes_on = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    let before = before.is_some_and(|b| goes_on(b) || b"._%+-".contains(b));
    let after =
        after.is_some_and(|b| goes_on(b) || *b == b'-' || (*b == b'.' && text.get(to + 1).is_some_and(goes_on)));
    !before && !after
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Thing => "an id",
        Kind::Address => "an address",
        Kind::Folder => "the folder of a OneDrive",
        Kind::Concealed => "a concealed name",
        Kind::Name => "a display name",
    }
}
