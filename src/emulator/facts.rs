//! Questions about a person on a day, and their answers added up over people: by day and over windows.
//!
//! [`View`] is the history as a report sees it: where a day has been restated, some people's data of it are not in yet.

use std::sync::Arc;

use super::acts::{ACTS, Act};
use super::devices::Family;
use super::history::{History, lock};
use super::product::Product;

/// Something that is so or not so for a person on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Used the product.
    Used(Product),
    /// Used any product of the suite.
    UsedAny,
    /// Did it at least once.
    Did(Act),
    /// Used one of these devices or apps.
    With(Family, u32),
    /// Was in Teams without a counted act.
    OtherOnly,
    /// Used this version of Outlook for Windows.
    Outlook(usize),
}

impl Fact {
    /// The product whose days of activity can make it so; none where several can.
    fn product(self) -> Option<Product> {
        match self {
            Fact::Used(p) => Some(p),
            Fact::UsedAny => None,
            Fact::Did(Act::Receive) => None,
            Fact::Did(act) => Some(act.product()),
            Fact::With(family, _) => Some(family.product()),
            Fact::OtherOnly => Some(Product::Teams),
            Fact::Outlook(_) => Some(Product::Exchange),
        }
    }
}

/// What is added up over all people of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The sum of an act, or the number of people of whom a fact holds.
    pub of: Added,
    /// Whether people without a licence are left out.
    pub licensed: bool,
}

/// What a [`Subject`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Added {
    /// How often it was done.
    Act(Act),
    /// How many people.
    People(Fact),
}

/// How often each act was done in a window, by [`Act`].
pub type Sums = [u64; ACTS];

/// What was done on a day: how often, and by how many people.
#[derive(Debug, Clone)]
pub struct DayTotals {
    /// How often, by [`Act`].
    pub sums: Sums,
    /// By how many people, by [`Act`].
    pub people: [u32; ACTS],
}

/// The history as a report sees it.
#[derive(Clone)]
pub struct View<'a> {
    /// The history.
    pub history: &'a History,
    /// Slots whose data are not all in, with how many of a hundred people are missing.
    pub late: Vec<(usize, u32)>,
}

impl<'a> View<'a> {
    /// The history as it is.
    pub fn whole(history: &'a History) -> View<'a> {
        View { history, late: Vec::new() }
    }

    fn in_yet(&self, person: usize, slot: usize) -> bool {
        self.late.is_empty()
            || !self.late.iter().any(|(s, percent)| {
                *s == slot && self.history.dice.late.bits(person as u64, slot as u64) % 100 < u64::from(*percent)
            })
    }

    /// The days from `from` to `to` on which a person used a product.
    pub fn days(&self, product: Product, person: usize, from: usize, to: usize) -> impl Iterator<Item = usize> {
        self.history.activity.days(product, person, from, to).filter(move |slot| self.in_yet(person, *slot))
    }

    /// How often a person did something on a day.
    pub fn count(&self, person: usize, slot: usize, act: Act) -> u32 {
        if self.in_yet(person, slot) { self.history.count(person, slot, act) } else { 0 }
    }

    /// How often a person did something from `from` to `to`.
    pub fn sum(&self, person: usize, act: Act, from: usize, to: usize) -> u64 {
        if act == Act::Receive {
            return (from..=to).map(|slot| u64::from(self.count(person, slot, act))).sum();
        }
        self.sums(person, act.product(), from, to)[act as usize]
    }

    /// How often a person did each act of a product from `from` to `to`; received mail is left out.
    pub fn sums(&self, person: usize, product: Product, from: usize, to: usize) -> Sums {
        let mut sums = [0; ACTS];
        for slot in self.days(product, person, from, to) {
            let deeds = self.history.deeds(person, slot, product);
            sums.iter_mut().zip(deeds).for_each(|(s, d)| *s += u64::from(d));
        }
        sums
    }

    /// All that a person used of a family from `from` to `to`.
    pub fn used(&self, person: usize, family: Family, from: usize, to: usize) -> u32 {
        let days = self.days(family.product(), person, from, to);
        days.fold(0, |all, slot| all | self.history.devices(family, person, slot))
    }

    /// Whether a fact holds of a person on a day.
    pub fn holds(&self, person: usize, slot: usize, fact: Fact) -> bool {
        let h = self.history;
        if !self.in_yet(person, slot) {
            return false;
        }
        match fact {
            Fact::Used(product) => h.activity.used(product, person, slot),
            Fact::UsedAny => suite().any(|p| h.activity.used(p, person, slot)),
            Fact::Did(act) => h.count(person, slot, act) > 0,
            Fact::With(family, mask) => h.devices(family, person, slot) & mask != 0,
            Fact::OtherOnly => h.other_only(person, slot),
            Fact::Outlook(version) => h.outlook_version(person, slot) == Some(version),
        }
    }

    /// Whether a fact holds of a person on any day from `from` to `to`.
    pub fn held(&self, person: usize, fact: Fact, from: usize, to: usize) -> bool {
        match fact.product() {
            Some(product) => self.days(product, person, from, to).any(|slot| self.holds(person, slot, fact)),
            None if fact == Fact::UsedAny => suite().any(|p| self.held(person, Fact::Used(p), from, to)),
            None => (from..=to).any(|slot| self.holds(person, slot, fact)),
        }
    }

    /// The last day up to `to` on which a fact held of a person.
    pub fn last(&self, person: usize, fact: Fact, to: usize) -> Option<usize> {
        if fact == Fact::UsedAny {
            return suite().filter_map(|p| self.last(person, Fact::Used(p), to)).max();
        }
        let product = fact.product()?;
        let mut to = to;
        loop {
            let slot = self.history.activity.last(product, person, to)?;
            if self.holds(person, slot, fact) {
                return Some(slot);
            }
            to = slot.checked_sub(1)?;
        }
    }

    /// How many members a fact held of at least once from `from` to `to`.
    pub fn people(&self, fact: Fact, licensed: bool, from: usize, to: usize) -> u64 {
        self.counted(licensed).filter(|p| self.held(*p, fact, from, to)).count() as u64
    }

    /// Members, without those who never had a licence where `licensed`.
    pub fn counted(&self, licensed: bool) -> impl Iterator<Item = usize> + use<'a> {
        let h = self.history;
        (0..h.members).filter(move |p| !licensed || !h.people[*p].assignments.is_empty())
    }

    /// The total of a day.
    pub fn total(&self, subject: Subject, slot: usize) -> u64 {
        if self.late.iter().any(|(s, _)| *s == slot) {
            return match subject.of {
                Added::Act(act) => self.counted(subject.licensed).map(|p| self.sum(p, act, slot, slot)).sum(),
                Added::People(fact) => self.people(fact, subject.licensed, slot, slot),
            };
        }
        match subject.of {
            Added::Act(Act::Receive) | Added::People(Fact::Did(Act::Receive)) => {
                self.series(subject).get(slot).copied().unwrap_or(0)
            }
            Added::Act(act) => self.act_series(act, subject.licensed).get(slot).map_or(0, |t| t.sums[act as usize]),
            Added::People(Fact::Did(act)) => {
                self.act_series(act, subject.licensed).get(slot).map_or(0, |t| u64::from(t.people[act as usize]))
            }
            Added::People(_) => self.series(subject).get(slot).copied().unwrap_or(0),
        }
    }

    /// The totals of all acts of a product, added up once and kept.
    fn act_series(&self, act: Act, licensed: bool) -> Arc<Vec<DayTotals>> {
        let (h, product) = (self.history, act.product());
        if let Some(series) = lock(&h.act_totals).get(&(product, licensed)) {
            return Arc::clone(series);
        }
        let mut series = vec![DayTotals { sums: [0; ACTS], people: [0; ACTS] }; h.slots()];
        for person in View::whole(h).counted(licensed) {
            for slot in h.activity.days(product, person, 0, h.slots() - 1) {
                let deeds = h.deeds(person, slot, product);
                let DayTotals { sums, people } = &mut series[slot];
                sums.iter_mut().zip(deeds).for_each(|(s, d)| *s += u64::from(d));
                people.iter_mut().zip(deeds).for_each(|(p, d)| *p += u32::from(d > 0));
            }
        }
        let series = Arc::new(series);
        lock(&h.act_totals).insert((product, licensed), Arc::clone(&series));
        series
    }

    /// The totals of all days of anything else, added up once and kept.
    fn series(&self, subject: Subject) -> Arc<Vec<u64>> {
        let h = self.history;
        if let Some(series) = lock(&h.totals).get(&subject) {
            return Arc::clone(series);
        }
        let whole = View::whole(h);
        let last = h.slots() - 1;
        let mut series = vec![0_u64; last + 1];
        let product = match subject.of {
            Added::Act(_) => None,
            Added::People(fact) => fact.product(),
        };
        let mut add = |person: usize, slot: usize| {
            series[slot] += match subject.of {
                Added::Act(act) => u64::from(h.count(person, slot, act)),
                Added::People(fact) => u64::from(whole.holds(person, slot, fact)),
            };
        };
        for person in whole.counted(subject.licensed) {
            match product {
                Some(product) => h.activity.days(product, person, 0, last).for_each(|slot| add(person, slot)),
                None => (0..=last).for_each(|slot| add(person, slot)),
            }
        }
        let series = Arc::new(series);
        lock(&h.totals).insert(subject, Arc::clone(&series));
        series
    }
}

/// The products that make up the suite, as far as anyone uses them.
fn suite() -> impl Iterator<Item = Product> {
    Product::ALL.into_iter().filter(|p| p.in_suite() && p.index() < Product::USED)
}
