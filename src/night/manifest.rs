//! The manifest: what the lake holds of a tenant after its latest complete night. It is put last, so whoever reads the
//! objects that it names, with the hashes that it names, reads one night and not two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::land::Place;
use crate::error::{Error, Kind, Result};
use crate::ledger::{Ledger, Object};

/// The manifest of a tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The run that wrote it.
    pub run: String,
    /// When, UTC.
    pub written_at: String,
    /// Objects of tables by key.
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
    fn add(&mut self, object: &Object) {
        let entry = Entry { size: object.size, sha256: object.sha256.clone(), rows: object.rows };
        self.objects.insert(object.path.clone(), entry);
    }
}

/// Writes the manifest of a night. `published` are its ledgers; where the run before this one did not get to write its
/// own, the whole ledger is read instead, so that nothing it published is missing.
pub async fn write(place: &Place, run: &str, at: &str, published: &[Ledger], interrupted: bool) -> Result<()> {
    let key = place.layout.manifest();
    let found = place.lake.read(&key).await?;
    let before: Option<Manifest> = found
        .map(|f| {
            serde_json::from_slice(&f.bytes).map_err(|e| {
                Error::new(Kind::Lake, "the manifest cannot be read")
                    .with("object", &key)
                    .because(e)
                    .hint("delete it; the next run writes it anew")
            })
        })
        .transpose()?;
    let mut manifest = match before {
        Some(before) if !interrupted => before,
        _ => whole(place).await?,
    };
    let mut slices: Vec<_> = published.iter().flat_map(Ledger::slices).filter(|s| !s.objects.is_empty()).collect();
    slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
    let unchanged = manifest.objects.clone();
    slices.iter().flat_map(|s| &s.objects).for_each(|o| manifest.add(o));
    if manifest.objects == unchanged && !manifest.run.is_empty() && !interrupted {
        return Ok(());
    }
    manifest.run = run.to_string();
    manifest.written_at = at.to_string();
    place.lake.replace(&key, serde_json::to_vec(&manifest).unwrap_or_default().into(), &place.guard).await
}

/// All objects that the ledger knows. What was put later wins.
async fn whole(place: &Place) -> Result<Manifest> {
    let prefix = format!("{}/", place.layout.ledgers());
    let keys: Vec<String> = place.lake.list(&place.layout.ledgers()).await?.into_iter().map(|(key, _)| key).collect();
    let mut reports: Vec<&str> =
        keys.iter().filter_map(|k| k.strip_prefix(&prefix)?.strip_prefix("report=")?.split('/').next()).collect();
    reports.dedup();
    let mut manifest = Manifest::default();
    for report in reports {
        let ledger = Ledger::load_all(&place.lake, &place.layout, report, &keys).await?;
        let mut slices: Vec<_> = ledger.slices().filter(|s| !s.objects.is_empty()).collect();
        slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
        slices.iter().flat_map(|s| &s.objects).for_each(|o| manifest.add(o));
    }
    Ok(manifest)
}
