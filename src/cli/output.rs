//! How things are said: errors, tables, numbers, documents.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::error::Error;

/// Logs go to stderr. `RUST_LOG` overrides what `-v` says.
pub(super) fn logging(verbose: u8) {
    let level = ["usagelake=warn", "usagelake=info", "usagelake=debug"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Prints an error, its causes and its hint.
pub(super) fn error(e: &Error) {
    let mut text = format!("error: {e}\n");
    let mut cause = std::error::Error::source(e);
    while let Some(c) = cause {
        text.push_str(&format!("caused by: {c}\n"));
        cause = c.source();
    }
    if let Some(hint) = e.hint_text() {
        text.push_str(&format!("\nhint: {hint}\n"));
    }
    say(text.trim_end());
}

/// Prints a line for people, to stderr.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", plain(text));
}

/// Prints data, to stdout. A reader that has gone away is no error.
pub(super) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", plain(text));
}

/// A text without what would command a terminal: headers, names and codes come from outside.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "\u{fffd}")
}

/// Prints data without a line break behind it, to stdout.
pub(super) fn print_part(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Stdout for writers that would take its end for an error: a reader that has gone away is none.
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::stdout().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = std::io::stdout().flush();
        Ok(())
    }
}

/// Prints one machine-readable document, to stdout.
pub(super) fn document(value: &impl Serialize) {
    print(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Lays out rows in columns of equal width, numbers to the right.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|i| {
            rows.iter()
                .map(|r| r.get(i).map_or(0, |c| c.chars().count()))
                .chain([head[i].chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let right: Vec<bool> = (0..head.len())
        .map(|i| {
            !rows.is_empty()
                && rows
                    .iter()
                    .all(|r| r.get(i).is_some_and(|c| c.chars().all(|c| c.is_ascii_digit() || ".,-%".contains(c))))
        })
        .collect();
    let line = |cells: &[String]| {
        let cells: Vec<String> = (0..head.len())
            .map(|i| {
                let cell = cells.get(i).map_or("", String::as_str);
                let pad = " ".repeat(widths[i].saturating_sub(cell.chars().count()));
                if right[i] { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            })
            .collect();
        cells.join("  ").trim_end().to_string()
    };
    let head: Vec<String> = head.iter().map(|h| h.to_string()).collect();
    let mut lines = vec![line(&head)];
    lines.extend(rows.iter().map(|r| line(r)));
    lines.join("\n")
}

/// A count with thousands apart.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 report`, `3 reports`.
pub(super) fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A duration as people say it.
pub(super) fn duration(d: std::time::Duration) -> String {
    match d.as_secs() {
        0 if d.is_zero() => "at once".to_string(),
        0..=119 => format!("{:.1} s", d.as_secs_f64()),
        s if s < 7200 => format!("{} min", s.div_ceil(60)),
        s => format!("{:.1} h", s as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_command_a_terminal_is_not_printed() {
        assert_eq!(plain("a\tb\n\u{1b}[31mred\r\u{9b}2J"), "a\tb\n\u{fffd}[31mred\u{fffd}\u{fffd}2J");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "row"), "1 row");
    }

    #[test]
    fn tables_align() {
        let t = table(&["name", "rows"], &[vec!["a".into(), "1".into()], vec!["long".into(), "1,000".into()]]);
        assert_eq!(t, "name   rows\na         1\nlong  1,000");
    }
}
