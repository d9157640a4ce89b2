//! The TOML files that are part of the binary, one thing each.

use include_dir::Dir;
use serde::de::DeserializeOwned;

/// Everything in a folder, in no order that means anything.
///
/// Panics where a file is wrong: each is read by a test, so a broken one cannot ship.
pub(super) fn read<T: DeserializeOwned>(folder: &Dir<'_>) -> Vec<T> {
    let toml = folder.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml"));
    toml.map(|f| {
        let text = f.contents_utf8().unwrap_or_default();
        toml::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", f.path().display()))
    })
    .collect()
}
