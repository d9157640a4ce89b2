use super::*;
use crate::catalog;
use crate::ledger::Asked;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn detail() -> &'static Report {
    catalog::find("getEmailActivityUserDetail").unwrap()
}

const WISHES: Wishes = Wishes { from: None, to: None, reread_days: 5 };

fn slice(d: &str, status: Status, read_at: &str) -> Slice {
    Slice::new(Window::Date(day(d)), day(d), status, read_at, "run")
}

fn dates_of(p: &ReportPlan) -> Vec<(String, Why)> {
    p.requests.iter().filter(|r| matches!(r.window, Window::Date(_))).map(|r| (r.window.to_string(), r.why)).collect()
}

#[test]
fn a_first_run_asks_for_the_whole_window_oldest_first() {
    let p = plan(detail(), &Ledger::empty("x"), day("2026-11-24"), WISHES);
    let dates = dates_of(&p);
    assert_eq!(dates.len(), 27);
    assert_eq!(dates[0], ("date=2026-10-27".into(), Why::Missing));
    assert_eq!(dates[26], ("date=2026-11-22".into(), Why::Missing));
    assert!(p.requests.iter().any(|r| r.window == Window::Period(180)));
}

#[test]
fn a_second_run_on_the_same_day_asks_for_failures_only() {
    let today = day("2026-11-24");
    let mut ledger = Ledger::empty("x");
    for n in 2..=28 {
        let d = today.plus(-n).to_string();
        let status = if n == 20 { Status::Failed } else { Status::Landed };
        ledger.record(slice(&d, status, "2026-11-24T02:00:00Z"));
    }
    for n in [7, 30, 90, 180] {
        ledger.standing.answered(Window::Period(n), today, Some(day("2026-11-22")));
    }
    let p = plan(detail(), &ledger, today, WISHES);
    assert_eq!(p.requests, [Request { window: Window::Date(day("2026-11-04")), why: Why::Failed }]);
}

#[test]
fn the_next_night_asks_for_the_new_day_and_reads_the_last_five_again() {
    let mut ledger = Ledger::empty("x");
    for n in 2..=28 {
        let d = day("2026-11-24").plus(-n).to_string();
        ledger.record(slice(&d, Status::Landed, "2026-11-24T02:00:00Z"));
    }
    let dates = dates_of(&plan(detail(), &ledger, day("2026-11-25"), WISHES));
    let want: Vec<(String, Why)> = [
        ("date=2026-11-19", Why::Reread),
        ("date=2026-11-20", Why::Reread),
        ("date=2026-11-21", Why::Reread),
        ("date=2026-11-22", Why::Reread),
        ("date=2026-11-23", Why::Missing),
    ]
    .map(|(d, w)| (d.to_string(), w))
    .to_vec();
    assert_eq!(dates, want);
}

#[test]
fn empty_days_are_asked_nightly_while_young_and_weekly_when_old() {
    let today = day("2026-11-24");
    let read_yesterday = "2026-11-23T02:00:00Z";
    let due = |d: &str, read: &str| date_due(Some(&slice(d, Status::Empty, read)), day(d), today, 5);
    assert_eq!(due("2026-11-15", read_yesterday), Some(Why::WasEmpty), "nine days old");
    assert_eq!(due("2026-11-14", read_yesterday), None, "ten days old, read yesterday");
    assert_eq!(due("2026-11-14", "2026-11-17T02:00:00Z"), Some(Why::WasEmpty), "ten days old, read a week ago");
}

#[test]
fn missed_nights_of_counts_are_caught_up_with_a_period_that_covers_them() {
    let counts = Report {
        periods: vec![7, 30, 90, 180],
        night: catalog::Night { nightly: vec![7], seed: vec![180], catch_up: true, ..Default::default() },
        ..detail().clone()
    };
    let counts: &'static Report = Box::leak(Box::new(counts));
    let asked = |refreshed: &str| {
        let mut ledger = Ledger::empty("x");
        ledger
            .standing
            .asked
            .insert("period=D7".into(), Asked { on: day(refreshed).plus(2), refresh_date: Some(day(refreshed)) });
        periods(counts, &ledger, day("2026-11-24"))
    };
    assert_eq!(asked("2026-11-21"), [Request { window: Window::Period(7), why: Why::Due }]);
    assert_eq!(asked("2026-11-15"), [Request { window: Window::Period(30), why: Why::CatchUp }]);
    assert_eq!(asked("2025-01-01"), [Request { window: Window::Period(180), why: Why::CatchUp }]);
    assert_eq!(
        periods(counts, &Ledger::empty("x"), day("2026-11-24")),
        [Request { window: Window::Period(180), why: Why::Seed }]
    );
}

#[test]
fn a_report_that_is_not_served_is_probed_weekly() {
    let mut ledger = Ledger::empty("x");
    ledger.standing.is(Availability::NotEnabled, day("2026-11-20"), Some("no licence".into()));
    assert!(plan(detail(), &ledger, day("2026-11-24"), WISHES).skipped.is_some());
    assert!(!plan(detail(), &ledger, day("2026-11-27"), WISHES).requests.is_empty());
}

#[test]
fn a_range_on_the_command_line_asks_for_its_days_and_nothing_else() {
    let wishes = Wishes { from: Some(day("2026-01-01")), to: Some(day("2026-10-28")), reread_days: 5 };
    let p = plan(detail(), &Ledger::empty("x"), day("2026-11-24"), wishes);
    let asked: Vec<String> = p.requests.iter().map(|r| r.window.to_string()).collect();
    assert_eq!(asked, ["date=2026-10-27", "date=2026-10-28"]);
}

#[test]
fn the_slowest_function_sets_the_time() {
    let p = plan(detail(), &Ledger::empty("x"), day("2026-11-24"), WISHES);
    let n = p.requests.len();
    assert_eq!(n, 31);
    assert_eq!(duration(&[p], (14, Duration::from_secs(600))), Duration::from_secs(1200));
}

#[test]
fn a_day_that_could_not_be_read_again_is_due_until_it_can() {
    let today = day("2026-11-24");
    let mut ledger = Ledger::empty("x");
    ledger.record(slice("2026-11-18", Status::Landed, "2026-11-23T02:00:00Z"));
    let failed = Slice { reason: Some("cut".into()), ..slice("2026-11-18", Status::Failed, "2026-11-24T02:00:00Z") };
    ledger.record(failed);
    let known = ledger.date(day("2026-11-18")).unwrap();
    assert_eq!((known.status, known.read_at.as_str()), (Status::Landed, "2026-11-23T02:00:00Z"), "its rows stay");
    let due = |today: &str| date_due(ledger.date(day("2026-11-18")), day("2026-11-18"), day(today), 5);
    assert_eq!(due("2026-11-24"), Some(Why::Failed), "again in a second run of the night");
    assert_eq!(due("2026-11-30"), Some(Why::Failed), "also when it is no more among the last days");
    ledger.record(slice("2026-11-18", Status::Landed, "2026-11-25T02:00:00Z"));
    assert_eq!(date_due(ledger.date(day("2026-11-18")), day("2026-11-18"), today.plus(6), 5), None);
}
