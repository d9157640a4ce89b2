//! Visuals as `visual.json`: those of a page file, and what stands on every page: rail, headline, slicers.

use serde_json::{Map, Value, json};

use super::field::Fields;
use super::filter;
use super::format::{flag, number, objects, property, text};
use super::page::{Page, Visual};
use super::settings::{Place, Settings, Slicer};
use crate::error::Result;

const SCHEMA: &str =
    "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/visualContainer/2.9.0/schema.json";

/// A visual of a page: its name there, and its JSON.
pub(super) struct Drawn {
    /// The name.
    pub name: String,
    /// `visual.json`.
    pub json: Value,
}

/// Makes the visuals of one page, in the order in which the keyboard goes through them.
pub(super) struct Painter<'a> {
    pub fields: &'a Fields,
    pub settings: &'a Settings,
    pub page: &'a Page,
    pub drawn: Vec<Drawn>,
}

impl Painter<'_> {
    /// The rail at the left: a name, and a link to every page.
    pub fn rail(&mut self) {
        let rail = &self.settings.rail;
        let [behind, name, link, here] = &rail.colours;
        let height = self.settings.canvas[1];
        let state = |id: &str, properties: Value| json!({"properties": properties, "selector": {"id": id}});
        let colour = |c: &String| property(&json!(c));
        let band = |colour: &String| {
            json!([{"properties": {
                "show": flag(true), "color": property(&json!(colour)), "transparency": number(0),
            }}])
        };
        let plain = json!([{"properties": {"show": flag(false)}}]);
        let top = Place { x: 0, y: 0, width: rail.width, height: rail.top };
        let title = paragraphs(&[(rail.title.as_str(), "14pt", name, true)]);
        self.put(
            "rail-title",
            top,
            json!({
                "visualType": "textbox",
                "objects": {"general": [{"properties": {"paragraphs": title}}]},
                "visualContainerObjects": {
                    "background": band(behind),
                    "border": plain,
                    "dropShadow": plain,
                    "general": [{"properties": {"altText": text(&rail.title)}}],
                },
            }),
        );
        let below = Place { x: 0, y: rail.top, width: rail.width, height: height.saturating_sub(rail.top) };
        self.put(
            "rail",
            below,
            json!({
                "visualType": "pageNavigator",
                "objects": {
                    "layout": [{"properties": {"orientation": number(1), "cellPadding": property(&json!(1))}}],
                    "pages": [{"properties": {"showHiddenPages": flag(false), "showTooltipPages": flag(false)}}],
                    "shape": [{"properties": {"tileShape": text("rectangle")}}],
                    "outline": [state("default", json!({"show": flag(false)}))],
                    "fill": [
                        state("default", json!({"show": flag(true), "fillColor": colour(behind), "transparency": number(0)})),
                        state("hover", json!({"show": flag(true), "fillColor": colour(here), "transparency": number(0)})),
                        state("selected", json!({"show": flag(true), "fillColor": colour(here), "transparency": number(0)})),
                    ],
                    "text": [
                        state("default", json!({
                            "show": flag(true), "fontColor": colour(link), "fontSize": number(9),
                            "horizontalAlignment": text("left"), "leftMargin": property(&json!(12)),
                        })),
                        state("hover", json!({"fontColor": colour(name)})),
                        state("selected", json!({"fontColor": colour(name), "bold": flag(true)})),
                    ],
                },
                "visualContainerObjects": {
                    "background": band(behind),
                    "border": plain,
                    "dropShadow": plain,
                    "title": plain,
                    "general": [{"properties": {"altText": text(&rail.alt)}}],
                },
            }),
        );
    }

    /// The headline: what the reader sees on the page.
    pub fn headline(&mut self, place: Place) {
        let [message, note] = &self.settings.headline.colours;
        let mut lines = vec![(self.page.message.as_str(), "16pt", message, true)];
        if !self.page.note.is_empty() {
            lines.push((self.page.note.as_str(), "9pt", note, false));
        }
        let plain = json!([{"properties": {"show": flag(false)}}]);
        self.put(
            "headline",
            place,
            json!({
                "visualType": "textbox",
                "objects": {"general": [{"properties": {"paragraphs": paragraphs(&lines)}}]},
                "visualContainerObjects": {
                    "background": plain,
                    "border": plain,
                    "dropShadow": plain,
                    "general": [{"properties": {"altText": text(&self.page.message)}}],
                },
            }),
        );
    }

    /// A slicer, in step with the same one on other pages.
    pub fn slicer(&mut self, slicer: &Slicer, place: Place) -> Result<()> {
        let projection = self.fields.projection(&slicer.field, None)?;
        let mut visual = json!({
            "visualType": "slicer",
            "query": {"queryState": {"Values": {"projections": [active(projection)]}}},
            "objects": {
                "data": [{"properties": {"mode": text("Dropdown")}}],
                "header": [{"properties": {"show": flag(true), "text": text(&slicer.title)}}],
            },
            "visualContainerObjects": {"general": [{"properties": {"altText": text(&slicer.alt)}}]},
            "syncGroup": {"groupName": slicer.slicer, "fieldChanges": true, "filterChanges": true},
            "drillFilterOtherVisuals": true,
        });
        if let Some(selection) = slicer.selection() {
            let filter = json!({"filter": selection.definition(self.fields)?});
            visual["objects"]["general"] = json!([{"properties": {"filter": filter}}]);
            visual["objects"]["selection"] =
                json!([{"properties": {"singleSelect": flag(true), "strictSingleSelect": flag(true)}}]);
        }
        self.put(&format!("slicer-{}", slicer.slicer), place, visual);
        Ok(())
    }

    /// A visual of the page file.
    pub fn visual(&mut self, visual: &Visual, place: Place) -> Result<()> {
        let json = self.json(visual).map_err(|e| e.with("visual", &visual.id))?;
        let filters = filter::config(self.fields, &format!("{}-{}", self.page.page, visual.id), &visual.filters)?;
        self.put(&visual.id, place, json);
        if let (false, Some(last)) = (filters.is_empty(), self.drawn.last_mut()) {
            last.json["filterConfig"] = json!({"filters": filters});
        }
        Ok(())
    }

    fn json(&self, visual: &Visual) -> Result<Value> {
        let mut query = json!({"queryState": self.roles(visual)?});
        if let Some(sort) = &visual.sort {
            let direction = if sort.descending { "Descending" } else { "Ascending" };
            let field = self.fields.expression(&sort.by)?;
            query["sortDefinition"] =
                json!({"sort": [{"field": field, "direction": direction}], "isDefaultSort": false});
        }
        let mut format = self.settings.format.get(&visual.visual_type).cloned().unwrap_or_default();
        for (object, properties) in &visual.format {
            format.entry(object.clone()).or_default().extend(properties.clone());
        }
        let mut json = json!({"visualType": visual.visual_type, "query": query});
        if !format.is_empty() {
            json["objects"] = Value::Object(objects(&format));
        }
        json["visualContainerObjects"] = Value::Object(self.frame(visual)?);
        json["drillFilterOtherVisuals"] = json!(true);
        Ok(json)
    }

    fn roles(&self, visual: &Visual) -> Result<Map<String, Value>> {
        let mut roles = Map::new();
        for (role, shown) in &visual.fields {
            let mut projections = Vec::new();
            for s in shown {
                projections.push(active(self.fields.projection(s.field(), s.name())?));
            }
            roles.insert(role.clone(), json!({"projections": projections}));
        }
        Ok(roles)
    }

    /// Title, alternative text and tooltip.
    fn frame(&self, visual: &Visual) -> Result<Map<String, Value>> {
        let mut frame = Map::new();
        let title = match visual.title.as_str() {
            "" => json!({"show": flag(false)}),
            title => json!({"show": flag(true), "text": text(title)}),
        };
        frame.insert("title".into(), json!([{"properties": title}]));
        frame.insert("general".into(), json!([{"properties": {"altText": text(&visual.alt)}}]));
        if let Some(page) = &visual.tooltip {
            let tooltip = json!({"show": flag(true), "type": text("Canvas"), "section": text(page)});
            frame.insert("visualTooltip".into(), json!([{"properties": tooltip}]));
        }
        Ok(frame)
    }

    fn put(&mut self, name: &str, place: Place, visual: Value) {
        let order = (self.drawn.len() + 1) * 1000;
        let json = json!({
            "$schema": SCHEMA,
            "name": name,
            "position": {
                "x": place.x, "y": place.y, "z": order, "height": place.height, "width": place.width, "tabOrder": order,
            },
            "visual": visual,
        });
        self.drawn.push(Drawn { name: name.to_string(), json });
    }
}

/// A column on an axis is the one that is shown until the reader drills down.
fn active(mut projection: Value) -> Value {
    if projection["field"].get("Column").is_some() {
        projection["active"] = json!(true);
    }
    projection
}

/// Lines of a text box: text, size, colour, whether it is bold.
fn paragraphs(lines: &[(&str, &str, &String, bool)]) -> Value {
    let line = |(value, size, colour, bold): &(&str, &str, &String, bool)| {
        let weight = if *bold { "bold" } else { "normal" };
        let style = json!({"fontFamily": "Segoe UI", "fontSize": size, "fontWeight": weight, "color": colour});
        json!({"textRuns": [{"value": value, "textStyle": style}]})
    };
    Value::Array(lines.iter().map(line).collect())
}
