//! What a body is, by its beginning: a report in CSV or JSON, or something else, and then what.
//!
//! Drift of the header is decided here: which column a header means, which headers are unknown, which columns are
//! missing, and when a header is no header of the report at all.

use super::text::text;
use super::{MAX_COLUMNS, MAX_HEADER};
use crate::catalog::{self, Recognised, Report, fits, match_headers, resembles};
use crate::error::{Error, Kind, Result};

/// What a body is, by its first bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Too little of it is there.
    Undecided,
    /// CSV, whose header row begins at this place.
    Csv(usize),
    /// JSON, which begins at this place.
    Json(usize),
}

/// Recognises the form of a body by its beginning. With `last`, no more bytes follow.
pub(super) fn form(bytes: &[u8], last: bool) -> Result<Form> {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if wide {
        return Err(Error::new(Kind::NotAReport, "the body is UTF-16 text").hint("save it as CSV in UTF-8"));
    }
    // A byte order mark, also one that was read as Latin-1 and saved again.
    let marks: [&[u8]; 2] = ["\u{feff}".as_bytes(), "\u{ef}\u{bb}\u{bf}".as_bytes()];
    if !last && !bytes.is_empty() && marks.iter().any(|m| bytes.len() < m.len() && m.starts_with(bytes)) {
        return Ok(Form::Undecided);
    }
    let mark = marks.iter().find(|m| bytes.starts_with(m)).map_or(0, |m| m.len());
    match bytes[mark..].iter().position(|b| !b.is_ascii_whitespace()).map(|i| mark + i) {
        Some(at) if matches!(bytes[at], b'{' | b'[') => Ok(Form::Json(at)),
        Some(at) if bytes[at] == b'<' => Err(Error::new(Kind::NotAReport, "the body is a web page or XML")
            .hint("a proxy or a sign-in page may have answered: look at the beginning of the file")),
        Some(at) => Ok(Form::Csv(at)),
        None if last => Err(Error::new(Kind::NotAReport, "the body is empty: not even a header row")
            .hint("ask for it again; a report without rows still has its header")),
        None if bytes.len() > MAX_HEADER => Err(no_header()),
        None => Ok(Form::Undecided),
    }
}

fn no_header() -> Error {
    Error::new(Kind::NotAReport, format!("no header row in the first {MAX_HEADER} bytes"))
        .hint("this is no CSV of a usage report: look at the beginning of the file")
}

/// Splits the header row at the beginning of `bytes`: its cells, and where the next row begins. None where it goes on
/// beyond `bytes` and more bytes follow.
pub(super) fn header_row(bytes: &[u8], last: bool) -> Result<Option<(Vec<String>, usize)>> {
    let (mut cells, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (i, b) in bytes.iter().enumerate().take(MAX_HEADER) {
        match b {
            b'"' if quoted || i == begin || (bytes[begin] == b'"' && bytes[i - 1] == b'"') => quoted = !quoted,
            b',' | b'\n' | b'\r' if !quoted => {
                cells.push(text(&bytes[begin..i], false).0.into_owned());
                begin = i + 1;
                if cells.len() > MAX_COLUMNS {
                    return Err(too_wide());
                }
                if *b != b',' {
                    return Ok(Some((cells, begin)));
                }
            }
            _ => {}
        }
    }
    if bytes.len() > MAX_HEADER {
        return Err(no_header());
    }
    if !last {
        return Ok(None);
    }
    cells.push(text(&bytes[begin..], false).0.into_owned());
    Ok(Some((cells, bytes.len())))
}

/// The error for a row with too many cells.
pub(super) fn too_wide() -> Error {
    Error::new(Kind::NotAReport, format!("a row has more than {MAX_COLUMNS} cells"))
        .hint("this is no CSV of a usage report: look at the beginning of the file")
}

/// Where the cells of a row go.
#[derive(Debug)]
pub(super) struct Plan {
    /// Cells in a row.
    pub width: usize,
    /// For each column of the catalog the position of its header.
    pub positions: Vec<Option<usize>>,
    /// Headers that the catalog does not know, with unique names.
    pub unknown: Vec<(usize, String)>,
    /// Places whose header is blank.
    pub unnamed: Vec<usize>,
    /// Columns of the catalog that no header means.
    pub missing: Vec<String>,
}

/// Decides what a header row means for a report; refuses one that is not its.
pub(super) fn plan(report: &Report, headers: &[String]) -> Result<Plan> {
    // Cells without a name, as a spreadsheet leaves them behind a header row, say nothing about whose it is.
    let named: Vec<String> = headers.iter().filter(|h| !h.is_empty()).cloned().collect();
    let matched = match_headers(report, &named);
    if !fits(report, &matched) {
        let nobodys = || catalog::recognise(&named, "") == Recognised::None;
        let lost = resembles(report, &matched) && nobodys();
        return Err(if lost { without_key(report) } else { not_its(report, &named) });
    }
    let found = match_headers(report, headers);
    let mut positions = vec![None; report.columns.len()];
    let (mut unknown, mut unnamed) = (Vec::<(usize, String)>::new(), Vec::new());
    for (position, column) in found.columns.iter().enumerate() {
        match column {
            Some(c) => positions[*c] = Some(position),
            None => {
                let header = &headers[position];
                let taken = |name: &String| unknown.iter().any(|(_, n)| n == name);
                match header.as_str() {
                    "" => unnamed.push(position),
                    _ if taken(header) => unknown.push((position, format!("{header} ({})", position + 1))),
                    _ => unknown.push((position, header.clone())),
                }
            }
        }
    }
    let missing = found.missing.iter().map(|i| report.columns[*i].name.clone()).collect();
    Ok(Plan { width: headers.len(), positions, unknown, unnamed, missing })
}

fn without_key(report: &Report) -> Error {
    Error::new(Kind::KeyLost, "the header row lacks the column that tells rows apart")
        .with("report", report.table())
        .with("column", report.key.join("` or `"))
        .hint("Graph may have renamed it: update usagelake, which may know the new name")
}

fn not_its(report: &Report, headers: &[String]) -> Error {
    let error = Error::new(Kind::NotAReport, "the header row is not that of the report").with("report", report.table());
    let hint = match (headers, catalog::recognise(headers, "")) {
        (_, Recognised::One(other)) => format!("it is the header row of `{}`", other.table()),
        (_, Recognised::Several(others)) => {
            let names: Vec<String> = others.iter().map(|r| format!("`{}`", r.table())).collect();
            format!("it is the header row of {}", names.join(" or "))
        }
        ([one], _) if one.contains(';') || one.contains('\t') => {
            "its cells are not separated by commas: save it as CSV with commas".to_string()
        }
        _ => format!("see `usagelake reports {}` for the columns that tell its rows apart", report.table()),
    };
    error.hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Vec<String> {
        header_row(text.as_bytes(), true).unwrap().unwrap().0
    }

    #[test]
    fn header_rows_are_split() {
        assert_eq!(row("a,b\nx"), ["a", "b"]);
        assert_eq!(row("a, \"b\"\r\n"), ["a", "\"b\""]);
        assert_eq!(row("\"a,\"\"x\"\"\nb\",c"), ["a,\"x\"\nb", "c"]);
        assert_eq!(header_row(b"a,b", false).unwrap(), None);
        assert_eq!(header_row(b"a,\"b\n", false).unwrap(), None);
        assert!(header_row(&vec![b'a'; MAX_HEADER + 1], false).is_err());
        assert!(header_row(&vec![b','; MAX_COLUMNS + 2], false).is_err());
    }

    #[test]
    fn bodies_that_are_no_report_are_named() {
        for (body, word) in [
            (&b""[..], "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b" \r\n", "empty"),
            (b"<!DOCTYPE html>", "web page"),
            (b"\xff\xfeR\0", "UTF-16"),
        ] {
            let e = form(body, true).unwrap_err();
            assert_eq!(e.kind(), Kind::NotAReport);
            assert!(e.to_string().contains(word), "{e}");
        }
        assert_eq!(form(b"\xef\xbb", false).unwrap(), Form::Undecided);
        assert_eq!(form("\u{feff}Report".as_bytes(), false).unwrap(), Form::Csv(3));
        assert_eq!(form("\u{ef}\u{bb}\u{bf}Report".as_bytes(), false).unwrap(), Form::Csv(6));
        assert_eq!(form(b" {", false).unwrap(), Form::Json(1));
    }
}
