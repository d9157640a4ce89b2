//! A run that is killed at any instant costs work and never data: the next run ends with the lake of a night that nobody
//! disturbed, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::world::World;

const NIGHT: [&str; 5] = ["--report", "Email", "Teams", "OneDrive", "Reports"];

/// Every file under a folder, whoever made it, with its hash.
fn walk(folder: &Path, base: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, base, found);
        } else {
            let name = path.strip_prefix(base).unwrap().display().to_string();
            found.insert(name, Sha256::digest(std::fs::read(&path).unwrap()).to_vec());
        }
    }
}

fn tables(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let lake = Path::new(world.address());
    walk(&lake.join("tables"), lake, &mut found);
    found
}

#[test]
fn a_killed_run_is_made_good_by_the_next() {
    let mut world = World::new();
    world.move_to("quiet");
    world.run(&NIGHT[..4]).exits(0);
    let want = tables(&world);
    assert!(want.len() > 150);

    world.move_to("killed");
    // At its beginning, in the midst of details, near its end; each goes on where the one before was killed.
    for requests in [4, 60, 150] {
        let before = world.requests().len();
        let mut run = world.night(&NIGHT[..4]).spawn().unwrap();
        while world.requests().len() < before + requests {
            assert!(run.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_millis(1));
        }
        run.kill().unwrap();
        run.wait().unwrap();
        let left: Vec<String> = tables(&world).into_keys().collect();
        assert!(left.len() < want.len(), "there is something left to do");
        let whole = tables(&world);
        assert!(
            whole
                .iter()
                .filter(|(k, _)| k.ends_with(".parquet"))
                .all(|(k, sha)| want.contains_key(k) && (k.contains("month=") || want[k] == *sha))
        );
    }
    assert!(Path::new(world.address()).join("_usagelake/lock/contoso.json").exists(), "the lock's file is left behind");
    let folder = Path::new(world.address()).join("tables/email_activity_user_detail/tenant=contoso/period=1");
    std::fs::create_dir_all(folder.join("day=2026-11-17")).unwrap();
    std::fs::write(folder.join("day=2026-11-17/part-0.parquet#1"), "half of a partition").unwrap();

    let asked = world.requests().len();
    let ran = world.run(&NIGHT[..4]).exits(0);
    assert!(world.calls(asked).len() < 250, "what had landed is not asked for again");
    assert_eq!(ran.record["outcome"], "done");
    let got = tables(&world);
    let differ: Vec<_> = got.iter().filter(|(k, sha)| want.get(*k) != Some(sha)).map(|(k, _)| k).collect();
    assert!(differ.is_empty() && got.len() == want.len(), "{differ:?}");
    world.manifest_is_whole();
    assert!(world.files("_usagelake/lock").into_keys().all(|k| !k.ends_with(".running")));
}

/// The ledger of a report is several objects, one put after the other.
#[test]
fn a_kill_between_the_objects_of_a_ledger_is_made_good() {
    let world = World::new();
    let night = ["--report", "getEmailActivityCounts", "getMailboxUsageDetail"];
    world.run(&night).exits(0);
    for table in ["email_activity_counts", "mailbox_usage_detail"] {
        let key = format!("_usagelake/ledger/tenant=contoso/report={table}/standing.json");
        let whole = world.files("_usagelake/ledger").remove(&key).unwrap();
        std::fs::remove_file(Path::new(world.address()).join(&key)).unwrap();
        world.run(&night).exits(0);
        let again = world.files("_usagelake/ledger").remove(&key).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(whole).unwrap(), "{table}");
    }
}

/// The first day of a report is put, and the kill comes before what says that days were asked for.
#[test]
fn a_day_that_a_killed_night_has_put_counts_as_asked_for() {
    let mut world = World::new();
    let key = "_usagelake/ledger/tenant=contoso/report=email_activity_user_detail/standing.json";
    let night = ["--report", "getEmailActivityUserDetail"];
    world.run(&night).exits(0);
    let whole = world.files("_usagelake/ledger").remove(key).unwrap();
    world.move_to("killed");
    let first =
        serde_json::from_slice::<serde_json::Value>(&whole).unwrap()["dates_from"].as_str().unwrap().to_string();
    world.run(&["--report", night[1], "--from", &first, "--to", &first]).exits(0);
    std::fs::remove_file(Path::new(world.address()).join(key)).unwrap();
    world.run(&night).exits(0);
    let again = world.files("_usagelake/ledger").remove(key).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), String::from_utf8(whole).unwrap());
}

/// A window of some days has another refresh date on the next day, so what a killed night has put of it is not put again.
#[test]
fn what_a_killed_night_has_put_is_in_the_ledger_after_a_night_of_a_later_day() {
    for raw in ["keep", "off"] {
        let mut world = World::new();
        world.set(&format!("raw = '{raw}'"));
        let night = ["--report", "getOffice365ActiveUserDetail"];
        let table = "office365_active_user_detail";
        world.run(&night).exits(0);
        let kept = ["_usagelake/ledger", "_usagelake/manifest"];
        let before: BTreeMap<String, Vec<u8>> = kept.iter().flat_map(|prefix| world.files(prefix)).collect();
        world.today(super::world::ago(-1));
        world.run(&night).exits(0);
        let whole = world.snapshot(&["tables"]);
        let slice = |world: &World| -> serde_json::Value {
            let day = super::world::ago(1).to_string();
            let mut found = world.ledger(table);
            found.retain(|s| s["window"] == "period=D7" && s["day"] == day);
            assert_eq!(found.len(), 1, "{found:?}");
            found.remove(0)
        };
        let want = slice(&world);
        // As it is left by a kill after the publish and before the ledger.
        for (key, bytes) in before {
            std::fs::write(Path::new(world.address()).join(key), bytes).unwrap();
        }
        std::fs::write(Path::new(world.address()).join("_usagelake/lock/contoso.running"), "a run").unwrap();
        world.today(super::world::ago(-2));
        world.run(&night).exits(0);
        let got = slice(&world);
        for figure in ["status", "rows", "names", "objects", "refresh_date"] {
            assert_eq!(got[figure], want[figure], "{figure} with raw = {raw}");
        }
        if raw == "keep" {
            assert_eq!((&got["sha256"], &got["raw"]), (&want["sha256"], &want["raw"]));
        }
        let now = world.snapshot(&["tables"]);
        let lost: Vec<_> = whole.keys().filter(|key| !now.contains_key(*key)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        world.manifest_is_whole();
        let today = super::world::ago(-2).to_string();
        // Answers that came again are not kept twice.
        world.ask(&["verify", "--today", &today]).exits(0);
    }
}

/// The answer of a window of some days is in raw, its partition is not, and on the next day Graph gives another one.
#[test]
fn an_answer_that_a_killed_night_has_not_published_is_held_until_somebody_has_looked() {
    let mut world = World::new();
    let night = ["--report", "getOffice365ActiveUserDetail"];
    world.run(&night).exits(0);
    let kept = ["_usagelake/ledger", "_usagelake/manifest"];
    let before: BTreeMap<String, Vec<u8>> = kept.iter().flat_map(|prefix| world.files(prefix)).collect();
    world.today(super::world::ago(-1));
    world.run(&night).exits(0);
    for (key, bytes) in before {
        std::fs::write(Path::new(world.address()).join(key), bytes).unwrap();
    }
    let key = format!("period=7/day={}/part-0.parquet", super::world::ago(1));
    let key = format!("tables/office365_active_user_detail/tenant=contoso/{key}");
    let whole = world.files("tables").remove(&key).unwrap();
    std::fs::remove_file(Path::new(world.address()).join(&key)).unwrap();
    std::fs::write(Path::new(world.address()).join("_usagelake/lock/contoso.running"), "a run").unwrap();

    world.today(super::world::ago(-2));
    let today = super::world::ago(-2).to_string();
    let verify = ["verify", "--today", today.as_str()];
    // Only a night asks again for what Graph still has: after anything else the lake is still that of a run that did not end.
    world.ask(&["replay", "--report", "getMailboxUsageStorage"]).exits(0);
    let ran = world.ask(&verify).exits(3);
    assert!(ran.stdout.contains("a run is under way or did not end"), "{}", ran.stdout);
    world.run(&night).exits(0);
    world.ask(&verify).exits(0);
    assert!(!world.files("tables").contains_key(&key));

    world.ask(&["release", "--all", "--today", &today]).exits(0).says(&["getOffice365ActiveUserDetail", "D7"]);
    assert!(world.files("tables")[&key] == whole);
    world.ask(&verify).exits(0);
    world.manifest_is_whole();
}
