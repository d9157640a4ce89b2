//! Days as Power BI, Excel and their users write them. ISO is what it is; what stands between slashes, dots or dashes can be month
//! first or day first, and the file as a whole has to tell which. It is never guessed.

use crate::day::Day;

/// Which number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `7/31/2025`
    MonthFirst,
    /// `31/7/2025`
    DayFirst,
}

/// A cell that is a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// One day, however it is read.
    Day(Day),
    /// Two numbers and a year, in an order that is not known yet.
    Numbers(u32, u32, i32),
}

impl Written {
    /// Reads a cell: a day, with or without a time of day behind it, which is dropped.
    pub fn read(cell: &str) -> Option<Written> {
        let cell = cell.trim();
        let end = cell.find([' ', 'T', '\u{a0}', '\u{202f}', ',']).unwrap_or(cell.len());
        let (day, time) = cell.split_at(end);
        if !is_time(time) {
            return None;
        }
        let sign = ['-', '/', '.'].into_iter().find(|s| day.contains(*s))?;
        let parts: Vec<&str> = day.split(sign).collect();
        let [a, b, c] = parts[..] else { return None };
        if parts.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        match (a.len(), c.len()) {
            (4, 1..=2) => Day::new(a.parse().ok()?, b.parse().ok()?, c.parse().ok()?).map(Written::Day),
            (1..=2, 4) => {
                let (a, b, year): (u32, u32, i32) = (a.parse().ok()?, b.parse().ok()?, c.parse().ok()?);
                // Only days are written with dots, and the day comes first.
                if sign == '.' || a == b {
                    return Day::new(year, b, a).map(Written::Day);
                }
                let possible = Day::new(year, a, b).is_some() || Day::new(year, b, a).is_some();
                possible.then_some(Written::Numbers(a, b, year))
            }
            _ => None,
        }
    }

    /// The day in this order, if there is one.
    pub fn day(self, order: Order) -> Option<Day> {
        match (self, order) {
            (Written::Day(day), _) => Some(day),
            (Written::Numbers(month, day, year), Order::MonthFirst) => Day::new(year, month, day),
            (Written::Numbers(day, month, year), Order::DayFirst) => Day::new(year, month, day),
        }
    }
}

/// Whether what stands behind a day is a time of day, or nothing.
fn is_time(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || ": .,TZ+-".contains(c) || c.is_whitespace() || "AaPpMm".contains(c))
}

/// The order of a file's days: that in which every one of them is a day and every month begins with its first. None where both are
/// possible and a cell would be another day; then the cell is told.
pub fn order(months: &[Written], others: &[Written]) -> Result<Order, Written> {
    let fits = |order: Order| {
        months.iter().all(|w| w.day(order).is_some_and(|d| d == d.month()))
            && others.iter().all(|w| w.day(order).is_some())
    };
    match (fits(Order::MonthFirst), fits(Order::DayFirst)) {
        (true, false) => Ok(Order::MonthFirst),
        (false, true) => Ok(Order::DayFirst),
        _ => match months.iter().chain(others).find(|w| matches!(w, Written::Numbers(..))) {
            Some(unclear) => Err(*unclear),
            None => Ok(Order::MonthFirst),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn one_way_to_read() {
        for cell in [
            "2025-07-31",
            "2025-07-31T00:00:00",
            "2025-07-31T00:00:00.0000000Z",
            "2025-07-31 00:00:00",
            "2025/07/31",
            "31.07.2025",
            "31.7.2025 00:00",
        ] {
            assert_eq!(Written::read(cell), Some(Written::Day(day("2025-07-31"))), "{cell}");
        }
        assert_eq!(Written::read("1/1/2025 12:00:00 AM"), Some(Written::Day(day("2025-01-01"))));
        for cell in ["", "July 2025", "2025-13-01", "31/31/2025", "7/31/25", "2025-07", "1/2/3/2025", "7/31/2025 soon"]
        {
            assert_eq!(Written::read(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_file_tells_its_order() {
        let read = |cells: &[&str]| cells.iter().map(|c| Written::read(c).unwrap()).collect::<Vec<_>>();
        let (july, end) = (read(&["7/1/2025 12:00:00 AM"]), read(&["7/31/2025"]));
        assert_eq!(order(&july, &end), Ok(Order::MonthFirst));
        assert_eq!(order(&read(&["1/7/2025"]), &read(&["31/7/2025"])), Ok(Order::DayFirst));
        assert_eq!(
            order(&read(&["1/7/2025"]), &read(&["5/7/2025"])),
            Ok(Order::DayFirst),
            "a month begins with its first"
        );
        assert_eq!(order(&read(&["2025-01-01"]), &read(&["1/31/2025"])), Ok(Order::MonthFirst));
        assert_eq!(order(&read(&["1/1/2025"]), &read(&["1/5/2025"])), Err(Written::Numbers(1, 5, 2025)), "either");
        assert_eq!(order(&read(&["7/1/2025", "1/8/2025"]), &[]), Err(Written::Numbers(7, 1, 2025)), "neither");
    }
}
