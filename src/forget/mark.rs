//! What can name a person: addresses, ids, the folder of a OneDrive, concealed names; and where such a thing stands in a text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::error::{Error, Kind as Wrong, Result};

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The directory's id of the person.
    Id,
    /// The id of something that is theirs alone, a OneDrive. It looks like one of a person.
    Thing,
    /// An address.
    Address,
    /// The folder of a OneDrive, as its URL has it: `ann_contoso_com`.
    Folder,
    /// What a tenant that conceals names has in their place.
    Concealed,
    /// A name that somebody else may have too: it counts only where nothing else says who is meant.
    Name,
}

impl Kind {
    /// A letter for the hash, so that the same text of two kinds has two; ids of people and of things cannot be told apart.
    pub(super) fn letter(self) -> u8 {
        match self {
            Kind::Id | Kind::Thing => b'i',
            Kind::Address => b'a',
            Kind::Folder => b'f',
            Kind::Concealed => b'c',
            Kind::Name => b'n',
        }
    }
}

/// A name of somebody, in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Its kind.
    pub kind: Kind,
    /// The text, in small letters.
    pub text: String,
}

/// A name, and the days on which it is that of the person: an address may have been somebody else's before, or since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The name.
    pub name: Name,
    /// The first day; none where nobody had it before.
    pub from: Option<Day>,
    /// The last day; none where nobody has had it since.
    pub until: Option<Day>,
}

impl Name {
    /// A name of this kind.
    pub fn new(kind: Kind, text: &str) -> Name {
        Name { kind, text: text.trim().to_lowercase() }
    }

    /// What somebody who wants a person forgotten has named: an address, an id, or a concealed name.
    pub fn read(text: &str) -> Result<Name> {
        let mut found = None;
        marks(text.trim(), |kind, mark| {
            if mark.len() == text.trim().len() {
                found = Some(Name::new(kind, mark));
            }
        });
        // The text itself may be a person's name, and is not repeated.
        found.ok_or_else(|| {
            Error::new(Wrong::Usage, "what `--user` names is neither an address nor an id")
                .hint("name the address with which the person signs in, or the object id; a display name may be several people's")
        })
    }

    /// The folders that a OneDrive of this address may have: whatever is neither letter nor digit is `_`, and some leave `-`.
    pub fn folders(address: &str) -> impl Iterator<Item = Name> {
        let lower = address.to_lowercase();
        let folder = move |dash: bool| {
            let text = lower.chars().map(|c| if c.is_alphanumeric() || (dash && c == '-') { c } else { '_' }).collect();
            Name { kind: Kind::Folder, text }
        };
        let (one, other) = (folder(false), folder(true));
        let second = (one != other).then_some(other);
        std::iter::once(one).chain(second)
    }
}

/// The path in the URL of a OneDrive behind which its folder stands.
const PERSONAL: &str = "/personal/";
/// Letters of a GUID, and of a concealed name.
const GUID: usize = 36;
const CONCEALED: usize = 32;

/// Whether something in a text may be found by [`marks`], by its bytes.
pub(super) fn may_have_marks(text: &[u8]) -> bool {
    text.len() >= CONCEALED
        || memchr::memchr(b'@', text).is_some()
        || text.len() > PERSONAL.len() && holds_personal(text)
}

fn holds_personal(text: &[u8]) -> bool {
    text.windows(PERSONAL.len()).any(|w| w.eq_ignore_ascii_case(PERSONAL.as_bytes()))
}

/// Calls `see` for each address, id, concealed name and OneDrive folder in a text, in small letters.
pub(super) fn marks(text: &str, mut see: impl FnMut(Kind, &str)) {
    if !may_have_marks(text.as_bytes()) {
        return;
    }
    for word in text.split(|c: char| !is_letter(c)) {
        if word.contains('@') {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '@');
            for address in [word, bare].iter().take(1 + usize::from(word != bare)) {
                if is_address(address) {
                    see(Kind::Address, &lower(address));
                }
            }
        }
        // A GUID may be a part of a longer word: `{…}` and `sites_…` are.
        let bytes = word.as_bytes();
        if bytes.len() >= GUID {
            for (at, w) in bytes.windows(GUID).enumerate().filter(|(_, w)| is_guid(w)) {
                let alone = |n: Option<&u8>| n.is_none_or(|b| !b.is_ascii_hexdigit());
                if alone(at.checked_sub(1).and_then(|n| bytes.get(n))) && alone(bytes.get(at + GUID)) && !is_zero(w) {
                    see(Kind::Id, &String::from_utf8_lossy(w).to_ascii_lowercase());
                }
            }
        }
        if word.len() == CONCEALED && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
            see(Kind::Concealed, &word.to_ascii_lowercase());
        }
    }
    if text.contains('/') && holds_personal(text.as_bytes()) {
        let small = text.to_lowercase();
        for rest in small.split(PERSONAL).skip(1) {
            let folder = rest.split(['/', '?', '#', '"', ' ', ',', '&']).next().unwrap_or_default();
            if !folder.is_empty() {
                see(Kind::Folder, folder);
            }
        }
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    let small = text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if small { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// What an address is made of, and a GUID.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || "@.!#$%&'*+-^_`{}~".contains(c)
}

fn is_address(word: &str) -> bool {
    word.rsplit_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
}

fn is_guid(w: &[u8]) -> bool {
    w.iter().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

fn is_zero(w: &[u8]) -> bool {
    w.iter().all(|b| matches!(b, b'0' | b'-'))
}
