//! `verify` finds whatever was done to a lake, and `replay` makes its tables from raw again, byte for byte.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use usagelake::emulator::Options;
use usagelake::ledger::{Manifest, Sum};

use super::world::{Ran, World, ago, options};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

/// A lake of three nights: details, counts, a summary, states, the directory and marts, with a day that was restated.
fn lake() -> World {
    let restated = format!("[[rules]]\nfault.restated = {{ day = '{}', from = '{}', percent = 30 }}", ago(4), ago(0));
    let faults = restated.parse().unwrap();
    let mut world = World::with(Options { users: 30, faults, ..options() }).with_marts();
    world.set(&format!(
        "reports = {{ include = ['{MAIL}', 'getEmailActivityCounts', 'getEmailAppUsageVersionsUserCounts', \
         'getOffice365ActivationsUserDetail', 'getOneDriveUsageStorage'] }}"
    ));
    for n in [2, 1, 0] {
        world.today(ago(n));
        world.run(&[]).exits(0);
    }
    world
}

fn verify(world: &World) -> (Ran, Vec<Value>) {
    let ran = world.ask(&["verify", "--json", "--today", &ago(0).to_string()]);
    let proofs: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let findings = proofs[0]["findings"].as_array().unwrap().clone();
    (ran, findings)
}

/// Fails unless exactly this is found.
#[track_caller]
fn finds(world: &World, wrong: &str, object: &str) {
    let (ran, findings) = verify(world);
    let found: Vec<_> =
        findings.iter().map(|f| (f["wrong"].as_str().unwrap(), f["object"].as_str().unwrap())).collect();
    assert_eq!(found, [(wrong, object)], "{findings:?}");
    ran.exits(3);
}

fn path(world: &World, key: &str) -> PathBuf {
    PathBuf::from(world.address()).join(key)
}

/// An object of each kind: a detail's partition, a month, a raw answer, a list of the directory, a mart, a step to one.
fn one_of_each(world: &World) -> Vec<String> {
    let all: Vec<String> = world.files("").into_keys().collect();
    let prefixes = [
        format!("tables/{TABLE}/"),
        "tables/email_activity_counts/".to_string(),
        "tables/users/".to_string(),
        "raw/".to_string(),
        "marts/".to_string(),
        "marts_shared/calendar/".to_string(),
        "_usagelake/staging/".to_string(),
    ];
    prefixes.iter().map(|p| all.iter().find(|k| k.starts_with(p)).unwrap_or_else(|| panic!("no {p}")).clone()).collect()
}

#[test]
fn a_lake_that_nobody_touched_is_proven() {
    let world = lake();
    let (ran, findings) = verify(&world);
    assert_eq!(findings, Vec::<Value>::new());
    let ran = ran.exits(0);
    let proof: Value = serde_json::from_str(&ran.stdout).unwrap();
    let objects = world.files("").into_keys();
    let about = |k: &String| k.starts_with("_usagelake/") || k.starts_with("marts_shared/manifest/");
    let kept = ["staging", "ledger", "marts"].map(|folder| format!("_usagelake/{folder}/"));
    let all = objects.filter(|k| !about(k) || kept.iter().any(|f| k.starts_with(f))).count();
    assert_eq!(proof[0]["objects"], all, "every object was read");
    world.ask(&["verify"]).exits(0).says(&["all is as the ledger says"]);
    // A night later it still is, with answers that raw keeps for a day only.
    let mut world = world;
    world.set("raw = 'days:1'\nreports = { include = ['getEmailActivityCounts'] }");
    world.today(ago(-2));
    world.run(&[]).exits(0);
    let (config, today) = (world.pipeline().display().to_string(), ago(-2).to_string());
    world.ask(&["verify", "--config", &config, "--today", &today]).exits(0);
    let ran = world.ask(&["verify", "--json", "--config", "none.toml", "--today", &today]).exits(3);
    let proofs: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = proofs[0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["wrong"] == "missing" && f["object"].as_str().unwrap().starts_with("raw/")));
    assert!(!findings.is_empty(), "without the pipeline file nobody knows that they may be gone");
}

#[test]
fn each_flipped_byte_cut_gap_and_stranger_is_found() {
    let world = lake();
    for key in one_of_each(&world) {
        let path = path(&world, &key);
        let good = std::fs::read(&path).unwrap();
        for at in [0, 1, good.len() / 3, good.len() / 2, good.len() - 9, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, bad).unwrap();
            finds(&world, "hash", &key);
        }
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        finds(&world, "size", &key);
        std::fs::write(&path, "").unwrap();
        finds(&world, "size", &key);
        std::fs::remove_file(&path).unwrap();
        finds(&world, "missing", &key);
        std::fs::write(&path, &good).unwrap();

        let folder = key.rsplit_once('/').unwrap().0;
        for (name, wrong) in
            [("part-1.parquet", "foreign"), ("notes.txt", "foreign"), ("part-0.parquet#1", "half-written")]
        {
            let stranger = format!("{folder}/{name}");
            std::fs::write(self::path(&world, &stranger), &good).unwrap();
            finds(&world, wrong, &stranger);
            std::fs::remove_file(self::path(&world, &stranger)).unwrap();
        }
    }
    for stranger in ["notes.txt", "tables/mine.parquet", "_usagelake/notes.txt", "_usagelake/held/tenant=contoso/x"] {
        let at = path(&world, stranger);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, "mine").unwrap();
        finds(&world, "foreign", stranger);
        std::fs::remove_file(&at).unwrap();
    }
    // What is another tenant's is nobody's business here.
    let other = path(&world, "tables/users/tenant=fabrikam/month=2026-11-01/part-0.parquet");
    std::fs::create_dir_all(other.parent().unwrap()).unwrap();
    std::fs::write(&other, "theirs").unwrap();
    assert_eq!(verify(&world).1, Vec::<Value>::new());
}

#[test]
fn what_is_shared_has_a_manifest_of_its_own_that_counts_no_rows() {
    let world = lake();
    let key = "marts_shared/manifest/contoso.json";
    let path = path(&world, key);
    let good = std::fs::read(&path).unwrap();
    let manifest: Value = serde_json::from_slice(&good).unwrap();
    let objects = manifest["objects"].as_object().unwrap();
    assert!(objects.len() > 5 && objects.keys().all(|k| k.starts_with("marts_shared/")), "{manifest:#}");
    for (object, entry) in objects {
        let bytes = std::fs::read(self::path(&world, object)).unwrap();
        assert_eq!(*entry, serde_json::json!({ "size": bytes.len(), "sha256": sha(&bytes) }), "{object}");
    }
    let text = String::from_utf8(good.clone()).unwrap();
    std::fs::write(&path, text.replacen("\"size\":", "\"size\":1", 1)).unwrap();
    finds(&world, "ledger", key);
    std::fs::remove_file(&path).unwrap();
    finds(&world, "missing", key);
    // A lake of before has none: it is made where no mart has changed.
    let ran = world.ask(&["marts", "--json", "--today", &ago(0).to_string()]).exits(0);
    assert!(ran.stdout.contains("\"models\":[]") || ran.stdout.contains("\"models\": []"), "{}", ran.stdout);
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert_eq!(verify(&world).1, Vec::<Value>::new());
}

/// What the lake keeps about itself counts to the byte, too: ledgers, manifest, state of the marts, cells that did not parse,
/// answers that a guard holds.
#[test]
fn each_flipped_byte_of_what_the_lake_keeps_about_itself_is_found() {
    let mut world = lake();
    let text = super::files::mail(&[("2025-01-15", "a", 1, "1"), ("2025-01-15", "b", 2, "1")]);
    std::fs::write(world.folder().join("mail.csv"), text.replace(",2,1,1,", ",many,1,1,")).unwrap();
    world.ask(&["import", "mail.csv", "--tenant", "contoso"]).exits(0).says(&["1 cell did not parse"]);
    world.set(&format!("raw = 'off'\nreports = {{ include = ['{MAIL}'] }}"));
    world.faults(&format!("[[rules]]\nfunction = '{MAIL}'\nwindow = 'date={}'\nfault.doubled = {{}}", ago(1)));
    world.today(ago(-1));
    world.run(&[]).exits(3).says(&["guard `duplicates`"]);
    assert_eq!(verify(&world).1, Vec::<Value>::new());

    let all: Vec<String> = world.files("_usagelake").into_keys().collect();
    let of = |prefix: &str, end: &str| {
        let found = all.iter().find(|k| k.starts_with(prefix) && k.ends_with(end));
        found.unwrap_or_else(|| panic!("no {prefix} in {all:?}")).clone()
    };
    let ledger = format!("_usagelake/ledger/tenant=contoso/report={TABLE}/");
    for key in [
        of(&ledger, ".jsonl"),
        of(&ledger, "standing.json"),
        of("_usagelake/manifest/", ".json"),
        of("_usagelake/marts/", ".json"),
        of("_usagelake/rejects/", ".jsonl"),
        of("_usagelake/held/", ".csv.zst"),
    ] {
        let at = path(&world, &key);
        let good = std::fs::read(&at).unwrap();
        let found = |wrong: &[&str], what: &str| {
            let (ran, findings) = verify(&world);
            let of_it: Vec<_> = findings.iter().filter(|f| f["object"] == key).map(|f| f["wrong"].as_str()).collect();
            let as_said = of_it.iter().flatten().any(|word| wrong.contains(word));
            assert!(as_said, "{what} of {key}: {findings:?}");
            ran.exits(3);
        };
        for n in [0, 1, good.len() / 3, good.len() / 2, good.len() - 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[n] ^= 0x01;
            std::fs::write(&at, bad).unwrap();
            found(&["hash", "ledger"], &format!("a flipped byte {n}"));
        }
        std::fs::remove_file(&at).unwrap();
        found(&["missing"], "the absence");
        std::fs::write(&at, &good).unwrap();
    }
    for folder in [ledger.as_str(), "_usagelake/rejects/tenant=contoso/", "_usagelake/held/tenant=contoso/"] {
        let stranger = format!("{folder}month=2020-01-01.jsonl");
        std::fs::write(path(&world, &stranger), "").unwrap();
        finds(&world, "foreign", &stranger);
        std::fs::remove_file(path(&world, &stranger)).unwrap();
    }
    assert_eq!(verify(&world).1, Vec::<Value>::new());
}

const MANIFEST: &str = "_usagelake/manifest/contoso.json";

/// Makes the manifest fit what was done to ledgers and to itself, as somebody would who forges both.
fn seal(world: &World) {
    let mut manifest: Manifest = serde_json::from_slice(&std::fs::read(path(world, MANIFEST)).unwrap()).unwrap();
    for (key, sum) in &mut manifest.about {
        *sum = Sum::of(&std::fs::read(path(world, key)).unwrap());
    }
    manifest.sha256 = String::new();
    manifest.sha256 = sha(&serde_json::to_vec(&manifest).unwrap());
    std::fs::write(path(world, MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
}

/// Replaces a text in every file of ledger and manifest.
fn say_otherwise(world: &World, from: &str, to: &str) -> usize {
    let mut changed = 0;
    for prefix in ["_usagelake/ledger", "_usagelake/manifest"] {
        for (key, bytes) in world.files(prefix) {
            let text = String::from_utf8(bytes).unwrap();
            if text.contains(from) {
                changed += 1;
                std::fs::write(path(world, &key), text.replace(from, to)).unwrap();
            }
        }
    }
    seal(world);
    changed
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn wrong_rows_other_columns_and_contradictions_are_found() {
    let world = lake();
    let key = one_of_each(&world).remove(0);
    let bytes = world.files("tables").remove(&key).unwrap();
    let of = |sha: &str, rows: u64| format!("\"sha256\":\"{sha}\",\"rows\":{rows}");
    let rows = world.table(TABLE).0.iter().find(|(k, _)| *k == key).unwrap().1.num_rows() as u64;
    assert_eq!(say_otherwise(&world, &of(&sha(&bytes), rows), &of(&sha(&bytes), rows + 1)), 2);
    finds(&world, "rows", &key);
    say_otherwise(&world, &of(&sha(&bytes), rows + 1), &of(&sha(&bytes), rows));
    assert_eq!(verify(&world).1, Vec::<Value>::new());

    // The file of another table, with ledger and manifest made to fit.
    let (other, file) = world.files("tables/office365_activations_user_detail").pop_first().unwrap();
    let rows_of =
        world.table("office365_activations_user_detail").0.iter().find(|(k, _)| *k == other).unwrap().1.num_rows();
    let (size, other_size) = (format!("\"size\":{},", bytes.len()), format!("\"size\":{},", file.len()));
    let said: Vec<_> =
        [world.files("_usagelake/ledger"), world.files("_usagelake/manifest")].into_iter().flatten().collect();
    let (is, would) = (of(&sha(&bytes), rows), of(&sha(&file), rows_of as u64));
    std::fs::write(path(&world, &key), &file).unwrap();
    assert_eq!(say_otherwise(&world, &format!("{size}{is}"), &format!("{other_size}{would}")), 2);
    finds(&world, "schema", &key);
    said.iter().for_each(|(key, bytes)| std::fs::write(path(&world, key), bytes).unwrap());
    std::fs::write(path(&world, &key), &bytes).unwrap();
    assert_eq!(verify(&world).1, Vec::<Value>::new());

    // Ledger and manifest that do not agree, or cannot be read.
    let manifest = MANIFEST;
    let good = std::fs::read_to_string(path(&world, manifest)).unwrap();
    std::fs::write(path(&world, manifest), good.replacen(&sha(&bytes), &sha(b""), 1)).unwrap();
    seal(&world);
    finds(&world, "ledger", &key);
    std::fs::write(path(&world, manifest), "{").unwrap();
    finds(&world, "ledger", manifest);
    std::fs::remove_file(path(&world, manifest)).unwrap();
    finds(&world, "missing", manifest);
    std::fs::write(path(&world, manifest), good).unwrap();
    let mark = "_usagelake/lock/contoso.running";
    std::fs::write(path(&world, mark), "a run").unwrap();
    finds(&world, "interrupted", mark);
}

fn replay(world: &World, more: &[&str]) -> Ran {
    let mut all = vec!["replay", "--today", "2026-11-20"];
    all.extend(more);
    world.ask(&all)
}

/// Ledger and tables, with their hashes.
fn state(world: &World) -> BTreeMap<String, String> {
    world.snapshot(&["tables", "_usagelake/ledger"])
}

#[test]
fn tables_are_made_again_from_raw_byte_for_byte() {
    let world = lake();
    let before = state(&world);
    std::fs::remove_dir_all(path(&world, "tables")).unwrap();
    let ran = replay(&world, &[]).exits(0);
    let ran = ran.says(&["email_activity_user_detail: ", "users: 3 answers", ", 0 changed"]);
    assert!(!ran.stderr.contains("without raw"), "{}", ran.stderr);
    let after = state(&world);
    let differ: Vec<_> = before.iter().filter(|(k, sha)| after.get(*k) != Some(sha)).collect();
    assert!(differ.is_empty() && before.len() == after.len(), "{differ:?}");
    world.manifest_is_whole();
    assert_eq!(verify(&world).1, Vec::<Value>::new());

    // A part of it, over damage.
    let key = before.keys().find(|k| k.contains(&format!("{TABLE}/tenant=contoso/period=1/day={}", ago(4)))).unwrap();
    std::fs::write(path(&world, key), "damage").unwrap();
    let (day, asked) = (ago(4).to_string(), world.requests().len());
    replay(&world, &["--report", MAIL, "--from", &day, "--to", &day]).exits(0).says(&["5 partitions of 1 table put"]);
    assert!(state(&world) == before);
    assert_eq!(world.requests().len(), asked, "Graph is not asked");
}

#[test]
fn what_has_no_raw_stays_and_what_was_changed_is_refused() {
    let world = lake();
    let before = state(&world);
    let of = |table: &str| world.files("raw").into_keys().filter(|k| k.contains(table)).collect::<Vec<_>>();
    let (days, months) = (of(&format!("report={TABLE}/date")), of("report=email_activity_counts/"));
    std::fs::remove_file(path(&world, &days[0])).unwrap();
    std::fs::remove_file(path(&world, &months[0])).unwrap();
    replay(&world, &["--report", "Email"]).exits(3).says(&["1 answer without raw, published as before"]);
    assert!(state(&world) == before);

    std::fs::write(path(&world, &days[1]), "no zstd").unwrap();
    replay(&world, &["--report", MAIL]).exits(1).says(&["a raw answer is not what was received", &days[1]]);
    assert!(state(&world) == before);
}

/// A lake of a version that did not know the header `Send Count`.
#[test]
fn a_header_that_the_catalog_has_learned_moves_into_its_column() {
    let world = World::new();
    world.run_day(MAIL, ago(3)).exits(0);
    let (sent, whole) = (world.day(TABLE, ago(3)).sum("send_count"), world.snapshot(&["tables"]));
    world.faults(&format!(
        "[[rules]]\nfunction = '{MAIL}'\nfault.column-renamed = {{ header = 'Send Count', to = 'Mails Out!' }}"
    ));
    world.run_day(MAIL, ago(3)).exits(0);
    assert_eq!(world.day(TABLE, ago(3)).sum("send_count"), 0);
    let raw = world.slice(TABLE, ago(3))["raw"]["path"].as_str().unwrap().to_string();
    let body = world.files("raw").remove(&raw).unwrap();
    let text = String::from_utf8(zstd::decode_all(&body[..]).unwrap()).unwrap();
    assert!(text.contains("Mails Out!"));
    let learned = zstd::encode_all(text.replace("Mails Out!", "Send Count").as_bytes(), 3).unwrap();
    std::fs::write(path(&world, &raw), &learned).unwrap();
    say_otherwise(&world, &sha(&body), &sha(&learned));
    say_otherwise(&world, &format!("\"size\":{},", body.len()), &format!("\"size\":{},", learned.len()));

    replay(&world, &[]).exits(0).says(&["1 partition, 1 changed"]);
    assert_eq!(world.day(TABLE, ago(3)).sum("send_count"), sent);
    assert!(world.snapshot(&["tables"]) == whole, "the bytes of a lake that had always known it");
    assert!(world.slice(TABLE, ago(3))["unknown_headers"].is_null());
    world.manifest_is_whole();
    assert_eq!(verify(&world).1, Vec::<Value>::new());
}

#[test]
fn a_replay_that_was_killed_goes_on_where_it_was() {
    let world = lake();
    let before = state(&world);
    let mut command = world.command(&["replay", "--lake", world.address(), "--today", "2026-11-20"]);
    let mut child = command.spawn().unwrap();
    let mark = path(&world, "_usagelake/replay/contoso.json");
    while !mark.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let done: Value = serde_json::from_slice(&std::fs::read(&mark).unwrap()).unwrap();
    let first = done["done"][0].as_str().unwrap();
    let ran = replay(&world, &[]).exits(0);
    assert!(!ran.stderr.contains(&format!("{first}: ")), "{first} was done: {}", ran.stderr);
    assert!(!mark.exists());
    assert!(state(&world) == before);
    world.manifest_is_whole();
}
