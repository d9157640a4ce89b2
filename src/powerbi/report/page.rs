//! Pages of the report, as `schemas/powerbi/pages/*.toml` writes them. Nothing here knows Power BI's JSON.
//!
//! A page file holds one page; with `[[each]]` it is a template of several: `{id}`, `{name}` and the other texts of an
//! entry are put into every text of the page, and the entry's own visuals are added.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::Field;
use super::filter::Filter;
use super::format::Format;
use crate::error::{Error, Kind, Result};
use crate::powerbi::Audience;

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/powerbi/pages");

/// A page of the report.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Its name in files: it never changes, or readers' own copies and bookmarks lose it.
    pub page: String,
    /// Its name in the navigator.
    pub title: String,
    /// What the reader sees on it: the headline.
    #[serde(default)]
    pub message: String,
    /// One more sentence under the headline: how the numbers are meant, or when the page is empty.
    #[serde(default)]
    pub note: String,
    /// What the page is for.
    #[serde(default)]
    pub kind: PageKind,
    /// The projects that have it.
    pub projects: Vec<Audience>,
    /// Its slicers, by their names in `report.toml`.
    #[serde(default)]
    pub slicers: Vec<String>,
    /// Filters on all its visuals.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// The fields by which a reader drills through to it.
    #[serde(default)]
    pub drill_through: Vec<Field>,
    /// What it says in the shared project, where that is something else.
    #[serde(default)]
    pub shared: Option<Words>,
    /// Pages of the retired app that it takes the place of, as `retired.toml` names them.
    #[serde(default)]
    pub replaces: Vec<String>,
    /// What stands on it.
    #[serde(default, rename = "visual")]
    pub visuals: Vec<Visual>,
}

/// What a page says.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Its name in the navigator.
    #[serde(default)]
    pub title: Option<String>,
    /// What the reader sees on it.
    #[serde(default)]
    pub message: Option<String>,
    /// One more sentence.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PageKind {
    /// Shown in the navigator.
    #[default]
    Page,
    /// Opened from a data point, with its filters.
    DrillThrough,
    /// Shown beside the pointer.
    Tooltip,
}

/// Something on a page.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Visual {
    /// Its name in files, unique on the page.
    pub id: String,
    /// Power BI's name of the kind of visual.
    #[serde(rename = "type")]
    pub visual_type: String,
    /// Where it stands on the grid: column, row, width, height.
    pub at: [u32; 4],
    /// What it shows; cards have labels instead.
    #[serde(default)]
    pub title: String,
    /// What somebody who cannot see it is told.
    pub alt: String,
    /// The fields by role, as Power BI names the roles.
    pub fields: BTreeMap<String, Vec<Shown>>,
    /// What the rows are sorted by.
    #[serde(default)]
    pub sort: Option<Sort>,
    /// Filters on it alone.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Formatting that differs from the theme's.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Value>>")]
    pub format: Format,
    /// The page that its tooltip shows.
    #[serde(default)]
    pub tooltip: Option<String>,
    /// Whether the month that a reader chooses does not filter it, as it does not filter trends.
    #[serde(default)]
    pub all_months: bool,
    /// The projects that have it; without, all of the page's.
    #[serde(default)]
    pub projects: Vec<Audience>,
    /// What is otherwise in the shared project, which lacks the sums of what people did.
    #[serde(default)]
    pub shared: Option<Instead>,
}

/// What a visual of the shared project has instead of what the visual has.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// The kind of visual.
    #[serde(default, rename = "type")]
    pub visual_type: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub at: Option<[u32; 4]>,
    /// What it shows.
    #[serde(default)]
    pub title: Option<String>,
    /// What somebody who cannot see it is told.
    #[serde(default)]
    pub alt: Option<String>,
    /// The fields by role.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, Vec<Shown>>>,
    /// What the rows are sorted by.
    #[serde(default)]
    pub sort: Option<Sort>,
    /// Filters on it alone.
    #[serde(default)]
    pub filters: Option<Vec<Filter>>,
}

/// A field in a visual.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Shown {
    /// Under its own name.
    Plain(Field),
    /// Under another.
    Renamed {
        /// The field.
        field: Field,
        /// Its name in the visual.
        #[serde(rename = "as")]
        name: String,
    },
}

/// An order of rows.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// The field.
    pub by: Field,
    /// Whether the greatest comes first.
    #[serde(default)]
    pub descending: bool,
}

impl Shown {
    /// The field.
    pub fn field(&self) -> &Field {
        match self {
            Shown::Plain(field) | Shown::Renamed { field, .. } => field,
        }
    }

    /// Its name in the visual, where that is not its own.
    pub fn name(&self) -> Option<&str> {
        match self {
            Shown::Plain(_) => None,
            Shown::Renamed { name, .. } => Some(name),
        }
    }
}

/// Replaces what there is, where there is something else.
fn put<T>(what: &mut T, instead: Option<T>) {
    if let Some(instead) = instead {
        *what = instead;
    }
}

impl Visual {
    /// All fields that it shows.
    pub fn shown(&self) -> impl Iterator<Item = &Field> {
        self.fields.values().flatten().map(Shown::field)
    }

    /// The visual as the shared project has it.
    fn as_shared(&mut self) {
        let Some(instead) = self.shared.take() else { return };
        put(&mut self.visual_type, instead.visual_type);
        put(&mut self.at, instead.at);
        put(&mut self.title, instead.title);
        put(&mut self.alt, instead.alt);
        put(&mut self.fields, instead.fields);
        put(&mut self.filters, instead.filters);
        self.sort = instead.sort.or(self.sort.take());
    }

    /// Whether the project has it, where it has the page.
    pub fn is_for(&self, audience: Audience) -> bool {
        self.projects.is_empty() || self.projects.contains(&audience)
    }
}

impl Page {
    /// All pages of the binary, in the order of their files; templates are written out.
    pub fn all() -> Result<Vec<Page>> {
        let mut files: Vec<_> = PAGES.files().filter(|f| f.path().extension().is_some_and(|e| e == "toml")).collect();
        files.sort_by_key(|f| f.path());
        let mut pages = Vec::new();
        for file in files {
            let read = read(file.contents_utf8().unwrap_or_default());
            pages.extend(read.map_err(|e| e.with("file", file.path().display()))?);
        }
        if let Some(page) = pages.iter().find(|p| p.all_filters().any(Filter::is_ambiguous)) {
            let wrong = Error::new(Kind::Model, "a filter needs exactly one condition").with("page", &page.page);
            return Err(wrong.hint("write one of `values`, `except`, `present` and `top`"));
        }
        Ok(pages)
    }

    /// The page as the shared project has it.
    fn as_shared(&mut self) {
        self.visuals.iter_mut().for_each(Visual::as_shared);
        let Some(words) = self.shared.take() else { return };
        put(&mut self.title, words.title);
        put(&mut self.message, words.message);
        put(&mut self.note, words.note);
    }

    fn all_filters(&self) -> impl Iterator<Item = &Filter> {
        self.filters.iter().chain(self.visuals.iter().flat_map(|v| &v.filters))
    }

    /// The pages that a project has, each with the visuals that it has there.
    pub fn of(audience: Audience) -> Result<Vec<Page>> {
        let mut pages = Page::all()?;
        pages.retain(|p| p.projects.contains(&audience));
        for page in &mut pages {
            page.visuals.retain(|v| v.is_for(audience));
            if audience == Audience::Shared {
                page.as_shared();
            }
        }
        Ok(pages)
    }
}

/// The pages of one file.
fn read(text: &str) -> Result<Vec<Page>> {
    let wrong = |e: toml::de::Error| Error::new(Kind::Model, "a page of the report cannot be read").because(e);
    let mut file: toml::Table = toml::from_str(text).map_err(wrong)?;
    let Some(each) = file.remove("each") else {
        return Ok(vec![toml::Value::Table(file).try_into().map_err(wrong)?]);
    };
    let entries: Vec<toml::Table> = each.try_into().map_err(wrong)?;
    let mut pages = Vec::new();
    for mut entry in entries {
        let mut page = file.clone();
        for list in ["visual", "replaces"] {
            if let Some(toml::Value::Array(more)) = entry.remove(list) {
                let all = page.entry(list).or_insert_with(|| toml::Value::Array(Vec::new()));
                if let toml::Value::Array(all) = all {
                    all.extend(more);
                }
            }
        }
        let mut page = toml::Value::Table(page);
        fill(&mut page, &entry);
        pages.push(page.try_into().map_err(wrong)?);
    }
    Ok(pages)
}

/// Puts the texts of an entry where the template names them: `{name}`.
fn fill(value: &mut toml::Value, entry: &toml::Table) {
    match value {
        toml::Value::String(text) => {
            for (key, word) in entry {
                if let toml::Value::String(word) = word {
                    *text = text.replace(&format!("{{{key}}}"), word);
                }
            }
        }
        toml::Value::Array(all) => all.iter_mut().for_each(|v| fill(v, entry)),
        toml::Value::Table(all) => all.iter_mut().for_each(|(_, v)| fill(v, entry)),
        _ => {}
    }
}
