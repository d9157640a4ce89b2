//! The report: one empty page.

use super::model::Model;
use super::project::{File, Project};
use crate::error::Result;

const DEFINITION: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/report/definitionProperties/2.0.0/schema.json",
  "version": "4.0",
  "datasetReference": {
    "byPath": {
      "path": "../NAME.SemanticModel"
    }
  }
}
"#;
const VERSION: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/versionMetadata/1.0.0/schema.json",
  "version": "2.0.0"
}
"#;
const PAGE: &str = "page";

/// All files of the report.
pub(super) fn files(project: &Project, _model: &Model) -> Result<Vec<File>> {
    let root = format!("{}.Report", project.name);
    let file = |path: &str, text: String| File { path: format!("{root}/{path}"), text };
    Ok(vec![
        file(".platform", project.platform("Report")),
        file("definition.pbir", DEFINITION.replace("NAME", &project.name)),
        file("definition/version.json", VERSION.to_string()),
        file("definition/report.json", REPORT.to_string()),
        file("definition/pages/pages.json", PAGES.to_string()),
        file(&format!("definition/pages/{PAGE}/page.json"), FIRST.to_string()),
    ])
}

const REPORT: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/report/3.3.0/schema.json",
  "themeCollection": {}
}
"#;
const PAGES: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/pagesMetadata/1.1.0/schema.json",
  "pageOrder": [
    "page"
  ],
  "activePageName": "page"
}
"#;
const FIRST: &str = r#"{
  "$schema": "https://developer.microsoft.com/json-schemas/fabric/item/report/definition/page/2.1.0/schema.json",
  "name": "page",
  "displayName": "Usage",
  "displayOption": "FitToPage",
  "height": 720,
  "width": 1280
}
"#;
