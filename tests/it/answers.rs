//! Answers that are no report, not whole, or have other columns than the catalog: what is refused, what lands, and what
//! is said.

use super::world::{World, ago};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

fn fault(fault: &str) -> String {
    format!("[[rules]]\nfunction = '{MAIL}'\nfault.{fault}\n")
}

/// None of these is published, whatever was there before stays, and the next run asks again.
#[test]
fn what_is_no_report_is_never_published() {
    let cases = [
        ("truncated = { after = 650 }", "not-a-report", "the body is cut: it ends in the middle of a row"),
        ("truncated = { after = 0 }", "not-a-report", "the body is empty: not even a header row"),
        ("truncated = { after = 40 }", "not-a-report", "the header row is not that of the report"),
        ("html = {}", "not-a-report", "the answer is a web page and no report"),
        ("json-error = {}", "not-a-report", "UnknownError"),
    ];
    let world = World::new();
    world.run_day(MAIL, ago(3)).exits(0);
    let (before, rows) = (world.snapshot(&["tables", "raw"]), world.slice(TABLE, ago(3))["rows"].clone());
    for (wrong, kind, says) in cases {
        world.faults(&fault(wrong));
        for n in [3, 6] {
            let asked = world.requests().len();
            let ran = world.run_day(MAIL, ago(n)).exits(1).says(&[
                "failed: getEmailActivityUserDetail date=",
                says,
                "hint: ",
            ]);
            assert_eq!(ran.report(MAIL)["problems"][0]["kind"], kind, "{wrong}");
            assert_eq!(world.calls(asked).len(), 1, "asking again at once does not help: {wrong}");
            assert!(world.snapshot(&["tables", "raw"]) == before, "{wrong}");
        }
        let (kept, never) = (world.slice(TABLE, ago(3)), world.slice(TABLE, ago(6)));
        assert_eq!((&kept["status"], &kept["rows"]), (&"landed".into(), &rows), "{wrong}");
        assert!(kept["reason"].as_str().unwrap().contains(says), "why it could not be read again");
        assert_eq!((&never["status"], &never["rows"]), (&"failed".into(), &0.into()));
    }
    world.manifest_is_whole();
    world.faults("");
    let asked = world.requests().len();
    world.run(&["--report", MAIL]).exits(0);
    let again = |n: i32| world.calls(asked).iter().any(|p| p.contains(&ago(n).to_string()));
    assert!(again(3) && again(6), "what failed is asked again, on the same day too");
    assert!(world.slice(TABLE, ago(3))["reason"].is_null());
    assert_eq!(world.slice(TABLE, ago(6))["status"], "landed");
}

/// A proxy that refuses is not Graph: the hint says whom to ask.
#[test]
fn a_proxy_that_refuses_is_told_from_graph() {
    for (status, says, hint) in [
        (407, "a proxy on the way wants a sign-in", "`HTTPS_PROXY`"),
        (451, "Graph refused the request", "find out whether a proxy answers in Microsoft's place"),
    ] {
        let world = World::faulty(&fault(&format!("html = {{ status = {status} }}")));
        let ran = world.run_day(MAIL, ago(3)).exits(1).says(&[says, hint]);
        assert_eq!(ran.report(MAIL)["attempts"], 1);
        assert!(world.files("tables").is_empty() && world.files("raw").is_empty());
    }
}

/// Whatever the byte after which the file ends: it is refused, unless it ends with a row.
#[test]
fn a_file_that_ends_anywhere_but_after_a_row_is_refused() {
    let world = World::new();
    world.run_day(MAIL, ago(3)).exits(0);
    let raw = world.files(&format!("raw/tenant=contoso/report={TABLE}/date={}", ago(3)));
    let text = zstd::decode_all(&raw.into_values().next().unwrap()[..]).unwrap();
    let before = world.snapshot(&["tables"]);
    let third = text.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(2).unwrap().0;
    // Within the third row: after its first cell, in the middle, before its last comma.
    let last_comma = text[..third].iter().rposition(|b| *b == b',').unwrap();
    for after in [third - 90, third - 45, last_comma] {
        world.faults(&fault(&format!("truncated = {{ after = {after} }}")));
        world.run_day(MAIL, ago(3)).exits(1).says(&["the body is cut"]);
        assert!(world.snapshot(&["tables"]) == before, "{after}");
    }
}

#[test]
fn on_the_first_night_nobody_knows_better_than_a_cut_to_a_hundred_rows() {
    let world = World::with(usagelake::emulator::Options { users: 150, ..super::world::options() });
    let detail = "getOffice365ActiveUserDetail";
    world.faults(&format!("[[rules]]\nfunction = '{detail}'\nfault.first-rows = {{}}\n"));
    let ran = world.run(&["--report", detail]).exits(0);
    let ledger = world.ledger("office365_active_user_detail");
    let periods: Vec<_> = ledger.iter().filter(|s| s["window"].as_str().unwrap().starts_with("period")).collect();
    assert_eq!(periods.len(), 4);
    assert!(periods.iter().all(|s| s["rows"] == 100), "the figure that guards look at on later nights");
    assert_eq!(ran.report(detail)["failed"], 0);
}

#[test]
fn an_unknown_column_is_kept_and_told() {
    let world = World::faulty(&fault("column-added = { header = 'Copilot Mood', value = 'go\"od, really' }"));
    let ran = world.run_day(MAIL, ago(3)).exits(0).says(&[
        "drift: getEmailActivityUserDetail: the catalog does not know `Copilot Mood`; kept in `unknown_columns`",
    ]);
    assert_eq!(ran.report(MAIL)["unknown_headers"], serde_json::json!(["Copilot Mood"]));
    let day = world.day(TABLE, ago(3));
    for text in day.texts("unknown_columns") {
        let object: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
        assert_eq!(object, serde_json::json!({"Copilot Mood": "go\"od, really"}));
    }
    assert_eq!(world.slice(TABLE, ago(3))["unknown_headers"][0], "Copilot Mood");
    let schema = day.0[0].1.schema();
    world.faults("");
    world.run_day(MAIL, ago(4)).exits(0);
    let plain = world.day(TABLE, ago(4));
    assert_eq!(plain.0[0].1.schema(), schema, "every file of a table has one schema");
    assert!(plain.texts("unknown_columns").iter().all(Option::is_none));
}

#[test]
fn a_renamed_or_dropped_column_is_missing_and_nothing_shifts() {
    let world = World::new();
    world.run_day(MAIL, ago(3)).exits(0);
    let (sent, read) = (world.day(TABLE, ago(3)).sum("send_count"), world.day(TABLE, ago(3)).sum("read_count"));
    assert!(sent > 0);
    world.faults(&fault("column-renamed = { header = 'Send Count', to = 'Mails Out' }"));
    world
        .run_day(MAIL, ago(3))
        .exits(0)
        .says(&["does not know `Mails Out`", "the answers lack `send_count`; null in the table"]);
    let day = world.day(TABLE, ago(3));
    assert!(day.ints("send_count").iter().all(Option::is_none));
    assert_eq!(day.sum("read_count"), read);
    let kept: i64 = day
        .texts("unknown_columns")
        .into_iter()
        .flatten()
        .map(|t| {
            serde_json::from_str::<serde_json::Value>(&t).unwrap()["Mails Out"]
                .as_str()
                .unwrap()
                .parse::<i64>()
                .unwrap()
        })
        .sum();
    assert_eq!(kept, sent, "no figure is lost");

    world.faults(&fault("column-dropped = { header = 'Send Count' }"));
    let ran = world.run_day(MAIL, ago(3)).exits(0).says(&["the answers lack `send_count`"]);
    assert!(!ran.stderr.contains("does not know"), "{}", ran.stderr);
    assert_eq!(world.day(TABLE, ago(3)).sum("read_count"), read);
    assert_eq!(world.slice(TABLE, ago(3))["before"].as_array().unwrap().len(), 2, "what it said before is known");
}

#[test]
fn a_tenant_that_is_not_known_is_a_state_and_asked_weekly() {
    for nested in [false, true] {
        let mut world = World::faulty(&fault(&format!("unknown-tenant = {{ nested = {nested} }}")));
        let asked = world.requests().len();
        let ran = world.run(&["--report", MAIL, "getEmailActivityCounts"]).exits(0);
        let ran = ran.says(&["not served: getEmailActivityUserDetail", "does not know the tenant yet", "hint: wait"]);
        assert_eq!(ran.report(MAIL)["outcome"], "not-served");
        assert_eq!(ran.report("getEmailActivityCounts")["outcome"], "done");
        let of_mail = |world: &World, from: usize| world.calls(from).iter().filter(|p| p.contains(MAIL)).count();
        assert_eq!(of_mail(&world, asked), 1, "one request tells");
        let shown = world.ask(&["status", "--today", "2026-11-20"]).exits(0);
        assert!(shown.stdout.contains("not ready: "), "{}", shown.stdout);
        for (later, requests) in [(0, 0), (6, 0), (7, 1), (13, 0)] {
            let asked = world.requests().len();
            world.today(ago(-later));
            world.run(&["--report", MAIL]).exits(0);
            assert_eq!(of_mail(&world, asked), requests, "{later} days later");
        }
        world.faults("");
        world.today(ago(-14));
        world.run(&["--report", MAIL]).exits(0);
        assert_eq!(world.table(TABLE).0.len(), 27 + 4, "once it is served it lands like a first night");

        // To lose a report that once landed is no state, but a failure.
        world.faults(&fault(&format!("unknown-tenant = {{ nested = {nested} }}")));
        world.today(ago(-15));
        let ran = world.run(&["--report", MAIL]).exits(1);
        assert_eq!(ran.report(MAIL)["outcome"], "failed");
    }
}

#[test]
fn a_missing_permission_fails_its_reports_and_no_other() {
    let world = World::faulty(&fault("permission = {}"));
    let ran = world.run(&["--report", MAIL, "getEmailActivityCounts"]).exits(3).says(&[
        "failed: getEmailActivityUserDetail",
        "the application lacks a permission",
        "`Reports.Read.All` in Entra",
    ]);
    assert_eq!(
        (&ran.report(MAIL)["asked"], &ran.report(MAIL)["problems"][0]["kind"]),
        (&1.into(), &"permission".into())
    );
    assert_eq!(ran.record["outcome"], "partial");
    assert!(world.table("email_activity_counts").rows() >= 180);
    world.manifest_is_whole();
    world.faults("");
    world.run(&["--report", MAIL]).exits(0);
    assert_eq!(world.table(TABLE).0.len(), 27 + 4);
}
