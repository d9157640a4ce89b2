//! `[retention]`: what is older goes, with the answers that it came from; what was made of it stays, and nothing else changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arrow::array::Array;
use serde_json::Value;
use usagelake::day::Day;
use usagelake::emulator::Options;

use super::world::{World, day, options, read};

const REPORTS: &str =
    "reports = { include = ['getEmailActivityUserDetail', 'getOffice365ActiveUserDetail', 'getEmailActivityCounts'] }";
const MAIL: &str = "email_activity_user_detail";
/// The days of the nights: each reads what the one before could not see yet.
const NIGHTS: [&str; 7] =
    ["2026-05-28", "2026-06-22", "2026-07-17", "2026-08-11", "2026-09-05", "2026-09-30", "2026-10-25"];
/// The night from which on there is a retention, and the first day that it keeps.
const LAST: &str = "2026-11-18";
const KEPT: &str = "2026-08-18";

/// A lake of half a year, without and with a retention; both with marts. It is lived once for the tests that run side by side.
fn world() -> World {
    static LIVED: Mutex<Weak<tempfile::TempDir>> = Mutex::new(Weak::new());
    let (today, end) = (day(NIGHTS[0]), day("2026-12-20"));
    let mut world = World::with(Options { users: 8, days: 240, seed: 5, today, end, ..options() });
    world.move_to("for-ever");
    world.set(REPORTS);
    // A test that failed meanwhile leaves it as it was.
    let mut lived = LIVED.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = lived.upgrade().unwrap_or_else(|| {
        for today in NIGHTS {
            world.today(day(today));
            world.run(&[]).exits(0);
        }
        world.build_marts();
        world.run(&[]).exits(0);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        copied(Path::new(world.address()), &folder.path().join("lake"));
        *lived = Arc::downgrade(&folder);
        folder
    });
    drop(lived);
    world.build_marts();
    for name in ["for-ever", "kept"] {
        if !world.folder().join(name).exists() {
            copied(&kept.path().join("lake"), &world.folder().join(name));
        }
    }
    world.today(day(LAST));
    world.keep(kept);
    world
}

fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

fn copy(world: &World, from: &str, to: &str) {
    copied(&world.folder().join(from), &world.folder().join(to));
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

/// Texts of a row by their column, without those that are null.
type Row = BTreeMap<String, String>;

fn rows(bytes: &[u8]) -> Vec<Row> {
    let batch = read(bytes.to_vec());
    let schema = batch.schema();
    let cell = |n: usize, at: usize| {
        let text = arrow::util::display::array_value_to_string(batch.column(at), n).unwrap();
        batch.column(at).is_valid(n).then(|| (schema.field(at).name().clone(), text))
    };
    (0..batch.num_rows()).map(|n| (0..batch.num_columns()).filter_map(|at| cell(n, at)).collect()).collect()
}

/// The rows as they must be without somebody: those about the person are gone, and the segment of the manager; other cells empty.
fn without(rows: Vec<Row>, names: &BTreeSet<String>) -> Vec<Row> {
    let is = |text: &String| names.contains(&text.to_lowercase());
    let about = ["person_id", "address", "user_principal_name", "value"];
    let stays = |row: &Row| !about.iter().filter_map(|c| row.get(*c)).any(is);
    let emptied = |mut row: Row| {
        row.retain(|_, text| !is(text));
        row
    };
    rows.into_iter().filter(stays).map(emptied).collect()
}

/// Somebody who manages others and is in the marts of a month; the id, and all names.
fn manager(world: &World, month: &str) -> (String, BTreeSet<String>) {
    let users = world.table("users");
    let (ids, managers) = (users.texts("id"), users.texts("manager_id"));
    let counts = world.files(&format!("_usagelake/staging/daily_counts/tenant=contoso/month={month}"));
    let active: BTreeSet<String> =
        counts.values().flat_map(|b| rows(b)).filter_map(|row| row.get("person_id").cloned()).collect();
    let id = ids.iter().flatten().find(|id| managers.contains(&Some((*id).clone())) && active.contains(*id));
    let id = id.expect("no manager is active").clone();
    let addresses = world.table("addresses");
    let pairs = addresses.texts("id").into_iter().zip(addresses.texts("address"));
    let mut names: BTreeSet<String> = pairs.filter(|(of, _)| of.as_ref() == Some(&id)).filter_map(|(_, a)| a).collect();
    names.insert(id.clone());
    (id, names)
}

/// Objects under a prefix in which a cell is one of these names.
fn holding(world: &World, prefix: &str, names: &BTreeSet<String>) -> Vec<String> {
    let stands =
        |bytes: &[u8]| rows(bytes).iter().flat_map(|row| row.values()).any(|t| names.contains(&t.to_lowercase()));
    let files = world.files(prefix).into_iter().filter(|(key, _)| key.ends_with(".parquet"));
    files.filter(|(_, bytes)| stands(bytes)).map(|(key, _)| key).collect()
}

#[test]
fn who_is_forgotten_is_in_no_month_that_is_not_built_again() {
    let mut world = world();
    world.move_to("kept");
    world.set(&retention());
    world.run(&[]).exits(0);
    let (id, names) = manager(&world, "2026-07-01");
    let is_frozen = |key: &String| of(key).is_some_and(|month| month < day("2026-09-01"));
    let before = world.files("");
    let stood: Vec<String> = ["marts", "_usagelake/staging"].iter().flat_map(|p| holding(&world, p, &names)).collect();
    assert!(stood.iter().filter(|key| is_frozen(key)).count() > 40, "{stood:?}");
    let config = world.pipeline().display().to_string();
    let forget = |world: &World, more: &[&str]| {
        let mut all = vec!["forget", "--yes", "--today", LAST, "--config", &config];
        all.extend(more);
        world.ask(&all).exits(0).says(&["nobody is left"])
    };
    // A dry run does nothing, and says what the run then says.
    let figures = |how: &[&str]| {
        let all = [&["forget", "--user", &id, "--json", "--today", LAST, "--config", &config], how].concat();
        let mut said: Value = serde_json::from_str(&world.ask(&all).exits(0).stdout).unwrap();
        let models = said["marts"]["models"].as_array_mut().unwrap();
        models.iter_mut().for_each(|m| _ = m.as_object_mut().unwrap().remove("seconds"));
        said["marts"]["seconds"].take();
        (said["erased"].clone(), said["marts"].clone())
    };
    let dry = world.ask(&["forget", "--user", &id, "--dry-run", "--today", LAST, "--config", &config]).exits(0);
    dry.says(&["would be built", "of months that are not built again would be written anew"]);
    let would = figures(&["--dry-run"]);
    assert!(world.files("") == before, "a dry run has changed something");
    assert_eq!(figures(&["--yes"]), would);
    let of_models = |key: &&String| {
        let is_model = key.starts_with("marts") || key.starts_with("_usagelake/staging");
        is_model && key.ends_with(".parquet")
    };
    let there = world.files("");
    let other = before.keys().filter(of_models).filter(|key| there.get(*key) != before.get(*key)).count();
    let built = &would.1;
    let changed = |m: &Value| m["published"].as_u64().unwrap() + m["removed"].as_u64().unwrap_or_default();
    let new: u64 = built["models"].as_array().unwrap().iter().map(changed).sum();
    let renewed = built["renewed"]["partitions"].as_u64().unwrap();
    assert!(renewed > 40 && new > 40, "{built}");
    assert_eq!(new + renewed, other as u64);
    for prefix in ["marts", "marts_shared", "_usagelake/staging", "tables"] {
        assert_eq!(holding(&world, prefix, &names), Vec::<String>::new());
    }
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
    world.manifest_is_whole();

    // Of what is made of tables that are gone everybody else is there as before, and every count that names nobody.
    let after = world.files("");
    let models =
        ["address_state", "people", "shown", "licensed", "daily_counts", "license_utilization", "segment_habits"];
    for (model, month) in models.iter().flat_map(|model| ["2026-06-01", "2026-07-01"].map(|month| (model, month))) {
        let part = format!("{model}/tenant=contoso/month={month}/part-0.parquet");
        let key = [format!("marts/{part}"), format!("_usagelake/staging/{part}")]
            .into_iter()
            .find(|k| before.contains_key(k));
        let key = key.unwrap_or_else(|| panic!("no {part}"));
        let (had, has) = (rows(&before[&key]), rows(&after[&key]));
        assert_eq!(has, without(had.clone(), &names), "{key}");
        assert!(has.len() < had.len() && !has.is_empty(), "{key}");
    }
    // What is made of those is what the models say of a person who is not there.
    let people = |files: &BTreeMap<String, Vec<u8>>, key: &str| {
        let all = rows(&files[key]).into_iter();
        all.map(|row| row["person_id"].clone()).collect::<BTreeSet<String>>()
    };
    let key = "marts/person/tenant=contoso/month=2026-07-01/part-0.parquet";
    let mut want = people(&before, key);
    assert!(want.remove(&id));
    assert_eq!(people(&after, key), want);
    let segments = "marts/adoption_by_segment/tenant=contoso/month=2026-07-01/part-0.parquet";
    let enabled = |files: &BTreeMap<String, Vec<u8>>| {
        let all = rows(&files[segments]);
        let of = |row: &&Row| row["attribute"] == "tenant" && row["product"] == "exchange";
        all.iter().find(of).unwrap()["enabled_users"].parse::<u64>().unwrap()
    };
    assert_eq!(enabled(&after) + 1, enabled(&before));

    // Nothing is left to be done, however often; and what a killed one left, some of it done and noted nowhere, ends in the same lake.
    let all = |world: &World| {
        let mut all = world.snapshot(&["tables", "raw", "marts", "marts_shared", "_usagelake/staging"]);
        all.retain(|key, _| !key.contains("data_quality"));
        let state = std::fs::read(path(world, "_usagelake/marts/contoso.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        all.insert("state".to_string(), state["built"].to_string());
        all
    };
    let whole = all(&world);
    world.ask(&["marts", "--full", "--config", &config, "--today", LAST]).exits(0);
    assert!(all(&world) == whole, "once more");
    copy(&world, "kept", "killed");
    world.move_to("killed");
    let put = |key: &String| std::fs::write(path(&world, key), &before[key]).unwrap();
    put(&"_usagelake/marts/contoso.json".to_string());
    before.keys().filter(|k| k.contains("staging/") && is_frozen(k)).step_by(2).for_each(put);
    std::fs::write(path(&world, "_usagelake/forgotten/tenant=contoso/under-way"), "a run").unwrap();
    std::fs::write(path(&world, "_usagelake/lock/contoso.running"), "a run").unwrap();
    copy(&world, "killed", "night");
    forget(&world, &[]);
    let now = all(&world);
    let differ: Vec<_> = whole.iter().filter(|(key, sha)| now.get(*key) != Some(sha)).map(|(key, _)| key).collect();
    assert!(differ.is_empty() && now.len() == whole.len(), "{differ:?}");
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
    // A night goes on with it, too.
    world.move_to("night");
    world.run(&[]).exits(0);
    for prefix in ["marts", "_usagelake/staging"] {
        assert_eq!(holding(&world, prefix, &names), Vec::<String>::new());
    }
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());

    // A contract that gains a column gives it to these months, too; what it has lost they keep, and that is no damage.
    let own = world.folder().join("own");
    std::fs::create_dir(&own).unwrap();
    let sql = include_str!("../../pipelines/usage_analytics/user_activity.sql");
    std::fs::write(own.join("user_activity.sql"), format!("SELECT u.*, 7 AS extra FROM (\n{sql}\n) AS u")).unwrap();
    let contract = include_str!("../../schemas/marts/user_activity.toml");
    let more =
        contract.replace("\n]\nleft_out", "\n  { name = 'extra', type = 'int', description = 'Seven.' },\n]\nleft_out");
    std::fs::write(own.join("user_activity.toml"), more).unwrap();
    let proof = |world: &World| {
        let ran = world.ask(&["verify", "--json", "--today", LAST, "--config", &config]);
        let proof: Value = serde_json::from_str::<Value>(&ran.stdout).unwrap()[0].clone();
        let of = |what: &str| proof[what].as_array().cloned().unwrap_or_default();
        (ran.code, of("findings"), of("notes"))
    };
    let extra = |world: &World, month: &str| {
        let files = world.files(&format!("marts/user_activity/tenant=contoso/month={month}"));
        files.values().flat_map(|b| rows(b)).map(|row| row.get("extra").cloned()).collect::<BTreeSet<_>>()
    };
    world.set(&format!("marts.models = 'own'\n{}", retention()));
    world.pipeline();
    let (code, found, _) = proof(&world);
    assert!(code == 3 && found.iter().all(|f| f["wrong"] == "schema"), "{found:?}");
    world.ask(&["marts", "--config", &config, "--today", LAST]).exits(0);
    assert_eq!(proof(&world), (0, vec![], vec![]));
    assert_eq!(extra(&world, "2026-07-01"), BTreeSet::from([None]));
    assert_eq!(extra(&world, "2026-10-01"), BTreeSet::from([Some("7".to_string())]));
    world.set(&retention());
    world.pipeline();
    world.ask(&["marts", "--config", &config, "--today", LAST]).exits(0);
    let (code, found, notes) = proof(&world);
    assert!(code == 0 && found.is_empty(), "{found:?}");
    let noted: BTreeSet<&str> = notes.iter().map(|note| note["object"].as_str().unwrap()).collect();
    let files = world.files("marts/user_activity");
    // Of tables that are kept by month, August is left.
    let lost = |key: &&String| of(key).unwrap() < day("2026-08-01");
    let frozen: BTreeSet<&str> = files.keys().filter(lost).map(String::as_str).collect();
    assert!(frozen.len() == 3 && noted == frozen, "{noted:?}");
    world.ask(&["verify", "--today", LAST]).exits(0).says(&["all is as the ledger says"]);
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

/// Marts that were never built lose what they are made of in the night that builds them, and that night is killed while it does.
#[test]
fn a_kill_before_marts_are_built_takes_nothing_from_them() {
    let mut world = world();
    world.move_to("kept");
    world.set(&retention());
    for folder in ["marts", "marts_shared", "_usagelake/staging", "_usagelake/marts"] {
        std::fs::remove_dir_all(path(&world, folder)).unwrap();
    }
    copy(&world, "kept", "killed");
    world.run(&[]).exits(0);
    let whole = world.snapshot(&["tables"]);
    let built = marts(&world);
    assert!(built.keys().any(|key| key.starts_with("marts/") && of(key).is_some_and(|m| m < day(KEPT).month())));
    world.move_to("killed");
    let mut night = world.night(&[]).spawn().unwrap();
    while !path(&world, "_usagelake/staging").exists() {
        assert!(night.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    night.kill().unwrap();
    night.wait().unwrap();
    assert!(marts(&world).len() < built.len() / 2, "there is something left to build");
    world.run(&[]).exits(0);
    assert_eq!(marts(&world), built);
    assert_eq!(world.snapshot(&["tables"]), whole);
    assert_eq!(findings(&world, LAST), Vec::<Value>::new());
}
