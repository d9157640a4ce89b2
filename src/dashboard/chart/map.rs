//! Numbers of countries as discs where the countries are, over a net of meridians: no borders are drawn.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use super::{Canvas, Series, cut, escape, wide};

const COUNTRIES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/powerbi/dashboard/countries.csv"));

/// Latitude and longitude of the middle of each country, by its code and by its name in small letters.
static MIDDLES: LazyLock<BTreeMap<String, (f64, f64)>> = LazyLock::new(|| {
    let mut middles = BTreeMap::new();
    for line in COUNTRIES.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        if let [code, name, latitude, longitude] = cells[..] {
            let middle = (latitude.parse().unwrap_or_default(), longitude.parse().unwrap_or_default());
            middles.insert(code.to_lowercase(), middle);
            middles.insert(name.to_lowercase(), middle);
        }
    }
    middles
});

/// The chart: the categories are countries, the discs are as large as the first series says. What is no country that is
/// known is counted under the map.
pub fn map(canvas: &Canvas<'_>, categories: &[String], series: &Series) -> String {
    let mut out = canvas.open();
    let mut discs: Vec<(&String, f64, (f64, f64))> = Vec::new();
    let mut elsewhere = 0;
    for (country, value) in categories.iter().zip(&series.values) {
        match (MIDDLES.get(&country.to_lowercase()), value) {
            (Some(middle), Some(value)) => discs.push((country, *value, *middle)),
            _ => elsewhere += 1,
        }
    }
    let most = discs.iter().map(|d| d.1).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let extent = |values: Vec<f64>, least: f64| {
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let (low, high) = if low > high { (-60.0, 60.0) } else { (low, high) };
        let spare = ((least - (high - low)) / 2.0).max((high - low) * 0.14).max(4.0);
        (low - spare, high + spare)
    };
    let (west, east) = extent(discs.iter().map(|d| d.2.1).collect(), 60.0);
    let (south, north) = extent(discs.iter().map(|d| d.2.0).collect(), 24.0);
    let x = |longitude: f64| (longitude - west) / (east - west) * canvas.width;
    let y = |latitude: f64| (north - latitude) / (north - south) * canvas.height;
    let mut net = |from: f64, to: f64, line: &dyn Fn(f64) -> String| {
        let step = if to - from > 90.0 { 30.0 } else { 10.0 };
        let mut at = (from / step).ceil() * step;
        while at <= to {
            out += &line(at);
            at += step;
        }
    };
    net(west, east, &|l| {
        format!(r#"<line x1="{0:.1}" x2="{0:.1}" y1="0" y2="{1:.0}" class="grid"/>"#, x(l), canvas.height)
    });
    net(south, north, &|l| {
        format!(r#"<line x1="0" x2="{1:.0}" y1="{0:.1}" y2="{0:.1}" class="grid"/>"#, y(l), canvas.width)
    });
    discs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let radius = |value: f64| 5.0 + 21.0 * (value / most).max(0.0).sqrt();
    let circles: Vec<[f64; 3]> = discs.iter().map(|d| [x(d.2.1), y(d.2.0), radius(d.1)]).collect();
    let (mut taken, mut labels) = (Vec::new(), String::new());
    for ((country, value, _), disc) in discs.into_iter().zip(&circles) {
        let [x, y, radius] = *disc;
        let says = escape(&format!("{country}, {}: {}", series.name, series.number.text(value)));
        let _ = write!(
            out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{}" opacity="0.7"><title>{says}</title></circle>"#,
            canvas.colour(0)
        );
        let label = format!("{} {}", cut(country, 16), series.number.short(value));
        if let Some(place) = free(*disc, wide(&label), &mut taken, &circles, canvas) {
            let Label { left, base: top, .. } = place;
            if place.far {
                let end = if left > x { left - 2.0 } else { left + wide(&label) + 2.0 };
                let _ = write!(
                    labels,
                    r#"<line x1="{x:.1}" y1="{y:.1}" x2="{end:.1}" y2="{:.1}" class="lead"/>"#,
                    top - 4.0
                );
            }
            let _ = write!(labels, r#"<text x="{left:.1}" y="{top:.1}" class="over">{}</text>"#, escape(&label));
        }
    }
    out += &labels;
    if elsewhere > 0 {
        let _ =
            write!(out, r#"<text x="4" y="{:.0}" class="axis">{elsewhere} not on the map</text>"#, canvas.height - 4.0);
    }
    out + "</svg>"
}

/// Where a label stands.
struct Label {
    left: f64,
    base: f64,
    /// Whether it stands away from its disc, at the end of a line.
    far: bool,
}

/// Where a label of a disc can stand without touching a label or another disc: under it, over it, at its sides; else away from
/// it; else where it touches other discs. The largest come first; one that finds no place is left to the disc's title.
fn free(
    [x, y, radius]: [f64; 3],
    width: f64,
    taken: &mut Vec<[f64; 4]>,
    discs: &[[f64; 3]],
    canvas: &Canvas<'_>,
) -> Option<Label> {
    let beside = radius + 3.0;
    let near = [
        (x - width / 2.0, y + radius + 11.0),
        (x - width / 2.0, y - radius - 4.0),
        (x + beside, y + 4.0),
        (x - beside - width, y + 4.0),
    ];
    let away = [30.0, 55.0, 80.0, 110.0].into_iter().flat_map(|d| {
        [0.0, -18.0, 18.0, -36.0, 36.0]
            .into_iter()
            .flat_map(move |up| [(x + beside + d, y + 4.0 + up), (x - beside - d - width, y + 4.0 + up)])
    });
    let box_of = |(left, base): (f64, f64)| [left, base - 10.0, left + width, base + 3.0];
    let meet = |a: &[f64; 4], b: &[f64; 4]| a[2] > b[0] && a[0] < b[2] && a[1] < b[3] && a[3] > b[1];
    let fits = |place: &(f64, f64)| {
        let [left, top, right, bottom] = box_of(*place);
        left >= 0.0 && top >= 0.0 && right <= canvas.width && bottom <= canvas.height
    };
    let off_labels = |place: &(f64, f64)| fits(place) && !taken.iter().any(|t| meet(&box_of(*place), t));
    let off_all = |place: &(f64, f64)| {
        off_labels(place) && !discs.iter().any(|[x, y, r]| meet(&box_of(*place), &[x - r, y - r, x + r, y + r]))
    };
    let found = near.into_iter().find(off_all).map(|p| (p, false));
    let found = found.or_else(|| away.into_iter().find(off_all).map(|p| (p, true)));
    let ((left, base), far) = found.or_else(|| near.into_iter().find(off_labels).map(|p| (p, false)))?;
    taken.push(box_of((left, base)));
    Some(Label { left, base, far })
}
