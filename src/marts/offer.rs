//! All tables and marts of a tenant, for whoever asks.

use std::sync::Arc;

use super::models::{Model, Models};
use super::readings::{Book, LedgerTable};
use super::shared::shared_of;
use super::sources::{schema_of, tables};
use crate::engine::{Objects, Session};
use crate::error::Result;
use crate::lake::{Lake, Layout};
use crate::ledger::{Manifest, Object};

/// Adds every table of the catalog, every mart and every shared mart to a session, under their names in the lake. What never
/// landed is an empty table. The ledger is there too, as `ledger`, `readings` and `loads`.
pub async fn offer(session: &Session, lake: &Lake, tenant: &str, models: &Models) -> Result<()> {
    let layout = Layout::new(tenant);
    let manifest = known(lake, &layout).await?;
    for name in tables() {
        if let Some((columns, partitions)) = schema_of(&name) {
            let objects = manifest.table(&name);
            session.add(&name, Arc::new(Objects::new(columns, partitions, &objects)?))?;
        }
    }
    for mart in models.published() {
        add(session, mart.name(), mart, &manifest, &layout)?;
    }
    for book in Book::ALL {
        session.add(book.name(), Arc::new(LedgerTable::new(book, lake, &layout)))?;
    }
    Ok(())
}

/// Adds the shared marts and nothing else, each under the name of its mart.
pub async fn offer_shared(session: &Session, lake: &Lake, tenant: &str, models: &Models) -> Result<()> {
    let layout = Layout::new(tenant);
    let manifest = known(lake, &layout).await?;
    for mart in models.published() {
        if let Some(name) = shared_of(mart.name()) {
            add(session, name, mart, &manifest, &layout)?;
        }
    }
    Ok(())
}

async fn known(lake: &Lake, layout: &Layout) -> Result<Manifest> {
    match Manifest::read(lake, layout).await? {
        Some(manifest) => Ok(manifest),
        None => Manifest::whole(lake, layout).await,
    }
}

fn add(session: &Session, name: &str, mart: &Model, manifest: &Manifest, layout: &Layout) -> Result<()> {
    let objects: Vec<Object> = manifest.under(&format!("{}/", mart.folder(layout)));
    let contract = &mart.contract;
    session.add(name, Arc::new(Objects::new(contract.schema(), contract.partitions(), &objects)?))
}
