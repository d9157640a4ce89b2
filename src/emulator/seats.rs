//! Seats: how many of each SKU were bought and assigned, by day.

use super::people::Span;
use super::person::Person;
use super::skus::{SKUS, sku};
use crate::day::Day;

/// Days before the end of the history from which a tenth of the E1 seats are about to run out.
const WARNING: i32 = 30;

/// Seats by SKU and day.
#[derive(Debug)]
pub struct Seats {
    first: Day,
    end: Day,
    assigned: Vec<Vec<u32>>,
    peak: Vec<Vec<u32>>,
}

/// Seats of one SKU on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// In full force.
    pub enabled: u32,
    /// Expired, still usable for a while.
    pub warning: u32,
    /// Given to people.
    pub assigned: u32,
}

impl Seats {
    /// Counts the licences of everyone.
    pub fn count(people: &[Person], span: Span) -> Seats {
        let days = span.end.since(span.first).max(0) as usize + 1;
        let slot = |day: Day| day.since(span.first).clamp(0, days as i32) as usize;
        let mut change = vec![vec![0_i64; days + 1]; SKUS.len()];
        for a in people.iter().flat_map(|p| &p.assignments) {
            let (from, until) = (slot(a.from), a.until.map_or(days, slot));
            if from < until {
                change[usize::from(a.sku)][from] += 1;
                change[usize::from(a.sku)][until] -= 1;
            }
        }
        let assigned: Vec<Vec<u32>> = change
            .iter()
            .map(|c| {
                c[..days]
                    .iter()
                    .scan(0_i64, |n, c| {
                        *n += c;
                        Some(u32::try_from(*n).unwrap_or(0))
                    })
                    .collect()
            })
            .collect();
        let peak = assigned
            .iter()
            .map(|a| a.iter().scan(0, |most, n| Some(std::mem::replace(most, (*most).max(*n)).max(*n))).collect())
            .collect();
        Seats { first: span.first, end: span.end, assigned, peak }
    }

    /// The seats of a SKU on a day. They are bought in steps and never given back.
    pub fn on(&self, position: u8, day: Day) -> Seat {
        let slot = day.since(self.first).clamp(0, self.end.since(self.first)) as usize;
        let of =
            |series: &[Vec<u32>]| series.get(usize::from(position)).and_then(|s| s.get(slot)).copied().unwrap_or(0);
        let sku = sku(position);
        let assigned = of(&self.assigned);
        if sku.free {
            return Seat { enabled: 10_000, warning: 0, assigned };
        }
        let bought = (of(&self.peak) * (100 + sku.spare)).div_ceil(100).next_multiple_of(5);
        let expiring = sku.part_number == "STANDARDPACK" && self.end.since(day) < WARNING;
        let warning = if expiring { bought / 10 } else { 0 };
        Seat { enabled: bought - warning, warning, assigned }
    }
}
