//! `[powerbi]`: who may see which part of the Power BI model, and what is refreshed after a night.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[powerbi]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerBiFile {
    /// What readers with a restricted role may see. They are members of the role in Power BI too.
    #[serde(default)]
    pub readers: Vec<Reader>,
    /// The dataset of the project with people, refreshed after a night that published something.
    #[serde(default)]
    pub refresh: Option<PowerBiRefresh>,
    /// The dataset of the shared project, likewise.
    #[serde(default)]
    pub refresh_shared: Option<PowerBiRefresh>,
}

/// One country or department that a reader may see. Several of them: several entries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reader {
    /// The reader's name for signing in.
    pub reader: String,
    /// A country, for members of the role `Countries`.
    #[serde(default)]
    pub country: Option<String>,
    /// A department, for members of the role `Departments`.
    #[serde(default)]
    pub department: Option<String>,
}

/// A dataset of the Power BI service. The tenant's application refreshes it, so it must be a member of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerBiRefresh {
    /// The id of the workspace.
    pub workspace: String,
    /// The id of the dataset, or semantic model.
    pub dataset: String,
    /// Whether the night waits for the refresh to end, and says how.
    #[serde(default)]
    pub wait: bool,
    /// Whether all of the dataset is refreshed and not the tables that changed: for workspaces without a capacity.
    #[serde(default)]
    pub whole: bool,
    /// Another address of the Power BI service than the cloud's.
    #[serde(default)]
    pub endpoint: Option<String>,
}
