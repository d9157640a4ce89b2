//! How many rows each answer has, without a server: for whoever judges counts over many nights.

use super::extent::{Asked, Extent};
use super::facts::View;
use super::history::History;
use super::options::Options;
use super::page::Page;
use super::table::Sheet;
use crate::catalog::Report;
use crate::day::{Day, Window};

/// The answers of an emulated tenant, counted.
pub struct Census {
    history: History,
    options: Options,
}

impl Census {
    /// Of the tenant that an emulator with these options has.
    pub fn new(options: Options) -> Census {
        Census { history: History::of(&options), options }
    }

    /// Rows of a report's answer on `today`, and the last day that it speaks of. Fails where the catalog says nothing of the
    /// report's rows.
    pub fn rows(&self, report: &Report, window: Window, today: Day) -> Result<(u64, Day), String> {
        let sheet = Sheet::of(report)?;
        let refresh = today.plus(-i32::try_from(self.options.lag_days).unwrap_or(0));
        let extent = Extent::of(&self.history, Asked::Window(window), refresh, self.options.last_activity);
        let view = View { history: &self.history, late: Vec::new() };
        let page = Page::new(view, extent, self.options.date_lists, sheet.shape.rows);
        Ok((page.list(sheet.shape.rows).len() as u64, extent.refresh))
    }
}
