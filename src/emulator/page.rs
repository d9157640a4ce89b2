//! The rows of an answer: which entities a report lists, and what is worked out once for many cells.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use super::acts::Act;
use super::devices::Family;
use super::extent::Extent;
use super::facts::{Fact, Sums, View};
use super::options::DateLists;
use super::product::Product;
use super::skus::Activation;
use super::storage::{Fullness, Mailbox};
use super::uses::{Use, Uses, uses};
use super::words::{Kind, Rows};

/// How many apps call SharePoint in the tenant.
pub const API_APPS: usize = 4;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// A person, with their mailbox or account.
    Person(usize),
    /// A person and what they may activate.
    Activation(usize, Activation),
    /// Something that can be activated.
    Product(Activation),
    /// A workspace.
    Place(usize),
    /// A day, by slot.
    Day(usize),
    /// The window.
    Window,
    /// The calls of a day: of an app, or of all of them.
    Api(usize, Option<usize>),
}

/// An answer in the making.
pub struct Page<'a> {
    /// The history as this report sees it.
    pub view: View<'a>,
    /// The days.
    pub extent: Extent,
    /// Whom `date=` lists.
    pub lists: DateLists,
    /// Whether people without a licence are left out of totals.
    pub licensed: bool,
    uses: OnceCell<Uses>,
    enabled: RefCell<HashMap<(Option<Product>, usize), u64>>,
}

/// A row in the making.
pub struct Line {
    /// What it is about.
    pub entity: Entity,
    uses: OnceCell<Uses>,
    mailboxes: OnceCell<Mailboxes>,
    accounts: OnceCell<Accounts>,
    sums: OnceCell<(Product, Sums)>,
    used: OnceCell<(Family, u32)>,
}

/// All mailboxes of a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mailboxes {
    /// How many there are.
    pub total: u64,
    /// How many were used.
    pub active: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How many are under all limits, warned, cannot send, are stopped.
    pub fullness: [u64; 4],
}

/// All OneDrive accounts of a day.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accounts {
    /// How many there are.
    pub total: u64,
    /// How many were used.
    pub active: u64,
    /// Files in them.
    pub files: u64,
    /// Files viewed, edited or synced.
    pub active_files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Line {
    /// A row about `entity`.
    pub fn new(entity: Entity) -> Line {
        Line {
            entity,
            uses: OnceCell::new(),
            mailboxes: OnceCell::new(),
            accounts: OnceCell::new(),
            sums: OnceCell::new(),
            used: OnceCell::new(),
        }
    }
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(view: View<'a>, extent: Extent, lists: DateLists, rows: Rows) -> Page<'a> {
        let licensed = matches!(rows, Rows::Days { licensed: true } | Rows::Window { licensed: true });
        Page { view, extent, lists, licensed, uses: OnceCell::new(), enabled: RefCell::default() }
    }

    /// Whether only those are listed who were active on the day asked for.
    fn active_only(&self) -> bool {
        self.extent.one_day && self.lists == DateLists::Active
    }

    /// What the report lists, in the order in which it does.
    pub fn list(&self, rows: Rows) -> Vec<Entity> {
        let h = self.view.history;
        let (day, e) = (self.extent.refresh, self.extent);
        let listed = |p: &usize| h.people[*p].listed(day);
        match rows {
            Rows::People(product) => {
                let fact = product.map_or(Fact::UsedAny, Fact::Used);
                let belongs = |p: &usize| match product {
                    // Teams lists all people of the tenant, licensed or not, and so does the suite.
                    None | Some(Product::Teams) => true,
                    Some(product) => {
                        let person = &h.people[*p];
                        let as_of = person.left.map_or(day, |l| day.min(l.plus(-1)));
                        person.enabled(product, as_of)
                    }
                };
                let active = |p: &usize| !self.active_only() || self.view.held(*p, fact, e.from, e.to);
                (0..h.members).filter(listed).filter(belongs).filter(active).map(Entity::Person).collect()
            }
            Rows::Mailboxes => {
                (0..h.members).filter(listed).filter(|p| h.mailbox(*p, day).is_some()).map(Entity::Person).collect()
            }
            Rows::Accounts => {
                let used = Fact::Used(Product::OneDrive);
                let active = |p: &usize| !self.active_only() || self.view.held(*p, used, e.from, e.to);
                let there = |p: &usize| h.account(*p, day).is_some();
                (0..h.members).filter(listed).filter(active).filter(there).map(Entity::Person).collect()
            }
            Rows::Activations => {
                let of = |p: usize| Activation::ALL.into_iter().map(move |a| (p, a));
                let may = |(p, a): &(usize, Activation)| {
                    h.people[*p].present(day) && h.people[*p].may_activate(*a, day).is_some()
                };
                (0..h.members).flat_map(of).filter(may).map(|(p, a)| Entity::Activation(p, a)).collect()
            }
            Rows::ActivationProducts => Activation::ALL.into_iter().map(Entity::Product).collect(),
            Rows::Workspaces(kind) => {
                let active = |at: &usize| !self.active_only() || self.places(kind).places[*at].active();
                let listed = |at: &usize| self.place_listed(kind, *at);
                (0..h.workspaces.len()).filter(listed).filter(active).map(Entity::Place).collect()
            }
            Rows::Days { .. } => (e.from..=e.to).rev().map(Entity::Day).collect(),
            Rows::Window { .. } => vec![Entity::Window],
            Rows::Api => {
                let rows = |slot| std::iter::once(None).chain((0..API_APPS).map(Some)).map(move |a| (slot, a));
                (e.from..=e.to).rev().flat_map(rows).map(|(slot, app)| Entity::Api(slot, app)).collect()
            }
            Rows::Nobody => Vec::new(),
        }
    }

    /// Whether a workspace is of a kind.
    pub fn is(&self, kind: Kind, at: usize) -> bool {
        use super::workspaces::Purpose;
        let w = &self.view.history.workspaces[at];
        match kind {
            Kind::Site => true,
            Kind::Group => w.group(),
            Kind::Team => w.team,
            Kind::Community => w.purpose == Purpose::Community,
        }
    }

    /// Whether a detail shows a workspace: deleted ones for thirty days, deleted teams not at all.
    fn place_listed(&self, kind: Kind, at: usize) -> bool {
        let w = &self.view.history.workspaces[at];
        let day = self.extent.refresh;
        let shown = if kind == Kind::Team { 0 } else { super::person::DELETED_SHOWN };
        self.is(kind, at) && w.created <= day && w.deleted.is_none_or(|d| day.since(d) < shown)
    }

    /// What happened in workspaces in the window.
    pub fn places(&self, kind: Kind) -> &Uses {
        let e = self.extent;
        self.uses.get_or_init(|| uses(&self.view, kind, e.from, e.to, true))
    }

    /// What happened in workspaces on the day of a row, or in the window.
    pub fn uses<'l>(&'l self, line: &'l Line, kind: Kind) -> &'l Uses {
        match line.entity {
            Entity::Day(slot) => line.uses.get_or_init(|| uses(&self.view, kind, slot, slot, false)),
            _ => self.places(kind),
        }
    }

    /// What happened in one workspace in the window.
    pub fn place_use(&self, kind: Kind, at: usize) -> &Use {
        &self.places(kind).places[at]
    }

    /// The slot that a row's state is read at: its day, or the window's last.
    pub fn state_slot(&self, line: &Line) -> usize {
        match line.entity {
            Entity::Day(slot) => slot,
            _ => self.extent.to,
        }
    }

    /// How many people are enabled for a product, or for anything in the suite.
    pub fn enabled(&self, product: Option<Product>, slot: usize) -> u64 {
        *self.enabled.borrow_mut().entry((product, slot)).or_insert_with(|| {
            (0..self.view.history.members).filter(|p| self.is_enabled(*p, product, slot)).count() as u64
        })
    }

    /// Whether a person is there and enabled on a day.
    pub fn is_enabled(&self, person: usize, product: Option<Product>, slot: usize) -> bool {
        let h = self.view.history;
        let (p, day) = (&h.people[person], h.day(slot));
        p.present(day)
            && match product {
                Some(product) => p.enabled(product, day),
                None => Product::ALL.into_iter().any(|s| s.in_suite() && p.enabled(s, day)),
            }
    }

    /// How often the person of a row did something in the window. The first product asked for is kept.
    pub fn sum(&self, line: &Line, person: usize, act: Act) -> u64 {
        let (from, to) = (self.extent.from, self.extent.to);
        let (product, sums) =
            line.sums.get_or_init(|| (act.product(), self.view.sums(person, act.product(), from, to)));
        if act == Act::Receive || *product != act.product() {
            return self.view.sum(person, act, from, to);
        }
        sums[act as usize]
    }

    /// Whether a fact held of the person of a row in the window. The first family asked for is kept.
    pub fn held(&self, line: &Line, person: usize, fact: Fact) -> bool {
        let (from, to) = (self.extent.from, self.extent.to);
        let Fact::With(family, mask) = fact else { return self.view.held(person, fact, from, to) };
        let (kept, used) = line.used.get_or_init(|| (family, self.view.used(person, family, from, to)));
        if *kept == family { used & mask != 0 } else { self.view.held(person, fact, from, to) }
    }

    /// All mailboxes on the day of a row.
    pub fn mailboxes(&self, line: &Line) -> Mailboxes {
        let slot = self.state_slot(line);
        *line.mailboxes.get_or_init(|| {
            let mut all = Mailboxes::default();
            for (p, mailbox) in self.present_mailboxes(slot) {
                all.total += 1;
                all.active += u64::from(self.view.holds(p, slot, Fact::Used(Product::Exchange)));
                all.bytes += mailbox.bytes;
                all.fullness[match mailbox.fullness() {
                    Fullness::Under => 0,
                    Fullness::Warned => 1,
                    Fullness::CannotSend => 2,
                    Fullness::Stopped => 3,
                }] += 1;
            }
            all
        })
    }

    fn present_mailboxes(&self, slot: usize) -> impl Iterator<Item = (usize, Mailbox)> {
        let h = self.view.history;
        let day = h.day(slot);
        (0..h.members).filter(move |p| h.people[*p].present(day)).filter_map(move |p| Some((p, h.mailbox(p, day)?)))
    }

    /// All OneDrive accounts on the day of a row.
    pub fn accounts(&self, line: &Line) -> Accounts {
        let h = self.view.history;
        let slot = self.state_slot(line);
        *line.accounts.get_or_init(|| {
            let day = h.day(slot);
            let mut all = Accounts::default();
            for p in (0..h.members).filter(|p| h.people[*p].present(day)) {
                let Some(account) = h.account(p, day) else { continue };
                all.total += 1;
                all.active += u64::from(self.view.holds(p, slot, Fact::Used(Product::OneDrive)));
                all.files += account.files;
                all.active_files += self.active_files(p, slot, slot);
                all.bytes += account.bytes;
            }
            all
        })
    }

    /// Files of a person's account that were viewed, edited or synced.
    pub fn active_files(&self, person: usize, from: usize, to: usize) -> u64 {
        let sums = self.view.sums(person, Product::OneDrive, from, to);
        sums[Act::DriveViewed as usize] + sums[Act::DriveSynced as usize]
    }
}
