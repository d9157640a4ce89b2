//! Graph is busy, slow or breaks off: whatever the way was like, the lake is that of a clean night, byte for byte, and
//! what was given up is asked for again by the next run.

use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use usagelake::emulator::Options;

use super::world::{World, ago, options};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

/// One rule for the mail report.
fn rule(more: &str) -> String {
    format!("[[rules]]\nfunction = '{MAIL}'\n{more}\n")
}

/// Fails unless raw holds what Graph sent, whole, and the partition what the ledger says.
#[track_caller]
fn is_whole(world: &World, n: i32) {
    let slice = world.slice(TABLE, ago(n));
    assert_eq!(slice["status"], "landed");
    let folder = format!("raw/tenant=contoso/report={TABLE}/date={}", ago(n));
    let raw = world.files(&folder);
    assert_eq!(raw.len(), 1, "one answer, one raw object: {:?}", raw.keys());
    let text = zstd::decode_all(&raw.into_values().next().unwrap()[..]).unwrap();
    let sha: String = Sha256::digest(&text).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(slice["sha256"], sha);
    assert!(text.starts_with("\u{feff}Report Refresh Date".as_bytes()) && text.ends_with(b"\n"));
    let lines = text.iter().filter(|b| **b == b'\n').count() as u64 - 1;
    assert_eq!((slice["rows"].as_u64(), world.day(TABLE, ago(n)).rows() as u64), (Some(lines), lines));
}

/// Each case is a fault that passes; the figures are the requests that it takes and the seconds that are waited at least.
#[test]
fn what_passes_leaves_no_trace_in_the_lake() {
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(20));
    let past = "Wed, 21 Oct 2015 07:28:00 GMT";
    let status = |code: u16, after: &str| format!("times = 1\nfault.status = {{ code = {code}{after} }}");
    let after = |text: &str| format!(", retry_after = '{text}'");
    let download = |fault: &str| format!("times = 1\nleg = 'download'\n{fault}");
    let cases = [
        (status(429, &after("1")), 2, 1.0),
        (status(429, &after("0.25")), 2, 0.25),
        (status(429, &after("0")), 2, 0.0),
        (status(429, &after("-3")), 2, 0.0),
        (status(429, &after(past)), 2, 0.0),
        (status(500, &after(&soon)), 2, 1.0),
        (status(503, &after("0.4")), 2, 0.4),
        (status(503, ""), 2, 0.5),
        (status(503, &after("soon")), 2, 0.5),
        (status(504, ""), 2, 0.5),
        (download("fault.status = { code = 503, retry_after = '0.1' }"), 2, 0.1),
        ("times = 1\nfault.expired-link = {}".to_string(), 2, 0.5),
        ("times = 1\nfault.cut = { after = 0 }".to_string(), 2, 0.5),
        ("times = 1\nfault.cut = { after = 700 }".to_string(), 2, 0.5),
        ("times = 1\nfault.cut = { after = 700, chunked = true }".to_string(), 2, 0.5),
        ("times = 2\nfault.cut = { after = 1, chunked = true }".to_string(), 3, 1.0),
        ("fault.slow = { bytes = 500, millis = 20 }".to_string(), 1, 0.0),
        // Who does not say how long is given some seconds at least.
        (status(429, ""), 2, 10.0),
    ];
    let mut world = World::new();
    let (from, to) = (ago(19).to_string(), ago(2).to_string());
    world.move_to("clean");
    world.run(&["--report", MAIL, "--from", &from, "--to", &to]).exits(0);
    let clean = world.snapshot(&["tables"]);
    world.move_to("lake");
    assert_eq!(clean.len(), cases.len(), "a day for each case");
    for (case, (fault, requests, seconds)) in cases.iter().enumerate() {
        let (n, asked) = (case as i32 + 2, world.requests().len());
        world.faults(&rule(fault));
        let ran = world.run_day(MAIL, ago(n)).exits(0);
        assert_eq!(world.calls(asked).len(), *requests, "{fault}");
        let report = ran.report(MAIL);
        assert_eq!((&report["landed"], &report["failed"]), (&1.into(), &0.into()), "{fault}");
        assert_eq!(report["attempts"], *requests, "{fault}");
        let waited = report["waited_seconds"].as_f64().unwrap();
        assert!(waited >= *seconds && waited < 25.0, "{fault}: {waited}");
        is_whole(&world, n);
    }
    assert!(world.snapshot(&["tables"]) == clean);
    world.manifest_is_whole();
}

#[test]
fn a_wait_beyond_the_budget_gives_up_at_once_and_the_next_run_asks_again() {
    let world = World::faulty(&rule("times = 1\nfault.status = { code = 429, retry_after = '86400' }"));
    let begun = Instant::now();
    let ran = world.run_day(MAIL, ago(3)).exits(1).says(&[
        "failed: getEmailActivityUserDetail date=2026-11-17: gave up after 1 attempt",
        "the service asks to wait 1 d",
        "Graph received too many requests",
        "hint: run again in 1 d or later",
    ]);
    assert!(begun.elapsed() < Duration::from_secs(8), "it waits in spite of itself");
    assert_eq!(ran.report(MAIL)["problems"][0]["kind"], "throttled");
    assert_eq!(ran.record["outcome"], "failed");
    assert_eq!(world.slice(TABLE, ago(3))["status"], "failed");
    assert!(world.files("tables").is_empty() && world.files("raw").is_empty());

    // It was one report of two: the other is not concerned.
    world.faults(&rule("fault.status = { code = 429, retry_after = '86400' }"));
    let day = ago(3).to_string();
    let both = ["--report", MAIL, "getTeamsUserActivityUserDetail", "--from", &day, "--to", &day];
    let ran = world.run(&both).exits(3);
    assert_eq!(ran.record["outcome"], "partial");
    assert_eq!(ran.report("getTeamsUserActivityUserDetail")["landed"], 1);

    world.faults("");
    world.run(&both).exits(0);
    is_whole(&world, 3);
    world.manifest_is_whole();
}

#[test]
fn a_report_that_fails_again_and_again_does_not_hold_up_the_night() {
    let world = World::faulty(&rule("fault.status = { code = 503, retry_after = '90000' }"));
    let asked = world.requests().len();
    let ran = world.run(&["--report", "Email"]).exits(3);
    let calls = world.calls(asked).iter().filter(|p| p.contains(MAIL)).count();
    assert_eq!(calls, 3, "after three windows in a row it is left for the next run");
    assert_eq!(ran.report(MAIL)["outcome"], "failed");
    assert_eq!(ran.report("getEmailActivityCounts")["outcome"], "done");
    assert_eq!(ran.report(MAIL)["not_asked"], 27 + 4 - 3);
    let ran = ran.says(&["not asked for because of that: 28 further windows of this report; the next run asks"]);
    assert_eq!(ran.report("getEmailActivityCounts")["not_asked"], 0);
    world.faults("");
    world.run(&["--report", "Email"]).exits(0);
    assert_eq!(world.table(TABLE).0.len(), 27 + 4, "27 days and four periods");
}

/// A report that has no days has no mark in the calendar: that it fails, since when and why is said all the same.
#[test]
fn what_failed_in_the_last_run_is_in_the_status_until_a_run_without() {
    let counts = "getEmailActivityCounts";
    let fault = format!("[[rules]]\nfunction = '{counts}'\nfault.status = {{ code = 400 }}");
    let mut world = World::faulty(&fault);
    let status = |world: &World, n: i32| world.ask(&["status", "--today", &ago(n).to_string()]).exits(0).stdout;
    world.run(&["--report", counts]).exits(1);
    world.today(ago(-1));
    world.run(&["--report", counts]).exits(1);
    let shown = status(&world, -1);
    let line = shown.lines().skip_while(|l| !l.starts_with("FAILING")).nth(1).unwrap_or_else(|| panic!("{shown}"));
    for word in [counts, &ago(0).to_string(), &ago(-1).to_string(), "Graph refused the request (status `400`"] {
        assert!(line.contains(word), "no {word}: {shown}");
    }
    let json = world.ask(&["status", "--json", "--today", &ago(-1).to_string()]).exits(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["reports"][0]["failing"]["since"], ago(0).to_string());
    world.faults("");
    world.run(&["--report", counts]).exits(0);
    assert!(!status(&world, -1).contains("FAILING"));
}

#[test]
fn a_token_that_ends_is_replaced_and_a_busy_sign_in_is_waited_for() {
    let world = World::with(Options { token_seconds: 1, ..options() });
    world.faults(
        "[[rules]]\nleg = 'token'\ntimes = 1\nfault.status = { code = 503, retry_after = '0.1' }\n\
         [[rules]]\nfault.slow = { bytes = 400, millis = 40 }",
    );
    let (from, to) = (ago(9).to_string(), ago(2).to_string());
    world.run(&["--report", MAIL, "--from", &from, "--to", &to]).exits(0);
    let tokens: Vec<u16> = world.requests().iter().filter(|r| r.method == "POST").map(|r| r.status).collect();
    assert_eq!(tokens[0], 503);
    assert!(tokens.len() > 2 && tokens[1..].iter().all(|s| *s == 200), "{tokens:?}");
    assert!(world.requests().iter().all(|r| !r.download || !r.had_authorization), "a token went to a download");
    (2..=9).for_each(|n| is_whole(&world, n));
}

#[test]
fn a_wrong_secret_ends_the_run_before_anything_is_written_but_its_record() {
    let world = World::with(Options { secret: "another".into(), ..options() });
    let ran = world.run(&[]).exits(1).says(&[
        "error: the client secret is wrong",
        "AADSTS7000215",
        "hint: copy the secret's value",
    ]);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    let beside = |key: &String| !key.starts_with("_usagelake/lock/") && !key.starts_with("_usagelake/runs/");
    let there: Vec<String> = world.files("").into_keys().filter(beside).collect();
    assert_eq!(there, ["_usagelake/layout.json"]);
    assert_eq!(ran.record["outcome"], "failed");
    assert!(world.requests().iter().all(|r| r.path.contains("/oauth2/")));
}
