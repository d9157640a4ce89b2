//! The two campaigns that the tenant ran: one that people took up, one that changed nothing.
//!
//! Both are known, so that what is computed from the reports can be held against what was planted.

use super::places::{DEPARTMENTS, LOST_DEPARTMENT, WON_DEPARTMENT};
use super::product::Product;
use crate::day::Day;

/// How many days a campaign runs.
const LENGTH: i32 = 28;

/// A campaign as it was run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// A short name.
    pub name: &'static str,
    /// The product it was for.
    pub product: Product,
    /// The department it was for, as the directory names it.
    pub department: &'static str,
    /// Its first day.
    pub start: Day,
    /// Its last day.
    pub end: Day,
    /// Whether people took it up for good.
    pub worked: bool,
    pub(super) department_index: usize,
}

/// The campaigns of a history that ends on `end` and can be asked for `days` days: at one half of them and at six tenths.
pub fn planted(end: Day, days: u32) -> [Campaign; 2] {
    let days = i32::try_from(days).unwrap_or(i32::MAX);
    let campaign = |name, product, department: usize, start: Day, worked| Campaign {
        name,
        product,
        department: DEPARTMENTS[department].name,
        start,
        end: start.plus(LENGTH - 1),
        worked,
        department_index: department,
    };
    [
        campaign("Files at home", Product::OneDrive, WON_DEPARTMENT, end.plus(-days / 2), true),
        campaign("Meet your site", Product::SharePoint, LOST_DEPARTMENT, end.plus(-days / 5 * 2), false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lie_inside_with_room_before_and_after() {
        let end: Day = "2026-11-20".parse().unwrap();
        for c in planted(end, 400) {
            assert!(end.since(c.end) >= 28 + 91, "{}", c.name);
            assert!(c.start.since(end.plus(-400)) >= 84, "{}", c.name);
        }
    }
}
