//! Columns over categories: side by side, stacked, or stacked to a hundred per cent; with lines on a second axis.

use std::fmt::Write;

use super::lines::{axis, category_axis, line, numbers, says};
use super::scale::Scale;
use super::{Canvas, Plot, Series};
use crate::dashboard::number::Number;

/// How the series of a category stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// Side by side.
    Beside,
    /// On each other.
    Stacked,
    /// On each other, as shares of their sum.
    Shares,
}

/// The chart.
pub fn columns(canvas: &Canvas<'_>, plot: &Plot, stack: Stack) -> String {
    let mut out = canvas.open();
    let all: Vec<&str> = plot.series.iter().chain(&plot.second).map(|s| s.name.as_str()).collect();
    // One series has its numbers over the columns, and they take a line.
    let numbered = all.len() == 1 && plot.categories.len() <= 14;
    let top = canvas.legend(&all, &mut out) + if numbered { 14.0 } else { 10.0 };
    let (bottom, left) = (canvas.height - 20.0, 44.0);
    let right = canvas.width - if plot.second.is_empty() { 8.0 } else { 44.0 };
    let sums: Vec<f64> =
        (0..plot.categories.len()).map(|i| plot.series.iter().filter_map(|s| s.values[i]).sum()).collect();
    let scale = match stack {
        Stack::Beside => Scale::of(numbers(&plot.series), bottom, top),
        Stack::Stacked => Scale::of(sums.iter().copied(), bottom, top),
        Stack::Shares => Scale::of([1.0], bottom, top),
    };
    let shares = Series { name: String::new(), values: Vec::new(), number: Number::of("0 %") };
    let of = if stack == Stack::Shares { Some(&shares) } else { plot.series.first() };
    axis(&scale, of, left, right, true, &mut out);
    let slot = (right - left) / plot.categories.len().max(1) as f64;
    category_axis(&plot.categories, left, slot, bottom, &mut out);
    let side = if stack == Stack::Beside { plot.series.len().max(1) } else { 1 };
    let width = (slot * 0.76 / side as f64).min(46.0);
    for (i, category) in plot.categories.iter().enumerate() {
        let start = left + slot * (i as f64 + 0.5) - width * side as f64 / 2.0;
        let mut under = 0.0;
        for (n, series) in plot.series.iter().enumerate() {
            let Some(value) = series.values[i] else { continue };
            let (x, low, high) = match stack {
                Stack::Beside => (start + width * n as f64, 0.0, value),
                Stack::Stacked => (start, under, under + value),
                Stack::Shares if sums[i] > 0.0 => (start, under / sums[i], (under + value) / sums[i]),
                Stack::Shares => continue,
            };
            under += value;
            let (a, b) = (scale.at(low), scale.at(high));
            let _ = write!(
                out,
                r#"<rect x="{x:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{}"><title>{}</title></rect>"#,
                a.min(b),
                (width - 1.0).max(1.0),
                (a - b).abs(),
                canvas.colour(n),
                says(series, category, value)
            );
            if numbered {
                let label = series.number.short(value);
                let _ = write!(
                    out,
                    r#"<text x="{:.1}" y="{:.1}" class="axis middle">{label}</text>"#,
                    x + width / 2.0,
                    a.min(b) - 3.0
                );
            }
        }
    }
    if !plot.second.is_empty() {
        let scale = Scale::of(numbers(&plot.second), bottom, top);
        axis(&scale, plot.second.first(), left, right, false, &mut out);
        for (n, series) in plot.second.iter().enumerate() {
            line(series, &plot.categories, &scale, left, slot, canvas.colour(plot.series.len() + n), &mut out);
        }
    }
    out + "</svg>"
}
