//! The days that an answer speaks of.

use super::history::History;
use super::options::LastActivity;
use crate::day::{Day, Window};

/// The days of a window, seen from a today.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// The last day of the content, which Report Refresh Date shows.
    pub refresh: Day,
    /// The window's first slot.
    pub from: usize,
    /// The window's last slot.
    pub to: usize,
    /// The slot up to which last activity is known.
    pub known: usize,
    /// Days of the window as Report Period says it; none for all of them.
    pub period: Option<u16>,
    /// Whether one day was asked for.
    pub one_day: bool,
}

/// What is asked for: a window, or `period='ALL'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A window as the catalog knows it.
    Window(Window),
    /// Everything that there is.
    All,
}

impl Extent {
    /// The days of `asked`, where data reach up to `refresh`.
    pub fn of(history: &History, asked: Asked, refresh: Day, last: LastActivity) -> Extent {
        let to = history.slot(refresh);
        let back = |n: u16| to.saturating_sub(usize::from(n).saturating_sub(1));
        let whole = Extent { refresh, from: to, to, known: to, period: Some(1), one_day: false };
        match asked {
            Asked::All => Extent { from: 0, period: None, ..whole },
            Asked::Window(Window::Present) => Extent { period: Some(0), ..whole },
            Asked::Window(Window::Period(n)) => Extent { from: back(n), period: Some(n), ..whole },
            Asked::Window(Window::Date(day)) => {
                let slot = history.slot(day);
                let known = if last == LastActivity::Today { to } else { slot };
                Extent { refresh: day, from: slot, to: slot, known, period: Some(1), one_day: true }
            }
        }
    }
}
