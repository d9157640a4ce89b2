//! After a night: Power BI reads what is new.

use super::output;
use crate::config::{PowerBiRefresh, Tenant};
use crate::error::Error;
use crate::graph::{PowerBi, Refreshed, Settings};
use crate::night::record::RunRecord;
use crate::powerbi::Definitions;

/// Has Power BI read what is new. The night is as it is, whatever becomes of that.
pub(super) async fn refresh(tenant: &Tenant, wanted: &PowerBiRefresh, record: &RunRecord) {
    let built = record.marts.iter().flat_map(|m| &m.built.models).filter(|m| m.published > 0);
    let marts: Vec<&str> = built.map(|m| m.model.as_str()).collect();
    let result = async {
        let tables = Definitions::load()?.tables_of(&marts);
        if tables.is_empty() {
            return Ok::<_, Error>(None);
        }
        let service = PowerBi::new(tenant, wanted.endpoint.as_deref(), Settings::default())?;
        service.refresh(wanted, &tables).await.map(|done| Some((done, tables.len())))
    };
    match result.await {
        Ok(None) => {}
        Ok(Some((done, tables))) => {
            let done = if done == Refreshed::Completed { "refreshed" } else { "refresh begun" };
            let tables = if wanted.whole { "all tables".to_string() } else { output::plural(tables as u64, "table") };
            output::say(&format!("{}: Power BI: {done}, {tables}", tenant.name));
        }
        Err(e) => {
            output::say(&format!("warning: {}: Power BI was not refreshed: {e}", tenant.name));
            e.hint_text().iter().for_each(|hint| output::say(&format!("  hint: {hint}")));
        }
    }
}
