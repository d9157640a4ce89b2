//! Pages that somebody else added to the report: they stay, after ours, in the order in which they stood.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::PAGES;
use crate::error::{Error, Kind, Result};
use crate::powerbi::{File, Project};

/// Adds the pages that are in the project's folder, and were not written by an earlier writing, to the order of pages.
pub fn keep_others(project: &Project, files: &mut [File], folder: &Path) -> Result<()> {
    let pages = format!("{}.Report/{PAGES}", project.name);
    let Some(file) = files.iter_mut().find(|f| f.path == pages) else { return Ok(()) };
    let Ok(before) = std::fs::read_to_string(folder.join(&pages)) else { return Ok(()) };
    let list = std::fs::read_to_string(folder.join(format!(".{}.files", project.name))).unwrap_or_default();
    let ours: BTreeSet<&str> = list.lines().collect();
    let before: Value = serde_json::from_str(&before).map_err(|e| {
        let path = folder.join(&pages);
        Error::new(Kind::File, "the order of the report's pages cannot be read")
            .with("path", path.display())
            .because(e)
            .hint(
                "restore the file, or delete it: pages that you added are then put into the order in Power BI Desktop",
            )
    })?;
    let page = |name: &str| format!("{}.Report/definition/pages/{name}/page.json", project.name);
    let order = before["pageOrder"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let others: Vec<&str> =
        order.filter(|n| !ours.contains(page(n).as_str()) && folder.join(page(n)).is_file()).collect();
    let mut now: Value = serde_json::from_str(&file.text)
        .map_err(|e| Error::new(Kind::Model, "the order of pages cannot be written").because(e))?;
    if let Some(order) = now["pageOrder"].as_array_mut() {
        let known: Vec<Value> = order.clone();
        order.extend(others.into_iter().map(Value::from).filter(|n| !known.contains(n)));
    }
    file.text = super::text(&now);
    Ok(())
}
