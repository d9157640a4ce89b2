//! The report as one HTML file: the pages of the Power BI project, drawn from the same page files over the marts.
//!
//! It promises: the file needs nothing but itself; what a visual cannot show here is said in its place, never left out;
//! the same lake gives the same bytes. Slicers stand still: it shows one month, and trends to it.

mod ask;
mod chart;
mod draw;
mod html;
mod meaning;
mod number;
mod terms;

use std::collections::BTreeMap;

pub use ask::{Answer, Asker, Cell, month_name};
pub use meaning::{Format, formats, labels};
pub use terms::{Labels, Terms};

use crate::day::Day;
use crate::engine::{Session, refusal};
use crate::error::{Error, Kind, Result};
use crate::marts::Models;
use crate::powerbi::Audience;
use crate::powerbi::report::{Page, PageKind, Settings};

/// A dashboard that is to be drawn.
pub struct Dashboard<'a> {
    /// The tenant, as it is named in the lake.
    pub tenant: &'a str,
    /// The tables and marts of the tenant.
    pub session: &'a Session,
    /// The contracts.
    pub models: &'a Models,
    /// What fields are in SQL.
    pub terms: &'a Terms,
    /// The formats of measures.
    pub formats: &'a BTreeMap<String, Format>,
    /// Which project's pages.
    pub audience: Audience,
}

/// A drawn dashboard.
pub struct Drawn {
    /// The file.
    pub html: String,
    /// The month that it shows.
    pub month: Day,
    /// How many pages it has.
    pub pages: usize,
    /// How many visuals.
    pub visuals: usize,
    /// What could not be drawn: page, visual, why.
    pub problems: Vec<(String, String, Error)>,
}

impl Dashboard<'_> {
    /// The file. `month` is the month to show; without, the latest complete one.
    pub async fn draw(&self, month: Option<Day>) -> Result<Drawn> {
        let month = match month {
            Some(month) => month,
            None => self.month().await?,
        };
        let settings = Settings::load()?;
        let pages: Vec<Page> = Page::of(self.audience)?.into_iter().filter(|p| p.kind != PageKind::Tooltip).collect();
        let asker =
            Asker { session: self.session, models: self.models, terms: self.terms, month, formats: self.formats };
        let mut drawn = Drawn { html: String::new(), month, pages: pages.len(), visuals: 0, problems: Vec::new() };
        let mut paper = html::Paper::new(&settings, self.tenant, month, &pages)?;
        for page in &pages {
            paper.page(page, self.audience);
            for visual in &page.visuals {
                let place = settings.place(visual.at);
                drawn.visuals += 1;
                match asker.ask(page, visual, &settings.chosen(page, visual)).await {
                    Ok(answer) => paper.visual(&asker, visual, &answer, place),
                    Err(e) => {
                        paper.missing(visual, place);
                        drawn.problems.push((page.page.clone(), visual.id.clone(), e));
                    }
                }
            }
            paper.end_page();
        }
        drawn.html = paper.finish();
        Ok(drawn)
    }

    /// The latest complete month; the latest there is where none is complete.
    async fn month(&self) -> Result<Day> {
        let sql = "SELECT CAST(coalesce(max(month) FILTER (WHERE is_complete), max(month)) AS text) \
                   FROM tenant_product_usage WHERE product = 'microsoft365'";
        let tables = self.session.tables();
        let wrong = |e| refusal(Kind::Model, e, &tables);
        let batches = self.session.sql(sql).await.map_err(wrong)?.collect().await.map_err(wrong)?;
        let month = batches.iter().filter(|b| b.num_rows() > 0).find_map(|b| {
            let text = arrow::util::display::array_value_to_string(b.column(0), 0).ok()?;
            text.parse().ok()
        });
        month.ok_or_else(|| {
            Error::new(Kind::Usage, "the lake has no marts yet")
                .with("tenant", self.tenant)
                .hint("build them with `usagelake marts`")
        })
    }
}

#[cfg(test)]
mod tests;
