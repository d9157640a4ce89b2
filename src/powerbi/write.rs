//! Puts the files of a project into a folder.
//!
//! A file that is the same is not touched. What an earlier writing made and this one does not is removed; what somebody else
//! put there is not. A list of what was written stands beside the project.

use std::collections::BTreeSet;
use std::path::Path;

use super::project::{File, Project};
use crate::error::{Error, Kind, Result};

/// How many files became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// New or with other bytes.
    pub written: usize,
    /// As they were.
    pub unchanged: usize,
    /// No longer part of the project.
    pub removed: usize,
}

/// Writes them.
pub fn write(project: &Project, files: &[File], folder: &Path) -> Result<Written> {
    let list = format!(".{}.files", project.name);
    let before: BTreeSet<String> =
        read(&folder.join(&list))?.map(|t| t.lines().map(str::to_string).collect()).unwrap_or_default();
    let mut done = Written::default();
    for file in files {
        match put(folder, &file.path, &file.text)? {
            true => done.written += 1,
            false => done.unchanged += 1,
        }
    }
    let now: BTreeSet<String> = files.iter().map(|f| f.path.clone()).collect();
    for path in before.difference(&now) {
        done.removed += usize::from(remove(folder, path)?);
    }
    let text: String = now.iter().map(|p| format!("{p}\n")).collect();
    put(folder, &list, &text)?;
    Ok(done)
}

/// Whether the file had to be written.
fn put(folder: &Path, path: &str, text: &str) -> Result<bool> {
    let path = folder.join(path);
    if read(&path)?.is_some_and(|t| t == text) {
        return Ok(false);
    }
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(|e| failed("cannot make a folder of the project", parent, e))?;
    std::fs::write(&path, text).map_err(|e| failed("cannot write a file of the project", &path, e))?;
    Ok(true)
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("cannot read a file of the project", path, e)),
    }
}

/// Removes a file that an earlier writing made, and folders that are empty then. A list that somebody edited leads nowhere
/// outside the project.
fn remove(folder: &Path, path: &str) -> Result<bool> {
    let inside = Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
    let file = folder.join(path);
    if !inside || !file.is_file() {
        return Ok(false);
    }
    std::fs::remove_file(&file).map_err(|e| failed("cannot remove a file of the project", &file, e))?;
    let mut empty = file.parent();
    while let Some(parent) = empty.filter(|p| *p != folder) {
        if std::fs::remove_dir(parent).is_err() {
            break;
        }
        empty = parent.parent();
    }
    Ok(true)
}

fn failed(what: &str, path: &Path, e: std::io::Error) -> Error {
    Error::new(Kind::File, what)
        .with("path", path.display())
        .because(e)
        .hint("name a folder that you may write to with `--out`")
}
