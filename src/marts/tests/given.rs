//! The models' own tests, `pipelines/usage_analytics/tests/*.toml`: given rows, expected rows. The README there says how
//! they are written. Every expectation of a file is looked at before the file fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::super::built_in::BuiltIn;
use super::super::coverage::Row;
use super::super::sources::schema_of;
use super::super::{Model, Models};
use super::lakes::{Cells, Tiny, text};
use crate::config::{Campaign, Price, Thresholds};
use crate::day::Day;
use crate::engine::Partitions;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    about: String,
    today: toml::value::Datetime,
    months: Vec<toml::value::Datetime>,
    #[serde(default)]
    given: Vec<Given>,
    expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    table: String,
    /// 7 where it is not said.
    #[serde(default = "week")]
    period: u16,
    day: Option<toml::value::Datetime>,
    /// The first and the last of the days that have these rows, each.
    days: Option<[toml::value::Datetime; 2]>,
    month: Option<toml::value::Datetime>,
    #[serde(default)]
    rows: Vec<Cells>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    model: String,
    month: Option<toml::value::Datetime>,
    #[serde(default, rename = "where")]
    only: Cells,
    rows: Vec<Cells>,
}

fn week() -> u16 {
    7
}

fn day(at: &toml::value::Datetime) -> Day {
    at.to_string().parse().unwrap()
}

#[tokio::test]
async fn the_models_answer_what_their_tests_expect() {
    let models = Models::load(None).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/usage_analytics/tests");
    let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut wrong = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let test: Test =
            toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        for failure in run(&models, &test).await {
            wrong += &format!("{name}: {}\n  {failure}\n", test.about);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

async fn run(models: &Models, test: &Test) -> Vec<String> {
    let mut lake = Tiny::new().await;
    let mut given = BTreeSet::new();
    let mut covered: BTreeMap<(String, u16, Day), Row> = BTreeMap::new();
    let mut partitions: BTreeMap<(&str, u16, Option<Day>), Vec<Cells>> = BTreeMap::new();
    for g in &test.given {
        if let Some(built_in) = BuiltIn::find(&g.table) {
            tell(&mut lake, built_in, g);
            continue;
        }
        for at in g.places() {
            partitions.entry((&g.table, g.period, at)).or_default().extend(g.rows.iter().cloned());
        }
    }
    for ((table, period, at), mut rows) in partitions {
        if models.get(table).is_some() {
            given.insert(table.to_string());
            lake.put_model(models, table, at, &rows).await;
            continue;
        }
        let at = at.unwrap_or_else(|| panic!("{table} has no day"));
        if schema_of(table).is_some_and(|(_, p)| p == Partitions::ByDay) {
            let refreshed = toml::Value::String(at.to_string());
            rows.iter_mut().for_each(|r| drop(r.insert("report_refresh_date".into(), refreshed.clone())));
            if !rows.is_empty() {
                covered.insert((table.to_string(), period, at), landed(table, period, at, &rows));
            }
        }
        lake.put(table, period, &at.to_string(), &rows).await;
    }
    for g in test.given.iter().filter(|g| g.table == BuiltIn::Coverage.name()) {
        for cells in &g.rows {
            let report = text(&cells["report"]);
            let period = cells["period"].as_integer().unwrap() as u16;
            let at: Day = text(&cells["day"]).parse().unwrap();
            let row = covered.entry((report.clone(), period, at)).or_insert_with(|| landed(&report, period, at, &[]));
            correct(row, cells);
        }
    }
    lake.coverage = covered.into_values().collect();
    let wanted: BTreeSet<String> = test.expect.iter().map(|e| e.model.clone()).collect();
    let needed = models.needed(&wanted, &given);
    let months: Vec<Day> = test.months.iter().map(day).collect();
    let record = lake.build_with(&needed, &day(&test.today).to_string(), false, &given, Some(&months)).await.unwrap();
    let mut wrong: Vec<String> = record.problems.iter().map(|p| format!("{}: {}", p.model, p.message)).collect();
    for e in &test.expect {
        let model = models.get(&e.model).unwrap_or_else(|| panic!("no model {}", e.model));
        let rows = lake.rows(model, e.month.as_ref().map(day)).await;
        wrong.extend(differ(model, e, &rows));
    }
    wrong
}

impl Given {
    /// The days or the month that have its rows; one without either, for a model without months.
    fn places(&self) -> Vec<Option<Day>> {
        match &self.days {
            Some([first, last]) => (day(first).epoch()..=day(last).epoch()).map(|n| Some(Day::from_epoch(n))).collect(),
            None => vec![self.day.as_ref().or(self.month.as_ref()).map(day)],
        }
    }
}

fn landed(report: &str, period: u16, at: Day, rows: &[Cells]) -> Row {
    let concealed = |r: &&Cells| r.get("user_principal_name").is_some_and(|n| text(n).len() == 32);
    let names = match rows.iter().filter(concealed).count() {
        0 => "named",
        n if n == rows.len() => "concealed",
        _ => "mixed",
    };
    Row {
        report: report.to_string(),
        period,
        day: at,
        status: "landed".to_string(),
        known_empty: false,
        names: names.to_string(),
        rows: rows.len().max(1) as i64,
        first_rows: rows.len().max(1) as i64,
        rejected_cells: 0,
        restatements: 0,
        first_read_on: Some(at.plus(3)),
        read_on: Some(at.plus(3)),
        run: "run".to_string(),
        reason: None,
    }
}

fn correct(row: &mut Row, cells: &Cells) {
    for (name, value) in cells {
        let int = || value.as_integer().unwrap();
        match name.as_str() {
            "report" | "period" | "day" => {}
            "status" => row.status = text(value),
            "known_empty" => row.known_empty = value.as_bool().unwrap(),
            "names" => row.names = text(value),
            "rows" => row.rows = int(),
            "first_rows" => row.first_rows = int(),
            "rejected_cells" => row.rejected_cells = int(),
            "restatements" => row.restatements = int(),
            "first_read_on" => row.first_read_on = text(value).parse().ok(),
            "read_on" => row.read_on = text(value).parse().ok(),
            "run" => row.run = text(value),
            "reason" => row.reason = Some(text(value)),
            other => panic!("coverage has no column `{other}`"),
        }
    }
}

/// Puts given rows of a built-in table where the pipeline file would have put them.
fn tell(lake: &mut Tiny, built_in: BuiltIn, given: &Given) {
    let told = &mut lake.told;
    for row in &given.rows {
        let at = |name: &str| row.get(name).map(text);
        let number = |name: &str| row.get(name).map(|v| v.as_float().or(v.as_integer().map(|n| n as f64)).unwrap());
        match built_in {
            BuiltIn::Coverage | BuiltIn::Build | BuiltIn::Days => {}
            BuiltIn::Prices => {
                let price = Price { month: number("unit_price").unwrap(), currency: at("currency") };
                told.prices.insert(at("sku_part_number").unwrap(), price);
            }
            BuiltIn::Targets => {
                told.targets.insert(at("product").unwrap(), number("target_rate").unwrap());
            }
            BuiltIn::Plans => {
                told.plans.insert(at("service_plan_name").unwrap(), at("product").unwrap());
            }
            BuiltIn::Campaigns => told.campaigns.push(Campaign {
                name: at("campaign").unwrap(),
                products: vec![at("product").unwrap()],
                attribute: at("attribute").unwrap(),
                value: at("value").unwrap(),
                start: at("start_day").unwrap().parse().unwrap(),
                end: at("last_day").unwrap().parse().unwrap(),
            }),
            BuiltIn::Settings => {
                let d = Thresholds::default();
                let int = |name: &str, d: i64| row.get(name).map_or(d, |v| v.as_integer().unwrap());
                told.thresholds = Thresholds {
                    min_segment: int("min_segment", d.min_segment),
                    min_people_to_gain: int("min_people_to_gain", d.min_people_to_gain),
                    quantile_high: number("quantile_high").unwrap_or(d.quantile_high),
                    quantile_low: number("quantile_low").unwrap_or(d.quantile_low),
                    half: number("half").unwrap_or(d.half),
                    drop: number("drop").unwrap_or(d.drop),
                };
            }
        }
    }
}

/// What an expectation misses, in words.
fn differ(model: &Model, expect: &Expect, rows: &[BTreeMap<String, Option<String>>]) -> Option<String> {
    let named: BTreeSet<&String> = expect.rows.iter().flat_map(|r| r.keys()).collect();
    for name in named.iter().copied().chain(expect.only.keys()) {
        assert!(model.contract.columns.iter().any(|c| c.name == *name), "{} has no column `{name}`", model.name());
    }
    let cell = |v: &toml::Value| Some(text(v)).filter(|t| t != "<null>").map(|t| plain(&t));
    let chosen = rows.iter().filter(|r| expect.only.iter().all(|(n, v)| r[n].as_deref().map(plain) == cell(v)));
    let shown = |r: &BTreeMap<String, Option<String>>| -> Vec<String> {
        named.iter().map(|n| format!("{n}={}", r[*n].as_deref().map_or("<null>".to_string(), plain))).collect()
    };
    let mut found: Vec<Vec<String>> = chosen.map(shown).collect();
    let line = |r: &Cells| -> Vec<String> {
        let of = |n: &&String| r.get(*n).and_then(cell).unwrap_or_else(|| "<null>".to_string());
        named.iter().map(|n| format!("{n}={}", of(n))).collect()
    };
    let mut wanted: Vec<Vec<String>> = expect.rows.iter().map(line).collect();
    found.sort();
    wanted.sort();
    let lines = |a: &[Vec<String>], b: &[Vec<String>], mark: &str| -> String {
        a.iter().filter(|r| !b.contains(r)).map(|r| format!("\n    {mark} {}", r.join(" "))).collect()
    };
    (found != wanted).then(|| {
        let month = expect.month.as_ref().map(|m| format!(" of {m}")).unwrap_or_default();
        format!(
            "{}{month}: {} rows where {} are expected{}{}",
            model.name(),
            found.len(),
            wanted.len(),
            lines(&wanted, &found, "-"),
            lines(&found, &wanted, "+")
        )
    })
}

/// Numbers in one way: `1.0` and `1` are the same, and so are doubles that differ in the last bits.
fn plain(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(n) if text.bytes().any(|b| b.is_ascii_digit()) => {
            let rounded = format!("{n:.9}");
            rounded.trim_end_matches('0').trim_end_matches('.').to_string()
        }
        _ => text.to_string(),
    }
}
