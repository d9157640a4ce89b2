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
    let (mut taken, mut labels) = (Vec::new(), String::new());
    for (country, value, (latitude, longitude)) in discs {
        let (x, y) = (x(longitude), y(latitude));
        let radius = 5.0 + 21.0 * (value / most).max(0.0).sqrt();
        let says = escape(&format!("{country}, {}: {}", series.name, series.number.text(value)));
        let _ = write!(
            out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{}" opacity="0.7"><title>{says}</title></circle>"#,
            canvas.colour(0)
        );
        let label = format!("{} {}", cut(country, 16), series.number.short(value));
        if let Some((left, top)) = free([x, y, radius], wide(&label), &mut taken) {
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

/// Where a label of a disc can stand without touching another label: under it, over it, at its sides. The largest come
/// first; one that finds no place is left to the disc's title.
fn free([x, y, radius]: [f64; 3], width: f64, taken: &mut Vec<[f64; 4]>) -> Option<(f64, f64)> {
    let beside = radius + 3.0;
    let ways = [
        (x - width / 2.0, y + radius + 11.0),
        (x - width / 2.0, y - radius - 4.0),
        (x + beside, y + 4.0),
        (x - beside - width, y + 4.0),
    ];
    let place = ways.into_iter().find(|(left, base)| {
        let meets = |t: &[f64; 4]| left + width > t[0] && *left < t[2] && base - 10.0 < t[3] && base + 3.0 > t[1];
        *base > 10.0 && !taken.iter().any(meets)
    })?;
    taken.push([place.0, place.1 - 10.0, place.0 + width, place.1 + 3.0]);
    Some(place)
}
