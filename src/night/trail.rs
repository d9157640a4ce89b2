//! What a run did when, for traces. It is kept while the run lasts, and is no part of the record that is written: the
//! ledger has what came of each window.

use std::time::SystemTime;

use super::record::ReportRecord;
use crate::day::Window;
use crate::graph::Sent;

/// The most windows of a report, and requests of a window or list, that are kept: a directory may have 100,000 pages.
const MOST: usize = 1_000;

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
}

impl Stretch {
    /// From then until now.
    pub fn since(began: SystemTime) -> Stretch {
        Stretch { began, ended: SystemTime::now() }
    }
}

/// A part of a run beside its reports: `marts`, `manifest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// When it was.
    pub time: Stretch,
}

/// A window that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The window.
    pub window: Window,
    /// From the wait for its turn to the ledger's line.
    pub time: Stretch,
    /// What came of it, in the words of [`ReportRecord::windows`]; none where Graph does not serve the report.
    pub outcome: Option<&'static str>,
    /// Rows that landed.
    pub rows: u64,
    /// Its requests.
    pub requests: Vec<Sent>,
}

/// What became of a report, or of a list of the directory, on the line of time.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// From its first request to its ledger. None before it has ended.
    pub time: Option<Stretch>,
    /// Its windows.
    pub windows: Vec<Asked>,
    /// Windows and requests beyond the most that are kept.
    pub left_out: u64,
    /// Requests of the window that is under way.
    requests: Vec<Sent>,
}

impl Trail {
    /// Keeps requests of the window that is under way.
    pub fn sent(&mut self, sent: Vec<Sent>) {
        self.left_out += keep(&mut self.requests, sent);
    }

    /// Ends the trail.
    pub fn end(&mut self, began: SystemTime) {
        self.time = Some(Stretch::since(began));
    }
}

impl ReportRecord {
    /// Notes that a window has ended. What it was before says what came of it.
    pub(super) fn asked_for(&mut self, window: Window, began: SystemTime, before: &Counts) {
        let after = self.windows();
        let outcome = after.iter().zip(before.windows).find(|(a, b)| a.1 > b.1).map(|(a, _)| a.0);
        let (rows, time) = (self.rows - before.rows, Stretch::since(began));
        let requests = std::mem::take(&mut self.trail.requests);
        let asked = Asked { window, time, outcome, rows, requests };
        self.trail.left_out += keep(&mut self.trail.windows, vec![asked]);
    }

    /// What is counted so far.
    pub(super) fn counts(&self) -> Counts {
        Counts { windows: self.windows(), rows: self.rows }
    }
}

/// What a record has counted before a window.
pub(super) struct Counts {
    windows: [(&'static str, u64); 6],
    rows: u64,
}

/// Keeps what there is room for, and says how much there was none for.
fn keep<T>(kept: &mut Vec<T>, more: Vec<T>) -> u64 {
    let room = MOST.saturating_sub(kept.len());
    let beyond = more.len().saturating_sub(room);
    kept.extend(more.into_iter().take(room));
    beyond as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_as_what_was_counted_says() {
        let mut record = ReportRecord::new("getNothing");
        let (now, window) = (SystemTime::now(), Window::Period(7));
        let before = record.counts();
        (record.landed, record.rows) = (1, 12);
        record.asked_for(window, now, &before);
        let before = record.counts();
        record.held += 1;
        record.asked_for(window, now, &before);
        record.asked_for(window, now, &record.counts());
        let said: Vec<_> = record.trail.windows.iter().map(|w| (w.outcome, w.rows)).collect();
        assert_eq!(said, [(Some("landed"), 12), (Some("held"), 0), (None, 0)]);
    }

    #[test]
    fn a_list_without_end_is_kept_in_part() {
        let mut kept = vec![0; MOST - 1];
        assert_eq!((keep(&mut kept, vec![1, 2, 3]), kept.len()), (2, MOST));
        assert_eq!((keep(&mut kept, vec![4]), kept.len()), (1, MOST));
    }
}
