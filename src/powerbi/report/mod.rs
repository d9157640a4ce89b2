//! The report of a Power BI project (PBIR), made from `schemas/powerbi/pages/`.
//!
//! It promises: every field of every visual is one that the semantic model has; names of pages and visuals are those of
//! the page files, so that they are the same from one writing to the next; the same definitions give the same bytes.
//! Pages that somebody else made are kept in the order of pages.

mod field;
mod filter;
mod format;
pub mod guide;
mod page;
mod settings;
mod visual;

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub use field::{Field, Fields};
pub use filter::{Filter, Scalar, Top};
pub use page::{Audience, Page, PageKind, Shown, Sort, Visual};
pub use settings::{Place, Settings, Slicer};

use crate::error::{Error, Kind, Result};
use visual::Painter;

const SCHEMAS: &str = "https://developer.microsoft.com/json-schemas/fabric/item/report";
/// The report's theme. Its name is the file's.
const THEME: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/theme.json"));
/// The name of the theme, and of its file.
const THEME_NAME: &str = "usagelake.json";

/// The theme's file.
pub fn theme() -> &'static str {
    THEME
}

/// A report that is to be written.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The name of the project: the report's folder is `<name>.Report`.
    pub name: &'a str,
    /// Which of the two.
    pub audience: Audience,
    /// What the semantic model has.
    pub fields: &'a Fields,
    /// The id by which Fabric knows the report.
    pub logical_id: &'a str,
    /// Pages in the folder that are not ours, in their order.
    pub others: &'a [String],
}

impl Report<'_> {
    /// Its files: path inside the report's folder, and text.
    pub fn files(&self) -> Result<Vec<(String, String)>> {
        let settings = Settings::load()?;
        let pages = Page::of(self.audience)?;
        let mut files = vec![
            (".platform".to_string(), text(&self.platform())),
            ("definition.pbir".to_string(), text(&self.pbir())),
            ("definition/version.json".to_string(), text(&version())),
            ("definition/report.json".to_string(), text(&report())),
            ("definition/pages/pages.json".to_string(), text(&self.pages(&pages)?)),
            (format!("StaticResources/RegisteredResources/{THEME_NAME}"), THEME.to_string()),
        ];
        for page in &pages {
            let (json, visuals) = self.page(page, &settings).map_err(|e| e.with("page", &page.page))?;
            let folder = format!("definition/pages/{}", page.page);
            files.push((format!("{folder}/page.json"), text(&json)));
            let visuals = visuals.iter().map(|v| (format!("{folder}/visuals/{}/visual.json", v.name), text(&v.json)));
            files.extend(visuals);
        }
        Ok(files)
    }

    fn platform(&self) -> Value {
        json!({
            "$schema": "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json",
            "metadata": {"type": "Report", "displayName": self.name},
            "config": {"version": "2.0", "logicalId": self.logical_id},
        })
    }

    fn pbir(&self) -> Value {
        json!({
            "$schema": format!("{SCHEMAS}/definitionProperties/2.0.0/schema.json"),
            "version": "4.0",
            "datasetReference": {"byPath": {"path": format!("../{}.SemanticModel", self.name)}},
        })
    }

    /// Our pages in our order, then those of others.
    fn pages(&self, pages: &[Page]) -> Result<Value> {
        let ours: Vec<&str> = pages.iter().map(|p| p.page.as_str()).collect();
        let known: BTreeSet<&str> = ours.iter().copied().collect();
        let first = ours.first().ok_or_else(|| Error::new(Kind::Model, "the report has no page"))?;
        let others = self.others.iter().map(String::as_str).filter(|p| !known.contains(p));
        let order: Vec<&str> = ours.iter().copied().chain(others).collect();
        Ok(json!({
            "$schema": format!("{SCHEMAS}/definition/pagesMetadata/1.1.0/schema.json"),
            "pageOrder": order,
            "activePageName": first,
        }))
    }

    fn page(&self, page: &Page, settings: &Settings) -> Result<(Value, Vec<visual::Drawn>)> {
        let mut painter = Painter { fields: self.fields, settings, page, drawn: Vec::new() };
        let mut interactions = Vec::new();
        if page.kind != PageKind::Tooltip {
            if let Some(name) = page.slicers.iter().find(|n| !settings.slicers.iter().any(|s| s.slicer == **n)) {
                return Err(Error::new(Kind::Model, format!("there is no slicer `{name}`")));
            }
            let slicers = settings.slicers_of(page, self.audience);
            let places = settings.slicer_places(&slicers.iter().map(|s| s.width).collect::<Vec<_>>());
            painter.rail();
            painter.headline(settings.headline_place(&places));
            for (slicer, place) in slicers.iter().zip(places) {
                painter.slicer(slicer, place)?;
                interactions.extend(spared(slicer, page));
            }
        }
        for visual in &page.visuals {
            painter.visual(visual, page.place(visual, settings))?;
        }
        Ok((self.page_json(page, settings, interactions)?, painter.drawn))
    }

    fn page_json(&self, page: &Page, settings: &Settings, interactions: Vec<Value>) -> Result<Value> {
        let [width, height] = if page.kind == PageKind::Tooltip { settings.tooltip } else { settings.canvas };
        let mut json = json!({
            "$schema": format!("{SCHEMAS}/definition/page/2.1.0/schema.json"),
            "name": page.page,
            "displayName": page.title,
            "displayOption": if page.kind == PageKind::Tooltip { "ActualSize" } else { "FitToPage" },
            "height": height,
            "width": width,
        });
        let mut filters = filter::config(self.fields, &page.page, &page.filters)?;
        let (mut parameters, kind) = (Vec::new(), page.kind.json());
        for (n, field) in page.drill_through.iter().enumerate() {
            let (name, field) = (format!("{}-drill-{}", page.page, n + 1), self.fields.expression(field)?);
            filters.push(json!({"name": name, "field": field, "type": "Categorical", "howCreated": "Drillthrough"}));
            parameters.push(json!({"name": format!("{name}-parameter"), "boundFilter": name, "fieldExpr": field}));
        }
        if !filters.is_empty() {
            json["filterConfig"] = json!({"filters": filters});
        }
        if let Some(kind) = kind {
            json["pageBinding"] =
                json!({"name": format!("{}-binding", page.page), "type": kind, "parameters": parameters});
            json["type"] = json!(kind);
            json["visibility"] = json!("HiddenInViewMode");
        }
        if !interactions.is_empty() {
            json["visualInteractions"] = json!(interactions);
        }
        Ok(json)
    }
}

impl Page {
    /// Where a visual of the page is.
    pub fn place(&self, visual: &Visual, settings: &Settings) -> Place {
        if self.kind != PageKind::Tooltip {
            return settings.place(visual.at);
        }
        // A tooltip has a grid of four by four over the whole of it.
        let [width, height] = settings.tooltip;
        let [x, y, w, h] = visual.at;
        let (cell, row) = (width / TOOLTIP_CELLS, height / TOOLTIP_CELLS);
        Place { x: x * cell, y: y * row, width: w * cell, height: h * row }
    }
}

/// Columns and rows of a tooltip.
pub const TOOLTIP_CELLS: u32 = 4;

impl PageKind {
    /// Power BI's word for it; an ordinary page has none.
    fn json(self) -> Option<&'static str> {
        match self {
            PageKind::Page => None,
            PageKind::DrillThrough => Some("Drillthrough"),
            PageKind::Tooltip => Some("Tooltip"),
        }
    }
}

/// The visuals that a slicer does not filter: a trend keeps all its months.
fn spared(slicer: &Slicer, page: &Page) -> Vec<Value> {
    let Some(table) = &slicer.spares else { return Vec::new() };
    let of_table = |f: &Field| matches!(f, Field::Column { table: t, .. } if t == table);
    let trends = page.visuals.iter().filter(|v| v.all_months || v.shown().any(of_table));
    trends
        .map(|v| json!({"source": format!("slicer-{}", slicer.slicer), "target": v.id, "type": "NoFilter"}))
        .collect()
}

fn version() -> Value {
    json!({"$schema": format!("{SCHEMAS}/definition/versionMetadata/1.0.0/schema.json"), "version": "2.0.0"})
}

fn report() -> Value {
    let at_import = json!({"visual": "2.9.0", "report": "3.3.0", "page": "2.1.0"});
    json!({
        "$schema": format!("{SCHEMAS}/definition/report/3.3.0/schema.json"),
        "themeCollection": {
            "customTheme": {"name": THEME_NAME, "reportVersionAtImport": at_import, "type": "RegisteredResources"},
        },
        "resourcePackages": [
            {"name": "RegisteredResources", "type": "RegisteredResources", "items": [
                {"name": THEME_NAME, "path": THEME_NAME, "type": "CustomTheme"},
            ]},
        ],
        "settings": {
            "useStylableVisualContainerHeader": true,
            "exportDataMode": "AllowSummarized",
            "defaultDrillFilterOtherVisuals": true,
            "allowChangeFilterTypes": true,
            "useEnhancedTooltips": true,
            "useDefaultAggregateDisplayName": true,
        },
    })
}

/// The JSON as a file: two spaces, a line feed at the end.
fn text(json: &Value) -> String {
    let mut text = serde_json::to_string_pretty(json).unwrap_or_default();
    text.push('\n');
    text
}
