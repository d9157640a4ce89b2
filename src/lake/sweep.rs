//! What a killed run leaves on local disk: files beside an object that never became it (`part-0.parquet#1`).
//!
//! Object stores have none: their parts expire by the store's own rules.

use std::path::{Path, PathBuf};

use super::Lake;

impl Lake {
    /// Deletes what a run of the tenant left half-written, and answers how many files that were. The caller holds the
    /// tenant, so nobody writes them any more. What cannot be deleted is in nobody's way and stays.
    pub async fn sweep(&self, tenant: &str) -> u64 {
        let Some(folder) = self.disk.clone() else { return 0 };
        let tenant = tenant.to_string();
        let sweep = move || halves(&folder, &tenant, false).iter().filter(|p| std::fs::remove_file(p).is_ok()).count();
        tokio::task::spawn_blocking(sweep).await.unwrap_or(0) as u64
    }

    /// The files that a run of the tenant left half-written, by the keys that they would have.
    pub async fn half_written(&self, tenant: &str) -> Vec<String> {
        let Some(folder) = self.disk.clone() else { return Vec::new() };
        let tenant = tenant.to_string();
        let key = |folder: &Path, path: &Path| {
            let parts = path.strip_prefix(folder).unwrap_or(path).components();
            parts.map(|p| p.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
        };
        let look = move || halves(&folder, &tenant, false).iter().map(|p| key(&folder, p)).collect();
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

impl Lake {
    /// Deletes halves of an object that has just been made, of runs that were killed while they made it. Whoever makes it at
    /// this moment finds that it is there, with or without their half.
    pub async fn sweep_beside(&self, key: &str) {
        let Some(path) = self.disk.as_ref().map(|folder| folder.join(key)) else { return };
        // What cannot be deleted is in nobody's way and stays.
        let _ = tokio::task::spawn_blocking(move || sweep_beside(&path)).await;
    }
}

fn sweep_beside(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        if half_written(&found, "", true) && found.rsplit_once('#').is_some_and(|(whole, _)| whole == name) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The beginnings of objects of a tenant under a folder.
fn halves(folder: &Path, tenant: &str, mine: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            let other = name.starts_with("tenant=") && name.strip_prefix("tenant=") != Some(tenant);
            if !other {
                found.extend(halves(&entry.path(), tenant, mine || name.starts_with("tenant=")));
            }
        } else if half_written(&name, tenant, mine) {
            found.push(entry.path());
        }
    }
    found
}

/// Whether a file is the beginning of an object, and of this tenant's.
fn half_written(name: &str, tenant: &str, mine: bool) -> bool {
    let Some((object, number)) = name.rsplit_once('#') else { return false };
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    numbered && (mine || object.strip_prefix(tenant).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_one_object_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["layout.json", "layout.json#1", "layout.json#12", "layout.json#x", "layout.jsonl#1", "other#1"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        sweep_beside(&folder.path().join("layout.json"));
        let left = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = left.collect();
        left.sort();
        assert_eq!(left, ["layout.json", "layout.json#x", "layout.jsonl#1", "other#1"]);
    }

    #[test]
    fn only_what_is_half_written_and_the_tenants_own_goes() {
        assert!(half_written("part-0.parquet#1", "contoso", true));
        assert!(half_written("contoso.json#12", "contoso", false));
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
        let halves = |tenant: &str| halves(folder.path(), tenant, false);
        assert_eq!((halves("contoso").len(), halves("fabrikam").len()), (1, 1));
        assert!(halves("contoso")[0].ends_with("tenant=contoso/month=2026-11-01/part-0.parquet#1"));
    }
}
