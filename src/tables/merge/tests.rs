//! Expected rows are worked out by hand; the order of answers is left to proptest.

use super::*;
use crate::catalog;
use crate::normalise::Normaliser;
use proptest::prelude::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn rows(report: &'static Report, csv: &str) -> RecordBatch {
    let mut batches = Vec::new();
    let mut keep = |b| {
        batches.push(b);
        Ok(())
    };
    let mut normaliser = Normaliser::new(report);
    normaliser.push(csv.as_bytes(), &mut keep).unwrap();
    normaliser.finish(&mut keep).unwrap();
    concat_batches(&report.schema(), &batches).unwrap()
}

fn storage() -> &'static Report {
    catalog::find("getMailboxUsageStorage").unwrap()
}

/// Rows of getMailboxUsageStorage: (report date, bytes), newest first, as Graph writes them.
fn answer(refresh: &str, period: u16, days: &[(&str, i64)]) -> (RecordBatch, Covered) {
    let mut csv = "Report Refresh Date,Storage Used (Byte),Report Date,Report Period\n".to_string();
    for (d, n) in days {
        csv.push_str(&format!("{refresh},{n},{d},{period}\n"));
    }
    (rows(storage(), &csv), Covered { refresh: day(refresh), period })
}

/// (report date, bytes, refresh date, period) of a merged table.
fn shown(batch: &RecordBatch) -> Vec<(String, i64, String, i64)> {
    let c = Columns::of(storage());
    let bytes = batch.schema().index_of("storage_used_byte").unwrap();
    (0..batch.num_rows())
        .map(|r| {
            let d = |column: Option<usize>| date(batch, column.unwrap(), r).unwrap().to_string();
            (d(c.report_date), int(batch, bytes, r).unwrap(), d(c.refresh), int(batch, c.period.unwrap(), r).unwrap())
        })
        .collect()
}

fn merged(answers: &[(RecordBatch, Covered)]) -> RecordBatch {
    let mut table: Option<RecordBatch> = None;
    let mut landed = Vec::new();
    for (rows, covered) in answers {
        table = Some(merge(storage(), table.as_ref(), rows, Some(*covered), &landed).unwrap());
        landed.push(*covered);
    }
    table.unwrap()
}

#[test]
fn the_later_refresh_date_wins_and_other_days_stay() {
    let old = answer("2026-11-20", 7, &[("2026-11-20", 20), ("2026-11-19", 19), ("2026-11-14", 14)]);
    let new = answer("2026-11-21", 7, &[("2026-11-21", 21), ("2026-11-20", 2000), ("2026-11-19", 19)]);
    let want = [
        ("2026-11-14".into(), 14, "2026-11-20".into(), 7),
        ("2026-11-19".into(), 19, "2026-11-21".into(), 7),
        ("2026-11-20".into(), 2000, "2026-11-21".into(), 7),
        ("2026-11-21".into(), 21, "2026-11-21".into(), 7),
    ];
    assert_eq!(shown(&merged(&[old.clone(), new.clone()])), want);
    assert_eq!(shown(&merged(&[new, old])), want, "the order of files does not matter");
}

#[test]
fn on_equal_refresh_dates_the_longer_period_wins() {
    let short = answer("2026-11-20", 7, &[("2026-11-20", 7)]);
    let long = answer("2026-11-20", 30, &[("2026-11-20", 30)]);
    let want = [("2026-11-20".into(), 30, "2026-11-20".into(), 30)];
    assert_eq!(shown(&merged(&[short.clone(), long.clone()])), want);
    assert_eq!(shown(&merged(&[long, short])), want);
}

#[test]
fn a_day_vanishes_only_inside_the_window_of_an_answer_that_is_no_older() {
    let old = answer("2026-11-20", 30, &[("2026-11-20", 1), ("2026-11-18", 2), ("2026-11-01", 3)]);
    let new = answer("2026-11-21", 7, &[("2026-11-21", 4), ("2026-11-20", 5)]);
    let want = [
        ("2026-11-01".to_string(), 3, "2026-11-20".to_string(), 30),
        ("2026-11-20".to_string(), 5, "2026-11-21".to_string(), 7),
        ("2026-11-21".to_string(), 4, "2026-11-21".to_string(), 7),
    ];
    assert_eq!(shown(&merged(&[old.clone(), new.clone()])), want, "the 18th is in the window of the new and not in it");
    assert_eq!(shown(&merged(&[new, old])), want);
}

#[test]
fn the_same_answer_twice_changes_nothing() {
    let a = answer("2026-11-20", 7, &[("2026-11-20", 1), ("2026-11-19", 2)]);
    assert_eq!(merged(&[a.clone(), a.clone()]), merged(&[a]));
}

#[test]
fn a_reading_of_the_same_window_replaces_it() {
    let first = answer("2026-11-20", 7, &[("2026-11-20", 1), ("2026-11-19", 2)]);
    let again = answer("2026-11-20", 7, &[("2026-11-20", 9)]);
    assert_eq!(shown(&merged(&[first, again])), [("2026-11-20".into(), 9, "2026-11-20".into(), 7)]);
}

#[test]
fn site_types_are_rows_of_their_own_and_each_refresh_date_of_a_summary_is_kept() {
    let sites = catalog::find("getSharePointSiteUsagePages").unwrap();
    let head = "Report Refresh Date,Site Type,Page View Count,Report Date,Report Period\n";
    let both = rows(sites, &format!("{head}2026-11-20,All,5,2026-11-20,7\n2026-11-20,Group,3,2026-11-20,7\n"));
    assert_eq!(merge(sites, None, &both, None, &[]).unwrap().num_rows(), 2);

    let services = catalog::find("getEmailAppUsageVersionsUserCounts").unwrap();
    let head = "Report Refresh Date,Outlook 2016,Outlook 2013,Outlook 2010,Outlook 2007,Undetermined,Report Period\n";
    let first = rows(services, &format!("{head}2026-11-20,1,,,,,7\n"));
    let next = rows(services, &format!("{head}2026-11-21,2,,,,,7\n2026-11-20,3,,,,,30\n"));
    let table = merge(services, Some(&first), &next, None, &[]).unwrap();
    assert_eq!(table.num_rows(), 3);
    assert_eq!(merge(services, Some(&table), &next, None, &[]).unwrap(), table);
}

#[test]
fn months_are_those_of_the_report_date() {
    let (rows, _) = answer("2026-12-02", 7, &[("2026-12-01", 1), ("2026-11-30", 2)]);
    let months = by_month(storage(), &rows, day("2026-12-02")).unwrap();
    let shown: Vec<_> = months.iter().map(|(m, b)| (m.to_string(), b.num_rows())).collect();
    assert_eq!(shown, [("2026-11-01".to_string(), 1), ("2026-12-01".to_string(), 1)]);
}

prop_compose! {
    /// An answer as Graph gives it: every day of its window, but for some; figures that tell the answer.
    fn any_answer()(refresh in 0i32..12, period in prop::sample::select(vec![7u16, 30]), gaps in prop::collection::vec(any::<bool>(), 30))
        -> (RecordBatch, Covered) {
        let refresh = day("2026-11-10").plus(refresh);
        let days: Vec<(String, i64)> = (0..i32::from(period))
            .filter(|n| !gaps[*n as usize])
            .map(|n| (refresh.plus(-n).to_string(), i64::from(refresh.epoch()) * 100 + i64::from(period)))
            .collect();
        let days: Vec<(&str, i64)> = days.iter().map(|(d, n)| (d.as_str(), *n)).collect();
        answer(&refresh.to_string(), period, &days)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_order_of_answers_does_not_matter(answers in prop::collection::vec(any_answer(), 1..5), seed in any::<u64>()) {
        // Two different answers for one window contradict each other: which came last decides, so there are none here.
        let mut answers: Vec<(RecordBatch, Covered)> =
            answers.into_iter().filter(|(rows, _)| rows.num_rows() > 0).collect();
        answers.sort_by_key(|(_, c)| *c);
        answers.dedup_by_key(|(_, c)| *c);
        prop_assume!(!answers.is_empty());
        let want = merged(&answers);
        let mut shuffled = answers.clone();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (seed.rotate_left(i as u32 * 7) % (i as u64 + 1)) as usize);
        }
        prop_assert_eq!(merged(&shuffled), want);
    }
}
