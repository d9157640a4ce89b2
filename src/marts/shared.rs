//! Shared marts: what of a mart may be shown beyond those who may see people, as data of its contract.
//!
//! A shared mart is a model like any other: SQL that is made here of the contract, over the mart itself. Counts of people are
//! rounded down to a multiple of twice the smallest group, each by itself; a column that the contract does not name is null.
//! Or the mart's own SQL is run again, over shared marts instead of its inputs, so that it cannot know more than they say.
//! docs/disclosure.md says what that guarantees and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::built_in::BuiltIn;
use super::contract::{Column, ColumnType, Contract, Input, ModelKind};
use super::models::Model;
use super::scope::Scope;

/// What a shared mart is called: this, and the mart's name.
pub const PREFIX: &str = "shared_";
/// A rate is shown from so many steps of people on: below, the rounding of its parts could move it by more than a fifth.
const STEPS_OF_A_RATE: u32 = 5;

/// What of a mart is shown beyond those who may see people. A column that is not named here is null.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// Columns that are shown as they are, since they tell nothing of how many people there are.
    #[serde(default)]
    pub plain: Vec<String>,
    /// Columns that count people, or what stands for people: each is rounded down. Rows in which all are 0 are left out.
    #[serde(default)]
    pub people: Vec<String>,
    /// Rates, made anew of two columns of `people`: the first divided by the second.
    #[serde(default)]
    pub rates: BTreeMap<String, [String; 2]>,
    /// Rows that are left out, by the values of a column.
    #[serde(default)]
    pub without: BTreeMap<String, Vec<String>>,
    /// The mart's own SQL is run again: over the shared marts of its inputs, and over nothing where an input has none.
    #[serde(default)]
    pub again: bool,
}

/// The mart of a shared mart, by their names; none where it is no shared mart's.
pub fn shared_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// The numbers that people are rounded down to are multiples of this.
pub fn step(min_group_size: u32) -> u32 {
    2 * min_group_size
}

impl Shared {
    /// What is wrong with it, for the mart that it belongs to.
    pub(super) fn mistake(&self, contract: &Contract) -> Option<String> {
        if contract.kind != ModelKind::Mart {
            return Some("it is no mart, and cannot be shared".to_string());
        }
        if self.again {
            let alone =
                self.plain.is_empty() && self.people.is_empty() && self.rates.is_empty() && self.without.is_empty();
            return (!alone).then(|| "`again` stands alone in `shared`".to_string());
        }
        let of = |name: &String| contract.columns.iter().find(|c| c.name == *name);
        let named = self.plain.iter().chain(&self.people).chain(self.rates.keys());
        if let Some(name) = named.clone().chain(self.without.keys()).find(|n| of(n).is_none()) {
            return Some(format!("`shared` names `{name}`, which is no column"));
        }
        let mut seen = std::collections::BTreeSet::new();
        if let Some(name) = named.clone().find(|n| !seen.insert(*n)) {
            return Some(format!("`shared` names `{name}` twice"));
        }
        let is = |name: &String, t: ColumnType| of(name).is_some_and(|c| c.column_type == t);
        if let Some(name) = self.people.iter().find(|n| !is(n, ColumnType::Int)) {
            return Some(format!("`{name}` of `shared` counts people and is no int"));
        }
        if let Some((name, _)) = self
            .rates
            .iter()
            .find(|(n, parts)| !is(n, ColumnType::Double) || parts.iter().any(|p| !self.people.contains(p)))
        {
            return Some(format!("the rate `{name}` of `shared` is no double, or not of two columns of `people`"));
        }
        if let Some(name) = self.without.keys().find(|n| !is(n, ColumnType::Text)) {
            return Some(format!("rows cannot be left out of `shared` by `{name}`, which is no text"));
        }
        let hidden = contract.key.iter().find(|k| !self.plain.contains(k));
        hidden.map(|k| format!("its key `{k}` is not among the `plain` columns of `shared`"))
    }

    /// Whether a column is null in the shared mart.
    fn withholds(&self, column: &String) -> bool {
        !(self.again || self.plain.contains(column) || self.people.contains(column) || self.rates.contains_key(column))
    }

    /// The SQL of the shared mart. Portable, as that of any model.
    fn sql(&self, contract: &Contract, step: u32) -> String {
        let rounded: Vec<String> = contract.columns.iter().filter_map(|c| self.rounded(c, step)).collect();
        let shown: Vec<String> = contract.columns.iter().map(|c| self.shown(c, step)).collect();
        let mut left_out: Vec<String> = Vec::new();
        for (column, values) in &self.without {
            let values: Vec<String> = values.iter().map(|v| format!("'{}'", v.replace('\'', "''"))).collect();
            left_out.push(format!("{column} NOT IN ({})", values.join(", ")));
        }
        let anybody: Vec<String> = self.people.iter().map(|c| format!("{c} > 0")).collect();
        let only = |conditions: &[String], word: &str| match conditions {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(word)),
        };
        format!(
            "WITH rounded AS (SELECT {} FROM {}{}) SELECT {} FROM rounded{}",
            rounded.join(", "),
            contract.model,
            only(&left_out, " AND "),
            shown.join(", "),
            only(&anybody, " OR "),
        )
    }

    fn rounded(&self, c: &Column, step: u32) -> Option<String> {
        let name = &c.name;
        if self.people.contains(name) {
            return Some(format!("{name} - {name} % {step} AS {name}"));
        }
        self.plain.contains(name).then(|| name.clone())
    }

    fn shown(&self, c: &Column, step: u32) -> String {
        let name = &c.name;
        if let Some([part, whole]) = self.rates.get(name) {
            let enough = step * STEPS_OF_A_RATE;
            return format!(
                "CASE WHEN {whole} >= {enough} THEN CAST({part} AS DOUBLE) / CAST({whole} AS DOUBLE) END AS {name}"
            );
        }
        if self.plain.contains(name) || self.people.contains(name) {
            return name.clone();
        }
        let word = match c.column_type {
            ColumnType::Text => "STRING",
            ColumnType::Int => "BIGINT",
            ColumnType::Double => "DOUBLE",
            ColumnType::Bool => "BOOLEAN",
            ColumnType::Date => "DATE",
            ColumnType::Datetime => "TIMESTAMP",
        };
        format!("CAST(NULL AS {word}) AS {name}")
    }

    /// What is shown and what is not, in one sentence for people.
    pub fn words(&self, contract: &Contract) -> String {
        if self.again {
            return "the same SQL over the shared marts of its inputs".to_string();
        }
        let list = |names: Vec<&String>| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let withheld = contract.columns.iter().map(|c| &c.name).filter(|n| self.withholds(n)).collect::<Vec<_>>();
        let mut parts = Vec::new();
        let mut say = |what: &str, names: Vec<&String>| {
            if !names.is_empty() {
                parts.push(format!("{what} {}", list(names)));
            }
        };
        say("rounded down:", self.people.iter().collect());
        say("made anew of those:", self.rates.keys().collect());
        say("null:", withheld);
        for (column, values) in &self.without {
            say(&format!("without the rows of `{column}`"), values.iter().collect());
        }
        if parts.is_empty() { "as it is".to_string() } else { parts.join("; ") }
    }
}

impl Contract {
    /// The contract of a mart as it is for those who see what is shared alone: without the columns that are null for them;
    /// none where nothing of it is shared.
    pub fn shown(&self) -> Option<Contract> {
        let shared = self.shared.as_ref()?;
        let mut shown = self.clone();
        shown.columns.retain(|c| !shared.withholds(&c.name));
        Some(shown)
    }
}

/// The shared mart of a mart; none where its contract shares nothing. `is_shared` tells which models have one.
pub(super) fn of(model: &Model, step: u32, is_shared: impl Fn(&str) -> bool) -> Option<Model> {
    let mart = &model.contract;
    let shared = mart.shared.as_ref()?;
    let inputs = match shared.again {
        true => mart.inputs.iter().map(|i| instead(i, &is_shared)).collect(),
        false => vec![Input { name: mart.model.clone(), scope: None, alias: None }],
    };
    let contract = Contract {
        model: format!("{PREFIX}{}", mart.model),
        description: format!("{} Safe to show: {}. The step is {step} people.", mart.description, shared.words(mart)),
        kind: ModelKind::Shared,
        inputs,
        shared: None,
        ..mart.clone()
    };
    let sql = if shared.again { model.sql.clone() } else { shared.sql(mart, step) };
    Some(Model { contract, sql })
}

/// What SQL that is run again reads instead of an input, under the input's name.
fn instead(input: &Input, is_shared: impl Fn(&str) -> bool) -> Input {
    let alias = Some(input.view().to_string());
    match BuiltIn::find(&input.name) {
        // What the ledger knows of answers are rows of people. The others are the calendar's and the pipeline file's.
        Some(b) if b != BuiltIn::Coverage => input.clone(),
        None if is_shared(&input.name) => Input { name: format!("{PREFIX}{}", input.name), scope: input.scope, alias },
        _ => Input { name: input.name.clone(), scope: Some(Scope::Nothing), alias },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Models;
    use super::*;

    /// Which shared mart reads what: nothing but its mart, or shared marts and what is nobody's.
    #[test]
    fn a_shared_mart_reads_its_mart_or_shared_ones() {
        let models = Models::load(None).unwrap().with_shared(10);
        let shared: Vec<&Model> = models.iter().filter(|m| m.contract.kind == ModelKind::Shared).collect();
        assert!(shared.len() > 10);
        for model in shared {
            for input in &model.contract.inputs {
                let own = format!("{PREFIX}{}", input.name) == model.name();
                let nobodys = BuiltIn::find(&input.name).is_some_and(|b| b != BuiltIn::Coverage);
                let nothing = input.scope == Some(Scope::Nothing);
                assert!(own || nobodys || nothing || input.name.starts_with(PREFIX), "{}: {input:?}", model.name());
            }
            assert!(model.contract.shared.is_none(), "{}", model.name());
        }
    }

    /// Marts of people are not shared, whatever their contracts become.
    #[test]
    fn a_mart_with_people_is_not_shared() {
        let models = Models::load(None).unwrap();
        for model in models.marts().iter().filter(|m| m.contract.shared.is_some()) {
            let c = &model.contract;
            let person = c.columns.iter().find(|c| c.name.contains("person") || c.name.contains("user_principal"));
            assert!(
                person.is_none_or(|p| !c.shared.as_ref().is_some_and(|s| s.plain.contains(&p.name))),
                "{}",
                c.model
            );
        }
    }

    fn contract(shared: &str) -> Contract {
        toml::from_str(&format!(
            "model = 'm'\ntitle = 't'\ndescription = 'd.'\ngrain = 'g'\nkind = 'mart'\npartition = 'month'\nkey = ['a']\n\
             columns = [\n{{ name = 'a', type = 'text', description = 'd' }},\n{{ name = 'n', type = 'int', description = 'd' }},\n\
             {{ name = 'k', type = 'int', description = 'd' }},\n{{ name = 'r', type = 'double', description = 'd' }},\n]\n\
             [shared]\n{shared}"
        ))
        .unwrap()
    }

    #[test]
    fn the_sql_is_what_the_contract_says() {
        let c = contract("plain = ['a']\npeople = ['n']\nwithout = { a = [\"it's\"] }");
        assert_eq!(c.mistake(), None);
        assert_eq!(
            c.shared.as_ref().unwrap().sql(&c, 20),
            "WITH rounded AS (SELECT a, n - n % 20 AS n FROM m WHERE a NOT IN ('it''s')) \
             SELECT a, n, CAST(NULL AS BIGINT) AS k, CAST(NULL AS DOUBLE) AS r FROM rounded WHERE n > 0"
        );
        assert_eq!(
            c.shared.as_ref().unwrap().words(&c),
            "rounded down: `n`; null: `k`, `r`; without the rows of `a` `it's`"
        );
    }

    #[test]
    fn what_cannot_be_shared_is_refused() {
        for (shared, says) in [
            ("people = ['n']", "key `a`"),
            ("plain = ['a', 'x']", "no column"),
            ("plain = ['a', 'n']\npeople = ['n']", "twice"),
            ("plain = ['a']\npeople = ['r']", "no int"),
            ("plain = ['a']\npeople = ['n']\nrates = { r = ['n', 'k'] }", "of two columns of `people`"),
            ("plain = ['a']\nwithout = { n = ['x'] }", "no text"),
            ("again = true\npeople = ['n']", "alone"),
        ] {
            let mistake = contract(shared).mistake().unwrap();
            assert!(mistake.contains(says), "{mistake}");
        }
        let staging = Contract { kind: ModelKind::Staging, ..contract("plain = ['a']") };
        assert!(staging.mistake().unwrap().contains("no mart"));
    }
}
