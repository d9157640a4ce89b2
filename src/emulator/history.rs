//! The one history of the tenant, from which every report, the directory and the truth are computed.
//!
//! Built once from seed and size, never changed. Days are numbered by slots from its first day. It reaches far enough
//! back that 180 days lie before the first day that can be asked for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use super::activity::Activity;
use super::acts::mailbox_slots;
use super::campaign::{Campaign, planted};
use super::dice::Dice;
use super::facts::{DayTotals, Subject};
use super::habits;
use super::options::Options;
use super::people::{Span, people};
use super::person::Person;
use super::product::Product;
use super::seats::Seats;
use super::uses::Visits;
use super::workspaces::{Purpose, Workspace, range, workspaces};
use crate::day::Day;

/// Days of history before the first one that can be asked for: 180 of a window, 28 of look-back, two of lag.
pub const BEFORE: i32 = 210;

/// Dice by what they are thrown for.
#[derive(Debug, Clone, Copy)]
pub struct Throws {
    /// Counts of acts.
    pub acts: Dice,
    /// What makes a day of activity.
    pub anchor: Dice,
    /// Teams days of other actions only.
    pub other: Dice,
    /// Devices and apps.
    pub devices: Dice,
    /// In which workspace something happened.
    pub workspace: Dice,
    /// Sizes of mailboxes and accounts.
    pub storage: Dice,
    /// Activations.
    pub activation: Dice,
    /// Which rows of a restated day came late.
    pub late: Dice,
}

/// What is worked out once, when it is first asked for.
pub(super) type Kept<K, V> = Mutex<HashMap<K, Arc<V>>>;

/// A lock that outlives a panic of whoever held it: what it guards is never left half-changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The history of a tenant.
#[derive(Debug)]
pub struct History {
    /// Its days.
    pub span: Span,
    /// The tenant's id.
    pub tenant_id: String,
    /// Members first, then guests.
    pub people: Vec<Person>,
    /// How many of [`History::people`] are members.
    pub members: usize,
    /// Groups, teams, sites and communities.
    pub workspaces: Vec<Workspace>,
    /// Seats bought and assigned.
    pub seats: Seats,
    /// The campaigns as they were planned; run only where the options say so.
    pub campaigns: [Campaign; 2],
    pub(super) activity: Activity,
    pub(super) dice: Throws,
    pub(super) mailboxes: Vec<Option<(usize, usize)>>,
    pub(super) projects: Range<usize>,
    pub(super) communities: Range<usize>,
    pub(super) visits: Kept<Product, Visits>,
    pub(super) totals: Kept<Subject, Vec<u64>>,
    pub(super) act_totals: Kept<(Product, bool), Vec<DayTotals>>,
}

impl History {
    /// Lives the days that the options name up to their end, and those before, for all their people.
    pub fn of(options: &Options) -> History {
        let Options { users, days, seed, end, campaigns, wave, .. } = *options;
        let opening = end.plus(-i32::try_from(days).unwrap_or(i32::MAX).clamp(1, 100_000));
        let span = Span { first: opening.plus(-BEFORE), opening, end, wave };
        let dice = Dice::new(seed);
        let planned = planted(end, days);
        let mut people = people(dice, users, span);
        let ran: &[Campaign] = if campaigns { &planned } else { &[] };
        habits::form(dice, &mut people, span, ran, &planned);
        let activity = Activity::throw(dice, &people, span);
        let members = people.iter().filter(|p| !p.guest()).count();
        let workspaces = workspaces(dice, &people[..members], span);
        History {
            tenant_id: dice.subject("tenant").guid(0, 0),
            mailboxes: mailbox_slots(&people, span),
            projects: range(&workspaces, Purpose::Project),
            communities: range(&workspaces, Purpose::Community),
            workspaces,
            seats: Seats::count(&people, span),
            people,
            members,
            span,
            campaigns: planned,
            activity,
            dice: Throws {
                acts: dice.subject("acts"),
                anchor: dice.subject("anchor"),
                other: dice.subject("other"),
                devices: dice.subject("devices"),
                workspace: dice.subject("workspace"),
                storage: dice.subject("storage"),
                activation: dice.subject("activation"),
                late: dice.subject("late"),
            },
            visits: Mutex::default(),
            totals: Mutex::default(),
            act_totals: Mutex::default(),
        }
    }

    /// The slot of a day; the first or last one for days outside.
    pub fn slot(&self, day: Day) -> usize {
        day.since(self.span.first).clamp(0, self.span.end.since(self.span.first)) as usize
    }

    /// The day of a slot.
    pub fn day(&self, slot: usize) -> Day {
        self.span.first.plus(slot as i32)
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.slot(self.span.end) + 1
    }
}
