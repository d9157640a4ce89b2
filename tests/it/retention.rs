//! `[retention]`: what is older goes, with the answers that it came from; what was made of it stays, and nothing else changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use usagelake::day::Day;
use usagelake::emulator::Options;

use super::world::{World, day, options};

const REPORTS: &str =
    "reports = { include = ['getEmailActivityUserDetail', 'getOffice365ActiveUserDetail', 'getEmailActivityCounts'] }";
const MAIL: &str = "email_activity_user_detail";
/// The days of the nights: each reads what the one before could not see yet.
const NIGHTS: [&str; 7] =
    ["2026-05-28", "2026-06-22", "2026-07-17", "2026-08-11", "2026-09-05", "2026-09-30", "2026-10-25"];
/// The night from which on there is a retention, and the first day that it keeps.
const LAST: &str = "2026-11-18";
const KEPT: &str = "2026-08-18";

/// A lake of half a year, without and with a retention; both with marts.
fn world() -> World {
    let (today, end) = (day(NIGHTS[0]), day("2026-12-20"));
    let mut world = World::with(Options { users: 8, days: 240, seed: 5, today, end, ..options() });
    world.move_to("for-ever");
    world.set(REPORTS);
    for today in NIGHTS {
        world.today(day(today));
        world.run(&[]).exits(0);
    }
    let mut world = world.with_marts();
    world.run(&[]).exits(0);
    world.today(day(LAST));
    copy(&world, "for-ever", "kept");
    world
}

fn copy(world: &World, from: &str, to: &str) {
    let copied = Command::new("cp").args(["-r", from, to]).current_dir(world.folder()).status().unwrap();
    assert!(copied.success());
}

fn path(world: &World, key: &str) -> PathBuf {
    PathBuf::from(world.address()).join(key)
}

fn retention() -> String {
    format!("retention = {{ '*' = '3 months' }}\n{REPORTS}")
}

/// Marts and steps to them, with their hashes. What names runs differs from lake to lake.
fn marts(world: &World) -> BTreeMap<String, String> {
    let mut all = world.snapshot(&["marts", "_usagelake/staging"]);
    all.retain(|key, _| !key.contains("data_quality"));
    all
}

fn findings(world: &World, today: &str) -> Vec<Value> {
    let ran = world.ask(&["verify", "--json", "--today", today]);
    let proofs: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    proofs[0]["findings"].as_array().unwrap().clone()
}

/// The day or month of a key.
fn of(key: &str) -> Option<Day> {
    let part = |part: &str| part.strip_prefix("day=").or(part.strip_prefix("month=")).and_then(|d| d.parse().ok());
    key.split('/').find_map(part)
}

#[test]
fn what_is_older_goes_and_what_was_made_of_it_stays() {
    let mut world = world();
    world.run(&[]).exits(0);
    let (all, whole) = (world.snapshot(&["tables"]), marts(&world));
    world.move_to("kept");
    world.set(&retention());
    let config = world.pipeline().display().to_string();
    let plan = world.ask(&["plan", "--config", &config, "--today", LAST]).exits(0);
    assert!(plan.stdout.contains("older than it is kept, and taken: "), "{}", plan.stdout);
    let ran = world.run(&[]).exits(0).says(&["older than it is kept, and taken: "]);

    // The tables have what is not older, as it is where nothing is taken.
    let is_kept = |key: &String| match key.contains("/month=") {
        true => of(key).unwrap() >= day(KEPT).month(),
        false => of(key).unwrap() >= day(KEPT),
    };
    let left = world.snapshot(&["tables"]);
    let want: BTreeMap<_, _> =
        all.iter().filter(|(key, _)| is_kept(key)).map(|(k, s)| (k.clone(), s.clone())).collect();
    assert!(want.len() > 150 && want.len() < all.len() - 150, "{} of {}", want.len(), all.len());
    assert_eq!(left, want);
    let partitions: u64 =
        ran.record["taken"]["partitions"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(partitions as usize, all.len() - want.len(), "the record says what was taken");
    for key in world.files("raw").into_keys() {
        let date =
            key.split("/date=").nth(1).and_then(|rest| rest.split('/').next()).and_then(|d| d.parse::<Day>().ok());
        assert!(date.is_none_or(|date| date >= day(KEPT)), "{key}");
    }
    // The marts are those of the lake that keeps all.
    assert_eq!(marts(&world), whole);
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
    world.manifest_is_whole();

    // The ledger has its figures.
    let slice = world.slice(MAIL, day("2026-06-03"));
    assert!(slice["taken_on"] == LAST && slice["status"] == "landed" && slice["rows"].as_u64().unwrap() > 0, "{slice}");
    assert!(slice["raw"].is_null() && slice["objects"].is_null() && !slice["sha256"].is_null(), "{slice}");
    let status = world.ask(&["status", "--today", LAST, "--days", "200"]).exits(0);
    assert!(status.stdout.contains("- taken by retention") && status.stdout.contains(" taken"), "{}", status.stdout);
    assert!(status.stdout.contains("---"), "{}", status.stdout);
    world.ask(&["query", "SELECT count(*) FROM data_quality WHERE reason LIKE 'retention took its rows on%'"]).exits(0);

    // No way brings it back.
    world.ask(&["replay", "--today", LAST]).exits(0);
    assert_eq!(world.snapshot(&["tables"]), want);
    let text = super::files::mail(&[("2026-06-03", "a", 1, "1")]);
    std::fs::write(world.folder().join("mail.csv"), text).unwrap();
    world.ask(&["import", "mail.csv", "--tenant", "contoso"]).says(&["older than its table is kept", KEPT]);
    assert_eq!(world.snapshot(&["tables"]), want);

    // All built again: months that have lost what they were made of are as they were.
    world.ask(&["marts", "--full", "--config", &config, "--today", LAST]).exits(0);
    assert_eq!(marts(&world), whole);
    // A lost state is found again where the months are.
    std::fs::remove_file(path(&world, "_usagelake/marts/contoso.json")).unwrap();
    world.ask(&["marts", "--config", &config, "--today", LAST]).exits(0);
    assert_eq!(marts(&world), whole);

    // Nights later the values are still those of the lake that keeps all.
    for today in ["2026-11-19", "2026-12-02"] {
        world.today(day(today));
        world.set(REPORTS);
        world.move_to("for-ever");
        world.run(&[]).exits(0);
        let whole = marts(&world);
        world.set(&retention());
        world.move_to("kept");
        world.run(&[]).exits(0);
        assert_eq!(marts(&world), whole, "{today}");
        assert_eq!(findings(&world, today), Vec::<Value>::new());
        world.manifest_is_whole();
    }
}

#[test]
fn marts_about_people_go_too_where_they_are_named() {
    let mut world = world();
    world.move_to("kept");
    world.set(&format!("retention = {{ user_activity = '3 months', user_state = 'forever' }}\n{REPORTS}"));
    let before = world.snapshot(&["marts"]);
    world.run(&[]).exits(0);
    let months = |prefix: &str| world.files(prefix).into_keys().filter_map(|key| of(&key)).collect::<Vec<_>>();
    assert!(
        months("marts/user_activity").iter().all(|m| *m >= day("2026-08-01")),
        "{:?}",
        months("marts/user_activity")
    );
    assert!(months("marts/user_activity").contains(&day("2026-08-01")));
    assert!(months("marts/user_state").contains(&day("2026-05-01")));
    let config = world.pipeline().display().to_string();
    world.ask(&["marts", "--full", "--config", &config, "--today", LAST]).exits(0);
    assert!(months("marts/user_activity").iter().all(|m| *m >= day("2026-08-01")));
    let others = |all: BTreeMap<String, String>| -> Vec<String> {
        all.into_keys().filter(|key| !key.contains("user_activity")).collect()
    };
    let lost: Vec<String> = others(before).into_iter().filter(|key| !path(&world, key).exists()).collect();
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
    world.manifest_is_whole();
    for (wrong, near) in
        [("user_activitys", "user_activity"), ("email_activity_user_detial", "email_activity_user_detail")]
    {
        world.set(&format!("retention = {{ {wrong} = '3 months' }}\n{REPORTS}"));
        world.run(&[]).exits(2).says(&[wrong, &format!("the nearest is `{near}`")]);
    }
}

#[test]
fn a_kill_while_something_is_taken_is_gone_on_with() {
    let mut world = world();
    world.move_to("kept");
    world.set(&retention());
    copy(&world, "kept", "killed");
    world.run(&[]).exits(0);
    let whole = world.snapshot(&["tables", "marts"]);
    // As a night leaves it that is killed when it has put the horizon and deleted something, for the night after that.
    world.move_to("killed");
    let kept: Value =
        serde_json::from_slice(&world.files("").remove("_usagelake/manifest/contoso.json").unwrap()).unwrap();
    let until: BTreeMap<String, String> =
        [(MAIL.to_string(), KEPT.to_string()), ("email_activity_counts".to_string(), "2026-08-01".to_string())].into();
    let horizon = serde_json::json!({ "until": until, "done": {} });
    std::fs::create_dir_all(path(&world, "_usagelake/retention")).unwrap();
    std::fs::write(path(&world, "_usagelake/retention/contoso.json"), horizon.to_string()).unwrap();
    std::fs::write(path(&world, "_usagelake/lock/contoso.running"), "a run").unwrap();
    let older = kept["objects"].as_object().unwrap().keys().filter(|k| k.contains(MAIL) && of(k).unwrap() < day(KEPT));
    for key in older.step_by(2) {
        std::fs::remove_file(path(&world, key)).unwrap();
    }
    let found = findings(&world, LAST);
    assert!(found.iter().all(|f| f["wrong"] == "interrupted"), "what is being taken is no damage: {found:?}");
    world.run(&[]).exits(0);
    let now = world.snapshot(&["tables", "marts"]);
    let differ: Vec<_> =
        whole.iter().filter(|(k, sha)| now.get(*k) != Some(sha) && !k.contains("data_quality")).collect();
    assert!(differ.is_empty() && now.len() == whole.len(), "{differ:?}");
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
    assert!(Path::new(world.address()).exists());
}
