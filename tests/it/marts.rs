//! The marts of an emulated tenant: what a night builds, what it leaves alone, and what can be asked.

use std::collections::BTreeMap;

use serde_json::Value;
use usagelake::emulator::Options;
use usagelake::marts::Models;

use crate::world::{TODAY, World, ago, options};

/// Few people: the marts of every night of a test are those of a small office.
fn small() -> Options {
    Options { users: 25, days: 40, ..options() }
}

fn document(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{e}: {text}"))[0].clone()
}

#[test]
fn a_night_builds_the_marts_and_a_second_build_has_nothing_to_do() {
    for (store, world) in World::everywhere(small()) {
        let world = world.with_marts();
        let night = world.run(&[]).exits(0);
        let marts = &night.record["marts"];
        assert!(marts["problems"].is_null() && marts["failed"].is_null(), "{store}: {marts:#}");
        world.manifest_is_whole();
        let built = world.snapshot(&["marts", "marts_shared", "_usagelake/staging"]);
        assert!(built.keys().any(|k| k.starts_with("marts/") && k.contains("/month=")), "{store}: {:?}", built.keys());

        let again = document(&world.ask(&["marts", "--json", "--today", TODAY]).exits(0).stdout);
        assert_eq!(again["models"].as_array().map(Vec::len), Some(0), "{store}: {again:#}");
        let full = document(&world.ask(&["marts", "--json", "--today", TODAY, "--full"]).exits(0).stdout);
        let new: u64 = full["models"].as_array().unwrap().iter().map(|m| m["published"].as_u64().unwrap()).sum();
        assert_eq!(new, 0, "{store}: the same tables give the same bytes");
        assert_eq!(world.snapshot(&["marts", "marts_shared", "_usagelake/staging"]), built, "{store}");
    }
}

#[test]
fn a_lost_state_and_lost_marts_come_back_as_they_were() {
    let world = World::with(small()).with_marts();
    world.run(&[]).exits(0);
    let before = world.snapshot(&["marts", "marts_shared", "_usagelake/staging"]);
    let lake = world.folder().join("lake");
    for folder in ["marts", "marts_shared", "_usagelake/staging", "_usagelake/marts"] {
        std::fs::remove_dir_all(lake.join(folder)).unwrap();
    }
    world.ask(&["marts", "--today", TODAY]).exits(0);
    assert_eq!(world.snapshot(&["marts", "marts_shared", "_usagelake/staging"]), before);
    world.manifest_is_whole();
}

#[test]
fn the_next_night_leaves_closed_months_as_they_are() {
    // A reading may still show somebody's last day of the month before; two months back nothing is open.
    let mut world = World::with(Options { days: 130, today: ago(56), ..small() }).with_marts();
    for night in [56, 25, 0] {
        world.today(ago(night));
        world.run(&[]).exits(0);
    }
    let closed = |world: &World| -> BTreeMap<String, String> {
        let september = format!("month={}", ago(56).month());
        world
            .snapshot(&["marts", "marts_shared", "_usagelake/staging"])
            .into_iter()
            .filter(|(k, _)| k.contains(&september))
            .collect()
    };
    let before = closed(&world);
    assert!(before.len() > 10, "{:?}", before.keys());
    world.today(ago(-1));
    let night = world.run(&[]).exits(0);
    assert_eq!(closed(&world), before);
    let models = night.record["marts"]["models"].as_array().unwrap();
    let usage = models.iter().find(|m| m["model"] == "tenant_product_usage").unwrap();
    assert!((1..=2).contains(&usage["built"].as_u64().unwrap()), "{usage:#}");
}

#[test]
fn the_failure_of_a_model_costs_an_exit_code_and_no_table() {
    let mut world = World::with(small()).with_marts();
    let folder = world.folder().join("models");
    std::fs::create_dir(&folder).unwrap();
    let contract = |input: &str| {
        format!(
            "model = 'own'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = 'mart'\npartition = 'none'\nkey = ['people']\n\
             columns = [{{ name = 'people', type = 'int', description = 'd' }}]\n[[inputs]]\nname = '{input}'\nscope = 'all'\n"
        )
    };
    let put = |sql: &str, input: &str| {
        std::fs::write(folder.join("own.sql"), sql).unwrap();
        std::fs::write(folder.join("own.toml"), contract(input)).unwrap();
    };
    world.set("marts.models = \"models\"");
    put("SELECT count(*) AS peeple FROM users", "users");
    let day = ago(5).to_string();
    let narrow = ["--report", "getOffice365ActiveUserDetail", "--from", &day, "--to", &day];
    let ran = world.run(&narrow).exits(3).says(&["own: column 1 is `peeple`, and its contract says `people`"]);
    assert_eq!(ran.record["outcome"], "partial");
    world.manifest_is_whole();
    put("SELECT count(*) AS people FROM users", "usrs");
    world.run(&narrow).exits(2).says(&["it reads `usrs`", "the nearest is `users`"]);
    put("SELECT count(*) AS people FROM office365_active_user_detail", "office365_active_user_detail");
    let config = world.pipeline();
    world.ask(&["marts", "--config", config.to_str().unwrap(), "--today", TODAY]).exits(0);
    let sql = "SELECT people > 0 AS any_people FROM own";
    let asked = world.ask(&["query", sql, "--config", config.to_str().unwrap(), "--format", "csv"]).exits(0);
    assert_eq!(asked.stdout, "any_people\ntrue\n");
}

#[test]
fn the_shared_dashboard_is_drawn_of_marts_shared_alone() {
    let world = World::with(small()).with_marts();
    world.run(&[]).exits(0);
    let lake = world.folder().join("lake");
    for folder in ["marts", "tables", "raw", "_usagelake/staging"] {
        std::fs::remove_dir_all(lake.join(folder)).unwrap();
    }
    let draw = |more: &[&str]| world.ask(&[&["dashboard", "--out", "report.html"], more].concat());
    draw(&["--shared"]).exits(0);
    let html = std::fs::read_to_string(world.folder().join("report.html")).unwrap();
    assert!(html.contains("Counts are rounded down") && !html.contains("User explorer"));
    assert!(!html.contains("Shown in Power BI only"), "every visual was asked");
    assert_ne!(draw(&[]).code, 0, "the other needs the marts");
}

#[test]
fn tables_and_marts_are_asked_by_their_names() {
    let world = World::with(small());
    world.run(&[]).exits(0);
    for name in Models::load(None).unwrap().marts().iter().map(|m| m.name()).chain(["users", "teams_team_counts"]) {
        let asked = world.ask(&["query", &format!("SELECT count(*) AS n FROM {name}"), "--format", "csv"]).exits(0);
        assert!(asked.stdout.starts_with("n\n"), "{name}: {}", asked.stdout);
    }
    let rows = world.table("office365_active_user_detail").rows();
    let asked = world.ask(&["query", "SELECT count(*) AS n FROM office365_active_user_detail", "--json"]).exits(0);
    assert_eq!(document(&asked.stdout)["n"], rows);
    let by_day =
        "SELECT period, day, tenant FROM office365_active_user_detail WHERE period = 7 AND day >= '2026-01-01' LIMIT 1";
    let first = document(&world.ask(&["query", by_day, "--json"]).exits(0).stdout);
    assert_eq!((&first["period"], &first["tenant"]), (&7.into(), &"contoso".into()));

    let wrong = |sql: &str| world.ask(&["query", sql]).exits(2);
    wrong("SELECT dayy FROM office365_active_user_detail")
        .says(&["caused by: Schema error: No field named dayy\n", "is `day`"]);
    wrong("SELECT 1 FROM office365_active_users_detail").says(&["is `office365_active_user_detail`"]);
    wrong("DROP TABLE users").says(&["write one statement that reads"]);
    wrong("COPY (SELECT 1) TO 'x.csv'").says(&["write one statement that reads"]);
    let spreadsheet = world.ask(&["query", "SELECT '=1+1' AS a, -1 AS b, NULL AS c", "--format", "csv"]).exits(0);
    assert_eq!(spreadsheet.stdout, "a,b,c\n'=1+1,-1,\n");
    let views = world.ask(&["sql", "--for", "duckdb"]).exits(0).stdout;
    assert!(views.lines().all(|l| l.starts_with("CREATE OR REPLACE VIEW ")), "{views}");
}
