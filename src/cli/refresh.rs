//! After a night: Power BI reads what is new.

use super::output;
use crate::config::{Pipeline, PowerBiRefresh, Tenant};
use crate::day::Day;
use crate::error::{Error, Result};
use crate::graph::{PowerBi, Refreshed, Settings};
use crate::marts::Models;
use crate::night::record::RunRecord;
use crate::powerbi::{Audience, Definitions, Model};

/// Has Power BI read what is new. The night is as it is, whatever becomes of that.
pub(super) async fn refresh(pipeline: &Pipeline, tenant: &Tenant, models: &Models, record: &RunRecord, today: Day) {
    let datasets = [(Audience::People, &pipeline.refresh), (Audience::Shared, &pipeline.refresh_shared)];
    for (audience, wanted) in datasets {
        let Some(wanted) = wanted else { continue };
        match dataset(wanted, audience, tenant, models, record, today).await {
            Ok(None) => {}
            Ok(Some((done, tables))) => {
                let done = if done == Refreshed::Completed { "refreshed" } else { "refresh begun" };
                let tables =
                    if wanted.whole { "all tables".to_string() } else { output::plural(tables as u64, "table") };
                output::say(&format!("{}: {}: {done}, {tables}", tenant.name, name(audience)));
            }
            Err(e) => {
                output::say(&format!("warning: {}: {} was not refreshed: {e}", tenant.name, name(audience)));
                e.hint_text().iter().for_each(|hint| output::say(&format!("  hint: {hint}")));
            }
        }
    }
}

fn name(audience: Audience) -> &'static str {
    match audience {
        Audience::People => "Power BI",
        Audience::Shared => "Power BI, shared",
    }
}

/// How the refresh of a dataset stands, and of how many tables it is; none where the night has changed nothing of it.
async fn dataset(
    wanted: &PowerBiRefresh,
    audience: Audience,
    tenant: &Tenant,
    models: &Models,
    record: &RunRecord,
    today: Day,
) -> Result<Option<(Refreshed, usize)>, Error> {
    let Some(marts) = &record.marts else { return Ok(None) };
    let stale = Model::of(&Definitions::load()?, models, audience, &[])?.stale(audience, &marts.built.models, today);
    if stale.is_empty() {
        return Ok(None);
    }
    let service = PowerBi::new(tenant, wanted.endpoint.as_deref(), Settings::default())?;
    Ok(Some((service.refresh(wanted, &stale).await?, stale.len())))
}
