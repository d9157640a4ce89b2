//! `[powerbi]`: who may see which part of the Power BI model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[powerbi]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerBiFile {
    /// What readers with a restricted role may see. They are members of the role in Power BI too.
    #[serde(default)]
    pub readers: Vec<Reader>,
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
