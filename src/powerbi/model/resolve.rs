//! From the definitions and the contracts to one of the two models.

use std::collections::BTreeSet;

use super::dax::{Reference, references};
use super::rows::{readers, reports};
use super::table::Table;
use crate::config::Reader;
use crate::error::{Error, Kind, Result};
use crate::marts::{Contract, Model as Mart, Models, Partition};
use crate::powerbi::definitions::{Audience, Definitions, Measure, Relationship, Role, TableDefinition};

/// A model, whole.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its tables.
    pub tables: Vec<Table>,
    /// What stands between them.
    pub relationships: Vec<Relationship>,
    /// Restricted readers.
    pub roles: Vec<Role>,
}

impl Model {
    /// The model for an audience. A measure is in it where everything is that it names; a mart that no definition names is a
    /// table under its title in the model with people.
    pub fn of(definitions: &Definitions, models: &Models, audience: Audience, readers_of: &[Reader]) -> Result<Model> {
        let mine = |project: Option<Audience>| project.is_none_or(|p| p == audience);
        let mut tables = Vec::new();
        for definition in definitions.tables.iter().filter(|t| mine(t.project)) {
            let contract = definition.mart.as_deref().map(|mart| contract(models, mart, audience)).transpose()?;
            let rows = match definition {
                d if d.catalog => reports(),
                d if d.readers => readers(readers_of),
                d => d.rows.clone(),
            };
            tables.push(Table::of(definition, contract.as_ref(), rows));
        }
        let mut relationships = definitions.relationships.clone();
        if audience == Audience::People {
            for mart in models.marts().into_iter().filter(|m| !definitions.has(m)) {
                tables.push(Table::of(&by_itself(&mart.contract), Some(&mart.contract), Vec::new()));
                if mart.by_month() {
                    let from = format!("{}.{}", mart.contract.title, super::table::MONTH);
                    relationships.push(Relationship { from, to: "Calendar.Date".to_string() });
                }
            }
        }
        let has = |end: &str| end.split_once('.').is_some_and(|(t, c)| column_of(&tables, t, c));
        relationships.retain(|r| has(&r.from) && has(&r.to));
        for measure in measures(&definitions.measures_for(audience), definitions, &tables) {
            tables.iter_mut().filter(|t| t.name == measure.table).for_each(|t| t.measures.push(measure.clone()));
        }
        let names: BTreeSet<&str> = tables.iter().map(|t| t.name.as_str()).collect();
        let mut roles = definitions.roles.clone();
        for role in &mut roles {
            role.open.retain(|t| names.contains(t.as_str()));
            role.filters.retain(|t, _| names.contains(t.as_str()));
        }
        Ok(Model { tables, relationships, roles })
    }

    /// The table with this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.name == name)
    }
}

impl Definitions {
    fn has(&self, mart: &Mart) -> bool {
        self.tables.iter().any(|t| t.mart.as_deref() == Some(mart.name()))
    }

    /// The measures, each with the expression that it has there.
    fn measures_for(&self, audience: Audience) -> Vec<Measure> {
        let mut all = self.measures.clone();
        if audience == Audience::Shared {
            all.iter_mut().for_each(|m| m.dax = m.dax_shared.take().unwrap_or_else(|| m.dax.clone()));
        }
        all
    }
}

/// The contract of a mart as the audience sees it: nobody is shown a column that is null for them by intent.
fn contract(models: &Models, mart: &str, audience: Audience) -> Result<Contract> {
    let found = models.get(mart).map(|m| &m.contract).ok_or_else(|| {
        Error::new(Kind::Model, format!("the Power BI model has a table of `{mart}`, which is no mart"))
            .hint("a folder of models must keep the marts that come with usagelake")
    })?;
    match audience {
        Audience::People => Ok(found.clone()),
        Audience::Shared => found.shown().ok_or_else(|| {
            Error::new(
                Kind::Model,
                format!("the shared Power BI model has a table of `{mart}`, of which nothing is shared"),
            )
            .hint("give its contract a `[shared]`, as the mart that comes with usagelake has it")
        }),
    }
}

/// A table of a mart that somebody added.
fn by_itself(contract: &Contract) -> TableDefinition {
    let hidden =
        if contract.partition == Partition::Month { vec![super::table::MONTH.to_string()] } else { Vec::new() };
    TableDefinition {
        name: contract.title.clone(),
        mart: Some(contract.model.clone()),
        hidden,
        ..TableDefinition::default()
    }
}

fn column_of(tables: &[Table], table: &str, column: &str) -> bool {
    tables.iter().any(|t| t.name == table && t.column(column).is_some())
}

/// The measures of which everything is there that they name.
fn measures<'a>(all: &'a [Measure], definitions: &Definitions, tables: &[Table]) -> Vec<&'a Measure> {
    let mut there: Vec<&Measure> = all.iter().collect();
    let in_tables = |m: &&Measure| {
        let columns = references(&m.dax).into_iter().all(|r| match r {
            Reference::Column(t, c) => column_of(tables, &t, &c),
            Reference::Table(t) => {
                !definitions.tables.iter().any(|d| d.name == t) || tables.iter().any(|table| table.name == t)
            }
            Reference::Measure(_) => true,
        });
        columns && tables.iter().any(|t| t.name == m.table)
    };
    there.retain(in_tables);
    loop {
        let names: BTreeSet<&str> = there.iter().map(|m| m.name.as_str()).collect();
        let gone = |m: &Measure| {
            references(&m.dax).into_iter().any(|r| match r {
                Reference::Measure(name) => all.iter().any(|d| d.name == name) && !names.contains(name.as_str()),
                _ => false,
            })
        };
        let left: Vec<&Measure> = there.iter().copied().filter(|m| !gone(m)).collect();
        if left.len() == there.len() {
            return left;
        }
        there = left;
    }
}
