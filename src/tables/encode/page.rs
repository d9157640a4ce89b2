//! Pages: compressed, behind their Thrift headers.

use parquet::basic::{Compression, ZstdLevel};

use super::runs::varint;
use crate::config::Codec;
use crate::error::{Error, Kind, Result};

/// The level of zstd that Parquet writers take by default: half of the time of the levels above it, for a few per cent.
const ZSTD_LEVEL: i32 = 3;

/// How the values of a page are encoded, by Parquet's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain = 0,
    Rle = 3,
    Dictionary = 8,
}

/// Compresses pages, with what can be used again from one to the next.
pub(super) struct Pages {
    compressor: Compressor,
    compressed: Vec<u8>,
}

enum Compressor {
    Snappy(Box<snap::raw::Encoder>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Pages {
    /// For pages of one file.
    pub fn new(codec: Codec) -> Result<Pages> {
        let compressor = match codec {
            Codec::Snappy => Compressor::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Zstd => Compressor::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(failed)?),
        };
        Ok(Pages { compressor, compressed: Vec::new() })
    }

    /// The codec as the footer names it.
    pub fn compression(&self) -> Compression {
        match self.compressor {
            Compressor::Snappy(_) => Compression::SNAPPY,
            Compressor::Zstd(_) => Compression::ZSTD(ZstdLevel::default()),
        }
    }

    /// Appends a data page of `rows` rows; answers its size before compression, header included.
    pub fn data(&mut self, body: &[u8], rows: usize, encoding: Encoding, out: &mut Vec<u8>) -> Result<usize> {
        self.page(body, out, |header| {
            // type = DATA_PAGE; data_page_header = { num_values, encoding, definition and repetition levels by RLE }
            header.head(0, 5, &[rows as i32, encoding as i32, Encoding::Rle as i32, Encoding::Rle as i32]);
        })
    }

    /// Appends a dictionary page of `count` values; answers its size before compression, header included.
    pub fn dictionary(&mut self, body: &[u8], count: usize, out: &mut Vec<u8>) -> Result<usize> {
        self.page(body, out, |header| {
            // type = DICTIONARY_PAGE; dictionary_page_header = { num_values, encoding }
            header.head(2, 7, &[count as i32, Encoding::Plain as i32]);
        })
    }

    fn page(&mut self, body: &[u8], out: &mut Vec<u8>, head: impl FnOnce(&mut Header)) -> Result<usize> {
        let compressed = self.compress(body)?;
        let mut header = Header { out, sizes: [body.len() as i32, compressed as i32] };
        let begin = header.out.len();
        head(&mut header);
        let size = out.len() - begin + body.len();
        out.extend_from_slice(&self.compressed[..compressed]);
        Ok(size)
    }

    /// Compresses into the buffer, which never shrinks; answers how many bytes of it count.
    fn compress(&mut self, body: &[u8]) -> Result<usize> {
        let bound = match self.compressor {
            Compressor::Snappy(_) => snap::raw::max_compress_len(body.len()),
            Compressor::Zstd(_) => zstd::zstd_safe::compress_bound(body.len()),
        };
        if self.compressed.len() < bound {
            self.compressed.resize(bound, 0);
        }
        match &mut self.compressor {
            Compressor::Snappy(c) => c.compress(body, &mut self.compressed).map_err(failed),
            Compressor::Zstd(c) => c.compress_to_buffer(body, self.compressed.as_mut_slice()).map_err(failed),
        }
    }
}

fn failed(e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Kind::Lake, "cannot compress a Parquet page").because(e)
}

/// Writes a page header in Thrift's compact protocol: fields of type i32 and one struct of such fields.
struct Header<'o> {
    out: &'o mut Vec<u8>,
    /// Before and after compression.
    sizes: [i32; 2],
}

const I32: u8 = 5;
const STRUCT: u8 = 12;

impl Header<'_> {
    /// `{ 1: page_type, 2 and 3: sizes, field: { 1..: numbers } }`
    fn head(&mut self, page_type: i32, field: u8, numbers: &[i32]) {
        self.number(page_type);
        self.number(self.sizes[0]);
        self.number(self.sizes[1]);
        self.out.push((field - 3) << 4 | STRUCT);
        for n in numbers {
            self.number(*n);
        }
        self.out.extend_from_slice(&[0, 0]);
    }

    /// A number in the field behind the last one.
    fn number(&mut self, n: i32) {
        self.out.push(1 << 4 | I32);
        varint(u64::from((n << 1 ^ n >> 31) as u32), self.out);
    }
}
