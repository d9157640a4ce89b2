//! On which days who used what: one bit for each person, product and day of the history.
//!
//! The bits are thrown once when the history is built; what a person did on such a day is counted by [`super::acts`]
//! when it is asked for. A bit is never set for a day on which the person was not there or not licensed.

use super::dice::{Dice, unit};
use super::people::{Span, open_to_all, progress};
use super::person::Person;
use super::places::DEPARTMENTS;
use super::product::Product;
use crate::day::Day;

/// The days of activity of all people.
#[derive(Debug)]
pub struct Activity {
    words: usize,
    people: usize,
    bits: Vec<u64>,
}

impl Activity {
    /// Throws for everyone and every day.
    pub fn throw(dice: Dice, people: &[Person], span: Span) -> Activity {
        let days = span.end.since(span.first).max(0) as usize + 1;
        let words = days.div_ceil(64);
        let mut activity =
            Activity { words, people: people.len(), bits: vec![0; words * people.len() * Product::USED] };
        let calendar = Calendar::of(span);
        for (i, person) in people.iter().enumerate() {
            activity.live(dice, i, person, span, &calendar);
        }
        activity
    }

    fn live(&mut self, dice: Dice, i: usize, person: &Person, span: Span, calendar: &Calendar) {
        let (at_work, use_of) = (dice.subject("at work"), dice.subject("use"));
        let first = person.joined.max(span.first);
        let last = person.left.map_or(span.end, |l| l.plus(-1).min(span.end));
        let leave = Leave::of(dice, i as u64, person);
        for n in first.epoch()..=last.epoch() {
            let day = Day::from_epoch(n);
            let slot = day.since(span.first) as usize;
            let shifts = DEPARTMENTS[person.department(day)].shifts;
            let chance = if leave.holds(day) { 0.0 } else { calendar.work(slot, usize::from(person.country), shifts) };
            let present = at_work.unit(i as u64, slot as u64) < chance;
            let grown = 0.86 + 0.14 * progress(span, day);
            for product in Product::ALL.into_iter().take(Product::USED) {
                let Some(rate) = rate(person, product, day) else { continue };
                let rate = match product {
                    Product::Teams | Product::Copilot | Product::SharePoint => rate * grown,
                    _ => rate,
                };
                let mail = product == Product::Exchange;
                let rate = if present { rate } else { rate * if mail { 0.06 } else { 0.008 } };
                let throw = use_of.bits(i as u64, (slot as u64) << 8 | product.index() as u64);
                if unit(throw) < rate {
                    let at = (product.index() * self.people + i) * self.words;
                    self.bits[at + slot / 64] |= 1 << (slot % 64);
                }
            }
        }
    }

    /// Whether `person` used `product` on the day at `slot`.
    pub fn used(&self, product: Product, person: usize, slot: usize) -> bool {
        match self.row(product, person).get(slot / 64) {
            Some(word) => word >> (slot % 64) & 1 == 1,
            None => false,
        }
    }

    /// The days of activity from `from` to `to`, both included, in order.
    pub fn days(&self, product: Product, person: usize, from: usize, to: usize) -> Days<'_> {
        let row = self.row(product, person);
        let mut days = Days { row, word: 0, at: from / 64, to };
        days.word = row.get(days.at).copied().unwrap_or(0) & (u64::MAX << (from % 64));
        days
    }

    /// The last day of activity up to `to`.
    pub fn last(&self, product: Product, person: usize, to: usize) -> Option<usize> {
        let row = self.row(product, person);
        let mut at = (to / 64).min(row.len().checked_sub(1)?);
        let keep = if to / 64 > at { u64::MAX } else { u64::MAX >> (63 - to % 64) };
        let mut word = row[at] & keep;
        loop {
            if word != 0 {
                return Some(at * 64 + 63 - word.leading_zeros() as usize);
            }
            at = at.checked_sub(1)?;
            word = row[at];
        }
    }

    fn row(&self, product: Product, person: usize) -> &[u64] {
        if product.index() >= Product::USED || person >= self.people {
            return &[];
        }
        let at = (product.index() * self.people + person) * self.words;
        &self.bits[at..at + self.words]
    }
}

/// Days of activity as an iterator over slots.
pub struct Days<'a> {
    row: &'a [u64],
    word: u64,
    at: usize,
    to: usize,
}

impl Iterator for Days<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            self.at += 1;
            if self.at * 64 > self.to {
                return None;
            }
            self.word = *self.row.get(self.at)?;
        }
        let slot = self.at * 64 + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        (slot <= self.to).then_some(slot)
    }
}

/// The chance that a person uses a product on a day at work; none where they do not use it at all.
fn rate(person: &Person, product: Product, day: Day) -> Option<f32> {
    let habit = person.habit(product)?;
    let tries = habit.trial.is_some_and(|(from, to)| from <= day && day <= to);
    if !tries && habit.from.is_none_or(|from| day < from) {
        return None;
    }
    if habit.pause.is_some_and(|(from, to)| from <= day && day <= to) {
        return None;
    }
    let free = open_to_all(product) && person.assignments.is_empty();
    (free || person.enabled(product, day)).then_some(habit.rate)
}

/// When a person is on leave: two blocks in each half-year or none.
struct Leave(Vec<(Day, Day)>);

impl Leave {
    fn of(dice: Dice, n: u64, person: &Person) -> Leave {
        if person.guest() {
            return Leave(Vec::new());
        }
        let d = dice.subject("leave");
        // Half-years are counted from 1970, so that leave does not depend on where the history begins.
        let blocks = (100..140).filter(|half| d.chance(n, *half, 0.9)).map(|half| {
            let start = Day::from_epoch(half as i32 * 182 + d.below(n, half + 1_000, 165) as i32);
            (start, start.plus(4 + d.below(n, half + 2_000, 12) as i32))
        });
        Leave(blocks.collect())
    }

    fn holds(&self, day: Day) -> bool {
        self.0.iter().any(|(from, to)| *from <= day && day <= *to)
    }
}

/// How likely people are at work, by day and country.
struct Calendar(Vec<Vec<f32>>);

impl Calendar {
    fn of(span: Span) -> Calendar {
        use chrono::Datelike;
        let days = span.end.since(span.first).max(0);
        let work = (0..=days).map(|n| {
            let day = span.first.plus(n);
            let date = day.date();
            let of = (date.month(), date.day());
            let all = matches!(of, (1, 1) | (12, 25 | 26));
            let season = if matches!(of, (12, 22..) | (1, 2..=4)) { 0.45 } else { 0.95 };
            let week = if day.weekday() >= 5 { 0.05 } else { season };
            super::places::COUNTRIES.iter().map(|c| if all || c.holidays.contains(&of) { 0.03 } else { week }).collect()
        });
        Calendar(work.collect())
    }

    fn work(&self, slot: usize, country: usize, shifts: bool) -> f32 {
        let chance = self.0.get(slot).and_then(|d| d.get(country)).copied().unwrap_or(0.0);
        if shifts && chance < 0.1 { chance + 0.3 } else { chance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bits: &[usize]) -> Activity {
        let mut a = Activity { words: 4, people: 1, bits: vec![0; 4 * Product::USED] };
        for b in bits {
            a.bits[b / 64] |= 1 << (b % 64);
        }
        a
    }

    #[test]
    fn days_and_last_agree_with_a_plain_scan() {
        let set = [0, 3, 63, 64, 65, 127, 128, 200, 255];
        let a = row(&set);
        for from in [0, 1, 63, 64, 130, 255] {
            for to in [0, 62, 63, 64, 199, 200, 255] {
                let plain: Vec<usize> = set.iter().copied().filter(|s| *s >= from && *s <= to).collect();
                let got: Vec<usize> = a.days(Product::Exchange, 0, from, to).collect();
                assert_eq!(got, if from <= to { plain } else { Vec::new() }, "{from}..={to}");
                assert_eq!(a.last(Product::Exchange, 0, to), set.iter().copied().rfind(|s| *s <= to));
            }
        }
        assert_eq!(a.last(Product::Skype, 0, 9), None);
    }
}
