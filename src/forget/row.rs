//! What becomes of a row: the one rule, for CSV, JSON and Parquet.
//!
//! A row goes where it is about somebody who is forgotten. Where the directory's id of its person is in it, that decides, since
//! an address may be somebody else's by now; else an address, a OneDrive or a concealed name does; a display name only where
//! the row has nothing else. Whatever else names somebody who is forgotten is emptied.

use super::list::Forgotten;
use super::mark::{Kind, Name, marks, may_have_marks};
use crate::catalog::Who;
use crate::day::Day;

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// These of its cells are emptied, by the order in which they were shown.
    Empty(Vec<usize>),
}

/// A row while it is looked at.
pub(super) struct Row<'l> {
    list: &'l Forgotten,
    /// The days of which it speaks.
    days: Option<(Day, Day)>,
    /// Whether the people whom it mentions are each somebody else.
    apart: bool,
    cells: usize,
    /// Whether the row has an id of its person, that is nobody's who is forgotten.
    other_id: bool,
    id: bool,
    by_name: Option<usize>,
    /// The addresses among those names.
    addresses: Vec<String>,
    /// Whether something in it says whose it is, beside display names; the same of those whom it mentions.
    said: bool,
    others_said: bool,
    display: bool,
    /// Cells of people whom it mentions; those among them that are a display name of somebody who is forgotten.
    others: Vec<usize>,
    other_display: bool,
    other: bool,
    empty: Vec<usize>,
}

impl<'l> Row<'l> {
    /// A row that speaks of a day, where that is known.
    pub fn new(list: &'l Forgotten, day: Option<Day>) -> Row<'l> {
        Row {
            list,
            days: day.map(|day| (day, day)),
            apart: false,
            cells: 0,
            other_id: false,
            id: false,
            by_name: None,
            addresses: Vec::new(),
            said: false,
            others_said: false,
            display: false,
            others: Vec::new(),
            other_display: false,
            other: false,
            empty: Vec::new(),
        }
    }

    /// A row of a model, that speaks of a month. Whom it mentions, one above the other, is each somebody else.
    pub fn of_month(list: &'l Forgotten, days: (Day, Day)) -> Row<'l> {
        Row { days: Some(days), apart: true, ..Row::new(list, None) }
    }

    /// Says the day, where a cell of the row does.
    pub fn on(&mut self, day: Day) {
        self.days = Some((day, day));
    }

    /// Shows the next cell.
    pub fn cell(&mut self, who: Option<Who>, text: &str) {
        let at = self.cells;
        self.cells += 1;
        if text.is_empty() {
            return;
        }
        let (mut any, mut guid, mut forgotten) = (false, false, None);
        if may_have_marks(text.as_bytes()) {
            marks(text, |kind, mark| {
                any = true;
                guid |= kind == Kind::Id;
                if forgotten.is_none() {
                    // An id is never given to somebody else.
                    let days = if kind == Kind::Id { None } else { self.days };
                    forgotten = self.list.whose_in(kind, mark, days);
                    if forgotten.is_some() && kind == Kind::Address && who == Some(Who::Subject) {
                        self.addresses.push(mark.to_string());
                    }
                }
            });
        }
        let whole = |kind: Kind| self.list.whose(kind, &Name::new(kind, text).text, None);
        let display = || whole(Kind::Name).is_some();
        // An id of the retired app need not be a GUID, and models have concealed names in small letters.
        let thing = || whole(Kind::Thing).or_else(|| whole(Kind::Concealed));
        match who {
            Some(Who::Id) => {
                let forgotten = if any { forgotten } else { thing() };
                self.id |= forgotten.is_some();
                self.other_id |= guid && forgotten.is_none();
                self.said |= any;
            }
            Some(Who::Subject) => {
                let forgotten = if any { forgotten } else { thing() };
                self.display |= !any && display();
                self.by_name = self.by_name.or(forgotten);
                self.said |= any;
            }
            Some(Who::Other) if self.apart => {
                let named = forgotten.is_some() || (!any && display());
                self.empty.extend(named.then_some(at));
            }
            Some(Who::Other) => {
                self.others.push(at);
                self.other |= forgotten.is_some();
                self.others_said |= any;
                self.other_display |= !any && display();
            }
            None if forgotten.is_some() => self.empty.push(at),
            None => {}
        }
    }

    /// Addresses of somebody who is forgotten in a row that is about somebody else: they were given away.
    pub fn given_away(&self) -> Vec<String> {
        let theirs = self.by_name.is_some_and(|person| self.list.has_id(person));
        if self.other_id && !self.id && theirs { self.addresses.clone() } else { Vec::new() }
    }

    /// What becomes of it. With `loose` nobody knows whom its cells name, and one that names somebody takes the row with it.
    pub fn verdict(mut self, loose: bool) -> Verdict {
        let theirs = self.by_name.is_some_and(|person| !(self.other_id && self.list.has_id(person)));
        let by_display = self.display && !self.said;
        if self.id || theirs || by_display || (loose && !self.empty.is_empty()) {
            return Verdict::Drop;
        }
        if self.by_name.is_some() {
            // The address is in the row of somebody else, whose it is by now.
            return self.emptied();
        }
        if self.other || (self.other_display && !self.others_said) {
            self.empty.append(&mut self.others);
        }
        self.emptied()
    }

    fn emptied(mut self) -> Verdict {
        self.empty.sort_unstable();
        if self.empty.is_empty() { Verdict::Keep } else { Verdict::Empty(self.empty) }
    }
}
