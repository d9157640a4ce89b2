//! The list of who is forgotten: hashes with a key, both kept in the lake.
//!
//! The key is made once and lies in the lake, because everything that writes (a night, an import, a release, a replay) must keep
//! the promise, and a promise that hangs on a secret of a pipeline file is broken by the first command without it. Who may read
//! both can try addresses until one fits; who may read tables only learns nothing. docs/forget.md says what to guard.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::mark::{Kind, Mark, marks};
use super::resolve::Person;
use crate::day::Day;
use crate::error::{Error, Kind as Wrong, Result};
use crate::lake::{Guard, Lake, Layout};

/// The file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct File {
    people: Vec<Entry>,
}

/// One person.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    /// When it was asked for, UTC.
    forgotten_at: String,
    /// The run that did it.
    run: String,
    /// All names of the person.
    names: Vec<Hashed>,
}

/// A name as its hash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Hashed {
    kind: Kind,
    /// HMAC-SHA-256 of kind and name, in hexadecimal.
    hmac: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Day>,
}

/// The people whom a tenant has forgotten.
pub struct Forgotten {
    key: hmac::Key,
    file: File,
    known: HashMap<[u8; 32], Vec<Whose>>,
    /// For each person whether an id is known.
    has_id: Vec<bool>,
}

/// Whose a name is, and when.
#[derive(Debug, Clone, Copy)]
struct Whose {
    person: usize,
    from: Option<Day>,
    until: Option<Day>,
}

/// Bytes of the key.
const KEY: usize = 32;

impl Forgotten {
    /// The list of a tenant; none where nobody was ever forgotten. Fails where there is a list and no key for it: whoever goes on
    /// then brings people back.
    pub async fn read(lake: &Lake, layout: &Layout) -> Result<Option<Arc<Forgotten>>> {
        let Some(found) = lake.read(&layout.forgotten()).await? else { return Ok(None) };
        let broken = |what: &str, object: String| {
            Error::new(Wrong::Lake, what.to_string())
                .with("object", object)
                .hint("restore it from a backup: without it, people who were forgotten come back")
        };
        let file: File = serde_json::from_slice(&found.bytes)
            .map_err(|e| broken("the list of the forgotten cannot be read", layout.forgotten()).because(e))?;
        let key = lake.read(&layout.forgotten_key()).await?;
        let key = key.and_then(|f| bytes_of(std::str::from_utf8(&f.bytes).ok()?));
        let key = key.ok_or_else(|| broken("the key of the list of the forgotten is gone", layout.forgotten_key()))?;
        Ok(Some(Arc::new(Forgotten::new(&key, file))))
    }

    fn new(key: &[u8], file: File) -> Forgotten {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut known: HashMap<[u8; 32], Vec<Whose>> = HashMap::new();
        for (person, entry) in file.people.iter().enumerate() {
            for name in &entry.names {
                if let Some(hash) = bytes_of(&name.hmac) {
                    known.entry(hash).or_default().push(Whose { person, from: name.from, until: name.until });
                }
            }
        }
        let has_id = file.people.iter().map(|p| p.names.iter().any(|n| n.kind == Kind::Id)).collect();
        Forgotten { key, file, known, has_id }
    }

    /// The list with these people on it too, put into the lake: from then on nothing brings them back. A person of whom it
    /// knows something gets what is new.
    pub async fn add(
        lake: &Lake,
        layout: &Layout,
        guard: &Guard,
        people: &[Person],
        run: &str,
        at: &str,
    ) -> Result<Arc<Forgotten>> {
        let list = Forgotten::with(lake, layout, guard, people, run, at).await?;
        list.write(lake, layout, guard).await?;
        Ok(Arc::new(list))
    }

    async fn with(
        lake: &Lake,
        layout: &Layout,
        guard: &Guard,
        people: &[Person],
        run: &str,
        at: &str,
    ) -> Result<Forgotten> {
        let before = Forgotten::read(lake, layout).await?;
        let key = match lake.read(&layout.forgotten_key()).await? {
            Some(found) => std::str::from_utf8(&found.bytes).ok().and_then(bytes_of),
            None => None,
        };
        let key = match key {
            Some(key) => key,
            None => {
                let mut key = [0; KEY];
                SystemRandom::new()
                    .fill(&mut key)
                    .map_err(|_| Error::new(Wrong::File, "this machine gives no random numbers"))?;
                lake.replace(&layout.forgotten_key(), hex(&key).into(), guard).await?;
                key
            }
        };
        let mut list = match before {
            Some(list) => Forgotten::new(&key, list.file.clone()),
            None => Forgotten::new(&key, File::default()),
        };
        for person in people {
            let names: Vec<Hashed> = person.marks.iter().map(|m| list.hashed(m)).collect();
            let at_once = |mark: &Mark| list.whose(mark.name.kind, &mark.name.text, mark.until.or(mark.from));
            let same = person.marks.iter().filter(|m| m.name.kind != Kind::Name).find_map(at_once);
            let mut file = list.file.clone();
            match same.and_then(|n| file.people.get_mut(n)) {
                Some(entry) => {
                    let new: Vec<Hashed> =
                        names.into_iter().filter(|n| !entry.names.iter().any(|o| o.hmac == n.hmac)).collect();
                    entry.names.extend(new);
                    entry.names.sort();
                }
                None => {
                    let mut names = names;
                    names.sort();
                    file.people.push(Entry { forgotten_at: at.to_string(), run: run.to_string(), names });
                }
            }
            list = Forgotten::new(&key, file);
        }
        Ok(list)
    }

    async fn write(&self, lake: &Lake, layout: &Layout, guard: &Guard) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.file).unwrap_or_default();
        lake.replace(&layout.forgotten(), text.into(), guard).await
    }

    /// A text that is another one where the list is: no name can be told from it.
    pub(super) fn print(&self) -> String {
        hex(&Sha256::digest(serde_json::to_vec(&self.file).unwrap_or_default()))
    }

    /// How many people it names.
    pub fn people(&self) -> usize {
        self.file.people.len()
    }

    fn hash(&self, kind: Kind, text: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&[kind.letter()]);
        context.update(text.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    fn hashed(&self, mark: &Mark) -> Hashed {
        let hmac = hex(&self.hash(mark.name.kind, &mark.name.text));
        Hashed { kind: mark.name.kind, hmac, from: mark.from, until: mark.until }
    }

    /// Which forgotten person has this name on a day; where no day is said, had it on any.
    pub(super) fn whose(&self, kind: Kind, text: &str, day: Option<Day>) -> Option<usize> {
        self.whose_in(kind, text, day.map(|day| (day, day)))
    }

    /// The same of days from a first to a last: had it on any of them.
    pub(super) fn whose_in(&self, kind: Kind, text: &str, days: Option<(Day, Day)>) -> Option<usize> {
        let on = |w: &&Whose| {
            days.is_none_or(|(first, last)| {
                w.from.is_none_or(|from| from <= last) && w.until.is_none_or(|until| first <= until)
            })
        };
        self.known.get(&self.hash(kind, text))?.iter().find(on).map(|w| w.person)
    }

    /// Whether a text names somebody by what was never somebody else's; on a day, by what was not then.
    pub(super) fn surely_names(&self, text: &str, day: Option<Day>) -> bool {
        let mut found = false;
        marks(text, |kind, mark| {
            let of = self.known.get(&self.hash(kind, mark)).into_iter().flatten();
            found |= of.into_iter().any(|w| match day {
                Some(day) => w.from.is_none_or(|from| from <= day) && w.until.is_none_or(|until| day <= until),
                None => w.from.is_none() && w.until.is_none(),
            });
        });
        found
    }

    /// Whether a text names somebody who is forgotten, other than by a name that others may have.
    pub(super) fn names(&self, text: &str, day: Option<Day>) -> bool {
        self.names_in(text, day.map(|day| (day, day)))
    }

    /// The same of days from a first to a last.
    pub(super) fn names_in(&self, text: &str, days: Option<(Day, Day)>) -> bool {
        let mut found = false;
        marks(text, |kind, mark| found |= self.whose_in(kind, mark, days).is_some());
        found
    }

    /// Whether the id of a person is known, so that an address without it is somebody else's.
    pub(super) fn has_id(&self, person: usize) -> bool {
        self.has_id.get(person).copied().unwrap_or_default()
    }
}

/// Notes that the directory of `day` has these addresses with ids that are nobody's who is forgotten: from then on they are
/// theirs. Answers how many there are.
pub async fn given_away(lake: &Lake, layout: &Layout, guard: &Guard, addresses: &[String], day: Day) -> Result<u64> {
    let Some(list) = Forgotten::read(lake, layout).await? else { return Ok(0) };
    let hashes: BTreeMap<String, ()> = addresses.iter().map(|a| (hex(&list.hash(Kind::Address, a)), ())).collect();
    let mut file = list.file.clone();
    let open = file.people.iter_mut().flat_map(|p| &mut p.names);
    let mut given = 0;
    for name in open.filter(|n| n.until.is_none() && hashes.contains_key(&n.hmac)) {
        name.until = Some(day.plus(-1));
        given += 1;
    }
    if given > 0 {
        Forgotten { key: list.key.clone(), file, known: HashMap::new(), has_id: Vec::new() }
            .write(lake, layout, guard)
            .await?;
    }
    Ok(given)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn bytes_of(hex: &str) -> Option<[u8; KEY]> {
    let hex = hex.trim().as_bytes();
    let mut bytes = [0; KEY];
    if hex.len() != 2 * KEY {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
impl Forgotten {
    /// A list of one person with these marks.
    pub(super) fn of(marks: &[Mark]) -> Forgotten {
        let list = Forgotten::new(&[7; KEY], File::default());
        let names = marks.iter().map(|m| list.hashed(m)).collect();
        let file = File { people: vec![Entry { forgotten_at: String::new(), run: String::new(), names }] };
        Forgotten::new(&[7; KEY], file)
    }
}
