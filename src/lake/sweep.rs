//! What a killed run leaves on local disk: files beside an object that never became it (`part-0.parquet#1`).
//!
//! Object stores have none: their parts expire by the store's own rules.

use std::path::Path;

use super::Lake;

impl Lake {
    /// Deletes what a run of the tenant left half-written, and answers how many files that were. The caller holds the
    /// tenant, so nobody writes them any more. What cannot be deleted is in nobody's way and stays.
    pub async fn sweep(&self, tenant: &str) -> u64 {
        let Some(folder) = self.disk.clone() else { return 0 };
        let tenant = tenant.to_string();
        tokio::task::spawn_blocking(move || sweep(&folder, &tenant, false)).await.unwrap_or(0)
    }
}

fn sweep(folder: &Path, tenant: &str, mine: bool) -> u64 {
    let mut swept = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            let other = name.starts_with("tenant=") && name.strip_prefix("tenant=") != Some(tenant);
            swept += if other { 0 } else { sweep(&entry.path(), tenant, mine || name.starts_with("tenant=")) };
        } else if half_written(&name, tenant, mine) && std::fs::remove_file(entry.path()).is_ok() {
            swept += 1;
        }
    }
    swept
}

/// Whether a file is the beginning of an object, and of this tenant's.
fn half_written(name: &str, tenant: &str, mine: bool) -> bool {
    let Some((object, number)) = name.rsplit_once('#') else { return false };
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    // Whoever makes the layout at this moment finds that it is there, with or without their half.
    let layout = object == "layout.json";
    numbered && (mine || layout || object.strip_prefix(tenant).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_half_written_and_the_tenants_own_goes() {
        assert!(half_written("part-0.parquet#1", "contoso", true));
        assert!(half_written("contoso.json#12", "contoso", false));
        assert!(half_written("layout.json#1", "contoso", false));
        for kept in ["part-0.parquet", "part-0.parquet#", "part#x", "fabrikam.json#1", "contoso-eu.json#1"] {
            assert!(!half_written(kept, "contoso", false), "{kept}");
        }
        let folder = tempfile::tempdir().unwrap();
        for tenant in ["contoso", "fabrikam"] {
            let month = folder.path().join(format!("tables/a/tenant={tenant}/month=2026-11-01"));
            std::fs::create_dir_all(&month).unwrap();
            std::fs::write(month.join("part-0.parquet"), "whole").unwrap();
            std::fs::write(month.join("part-0.parquet#1"), "half").unwrap();
        }
        assert_eq!((sweep(folder.path(), "contoso", false), sweep(folder.path(), "contoso", false)), (1, 0));
        assert_eq!(sweep(folder.path(), "fabrikam", false), 1);
    }
}
