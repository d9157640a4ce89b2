//! Guards: each holds the real failure that it is for, what was published stays, and a person decides. On ordinary nights
//! none of them fires.

use std::collections::BTreeMap;

use serde_json::Value;
use usagelake::catalog::{self, Report, Role};
use usagelake::config::{GuardName, Guards};
use usagelake::day::{Day, Window};
use usagelake::emulator::{Census, Options};
use usagelake::guard::{Answer, Past, Verdict, judge};
use usagelake::ledger::{Ledger, Names, Slice, Status};
use usagelake::normalise::Outcome;
use usagelake::plan::{Wishes, plan};

use super::world::{Ran, World, ago, day, options};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

fn fault(function: &str, fault: &str) -> String {
    format!("[[rules]]\nfunction = '{function}'\nfault.{fault}\n")
}

/// A tenant of 260 people whose nights have been ordinary so far.
fn world(reports: &[&str]) -> World {
    let mut world = World::with(Options { users: 260, ..options() });
    let mut night = vec!["--report"];
    night.extend(reports);
    for n in [3, 2, 1, 0] {
        world.today(ago(n));
        world.run(&night).exits(0);
    }
    world.today(ago(-1));
    world
}

/// The held line of a report's window.
#[track_caller]
fn held(world: &World, table: &str, window: &str) -> Value {
    let lines: Vec<Value> = world
        .ledger(table)
        .into_iter()
        .filter(|s| s["status"] == "held" && s["window"].as_str().unwrap().starts_with(window))
        .collect();
    assert_eq!(lines.len(), 1, "{table} {window}: {lines:?}");
    lines[0].clone()
}

/// A night that holds one answer for `window` and publishes the rest.
#[track_caller]
fn holds(world: &World, report: &str, window: &str, guard: &str, says: &str) -> Ran {
    let table = catalog::find(report).unwrap().table();
    let before = world.table(&table);
    let ran = world.run(&["--report", report]).exits(3).says(&["held: ", &format!("guard `{guard}`"), says, "hint: "]);
    let problem = &ran.report(report)["problems"][0];
    assert_eq!((&problem["kind"], &ran.report(report)["outcome"]), (&"held".into(), &"partial".into()));
    assert!(ran.report(report)["held"].as_u64().unwrap() > 0);
    let line = held(world, &table, window);
    assert_eq!(line["doubt"]["guard"], guard);
    assert!(line["reason"].as_str().unwrap().contains(says), "{}", line["reason"]);
    // What was published stays as it was, and the body is kept.
    let after: BTreeMap<_, _> = world.table(&table).0.into_iter().map(|(k, b)| (k, b.num_rows())).collect();
    for (key, batch) in before.0.iter().filter(|(k, _)| k.contains(&format!("day={}", line["day"].as_str().unwrap()))) {
        assert_eq!(after.get(key), Some(&batch.num_rows()), "{key}");
    }
    let raw = line["raw"]["path"].as_str().unwrap();
    assert!(world.files("").contains_key(raw), "{raw}");
    world.manifest_is_whole();
    ran
}

fn day_rule(n: i32, fault: &str) -> String {
    format!("[[rules]]\nfunction = '{MAIL}'\nwindow = 'date={}'\nfault.{fault}\n", ago(n))
}

#[test]
fn the_cut_to_a_hundred_rows_is_held_and_a_person_releases_it() {
    let world = world(&[MAIL]);
    // As in October 2019: every CSV. The days that were read before tell it, and then the new one is one of many.
    let published = world.snapshot(&["tables"]);
    world.faults(&fault(MAIL, "first-rows = {}"));
    let ran = world.run(&["--report", MAIL]).exits(3).says(&["guard `round-count`: it has exactly 100 rows"]);
    assert_eq!(ran.report(MAIL)["held"], 4, "from Monday to Thursday; on Sunday fewer were at work: {:#}", ran.record);
    let after = world.snapshot(&["tables"]);
    assert!(published.iter().all(|(key, sha)| after.get(key) == Some(sha)), "what was published stays");
    assert!(world.day(TABLE, ago(1)).0.is_empty(), "nothing of the new day is published");
    assert!(held(&world, TABLE, &format!("date={}", ago(1)))["reason"].as_str().unwrap().contains("another answer"));

    // What is about to be lost comes first, then what is held.
    let today = ago(-1).to_string();
    let shown = world.ask(&["status", "--today", &today]).exits(0);
    let at = |text: &str| shown.stdout.find(text).unwrap_or_else(|| panic!("no {text} in {}", shown.stdout));
    assert!(at("that Graph still has") < at("round-count"), "{}", shown.stdout);
    assert_eq!(shown.stdout.lines().find(|l| l.starts_with(MAIL) && l.contains('#')).unwrap().matches('%').count(), 4);
    let json: Value = serde_json::from_str(&world.ask(&["status", "--json", "--today", &today]).stdout).unwrap();
    assert_eq!((&json[0]["held"][0]["report"], &json[0]["held"][0]["rows"]), (&MAIL.into(), &100.into()));
    assert_eq!(json[0]["reports"][0]["counts"]["truncated"], 4);
    let listed: Value = serde_json::from_str(&world.ask(&["release", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(listed["held"][0]["doubt"]["guard"], "round-count");

    // Without a name nothing is released, and what is not held cannot be.
    let day = ago(1).to_string();
    world.ask(&["release", "--report", MAIL]).exits(2).says(&["it is not said which", "`--all`"]);
    world.ask(&["release", "--report", MAIL, "--day", "2026-01-01"]).exits(2).says(&["no guard holds such an answer"]);
    let release = ["release", "--report", MAIL, "--day", &day, "--period", "1", "--today", &today];
    let ran = world.ask(&release).exits(0).says(&["released: getEmailActivityUserDetail", "100 rows"]);
    assert!(ran.stdout.contains("round-count"), "the others are still held: {}", ran.stdout);
    assert_eq!(world.day(TABLE, ago(1)).rows(), 100);
    let slice = world.slice(TABLE, ago(1));
    assert_eq!((&slice["status"], &slice["rows"], &slice["doubt"]), (&"landed".into(), &100.into(), &Value::Null));
    world.manifest_is_whole();
    // The same answer again is the one that is published.
    world.run(&["--report", MAIL, "--from", &day, "--to", &day]).exits(0);
}

#[test]
fn a_sound_answer_takes_the_place_of_a_held_one() {
    let mut world = world(&[MAIL]);
    world.faults(&day_rule(2, "first-rows = {}"));
    let window = format!("date={}", ago(2));
    let published = world.day(TABLE, ago(2)).rows();
    assert!(published > 110, "{published}");
    holds(&world, MAIL, &window, "round-count", "exactly 100 rows");
    assert_eq!(world.day(TABLE, ago(2)).rows(), published);

    // The same again: it is held as before, kept once, and said every night.
    let raw = world.files("raw").len();
    world.today(ago(-2));
    let ran = world.run(&["--report", MAIL]).exits(3).says(&["exactly 100 rows"]);
    assert_eq!(ran.report(MAIL)["held"], 1);
    assert_eq!(world.files("raw").keys().filter(|k| k.contains(&window)).count(), 2);
    assert!(world.files("raw").len() > raw);

    world.faults("");
    world.today(ago(-3));
    world.run(&["--report", MAIL]).exits(0);
    let slice = world.slice(TABLE, ago(2));
    assert_eq!((&slice["status"], &slice["rows"]), (&"landed".into(), &published.into()));
    let before = slice["before"].as_array().unwrap();
    assert!(before.iter().any(|r| r["status"] == "held" && r["rows"] == 100), "{before:?}");
}

#[test]
fn without_raw_the_body_is_kept_among_the_held_until_somebody_decides() {
    for discard in [false, true] {
        let mut world = world(&[MAIL]);
        world.set("raw = 'off'");
        world.faults(&day_rule(1, "doubled = {}"));
        holds(&world, MAIL, &format!("date={}", ago(1)), "duplicates", "rows repeat");
        let kept: Vec<String> = world.files("_usagelake/held").into_keys().collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].starts_with(&format!("_usagelake/held/tenant=contoso/report={TABLE}/date={}/", ago(1))));
        let mut release = vec!["release", "--all", "--today", "2026-11-21"];
        release.extend(discard.then_some("--discard"));
        world.ask(&release).exits(0).says(&[if discard { "discarded: " } else { "released: " }, "nothing is held"]);
        assert!(world.files("_usagelake/held").is_empty());
        let slice = world.slice(TABLE, ago(1));
        if discard {
            assert_eq!((&slice["status"], world.day(TABLE, ago(1)).0.len()), (&"failed".into(), 0));
            assert_eq!(slice["before"][0]["status"], "held");
            // It is asked for again.
            world.faults("");
            world.run(&["--report", MAIL]).exits(0);
            assert!(world.day(TABLE, ago(1)).rows() > 110);
        } else {
            assert_eq!(
                (&slice["status"], slice["rows"].as_u64()),
                (&"landed".into(), Some(world.day(TABLE, ago(1)).rows() as u64))
            );
            assert!(slice["raw"].is_null());
        }
        world.manifest_is_whole();
    }
}

#[test]
fn a_day_with_a_fraction_of_its_people_is_held_when_it_was_read_whole_before() {
    let world = world(&[MAIL]);
    world.faults(&format!("[[rules]]\nfault.restated = {{ day = '{}', from = '2027-01-01', percent = 85 }}", ago(3)));
    holds(&world, MAIL, &format!("date={}", ago(3)), "volume", "where an earlier reading of the same had");
}

/// The new day has been read by nobody yet: the same weekdays of the weeks before tell, and the thresholds are the pipeline's.
#[test]
fn a_new_day_is_measured_by_its_weekdays_and_by_the_configured_thresholds() {
    let mut world = world(&[MAIL]);
    world.faults(&day_rule(1, "first-rows = { rows = 2 }"));
    let day = format!("date={}", ago(1));
    holds(&world, MAIL, &day, "volume", "it has 2 rows, where the last 4 Thursdays had");
    world.set("[guards]\ndrop = 0.01");
    world.run(&["--report", MAIL]).exits(0);
    assert_eq!((world.day(TABLE, ago(1)).rows(), world.slice(TABLE, ago(1))["rows"].as_u64()), (2, Some(2)));

    // And the other way: twice as many rows as ever, once the guard for repeated rows is off.
    world.today(ago(-2));
    world.faults(&day_rule(0, "doubled = {}"));
    world.set("[guards]\noff = ['duplicates']\ngrowth = 1.5");
    holds(&world, MAIL, &format!("date={}", ago(0)), "volume", "at the most");
    world.set("[guards]\noff = ['duplicates', 'volume']");
    world.run(&["--report", MAIL]).exits(0);
    assert!(world.day(TABLE, ago(0)).rows() > 200);
}

#[test]
fn a_refresh_date_that_went_backwards_is_held() {
    let groups = "getMailboxUsageDetail";
    let mut world = World::with(Options { users: 60, ..options() });
    for n in [6, 1, 0] {
        world.today(ago(n));
        world.run(&["--report", groups]).exits(0);
    }
    world.today(ago(-1));
    world.faults(&format!("[[rules]]\nfunction = '{groups}'\nwindow = 'period=D7'\nfault.stale = {{ days = 5 }}"));
    holds(&world, groups, "period=D7", "refresh-date", "and an earlier answer's was 2026-11-18");
    // The next sound answer for the window makes it obsolete, and says so.
    world.faults("");
    world.today(ago(-2));
    world.run(&["--report", groups]).exits(0);
    let lines = world.ledger("mailbox_usage_detail");
    assert!(lines.iter().all(|s| s["status"] != "held"));
    let failed: Vec<_> = lines.iter().filter(|s| s["status"] == "failed").collect();
    assert!(failed[0]["reason"].as_str().unwrap().contains("a later answer was sound"), "{failed:?}");
}

#[test]
fn an_answer_for_another_window_is_held() {
    let (detail, counts) = ("getMailboxUsageDetail", "getEmailActivityCounts");
    let world = world(&[detail, counts, MAIL]);
    let other = |f: &str, w: &str, says: &str| {
        format!("[[rules]]\nfunction = '{f}'\nwindow = '{w}'\nfault.other-window = {{ window = '{says}' }}\n")
    };
    world.faults(&other(detail, "period=D7", "period=D30"));
    holds(&world, detail, "period=D7", "window", "a period of 30 days, and 7 were asked for");
    world.faults(&other(counts, "period=D7", "period=D30"));
    holds(&world, counts, "period=D7", "window", "a period of 30 days, and 7 were asked for");
    let (asked, told) = (format!("date={}", ago(1)), format!("date={}", ago(4)));
    world.faults(&other(MAIL, &asked, &told));
    holds(&world, MAIL, &asked, "window", &format!("it speaks of {}, and {} was asked for", ago(4), ago(1)));
}

#[test]
fn rows_that_are_there_twice_are_held() {
    let world = world(&[MAIL]);
    world.faults(&day_rule(1, "doubled = {}"));
    holds(&world, MAIL, &format!("date={}", ago(1)), "duplicates", "rows repeat the `user_principal_name` of another");
}

#[test]
fn a_header_without_its_key_is_held_and_can_only_be_discarded() {
    let world = World::new();
    world.run_day(MAIL, ago(3)).exits(0);
    let before = world.snapshot(&["tables"]);
    world.faults(&fault(MAIL, "column-renamed = { header = 'User Principal Name', to = 'Account' }"));
    let ran = world.run_day(MAIL, ago(3)).exits(3);
    let ran = ran.says(&["guard `lost-key`", "no header means `user_principal_name`, which tells rows apart"]);
    assert_eq!(ran.report(MAIL)["held"], 1);
    assert!(world.snapshot(&["tables"]) == before);
    let line = held(&world, TABLE, "date=");
    let raw = world.files("raw").remove(line["raw"]["path"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(zstd::decode_all(&raw[..]).unwrap()).unwrap();
    assert!(text.contains("Account") && text.ends_with('\n'), "the whole body is kept");
    world.ask(&["release", "--all"]).exits(1).says(&["the header row lacks the column that tells rows apart"]);
    world.ask(&["release", "--all", "--discard"]).exits(0).says(&["discarded: ", "nothing is held"]);
    assert_eq!(world.slice(TABLE, ago(3))["status"], "landed");
}

#[test]
fn names_that_turn_concealed_are_held_until_somebody_has_looked() {
    let mut world = world(&[MAIL]);
    world.faults(&format!("[[rules]]\nfault.concealed = {{ from = '{}' }}", ago(-1)));
    let ran = world.run(&["--report", MAIL]).exits(3).says(&["guard `concealment`: all names are concealed"]);
    let held = ran.report(MAIL)["held"].as_u64().unwrap();
    assert!(held >= 5, "the new day, and those that were read again: {held}");
    assert_eq!(world.slice(TABLE, ago(2))["names"], "named", "what was published stays");
    world.ask(&["release", "--all", "--today", "2026-11-21"]).exits(0).says(&["released: ", "nothing is held"]);
    assert_eq!(world.slice(TABLE, ago(2))["names"], "concealed");
    world.today(ago(-2));
    world.run(&["--report", MAIL]).exits(0);
    world.manifest_is_whole();

    // And back.
    world.faults("");
    world.today(ago(-3));
    world.run(&["--report", MAIL]).exits(3).says(&["no name is concealed, and those of the answer before were"]);
}

#[test]
fn contracts_freeze_or_reject_other_columns() {
    let mut world = World::new();
    world.run_day(MAIL, ago(4)).exits(0);
    let before = world.snapshot(&["tables"]);
    world.faults(&fault(MAIL, "column-added = { header = 'Mood', value = 'good' }"));
    world.set(&format!("contracts = {{ '{TABLE}' = 'reject' }}"));
    let ran = world.run_day(MAIL, ago(3)).exits(1);
    let ran =
        ran.says(&["failed: ", "the contract of the table allows no other columns: the catalog does not know `Mood`"]);
    assert_eq!(ran.report(MAIL)["problems"][0]["kind"], "contract");
    assert!(world.snapshot(&["tables"]) == before);
    world.set("contracts = { Email = 'freeze' }");
    world.run_day(MAIL, ago(3)).exits(3).says(&["guard `contract`: the catalog does not know `Mood`"]);
    assert!(world.snapshot(&["tables"]) == before);
    world.ask(&["release", "--all"]).exits(0);
    assert!(world.day(TABLE, ago(3)).texts("unknown_columns").iter().all(Option::is_some));
    // A column that documents promise, and one that no document does.
    world.set(&format!("contracts = {{ '{TABLE}' = 'freeze' }}"));
    world.faults(&fault(MAIL, "column-dropped = { header = 'Send Count' }"));
    world.run_day(MAIL, ago(5)).exits(3).says(&["guard `contract`: the answer lacks `send_count`"]);
    assert!(world.day(TABLE, ago(5)).0.is_empty());
    world.ask(&["release", "--all"]).exits(0);
    assert!(world.day(TABLE, ago(5)).ints("send_count").iter().all(Option::is_none));
    world.faults("");
    world.run_day(MAIL, ago(6)).exits(0);
    world.set("");
    world.run_day(MAIL, ago(2)).exits(0);
    world.set("[guards]\noff = ['concealments']");
    world.run_day(MAIL, ago(2)).exits(2).says(&["concealments"]);
}

/// What the parser sees of an ordinary answer with so many rows.
fn ordinary(report: &Report, window: Window, rows: u64, refresh: Day) -> Outcome {
    let has = |role| report.role(role).is_some();
    let names = report.columns.iter().any(|c| c.concealed == Some(catalog::Concealed::Hash));
    Outcome {
        rows,
        refresh_dates: has(Role::RefreshDate).then_some(refresh).into_iter().collect(),
        report_periods: has(Role::ReportPeriod).then_some(i64::from(window.period())).into_iter().collect(),
        named_rows: if names { rows } else { 0 },
        ..Outcome::default()
    }
}

/// A year's half of nights in a tenant that grows, has holidays and is joined by many at once: how many answers are held,
/// and of those that a cut at a hundred rows would leave on the last night, how many.
fn half_a_year(options: Options) -> (Vec<String>, usize, usize) {
    let (end, guards) = (options.end, Guards::default());
    let census = Census::new(options);
    let reports: Vec<&'static Report> = catalog::all().iter().filter(|r| r.default && r.verified).collect();
    let (mut fired, mut cut, mut caught) = (Vec::new(), 0, 0);
    let judged = |ledger: &Ledger, report, window, day, outcome: &Outcome| {
        judge(&Answer { report, window, day, outcome, repeated: 0 }, &Past::of(ledger, window, day), &guards)
    };
    for report in reports {
        let mut ledger = Ledger::empty(&report.table());
        for n in (0..180).rev() {
            let today = end.plus(-n);
            // The last night once more, with every answer cut.
            let mut last = if n == 0 { ledger.clone() } else { Ledger::empty("") };
            let wishes = Wishes { reread_days: usagelake::config::REREAD_DAYS, ..Wishes::default() };
            for request in plan(report, &ledger, today, wishes).requests {
                let window = request.window;
                let (rows, refresh) = census.rows(report, window, today).unwrap();
                let day = if let Window::Date(day) = window { day } else { refresh };
                let outcome = ordinary(report, window, rows, refresh);
                let verdict = judged(&ledger, report, window, day, &outcome);
                if verdict != Verdict::Sound {
                    fired.push(format!("{today} {} {window}: {verdict:?}", report.function));
                }
                let slice = |status, rows| {
                    let mut slice = Slice::new(window, day, status, &format!("{today}T03:00:00Z"), "r");
                    (slice.rows, slice.refresh_date, slice.names) =
                        (rows, Some(refresh), Names::of(outcome.named_rows, 0));
                    slice.published_at.clone_from(&slice.read_at);
                    slice
                };
                if n == 0 && rows > 110 && report.date {
                    cut += 1;
                    let verdict = judged(&last, report, window, day, &ordinary(report, window, 100, refresh));
                    if let Verdict::Hold(doubt) = verdict {
                        caught += usize::from(doubt.guard == GuardName::RoundCount);
                        last.hold(Slice { doubt: Some(doubt), ..slice(Status::Held, 100) });
                    }
                }
                ledger.record(slice(if rows > 0 { Status::Landed } else { Status::Empty }, rows));
                ledger.standing.answered(window, today, Some(refresh));
            }
        }
    }
    (fired, cut, caught)
}

#[test]
fn no_guard_fires_on_ordinary_nights_of_growth_holidays_and_onboarding() {
    // The half-year has Christmas and New Year in its midst, and in the third tenant a merger.
    let end = day("2027-03-20");
    let quiet = |seed, users| Options { users, days: 185, seed, end, today: end, ..Options::default() };
    let tenants = [
        quiet(1, 120),
        quiet(2, 330),
        Options { wave: Some(day("2026-12-01")), ..quiet(3, 330) },
        Options { wave: Some(day("2027-02-01")), ..quiet(4, 700) },
    ];
    for options in tenants {
        let (told, large) = (format!("seed {}, {} users", options.seed, options.users), options.users > 300);
        let (fired, cut, caught) = half_a_year(options);
        assert!(fired.is_empty(), "{told}: {}", fired.join("\n"));
        // What is missed is the first reading of a day of a report none of whose last days had more than a hundred rows.
        assert!(
            !large || cut > 10 && caught * 10 >= cut * 9,
            "{told}: of {cut} answers cut to a hundred rows {caught} are held"
        );
    }
}
