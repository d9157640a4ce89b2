//! One column of a row group: values in, pages out.
//!
//! Whether values go through a dictionary is decided by what it saves; where it stops saving, the pages behind are plain,
//! as Parquet allows. What is decided depends on the rows alone.

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::basic::{Encoding as Named, PageType};
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::schema::types::ColumnDescPtr;

use super::dictionary::{Dictionary, Id, MAX_VALUES, Numbers, Texts, put_text};
use super::page::{Encoding, Pages};
use super::range::Range;
use super::{failed, runs};
use crate::error::Result;

/// Rows in a page. Readers take a page at a time.
const PAGE_ROWS: usize = 1 << 16;
/// Bytes of a page, as Parquet advises.
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of a dictionary. Readers hold it whole.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Values after which a dictionary must have shown that it saves something.
const TRIAL: usize = 4096;
/// Bytes that a page costs beside its values.
const PAGE_COST: usize = 24;

/// A column being encoded.
pub(super) struct Chunk {
    kind: Kind,
    dictionary: Dictionary,
    /// Whether values still go through it.
    by_dictionary: bool,
    /// Whether the last row group found it to save nothing.
    useless: bool,
    range: Range,
    page: Page,
    /// Finished data pages.
    data: Vec<u8>,
    /// Bytes of all pages before compression.
    uncompressed: usize,
    /// Data pages that are plain, and that are not.
    pages: (i32, i32),
    rows: usize,
    nulls: usize,
}

/// The physical type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bools,
    Days,
    Longs,
    Doubles,
    Texts,
}

/// The rows of the page that is not finished.
struct Page {
    rows: usize,
    nulls: usize,
    valid: BooleanBufferBuilder,
    /// Values without nulls: of yes and no, by dictionary, or as they are.
    bits: BooleanBufferBuilder,
    ids: Vec<Id>,
    plain: Vec<u8>,
    /// Definition levels and values, before compression.
    body: Vec<u8>,
}

impl Chunk {
    /// For a column of this type; none where the lake has no such columns.
    pub fn new(data_type: &DataType) -> Option<Chunk> {
        let kind = match data_type {
            DataType::Boolean => Kind::Bools,
            DataType::Date32 => Kind::Days,
            DataType::Int64 | DataType::Timestamp(..) => Kind::Longs,
            DataType::Float64 => Kind::Doubles,
            DataType::Utf8 => Kind::Texts,
            _ => return None,
        };
        let bits = || BooleanBufferBuilder::new(0);
        let (ids, plain, body) = (Vec::new(), Vec::new(), Vec::new());
        let page = Page { rows: 0, nulls: 0, valid: bits(), bits: bits(), ids, plain, body };
        let mut chunk = Chunk {
            kind,
            dictionary: Dictionary::None,
            by_dictionary: false,
            useless: false,
            range: Range::default(),
            page,
            data: Vec::new(),
            uncompressed: 0,
            pages: (0, 0),
            rows: 0,
            nulls: 0,
        };
        chunk.restart();
        Some(chunk)
    }

    /// Bytes that are held for the row group.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.page.plain.len()
    }

    fn restart(&mut self) {
        self.dictionary = match self.kind {
            Kind::Bools | Kind::Doubles => Dictionary::None,
            _ if self.useless => Dictionary::None,
            Kind::Days | Kind::Longs => Dictionary::Numbers(Numbers::default()),
            Kind::Texts => Dictionary::Texts(Texts::default()),
        };
        self.by_dictionary = !matches!(self.dictionary, Dictionary::None);
        self.range = Range::default();
        (self.rows, self.nulls, self.uncompressed, self.pages) = (0, 0, 0, (0, 0));
    }

    /// Adds rows. A page ends between two calls at the earliest.
    pub fn write(&mut self, array: &ArrayRef, pages: &mut Pages) -> Result<()> {
        let nulls = array.nulls().filter(|n| n.null_count() > 0);
        self.page.levels(array.len(), nulls);
        match (self.kind, array.data_type()) {
            (Kind::Bools, _) => self.bools(array, nulls),
            (Kind::Days, _) => self.numbers::<i32, 4>(array.as_primitive::<Date32Type>().values(), nulls),
            (Kind::Longs, DataType::Int64) => self.numbers::<i64, 8>(array.as_primitive::<Int64Type>().values(), nulls),
            (Kind::Longs, _) => {
                self.numbers::<i64, 8>(array.as_primitive::<TimestampMicrosecondType>().values(), nulls);
            }
            (Kind::Doubles, _) => {
                for v in array.as_primitive::<Float64Type>().iter().flatten() {
                    self.range.double(v);
                    self.page.plain.extend_from_slice(&v.to_le_bytes());
                }
            }
            (Kind::Texts, _) => self.texts(array.as_string::<i32>(), nulls),
        }
        if self.by_dictionary {
            let (count, bytes) = self.dictionary.size();
            let used = self.rows + self.page.rows - self.nulls - self.page.nulls;
            if count > MAX_VALUES || bytes > DICTIONARY_BYTES || (used >= TRIAL && count > used / 2) {
                self.give_up();
            }
        }
        if self.page.rows >= PAGE_ROWS || self.page.plain.len() >= PAGE_BYTES { self.end_page(pages) } else { Ok(()) }
    }

    fn bools(&mut self, array: &ArrayRef, nulls: Option<&NullBuffer>) {
        let array = array.as_boolean();
        let (yes, all) = (array.true_count(), array.len() - array.null_count());
        for (n, seen) in [(1, yes > 0), (0, yes < all)] {
            if seen {
                self.range.number(n);
            }
        }
        match nulls {
            None => self.page.bits.append_buffer(array.values()),
            Some(_) => array.iter().flatten().for_each(|v| self.page.bits.append(v)),
        }
    }

    fn numbers<T: Number<N>, const N: usize>(&mut self, values: &[T], nulls: Option<&NullBuffer>) {
        let days = self.kind == Kind::Days;
        match (&mut self.dictionary, nulls) {
            (Dictionary::Numbers(d), None) if self.by_dictionary => {
                d.encode(values, |_| true, days, &mut self.page.ids)
            }
            (Dictionary::Numbers(d), Some(nulls)) if self.by_dictionary => {
                d.encode(values, |i| nulls.is_valid(i), days, &mut self.page.ids);
            }
            _ => {
                let plain = &mut self.page.plain;
                let begin = plain.len();
                plain.resize(begin + values.len() * N, 0);
                let mut places = plain[begin..].as_chunks_mut::<N>().0.iter_mut();
                let mut kept = 0;
                for (i, v) in values.iter().enumerate() {
                    if nulls.is_none_or(|n| n.is_valid(i)) {
                        self.range.number((*v).into());
                        if let Some(place) = places.next() {
                            *place = v.bytes();
                            kept += N;
                        }
                    }
                }
                plain.truncate(begin + kept);
            }
        }
    }

    fn texts(&mut self, array: &StringArray, nulls: Option<&NullBuffer>) {
        let (ends, bytes) = (array.value_offsets(), array.value_data());
        let texts = ends.windows(2).map(|e| bytes.get(e[0] as usize..e[1] as usize).unwrap_or_default());
        let valid = |i: usize| nulls.is_none_or(|n| n.is_valid(i));
        let texts = texts.enumerate().filter(|(i, _)| valid(*i)).map(|(_, text)| text);
        match &mut self.dictionary {
            Dictionary::Texts(d) if self.by_dictionary => texts.for_each(|text| self.page.ids.push(d.id(text))),
            _ => {
                let all = ends.last().zip(ends.first()).map_or(0, |(last, first)| last - first);
                self.page.plain.reserve(all as usize + 4 * array.len());
                for text in texts {
                    self.range.text(text);
                    put_text(text, &mut self.page.plain);
                }
            }
        }
    }

    /// Goes on without the dictionary, in the page in work too.
    fn give_up(&mut self) {
        self.by_dictionary = false;
        self.dictionary.widen(&mut self.range);
        for id in self.page.ids.drain(..) {
            match &self.dictionary {
                Dictionary::Texts(d) => put_text(d.get(id), &mut self.page.plain),
                d => d.put_number(id, self.kind.width(), &mut self.page.plain),
            }
        }
        if self.pages.1 == 0 {
            (self.dictionary, self.useless) = (Dictionary::None, true);
        }
    }

    fn end_page(&mut self, pages: &mut Pages) -> Result<()> {
        let (count, size) = self.dictionary.size();
        if self.by_dictionary && self.pages.1 == 0 {
            // The first page decides whether the dictionary pays.
            let packed = size + 2 * PAGE_COST + self.page.ids.len() * runs::width(count) as usize / 8;
            let plain: usize = match &self.dictionary {
                Dictionary::Texts(d) => self.page.ids.iter().map(|id| d.get(*id).len() + 4).sum(),
                _ => self.page.ids.len() * self.kind.width(),
            };
            if plain <= packed {
                self.give_up();
            }
        }
        let page = &mut self.page;
        page.body.clear();
        runs::levels(page.valid.as_slice(), page.rows, page.nulls, &mut page.body);
        let encoding = match self.kind {
            Kind::Bools => {
                page.body.extend_from_slice(page.bits.as_slice());
                Encoding::Plain
            }
            _ if self.by_dictionary => {
                runs::ids(&page.ids, runs::width(count), &mut page.body);
                Encoding::Dictionary
            }
            _ => {
                page.body.extend_from_slice(&page.plain);
                Encoding::Plain
            }
        };
        self.uncompressed += pages.data(&page.body, page.rows, encoding, &mut self.data)?;
        match encoding {
            Encoding::Dictionary => self.pages.1 += 1,
            _ => self.pages.0 += 1,
        }
        self.rows += page.rows;
        self.nulls += page.nulls;
        page.clear();
        Ok(())
    }

    /// Ends the row group's chunk, which begins at `offset` of the file: its metadata, the dictionary page and the data
    /// pages.
    pub fn finish(
        &mut self,
        pages: &mut Pages,
        column: ColumnDescPtr,
        offset: u64,
    ) -> Result<(ColumnChunkMetaData, [Vec<u8>; 2])> {
        if self.page.rows > 0 {
            self.end_page(pages)?;
        }
        let mut first = Vec::new();
        let mut encodings = vec![Named::RLE];
        let mut by_encoding = Vec::new();
        let mut count = |page_type, encoding, count| {
            if count > 0 {
                encodings.push(encoding);
                by_encoding.push(PageEncodingStats { page_type, encoding, count });
            }
        };
        if self.pages.1 > 0 {
            let (values, body) = self.dictionary.page(self.kind.width());
            self.uncompressed += pages.dictionary(&body, values, &mut first)?;
            count(PageType::DICTIONARY_PAGE, Named::PLAIN, 1);
        }
        count(PageType::DATA_PAGE, Named::RLE_DICTIONARY, self.pages.1);
        count(PageType::DATA_PAGE, Named::PLAIN, self.pages.0);
        if self.by_dictionary {
            self.dictionary.widen(&mut self.range);
        }
        let nulls = self.nulls as u64;
        let statistics = match self.kind {
            Kind::Bools => self.range.bools(nulls),
            Kind::Days => self.range.days(nulls),
            Kind::Longs => self.range.longs(nulls),
            Kind::Doubles => self.range.doubles(nulls),
            Kind::Texts => self.range.texts(nulls),
        };
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(pages.compression())
            .set_encodings(encodings)
            .set_page_encoding_stats(by_encoding)
            .set_num_values(self.rows as i64)
            .set_total_compressed_size((first.len() + self.data.len()) as i64)
            .set_total_uncompressed_size(self.uncompressed as i64)
            .set_dictionary_page_offset((!first.is_empty()).then_some(offset as i64))
            .set_data_page_offset((offset + first.len() as u64) as i64)
            .set_statistics(statistics)
            .build()
            .map_err(failed)?;
        let size = self.data.len();
        let data = std::mem::replace(&mut self.data, Vec::with_capacity(size + size / 8));
        self.restart();
        Ok((metadata, [first, data]))
    }
}

impl Kind {
    /// Bytes of a plain value of fixed width.
    fn width(self) -> usize {
        if self == Kind::Days { 4 } else { 8 }
    }
}

impl Page {
    fn levels(&mut self, rows: usize, nulls: Option<&NullBuffer>) {
        self.rows += rows;
        match nulls {
            None => self.valid.append_n(rows, true),
            Some(nulls) => {
                self.nulls += nulls.null_count();
                self.valid.append_buffer(nulls.inner());
            }
        }
    }

    fn clear(&mut self) {
        (self.rows, self.nulls) = (0, 0);
        self.valid.truncate(0);
        self.bits.truncate(0);
        self.ids.clear();
        self.plain.clear();
    }
}

/// A whole number of `N` bytes.
trait Number<const N: usize>: Copy + Into<i64> {
    fn bytes(self) -> [u8; N];
}

impl Number<4> for i32 {
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

impl Number<8> for i64 {
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
}
