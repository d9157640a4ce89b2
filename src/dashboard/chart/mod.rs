//! Charts as SVG, by what is to be shown: no data is looked up here, no page is known.
//!
//! Every chart is drawn into a box of the width and height that it is given, and names its values in `<title>` elements.

mod bars;
mod columns;
mod donut;
mod lines;
mod map;
mod scale;

pub use bars::bars;
pub use columns::{Stack, columns};
pub use donut::donut;
pub use lines::lines;
pub use map::map;

use std::fmt::Write;

use super::number::Number;

/// The size of a chart, and the colours that it may use.
#[derive(Debug, Clone, Copy)]
pub struct Canvas<'a> {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Colours of series, in their order.
    pub colours: &'a [String],
}

/// One series of numbers.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// A number for each category; none where there is none.
    pub values: Vec<Option<f64>>,
    /// How they are written.
    pub number: Number,
}

/// Categories along an axis and series over them.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// The categories.
    pub categories: Vec<String>,
    /// The series on the first axis.
    pub series: Vec<Series>,
    /// The series on the second axis, which are lines.
    pub second: Vec<Series>,
}

impl Plot {
    /// Whether it has nothing to show.
    pub fn is_empty(&self) -> bool {
        self.series.iter().chain(&self.second).all(|s| s.values.iter().all(Option::is_none))
    }
}

impl Canvas<'_> {
    /// The colour of a series.
    fn colour(&self, n: usize) -> &str {
        self.colours.get(n % self.colours.len().max(1)).map_or("#555555", String::as_str)
    }

    fn open(&self) -> String {
        format!(
            r#"<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="presentation">"#,
            self.width.round(),
            self.height.round()
        )
    }

    /// The legend, in as many lines as it takes; and the height that it takes.
    fn legend(&self, names: &[&str], out: &mut String) -> f64 {
        if names.len() < 2 {
            return 0.0;
        }
        let (mut x, mut down) = (4.0, 0.0);
        for (n, name) in names.iter().enumerate() {
            let name = cut(name, 32);
            let width = 20.0 + wide(&name);
            if x > 4.0 && x + width > self.width {
                (x, down) = (4.0, down + 15.0);
            }
            let _ = write!(
                out,
                r#"<rect x="{x:.0}" y="{:.0}" width="9" height="9" rx="2" fill="{}"/><text x="{:.0}" y="{:.0}" class="axis">{}</text>"#,
                down + 3.0,
                self.colour(n),
                x + 13.0,
                down + 11.0,
                escape(&name)
            );
            x += width + 6.0;
        }
        down + 18.0
    }
}

/// The width of a text in the small font, about.
fn wide(text: &str) -> f64 {
    text.chars().map(letter).sum()
}

/// The width of a letter in pixels: sans-serif fonts of 11 pixels differ little.
fn letter(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '\'' | '|' => 2.9,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '-' | '/' => 3.8,
        'm' | 'w' | 'M' | 'W' | '…' => 9.4,
        c if c.is_uppercase() => 7.8,
        // What is as wide as it is high.
        c if c >= '\u{2E80}' => 11.0,
        _ => 6.2,
    }
}

/// A text that has so much room in the small font.
fn fitting(text: &str, room: f64) -> String {
    if wide(text) <= room {
        return text.to_string();
    }
    let mut left = room - letter('…');
    let fits = |c: &char| {
        left -= letter(*c);
        left >= 0.0
    };
    cut(text, (text.chars().take_while(fits).count() + 1).max(3))
}

/// A text of at most `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// A text as HTML and SVG hold it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_where_it_fits_and_never_wider_than_its_room() {
        // Widths of Liberation Sans at 11 pixels, as Chromium measures them.
        for (text, width) in [
            ("Outlook for Windows", 101.5),
            ("MICROSOFT 365 APPS FOR ENTERPRISE", 219.4),
            ("illicit filtration list", 78.8),
        ] {
            assert_eq!(fitting(text, width * 1.15), text);
            let cut = fitting(text, width * 0.6);
            assert!(cut.ends_with('…') && wide(&cut) <= width * 0.6, "{cut}");
            assert!(wide(text) >= width * 0.97, "{text}: {} of {width}", wide(text));
        }
    }
}
