//! Each guard with figures that it must doubt and figures that it must not.

use super::*;
use crate::catalog::{self, Kind, Merge, Role};
use crate::config::Contract;
use crate::ledger::Names;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A detail about people that answers for days and periods and has a period in its rows.
fn detail() -> &'static Report {
    let good = |r: &&Report| {
        r.kind == Kind::Detail && r.date && r.night.dates && r.role(Role::ReportPeriod).is_some() && r.key.len() == 1
    };
    catalog::all().iter().find(good).unwrap()
}

fn counts() -> &'static Report {
    catalog::all().iter().find(|r| r.merge == Merge::ByReportDate && r.role(Role::ReportPeriod).is_some()).unwrap()
}

fn slice(window: &str, at: &str, rows: u64) -> Slice {
    let mut slice = Slice::new(window.parse().unwrap(), day(at), Status::Landed, "2026-11-20T02:00:00Z", "r");
    slice.rows = rows;
    slice.refresh_date = Some(day(at));
    slice.published_at = format!("{at}T04:00:00Z");
    slice
}

/// A ledger with `date=` answers for each day of eight weeks up to Thursday 2026-11-19: so many rows on a working day, so
/// many on a weekend.
fn eight_weeks(work: u64, weekend: u64) -> Ledger {
    let mut ledger = Ledger::empty("x");
    for n in 0..56 {
        let at = day("2026-11-19").plus(-n);
        let rows = if at.weekday() >= 5 { weekend } else { work } + u64::from(at.weekday());
        ledger.record(slice(&format!("date={at}"), &at.to_string(), rows));
    }
    ledger
}

fn judged(report: &'static Report, window: &str, at: &str, outcome: Outcome, ledger: &Ledger) -> Verdict {
    judged_by(&Guards::default(), report, window, at, outcome, ledger, 0)
}

fn judged_by(
    guards: &Guards,
    report: &'static Report,
    window: &str,
    at: &str,
    outcome: Outcome,
    ledger: &Ledger,
    repeated: u64,
) -> Verdict {
    let (window, day) = (window.parse().unwrap(), day(at));
    let answer = Answer { report, window, day, outcome: &outcome, repeated };
    judge(&answer, &Past::of(ledger, window, day), guards)
}

fn rows(n: u64) -> Outcome {
    Outcome { rows: n, ..Outcome::default() }
}

#[track_caller]
fn holds(verdict: Verdict, guard: GuardName, says: &str) {
    match verdict {
        Verdict::Hold(doubt) => {
            assert_eq!(doubt.guard, guard, "{}", doubt.reason);
            assert!(doubt.reason.contains(says), "{}", doubt.reason);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_working_day_with_a_fraction_of_its_rows_is_held_and_a_holiday_is_not() {
    let ledger = eight_weeks(900, 60);
    let friday = |n| judged(detail(), "date=2026-11-20", "2026-11-20", rows(n), &ledger);
    holds(friday(250), GuardName::Volume, "it has 250 rows, where the last 8 Fridays had 904");
    holds(friday(8), GuardName::Volume, "8 rows");
    for sound in [300, 904, 2_000, 3_500, 65, 90, 30] {
        assert_eq!(friday(sound), Verdict::Sound, "{sound}");
    }
    holds(friday(4_000), GuardName::Volume, "at the most");
    // A Saturday is measured by Saturdays.
    let saturday = |n| judged(detail(), "date=2026-11-21", "2026-11-21", rows(n), &ledger);
    holds(saturday(900), GuardName::Volume, "Saturdays had 65 at the most");
    assert_eq!(saturday(70), Verdict::Sound);
}

#[test]
fn a_second_reading_with_a_fraction_of_the_first_is_held() {
    let ledger = eight_weeks(900, 60);
    let again = |n| judged(detail(), "date=2026-11-19", "2026-11-19", rows(n), &ledger);
    holds(again(70), GuardName::Volume, "it has 70 rows, where an earlier reading of the same had 903");
    assert_eq!(again(850), Verdict::Sound);
    assert_eq!(again(2_000), Verdict::Sound, "Graph completes days");
}

#[test]
fn little_history_and_few_rows_say_nothing() {
    let mut ledger = Ledger::empty("x");
    let d7 = |n, ledger: &Ledger| judged(detail(), "period=D7", "2026-11-18", rows(n), ledger);
    for at in ["2026-11-15", "2026-11-16"] {
        ledger.record(slice("period=D7", at, 900));
    }
    assert_eq!(d7(3, &ledger), Verdict::Sound);
    ledger.record(slice("period=D7", "2026-11-17", 900));
    holds(d7(3, &ledger), GuardName::Volume, "the last 3 answers for `period=D7` had 900");
    assert_eq!(judged(detail(), "period=D30", "2026-11-18", rows(3), &ledger), Verdict::Sound, "another period");
    assert_eq!(d7(0, &ledger), Verdict::Sound, "empty is a state of its own");
    let small = eight_weeks(12, 1);
    assert_eq!(judged(detail(), "date=2026-11-20", "2026-11-20", rows(1), &small), Verdict::Sound);
}

#[test]
fn a_cut_at_a_round_number_is_held_where_history_says_more() {
    let mut ledger = eight_weeks(340, 30);
    let friday = |n, l: &Ledger| judged(detail(), "date=2026-11-20", "2026-11-20", rows(n), l);
    holds(
        friday(100, &ledger),
        GuardName::RoundCount,
        "exactly 100 rows, where the last 8 Fridays had 344 at the least",
    );
    for sound in [115, 120] {
        assert_eq!(friday(sound, &ledger), Verdict::Sound, "{sound}");
    }
    assert_eq!(friday(100, &eight_weeks(98, 30)), Verdict::Sound, "a tenant of about a hundred people");
    assert_eq!(friday(100, &Ledger::empty("x")), Verdict::Sound, "nobody knows better");
    assert_eq!(friday(100, &eight_weeks(340, 80)), Verdict::Sound, "a holiday with as many people as a Sunday");
    // Between the years a hundred of 210 may be at work; a witness makes it a cut.
    let mut fewer = eight_weeks(210, 30);
    assert_eq!(friday(100, &fewer), Verdict::Sound);
    let thursday = |l: &Ledger| judged(detail(), "date=2026-11-19", "2026-11-19", rows(100), l);
    holds(thursday(&fewer), GuardName::RoundCount, "where an earlier reading of the same had 213");
    let Verdict::Hold(doubt) = thursday(&fewer) else { unreachable!() };
    let held = Slice { status: Status::Held, doubt: Some(doubt), ..slice("date=2026-11-19", "2026-11-19", 100) };
    fewer.hold(held);
    holds(friday(100, &fewer), GuardName::RoundCount, "and so has another answer of the report");
    assert_eq!(friday(120, &fewer), Verdict::Sound);
    // Who is listed for a period does not depend on holidays.
    for at in ["2026-11-15", "2026-11-16", "2026-11-17"] {
        ledger.record(slice("period=D7", at, 120));
    }
    holds(
        judged(detail(), "period=D7", "2026-11-18", rows(100), &ledger),
        GuardName::RoundCount,
        "`period=D7` had 120",
    );
    let off = Guards { off: vec![GuardName::RoundCount, GuardName::Volume], ..Guards::default() };
    let verdict = judged_by(&off, detail(), "date=2026-11-20", "2026-11-20", rows(100), &ledger, 0);
    assert_eq!(verdict, Verdict::Sound);
}

#[test]
fn a_refresh_date_that_went_backwards_is_held() {
    let mut ledger = Ledger::empty("x");
    ledger.record(slice("period=D7", "2026-11-17", 50));
    let says = |at: &str, window: &str| {
        let outcome = Outcome { refresh_dates: [day(at)].into(), ..rows(50) };
        judged(detail(), window, at, outcome, &ledger)
    };
    holds(
        says("2026-11-14", "period=D7"),
        GuardName::RefreshDate,
        "2026-11-14, and an earlier answer's was 2026-11-17",
    );
    for sound in ["2026-11-17", "2026-11-18"] {
        assert_eq!(says(sound, "period=D7"), Verdict::Sound);
    }
    assert_eq!(says("2026-11-14", "period=D30"), Verdict::Sound, "periods are refreshed apart");
}

#[test]
fn an_answer_for_another_window_is_held() {
    let ledger = Ledger::empty("x");
    let period = |n: i64| Outcome { report_periods: [n].into(), ..rows(50) };
    let asked = |outcome| judged(detail(), "period=D7", "2026-11-18", outcome, &ledger);
    holds(asked(period(30)), GuardName::Window, "a period of 30 days, and 7 were asked for");
    assert_eq!(asked(period(7)), Verdict::Sound);
    assert_eq!(asked(rows(50)), Verdict::Sound, "some reports do not say their period");

    let days = |first: &str, last: &str| Outcome {
        refresh_dates: [day("2026-11-18")].into(),
        report_dates: Some((day(first), day(last))),
        ..period(7)
    };
    let asked = |outcome| judged(counts(), "period=D7", "2026-11-18", outcome, &ledger);
    holds(asked(days("2026-10-20", "2026-11-18")), GuardName::Window, "it has days from 2026-10-20 to 2026-11-18");
    holds(asked(days("2026-11-13", "2026-11-19")), GuardName::Window, "up to 2026-11-18 were asked for");
    assert_eq!(asked(days("2026-11-12", "2026-11-18")), Verdict::Sound);

    // A day: only history says that answers for a day have it for their refresh date.
    let other = |l: &Ledger| {
        let outcome = Outcome { refresh_dates: [day("2026-11-16")].into(), ..rows(904) };
        judged(detail(), "date=2026-11-20", "2026-11-20", outcome, l)
    };
    holds(other(&eight_weeks(900, 60)), GuardName::Window, "it speaks of 2026-11-16, and 2026-11-20 was asked for");
    let mut never = eight_weeks(900, 60);
    never.record(Slice { refresh_date: Some(day("2026-11-19")), ..slice("date=2026-11-05", "2026-11-05", 900) });
    assert_eq!(other(&never), Verdict::Sound, "where refresh dates are not the days, nothing follows");
}

#[test]
fn names_that_turn_concealed_or_back_are_held() {
    let mut ledger = Ledger::empty("x");
    let of = |named_rows, concealed_rows| Outcome { named_rows, concealed_rows, ..rows(50) };
    let next = |outcome, l: &Ledger| judged(detail(), "date=2026-11-20", "2026-11-20", outcome, l);
    assert_eq!(next(of(0, 50), &ledger), Verdict::Sound, "concealed from the beginning");
    ledger.record(Slice { names: Names::Named, ..slice("date=2026-11-18", "2026-11-18", 50) });
    holds(next(of(0, 50), &ledger), GuardName::Concealment, "all names are concealed");
    assert_eq!(next(of(50, 0), &ledger), Verdict::Sound);
    assert_eq!(next(of(40, 10), &ledger), Verdict::Sound, "some are no flip");
    ledger.record(Slice { names: Names::Concealed, ..slice("date=2026-11-19", "2026-11-19", 50) });
    holds(next(of(50, 0), &ledger), GuardName::Concealment, "no name is concealed");
    assert_eq!(next(of(0, 50), &ledger), Verdict::Sound, "somebody has looked");
}

#[test]
fn repeated_keys_are_held_where_they_are_more_than_chance() {
    let ledger = Ledger::empty("x");
    let of = |report, n, repeated| {
        judged_by(&Guards::default(), report, "period=D7", "2026-11-18", rows(n), &ledger, repeated)
    };
    holds(of(detail(), 400, 200), GuardName::Duplicates, "200 of its 400 rows repeat the `user_principal_name`");
    assert_eq!(of(detail(), 400, 5), Verdict::Sound, "an address that was given again");
    assert_eq!(of(detail(), 100_000, 900), Verdict::Sound);
    holds(of(counts(), 14, 7), GuardName::Duplicates, "7 of its 14 rows");
}

#[test]
fn a_lost_key_is_held_where_it_was_there_before() {
    let two = catalog::all().iter().find(|r| r.kind == Kind::Detail && r.key.len() > 1).unwrap();
    let outcome = || Outcome { missing_columns: vec![two.key[1].clone()], ..rows(50) };
    let mut ledger = Ledger::empty("x");
    let next = |l: &Ledger| judged(two, "period=D7", "2026-11-18", outcome(), l);
    assert_eq!(next(&ledger), Verdict::Sound, "it may never have been there");
    let lacks = Slice { missing_columns: vec![two.key[1].clone()], ..slice("period=D7", "2026-11-16", 50) };
    ledger.record(lacks);
    assert_eq!(next(&ledger), Verdict::Sound);
    ledger.record(slice("period=D7", "2026-11-17", 50));
    holds(next(&ledger), GuardName::LostKey, &two.key[1]);
    assert!(without_key(two, &Guards::default()).unwrap().reason.contains(&two.key[0]));
    assert_eq!(without_key(two, &Guards { off: vec![GuardName::LostKey], ..Guards::default() }), None);
}

fn with_contract(report: &Report, contract: Contract) -> Guards {
    Guards { contracts: [(report.function.clone(), contract)].into(), ..Guards::default() }
}

#[test]
fn contracts_hold_or_refuse_other_columns() {
    let report = detail();
    let ledger = Ledger::empty("x");
    let promised = report.columns.iter().position(|c| c.role.is_none() && !report.key.contains(&c.name));
    let promised = report.columns[promised.unwrap()].name.clone();
    let unknown = || Outcome { unknown_headers: vec!["Mood".into()], ..rows(50) };
    let missing = || Outcome { missing_columns: vec![promised.clone()], ..rows(50) };
    let by = |contract, outcome| {
        let guards = with_contract(report, contract);
        judged_by(&guards, report, "period=D7", "2026-11-18", outcome, &ledger, 0)
    };
    for outcome in [unknown(), missing()] {
        assert_eq!(by(Contract::Evolve, outcome), Verdict::Sound);
    }
    holds(by(Contract::Freeze, unknown()), GuardName::Contract, "does not know `Mood`");
    holds(by(Contract::Freeze, missing()), GuardName::Contract, &format!("lacks `{promised}`"));
    assert!(matches!(by(Contract::Reject, unknown()), Verdict::Refuse(d) if d.reason.contains("`Mood`")));
    assert_eq!(by(Contract::Reject, rows(50)), Verdict::Sound);
    // What no document promises may be missing.
    let optional =
        catalog::all().iter().flat_map(|r| r.columns.iter().map(move |c| (r, c))).find(|(_, c)| c.undocumented);
    let (of, column) = optional.unwrap();
    let guards = with_contract(of, Contract::Freeze);
    let outcome = Outcome { missing_columns: vec![column.name.clone()], ..rows(5) };
    let window = if of.periods.is_empty() { "present" } else { "period=D7" };
    assert_eq!(judged_by(&guards, of, window, "2026-11-18", outcome, &ledger, 0), Verdict::Sound);
}
