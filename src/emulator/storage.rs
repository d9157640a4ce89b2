//! What people keep: mailboxes, OneDrive accounts, activated apps. All are functions of person and day.

use super::history::History;
use super::person::{Computer, Phone};
use super::product::Product;
use super::skus::{self, Activation};
use crate::day::Day;

const GIB: u64 = 1 << 30;

/// A mailbox on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox {
    /// The first day of the mailbox.
    pub created: Day,
    /// Items.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
    /// Bytes from which a warning is sent.
    pub warn_at: u64,
    /// Bytes from which nothing can be sent.
    pub stop_sending_at: u64,
    /// Bytes from which nothing can be sent or received.
    pub stop_at: u64,
    /// Deleted items.
    pub deleted_items: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Their quota in bytes.
    pub deleted_quota: u64,
    /// Whether there is an archive.
    pub archive: bool,
}

/// How full a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fullness {
    /// Below all limits.
    Under,
    /// A warning is due.
    Warned,
    /// Nothing can be sent.
    CannotSend,
    /// Nothing can be sent or received.
    Stopped,
}

impl Mailbox {
    /// How full it is.
    pub fn fullness(&self) -> Fullness {
        match self.bytes {
            b if b >= self.stop_at => Fullness::Stopped,
            b if b >= self.stop_sending_at => Fullness::CannotSend,
            b if b >= self.warn_at => Fullness::Warned,
            _ => Fullness::Under,
        }
    }
}

/// A OneDrive account on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// Quota in bytes.
    pub allocated: u64,
}

/// Activations of a desktop product by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activated {
    /// The last time.
    pub last: Day,
    /// Devices.
    pub windows: u64,
    /// Devices.
    pub mac: u64,
    /// Devices.
    pub ios: u64,
    /// Devices.
    pub android: u64,
    /// Whether one of them is a shared computer.
    pub shared: bool,
}

impl History {
    /// The day as of which a person's possessions are to be read: the last one before they left.
    fn as_of(&self, person: usize, day: Day) -> Day {
        self.people[person].left.map_or(day, |l| day.min(l.plus(-1)))
    }

    /// The mailbox of a person, where they have one, or had one when they left.
    pub fn mailbox(&self, person: usize, day: Day) -> Option<Mailbox> {
        let p = &self.people[person];
        let day = self.as_of(person, day);
        let created = p.enabled_since(Product::Exchange, day)?;
        let quota = GIB * p.licences(day).map(|a| skus::sku(a.sku).mailbox_gib).max().filter(|q| *q > 0)?;
        let (d, n) = (self.dice.storage, person as u64);
        let age = day.since(created).clamp(0, 1_800) as f32;
        let items = 60 + (age * 11.0 * p.energy) as u64;
        let bytes = items * (38_000 + u64::from(d.below(n, 1, 60_000)));
        // One of forty fills up: from 95 of a hundred to just above the limit over the history.
        let full = d.chance(n, 2, 0.025);
        let lived = day.since(self.span.first) as f32 / self.slots() as f32;
        let share = 0.95 + 0.055 * lived * (0.4 + 0.6 * d.unit(n, 3));
        let bytes = if full { (quota as f64 * f64::from(share)) as u64 } else { bytes.min(quota / 100 * 95) };
        let deleted_items = 4 + u64::from(d.below(n, day.epoch() as u64 | 1 << 40, 90));
        Some(Mailbox {
            created,
            items,
            bytes,
            warn_at: quota / 100 * 98,
            stop_sending_at: quota / 100 * 99,
            stop_at: quota,
            deleted_items,
            deleted_bytes: deleted_items * 21_000,
            deleted_quota: 30 * GIB,
            archive: d.chance(n, 4, 0.12),
        })
    }

    /// The OneDrive account of a person, where they have one, or had one when they left.
    pub fn account(&self, person: usize, day: Day) -> Option<Account> {
        let p = &self.people[person];
        let day = self.as_of(person, day);
        let since = p.enabled_since(Product::OneDrive, day)?;
        let quota = GIB * p.licences(day).map(|a| skus::sku(a.sku).drive_gib).max().filter(|q| *q > 0)?;
        let (d, n) = (self.dice.storage, person as u64);
        let idle = 2 + u64::from(d.below(n, 5, 9));
        let used = p.habit(Product::OneDrive).and_then(|h| h.from).filter(|from| *from <= day);
        let files = match used {
            Some(from) => {
                idle + (day.since(from.max(since)).clamp(0, 1_800) as f32 * (0.3 + 1.7 * d.unit(n, 6))) as u64
            }
            None => idle,
        };
        let bytes = (files * (250_000 + u64::from(d.below(n, 7, 3_000_000)))).min(quota);
        Some(Account { files, bytes, allocated: quota })
    }

    /// The id of the site that a person's OneDrive account is.
    pub fn account_site(&self, person: usize) -> String {
        self.dice.storage.guid(person as u64, 9)
    }

    /// The activations of a person, where they have activated the product by `day`.
    pub fn activated(&self, person: usize, product: Activation, day: Day) -> Option<Activated> {
        let p = &self.people[person];
        let since = p.may_activate(product, day)?;
        let (d, n) = (self.dice.activation, person as u64 * 8 + product as u64);
        let first = since.plus(d.below(n, 1, 25) as i32);
        if !d.chance(n, 2, 0.87) || first > day {
            return None;
        }
        // Computers are replaced, and apps activated anew, every so often.
        let again = 130 + d.below(n, 3, 200) as i32;
        let with = p.equipment;
        let second = u64::from(d.chance(n, 4, 0.2));
        let mobile = product == Activation::Office && d.chance(n, 5, 0.6);
        Some(Activated {
            last: first.plus(day.since(first) / again * again),
            windows: if with.computer == Computer::Mac { 0 } else { 1 + second },
            mac: if with.computer == Computer::Mac { 1 + second } else { 0 },
            ios: u64::from(mobile && with.phone == Phone::Ios),
            android: u64::from(mobile && with.phone == Phone::Android),
            shared: with.shared,
        })
    }
}
