//! The least and the greatest value of a column chunk, for its statistics.

use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Bytes of a text that statistics keep. Longer ones are cut, and said to be.
const KEPT: usize = 64;

/// The range of the values seen.
#[derive(Debug)]
pub(super) struct Range {
    numbers: (i64, i64),
    doubles: (f64, f64),
    texts: Option<(Bound, Bound)>,
}

/// A text, and its first eight bytes as a number that is ordered as they are.
#[derive(Debug, Default)]
struct Bound {
    head: u64,
    text: Vec<u8>,
}

impl Default for Range {
    fn default() -> Range {
        Range { numbers: (i64::MAX, i64::MIN), doubles: (f64::INFINITY, f64::NEG_INFINITY), texts: None }
    }
}

impl Range {
    /// Widens to a whole number; yes and no are 1 and 0.
    #[inline(always)]
    pub fn number(&mut self, n: i64) {
        self.numbers = (self.numbers.0.min(n), self.numbers.1.max(n));
    }

    /// Widens to a number, which is finite.
    pub fn double(&mut self, n: f64) {
        self.doubles = (self.doubles.0.min(n), self.doubles.1.max(n));
    }

    /// Widens to a text.
    #[inline(always)]
    pub fn text(&mut self, text: &[u8]) {
        let head = head(text);
        match &mut self.texts {
            None => {
                let bound = || Bound { head, text: text.to_vec() };
                self.texts = Some((bound(), bound()));
            }
            Some((min, max)) => {
                if head <= min.head && (head < min.head || text < min.text.as_slice()) {
                    min.set(head, text);
                }
                if head >= max.head && (head > max.head || text > max.text.as_slice()) {
                    max.set(head, text);
                }
            }
        }
    }

    /// Statistics of a column of yes and no.
    pub fn bools(&self, nulls: u64) -> Statistics {
        let (min, max) = self.known();
        Statistics::boolean(min.map(|n| n != 0), max.map(|n| n != 0), None, Some(nulls), false)
    }

    /// Statistics of a column of days.
    pub fn days(&self, nulls: u64) -> Statistics {
        let (min, max) = self.known();
        Statistics::int32(min.map(|n| n as i32), max.map(|n| n as i32), None, Some(nulls), false)
    }

    /// Statistics of a column of whole numbers or instants.
    pub fn longs(&self, nulls: u64) -> Statistics {
        let (min, max) = self.known();
        Statistics::int64(min, max, None, Some(nulls), false)
    }

    fn known(&self) -> (Option<i64>, Option<i64>) {
        let (min, max) = self.numbers;
        (Some(min).filter(|_| min <= max), Some(max).filter(|_| min <= max))
    }

    /// Statistics of a column of numbers. Parquet wants both zeros to be in a range that ends in one.
    pub fn doubles(&self, nulls: u64) -> Statistics {
        let (min, max) = self.doubles;
        let (min, max) = (if min == 0.0 { -0.0 } else { min }, if max == 0.0 { 0.0 } else { max });
        Statistics::double(Some(min).filter(|_| min <= max), Some(max).filter(|_| min <= max), None, Some(nulls), false)
    }

    /// Statistics of a column of text.
    pub fn texts(&self, nulls: u64) -> Statistics {
        let (min, max) = match &self.texts {
            None => (None, None),
            Some((min, max)) => (Some(cut(&min.text)), above(&max.text)),
        };
        let exact = |bound: Option<&[u8]>, of: fn(&(Bound, Bound)) -> &Bound| {
            bound == self.texts.as_ref().map(|t| of(t).text.as_slice())
        };
        let (min_exact, max_exact) = (exact(min, |t| &t.0), exact(max.as_deref(), |t| &t.1));
        let (min, max) = (min.map(|m| ByteArray::from(m.to_vec())), max.map(ByteArray::from));
        let statistics = ValueStatistics::new(min, max, None, Some(nulls), false);
        Statistics::ByteArray(statistics.with_min_is_exact(min_exact).with_max_is_exact(max_exact))
    }
}

impl Bound {
    #[inline(never)]
    fn set(&mut self, head: u64, text: &[u8]) {
        self.head = head;
        self.text.clear();
        self.text.extend_from_slice(text);
    }
}

#[inline(always)]
fn head(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(head) => u64::from_be_bytes(*head),
        None => text.iter().fold(0, |n, b| n << 8 | u64::from(*b)) << (8 * (8 - text.len()) as u32).min(63),
    }
}

/// A text cut to what is kept, where a character ends.
fn cut(text: &[u8]) -> &[u8] {
    let is_end = |i: &usize| text.get(*i).is_none_or(|b| b & 0xc0 != 0x80);
    let end = (0..=KEPT.min(text.len())).rev().find(is_end).unwrap_or(0);
    &text[..end]
}

/// A text no longer than what is kept and not below `text`; none where there is no simple one.
fn above(text: &[u8]) -> Option<Vec<u8>> {
    let mut kept = cut(text).to_vec();
    if kept.len() == text.len() {
        return Some(kept);
    }
    // The last ASCII character that has one above it, raised.
    while let Some(last) = kept.pop() {
        if last < 0x7f {
            kept.push(last + 1);
            return Some(kept);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> (Vec<u8>, Option<Vec<u8>>, bool, bool) {
        let mut range = Range::default();
        texts.into_iter().for_each(|t| range.text(t.as_bytes()));
        let Statistics::ByteArray(s) = range.texts(0) else { panic!() };
        let bytes = |b: Option<&ByteArray>| b.map(|b| b.data().to_vec());
        (bytes(s.min_opt()).unwrap(), bytes(s.max_opt()), s.min_is_exact(), s.max_is_exact())
    }

    #[test]
    fn texts_are_ordered_by_their_bytes() {
        assert_eq!(of(["b", "ab", "é", "", "abcdefgh", "abcdefghi"]), (b"".to_vec(), Some("é".into()), true, true));
        assert_eq!(of(["abcdefghz", "abcdefgha"]), (b"abcdefgha".to_vec(), Some(b"abcdefghz".to_vec()), true, true));
        assert_eq!(of(["a\0", "a"]), (b"a".to_vec(), Some(b"a\0".to_vec()), true, true));
    }

    #[test]
    fn long_texts_are_cut_to_true_bounds() {
        let (long, wide) = ("x".repeat(100), "é".repeat(100));
        let (min, max, min_exact, max_exact) = of([long.as_str()]);
        assert_eq!((min.len(), max.unwrap()), (64, [b"x".repeat(63), b"y".to_vec()].concat()));
        assert!(!min_exact && !max_exact);
        let (min, max, ..) = of([wide.as_str()]);
        assert_eq!((std::str::from_utf8(&min).unwrap().len(), max), (64, None));
    }

    #[test]
    fn nothing_seen_has_no_range() {
        assert_eq!(Range::default().longs(3), Statistics::int64(None, None, None, Some(3), false));
    }
}
