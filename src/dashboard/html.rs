//! The file around the charts: pages with their rail, headline and slicers, at the places that the report gives them.

use std::fmt::Write;

use serde_json::Value;

use super::ask::{Answer, Asker, month_name};
use super::chart::{cut, escape};
use super::draw::Pen;
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::powerbi::Audience;
use crate::powerbi::report::{MONTH, Page, PageKind, Place, Settings, Visual, theme};

const STYLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/style.css"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/script.js"));

/// The file as it is written.
pub(super) struct Paper<'a> {
    settings: &'a Settings,
    pages: &'a [Page],
    tenant: &'a str,
    month: Day,
    colours: Vec<String>,
    out: String,
}

impl<'a> Paper<'a> {
    pub fn new(settings: &'a Settings, tenant: &'a str, month: Day, pages: &'a [Page]) -> Result<Paper<'a>> {
        let theme: Value = serde_json::from_str(theme())
            .map_err(|e| Error::new(Kind::Model, "the theme cannot be read").because(e))?;
        let of = |value: &Value| value.as_str().map(str::to_string);
        let colours = theme["dataColors"].as_array().into_iter().flatten().filter_map(of).collect();
        let [width, height] = settings.canvas;
        let [behind, name, link, here] = &settings.rail.colours;
        let out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width={width}\"><title>{} – {}</title><style>\n\
             :root {{ --width: {width}px; --height: {height}px; --rail: {}px; --behind: {behind}; --name: {name}; \
             --link: {link}; --here: {here}; }}\n{STYLE}</style></head><body>\n",
            escape(&settings.rail.title),
            escape(tenant),
            settings.rail.width,
        );
        Ok(Paper { settings, pages, tenant, month, colours, out })
    }

    /// Begins a page: rail, headline, slicers.
    pub fn page(&mut self, page: &Page, audience: Audience) {
        let _ = write!(
            self.out,
            "<section class=\"page\" id=\"{}\"><nav aria-label=\"{}\"><b>{}</b><ul>",
            page.page,
            escape(&self.settings.rail.alt),
            escape(&self.settings.rail.title)
        );
        for other in self.pages.iter().filter(|p| p.kind == PageKind::Page) {
            let here = if other.page == page.page { " class=\"here\" aria-current=\"page\"" } else { "" };
            let _ = write!(self.out, "<li><a href=\"#{}\"{here}>{}</a></li>", other.page, escape(&other.title));
        }
        self.out += "</ul></nav>";
        let slicers = self.settings.slicers_of(page, audience);
        let places = self.settings.slicer_places(&slicers.iter().map(|s| s.width).collect::<Vec<_>>());
        let head = self.settings.headline_place(&places);
        let note = if page.note.is_empty() { String::new() } else { format!("<p>{}</p>", escape(&page.note)) };
        let _ = write!(self.out, "<header{}><h2>{}</h2>{note}</header>", at(head), escape(&page.message));
        for (slicer, place) in slicers.iter().zip(places) {
            let value = match (slicer.slicer.as_str(), &slicer.chosen) {
                (MONTH, _) => month_name(self.month),
                (_, Some(chosen)) => chosen.clone(),
                _ => "All".to_string(),
            };
            let _ = write!(
                self.out,
                "<div class=\"slicer\"{}><span>{}</span><div>{}</div></div>",
                at(place),
                escape(&slicer.title),
                escape(&cut(&value, 22))
            );
        }
    }

    /// Puts a visual on the page.
    pub fn visual(&mut self, asker: &Asker<'_>, visual: &Visual, answer: &Answer, place: Place) {
        let size = [f64::from(place.width), f64::from(place.height)];
        let inside = Pen { asker, visual, answer, size, colours: &self.colours }.draw();
        self.figure(visual, place, &inside);
    }

    /// Says that a visual is not here.
    pub fn missing(&mut self, visual: &Visual, place: Place) {
        let title = escape(&visual.title);
        self.figure(visual, place, &format!("<h3>{title}</h3><p class=\"empty\">Shown in Power BI only</p>"));
    }

    fn figure(&mut self, visual: &Visual, place: Place, inside: &str) {
        let _ = writeln!(
            self.out,
            "<figure{} class=\"{}\" aria-label=\"{}\">{inside}</figure>",
            at(place),
            visual.visual_type,
            escape(&visual.alt)
        );
    }

    /// Ends a page.
    pub fn end_page(&mut self) {
        let _ = writeln!(self.out, "<footer>{}</footer></section>", escape(self.tenant));
    }

    /// The whole file.
    pub fn finish(self) -> String {
        format!("{}<script>\n{SCRIPT}</script></body></html>\n", self.out)
    }
}

fn at(place: Place) -> String {
    let Place { x, y, width, height } = place;
    format!(" style=\"left:{x}px;top:{y}px;width:{width}px;height:{height}px\"")
}
