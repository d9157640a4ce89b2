//! The manifest: what the lake holds of a tenant after its latest complete night. It is put last, so whoever reads the
//! objects that it names, with the hashes that it names, reads one night and not two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Ledger, Object, Slice};
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout, hex};

/// The manifest of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run that wrote it.
    pub run: String,
    /// When, UTC.
    pub written_at: String,
    /// Objects of tables and marts by key.
    pub objects: BTreeMap<String, Entry>,
    /// What the lake keeps about the tenant, by key: the ledger, and what the marts were built from.
    #[serde(default)]
    pub about: BTreeMap<String, Sum>,
    /// SHA-256 of all the rest, as it is written where this is empty.
    #[serde(default)]
    pub sha256: String,
}

/// What an object is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Sum {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Sum {
        Sum { size: bytes.len() as u64, sha256: hex(Sha256::new_with_prefix(bytes)) }
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
}

impl Manifest {
    /// The manifest as it was put last; none where no run has ended yet.
    pub async fn read(lake: &Lake, layout: &Layout) -> Result<Option<Manifest>> {
        let key = layout.manifest();
        let Some(found) = lake.read(&key).await? else { return Ok(None) };
        serde_json::from_slice(&found.bytes).map(Some).map_err(|e| {
            Error::new(Kind::Lake, "the manifest cannot be read")
                .with("object", &key)
                .because(e)
                .hint("delete it; the next run writes it anew")
        })
    }

    /// All objects of tables that the ledger knows. What was put later wins.
    pub async fn whole(lake: &Lake, layout: &Layout) -> Result<Manifest> {
        let (reports, keys) = Ledger::every(lake, layout).await?;
        let mut manifest = Manifest::default();
        for report in reports {
            manifest.learn(&[Ledger::load_all(lake, layout, &report, &keys).await?], |_| true);
        }
        Ok(manifest)
    }

    /// What the lake holds after a run. `published` are its ledgers, of which only what this run put counts: a ledger may
    /// have an old month loaded and not the one with the later word on the same object. Where the run before this one did not
    /// get to write its own manifest, the whole ledger is read instead, so that nothing it published is missing.
    pub async fn after(
        lake: &Lake,
        layout: &Layout,
        published: &[Ledger],
        run: &str,
        interrupted: bool,
    ) -> Result<Manifest> {
        let before = Manifest::read(lake, layout).await?;
        match before {
            // One of a version that did not know the ledger's objects is made whole.
            Some(mut before) if !interrupted && !before.about.is_empty() => {
                before.learn(published, |s| s.published_by == run);
                Ok(before)
            }
            // Marts are no business of the ledger: they stay as they were said to be.
            before => {
                let mut whole = Manifest::whole(lake, layout).await?;
                let before = before.unwrap_or_default();
                whole.objects.extend(before.objects.into_iter().filter(|(key, _)| !key.starts_with(TABLES)));
                let state = layout.marts_state();
                whole.about.extend(before.about.into_iter().filter(|(key, _)| *key == state));
                Ok(whole)
            }
        }
    }

    /// Puts it, where it says something else than the one that is there.
    pub async fn write(mut self, lake: &Lake, layout: &Layout, guard: &Guard, run: &str, at: &str) -> Result<()> {
        let before = Manifest::read(lake, layout).await?;
        if before.is_some_and(|before| (before.objects, before.about) == (self.objects.clone(), self.about.clone())) {
            return Ok(());
        }
        self.run = run.to_string();
        self.written_at = at.to_string();
        self.sha256 = self.seal();
        lake.replace(&layout.manifest(), self.text().into(), guard).await
    }

    fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn seal(&self) -> String {
        Sum::of(&Manifest { sha256: String::new(), ..self.clone() }.text()).sha256
    }

    /// Whether these are the bytes of this manifest as it was written. One of a version that did not seal it cannot be told.
    pub fn is_as_written(&self, bytes: &[u8]) -> bool {
        let sealed = !self.sha256.is_empty() || !self.about.is_empty();
        !sealed || (self.sha256 == self.seal() && self.text() == bytes)
    }

    /// The objects of a table, by key.
    pub fn table(&self, table: &str) -> Vec<Object> {
        self.under(&format!("{TABLES}{table}/"))
    }

    /// The objects whose keys begin with `prefix`, by key.
    pub fn under(&self, prefix: &str) -> Vec<Object> {
        let of = self.objects.range(prefix.to_string()..).take_while(|(key, _)| key.starts_with(prefix));
        of.map(|(key, e)| Object { path: key.clone(), size: e.size, sha256: e.sha256.clone(), rows: e.rows }).collect()
    }

    /// Replaces what it says of everything but tables.
    pub fn set_marts<'a>(&mut self, marts: impl IntoIterator<Item = &'a Object>) {
        self.objects.retain(|key, _| key.starts_with(TABLES));
        marts.into_iter().for_each(|o| self.insert(o));
    }

    fn learn(&mut self, ledgers: &[Ledger], counts: impl Fn(&Slice) -> bool) {
        let mut slices: Vec<_> = ledgers.iter().flat_map(Ledger::slices).filter(|s| counts(s)).collect();
        slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
        slices.iter().flat_map(|s| &s.objects).for_each(|o| self.insert(o));
        let kept = ledgers.iter().flat_map(|l| &l.kept).map(|(key, sum)| (key.clone(), sum.clone()));
        self.about.extend(kept);
    }

    /// Has objects no more that were taken, and learns what that made of ledgers.
    pub fn forget(&mut self, ledgers: &[Ledger], taken: impl Fn(&str) -> bool) {
        self.objects.retain(|key, _| !taken(key));
        self.about.extend(ledgers.iter().flat_map(|l| &l.kept).map(|(key, sum)| (key.clone(), sum.clone())));
    }

    /// Adds an object, or what it has become.
    pub fn insert(&mut self, object: &Object) {
        let entry = Entry { size: object.size, sha256: object.sha256.clone(), rows: object.rows };
        self.objects.insert(object.path.clone(), entry);
    }
}

/// Where tables are. Other keys of a manifest are marts.
const TABLES: &str = "tables/";

/// What there is under `marts_shared/`, for those who may see nothing else: no rows, no run and no time, so that it tells
/// nothing that the objects themselves do not. The same objects give the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SharedManifest {
    objects: BTreeMap<String, Sum>,
}

impl SharedManifest {
    /// Of the shared ones among `objects`.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Object>) -> SharedManifest {
        let shared = objects.into_iter().filter(|o| Layout::is_shared(&o.path));
        let entry = |o: &Object| (o.path.clone(), Sum { size: o.size, sha256: o.sha256.clone() });
        SharedManifest { objects: shared.map(entry).collect() }
    }

    /// The file; none where nothing is shared.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        (!self.objects.is_empty()).then(|| serde_json::to_vec(self).unwrap_or_default())
    }

    /// Puts it, where another one is there or none. The objects that it names are there already.
    pub async fn write(&self, lake: &Lake, layout: &Layout, guard: &Guard) -> Result<()> {
        let key = layout.shared_manifest();
        let before = lake.read(&key).await?.map(|found| found.bytes.to_vec());
        match self.bytes() {
            now if now == before => Ok(()),
            Some(bytes) => lake.replace(&key, bytes.into(), guard).await,
            None => lake.delete(&key, guard).await,
        }
    }
}
