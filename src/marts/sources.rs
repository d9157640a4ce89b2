//! What models can read of a tenant: objects of tables as the manifest names them, the ledger, and what was told.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;

use super::built_in::Context;
use super::coverage::{Coverage, Known};
use super::scope::{Scope, day, month, shifted};
use crate::catalog;
use crate::config::Told;
use crate::day::Day;
use crate::engine::Partitions;
use crate::error::Result;
use crate::lake::{Lake, Layout};
use crate::ledger::{Horizon, Manifest, Object};

/// The columns and partitions of a table of the catalog.
pub fn schema_of(table: &str) -> Option<(SchemaRef, Partitions)> {
    if let Some(report) = catalog::all().iter().find(|r| r.table() == table) {
        return Some((report.schema(), if report.by_day() { Partitions::ByDay } else { Partitions::ByMonth }));
    }
    if let Some(table) = catalog::legacy::tables().iter().find(|t| t.table == table) {
        return Some((table.schema(), Partitions::ByMonth));
    }
    let table = catalog::directory::tables().iter().find(|t| t.table == table)?;
    Some((table.schema(), Partitions::ByMonth))
}

/// The names of all tables of the catalog.
pub fn tables() -> Vec<String> {
    let reports = catalog::all().iter().map(|r| r.table());
    let directory = catalog::directory::tables().iter().map(|t| t.table.clone());
    reports.chain(directory).chain(catalog::legacy::tables().iter().map(|t| t.table.clone())).collect()
}

/// What models can read.
pub struct Sources {
    tenant: String,
    today: Day,
    told: Told,
    /// The ledger.
    pub coverage: Coverage,
    tables: BTreeMap<String, Vec<Object>>,
    /// What retention has taken, or is about to.
    pub horizon: Horizon,
    #[cfg(test)]
    named: Option<Vec<Day>>,
}

impl Sources {
    /// The sources of a tenant whose tables are those of `manifest`; `horizon` says what of them was taken, and what is about to be.
    pub async fn of(
        lake: &Lake,
        layout: &Layout,
        manifest: &Manifest,
        told: &Told,
        today: Day,
        known: &Known,
        horizon: Horizon,
    ) -> Result<Sources> {
        let coverage = Coverage::of(lake, layout, today, known).await?;
        Ok(Sources { horizon, ..Sources::new(layout, manifest, told, today, coverage) })
    }

    /// Sources with a coverage of their own.
    pub fn new(layout: &Layout, manifest: &Manifest, told: &Told, today: Day, coverage: Coverage) -> Sources {
        let mut names: Vec<&str> =
            manifest.objects.keys().filter_map(|k| k.strip_prefix("tables/")?.split('/').next()).collect();
        names.dedup();
        let tables = names.into_iter().map(|n| (n.to_string(), manifest.table(n))).collect();
        Sources {
            tenant: layout.tenant().to_string(),
            today,
            told: told.clone(),
            coverage,
            tables,
            horizon: Horizon::default(),
            #[cfg(test)]
            named: None,
        }
    }

    /// The objects of a table, by key.
    pub fn table(&self, name: &str) -> &[Object] {
        self.tables.get(name).map_or(&[], Vec::as_slice)
    }

    /// The months that there are: from the earliest day of a detail to the latest, without a gap.
    pub fn months(&self) -> Vec<Day> {
        #[cfg(test)]
        if let Some(named) = &self.named {
            return named.clone();
        }
        let days = || self.tables.values().flatten().filter_map(day);
        let (Some(first), Some(last)) = (days().min(), days().max()) else { return Vec::new() };
        let months = (0..).map(|n| shifted(first.month(), n));
        months.take_while(|m| *m <= last).collect()
    }

    /// The months of a table of the retired app; none of any other, whose months are those that there are.
    pub fn legacy_months(&self, table: &str) -> impl Iterator<Item = Day> {
        let objects = if catalog::legacy::is_legacy(table) { self.table(table) } else { &[] };
        objects.iter().filter_map(month)
    }

    /// Whether something that `scope` means of a table for the month that is built was taken.
    pub fn was_taken(&self, table: &str, scope: Scope, built: Day) -> bool {
        let Some(until) = self.horizon.done(table) else { return false };
        match scope {
            Scope::Months(from, _) => until > shifted(built, from),
            Scope::Last => until > built,
            // Else the first state after it would pass for the one before it.
            Scope::State => until > built || !self.table(table).iter().filter_map(month).any(|m| m <= built),
            Scope::All | Scope::Nothing => false,
        }
    }

    /// Takes these months for those that there are.
    #[cfg(test)]
    pub(super) fn set_months(&mut self, months: &[Day]) {
        self.named = Some(months.to_vec());
    }

    /// What built-in tables are made of.
    pub fn context(&self) -> Context<'_> {
        Context { tenant: &self.tenant, today: self.today, told: &self.told }
    }
}
