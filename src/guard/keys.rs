//! How many rows of an answer repeat the key of another row, in memory that does not grow with the answer.
//!
//! Keys are hashed. Up to [`MOST`] different keys the count is exact; beyond them only keys whose hash ends in zeros are
//! watched, all rows of each, and the count is scaled up from them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type};

use crate::catalog::{Merge, Report, Role};
use crate::normalise::NOBODY;

/// Different keys that are watched at once: about 1 MB.
const MOST: usize = 1 << 15;

/// The keys of an answer.
pub struct Keys {
    columns: Vec<usize>,
    /// Positions of key columns that name somebody or something; where all are nobody's, the row has no key.
    naming: Vec<usize>,
    seen: HashMap<u64, u32>,
    /// How many low bits of a hash must be zero for the key to be watched.
    bits: u32,
}

impl Keys {
    /// Of a report. A report of windows has its key by refresh date and period, and says it with its columns.
    pub fn of(report: &Report) -> Keys {
        let at = |name: &String| report.columns.iter().position(|c| c.name == *name);
        let mut columns: Vec<usize> = report.key.iter().filter_map(at).collect();
        let naming = columns.iter().copied().filter(|i| report.columns[*i].concealed.is_some()).collect();
        if !columns.is_empty() && report.merge == Merge::ByReportDate {
            columns.extend(report.role(Role::ReportDate).filter(|i| !columns.contains(i)));
        }
        // A file that somebody put together has the same people of several days.
        if !columns.is_empty() {
            columns.extend(report.role(Role::RefreshDate));
            columns.extend(report.role(Role::ReportPeriod));
        }
        Keys { columns, naming, seen: HashMap::new(), bits: 0 }
    }

    /// Looks at the rows of a batch.
    pub fn see(&mut self, batch: &RecordBatch) {
        if self.columns.is_empty() {
            return;
        }
        let columns: Vec<&ArrayRef> = self.columns.iter().filter_map(|i| batch.columns().get(*i)).collect();
        let naming: Vec<&ArrayRef> = self.naming.iter().filter_map(|i| batch.columns().get(*i)).collect();
        for row in 0..batch.num_rows() {
            if !naming.is_empty() && naming.iter().all(|c| nobody(c, row)) {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            columns.iter().for_each(|c| cell(c, row, &mut hasher));
            self.add(hasher.finish());
        }
    }

    fn add(&mut self, hash: u64) {
        if hash & ((1 << self.bits) - 1) != 0 {
            return;
        }
        *self.seen.entry(hash).or_default() += 1;
        while self.seen.len() > MOST {
            self.bits += 1;
            let mask = (1 << self.bits) - 1;
            self.seen.retain(|hash, _| hash & mask == 0);
        }
    }

    /// Rows that repeat the key of another.
    pub fn repeated(&self) -> u64 {
        self.seen.values().map(|n| u64::from(*n - 1)).sum::<u64>() << self.bits
    }
}

/// Rows with nothing else for a key are nobody's, and not each other's.
fn nobody(column: &ArrayRef, row: usize) -> bool {
    match column.data_type() {
        DataType::Utf8 => column.is_null(row) || NOBODY.contains(&column.as_string::<i32>().value(row)),
        _ => column.is_null(row),
    }
}

fn cell(column: &ArrayRef, row: usize, hasher: &mut DefaultHasher) {
    if column.is_null(row) {
        return hasher.write_u8(0);
    }
    hasher.write_u8(1);
    match column.data_type() {
        DataType::Utf8 => {
            hasher.write(column.as_string::<i32>().value(row).as_bytes());
            hasher.write_u8(0xff);
        }
        DataType::Int64 => hasher.write_i64(column.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => hasher.write_i32(column.as_primitive::<Date32Type>().value(row)),
        _ => {
            let text = arrow::util::display::array_value_to_string(column, row).unwrap_or_default();
            hasher.write(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys { columns: Vec::new(), naming: Vec::new(), seen: HashMap::new(), bits: 0 }
    }

    #[test]
    fn few_keys_are_counted_exactly_and_many_nearly() {
        let mut rng = fastrand::Rng::with_seed(3);
        for (rows, twice) in [(1_000u64, 7u64), (30_000, 0), (1_000_000, 100_000), (1_000_000, 0)] {
            let mut keys = keys();
            let hashes: Vec<u64> = (0..rows).map(|_| rng.u64(..)).collect();
            hashes.iter().chain(&hashes[..twice as usize]).for_each(|h| keys.add(*h));
            assert!(keys.seen.len() <= MOST);
            let near = if rows <= MOST as u64 { 0 } else { twice / 20 };
            assert!(keys.repeated().abs_diff(twice) <= near, "{rows} {twice}: {}", keys.repeated());
        }
    }
}
