//! The text of a cell: without its quotes, trimmed, with Graph's own escape undone.

use std::borrow::Cow;

/// How Graph writes a quote inside a text.
const QUOTE_ESCAPE: &str = "#QUOT#";

/// Whether a cell can be taken as it is: it neither begins nor ends with a blank, a quote or a byte beyond ASCII (which
/// may be part of a blank).
#[inline(always)]
pub(super) fn is_plain(cell: &[u8]) -> bool {
    match (cell.first(), cell.last()) {
        (Some(first), Some(last)) => is_mark(first) && is_mark(last) && *first != b'"',
        _ => false,
    }
}

/// Whether a byte is visible ASCII.
#[inline(always)]
fn is_mark(b: &u8) -> bool {
    b.wrapping_sub(b'!') < 0x7f - b'!'
}

/// Whether a text certainly neither begins nor ends with a blank. Blanks beyond ASCII begin with one of four bytes.
pub(super) fn is_trimmed(text: &[u8]) -> bool {
    let may_blank = |b: Option<&u8>| matches!(b, None | Some(0..=b' ' | 0x7f | 0xc2 | 0xe1..=0xe3));
    let from_end = |n: usize| text.len().checked_sub(n).and_then(|i| text.get(i));
    let begins = !may_blank(text.first());
    begins
        && from_end(1).is_some_and(|b| is_mark(b) || *b >= 0x80 && !may_blank(from_end(2)) && !may_blank(from_end(3)))
}

/// The bytes of a cell without the quotes around it, and with doubled quotes single. Only a cell that begins with a quote
/// is quoted; what follows the closing quote is text too.
pub(super) fn unquoted(cell: &[u8]) -> Cow<'_, [u8]> {
    let Some((b'"', inner)) = cell.split_first() else { return Cow::Borrowed(cell) };
    // The usual case: one closing quote, at the end, but for a CR.
    let end = if inner.ends_with(b"\r") { inner.len() - 1 } else { inner.len() };
    if memchr::memchr(b'"', inner) == Some(end.wrapping_sub(1)) {
        return Cow::Borrowed(&inner[..end - 1]);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(i) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..i]);
        rest = &rest[i + 1..];
        match rest.split_first() {
            Some((b'"', after)) => {
                out.push(b'"');
                rest = after;
            }
            _ => break,
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The text of a cell, trimmed; empty where it is blank. Bytes that are not UTF-8 become U+FFFD, and the answer says so.
pub(crate) fn text(cell: &[u8], has_signs: bool) -> (Cow<'_, str>, bool) {
    let (text, good) = match unquoted(cell) {
        Cow::Borrowed(b) => match std::str::from_utf8(b) {
            Ok(s) => (Cow::Borrowed(s.trim()), true),
            Err(_) => (Cow::Owned(String::from_utf8_lossy(b).trim().to_owned()), false),
        },
        Cow::Owned(b) => match String::from_utf8(b) {
            Ok(s) => (Cow::Owned(s.trim().to_owned()), true),
            Err(e) => (Cow::Owned(String::from_utf8_lossy(e.as_bytes()).trim().to_owned()), false),
        },
    };
    if has_signs && text.contains(QUOTE_ESCAPE) {
        return (Cow::Owned(text.replace(QUOTE_ESCAPE, "\"")), good);
    }
    (text, good)
}

/// Whether a cell is blank.
pub(super) fn is_blank(cell: &[u8]) -> bool {
    cell.is_empty() || (!is_plain(cell) && text(cell, false).0.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_undone_as_everybody_does() {
        for (cell, want) in [
            ("plain", "plain"),
            (r#""Contoso, Ltd.""#, "Contoso, Ltd."),
            (r#""a ""b"" c""#, r#"a "b" c"#),
            (r#""""""#, r#"""#),
            (r#""""#, ""),
            (r#""ab"cd"#, "abcd"),
            (r#""ab"c"d"#, r#"abc"d"#),
            (r#"5" disk"#, r#"5" disk"#),
            (r#"""#, ""),
            ("\"a\"\r", "a"),
            ("\"a\r\nb\"", "a\r\nb"),
        ] {
            assert_eq!(text(cell.as_bytes(), false), (Cow::Borrowed(want), true), "{cell}");
        }
    }

    #[test]
    fn blanks_around_a_text_go() {
        for cell in [" x ", "\tx\r", "\u{a0}x\u{3000}", "\" x\"", "x\u{2009}"] {
            assert_eq!(text(cell.as_bytes(), false).0, "x", "{cell:?}");
        }
        for cell in ["", " ", "\" \"", "\u{a0}"] {
            assert!(is_blank(cell.as_bytes()), "{cell:?}");
        }
        assert!(!is_blank("é".as_bytes()));
    }

    #[test]
    fn trimmed_texts_have_no_blank_at_their_ends() {
        for c in (0..=0x3100).filter_map(char::from_u32).filter(|c| c.is_whitespace()) {
            for cell in [format!("{c}"), format!("{c}ab"), format!("ab{c}"), format!("éé{c}")] {
                assert!(!is_trimmed(cell.as_bytes()), "{cell:?}");
            }
        }
        for cell in ["a", "ab", "éab", "abé", "ÄÖ", "Ольга", "伟", "Zoë"] {
            assert!(is_trimmed(cell.as_bytes()), "{cell:?}");
        }
    }

    #[test]
    fn graphs_escape_is_a_quote() {
        assert_eq!(text(b"Say #QUOT#hi#QUOT#", true).0, "Say \"hi\"");
        assert_eq!(text(b"#1", true).0, "#1");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_told() {
        assert_eq!(text(b"M\xfcller", false), (Cow::Borrowed("M\u{fffd}ller"), false));
    }
}
