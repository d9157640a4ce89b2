//! `migrate` on lakes that an earlier version wrote: tests/fixtures/lakes-of-an-earlier-version.md says what is in them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use usagelake::emulator::Options;

use super::world::{Ran, World, day, options};

const LAKES: &[u8] = include_bytes!("../fixtures/lakes-of-an-earlier-version.tar.zst");
const TEAMS: &str = "teams_user_activity_user_detail";
const MAIL: &str = "email_activity_user_detail";
const COUNTS: &str = "email_activity_counts";
const SUITE: &str = "office365_active_user_detail";

/// A world at the lake of this name, with the same tenant.
fn world(name: &str) -> World {
    let end = day("2026-12-20");
    let mut world = World::with(Options { users: 5, days: 60, seed: 3, end, campaigns: false, ..options() });
    unpack(world.folder());
    world.move_to(name);
    world.today(day("2026-11-19"));
    world
}

fn unpack(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let mut tar = Command::new("tar").args(["-xf", "-"]).current_dir(folder).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&zstd::decode_all(LAKES).unwrap()).unwrap();
    assert!(tar.wait().unwrap().success());
}

fn path(world: &World, key: &str) -> PathBuf {
    PathBuf::from(world.address()).join(key)
}

fn migrate(world: &World, more: &[&str]) -> Ran {
    let mut all = vec!["migrate", "--today", "2026-11-19"];
    all.extend(more);
    world.ask(&all)
}

fn findings(world: &World) -> Vec<(String, String)> {
    let ran = world.ask(&["verify", "--json", "--today", "2026-11-19"]);
    let proofs: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = |v: &Value| v.as_str().unwrap().to_string();
    proofs[0]["findings"].as_array().unwrap().iter().map(|f| (text(&f["wrong"]), text(&f["object"]))).collect()
}

/// The same without marts: those of an earlier contract follow when they are built.
fn without_marts(world: &World) -> Vec<(String, String)> {
    let mut found = findings(world);
    let is_model = |key: &str| key.starts_with("marts/") || key.starts_with("_usagelake/staging/");
    found.retain(|(wrong, key)| wrong != "schema" || !is_model(key));
    found
}

/// Tables and ledger, with their hashes.
fn state(world: &World) -> BTreeMap<String, String> {
    world.snapshot(&["tables", "_usagelake/ledger"])
}

/// The cells of a column in an answer as it was received: what the values of the table must be.
fn received(world: &World, table: &str, header: &str) -> i64 {
    let mut sum = 0;
    for (key, bytes) in world.files(&format!("raw/tenant=contoso/report={table}")) {
        if !key.contains("/date=") {
            continue;
        }
        let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        let at = lines.next().unwrap().split(',').position(|h| h == header).unwrap();
        sum += lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap_or(0)).sum::<i64>();
    }
    sum
}

/// The partitions of single days.
fn by_day(world: &World, table: &str) -> super::world::Table {
    let mut all = world.table(table);
    all.0.retain(|(key, _)| key.contains("/period=1/"));
    all
}

#[test]
fn a_lake_of_an_earlier_version_is_read_as_it_is() {
    for name in ["kept", "bare"] {
        let world = world(name);
        let before = world.snapshot(&[""]);
        world.ask(&["status", "--today", "2026-11-19"]).exits(0);
        let sql = format!("SELECT count(*) AS n, count(urgent_messages) AS known FROM {TEAMS} WHERE period = 1");
        let ran = world.ask(&["query", &sql]).exits(0);
        assert!(ran.stdout.contains(&by_day(&world, TEAMS).rows().to_string()), "{}", ran.stdout);
        let found = findings(&world);
        let said =
            |(wrong, key): &(String, String)| wrong == "schema" || (wrong == "foreign" && key.starts_with("raw/"));
        assert!(!found.is_empty() && found.iter().all(said), "{name}: {found:?}");
        assert!(before == world.snapshot(&[""]), "who reads writes nothing");
        // A night on top, as it is.
        world.run(&["--report", "Teams", "Email"]).exits(0);
    }
}

#[test]
fn a_lake_of_an_earlier_version_is_brought_to_todays_form() {
    let world = world("kept");
    let before = world.snapshot(&[""]);
    let dry = migrate(&world, &["--dry-run"]).exits(0).says(&["would be written anew", "`urgent_messages`"]);
    assert!(before == world.snapshot(&[""]), "a dry run writes nothing");

    let ran = migrate(&world, &[]).exits(0).says(&["layout 1", "the marts follow"]);
    let figures =
        |ran: &Ran| ran.stderr.lines().filter(|l| l.contains(" partitions, ")).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(figures(&dry), figures(&ran), "what was done is what was planned");
    assert_eq!(without_marts(&world), []);
    world.manifest_is_whole();

    // Headers that the catalog did not know are columns, with the values that were received.
    assert_eq!(by_day(&world, TEAMS).sum("urgent_messages"), received(&world, TEAMS, "Urgent Messages"));
    assert_eq!(by_day(&world, TEAMS).sum("post_messages"), received(&world, TEAMS, "Post Messages"));
    assert!(received(&world, TEAMS, "Urgent Messages") > 0 && received(&world, TEAMS, "Post Messages") > 0);
    assert!(world.table(TEAMS).texts("unknown_columns").iter().all(Option::is_none));
    assert!(world.table(COUNTS).sum("meeting_interacted") > 0);
    let named = world.day(MAIL, day("2026-11-10")).texts("display_name");
    assert!(!named.is_empty() && named.iter().all(Option::is_some), "{named:?}");
    let slice = world.slice(MAIL, day("2026-11-10"));
    assert!(slice["unknown_headers"].is_null() && slice["missing_columns"].is_null(), "{slice:#}");
    // A column that the catalog has no more is where headers are that nobody knows.
    let suite = world.table(SUITE).texts("unknown_columns");
    assert!(!suite.is_empty() && suite.iter().all(|t| t.as_deref() == Some("{\"beta_score\":\"7\"}")), "{suite:?}");
    assert!(world.table("users").texts("preferred_language").iter().all(Option::is_none));

    let whole = world.snapshot(&[""]);
    let again = migrate(&world, &["--json"]).exits(0);
    assert!(again.stdout.contains("\"tables\": []"), "{}", again.stdout);
    assert!(whole == world.snapshot(&[""]), "twice changes nothing");

    world.ask(&["marts", "--today", "2026-11-19"]).exits(0);
    assert_eq!(findings(&world), []);
    let mut world = world.with_marts();
    world.today(day("2026-11-20"));
    world.run(&[]).exits(0);
    assert_eq!(findings(&world), []);
    world.manifest_is_whole();
}

#[test]
fn what_is_migrated_is_what_a_replay_makes_of_raw() {
    let mut world = world("kept");
    migrate(&world, &[]).exits(0);
    let migrated = state(&world);
    unpack(&world.folder().join("other"));
    world.move_to("other/kept");
    world.ask(&["replay", "--today", "2026-11-19"]).exits(0);
    let replayed = state(&world);
    let differ: Vec<&String> =
        migrated.iter().filter(|(key, sha)| replayed.get(*key) != Some(sha)).map(|(k, _)| k).collect();
    // Raw has the header of a column that is no more, the table has its name: what nobody knows stands under one or the other.
    let other = |key: &&&String| !key.contains(SUITE) && key.starts_with("tables/");
    assert_eq!(differ.iter().filter(other).count(), 0, "{differ:?}");
    assert_eq!(migrated.len(), replayed.len());
}

#[test]
fn raw_is_not_needed() {
    let (kept, bare) = (world("kept"), world("bare"));
    for world in [&kept, &bare] {
        migrate(world, &[]).exits(0);
        assert_eq!(without_marts(world), []);
    }
    assert!(bare.files("raw").is_empty());
    let (mut of_kept, mut of_bare) = (kept.snapshot(&["tables"]), bare.snapshot(&["tables"]));
    let both: Vec<String> = of_bare.keys().filter(|key| of_kept.contains_key(*key)).cloned().collect();
    assert!(both.iter().filter(|k| k.contains(TEAMS)).count() > 20, "{both:?}");
    of_kept.retain(|key, _| key.contains(TEAMS) && both.contains(key));
    of_bare.retain(|key, _| key.contains(TEAMS) && both.contains(key));
    assert_eq!(of_kept, of_bare);
}

#[test]
fn a_migration_that_was_killed_is_gone_on_with() {
    let mut world = world("kept");
    migrate(&world, &[]).exits(0);
    let whole = state(&world);
    let mut caught = 0;
    for n in 0..40 {
        let name = format!("copy-{n}");
        unpack(&world.folder().join(&name));
        world.move_to(&format!("{name}/kept"));
        let mut command = world.command(&["migrate", "--lake", world.address(), "--today", "2026-11-19"]);
        let mut child = command.spawn().unwrap();
        let note = path(&world, "_usagelake/migrate/contoso.json");
        // The note of the n-th table, or as many as there are.
        let mut seen = false;
        while !seen && child.try_wait().unwrap().is_none() {
            seen = note.exists();
        }
        std::thread::sleep(std::time::Duration::from_micros(500 * (n % 8)));
        child.kill().unwrap();
        child.wait().unwrap();
        caught += usize::from(note.exists());
        if n % 2 == 1 {
            // Whoever writes next finds what became of the objects.
            world.ask(&["replay", "--report", "getMailboxUsageStorage"]).exits(0);
            assert!(!note.exists());
        }
        migrate(&world, &[]).exits(0);
        assert_eq!(without_marts(&world), []);
        let now = state(&world);
        let differ: Vec<_> = whole.iter().filter(|(key, sha)| now.get(*key) != Some(sha)).map(|(k, _)| k).collect();
        assert!(differ.is_empty() && now.len() == whole.len(), "{differ:?}");
        world.manifest_is_whole();
        if caught > 3 {
            return;
        }
    }
    assert!(caught > 0, "it was never killed while it put something");
}

#[test]
fn a_note_whose_ledger_was_written_already_changes_nothing() {
    let mut world = world("kept");
    let mut note = None;
    // The note is there for a moment: as often as it takes to see the one of a table whose headers the catalog has learned.
    for n in 0..50 {
        let name = format!("copy-{n}");
        unpack(&world.folder().join(&name));
        world.move_to(&format!("{name}/kept"));
        let mut command = world.command(&["migrate", "--lake", world.address(), "--today", "2026-11-19"]);
        let mut child = command.spawn().unwrap();
        let key = path(&world, "_usagelake/migrate/contoso.json");
        let named = format!("{{\"ledger\":\"{COUNTS}\"");
        while child.try_wait().unwrap().is_none() {
            note = note.or(std::fs::read(&key).ok().filter(|text| text.starts_with(named.as_bytes())));
        }
        if note.is_some() {
            break;
        }
    }
    let (whole, note) = (state(&world), note.expect("no note was seen"));
    let key = path(&world, "_usagelake/migrate/contoso.json");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, note).unwrap();
    world.ask(&["replay", "--report", "getMailboxUsageStorage"]).exits(0);
    assert!(!key.exists());
    let now = state(&world);
    let differ: Vec<_> = whole.iter().filter(|(key, sha)| now.get(*key) != Some(sha)).map(|(k, _)| k).collect();
    assert!(differ.is_empty() && now.len() == whole.len(), "{differ:?}");
    assert_eq!(without_marts(&world), []);
}

#[test]
fn a_newer_layout_is_refused_by_all_and_touched_by_none() {
    let world = world("kept");
    std::fs::write(path(&world, "_usagelake/layout.json"), "{\"layout_version\":2}").unwrap();
    std::fs::write(world.folder().join("x.csv"), "x").unwrap();
    let before = world.snapshot(&[""]);
    for command in [
        &["status"][..],
        &["query", "SELECT 1"],
        &["verify"],
        &["replay"],
        &["release"],
        &["forget", "--yes"],
        &["migrate"],
        &["marts"],
        &["sql", "--for", "duckdb"],
        &["dashboard", "--out", "x.html"],
    ] {
        world.ask(command).exits(1).says(&["the lake has layout 2, this version knows 1", "update usagelake"]);
    }
    world.run(&[]).exits(1).says(&["the lake has layout 2"]);
    let config = world.pipeline().display().to_string();
    world.ask(&["plan", "--config", &config]).exits(1).says(&["the lake has layout 2"]);
    assert!(before == world.snapshot(&[""]));
}
