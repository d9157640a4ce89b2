//! Values → small numbers, in the order in which the values come first.
//!
//! Days and small whole numbers are looked up in an array, without a hash; texts and large numbers are hashed. The
//! numbers depend on the values alone.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::range::Range;

/// The number of a value in its dictionary.
pub(super) type Id = u16;
/// Values that a dictionary holds before it stops being one. Below what [`Id`] holds by more than a step of values.
pub(super) const MAX_VALUES: usize = 50_000;

/// The values that ids stand for.
pub(super) enum Dictionary {
    None,
    Numbers(Numbers),
    Texts(Texts),
}

impl Dictionary {
    /// Values, and bytes of their page.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Dictionary::None => (0, 0),
            Dictionary::Numbers(d) => (d.values.len(), d.values.len() * 8),
            Dictionary::Texts(d) => (d.len(), d.page.len()),
        }
    }

    /// Widens a range to all values.
    pub fn widen(&self, range: &mut Range) {
        match self {
            Dictionary::None => {}
            Dictionary::Numbers(d) => d.values.iter().for_each(|v| range.number(*v)),
            Dictionary::Texts(d) => (0..d.len()).for_each(|id| range.text(d.get(id as Id))),
        }
    }

    pub fn put_number(&self, id: Id, width: usize, out: &mut Vec<u8>) {
        if let Dictionary::Numbers(d) = self {
            let value = d.values.get(usize::from(id)).copied().unwrap_or_default();
            out.extend_from_slice(&value.to_le_bytes()[..width]);
        }
    }

    /// How many values its page has, and the page.
    pub fn page(&mut self, width: usize) -> (usize, Vec<u8>) {
        let count = self.size().0;
        let body = match self {
            Dictionary::None => Vec::new(),
            Dictionary::Numbers(_) => {
                let mut body = Vec::with_capacity(count * width);
                (0..count).for_each(|id| self.put_number(id as Id, width, &mut body));
                body
            }
            Dictionary::Texts(d) => d.page.clone(),
        };
        (count, body)
    }
}

/// Appends a text as a page has it: behind its length.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// A dictionary of whole numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The number that stands first in `near`.
    base: i64,
    /// For each number from `base` its id plus one, or 0; the last stands for all that are too far.
    near: Vec<Id>,
    far: HashMap<i64, Id, BuildHasherDefault<Mix>>,
    last_far: Option<(i64, Id)>,
    pub values: Vec<i64>,
}

/// Numbers that `near` may hold.
const NEAR: i64 = 1 << 15;
/// Numbers that `near` holds at first, and how many of them lie before the first value that is not small: dates are mostly
/// older than the first one.
const NEAR_FIRST: i64 = 1 << 8;
const NEAR_DAYS: i64 = 1 << 13;
const NEAR_DAYS_BEFORE: i64 = 6000;

impl Numbers {
    /// Puts the ids of the values that are not null behind `ids`. With `days`, values are expected near each other and not
    /// near zero.
    pub fn encode<T: Copy + Into<i64>>(
        &mut self,
        values: &[T],
        valid: impl Fn(usize) -> bool,
        days: bool,
        ids: &mut Vec<Id>,
    ) {
        if self.near.is_empty() {
            let first = (0..values.len()).find(|i| valid(*i)).map_or(0, |i| values[i].into());
            let (base, len) = if days { (first - NEAR_DAYS_BEFORE, NEAR_DAYS) } else { (0, NEAR_FIRST) };
            (self.base, self.near) = (base, vec![0; len as usize + 1]);
        }
        let mut at = ids.len();
        ids.resize(at + values.len(), 0);
        for (i, value) in values.iter().enumerate() {
            let (value, is_valid) = ((*value).into(), valid(i));
            let place = (value.wrapping_sub(self.base) as u64).min(self.near.len() as u64 - 1);
            let mut id = self.near[place as usize];
            if (id == 0) & is_valid {
                id = self.add(value) + 1;
            }
            ids[at] = id.wrapping_sub(1);
            at += usize::from(is_valid);
        }
        ids.truncate(at);
    }

    /// The id of a value that `near` does not know.
    #[inline(never)]
    fn add(&mut self, value: i64) -> Id {
        if let Some((last, id)) = self.last_far
            && last == value
        {
            return id;
        }
        let distance = value.wrapping_sub(self.base);
        let held = self.near.len() as i64 - 1;
        if (held..NEAR).contains(&distance) && self.base == 0 {
            let len = (distance + 1).max(2 * held).min(NEAR);
            self.near.resize(len as usize + 1, 0);
        }
        let next = self.values.len() as Id;
        let is_near = (0..self.near.len() as i64 - 1).contains(&distance);
        let id = if is_near {
            self.near[distance as usize] = next + 1;
            // It may have come while `near` was shorter.
            self.far.remove(&value).inspect(|id| self.near[distance as usize] = id + 1).unwrap_or(next)
        } else {
            let id = *self.far.entry(value).or_insert(next);
            self.last_far = Some((value, id));
            id
        };
        if id == next {
            self.values.push(value);
        }
        id
    }
}

/// A dictionary of texts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The texts as a dictionary page has them: each behind its length in four bytes.
    pub page: Vec<u8>,
    /// For each text where it ends in the page.
    ends: Vec<u32>,
    /// Open addressing: the upper bits of a hash, and the id plus one in the lowest sixteen.
    slots: Vec<u64>,
}

const ID_BITS: u64 = 0xffff;

impl Texts {
    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text with this id.
    #[inline]
    pub fn get(&self, id: Id) -> &[u8] {
        let begin = usize::from(id).checked_sub(1).and_then(|i| self.ends.get(i)).map_or(0, |e| *e as usize);
        let end = self.ends.get(usize::from(id)).map_or(begin + 4, |e| *e as usize);
        self.page.get(begin + 4..end).unwrap_or_default()
    }

    /// The id of a text.
    #[inline]
    pub fn id(&mut self, text: &[u8]) -> Id {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash(text);
        let mut slot = self.first_slot(hash);
        loop {
            let found = self.slots[slot];
            if found == 0 {
                return self.add(text, hash, slot);
            }
            if (found ^ hash) & !ID_BITS == 0 {
                let id = (found & ID_BITS) as Id - 1;
                if self.get(id) == text {
                    return id;
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn first_slot(&self, hash: u64) -> usize {
        (hash >> 20) as usize & (self.slots.len() - 1)
    }

    fn add(&mut self, text: &[u8], hash: u64, slot: usize) -> Id {
        let id = self.ends.len() as Id;
        put_text(text, &mut self.page);
        self.ends.push(self.page.len() as u32);
        self.slots[slot] = (hash & !ID_BITS) | (u64::from(id) + 1);
        id
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 4).max(64);
        let old = std::mem::replace(&mut self.slots, vec![0; len]);
        for id in old.into_iter().filter(|s| *s != 0).map(|s| (s & ID_BITS) - 1) {
            let hash = hash(self.get(id as Id));
            let mut slot = self.first_slot(hash);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            self.slots[slot] = (hash & !ID_BITS) | (id + 1);
        }
    }
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of a text, the same on every machine.
#[inline]
fn hash(text: &[u8]) -> u64 {
    let mut h = text.len() as u64;
    let (words, rest) = text.as_chunks::<8>();
    for w in words {
        h = (h.rotate_left(5) ^ u64::from_le_bytes(*w)).wrapping_mul(MIX);
    }
    // The last eight bytes again rather than the odd ones alone.
    let last = match text.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |n, b| n << 8 | u64::from(*b)),
    };
    h = (h.rotate_left(5) ^ last).wrapping_mul(MIX);
    h ^ h >> 32
}

/// Hashes one whole number.
#[derive(Debug, Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_i64(&mut self, n: i64) {
        self.0 = (n as u64 ^ (n as u64) >> 32).wrapping_mul(MIX).rotate_left(26);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_ids_of_their_first_coming() {
        let mut d = Numbers::default();
        let mut ids = Vec::new();
        let values: Vec<i64> =
            vec![5, 1 << 40, 5, -1, 300, 1 << 40, 299, 40_000, 300, i64::MIN, 40_000, i64::MAX, 32_767];
        d.encode(&values, |i| i != 3, false, &mut ids);
        assert_eq!(ids, [0, 1, 0, 2, 1, 3, 4, 2, 5, 4, 6, 7]);
        d.encode(&[-1i64, 300, i64::MIN], |_| true, false, &mut ids);
        assert_eq!(ids[12..], [8, 2, 5]);
        assert_eq!(d.values, [5, 1 << 40, 300, 299, 40_000, i64::MIN, i64::MAX, 32_767, -1]);
    }

    #[test]
    fn days_lie_near_each_other_or_not() {
        let mut d = Numbers::default();
        let mut ids = Vec::new();
        d.encode(&[0i32, 20_000, 19_000, 20_001, 2_932_896, -719_162, 20_000, 2_932_896], |i| i > 0, true, &mut ids);
        assert_eq!(ids, [0, 1, 2, 3, 4, 0, 3]);
        let mut nulls = Vec::new();
        Numbers::default().encode(&[0i32; 9], |_| false, true, &mut nulls);
        assert!(nulls.is_empty());
    }

    #[test]
    fn texts_have_the_ids_of_their_first_coming() {
        let mut d = Texts::default();
        let all: Vec<String> = (0..5000).map(|i| format!("{}{i}", "x".repeat(i % 37))).chain(["".into()]).collect();
        for _ in 0..2 {
            for (i, text) in all.iter().enumerate() {
                assert_eq!(d.id(text.as_bytes()), i as Id);
                assert_eq!(d.get(i as Id), text.as_bytes());
            }
        }
        assert_eq!((d.len(), &d.page[..5]), (5001, &b"\x01\0\0\x000"[..]));
    }
}
