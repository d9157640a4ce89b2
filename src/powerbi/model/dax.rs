//! What a DAX expression names: tables, columns and measures. No parser: references are written in one way only.

/// Something that an expression names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `Table[Column]`; a measure may be written like that too.
    Column(String, String),
    /// `[Measure]`.
    Measure(String),
    /// A word or a quoted name that may be a table.
    Table(String),
}

/// All of them, in the order in which they stand. Texts and comments name nothing.
pub fn references(dax: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut rest = dax;
    while let Some(c) = rest.chars().next() {
        let (table, after) = match c {
            '"' => (None, quoted(rest, '"').1),
            '/' if rest.starts_with("//") => (None, rest.split_once('\n').map_or("", |(_, after)| after)),
            '\'' => {
                let (name, after) = quoted(rest, '\'');
                (Some(name), after)
            }
            '[' => {
                let (name, after) = bracketed(rest);
                found.push(Reference::Measure(name));
                (None, after)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Some(rest[..end].to_string()), &rest[end..])
            }
            c => (None, &rest[c.len_utf8()..]),
        };
        rest = after;
        if let Some(table) = table {
            if rest.starts_with('[') {
                let (column, after) = bracketed(rest);
                found.push(Reference::Column(table, column));
                rest = after;
            } else {
                found.push(Reference::Table(table));
            }
        }
    }
    found
}

/// A text in quotes, doubled inside, and what follows it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut inside = String::new();
    let mut rest = &text[1..];
    while let Some(end) = rest.find(quote) {
        inside.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with(quote) {
            return (inside, rest);
        }
        inside.push(quote);
        rest = &rest[1..];
    }
    (inside, "")
}

fn bracketed(text: &str) -> (String, &str) {
    text[1..].split_once(']').map_or((String::new(), ""), |(name, after)| (name.to_string(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_texts_are_not() {
        let found =
            references("VAR a = SUM ( 'It''s'[b c] ) RETURN IF ( [M] > 1, T[x] & \"[no] 'no'\" ) // [no]\n+ [N]");
        let column = |t: &str, c: &str| Reference::Column(t.into(), c.into());
        assert!(found.contains(&column("It's", "b c")) && found.contains(&column("T", "x")));
        let measures: Vec<_> = found.iter().filter(|r| matches!(r, Reference::Measure(_))).collect();
        assert_eq!(measures, [&Reference::Measure("M".into()), &Reference::Measure("N".into())]);
    }
}
