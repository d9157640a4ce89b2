//! Which objects there should be: from the ledger, with manifest and marts held against it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;

use super::{Finding, Note, Wrong};
use crate::catalog::directory;
use crate::error::Result;
use crate::lake::{Lake, Layout};
use crate::ledger::{Horizon, Ledger, Manifest, Object, SharedManifest, Slice, Sum};
use crate::marts::{Models, State, schema_of};

/// An object that should be there.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
    /// What kind of file it is, where it is no compressed answer.
    pub form: Option<Form>,
}

/// A Parquet file, and its columns as far as they are known.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// The columns.
    pub schema: Option<SchemaRef>,
}

impl Expected {
    fn new(object: &Object, form: Option<Form>) -> Expected {
        Expected { size: object.size, sha256: object.sha256.clone(), rows: object.rows, form }
    }

    fn is(&self, object: &Object) -> bool {
        (self.size, self.rows, &self.sha256) == (object.size, object.rows, &object.sha256)
    }
}

type All = BTreeMap<String, Expected>;

/// Keys of what retention is taking: it need not be there any more.
pub(super) type Doomed = BTreeSet<String>;

/// What there should be.
#[derive(Default)]
pub(super) struct Told {
    /// All objects.
    pub all: All,
    pub doomed: Doomed,
    /// What does not fit together in what says so.
    pub findings: Vec<Finding>,
    pub notes: Vec<Note>,
}

/// All objects that there should be, and what does not fit together in what says so.
pub(super) async fn expected(lake: &Lake, layout: &Layout, models: &Models) -> Result<Told> {
    let Told { mut all, mut doomed, mut findings, mut notes } = Told::default();
    let horizon = Horizon::read(lake, layout).await?;
    let (reports, keys) = Ledger::every(lake, layout).await?;
    for report in reports {
        match Ledger::load_all(lake, layout, &report, &keys).await {
            Ok(ledger) => {
                learn(&mut all, &ledger);
                doomed.extend(taken(&horizon, &ledger));
            }
            Err(e) => findings.push(Finding::new(&layout.standing(&report), Wrong::Ledger, e.to_string())),
        }
    }
    let interrupted = lake.read(&layout.running()).await?.is_some();
    if interrupted {
        let message = "a run is under way or did not end; run again, and the manifest says it all";
        findings.push(Finding::new(&layout.running(), Wrong::Interrupted, message));
    }
    if lake.has(&layout.forgetting()).await? {
        let message = "taking somebody out of the lake is under way or did not end; run `usagelake forget` again";
        findings.push(Finding::new(&layout.forgetting(), Wrong::Interrupted, message));
    }
    let state = State::read(lake, layout).await?;
    for (model, object) in state.all() {
        let schema = models.get(model).map(|m| m.contract.schema());
        all.insert(object.path.clone(), Expected::new(object, Some(Form { schema })));
    }
    for (model, object) in state.earlier() {
        all.insert(object.path.clone(), Expected::new(object, Some(Form { schema: None })));
        let message = format!(
            "it has the columns of an earlier contract of `{model}`, which cannot become those of today: retention has taken what \
             it was made of, so it stays as it was built; who reads all months should take columns by name"
        );
        notes.push(Note { object: object.path.clone(), message });
    }
    match Manifest::read(lake, layout).await {
        Ok(Some(manifest)) if !interrupted => {
            findings.extend(contradictions(&manifest, &all));
            findings.extend(unnamed(lake, layout, &manifest).await?);
            for (key, Sum { size, sha256 }) in manifest.about {
                all.insert(key, Expected { size, sha256, rows: 0, form: None });
            }
        }
        Ok(None) if all.keys().any(|k| k.starts_with("tables/")) && !interrupted => {
            findings.push(Finding::new(&layout.manifest(), Wrong::Missing, "there is no manifest"));
        }
        Ok(_) => {}
        Err(e) => findings.push(Finding::new(&layout.manifest(), Wrong::Ledger, e.to_string())),
    }
    if !interrupted {
        findings.extend(shared(lake, layout, &state).await?);
    }
    Ok(Told { all, doomed, findings, notes })
}

/// What a ledger still names of days that are taken: a run was killed before the ledger said so.
fn taken<'a>(horizon: &'a Horizon, ledger: &'a Ledger) -> impl Iterator<Item = String> + 'a {
    let of = |s: &&Slice| directory::tables_of(ledger.report()).iter().any(|t| horizon.takes(t, s.day));
    let answers = ledger.slices().chain(ledger.held()).filter(of).flat_map(Slice::answers);
    let objects = ledger.slices().flat_map(|s| &s.objects).map(|o| &o.path).filter(|path| horizon.takes_object(path));
    answers.chain(objects).cloned()
}

/// Where the manifest of what is shared is not the one that the shared marts make.
async fn shared(lake: &Lake, layout: &Layout, state: &State) -> Result<Option<Finding>> {
    let key = layout.shared_manifest();
    let there = lake.read(&key).await?.map(|found| found.bytes.to_vec());
    let wanted = SharedManifest::of(state.published()).bytes();
    let (wrong, message) = match (there, wanted) {
        (there, wanted) if there == wanted => return Ok(None),
        (None, _) => (Wrong::Missing, "there is no manifest of what is shared; the next night writes it"),
        (Some(_), None) => (Wrong::Foreign, "a manifest of what is shared, and nothing is"),
        (Some(_), Some(_)) => (Wrong::Ledger, "it is not the manifest of the shared marts that there are"),
    };
    Ok(Some(Finding::new(&key, wrong, message)))
}

/// What a ledger says that there is. Of an object that several slices name, the latest word counts.
fn learn(all: &mut All, ledger: &Ledger) {
    let form = || Some(Form { schema: schema_of(ledger.report()).map(|(schema, _)| schema) });
    let mut slices: Vec<&Slice> = ledger.slices().chain(ledger.held()).collect();
    slices.sort_by(|a, b| a.published_at.cmp(&b.published_at));
    for slice in slices {
        for object in &slice.objects {
            // A list of the directory fills several tables.
            let table = object.path.split('/').nth(1).unwrap_or_default();
            let form =
                if table == ledger.report() { form() } else { Some(Form { schema: schema_of(table).map(|s| s.0) }) };
            all.insert(object.path.clone(), Expected::new(object, form));
        }
        let kept = slice.raw.iter().chain(&slice.rejects);
        let before = slice.before.iter().flat_map(|r| r.raw.iter().chain(&r.rejects));
        for object in kept.chain(before) {
            all.entry(object.path.clone()).or_insert_with(|| Expected::new(object, None));
        }
    }
}

/// Where the manifest says something else than ledger and marts.
fn contradictions(manifest: &Manifest, all: &All) -> Vec<Finding> {
    let mut found = Vec::new();
    let published = |key: &str| !key.starts_with("raw/") && !key.starts_with("_usagelake/");
    for object in manifest.under("") {
        match all.get(&object.path) {
            None => found.push((object.path, "the manifest names it, and neither ledger nor marts do")),
            Some(expected) if !expected.is(&object) => {
                found.push((object.path, "the manifest has another size, hash or number of rows for it"));
            }
            Some(_) => {}
        }
    }
    let unnamed = all.keys().filter(|key| published(key) && !manifest.objects.contains_key(*key));
    found.extend(unnamed.map(|key| (key.clone(), "the manifest does not name it")));
    found.into_iter().map(|(key, message)| Finding::new(&key, Wrong::Ledger, message)).collect()
}

/// What is wrong with the manifest itself, and what lies among the ledgers and is in none of its lines.
async fn unnamed(lake: &Lake, layout: &Layout, manifest: &Manifest) -> Result<Vec<Finding>> {
    let key = layout.manifest();
    let bytes = lake.read(&key).await?.map(|found| found.bytes).unwrap_or_default();
    if !manifest.is_as_written(&bytes) {
        return Ok(vec![Finding::new(&key, Wrong::Hash, "its SHA-256 is not the one that it has for itself")]);
    }
    // One of a version that did not know the ledger's objects names none.
    if manifest.about.is_empty() {
        return Ok(Vec::new());
    }
    let there = lake.list(&layout.ledgers()).await?.into_iter().filter(|(key, _)| !manifest.about.contains_key(key));
    let strangers = there.map(|(key, size)| {
        Finding::new(&key, Wrong::Foreign, format!("{size} bytes of a ledger that the manifest does not name"))
    });
    Ok(strangers.collect())
}
