//! Lines over categories in their order.

use std::fmt::Write;

use super::scale::Scale;
use super::{Canvas, Plot, Series, cut, escape, fitting, wide};

/// The chart. `filled` shades what is under the lines.
pub fn lines(canvas: &Canvas<'_>, plot: &Plot, filled: bool) -> String {
    let mut out = canvas.open();
    let all: Vec<&Series> = plot.series.iter().chain(&plot.second).collect();
    let top = canvas.legend(&all.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), &mut out) + 10.0;
    let (bottom, left) = (canvas.height - 20.0, 44.0);
    let right = canvas.width - if plot.second.is_empty() { 12.0 } else { 44.0 };
    let scale = Scale::of(numbers(&plot.series), bottom, top);
    axis(&scale, plot.series.first(), left, right, true, &mut out);
    let slot = (right - left) / plot.categories.len().max(1) as f64;
    category_axis(&plot.categories, left, slot, bottom, &mut out);
    for (n, series) in plot.series.iter().enumerate() {
        let colour = canvas.colour(n);
        if filled {
            area(series, &scale, left, slot, bottom, colour, &mut out);
        }
        line(series, &plot.categories, &scale, left, slot, colour, &mut out);
    }
    if !plot.second.is_empty() {
        let scale = Scale::of(numbers(&plot.second), bottom, top);
        axis(&scale, plot.second.first(), left, right, false, &mut out);
        for (n, series) in plot.second.iter().enumerate() {
            let colour = canvas.colour(plot.series.len() + n);
            line(series, &plot.categories, &scale, left, slot, colour, &mut out);
        }
    }
    out + "</svg>"
}

pub(super) fn numbers(series: &[Series]) -> impl Iterator<Item = f64> {
    series.iter().flat_map(|s| s.values.iter().flatten().copied())
}

/// A line with a dot at each value; it is broken where a value is missing.
pub(super) fn line(
    series: &Series,
    categories: &[String],
    scale: &Scale,
    left: f64,
    slot: f64,
    colour: &str,
    out: &mut String,
) {
    let x = |i: usize| left + slot * (i as f64 + 0.5);
    let (mut path, mut pen) = (String::new(), "M");
    for (i, value) in series.values.iter().enumerate() {
        match value {
            Some(v) => {
                let _ = write!(path, "{pen}{:.1} {:.1}", x(i), scale.at(*v));
                pen = "L";
            }
            None => pen = "M",
        }
    }
    let _ = write!(out, r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>"#);
    for (i, v) in series.values.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?))) {
        let _ = write!(
            out,
            r#"<circle cx="{:.1}" cy="{:.1}" r="2.6" fill="{colour}"><title>{}</title></circle>"#,
            x(i),
            scale.at(v),
            says(series, &categories[i], v)
        );
    }
}

fn area(series: &Series, scale: &Scale, left: f64, slot: f64, bottom: f64, colour: &str, out: &mut String) {
    let points: Vec<(f64, f64)> = series
        .values
        .iter()
        .enumerate()
        .filter_map(|(i, v)| Some((left + slot * (i as f64 + 0.5), scale.at((*v)?))))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let path: String = points.iter().map(|(x, y)| format!("L{x:.1} {y:.1}")).collect();
    let _ = write!(
        out,
        r#"<path d="M{:.1} {bottom:.1}{path}L{:.1} {bottom:.1}Z" fill="{colour}" opacity="0.14"/>"#,
        first.0, last.0
    );
}

pub(super) fn says(series: &Series, category: &str, value: f64) -> String {
    escape(&format!("{category}, {}: {}", series.name, series.number.text(value)))
}

/// An axis of values: at the left with lines across, or at the right.
pub(super) fn axis(scale: &Scale, of: Option<&Series>, left: f64, right: f64, first: bool, out: &mut String) {
    let Some(series) = of else { return };
    for tick in scale.ticks() {
        let y = scale.at(tick);
        let label = series.number.short(tick);
        if first {
            let _ = write!(
                out,
                r#"<line x1="{left:.0}" x2="{right:.0}" y1="{y:.1}" y2="{y:.1}" class="grid"/><text x="{:.0}" y="{:.1}" class="axis end">{label}</text>"#,
                left - 5.0,
                y + 3.5
            );
        } else {
            let _ = write!(out, r#"<text x="{:.0}" y="{:.1}" class="axis">{label}</text>"#, right + 4.0, y + 3.5);
        }
    }
}

/// Names of categories under the plot; some are left out where there is no room for all.
pub(super) fn category_axis(categories: &[String], left: f64, slot: f64, bottom: f64, out: &mut String) {
    let widest = categories.iter().map(|c| wide(&cut(c, 16))).fold(0.0, f64::max) + 8.0;
    let every = if categories.len() < 13 && widest > slot && widest < 2.0 * slot {
        2
    } else {
        (widest / slot.max(1.0)).ceil().max(1.0) as usize
    };
    // Where every second name would be missing of a few, names are cut instead.
    let shown = |name: &str| if categories.len() <= 8 { fitting(name, slot + 4.0) } else { cut(name, 16) };
    let every = if categories.len() <= 8 { 1 } else { every };
    for (i, name) in categories.iter().enumerate().step_by(every) {
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" class="axis middle">{}</text>"#,
            left + slot * (i as f64 + 0.5),
            bottom + 14.0,
            escape(&shown(name))
        );
    }
}
