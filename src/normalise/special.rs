//! Which bytes of a block of 64 are special: bit `i` stands for byte `i`.
//!
//! This is all that looks at every byte of a body. It promises the same answer on every machine.

/// Bytes in a block.
pub(super) const BLOCK: usize = 64;

/// The special bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Special {
    /// Commas and line breaks, both kinds.
    pub ends: u64,
    /// Line breaks, both kinds.
    pub breaks: u64,
    /// Quotes.
    pub quotes: u64,
    /// Number signs, which begin `#QUOT#`.
    pub signs: u64,
}

/// Finds the special bytes of a block.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn special(block: &[u8; BLOCK]) -> Special {
    // SAFETY: SSE2 is part of every x86_64 processor.
    #[allow(unsafe_code)] // A fifth of the time of the whole way from CSV to Parquet.
    unsafe {
        sse2(block)
    }
}

/// Finds the special bytes of a block.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn special(block: &[u8; BLOCK]) -> Special {
    portable(block)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn sse2(block: &[u8; BLOCK]) -> Special {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};
    let mut out = Special { ends: 0, breaks: 0, quotes: 0, signs: 0 };
    for (i, chunk) in block.as_chunks::<16>().0.iter().enumerate() {
        let n = u128::from_le_bytes(*chunk);
        let v = _mm_set_epi64x((n >> 64) as i64, n as i64);
        let is = |b: u8| _mm_cmpeq_epi8(v, _mm_set1_epi8(b as i8));
        let bits = |m| u64::from(_mm_movemask_epi8(m) as u16) << (16 * i);
        let breaks = _mm_or_si128(is(b'\n'), is(b'\r'));
        out.ends |= bits(_mm_or_si128(is(b','), breaks));
        out.breaks |= bits(breaks);
        out.quotes |= bits(is(b'"'));
        out.signs |= bits(is(b'#'));
    }
    out
}

/// The same with ordinary words, eight bytes at a time.
#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
fn portable(block: &[u8; BLOCK]) -> Special {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut out = Special { ends: 0, breaks: 0, quotes: 0, signs: 0 };
    for (i, chunk) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        // The high bit of every byte that equals `b`, exact for each byte.
        let is = |b: u8| {
            let x = word ^ (u64::from(b) * 0x0101_0101_0101_0101);
            !(((x & LOW) + LOW) | x | LOW)
        };
        let bits = |m: u64| ((m >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
        let breaks = is(b'\n') | is(b'\r');
        out.ends |= bits(is(b',') | breaks);
        out.breaks |= bits(breaks);
        out.quotes |= bits(is(b'"'));
        out.signs |= bits(is(b'#'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_same_bytes_as_a_loop() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let alphabet = [b',', b'\n', b'\r', b'"', b'#', b'a', b'-', 0, 0x8c, 0xac, 0xff, b'!', b'+', b'\''];
            let block: [u8; BLOCK] = std::array::from_fn(|_| alphabet[rng.usize(..alphabet.len())]);
            let mask = |set: &[u8]| (0..BLOCK).filter(|i| set.contains(&block[*i])).fold(0u64, |m, i| m | 1 << i);
            let want = Special { ends: mask(b",\n\r"), breaks: mask(b"\n\r"), quotes: mask(b"\""), signs: mask(b"#") };
            assert_eq!(special(&block), want);
            assert_eq!(portable(&block), want);
        }
    }
}
