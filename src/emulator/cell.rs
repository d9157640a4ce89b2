//! One cell of an answer: what a measure says for a row.
//!
//! Every measure is read from the history; a measure that a kind of row cannot have gives none, which a test finds.

use super::acts::Act;
use super::devices::OUTLOOK_VERSIONS;
use super::facts::{Added, Fact, Subject};
use super::page::{Entity, Line, Page};
use super::product::Product;
use super::words::Measure;
use crate::day::Day;

/// What stands in a cell, before it is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Blank,
    /// A whole number.
    Int(u64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A day.
    Date(Day),
    /// Midnight of a day.
    Time(Day),
    /// A text.
    Text(String),
}

impl Value {
    /// A text that is blank where it is empty.
    pub fn text(text: impl Into<String>) -> Value {
        let text = text.into();
        if text.is_empty() { Value::Blank } else { Value::Text(text) }
    }

    /// A day that may be unknown.
    pub fn date(day: Option<Day>) -> Value {
        day.map_or(Value::Blank, Value::Date)
    }
}

impl Page<'_> {
    /// The cell of a measure in a row; none where such a row has no such measure.
    pub fn cell(&self, line: &Line, measure: &Measure) -> Option<Value> {
        Some(match measure {
            Measure::Nothing => Value::Blank,
            Measure::Zero => Value::Int(0),
            Measure::Text(text) => Value::Text(text.clone()),
            Measure::Refresh => Value::Date(self.extent.refresh),
            Measure::Period => {
                self.extent.period.map_or_else(|| Value::Text("ALL".to_owned()), |n| Value::Int(n.into()))
            }
            Measure::Date => match line.entity {
                Entity::Day(slot) => Value::Date(self.view.history.day(slot)),
                _ => Value::Date(self.extent.refresh),
            },
            Measure::Field(thing, field) => return self.field(line, *thing, field),
            Measure::Place(kind, field) => return self.place(line, *kind, field),
            Measure::Licensed(product) => {
                let day = self.extent.refresh;
                let p = self.person(line)?;
                Value::Bool(p.present(day) && p.licensed(*product, day))
            }
            Measure::LicensedSince(product) => {
                let (p, day) = (self.person(line)?, self.extent.refresh);
                Value::date(p.enabled_since(*product, day).filter(|_| p.present(day)))
            }
            Measure::Last(fact) => {
                let slot = self.view.last(self.person_index(line)?, *fact, self.extent.known);
                Value::date(slot.map(|s| self.view.history.day(s)))
            }
            Measure::Holds(fact) => Value::Bool(self.held(line, self.person_index(line)?, *fact)),
            Measure::Client(fact) => self.client(line, self.person_index(line)?, *fact),
            Measure::Days(product) => {
                let days = self.view.days(*product, self.person_index(line)?, self.extent.from, self.extent.to);
                Value::Int(days.count() as u64)
            }
            Measure::Count(act) => Value::Int(self.count(line, *act)?),
            Measure::People(fact) => Value::Int(self.people(line, *fact)?),
            Measure::Average(act) => {
                let people = self.people(line, Fact::Did(*act))?;
                let sum = self.count(line, *act)? as f64;
                if people == 0 { Value::Blank } else { Value::Float((sum / people as f64 * 100.0).round() / 100.0) }
            }
            Measure::Enabled(product) => Value::Int(self.enabled(*product, self.aggregate_slot(line)?)),
            Measure::Active(product) => Value::Int(self.active(line, *product)?),
            Measure::Inactive(product) => {
                let enabled = self.enabled(*product, self.aggregate_slot(line)?);
                Value::Int(enabled.saturating_sub(self.active(line, *product)?))
            }
        })
    }

    /// The person of a row.
    pub fn person_index(&self, line: &Line) -> Option<usize> {
        match line.entity {
            Entity::Person(p) | Entity::Activation(p, _) => Some(p),
            _ => None,
        }
    }

    /// The person of a row.
    pub fn person(&self, line: &Line) -> Option<&super::person::Person> {
        self.view.history.people.get(self.person_index(line)?)
    }

    fn aggregate_slot(&self, line: &Line) -> Option<usize> {
        match line.entity {
            Entity::Day(slot) => Some(slot),
            Entity::Window => Some(self.extent.to),
            _ => None,
        }
    }

    fn count(&self, line: &Line, act: Act) -> Option<u64> {
        let subject = Subject { of: Added::Act(act), licensed: self.licensed };
        let (from, to) = (self.extent.from, self.extent.to);
        Some(match line.entity {
            Entity::Person(p) => self.sum(line, p, act),
            Entity::Day(slot) => self.view.total(subject, slot),
            Entity::Window => (from..=to).map(|slot| self.view.total(subject, slot)).sum(),
            _ => return None,
        })
    }

    fn people(&self, line: &Line, fact: Fact) -> Option<u64> {
        let subject = Subject { of: Added::People(fact), licensed: self.licensed };
        Some(match line.entity {
            Entity::Day(slot) => self.view.total(subject, slot),
            Entity::Window => self.view.people(fact, self.licensed, self.extent.from, self.extent.to),
            _ => return None,
        })
    }

    /// People who are enabled at the end and were active in the window.
    fn active(&self, line: &Line, product: Option<Product>) -> Option<u64> {
        let slot = self.aggregate_slot(line)?;
        let (from, to) = if line.entity == Entity::Window { (self.extent.from, self.extent.to) } else { (slot, slot) };
        let fact = product.map_or(Fact::UsedAny, Fact::Used);
        let both = |p: &usize| self.is_enabled(*p, product, slot) && self.view.held(*p, fact, from, to);
        Some((0..self.view.history.members).filter(both).count() as u64)
    }

    /// Outlook for Windows shows its version, the others that they were used.
    fn client(&self, line: &Line, person: usize, fact: Fact) -> Value {
        let h = self.view.history;
        if !self.held(line, person, fact) {
            return Value::Blank;
        }
        let windows = super::devices::Family::Mail.mask("outlook_windows");
        match fact {
            Fact::With(_, mask) if Some(mask) == windows => {
                let version = usize::from(h.people[person].equipment.outlook);
                Value::Text(OUTLOOK_VERSIONS.get(version).map_or("Undetermined", |v| v.1).to_owned())
            }
            _ => Value::Text("Undetermined".to_owned()),
        }
    }
}
