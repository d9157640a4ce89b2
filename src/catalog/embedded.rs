//! The TOML files that are part of the binary, one thing each.

use include_dir::{Dir, File};
use serde::de::DeserializeOwned;

/// Everything in a folder whose name begins with `prefix`, in no order that means anything.
pub(super) fn read<T: DeserializeOwned>(folder: &Dir<'_>, prefix: &str) -> Vec<T> {
    let toml = folder.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml"));
    toml.filter(|f| f.path().to_string_lossy().starts_with(prefix)).map(parse).collect()
}

/// One file of a folder.
pub(super) fn file<T: DeserializeOwned + Default>(folder: &Dir<'_>, name: &str) -> T {
    folder.get_file(name).map(parse).unwrap_or_default()
}

/// Panics where a file is wrong: each is read by a test, so a broken one cannot ship.
fn parse<T: DeserializeOwned>(file: &File<'_>) -> T {
    let text = file.contents_utf8().unwrap_or_default();
    toml::from_str(text).unwrap_or_else(|e| panic!("{}: {e}", file.path().display()))
}
