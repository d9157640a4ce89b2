//! The record of a run: however a report or a run ends, it says what was asked, what came, and what to do.

use std::collections::BTreeSet;

use serde_json::Value;
use usagelake::emulator::Options;

use super::world::{Ran, World, ago, options};

const OUTCOMES: [&str; 6] = ["landed", "unchanged", "empty", "late", "failed", "held"];

/// All records of reports and lists.
fn all(ran: &Ran) -> Vec<&Value> {
    let of = |key: &str| ran.record[key].as_array().unwrap_or_else(|| panic!("no {key}: {}", ran.stderr));
    of("reports").iter().chain(of("directory")).collect()
}

/// Fails unless every problem says what to do.
fn problems_have_hints(ran: &Ran) {
    for report in all(ran) {
        for problem in report["problems"].as_array().into_iter().flatten() {
            for key in ["kind", "message", "hint"] {
                assert!(problem[key].as_str().is_some_and(|t| !t.is_empty()), "{}: {problem}", report["report"]);
            }
        }
    }
}

/// The keys that docs/operations.md explains for a report.
fn explained() -> BTreeSet<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let section = page.split("## The record of a run").nth(1).unwrap().split("\n## ").next().unwrap();
    let keys = section.lines().filter_map(|l| l.strip_prefix("| `")?.split('|').next());
    keys.flat_map(|k| k.split('`').step_by(2).map(str::to_string).collect::<Vec<_>>())
        .filter(|k| !k.is_empty())
        .collect()
}

#[test]
fn every_ending_of_a_report_is_whole_in_the_record() {
    let mail = "getEmailActivityUserDetail";
    let faults = format!(
        "[[rules]]\nfunction = '{mail}'\nwindow = 'date={}'\nfault.html = {{}}\n\
         [[rules]]\nfunction = '{mail}'\nwindow = 'date={}'\nfault.empty = {{}}\n\
         [[rules]]\nfunction = '{mail}'\nwindow = 'date={}'\nfault.status = {{ code = 403 }}\n\
         [[rules]]\nfunction = '{mail}'\nfault.late = {{ day = '{}', days = 9, refused = true }}\n\
         [[rules]]\nfunction = 'getEmailActivityCounts'\nfault.column-added = {{ header = 'Mood', value = 'good' }}\n\
         [[rules]]\nfunction = 'getOneDriveActivityUserDetail'\nfault.column-renamed = {{ header = 'User Principal Name', to = 'Account' }}\n\
         [[rules]]\nfunction = 'getOneDriveActivityUserCounts'\nfault.status = {{ code = 400 }}\n\
         [[rules]]\nfunction = 'getMailboxUsageDetail'\nfault.unknown-tenant = {{}}\n\
         [[rules]]\nfunction = 'groups'\nleg = 'directory'\nfault.permission = {{}}\n",
        ago(20),
        ago(12),
        ago(3),
        ago(2)
    );
    let world = World::faulty(&faults);
    let ran = world.run(&[]).exits(3);
    let mut keys = BTreeSet::new();
    for report in all(&ran) {
        keys.extend(report.as_object().unwrap().keys().cloned());
        let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key}: {report}"));
        let ended: u64 = OUTCOMES.iter().map(|o| count(o)).sum();
        let served = report["outcome"] != "not-served";
        assert_eq!(count("asked"), if served { ended } else { 1 }, "{report}");
        assert!(count("attempts") >= count("asked"), "{report}");
        assert_eq!(count("bytes") > 0, count("landed") + count("held") + count("empty") > 0, "{report}");
        assert!(report["problems"].is_array() || count("failed") + count("held") == 0 && served, "{report}");
    }
    problems_have_hints(&ran);
    assert_eq!(keys, explained(), "docs/operations.md explains what is there");
    let outcome = |r: &str| all(&ran).into_iter().find(|x| x["report"] == r).unwrap()["outcome"].clone();
    assert_eq!(outcome("getMailboxUsageDetail"), "not-served");
    assert_eq!(outcome("groups"), "not-served");
    assert_eq!(outcome("getOneDriveActivityUserDetail"), "partial");
    assert_eq!(outcome("getOneDriveActivityUserCounts"), "failed");
    assert!(all(&ran).iter().all(|r| r["not_asked"] == 0), "no report was given up");
    for of in OUTCOMES.into_iter().filter(|o| *o != "unchanged") {
        assert!(ran.sum(of) > 0, "nothing was {of}");
    }
}

#[test]
fn a_run_that_is_lost_on_its_way_has_every_report() {
    let whole = World::new();
    let names = |ran: &Ran| all(ran).iter().map(|r| r["report"].as_str().unwrap().to_string()).collect::<Vec<_>>();
    let want: BTreeSet<String> = names(&whole.run(&[]).exits(0)).into_iter().collect();
    // The token ends after a second, and there is no other.
    let faults = "[[rules]]\nleg = 'token'\nnth = 2\nfault.status = { code = 400 }".parse().unwrap();
    let world = World::with(Options { token_seconds: 1, faults, ..options() });
    let ran = world.run(&[]).exits(3).says(&["the run could not go on"]);
    assert_eq!((&ran.record["outcome"], &ran.record["lost"]["kind"]), (&"partial".into(), &"sign-in".into()));
    assert!(ran.record["lost"]["hint"].is_string());
    problems_have_hints(&ran);
    let reports: BTreeSet<String> = names(&ran).into_iter().collect();
    let lists = ["users", "groups", "subscribed_skus", "organization"];
    let missing: Vec<_> = want.difference(&reports).filter(|n| !lists.contains(&n.as_str())).collect();
    assert!(missing.is_empty(), "the record lacks {missing:?}");
    let cut = |r: &&&Value| r["problems"].as_array().is_some_and(|p| p.iter().any(|p| p["kind"] == "cut-off"));
    let records = all(&ran);
    let cut_off: Vec<_> = records.iter().filter(cut).collect();
    assert!(!cut_off.is_empty() && cut_off.iter().all(|r| r["outcome"] != "done"), "{cut_off:?}");
    assert!(cut_off.iter().any(|r| r["asked"].as_u64() > Some(0)));
    // What the records have is what the tables have.
    assert!(ran.sum("landed") > 0);
}

#[test]
fn a_run_that_comes_to_nothing_leaves_a_record() {
    let world = World::faulty("[[rules]]\nleg = 'token'\nfault.status = { code = 400 }");
    let ran = world.run(&[]).exits(1);
    assert_eq!((&ran.record["outcome"], &ran.record["lost"]["kind"]), (&"failed".into(), &"sign-in".into()));
    assert!(ran.record["lost"]["hint"].is_string() && ran.record["ended_at"].is_string());
    assert_eq!(ran.sum("landed"), 0);
    problems_have_hints(&ran);
}
