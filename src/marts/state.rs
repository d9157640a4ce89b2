//! What was built from what: for each model and month a fingerprint and the object that came of it.
//!
//! It is written after the objects. What it does not know is built again, to the same bytes: a lost state costs work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::coverage::Known;
use crate::day::Day;
use crate::error::Result;
use crate::lake::{Guard, Lake, Layout, hex};
use crate::ledger::{Manifest, Object, Sum};

/// Raised when the engine answers the same SQL over the same objects with other bytes: then all is built again.
const ENGINE: u32 = 1;

/// The state of a tenant's marts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    engine: u32,
    /// By model and month; the empty text is the month of models without months.
    built: BTreeMap<String, BTreeMap<String, Kept>>,
    /// Ledger objects that no longer change.
    #[serde(default)]
    pub coverage: Known,
}

/// A partition of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What it was built from.
    pub fingerprint: String,
    /// What came of it; none where it has no rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Whether it is not built again and has columns of an earlier contract, which cannot become those of today.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
}

fn word(month: Option<Day>) -> String {
    month.map(|m| m.to_string()).unwrap_or_default()
}

impl State {
    /// The state that was written last. One that cannot be read, or is of another engine, counts as none.
    pub async fn read(lake: &Lake, layout: &Layout) -> Result<State> {
        let found = lake.read(&layout.marts_state()).await?;
        let state: Option<State> = found.and_then(|f| serde_json::from_slice(&f.bytes).ok());
        let mut state = state.unwrap_or_default();
        if state.engine != ENGINE {
            // The objects are remembered, so that those that no model makes any more go away.
            state.built.values_mut().flat_map(BTreeMap::values_mut).for_each(|kept| kept.fingerprint.clear());
            state.engine = ENGINE;
        }
        Ok(state)
    }

    /// Writes it, where it is another than `before`, and notes it in the manifest.
    pub async fn write(
        &self,
        lake: &Lake,
        layout: &Layout,
        guard: &Guard,
        before: &State,
        manifest: &mut Manifest,
    ) -> Result<()> {
        let (key, text) = (layout.marts_state(), serde_json::to_vec(self).unwrap_or_default());
        let sum = Sum::of(&text);
        if self != before || manifest.about.get(&key) != Some(&sum) {
            lake.replace(&key, text.into(), guard).await?;
            manifest.about.insert(key, sum);
        }
        Ok(())
    }

    /// What is known of a partition.
    pub fn get(&self, model: &str, month: Option<Day>) -> Option<&Kept> {
        self.built.get(model)?.get(&word(month))
    }

    /// Notes a partition that was built.
    pub fn set(&mut self, model: &str, month: Option<Day>, kept: Kept) {
        self.built.entry(model.to_string()).or_default().insert(word(month), kept);
    }

    /// The months of a model that were built.
    pub fn months(&self, model: &str) -> impl Iterator<Item = Day> {
        self.built.get(model).into_iter().flat_map(BTreeMap::keys).filter_map(|month| month.parse().ok())
    }

    /// The objects of a model, by month.
    pub fn objects(&self, model: &str) -> Vec<Object> {
        self.built.get(model).into_iter().flat_map(BTreeMap::values).filter_map(|k| k.object.clone()).collect()
    }

    /// The objects of marts and shared marts; steps on the way are nobody's business.
    pub fn published(&self) -> impl Iterator<Item = &Object> {
        let all = self.built.values().flat_map(BTreeMap::values).filter_map(|k| k.object.as_ref());
        all.filter(|o| !o.path.starts_with("_usagelake/"))
    }

    /// All objects, with their model: marts, and steps on the way to them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.built.iter().flat_map(|(model, months)| {
            months.values().filter_map(|k| k.object.as_ref()).map(move |object| (model.as_str(), object))
        })
    }

    /// Objects that are not built again and have columns of an earlier contract, with their model.
    pub fn earlier(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.built.iter().flat_map(|(model, months)| {
            let earlier = months.values().filter(|k| k.earlier).filter_map(|k| k.object.as_ref());
            earlier.map(move |object| (model.as_str(), object))
        })
    }

    /// Forgets partitions for which `keep` does not hold, and gives their objects.
    pub fn drop_unless(&mut self, keep: impl Fn(&str, Option<Day>) -> bool) -> Vec<Object> {
        let mut dropped = Vec::new();
        for (model, months) in &mut self.built {
            months.retain(|month, kept| {
                let stays = keep(model, month.parse().ok());
                if !stays {
                    dropped.extend(kept.object.take());
                }
                stays
            });
        }
        self.built.retain(|_, months| !months.is_empty());
        dropped
    }
}

/// A fingerprint that grows part by part; each part is set apart from the next.
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of nothing yet.
    pub fn new() -> Fingerprint {
        Fingerprint(Sha256::new())
    }

    /// Adds a part.
    pub fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        hex(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let print = |parts: &[&str]| {
            let mut f = Fingerprint::new();
            parts.iter().for_each(|p| f.add(p));
            f.finish()
        };
        assert_ne!(print(&["ab", "c"]), print(&["a", "bc"]));
        assert_eq!(print(&["ab", "c"]), print(&["ab", "c"]));
    }

    #[test]
    fn what_is_dropped_gives_its_objects() {
        let object = |n: u64| Object { path: format!("marts/x/{n}"), size: n, sha256: String::new(), rows: n };
        let mut state = State::default();
        let month = |n: u32| Day::new(2026, n, 1);
        for n in 1..=3u32 {
            state.set(
                "x",
                month(n),
                Kept { fingerprint: "f".into(), object: Some(object(u64::from(n))), earlier: false },
            );
        }
        state.set("y", None, Kept { fingerprint: "f".into(), object: None, earlier: false });
        let dropped = state.drop_unless(|model, m| model == "x" && m > month(1));
        assert_eq!(dropped, [object(1)]);
        assert_eq!((state.objects("x").len(), state.get("y", None)), (2, None));
    }
}
