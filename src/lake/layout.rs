//! Where things are: the lake's published contract. A path is made here and nowhere else.

use serde::{Deserialize, Serialize};

use super::Lake;
use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};

/// The layout that this version writes and reads.
pub const LAYOUT_VERSION: u32 = 1;

const LAYOUT: &str = "_usagelake/layout.json";

/// Folders with a file for each tenant or run.
const ABOUT_ITSELF: [&str; 8] = [
    "_usagelake/runs",
    "_usagelake/manifest",
    "_usagelake/lock",
    "_usagelake/marts",
    "_usagelake/replay",
    "_usagelake/migrate",
    "_usagelake/retention",
    "marts_shared/manifest",
];
/// Files of the whole lake.
const ABOUT_ALL: [&str; 2] = [LAYOUT, "_usagelake/demo.json"];

#[derive(Serialize, Deserialize)]
struct LayoutFile {
    layout_version: u32,
}

/// The paths of one tenant.
#[derive(Debug, Clone)]
pub struct Layout {
    tenant: String,
}

impl Layout {
    /// The paths of the tenant with this partition value.
    pub fn new(tenant: &str) -> Layout {
        Layout { tenant: tenant.to_string() }
    }

    /// The tenant's partition value.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// A partition of a detail table.
    pub fn detail(&self, table: &str, period: u16, day: Day) -> String {
        format!("tables/{table}/tenant={}/period={period}/day={day}/part-0.parquet", self.tenant)
    }

    /// A partition of a counts, summary or directory table. `month` is the first day of it.
    pub fn monthly(&self, table: &str, month: Day) -> String {
        format!("tables/{table}/tenant={}/month={month}/part-0.parquet", self.tenant)
    }

    /// A response as received. `name` tells readings of one window apart.
    pub fn raw(&self, report: &str, window: Window, name: &str) -> String {
        format!("raw/tenant={}/report={report}/{}/{name}", self.tenant, window.folder())
    }

    /// All responses of the tenant.
    pub fn raws(&self) -> String {
        format!("raw/tenant={}", self.tenant)
    }

    /// A response that a guard holds, where raw is not kept for ever: until somebody releases or discards it.
    pub fn held(&self, report: &str, window: Window, name: &str) -> String {
        format!("{}/report={report}/{}/{name}", self.helds(), window.folder())
    }

    /// All responses of the tenant that are held outside raw.
    pub fn helds(&self) -> String {
        format!("_usagelake/held/tenant={}", self.tenant)
    }

    /// Whether a key is that of a response that is held outside raw.
    pub fn is_held(&self, key: &str) -> bool {
        key.strip_prefix(&self.helds()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether a key is that of a response as received, of any tenant.
    pub fn is_raw(key: &str) -> bool {
        key.starts_with("raw/")
    }

    /// The day on which a raw answer was received, out of its name: `20261124T020000Z-…` or `import-20261124T…`.
    pub fn received(&self, key: &str) -> Option<Day> {
        let name = key.strip_prefix(&self.raws())?.rsplit('/').next()?;
        let name = name.strip_prefix("import-").unwrap_or(name);
        let digits = name.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        Day::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
    }

    /// Whether an object with this key can be the tenant's, or is nobody's: not where the key names another tenant.
    pub fn may_be_ours(&self, key: &str) -> bool {
        let named = key.split('/').find_map(|part| part.strip_prefix("tenant="));
        named.is_none_or(|tenant| tenant == self.tenant)
    }

    /// Whether the key is that of something that the lake keeps about itself and that no ledger, manifest or mart names:
    /// ledgers, records of runs and the like.
    pub fn keeps(&self, key: &str) -> bool {
        let own = [self.ledgers(), self.forgottens()];
        let under = |folder: &str| key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        ABOUT_ITSELF.iter().any(|folder| under(folder)) || ABOUT_ALL.contains(&key) || own.iter().any(|f| under(f))
    }

    /// The cells of a response that did not parse, one JSON object a line.
    pub fn rejects(&self, report: &str, window: Window, name: &str) -> String {
        format!("{}/report={report}/{}/{name}.jsonl", self.rejecteds(), window.folder())
    }

    /// A month of a report's coverage ledger, one slice a line.
    pub fn ledger(&self, report: &str, month: Day) -> String {
        format!("_usagelake/ledger/tenant={}/report={report}/month={month}.jsonl", self.tenant)
    }

    /// A report's standing: whether it is served, and what was asked when.
    pub fn standing(&self, report: &str) -> String {
        format!("_usagelake/ledger/tenant={}/report={report}/standing.json", self.tenant)
    }

    /// All that the ledger has of the tenant.
    pub fn ledgers(&self) -> String {
        format!("_usagelake/ledger/tenant={}", self.tenant)
    }

    /// A published mart: a month of it, or all of one that has no months.
    pub fn mart(&self, mart: &str, month: Option<Day>) -> String {
        format!("{}/{}part-0.parquet", self.marts(mart), month.map(|m| format!("month={m}/")).unwrap_or_default())
    }

    /// A step on the way to the marts, the same shape.
    pub fn staging(&self, model: &str, month: Option<Day>) -> String {
        format!("_usagelake/staging/{}", self.mart(model, month).trim_start_matches("marts/"))
    }

    /// What of a mart is safe to show, the same shape under a prefix of its own, for rights of its own.
    pub fn shared(&self, mart: &str, month: Option<Day>) -> String {
        format!("marts_shared/{}", self.mart(mart, month).trim_start_matches("marts/"))
    }

    /// All objects of a mart.
    pub fn marts(&self, mart: &str) -> String {
        format!("marts/{mart}/tenant={}", self.tenant)
    }

    /// What the marts were built from, so that only what has changed is built again.
    pub fn marts_state(&self) -> String {
        format!("_usagelake/marts/{}.json", self.tenant)
    }

    /// The manifest of the latest complete night.
    pub fn manifest(&self) -> String {
        format!("_usagelake/manifest/{}.json", self.tenant)
    }

    /// What there is of the tenant under `marts_shared/`: all that those may see who may see nothing else.
    pub fn shared_manifest(&self) -> String {
        format!("marts_shared/manifest/{}.json", self.tenant)
    }

    /// Whether a key is that of an object that the manifest of what is shared names.
    pub fn is_shared(key: &str) -> bool {
        key.starts_with("marts_shared/")
    }

    /// The lock or lease of the tenant's writer.
    pub fn lock(&self) -> String {
        format!("_usagelake/lock/{}.json", self.tenant)
    }

    /// There while a run writes: one that is found by the next run was left by a run that did not end.
    pub fn running(&self) -> String {
        format!("_usagelake/lock/{}.running", self.tenant)
    }

    /// The first day that retention keeps of each table and model.
    pub fn horizon(&self) -> String {
        format!("_usagelake/retention/{}.json", self.tenant)
    }

    /// What a migration is about to put: an object may be newer than what the ledger says of it.
    pub fn migrating(&self) -> String {
        format!("_usagelake/migrate/{}.json", self.tenant)
    }

    /// How far a replay has come.
    pub fn replay(&self) -> String {
        format!("_usagelake/replay/{}.json", self.tenant)
    }

    /// Who is forgotten, as hashes.
    pub fn forgotten(&self) -> String {
        format!("{}/people.json", self.forgottens())
    }

    /// The key of these hashes.
    pub fn forgotten_key(&self) -> String {
        format!("{}/key", self.forgottens())
    }

    /// There while somebody is taken out of the lake: an object may be newer than what the ledger says of it.
    pub fn forgetting(&self) -> String {
        format!("{}/under-way", self.forgottens())
    }

    fn forgottens(&self) -> String {
        format!("_usagelake/forgotten/tenant={}", self.tenant)
    }

    /// The cells of all responses of the tenant that did not parse.
    pub fn rejecteds(&self) -> String {
        format!("_usagelake/rejects/tenant={}", self.tenant)
    }

    /// The records of all runs, of any tenant.
    pub fn runs() -> &'static str {
        "_usagelake/runs"
    }

    /// The record of a run.
    pub fn run(&self, id: &str) -> String {
        format!("_usagelake/runs/{id}.json")
    }
}

impl Lake {
    /// Whether the lake has a layout file. Fails where it is of a newer layout than this version knows: what is where is then
    /// not known, so nobody reads it either.
    pub async fn is_known(&self) -> Result<bool> {
        let Some(found) = self.read(LAYOUT).await? else { return Ok(false) };
        let layout: LayoutFile = serde_json::from_slice(&found.bytes).map_err(|e| {
            Error::new(Kind::Lake, "the layout file of the lake cannot be read").with("lake", self.address()).because(e)
        })?;
        if layout.layout_version > LAYOUT_VERSION {
            let message = format!("the lake has layout {}, this version knows {LAYOUT_VERSION}", layout.layout_version);
            return Err(Error::new(Kind::Lake, message).with("lake", self.address()).hint("update usagelake"));
        }
        Ok(true)
    }

    /// Makes sure that the lake has a layout that this version knows, before anything else is done: a new lake gets its
    /// layout file, an old one must have it. Fails where the lake is of a newer layout. That the lake can be written is
    /// shown by the lock, which every writer takes before its first request.
    pub async fn prepare(&self) -> Result<()> {
        let mine = serde_json::to_vec(&LayoutFile { layout_version: LAYOUT_VERSION }).unwrap_or_default();
        if !self.is_known().await?
            && let Err(e) = self.create(LAYOUT, mine.into()).await
            // Another run may have made it between our read and our write.
            && self.read(LAYOUT).await?.is_none()
        {
            return Err(e);
        }
        // A run that was killed while it made the layout may have left its half beside it.
        self.sweep_beside(LAYOUT).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_an_answer_stands_in_its_name() {
        let (layout, day) = (Layout::new("a"), "2026-11-24".parse().unwrap());
        let folder = "raw/tenant=a/report=b/date=2025-01-01";
        assert_eq!(layout.received(&format!("{folder}/20261124T020304Z-abc.csv.zst")), Some(day));
        assert_eq!(layout.received(&format!("{folder}/import-20261124T020304Z-abc-1.csv.zst")), Some(day));
        assert_eq!(layout.received(&format!("{folder}/somebody-elses.csv")), None);
        assert_eq!(layout.received(&format!("{folder}/99999999T.csv")), None);
    }

    #[test]
    fn what_the_lake_keeps_about_itself_is_known() {
        let layout = Layout::new("a");
        let month = "2026-11-01".parse().unwrap();
        for key in [
            layout.ledger("x", month),
            layout.standing("x"),
            layout.manifest(),
            layout.shared_manifest(),
            layout.run("r"),
            layout.running(),
        ] {
            assert!(layout.keeps(&key) && layout.may_be_ours(&key), "{key}");
        }
        for key in [
            layout.raw("x", Window::Present, "n"),
            layout.monthly("x", month),
            layout.shared("x", Some(month)),
            "notes.txt".into(),
        ] {
            assert!(!layout.keeps(&key), "{key}");
        }
        assert!(!layout.may_be_ours(&Layout::new("b").monthly("x", month)));
    }
}
