//! `[guards]` and `[contracts]`: what keeps an answer from being published before a person has looked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reports::{expand, workload};
use crate::catalog::{Report, all};
use crate::error::{Error, Kind, Result};

/// A guard. `docs/guards.md` says which failure each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GuardName {
    /// The header lost the column that tells its rows apart.
    LostKey,
    /// The columns are not those of the table's contract.
    Contract,
    /// The answer is for another window than the one asked for.
    Window,
    /// The refresh date is older than that of an earlier answer.
    RefreshDate,
    /// Names are concealed where they were not, or the other way round.
    Concealment,
    /// Rows repeat the key of others.
    Duplicates,
    /// The rows are exactly 100, 1000 or another limit of a service, and history says more.
    RoundCount,
    /// Far fewer or far more rows than history says.
    Volume,
}

impl GuardName {
    /// The word for it in the ledger, in the pipeline file and for people.
    pub fn word(self) -> &'static str {
        match self {
            GuardName::LostKey => "lost-key",
            GuardName::Contract => "contract",
            GuardName::Window => "window",
            GuardName::RefreshDate => "refresh-date",
            GuardName::Concealment => "concealment",
            GuardName::Duplicates => "duplicates",
            GuardName::RoundCount => "round-count",
            GuardName::Volume => "volume",
        }
    }
}

/// What becomes of an answer whose columns are not those of the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// Unknown headers go to `unknown_columns`, missing columns are null; it is told.
    #[default]
    Evolve,
    /// It is held until a person has looked.
    Freeze,
    /// It fails.
    Reject,
}

/// `[guards]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardsFile {
    /// Guards that do not look.
    #[serde(default)]
    pub off: Vec<GuardName>,
    /// Held: fewer rows than this part of what history says. Default: 0.33.
    #[serde(default)]
    pub drop: Option<f64>,
    /// Held: more rows than so many times what history says. Default: 4.
    #[serde(default)]
    pub growth: Option<f64>,
    /// What history says must be at least so many rows: fewer say nothing. Default: 20.
    #[serde(default)]
    pub least_rows: Option<u64>,
    /// Answers that history must have. Default: 3.
    #[serde(default)]
    pub least_history: Option<u32>,
    /// Counts at which services cut. Default: 100, 200, 500, 999, 1000, 2000, 5000 and so on to 1000000.
    #[serde(default)]
    pub round_counts: Option<Vec<u64>>,
    /// Held: more than this part of the rows repeats the key of another. Default: 0.01.
    #[serde(default)]
    pub duplicates: Option<f64>,
    /// A day that Graph still has and the lake lacks is an alarm so many days before it is lost. Default: 7.
    #[serde(default)]
    pub warn_days: Option<u32>,
}

/// The guards, checked and whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// Guards that do not look.
    pub off: Vec<GuardName>,
    /// The part of what history says under which rows are too few.
    pub drop: f64,
    /// The multiple of what history says over which rows are too many.
    pub growth: f64,
    /// Rows that history must speak of.
    pub least_rows: u64,
    /// Answers that history must have.
    pub least_history: usize,
    /// Counts at which services cut.
    pub round_counts: Vec<u64>,
    /// The part of the rows that may repeat a key.
    pub duplicates: f64,
    /// Days before a day is lost on which that is an alarm.
    pub warn_days: i32,
    /// Contracts by function; what is not here evolves.
    pub contracts: BTreeMap<String, Contract>,
}

/// Rows at which Graph is known to cut (100), and sizes of pages and limits that services like.
const ROUND_COUNTS: [u64; 16] = [
    100, 200, 500, 999, 1_000, 2_000, 5_000, 9_999, 10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 500_000,
    1_000_000,
];

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            off: Vec::new(),
            drop: 0.33,
            growth: 4.0,
            least_rows: 20,
            least_history: 3,
            round_counts: ROUND_COUNTS.to_vec(),
            duplicates: 0.01,
            warn_days: 7,
            contracts: BTreeMap::new(),
        }
    }
}

impl Guards {
    /// Whether a guard looks.
    pub fn looks(&self, guard: GuardName) -> bool {
        !self.off.contains(&guard)
    }

    /// The contract of a report's table.
    pub fn contract(&self, report: &Report) -> Contract {
        self.contracts.get(&report.function).copied().unwrap_or_default()
    }
}

impl GuardsFile {
    /// Checks the thresholds and makes them whole. `contracts` are those of `[contracts]`, by report, table, workload or
    /// `*`; one that names a report wins over its workload's, and that over `*`.
    pub(super) fn resolve(self, contracts: BTreeMap<String, Contract>) -> Result<Guards> {
        let plain = Guards::default();
        let guards = Guards {
            off: self.off,
            drop: self.drop.unwrap_or(plain.drop),
            growth: self.growth.unwrap_or(plain.growth),
            least_rows: self.least_rows.unwrap_or(plain.least_rows),
            least_history: self.least_history.map_or(plain.least_history, |n| n.max(1) as usize),
            round_counts: self.round_counts.unwrap_or(plain.round_counts),
            duplicates: self.duplicates.unwrap_or(plain.duplicates),
            warn_days: self.warn_days.map_or(plain.warn_days, |n| n.min(28) as i32),
            contracts: by_function(contracts)?,
        };
        let part = |name: &str, n: f64| match (0.0..=1.0).contains(&n) {
            true => Ok(()),
            false => Err(Error::new(Kind::Config, format!("`{name} = {n}` under `[guards]` is no part"))
                .hint("write a number from 0 to 1; 0.33 is a third")),
        };
        part("drop", guards.drop)?;
        part("duplicates", guards.duplicates)?;
        if guards.growth.is_nan() || guards.growth <= 1.0 {
            return Err(Error::new(
                Kind::Config,
                format!("`growth = {}` under `[guards]` is no growth", guards.growth),
            )
            .hint("write a number above 1; 4 holds what is more than four times as much"));
        }
        Ok(guards)
    }
}

/// Contracts by function, the wider names first, so that narrower ones replace them.
fn by_function(contracts: BTreeMap<String, Contract>) -> Result<BTreeMap<String, Contract>> {
    let mut wanted: Vec<(Vec<&'static Report>, Contract)> = Vec::new();
    for (name, contract) in contracts {
        let reports = match name.as_str() {
            "*" => all().iter().collect(),
            // A contract of a workload is one of those of its reports too that are not asked for by default.
            _ => expand(std::slice::from_ref(&name))?.into_iter().chain(workload(&name)).collect(),
        };
        wanted.push((reports, contract));
    }
    wanted.sort_by_key(|(reports, _)| std::cmp::Reverse(reports.len()));
    let each = |(reports, contract): (Vec<&'static Report>, Contract)| {
        reports.into_iter().map(move |r| (r.function.clone(), contract))
    };
    Ok(wanted.into_iter().flat_map(each).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards(text: &str) -> Result<Guards> {
        let file = super::super::File::parse(text)?;
        file.guards.resolve(file.contracts)
    }

    #[test]
    fn what_is_not_written_is_the_default() {
        assert_eq!(guards("").unwrap(), Guards::default());
        let g = guards("[guards]\ndrop = 0.5\noff = ['volume', 'lost-key']").unwrap();
        assert_eq!((g.drop, g.growth), (0.5, Guards::default().growth));
        assert!(!g.looks(GuardName::Volume) && g.looks(GuardName::Window));
    }

    #[test]
    fn narrower_names_of_contracts_win() {
        let workload = &all()[0].workload;
        let [one, other] = [0, 1].map(|n| all().iter().filter(|r| r.workload == *workload).nth(n).unwrap());
        let elsewhere = all().iter().find(|r| r.workload != *workload).unwrap();
        let text = format!("[contracts]\n'*' = 'freeze'\n'{workload}' = 'reject'\n'{}' = 'evolve'\n", one.table());
        let g = guards(&text).unwrap();
        assert_eq!(g.contract(one), Contract::Evolve);
        assert_eq!(g.contract(other), Contract::Reject);
        assert_eq!(g.contract(elsewhere), Contract::Freeze);
        assert_eq!(guards("").unwrap().contract(one), Contract::Evolve);
        let aside = all().iter().find(|r| !(r.default && r.verified)).unwrap();
        let g = guards(&format!("[contracts]\n'{}' = 'reject'\n", aside.workload)).unwrap();
        assert_eq!(g.contract(aside), Contract::Reject, "a report that is not asked for by default");
    }

    #[test]
    fn thresholds_that_cannot_be_are_refused() {
        for text in [
            "[guards]\ndrop = 1.5",
            "[guards]\nduplicates = -0.1",
            "[guards]\ngrowth = 1",
            "[guards]\noff = ['volumes']",
            "[guards]\nfall = 0.5",
            "[contracts]\nnothing_of_ours = 'freeze'",
            "[contracts]\n'*' = 'frozen'",
        ] {
            assert_eq!(guards(text).unwrap_err().kind(), Kind::Config, "{text}");
        }
    }
}
