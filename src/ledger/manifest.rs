//! The manifest: what the lake holds of a tenant after its latest complete night. It is put last, so whoever reads the
//! objects that it names, with the hashes that it names, reads one night and not two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ledger, Object, Slice};
use crate::error::{Error, Kind, Result};
use crate::lake::{Guard, Lake, Layout};

/// The manifest of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run that wrote it.
    pub run: String,
    /// When, UTC.
    pub written_at: String,
    /// Objects of tables and marts by key.
    pub objects: BTreeMap<String, Entry>,
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
        let prefix = format!("{}/", layout.ledgers());
        let keys: Vec<String> = lake.list(&layout.ledgers()).await?.into_iter().map(|(key, _)| key).collect();
        let mut reports: Vec<&str> =
            keys.iter().filter_map(|k| k.strip_prefix(&prefix)?.strip_prefix("report=")?.split('/').next()).collect();
        reports.dedup();
        let mut manifest = Manifest::default();
        for report in reports {
            manifest.learn(Ledger::load_all(lake, layout, report, &keys).await?.slices());
        }
        Ok(manifest)
    }

    /// What the lake holds after a night. `published` are its ledgers, of which what it has put counts; where the run before this one did not get to write
    /// its own manifest, the whole ledger is read instead, so that nothing it published is missing.
    pub async fn after(lake: &Lake, layout: &Layout, published: &[Ledger], interrupted: bool) -> Result<Manifest> {
        let before = Manifest::read(lake, layout).await?;
        let mut manifest = match before {
            Some(before) if !interrupted => before,
            // Marts are no business of the ledger: they stay as they were said to be.
            before => {
                let mut whole = Manifest::whole(lake, layout).await?;
                let marts = before.into_iter().flat_map(|m| m.objects).filter(|(key, _)| !key.starts_with(TABLES));
                whole.objects.extend(marts);
                whole
            }
        };
        manifest.learn(published.iter().flat_map(Ledger::published));
        Ok(manifest)
    }

    /// Puts it, where it says something else than the one that is there.
    pub async fn write(mut self, lake: &Lake, layout: &Layout, guard: &Guard, run: &str, at: &str) -> Result<()> {
        let before = Manifest::read(lake, layout).await?;
        if before.is_some_and(|before| before.objects == self.objects) {
            return Ok(());
        }
        self.run = run.to_string();
        self.written_at = at.to_string();
        lake.replace(&layout.manifest(), serde_json::to_vec(&self).unwrap_or_default().into(), guard).await
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

    /// Takes in what slices say of their objects. What was put later wins.
    fn learn<'a>(&mut self, slices: impl Iterator<Item = &'a Slice>) {
        let mut slices: Vec<_> = slices.filter(|s| !s.objects.is_empty()).collect();
        slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
        slices.iter().flat_map(|s| &s.objects).for_each(|o| self.insert(o));
    }

    /// Adds an object, or what it has become.
    pub fn insert(&mut self, object: &Object) {
        let entry = Entry { size: object.size, sha256: object.sha256.clone(), rows: object.rows };
        self.objects.insert(object.path.clone(), entry);
    }
}

/// Where tables are. Other keys of a manifest are marts.
const TABLES: &str = "tables/";
