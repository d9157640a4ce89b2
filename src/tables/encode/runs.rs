//! Parquet's RLE and bit-packed hybrid, for definition levels and dictionary ids.
//!
//! Repeats become runs, all else is packed in groups of eight. A packed run has at most 63 groups, so that its header is
//! one byte, as all writers do it.

use super::dictionary::Id;

/// Equal values that make a run worth its header.
const RUN: usize = 24;
/// Values in the longest packed run.
const PACKED: usize = 63 * 8;

/// Bits that ids below `count` need.
pub(super) fn width(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

/// Appends ids as a data page has them: the width, then runs.
pub(super) fn ids(ids: &[Id], width: u32, out: &mut Vec<u8>) {
    out.push(width as u8);
    let mut rest = ids;
    while let Some(first) = rest.first() {
        let same = repeated(rest);
        if same >= RUN || same == rest.len() {
            varint((same as u64) << 1, out);
            out.extend_from_slice(&first.to_le_bytes()[..width.div_ceil(8) as usize]);
            rest = &rest[same..];
            continue;
        }
        // Packed, up to the next run that begins where a group does.
        let mut len = 0;
        while len < rest.len() && len < PACKED && (len == 0 || repeated(&rest[len..]) < RUN) {
            len = (len + 8).min(rest.len());
        }
        varint((len.div_ceil(8) as u64) << 1 | 1, out);
        pack(&rest[..len], width, out);
        rest = &rest[len..];
    }
}

/// How many of the first ids are equal; 1 where not even the first eight are.
fn repeated(ids: &[Id]) -> usize {
    let Some(first) = ids.first() else { return 0 };
    // Nearly always a difference is near.
    if let Some(head) = ids.first_chunk::<8>()
        && head.iter().any(|id| id != first)
    {
        return 1;
    }
    ids.iter().take_while(|id| *id == first).count()
}

/// Packs ids, each in `width` bits, and fills the last group up with zeros.
fn pack(ids: &[Id], width: u32, out: &mut Vec<u8>) {
    let (groups, rest) = ids.as_chunks::<8>();
    out.reserve((groups.len() + 1) * width as usize + 16);
    for group in groups {
        pack_group(group, width, out);
    }
    if !rest.is_empty() {
        let mut group = [0; 8];
        group[..rest.len()].copy_from_slice(rest);
        pack_group(&group, width, out);
    }
}

/// Eight ids in `width` bytes.
#[inline(always)]
fn pack_group(group: &[Id; 8], width: u32, out: &mut Vec<u8>) {
    let half = |ids: &[Id]| ids.iter().rev().fold(0u64, |n, id| n << width | u64::from(*id));
    let bits = u128::from(half(&group[..4])) | u128::from(half(&group[4..])) << (4 * width);
    let len = out.len() + width as usize;
    out.extend_from_slice(&bits.to_le_bytes());
    out.truncate(len);
}

/// Appends the definition levels of a page as a data page has them: their length, then runs. `valid` has a bit for each
/// row, the lowest first.
pub(super) fn levels(valid: &[u8], rows: usize, nulls: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    if nulls == 0 || nulls == rows {
        varint((rows as u64) << 1, out);
        out.push(u8::from(nulls == 0));
    } else {
        for packed in valid.chunks(PACKED / 8) {
            out.push((packed.len() as u8) << 1 | 1);
            out.extend_from_slice(packed);
        }
    }
    let len = (out.len() - begin - 4) as u32;
    out[begin..begin + 4].copy_from_slice(&len.to_le_bytes());
}

/// Appends an unsigned LEB128 number.
pub(super) fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what [`ids`] writes.
    fn read(mut bytes: &[u8], count: usize) -> Vec<Id> {
        let width = usize::from(bytes[0]);
        bytes = &bytes[1..];
        let mut out = Vec::new();
        while out.len() < count {
            let (mut head, mut shift) = (0usize, 0);
            loop {
                head |= usize::from(bytes[0] & 0x7f) << shift;
                shift += 7;
                let more = bytes[0] & 0x80 != 0;
                bytes = &bytes[1..];
                if !more {
                    break;
                }
            }
            if head & 1 == 0 {
                let len = width.div_ceil(8);
                let value = bytes[..len].iter().rev().fold(0, |n, b| n << 8 | Id::from(*b));
                out.extend(std::iter::repeat_n(value, head >> 1));
                bytes = &bytes[len..];
            } else {
                let bit = |i: usize| Id::from(bytes[i / 8] >> (i % 8) & 1);
                out.extend((0..(head >> 1) * 8).map(|v| (0..width).fold(0, |n, b| n | bit(v * width + b) << b)));
                bytes = &bytes[(head >> 1) * width..];
            }
        }
        assert!(bytes.is_empty());
        out.truncate(count);
        out
    }

    #[test]
    fn ids_are_read_back() {
        let mut rng = fastrand::Rng::with_seed(3);
        for round in 0..500 {
            let count = [1, 2, 3, 200, 4000, 65_536][round % 6];
            let mut all = Vec::new();
            while all.len() < rng.usize(1..3000) {
                let id = rng.usize(..count) as Id;
                let times = if rng.u8(..4) == 0 { rng.usize(1..900) } else { 1 };
                all.extend(std::iter::repeat_n(id, times));
            }
            let mut out = Vec::new();
            ids(&all, width(count), &mut out);
            assert_eq!(read(&out, all.len()), all);
        }
    }

    #[test]
    fn a_constant_is_one_run() {
        let mut out = Vec::new();
        ids(&[0; 10_000], width(1), &mut out);
        assert_eq!(out, [0, 0xa0, 0x9c, 0x01]);
        out.clear();
        ids(&[1; 100], width(2), &mut out);
        assert_eq!(out, [1, 0xc8, 0x01, 1]);
    }

    #[test]
    fn levels_of_all_some_and_none() {
        let mut out = Vec::new();
        levels(&[0xff; 2], 10, 0, &mut out);
        levels(&[0; 2], 10, 10, &mut out);
        levels(&[0b101, 0b10], 10, 7, &mut out);
        assert_eq!(out, [2, 0, 0, 0, 20, 1, 2, 0, 0, 0, 20, 0, 3, 0, 0, 0, 5, 0b101, 0b10]);
    }
}
