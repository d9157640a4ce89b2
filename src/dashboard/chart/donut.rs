//! Shares of a whole.

use std::f64::consts::TAU;
use std::fmt::Write;

use super::{Canvas, Plot, escape, fitting, wide};

/// The chart: the first series, a slice for each category, and their names beside it.
pub fn donut(canvas: &Canvas<'_>, plot: &Plot) -> String {
    let mut out = canvas.open();
    let Some(series) = plot.series.first() else { return out + "</svg>" };
    let parts: Vec<(&String, f64)> = plot
        .categories
        .iter()
        .zip(&series.values)
        .filter_map(|(c, v)| Some((c, (*v)?)))
        .filter(|(_, v)| *v > 0.0)
        .collect();
    let sum: f64 = parts.iter().map(|(_, v)| v).sum();
    let radius = (canvas.height / 2.0 - 6.0).min(canvas.width / 4.0);
    let (cx, cy, width) = (radius + 8.0, canvas.height / 2.0, radius * 0.38);
    let mut turned = -TAU / 4.0;
    for (n, (category, value)) in parts.iter().enumerate() {
        let share = value / sum;
        // A whole circle is no arc: its ends meet.
        let end = turned + TAU * share.min(0.99999);
        let r = radius - width / 2.0;
        let point = |angle: f64| (cx + r * angle.cos(), cy + r * angle.sin());
        let ((x0, y0), (x1, y1)) = (point(turned), point(end));
        let large = i32::from(share > 0.5);
        let label = escape(&format!("{category}: {} ({:.0}%)", series.number.text(*value), share * 100.0));
        let _ = write!(
            out,
            r#"<path d="M{x0:.2} {y0:.2}A{r:.2} {r:.2} 0 {large} 1 {x1:.2} {y1:.2}" fill="none" stroke="{}" stroke-width="{width:.1}"><title>{label}</title></path>"#,
            canvas.colour(n)
        );
        turned += TAU * share;
        let (x, y) = (2.0 * radius + 28.0, 16.0 + 18.0 * n as f64);
        if y < canvas.height {
            let number = series.number.short(*value);
            let room = canvas.width - x - 22.0 - wide(&number);
            let text = format!("{} {number}", fitting(category, room));
            let _ = write!(
                out,
                r#"<rect x="{x:.0}" y="{:.0}" width="9" height="9" rx="2" fill="{}"/><text x="{:.0}" y="{y:.0}" class="axis">{}</text>"#,
                y - 8.0,
                canvas.colour(n),
                x + 13.0,
                escape(&text)
            );
        }
    }
    out + "</svg>"
}
