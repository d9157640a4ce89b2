//! Points by two numbers, as large as a third.

use std::fmt::Write;

use super::lines::axis;
use super::scale::Scale;
use super::{Canvas, Series, cut, escape};
use crate::dashboard::number::Number;

/// A point.
#[derive(Debug, Clone)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Its size; none is small.
    pub size: Option<f64>,
}

/// The chart. `names` and `numbers` are of the axes: to the right, upwards.
pub fn scatter(canvas: &Canvas<'_>, points: &[Point], names: [&str; 2], numbers: [Number; 2]) -> String {
    let mut out = canvas.open();
    let (left, right, top, bottom) = (44.0, canvas.width - 20.0, 14.0, canvas.height - 32.0);
    let across = Scale::of(points.iter().map(|p| p.x), left, right);
    let up = Scale::of(points.iter().map(|p| p.y), bottom, top);
    let axis_of = Series { name: String::new(), values: Vec::new(), number: numbers[1] };
    axis(&up, Some(&axis_of), left, right, true, &mut out);
    for tick in across.ticks() {
        let _ = write!(
            out,
            r#"<text x="{:.1}" y="{:.1}" class="axis middle">{}</text>"#,
            across.at(tick),
            bottom + 13.0,
            numbers[0].short(tick)
        );
    }
    let _ = write!(
        out,
        r#"<text x="{:.0}" y="{:.0}" class="axis end">{} →</text><text x="2" y="9" class="axis">↑ {}</text>"#,
        right,
        bottom + 27.0,
        escape(names[0]),
        escape(names[1])
    );
    let most = points.iter().filter_map(|p| p.size).fold(0.0, f64::max);
    for point in points {
        let radius = point.size.filter(|_| most > 0.0).map_or(4.0, |s| 3.0 + 15.0 * (s / most).max(0.0).sqrt());
        let label = format!("{}: {}, {}", point.name, numbers[0].text(point.x), numbers[1].text(point.y));
        let (x, y) = (across.at(point.x), up.at(point.y));
        let _ = write!(
            out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{}" opacity="0.65"><title>{}</title></circle><text x="{:.1}" y="{:.1}" class="axis">{}</text>"#,
            canvas.colour(0),
            escape(&label),
            x + radius + 2.0,
            y + 3.0,
            escape(&cut(&point.name, 16))
        );
    }
    out + "</svg>"
}
