//! The models: SQL and contract of each, in the order in which they are built.
//!
//! They come with the binary; a folder of the pipeline file replaces some and adds others. All are checked together
//! before the first is run: a model that reads what is not there, or in the end itself, is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::built_in::BuiltIn;
use super::contract::{Contract, ModelKind, Partition};
use super::shared::{self, PREFIX, step};
use super::sources::{schema_of, tables};
use crate::config::Marts;
use crate::day::Day;
use crate::error::{Error, Kind, Result, nearest};
use crate::lake::Layout;

static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/pipelines/usage_analytics");
static CONTRACTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/marts");

/// A model.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it promises and reads.
    pub contract: Contract,
    /// One SELECT.
    pub sql: String,
}

impl Model {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.contract.model
    }

    /// Whether it has a file for each month.
    pub fn by_month(&self) -> bool {
        self.contract.partition == Partition::Month
    }

    /// Where its file is: that of a month, or all of one that has no months.
    pub fn key(&self, layout: &Layout, month: Option<Day>) -> String {
        match self.contract.kind {
            ModelKind::Mart => layout.mart(self.name(), month),
            ModelKind::Staging => layout.staging(self.name(), month),
            ModelKind::Shared => layout.shared(self.name().trim_start_matches(PREFIX), month),
        }
    }

    /// The folder of all its files.
    pub fn folder(&self, layout: &Layout) -> String {
        let key = self.key(layout, None);
        key.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_string())
    }
}

/// All models, each after those that it reads.
#[derive(Debug, Clone, Default)]
pub struct Models(Vec<Model>);

/// Files by name and ending.
type Texts = BTreeMap<(String, &'static str), String>;

impl Models {
    /// The models of the binary, with those of `folder` (`<model>.sql` and `<model>.toml`) over them.
    pub fn load(folder: Option<&Path>) -> Result<Models> {
        let mut texts = Texts::new();
        for (dir, ending) in [(&SQL, "sql"), (&CONTRACTS, "toml")] {
            for file in dir.files().filter(|f| f.path().extension().is_some_and(|e| e == ending)) {
                let name = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
                texts.insert((name, ending), file.contents_utf8().unwrap_or_default().to_string());
            }
        }
        if let Some(folder) = folder {
            read(folder, &mut texts)?;
        }
        Models::of(texts)
    }

    /// The models that a pipeline means: those of the binary and of its folder, and the shared marts that follow from them.
    pub fn configured(options: &Marts) -> Result<Models> {
        Ok(Models::load(options.models.as_deref())?.with_shared(options.min_group_size))
    }

    /// Adds the shared mart of each mart whose contract has one, after all that they are made of.
    pub(super) fn with_shared(mut self, min_group_size: u32) -> Models {
        let is_shared = |name: &str| self.get(name).is_some_and(|m| m.contract.shared.is_some());
        let shared = self.iter().filter_map(|m| shared::of(m, step(min_group_size), is_shared)).collect::<Vec<_>>();
        // In the order of their marts, so one that is run again stands after the shared marts of what its mart reads.
        self.0.extend(shared);
        self
    }

    /// Models of texts: a name, its SQL, its contract.
    #[cfg(test)]
    pub(super) fn of_texts(models: &[(&str, &str, &str)]) -> Result<Models> {
        let sql = models.iter().map(|(name, sql, _)| ((name.to_string(), "sql"), sql.to_string()));
        let contracts = models.iter().map(|(name, _, contract)| ((name.to_string(), "toml"), contract.to_string()));
        Models::of(sql.chain(contracts).collect())
    }

    fn of(mut texts: Texts) -> Result<Models> {
        let names: BTreeSet<String> = texts.keys().map(|(name, _)| name.clone()).collect();
        let mut models = BTreeMap::new();
        for name in names {
            let wrong = |what: String| Error::new(Kind::Config, what).with("model", &name);
            let (sql, contract) = (texts.remove(&(name.clone(), "sql")), texts.remove(&(name.clone(), "toml")));
            let (Some(sql), Some(contract)) = (sql, contract) else {
                return Err(wrong("a model needs SQL and a contract".into())
                    .hint(format!("put `{name}.sql` and `{name}.toml` into one folder")));
            };
            let contract: Contract = toml::from_str(&contract).map_err(|e| {
                wrong("the contract cannot be read".into())
                    .because(std::io::Error::other(e.to_string().trim().to_string()))
            })?;
            if contract.model != name {
                return Err(wrong(format!("its contract calls it `{}`", contract.model)));
            }
            if let Some(mistake) = contract.mistake() {
                return Err(wrong(mistake));
            }
            if name.starts_with(PREFIX) {
                return Err(
                    wrong(format!("`{PREFIX}…` is what shared marts are called")).hint("give the model another name")
                );
            }
            models.insert(name, Model { contract, sql });
        }
        for model in models.values() {
            check_inputs(model, &models)?;
        }
        order(models).map(Models)
    }

    /// Gives a model another SQL.
    #[cfg(test)]
    pub(super) fn replace_sql(&mut self, name: &str, sql: &str) {
        self.0.iter_mut().filter(|m| m.name() == name).for_each(|m| m.sql = sql.to_string());
    }

    /// The names of all but the shared ones, which follow their marts.
    pub fn names(&self) -> Vec<&str> {
        self.iter().map(Model::name).filter(|name| !name.starts_with(PREFIX)).collect()
    }

    /// All, each after those that it reads.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.0.iter()
    }

    /// The published ones, by name.
    pub fn marts(&self) -> Vec<&Model> {
        let mut marts: Vec<&Model> = self.iter().filter(|m| m.contract.kind == ModelKind::Mart).collect();
        marts.sort_by(|a, b| a.name().cmp(b.name()));
        marts
    }

    /// Those of which something is shared, each with the columns that are.
    pub fn shown(&self) -> Models {
        let shown = self.iter().filter(|m| m.contract.kind == ModelKind::Mart).filter_map(|m| {
            let contract = m.contract.shown()?;
            Some(Model { contract, sql: m.sql.clone() })
        });
        Models(shown.collect())
    }

    /// What is shown to anybody: marts and shared marts, by name.
    pub fn published(&self) -> Vec<&Model> {
        let mut all: Vec<&Model> = self.iter().filter(|m| m.contract.kind != ModelKind::Staging).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Whether a published mart has this name.
    pub fn is_mart(&self, name: &str) -> bool {
        self.get(name).is_some_and(|m| m.contract.kind == ModelKind::Mart)
    }

    /// The model with this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.iter().find(|m| m.name() == name)
    }

    /// Those that `wanted` need, themselves included. What is `given` is not looked behind.
    #[cfg(test)]
    pub(super) fn needed(&self, wanted: &BTreeSet<String>, given: &BTreeSet<String>) -> Models {
        let mut needed = wanted.clone();
        for model in self.0.iter().rev() {
            if needed.contains(model.name()) && !given.contains(model.name()) {
                needed.extend(model.contract.inputs.iter().map(|i| i.name.clone()));
            }
        }
        Models(self.iter().filter(|m| needed.contains(m.name())).cloned().collect())
    }
}

fn read(folder: &Path, texts: &mut Texts) -> Result<()> {
    let failed = |e: std::io::Error| {
        Error::new(Kind::Config, "cannot read the folder of models")
            .with("folder", folder.display())
            .because(e)
            .hint("mend `models` under `[marts]`, or leave it out")
    };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = ["sql", "toml"].into_iter().find(|e| path.extension().is_some_and(|x| x == *e));
        if let (Some(ending), Some(name)) = (ending, path.file_stem()) {
            let text = std::fs::read_to_string(&path).map_err(failed)?;
            texts.insert((name.to_string_lossy().into_owned(), ending), text);
        }
    }
    Ok(())
}

/// Refuses inputs that are nothing.
fn check_inputs(model: &Model, models: &BTreeMap<String, Model>) -> Result<()> {
    for input in &model.contract.inputs {
        let name = &input.name;
        if models.contains_key(name) || BuiltIn::find(name).is_some() || schema_of(name).is_some() {
            continue;
        }
        let tables = tables();
        let known = models.keys().chain(&tables).map(String::as_str).chain(BuiltIn::ALL.iter().map(|b| b.name()));
        let error = Error::new(Kind::Config, format!("it reads `{name}`, which is no table and no model"))
            .with("model", model.name());
        return Err(match nearest(name, known) {
            Some(near) => error.hint(format!("the nearest is `{near}`")),
            None => error,
        });
    }
    Ok(())
}

/// Puts each model after those that it reads; equal ones by name.
fn order(mut left: BTreeMap<String, Model>) -> Result<Vec<Model>> {
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let free = |m: &&Model| {
            let others = m.contract.inputs.iter().filter(|i| i.name != m.contract.model);
            others.into_iter().all(|i| !left.contains_key(&i.name))
        };
        let Some(next) = left.values().find(free).map(|m| m.name().to_string()) else {
            let names: Vec<&str> = left.keys().map(String::as_str).collect();
            return Err(Error::new(Kind::Config, "models read each other in a circle").with("models", names.join(", ")));
        };
        ordered.extend(left.remove(&next));
    }
    Ok(ordered)
}
