//! Where things are: the lake's published contract. A path is made here and nowhere else.

use serde::{Deserialize, Serialize};

use super::Lake;
use crate::day::{Day, Window};
use crate::error::{Error, Kind, Result};

/// The layout that this version writes and reads.
pub const LAYOUT_VERSION: u32 = 1;

const LAYOUT: &str = "_usagelake/layout.json";

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

    /// The cells of a response that did not parse, one JSON object a line.
    pub fn rejects(&self, report: &str, window: Window, name: &str) -> String {
        format!("_usagelake/rejects/tenant={}/report={report}/{}/{name}.jsonl", self.tenant, window.folder())
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

    /// The lock or lease of the tenant's writer.
    pub fn lock(&self) -> String {
        format!("_usagelake/lock/{}.json", self.tenant)
    }

    /// There while a run writes: one that is found by the next run was left by a run that did not end.
    pub fn running(&self) -> String {
        format!("_usagelake/lock/{}.running", self.tenant)
    }

    /// The record of a run.
    pub fn run(&self, id: &str) -> String {
        format!("_usagelake/runs/{id}.json")
    }
}

impl Lake {
    /// Makes sure that the lake has a layout that this version knows, before anything else is done: a new lake gets its
    /// layout file, an old one must have it. Fails where the lake is of a newer layout. That the lake can be written is
    /// shown by the lock, which every writer takes before its first request.
    pub async fn prepare(&self) -> Result<()> {
        let mine = serde_json::to_vec(&LayoutFile { layout_version: LAYOUT_VERSION }).unwrap_or_default();
        let Some(found) = self.read(LAYOUT).await? else {
            if let Err(e) = self.create(LAYOUT, mine.into()).await {
                // Another run may have made it between our read and our write.
                return if self.read(LAYOUT).await?.is_some() { Ok(()) } else { Err(e) };
            }
            return Ok(());
        };
        let layout: LayoutFile = serde_json::from_slice(&found.bytes).map_err(|e| {
            Error::new(Kind::Lake, "the layout file of the lake cannot be read").with("lake", self.address()).because(e)
        })?;
        if layout.layout_version > LAYOUT_VERSION {
            return Err(Error::new(
                Kind::Lake,
                format!("the lake has layout {}, this version knows {LAYOUT_VERSION}", layout.layout_version),
            )
            .with("lake", self.address())
            .hint("update usagelake"));
        }
        Ok(())
    }
}
