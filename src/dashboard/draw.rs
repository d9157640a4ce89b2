//! A visual's answer as HTML: a chart, a table, or cards. Kinds are Power BI's.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ask::{Answer, Asker, Cell};
use super::chart::{self, Canvas, Plot, Series, Stack, escape};
use crate::powerbi::report::{Field, Shown, Visual};

/// The height of a title in pixels.
const TITLE: f64 = 26.0;
/// The space inside a visual's border.
const PADDING: f64 = 8.0;

/// Draws one visual.
pub struct Pen<'a> {
    /// What knows the formats.
    pub asker: &'a Asker<'a>,
    /// The visual.
    pub visual: &'a Visual,
    /// What was answered.
    pub answer: &'a Answer,
    /// Width and height of the visual in pixels.
    pub size: [f64; 2],
    /// Colours of series.
    pub colours: &'a [String],
}

impl Pen<'_> {
    /// The inside of the visual, title included.
    pub fn draw(&self) -> String {
        let title = match self.visual.title.as_str() {
            "" => String::new(),
            title => format!("<h3>{}</h3>", escape(title)),
        };
        let nothing = || format!("{title}<p class=\"empty\">Nothing to show for this month</p>");
        if self.answer.rows.is_empty() {
            return nothing();
        }
        let body = match self.visual.visual_type.as_str() {
            "cardVisual" => self.cards(),
            "tableEx" => self.table(),
            "pivotTable" => self.matrix(),
            kind => {
                let plot = self.plot();
                if plot.is_empty() {
                    return nothing();
                }
                self.chart(kind, &plot)
            }
        };
        title + &body
    }

    fn canvas(&self) -> Canvas<'_> {
        let title = if self.visual.title.is_empty() { 0.0 } else { TITLE };
        let [width, height] = self.size;
        Canvas { width: width - 2.0 * PADDING, height: height - 2.0 * PADDING - title, colours: self.colours }
    }

    fn chart(&self, kind: &str, plot: &Plot) -> String {
        let canvas = self.canvas();
        match kind {
            "lineChart" => chart::lines(&canvas, plot, false),
            "areaChart" => chart::lines(&canvas, plot, true),
            "columnChart" | "ribbonChart" => chart::columns(&canvas, plot, Stack::Stacked),
            "hundredPercentStackedColumnChart" => chart::columns(&canvas, plot, Stack::Shares),
            "clusteredColumnChart" | "lineClusteredColumnComboChart" => chart::columns(&canvas, plot, Stack::Beside),
            "barChart" => chart::bars(&canvas, plot, true),
            "donutChart" | "pieChart" => chart::donut(&canvas, plot),
            "azureMap" => match plot.series.first() {
                Some(series) => chart::map(&canvas, &plot.categories, series),
                None => String::new(),
            },
            _ => chart::bars(&canvas, plot, false),
        }
    }

    fn role(&self, role: &str) -> &[Shown] {
        self.visual.fields.get(role).map_or(&[], Vec::as_slice)
    }

    fn name<'s>(&self, shown: &'s Shown) -> &'s str {
        shown.name().unwrap_or(shown.field().name())
    }

    fn cell<'r>(&self, row: &'r [Cell], field: &Field) -> &'r Cell {
        self.answer.at(field).and_then(|at| row.get(at)).unwrap_or(&Cell::Null)
    }

    fn text(&self, field: &Field, cell: &Cell) -> String {
        match cell {
            Cell::Null => "–".to_string(),
            Cell::Number(n) => self.asker.number(field).text(*n),
            Cell::Amount(n, unit) => format!("{}\u{a0}{unit}", self.asker.number(field).text(*n)),
            Cell::Text(text) => text.clone(),
        }
    }

    fn label(&self, row: &[Cell], fields: &[Shown]) -> String {
        let cells = fields.iter().map(|s| match self.cell(row, s.field()) {
            Cell::Null => "(none)".to_string(),
            cell => self.text(s.field(), cell),
        });
        cells.collect::<Vec<_>>().join(" · ")
    }

    /// Categories and series: measures are series, or the values of the column in `Series` are.
    fn plot(&self) -> Plot {
        let category = self.role("Category");
        let split = self.role("Series");
        let mut plot = Plot::default();
        for row in &self.answer.rows {
            let label = self.label(row, category);
            if !plot.categories.contains(&label) {
                plot.categories.push(label);
            }
        }
        let measures = if self.role("Y").is_empty() { self.role("Size") } else { self.role("Y") };
        plot.series = match (split.is_empty(), measures.first()) {
            (false, Some(measure)) => self.split(&plot.categories, category, split, measure),
            _ => measures.iter().map(|m| self.series(&plot.categories, category, m)).collect(),
        };
        plot.second = self.role("Y2").iter().map(|m| self.series(&plot.categories, category, m)).collect();
        plot
    }

    fn series(&self, categories: &[String], category: &[Shown], measure: &Shown) -> Series {
        let mut values = vec![None; categories.len()];
        for row in &self.answer.rows {
            let label = self.label(row, category);
            let number = self.cell(row, measure.field()).number();
            if let (Some(at), Some(n)) = (categories.iter().position(|c| *c == label), number) {
                values[at] = Some(n);
            }
        }
        Series { name: self.name(measure).to_string(), values, number: self.asker.number(measure.field()) }
    }

    fn split(&self, categories: &[String], category: &[Shown], split: &[Shown], measure: &Shown) -> Vec<Series> {
        let mut all: Vec<Series> = Vec::new();
        for row in &self.answer.rows {
            let (name, label) = (self.label(row, split), self.label(row, category));
            let at = all.iter().position(|s| s.name == name).unwrap_or_else(|| {
                let number = self.asker.number(measure.field());
                all.push(Series { name, values: vec![None; categories.len()], number });
                all.len() - 1
            });
            let number = self.cell(row, measure.field()).number();
            if let (Some(place), Some(n)) = (categories.iter().position(|c| *c == label), number) {
                all[at].values[place] = Some(n);
            }
        }
        all
    }

    fn cards(&self) -> String {
        let layout = self.visual.format.get("layout");
        let number = |name: &str| layout.and_then(|l| l.get(name)?.as_f64());
        // As Power BI counts: side by side, one under the other, in a grid.
        let columns = match number("orientation") {
            Some(1.0) => 1.0,
            Some(2.0) => number("columnCount").unwrap_or(2.0),
            _ => self.role("Data").len() as f64,
        };
        let mut out = format!("<div class=\"cards\" style=\"--columns: {columns}\">");
        let row = self.answer.rows.first().map_or(&[][..], Vec::as_slice);
        for shown in self.role("Data") {
            let value = self.text(shown.field(), self.cell(row, shown.field()));
            let _ = write!(
                out,
                "<div class=\"card\"><div class=\"value\">{}</div><div class=\"label\">{}</div></div>",
                escape(&value),
                escape(self.name(shown))
            );
        }
        out + "</div>"
    }

    fn table(&self) -> String {
        let values = self.role("Values");
        let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
        for shown in values {
            let _ = write!(out, "<th{}>{}</th>", self.side(shown.field()), escape(self.name(shown)));
        }
        out += "</tr></thead><tbody>";
        for row in self.answer.rows.iter().take(self.room()) {
            out += "<tr>";
            for shown in values {
                let text = self.text(shown.field(), self.cell(row, shown.field()));
                let side = if self.asker.is_number(shown.field()) { " class=\"n\"" } else { whole(&text) };
                let _ = write!(out, "<td{side}>{}</td>", escape(&text));
            }
            out += "</tr>";
        }
        out + "</tbody></table></div>"
    }

    /// Rows by columns; without a column, measures side by side.
    fn matrix(&self) -> String {
        let (rows, columns, values) = (self.role("Rows"), self.role("Columns"), self.role("Values"));
        let mut heads: Vec<String> = Vec::new();
        let mut body: Vec<(String, BTreeMap<usize, String>)> = Vec::new();
        for row in &self.answer.rows {
            let label = self.label(row, rows);
            let at = body.iter().position(|(l, _)| *l == label).unwrap_or_else(|| {
                body.push((label, BTreeMap::new()));
                body.len() - 1
            });
            for shown in values {
                let head = match (columns.is_empty(), values.len()) {
                    (true, _) => self.name(shown).to_string(),
                    (false, 1) => self.label(row, columns),
                    (false, _) => format!("{} · {}", self.label(row, columns), self.name(shown)),
                };
                let place = heads.iter().position(|h| *h == head).unwrap_or_else(|| {
                    heads.push(head);
                    heads.len() - 1
                });
                body[at].1.insert(place, self.text(shown.field(), self.cell(row, shown.field())));
            }
        }
        let mut places: Vec<usize> = (0..heads.len()).collect();
        if let [only] = columns {
            places.sort_by_key(|p| self.order_of(only.field(), &heads[*p]));
        }
        let corner = rows.iter().map(|s| self.name(s)).collect::<Vec<_>>().join(" · ");
        let mut out = format!("<div class=\"scroll\"><table><thead><tr><th>{}</th>", escape(&corner));
        for p in &places {
            let _ = write!(out, "<th class=\"n\">{}</th>", escape(&heads[*p]));
        }
        out += "</tr></thead><tbody>";
        for (label, cells) in body.iter().take(self.room()) {
            let _ = write!(out, "<tr><td{}>{}</td>", whole(label), escape(label));
            for p in &places {
                let _ = write!(out, "<td class=\"n\">{}</td>", escape(cells.get(p).map_or("", String::as_str)));
            }
            out += "</tr>";
        }
        out + "</tbody></table></div>"
    }

    /// Where a label of a column comes in the answer's own order of that column.
    fn order_of(&self, field: &Field, label: &str) -> (i64, usize) {
        let number = label.parse().unwrap_or(0);
        let rows = self.answer.rows.iter();
        let mut labels: Vec<String> = rows.map(|r| self.text(field, self.cell(r, field))).collect();
        labels.dedup();
        (number, labels.iter().position(|l| l == label).unwrap_or(usize::MAX))
    }

    /// How many rows of a table are written: what fits, and some to scroll to.
    fn room(&self) -> usize {
        ((self.size[1] / 22.0) as usize).max(8) * 4
    }

    /// Numbers stand at the right.
    fn side(&self, field: &Field) -> &'static str {
        if self.asker.is_number(field) { " class=\"n\"" } else { "" }
    }
}

/// Days and months are not broken into lines, nor is what is as short.
fn whole(text: &str) -> &'static str {
    if text.chars().count() <= 10 { " class=\"w\"" } else { "" }
}
