//! Identifiers that are the same from one writing to the next: made of names, as RFC 9562 makes UUIDs of version 5.

use std::fmt::Write;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

/// The space in which names are unique; any fixed one would do.
const SPACE: [u8; 16] =
    [0x6f, 0x1d, 0x1c, 0x0e, 0x5a, 0x0b, 0x4e, 0x4c, 0x9d, 0x53, 0x2f, 0x0c, 0x7b, 0x5e, 0x61, 0x8a];

/// The identifier of what has these names, from the whole to the part.
pub fn identity(names: &[&str]) -> String {
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(&SPACE);
    // A byte that no name has keeps `ab`, `c` and `a`, `bc` apart.
    hash.update(names.join("\0").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finish().as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_python_makes_of_the_same_names() {
        // uuid.uuid5(uuid.UUID("6f1d1c0e-5a0b-4e4c-9d53-2f0c7b5e618a"), "table\0Calendar")
        assert_eq!(identity(&["table", "Calendar"]), "03b05891-e0ae-5a50-948b-af7d7f6deb29");
    }
}
