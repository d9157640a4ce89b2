//! A project: what it is called, what it reads, and its files.

use super::definitions::{Audience, Definitions};
use super::identity::identity;
use super::model::{self, Lake, Model, Source};
use super::report;
use crate::config::{Reader, check_tenant};
use crate::error::{Error, Kind, Result};
use crate::lake::Layout;
use crate::marts::Models;

/// A file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the project's folder, with forward slashes.
    pub path: String,
    /// All of its text.
    pub text: String,
}

/// What tells a project apart from others.
#[derive(Debug, Clone)]
pub struct Project {
    /// The name of its files, and what the workspace shows.
    pub name: String,
    /// The tenant.
    pub tenant: String,
    /// Who reads it.
    pub audience: Audience,
    /// How Power BI reaches the lake.
    pub source: Source,
    /// What restricted readers may see.
    pub readers: Vec<Reader>,
}

impl Project {
    /// Refuses names that are no names of files or folders everywhere.
    pub fn check(&self) -> Result<()> {
        check_tenant(&self.tenant)?;
        let good = |c: char| c.is_ascii_alphanumeric() || "-_ ".contains(c);
        if self.name.is_empty() || !self.name.chars().all(good) {
            return Err(Error::new(Kind::Usage, format!("`{}` is no name of a project", self.name))
                .hint("use letters, digits, blanks, `-` and `_`: it is the name of files and of what Power BI shows"));
        }
        Ok(())
    }

    /// All files, by path.
    pub fn files(&self, definitions: &Definitions, models: &Models) -> Result<Vec<File>> {
        let model = Model::of(definitions, models, self.audience, &self.readers)?;
        let layout = Layout::new(&self.tenant);
        let (folder, manifest) = match self.audience {
            Audience::People => ("marts", layout.manifest()),
            // The other counts the rows of everything, exactly.
            Audience::Shared => ("marts_shared", layout.shared_manifest()),
        };
        let lake = Lake { source: self.source.clone(), tenant: self.tenant.clone(), folder, manifest };
        let mut files = vec![File { path: format!("{}.pbip", self.name), text: self.pbip() }];
        files.extend(model::files(self, &model, &lake));
        files.extend(report::files(self, &model)?);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// An identifier of this project. Two projects of one workspace have different names.
    pub(super) fn identity(&self, names: &[&str]) -> String {
        let own = [self.tenant.as_str(), self.name.as_str()];
        identity(&[&own, names].concat())
    }

    /// `.platform` of one of its two items: how Fabric and git tell items apart.
    pub(super) fn platform(&self, item: &str) -> String {
        format!(
            r#"{{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json",
  "metadata": {{
    "type": "{item}",
    "displayName": "{}"
  }},
  "config": {{
    "version": "2.0",
    "logicalId": "{}"
  }}
}}
"#,
            self.name,
            self.identity(&["item", item])
        )
    }

    fn pbip(&self) -> String {
        format!(
            r#"{{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/pbip/pbipProperties/1.0.0/schema.json",
  "version": "1.0",
  "artifacts": [
    {{
      "report": {{
        "path": "{}.Report"
      }}
    }}
  ],
  "settings": {{
    "enableAutoRecovery": true
  }}
}}
"#,
            self.name
        )
    }
}
