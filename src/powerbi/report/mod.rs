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
mod others;
mod settings;
mod visual;

use serde_json::{Value, json};

pub use field::{Field, Fields};
pub use filter::{Filter, Scalar, Top};
pub use others::keep_others;
pub use page::{Instead, Page, PageKind, Shown, Sort, Visual, Words};
pub use settings::{MONTH, Place, Settings, Slicer};

use super::definitions::Audience;
use super::model::Model;
use super::project::{File, Project};
use crate::error::{Error, Kind, Result};
use visual::Painter;

const SCHEMAS: &str = "https://developer.microsoft.com/json-schemas/fabric/item/report";
/// The report's theme. Its name is the file's.
const THEME: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/theme.json"));
/// Where the order of pages stands.
const PAGES: &str = "definition/pages/pages.json";
/// The name of the theme, and of its file.
const THEME_NAME: &str = "usagelake.json";

/// The theme's file.
pub fn theme() -> &'static str {
    THEME
}

/// All files of the report.
pub(super) fn files(project: &Project, model: &Model) -> Result<Vec<File>> {
    let fields = Fields::of(model);
    let report = Report { audience: project.audience, fields: &fields };
    let settings = Settings::load()?;
    let pages = Page::of(project.audience)?;
    let root = format!("{}.Report", project.name);
    let file = |path: &str, text: String| File { path: format!("{root}/{path}"), text };
    let mut files = vec![
        file(".platform", project.platform("Report")),
        file("definition.pbir", text(&binding(&project.name))),
        file("definition/version.json", text(&version())),
        file("definition/report.json", text(&report_json())),
        file(PAGES, text(&order(&pages)?)),
        file(&format!("StaticResources/RegisteredResources/{THEME_NAME}"), THEME.to_string()),
    ];
    for page in &pages {
        let (json, visuals) = report.page(page, &settings).map_err(|e| e.with("page", &page.page))?;
        let folder = format!("definition/pages/{}", page.page);
        files.push(file(&format!("{folder}/page.json"), text(&json)));
        for visual in visuals {
            files.push(file(&format!("{folder}/visuals/{}/visual.json", visual.name), text(&visual.json)));
        }
    }
    Ok(files)
}

/// The model's part of the report, and what is the same on all its pages.
struct Report<'a> {
    audience: Audience,
    fields: &'a Fields,
}

impl Report<'_> {
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

/// The visuals that a slicer does not filter.
fn spared(slicer: &Slicer, page: &Page) -> Vec<Value> {
    let all = page.visuals.iter().filter(|v| slicer.spares(v));
    all.map(|v| json!({"source": format!("slicer-{}", slicer.slicer), "target": v.id, "type": "NoFilter"})).collect()
}

fn binding(name: &str) -> Value {
    json!({
        "$schema": format!("{SCHEMAS}/definitionProperties/2.0.0/schema.json"),
        "version": "4.0",
        "datasetReference": {"byPath": {"path": format!("../{name}.SemanticModel")}},
    })
}

/// The order of our pages.
fn order(pages: &[Page]) -> Result<Value> {
    let first = pages.first().ok_or_else(|| Error::new(Kind::Model, "the report has no page"))?;
    Ok(json!({
        "$schema": format!("{SCHEMAS}/definition/pagesMetadata/1.1.0/schema.json"),
        "pageOrder": pages.iter().map(|p| p.page.as_str()).collect::<Vec<_>>(),
        "activePageName": first.page,
    }))
}

fn version() -> Value {
    json!({"$schema": format!("{SCHEMAS}/definition/versionMetadata/1.0.0/schema.json"), "version": "2.0.0"})
}

fn report_json() -> Value {
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

#[cfg(test)]
mod tests;
