//! Makes a text of somebody else's fit for an error: no address, no e-mail address, no token, one line, not long.

/// The most characters that are shown of a text.
const LONGEST: usize = 200;
/// A word longer than this is a token or data, and not for people.
const LONGEST_WORD: usize = 64;

/// `text` in one line of at most 200 characters, with `…` for every word that may be a secret or a person.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let shown = if is_private(word) { "…" } else { word };
        let word_length = shown.chars().count() + usize::from(length > 0);
        if length + word_length > LONGEST {
            out.push('…');
            return out;
        }
        if length > 0 {
            out.push(' ');
        }
        out.push_str(shown);
        length += word_length;
    }
    out
}

/// Whether a word is an address, an e-mail address, or so long that it may be a token.
fn is_private(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.contains("eyJ") || word.chars().count() > LONGEST_WORD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_private_goes() {
        assert_eq!(clean("see https://host/path?sig=1 now"), "see … now");
        assert_eq!(clean("User 'anna@contoso.com'\r\n\tlacks\u{7}it"), "User … lacks it");
        assert_eq!(clean("token eyJhbGciOi.x"), "token …");
        assert_eq!(clean(&"a".repeat(65)), "…");
        assert_eq!(clean("plain words stay"), "plain words stay");
    }

    #[test]
    fn long_texts_are_cut() {
        let text = clean(&"word ".repeat(100));
        assert!(text.ends_with('…') && text.chars().count() <= LONGEST + 1);
    }

    proptest! {
        #[test]
        fn is_one_short_line(text in "\\PC{0,400}|[ -~\\s]{0,400}") {
            let text = clean(&text);
            prop_assert!(text.chars().count() <= LONGEST + 1);
            prop_assert!(!text.contains('\n') && !text.contains('@') && !text.contains("://"));
        }
    }
}
