//! What all pages share, as `schemas/powerbi/report.toml` writes it: the canvas, the grid, the rail, the slicers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::Field;
use super::filter::{Filter, Scalar};
use super::format::Format;
use super::page::{Page, Visual};
use crate::error::{Error, Kind, Result};
use crate::powerbi::Audience;

/// What all pages share.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The size of a page in pixels.
    pub canvas: [u32; 2],
    /// The size of a tooltip in pixels.
    pub tooltip: [u32; 2],
    /// Where visuals stand.
    pub grid: Grid,
    /// The name over the page navigator, and what it is for.
    pub rail: Rail,
    /// The headline of a page.
    pub headline: Headline,
    /// Slicers, in the order in which they stand from the left.
    #[serde(rename = "slicer")]
    pub slicers: Vec<Slicer>,
    /// Formatting of all visuals of a type, where the theme cannot say it.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>")]
    pub format: BTreeMap<String, Format>,
}

/// Where visuals stand, in pixels.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The left edge of the first column.
    pub left: u32,
    /// The top edge of the first row.
    pub top: u32,
    /// How many columns.
    pub columns: u32,
    /// How many rows.
    pub rows: u32,
    /// Width and height of a cell.
    pub cell: [u32; 2],
    /// The space between cells.
    pub gap: u32,
}

/// The left edge of every page.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rail {
    /// Its width in pixels.
    pub width: u32,
    /// Where the navigator begins, in pixels from the top.
    pub top: u32,
    /// The name of the report.
    pub title: String,
    /// What the navigator says to somebody who cannot see it.
    pub alt: String,
    /// The colour behind it, of the name on it, of the links, and behind the link of this page.
    pub colours: [String; 4],
}

/// The headline of every page.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Headline {
    /// Its top edge.
    pub top: u32,
    /// Its height.
    pub height: u32,
    /// The colour of the message, and of the note under it.
    pub colours: [String; 2],
}

/// A slicer, the same on every page that has it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slicer {
    /// Its name in page files.
    pub slicer: String,
    /// The field.
    pub field: Field,
    /// Its title.
    pub title: String,
    /// What somebody who cannot see it is told.
    pub alt: String,
    /// Its width in pixels.
    pub width: u32,
    /// The projects that have it.
    pub projects: Vec<Audience>,
    /// The value that it stands on until a reader chooses another; exactly one is then chosen always.
    #[serde(default)]
    pub chosen: Option<String>,
    /// Visuals that show this table's columns side by side are not filtered by it: a trend keeps its months.
    #[serde(default)]
    pub spares: Option<String>,
}

impl Slicer {
    /// Whether it does not filter a visual: a trend keeps all its months.
    pub fn spares(&self, visual: &Visual) -> bool {
        let of = |f: &Field| matches!(f, Field::Column { table, .. } if self.spares.as_ref() == Some(table));
        visual.shown().any(of) || (visual.all_months && self.slicer == MONTH)
    }

    /// The value that it stands on, as a filter.
    pub fn selection(&self) -> Option<Filter> {
        let value = Scalar::Text(self.chosen.clone()?);
        Some(Filter { field: self.field.clone(), values: vec![value], except: Vec::new(), present: false, top: None })
    }
}

/// The slicer of months.
pub const MONTH: &str = "month";

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The left edge.
    pub x: u32,
    /// The top edge.
    pub y: u32,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

impl Settings {
    /// The settings of the binary.
    pub fn load() -> Result<Settings> {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/report.toml"));
        toml::from_str(text).map_err(|e| Error::new(Kind::Model, "the report's settings cannot be read").because(e))
    }

    /// The slicers of a page that the project has, from the left.
    pub fn slicers_of(&self, page: &Page, audience: Audience) -> Vec<&Slicer> {
        let wanted = |s: &&Slicer| page.slicers.contains(&s.slicer) && s.projects.contains(&audience);
        self.slicers.iter().filter(wanted).collect()
    }

    /// What the slicers of a page stand on, as filters of a visual.
    pub fn chosen(&self, page: &Page, visual: &Visual) -> Vec<Filter> {
        let of_page = self.slicers.iter().filter(|s| page.slicers.contains(&s.slicer));
        of_page.filter(|s| !s.spares(visual)).filter_map(Slicer::selection).collect()
    }

    /// Where the grid's cells `at` (column, row, width, height) are.
    pub fn place(&self, at: [u32; 4]) -> Place {
        let g = &self.grid;
        let span = |cells: u32, size: u32| cells * (size + g.gap) - if cells == 0 { 0 } else { g.gap };
        Place {
            x: g.left + at[0] * (g.cell[0] + g.gap),
            y: g.top + at[1] * (g.cell[1] + g.gap),
            width: span(at[2], g.cell[0]),
            height: span(at[3], g.cell[1]),
        }
    }

    /// Where the slicers of a page are, from the left; they end where the grid ends.
    pub fn slicer_places(&self, widths: &[u32]) -> Vec<Place> {
        let h = &self.headline;
        let mut x = self.right();
        let mut places: Vec<Place> = widths
            .iter()
            .rev()
            .map(|width| {
                x = x.saturating_sub(*width);
                let place = Place { x, y: h.top, width: *width, height: h.height };
                x = x.saturating_sub(self.grid.gap);
                place
            })
            .collect();
        places.reverse();
        places
    }

    /// Where the headline of a page is: from the grid's left to the first slicer.
    pub fn headline_place(&self, slicers: &[Place]) -> Place {
        let end = slicers.first().map_or(self.right(), |s| s.x.saturating_sub(self.grid.gap));
        Place {
            x: self.grid.left,
            y: self.headline.top,
            width: end.saturating_sub(self.grid.left),
            height: self.headline.height,
        }
    }

    /// The right edge of the grid.
    fn right(&self) -> u32 {
        let all = self.place([0, 0, self.grid.columns, 1]);
        all.x + all.width
    }
}

impl Place {
    /// Whether two share a pixel.
    pub fn meets(&self, other: &Place) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}
