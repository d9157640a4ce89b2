//! Days that come late, empty, corrected or with concealed names: what the ledger says of each, and that rows are
//! replaced and never doubled or lost.

use usagelake::emulator::Options;

use super::world::{World, ago, options};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

/// The days of a night's answers that can still change.
fn last_days(world: &World) -> super::world::Ran {
    let (from, to) = (ago(8).to_string(), ago(2).to_string());
    world.run(&["--report", MAIL, "--from", &from, "--to", &to])
}

fn empty(n: i32) -> String {
    format!("[[rules]]\nfunction = '{MAIL}'\nwindow = 'date={}'\nfault.empty = {{}}\n", ago(n))
}

#[test]
fn an_empty_day_is_no_zero_and_never_replaces_rows() {
    let mut world = World::faulty(&empty(4));
    let ran = last_days(&world).exits(0).says(&["7 windows asked, 6 landed", "1 empty"]);
    assert_eq!(ran.report(MAIL)["empty"], 1);
    let slice = world.slice(TABLE, ago(4));
    assert_eq!((&slice["status"], &slice["rows"]), (&"empty".into(), &0.into()));
    assert!(world.day(TABLE, ago(4)).0.is_empty(), "no partition without rows");

    // The next night has it, and says what was said before.
    world.faults("");
    world.today(ago(-1));
    let ran = world.run(&["--report", MAIL]).exits(0);
    assert!(ran.report(MAIL)["landed"].as_u64().unwrap() > 1);
    let slice = world.slice(TABLE, ago(4));
    assert_eq!((&slice["status"], &slice["before"][0]["status"]), (&"landed".into(), &"empty".into()));
    let rows = world.day(TABLE, ago(4)).rows();
    assert!(rows > 10);

    // Empty again later: the rows of the earlier reading stay, and so does the ledger's word.
    world.faults(&empty(3));
    let before = world.snapshot(&["tables"]);
    world.today(ago(-2));
    let ran = world.run(&["--report", MAIL]).exits(0);
    assert_eq!(ran.report(MAIL)["empty"], 1);
    let slice = world.slice(TABLE, ago(3));
    assert_eq!(slice["status"], "landed");
    assert!(slice["rows"].as_u64().unwrap() > 10 && slice["read_at"].as_str().unwrap() > "2026-11-22");
    let after = world.snapshot(&["tables"]);
    assert!(before.iter().all(|(key, sha)| after.get(key) == Some(sha)));
    world.manifest_is_whole();
}

#[test]
fn a_late_day_lands_on_the_night_that_has_it() {
    for (refused, first) in [(true, "late"), (false, "empty")] {
        let mut world = World::faulty(&format!(
            "[[rules]]\nfunction = '{MAIL}'\nfault.late = {{ day = '{}', days = 5, refused = {refused} }}",
            ago(3)
        ));
        let ran = last_days(&world).exits(0);
        assert_eq!((&ran.report(MAIL)[first], &ran.report(MAIL)["failed"]), (&1.into(), &0.into()), "{first}");
        assert_eq!(world.slice(TABLE, ago(3))["status"], first);
        assert!(world.day(TABLE, ago(3)).0.is_empty());
        let asked = world.requests().len();
        world.today(ago(-1));
        world.run(&["--report", MAIL]).exits(0);
        assert!(world.calls(asked).iter().any(|p| p.contains(&format!("date={}", ago(3)))), "asked again: {first}");
        assert_eq!(world.slice(TABLE, ago(3))["status"], first);
        world.today(ago(-2));
        world.run(&["--report", MAIL]).exits(0);
        assert_eq!(world.slice(TABLE, ago(3))["status"], "landed");
        assert!(world.day(TABLE, ago(3)).rows() > 10);
        world.manifest_is_whole();
    }
}

#[test]
fn a_restated_day_replaces_its_partition_and_keeps_what_was_said_before() {
    let fault = format!("[[rules]]\nfault.restated = {{ day = '{}', from = '{}', percent = 60 }}", ago(3), ago(-1));
    let mut world = World::faulty(&fault);
    last_days(&world).exits(0);
    let (first, few) = (world.slice(TABLE, ago(3)), world.day(TABLE, ago(3)).rows());
    world.today(ago(-1));
    world.run(&["--report", MAIL]).exits(0);
    let (then, all) = (world.slice(TABLE, ago(3)), world.day(TABLE, ago(3)));
    assert!(few < all.rows(), "{few} {}", all.rows());
    let people: std::collections::BTreeSet<_> = all.texts("user_principal_name").into_iter().collect();
    assert_eq!(people.len(), all.rows(), "nobody is there twice");
    assert_eq!(then["before"].as_array().unwrap().len(), 1);
    assert_eq!((&then["before"][0]["sha256"], &then["before"][0]["rows"]), (&first["sha256"], &first["rows"]));
    assert_eq!(then["first_read_at"], first["first_read_at"]);
    let raw = world.files(&format!("raw/tenant=contoso/report={TABLE}/date={}", ago(3)));
    assert_eq!(raw.len(), 2, "both readings");
    world.manifest_is_whole();

    // A day that did not change is read again, and nothing of it is written.
    assert!(world.slice(TABLE, ago(4))["before"].is_null());
    assert_eq!(world.files(&format!("raw/tenant=contoso/report={TABLE}/date={}", ago(4))).len(), 1);
}

#[test]
fn concealed_names_are_told_and_rows_are_not_doubled() {
    let mut world = World::new();
    last_days(&world).exits(0);
    assert_eq!(world.slice(TABLE, ago(4))["names"], "named");
    let (rows, sent) = (world.day(TABLE, ago(4)).rows(), world.day(TABLE, ago(4)).sum("send_count"));
    world.faults(&format!("[[rules]]\nfault.concealed = {{ from = '{}' }}", ago(-1)));
    world.today(ago(-1));
    let ran = world.run(&["--report", MAIL, "getEmailActivityCounts"]).exits(3);
    let ran = ran.says(&["note: contoso: the tenant conceals names", "hint: to have names"]);
    assert_eq!(ran.record["concealed_names"], true);
    // A guard holds them until somebody has looked.
    world.ask(&["release", "--all"]).exits(0);
    let (slice, day) = (world.slice(TABLE, ago(4)), world.day(TABLE, ago(4)));
    assert_eq!((&slice["names"], &slice["before"][0]["status"]), (&"concealed".into(), &"landed".into()));
    assert_eq!((day.rows(), day.sum("send_count")), (rows, sent), "replaced, not added");
    let names = day.texts("user_principal_name").into_iter().flatten();
    assert!(names.into_iter().all(|n| n.len() == 32 && n.bytes().all(|b| b.is_ascii_hexdigit())));
    assert_eq!(world.slice(TABLE, ago(7))["names"], "named", "a day that is not read again keeps its names");
    let shown = world.ask(&["status", "--today", &ago(-1).to_string()]).exits(0);
    let line = shown.stdout.lines().find(|l| l.starts_with(MAIL)).unwrap();
    assert!(line.contains('*') && line.contains('#'), "{line}");
    let json = world.ask(&["status", "--json", "--report", MAIL, "--today", &ago(-1).to_string()]).exits(0).stdout;
    let counts = serde_json::from_str::<serde_json::Value>(&json).unwrap()[0]["reports"][0]["counts"].clone();
    assert!(counts["concealed"].as_u64() >= Some(5) && counts["landed"].as_u64() > Some(0), "{counts}");
    // Figures of the tenant name nobody.
    assert!(world.ledger("email_activity_counts").iter().all(|s| s["names"] == "none"));
}

/// Where the setting may not be read, the answers say it.
#[test]
fn concealed_names_are_told_without_the_permission_to_read_the_setting() {
    let unread = "[[rules]]\nfunction = 'reportSettings'\nleg = 'directory'\nfault.permission = {}\n";
    let world = World::faulty(&format!("{unread}[[rules]]\nfault.concealed = {{ from = '{}' }}", ago(400)));
    let ran = world.run_day(MAIL, ago(3)).exits(0).says(&["note: contoso: the tenant conceals names"]);
    assert_eq!(ran.record["concealed_names"], true);
    world.faults(unread);
    let ran = world.run_day("getTeamsUserActivityUserDetail", ago(3)).exits(0);
    assert_eq!(ran.record["concealed_names"], false);
    assert!(!ran.stderr.contains("conceals"), "{}", ran.stderr);
    let ran = world.run(&["--report", "getEmailActivityCounts"]).exits(0);
    assert!(ran.record["concealed_names"].is_null(), "figures of the tenant name nobody");
}

#[test]
fn a_day_that_leaves_the_window_unread_is_expired_and_said_to_be() {
    let unreadable = format!("[[rules]]\nfunction = '{MAIL}'\nwindow = 'date={}'\nfault.html = {{}}\n", ago(28));
    let mut world = World::faulty(&unreadable);
    let day = ago(28).to_string();
    world.run(&["--report", MAIL, "--from", &day, "--to", &day]).exits(1);
    let shown = world.ask(&["status", "--json", "--today", &ago(0).to_string()]).exits(0);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let first = &document[0]["expiring"][0];
    assert_eq!((&first["day"], &first["last_chance"]), (&day.clone().into(), &ago(0).to_string().into()));
    world.today(ago(-1));
    world.run(&["--report", MAIL]).exits(0);
    let slice = world.slice(TABLE, ago(28));
    assert_eq!(slice["status"], "expired");
    assert!(slice["reason"].as_str().unwrap().contains("28 days"));
}

/// A report that Graph has stopped to refresh speaks of months ago. Its ledger is one object a month all the same.
#[test]
fn a_report_that_is_no_longer_refreshed_is_not_landed_every_night() {
    let mut world = World::with(usagelake::emulator::Options { lag_days: 120, ..super::world::options() });
    let detail = "getOffice365ActiveUserDetail";
    world.run(&["--report", detail, "Email"]).exits(0);
    let periods = |world: &World| {
        let slices = world.ledger("office365_active_user_detail").into_iter();
        slices.filter(|s| s["window"].as_str().unwrap().starts_with("period")).count()
    };
    let (tables, ledger) = (world.snapshot(&["tables"]), periods(&world));
    assert_eq!(ledger, 4, "four periods");
    for later in [1, 2] {
        world.today(ago(-later));
        world.emulator().set_today(ago(0));
        let ran = world.run(&["--report", detail, "getEmailActivityCounts"]).exits(0);
        assert_eq!((ran.sum("landed"), ran.sum("unchanged"), ran.sum("published")), (0, 2, 0));
    }
    assert!(world.snapshot(&["tables"]) == tables);
    assert_eq!(periods(&world), ledger, "no slice was lost");
    world.manifest_is_whole();
}

/// A night has the month of the last refresh date of each window loaded, however old it is. What a slice of it says of a
/// month's object is old news where later answers have changed the object since.
#[test]
fn an_old_slice_has_no_say_in_the_manifest() {
    let mut world = World::with(usagelake::emulator::Options { days: 175, ..super::world::options() });
    for n in [130, 110, 90, 70, 50, 30, 10] {
        world.today(ago(n));
        world.run(&["--report", "getEmailActivityCounts", "getOneDriveUsageAccountCounts"]).exits(0);
        world.manifest_is_whole();
    }
}

/// Graph's machines do not all refresh at once: a later night may hear the older answer again.
#[test]
fn an_answer_of_before_changes_neither_the_table_nor_the_manifest() {
    let counts = "getEmailActivityCounts";
    let mut world = World::new();
    world.run(&["--report", counts]).exits(0);
    world.today(ago(-1));
    world.run(&["--report", counts]).exits(0);
    world.today(ago(-2));
    world.run(&["--report", counts]).exits(0);
    let tables = world.snapshot(&["tables"]);
    world.today(ago(-3));
    world.emulator().set_today(ago(-1));
    let ran = world.run(&["--report", counts]).exits(0);
    assert_eq!(ran.report(counts)["unchanged"], 1, "it is the answer of two nights before");
    assert!(world.snapshot(&["tables"]) == tables);
    world.manifest_is_whole();
}

/// Nights weeks apart rewrite the months before, and a later night does not load all of what they wrote of them: the
/// manifest keeps what was put last.
#[test]
fn the_manifest_names_what_was_put_last() {
    let mut world = World::with(Options { end: ago(-120), ..options() });
    for weeks in [0, 3, 6, 9, 12, 15, 18] {
        world.today(ago(9 - 7 * weeks));
        world.run(&["--report", "getEmailActivityCounts"]).exits(0);
        world.manifest_is_whole();
    }
}
