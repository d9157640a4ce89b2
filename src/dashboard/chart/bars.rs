//! Bars from the left, one row a category.

use std::fmt::Write;

use super::lines::{numbers, says};
use super::scale::Scale;
use super::{Canvas, Plot, cut, escape, fitting, wide};

/// The least height of a row in pixels.
const LEAST: f64 = 17.0;

/// The chart: as many categories, from the first, as there is room for.
pub fn bars(canvas: &Canvas<'_>, plot: &Plot, stacked: bool) -> String {
    let mut out = canvas.open();
    let top = canvas.legend(&plot.series.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), &mut out) + 2.0;
    let side = if stacked { 1 } else { plot.series.len().max(1) };
    let room = (((canvas.height - top) / (LEAST * side as f64).max(LEAST)).floor() as usize).max(1);
    let shown = plot.categories.len().min(room);
    let slot = ((canvas.height - top - 2.0) / shown.max(1) as f64).min(46.0);
    let left = plot.categories[..shown].iter().map(|c| wide(&cut(c, 40))).fold(30.0, f64::max) + 8.0;
    let left = left.min(canvas.width * 0.5);
    let sum = |i: usize| plot.series.iter().filter_map(|s| s.values[i]).sum::<f64>();
    let right = canvas.width - 52.0;
    let scale = if stacked {
        Scale::of((0..shown).map(sum), left, right)
    } else {
        Scale::of(numbers(&plot.series), left, right)
    };
    let zero = scale.at(0.0);
    let height = (slot * 0.74 / side as f64).min(22.0);
    for (i, category) in plot.categories[..shown].iter().enumerate() {
        let middle = top + slot * (i as f64 + 0.5);
        let name = fitting(category, left - 8.0);
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" class="axis end">{}</text>"#,
            left - 6.0,
            middle + 3.5,
            escape(&name)
        );
        let mut under = 0.0;
        for (n, series) in plot.series.iter().enumerate() {
            let Some(value) = series.values[i] else { continue };
            let (row, low) = if stacked { (0, under) } else { (n, 0.0) };
            under += value;
            let (a, b) = (scale.at(low), scale.at(low + value));
            let y = middle - height * side as f64 / 2.0 + height * row as f64;
            let _ = write!(
                out,
                r#"<rect x="{:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" fill="{}"><title>{}</title></rect>"#,
                a.min(b),
                (b - a).abs().max(0.5),
                (height - 1.0).max(1.0),
                canvas.colour(n),
                says(series, category, value)
            );
            if !stacked {
                let _ = write!(
                    out,
                    r#"<text x="{:.1}" y="{:.1}" class="axis">{}</text>"#,
                    a.max(b) + 4.0,
                    y + height / 2.0 + 3.0,
                    series.number.short(value)
                );
            }
        }
    }
    let _ =
        write!(out, r#"<line x1="{zero:.1}" x2="{zero:.1}" y1="{top:.1}" y2="{:.1}" class="grid"/>"#, canvas.height);
    out + "</svg>"
}
