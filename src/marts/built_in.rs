//! Tables that are in no lake: the month that is built, its days, what the ledger covers, and what the pipeline file says.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use chrono::Datelike;

use super::scope::{Scope, shifted};
use crate::config::{Campaign, Told};
use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// A built-in table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltIn {
    /// One row: the month that is built, those beside it, and today.
    Build,
    /// Each day of the month; or each day that a calendar may want.
    Days,
    /// The ledger, one row a slice.
    Coverage,
    /// What licences cost.
    Prices,
    /// The rates that products should reach.
    Targets,
    /// Products of service plans that the pipeline adds.
    Plans,
    /// Campaigns, one row a product.
    Campaigns,
    /// One row of thresholds.
    Settings,
}

/// What rows are made of.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The tenant's partition value.
    pub tenant: &'a str,
    /// The day on which the marts are built.
    pub today: Day,
    /// What the pipeline file says.
    pub told: &'a Told,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [BuiltIn; 8] = [
        BuiltIn::Build,
        BuiltIn::Days,
        BuiltIn::Coverage,
        BuiltIn::Prices,
        BuiltIn::Targets,
        BuiltIn::Plans,
        BuiltIn::Campaigns,
        BuiltIn::Settings,
    ];

    /// The table with this name.
    pub fn find(name: &str) -> Option<BuiltIn> {
        BuiltIn::ALL.into_iter().find(|b| b.name() == name)
    }

    /// Its name in contracts.
    pub fn name(self) -> &'static str {
        match self {
            BuiltIn::Build => "build",
            BuiltIn::Days => "days",
            BuiltIn::Coverage => "coverage",
            BuiltIn::Prices => "prices",
            BuiltIn::Targets => "targets",
            BuiltIn::Plans => "plans",
            BuiltIn::Campaigns => "campaigns",
            BuiltIn::Settings => "settings",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        use DataType::{Boolean, Date32, Float64, Int32, Int64, Utf8};
        let columns: &[(&str, DataType)] = match self {
            BuiltIn::Build => &[
                ("tenant", Utf8),
                ("month", Date32),
                ("next_month", Date32),
                ("previous_month", Date32),
                ("today", Date32),
            ],
            BuiltIn::Days => &[("day", Date32)],
            BuiltIn::Coverage => &[
                ("report", Utf8),
                ("period", Int32),
                ("day", Date32),
                ("status", Utf8),
                ("known_empty", Boolean),
                ("names", Utf8),
                ("rows", Int64),
                ("first_rows", Int64),
                ("rejected_cells", Int64),
                ("restatements", Int64),
                ("first_read_on", Date32),
                ("read_on", Date32),
                ("run", Utf8),
                ("reason", Utf8),
            ],
            BuiltIn::Prices => &[("sku_part_number", Utf8), ("unit_price", Float64), ("currency", Utf8)],
            BuiltIn::Targets => &[("product", Utf8), ("target_rate", Float64)],
            BuiltIn::Plans => &[("service_plan_name", Utf8), ("product", Utf8)],
            BuiltIn::Campaigns => &[
                ("campaign", Utf8),
                ("product", Utf8),
                ("attribute", Utf8),
                ("value", Utf8),
                ("start_day", Date32),
                ("last_day", Date32),
            ],
            BuiltIn::Settings => &[
                ("min_segment", Int64),
                ("min_people_to_gain", Int64),
                ("quantile_high", Float64),
                ("quantile_low", Float64),
                ("half", Float64),
                ("drop", Float64),
            ],
        };
        Arc::new(Schema::new(columns.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect::<Vec<_>>()))
    }

    /// What its rows depend on, as text: it changes where they may. Coverage has a digest of its own.
    pub fn print(self, context: &Context<'_>, scope: Scope, built: Option<Day>) -> String {
        let told = context.told;
        match self {
            BuiltIn::Build => match built {
                Some(month) => month.to_string(),
                None => context.today.to_string(),
            },
            BuiltIn::Days => match (scope, built) {
                (Scope::Months(..), Some(_)) => format!("{scope}"),
                _ => last_day(context.today).to_string(),
            },
            BuiltIn::Coverage => String::new(),
            BuiltIn::Prices => format!("{:?}", told.prices),
            BuiltIn::Targets => format!("{:?}", told.targets),
            BuiltIn::Plans => format!("{:?}", told.plans),
            BuiltIn::Campaigns => format!("{:?}", campaigns(told, scope, built)),
            BuiltIn::Settings => format!("{:?}", told.thresholds),
        }
    }

    /// Its rows. Coverage has none here: they come from the ledger.
    pub fn rows(self, context: &Context<'_>, scope: Scope, built: Option<Day>) -> Result<RecordBatch> {
        let told = context.told;
        let texts = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let days = |values: Vec<Option<Day>>| {
            Arc::new(values.iter().map(|d| d.map(Day::epoch)).collect::<Date32Array>()) as ArrayRef
        };
        let doubles = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let columns = match self {
            BuiltIn::Build => vec![
                texts(vec![Some(context.tenant)]),
                days(vec![built]),
                days(vec![built.map(|m| shifted(m, 1))]),
                days(vec![built.map(|m| shifted(m, -1))]),
                days(vec![Some(context.today)]),
            ],
            BuiltIn::Days => {
                let (from, to) = match (scope, built) {
                    (Scope::Months(a, b), Some(month)) => (shifted(month, a), shifted(month, b + 1).plus(-1)),
                    _ => (FIRST_DAY, last_day(context.today)),
                };
                vec![days((from.epoch()..=to.epoch()).map(|n| Some(Day::from_epoch(n))).collect())]
            }
            BuiltIn::Coverage => return Ok(RecordBatch::new_empty(self.schema())),
            BuiltIn::Prices => vec![
                texts(told.prices.keys().map(|k| Some(k.as_str())).collect()),
                doubles(told.prices.values().map(|p| p.month).collect()),
                texts(told.prices.values().map(|p| p.currency.as_deref()).collect()),
            ],
            BuiltIn::Targets => vec![
                texts(told.targets.keys().map(|k| Some(k.as_str())).collect()),
                doubles(told.targets.values().copied().collect()),
            ],
            BuiltIn::Plans => vec![
                texts(told.plans.keys().map(|k| Some(k.as_str())).collect()),
                texts(told.plans.values().map(|p| Some(p.as_str())).collect()),
            ],
            BuiltIn::Campaigns => {
                let chosen = campaigns(told, scope, built);
                let rows: Vec<(&Campaign, &str)> =
                    chosen.iter().flat_map(|c| c.products.iter().map(move |p| (*c, p.as_str()))).collect();
                vec![
                    texts(rows.iter().map(|(c, _)| Some(c.name.as_str())).collect()),
                    texts(rows.iter().map(|(_, p)| Some(*p)).collect()),
                    texts(rows.iter().map(|(c, _)| Some(c.attribute.as_str())).collect()),
                    texts(rows.iter().map(|(c, _)| Some(c.value.as_str())).collect()),
                    days(rows.iter().map(|(c, _)| Some(c.start)).collect()),
                    days(rows.iter().map(|(c, _)| Some(c.end)).collect()),
                ]
            }
            BuiltIn::Settings => {
                let t = &told.thresholds;
                vec![
                    ints(vec![t.min_segment]),
                    ints(vec![t.min_people_to_gain]),
                    doubles(vec![t.quantile_high]),
                    doubles(vec![t.quantile_low]),
                    doubles(vec![t.half]),
                    doubles(vec![t.drop]),
                ]
            }
        };
        RecordBatch::try_new(self.schema(), columns).map_err(|e| {
            Error::new(Kind::Model, "a built-in table cannot be made").with("table", self.name()).because(e)
        })
    }
}

/// The first day of a calendar: 2000-01-01, before anything that Graph remembers.
const FIRST_DAY: Day = Day::from_epoch(10_957);

/// The last day of a calendar: the end of the year after today's.
fn last_day(today: Day) -> Day {
    Day::new(today.date().year() + 1, 12, 31).unwrap_or(today)
}

fn campaigns(told: &Told, scope: Scope, built: Option<Day>) -> Vec<&Campaign> {
    let chosen = |c: &&Campaign| match (scope, built) {
        (Scope::Months(a, b), Some(month)) => (shifted(month, a)..shifted(month, b + 1)).contains(&c.start),
        _ => true,
    };
    told.campaigns.iter().filter(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_made_for_a_month_and_for_none() {
        let told = Told {
            campaigns: vec![Campaign {
                name: "chat".into(),
                products: vec!["teams".into(), "exchange".into()],
                attribute: "department".into(),
                value: "Sales".into(),
                start: "2026-03-02".parse().unwrap(),
                end: "2026-04-02".parse().unwrap(),
            }],
            ..Told::default()
        };
        let context = Context { tenant: "contoso", today: "2026-11-24".parse().unwrap(), told: &told };
        let rows = |b: BuiltIn, scope, month: Option<&str>| {
            let batch = b.rows(&context, scope, month.map(|m| m.parse().unwrap())).unwrap();
            assert_eq!(batch.schema(), b.schema());
            batch.num_rows()
        };
        for b in BuiltIn::ALL {
            assert_eq!(BuiltIn::find(b.name()), Some(b));
            rows(b, Scope::MONTH, Some("2026-02-01"));
            rows(b, Scope::All, None);
        }
        assert_eq!(rows(BuiltIn::Days, Scope::MONTH, Some("2026-02-01")), 28);
        assert_eq!(rows(BuiltIn::Days, Scope::All, None), 28 * 365 + 7);
        assert_eq!(rows(BuiltIn::Campaigns, Scope::MONTH, Some("2026-03-01")), 2);
        assert_eq!(rows(BuiltIn::Campaigns, Scope::MONTH, Some("2026-04-01")), 0);
        assert_eq!(rows(BuiltIn::Campaigns, Scope::All, Some("2026-04-01")), 2);
    }

    #[test]
    fn a_calendar_changes_with_the_year_and_a_month_never() {
        let told = Told::default();
        let at = |today: &str| Context { tenant: "a", today: today.parse().unwrap(), told: &told };
        let print = |today: &str, scope, month: Option<&str>| {
            BuiltIn::Days.print(&at(today), scope, month.map(|m| m.parse().unwrap()))
        };
        assert_eq!(print("2026-01-01", Scope::All, None), print("2026-12-31", Scope::All, None));
        assert_ne!(print("2026-12-31", Scope::All, None), print("2027-01-01", Scope::All, None));
        assert_eq!(
            print("2026-12-31", Scope::MONTH, Some("2026-02-01")),
            print("2027-01-01", Scope::MONTH, Some("2026-02-01"))
        );
    }
}
