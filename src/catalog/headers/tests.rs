use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Fixture {
    header: Vec<Row>,
}

/// A header row that was seen somewhere: see the head of the fixture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    report: String,
    seen: String,
    #[serde(default)]
    unknown: usize,
    #[serde(default = "yes")]
    fits: bool,
    #[serde(default)]
    alike: Option<String>,
    row: String,
}

fn yes() -> bool {
    true
}

fn split(row: &str) -> Vec<String> {
    row.split(',').map(|h| h.trim().to_string()).collect()
}

fn documented(report: &Report) -> Vec<String> {
    (0..report.columns.len()).filter(|i| expected(report, *i)).map(|i| report.columns[i].header.clone()).collect()
}

fn report(name: &str) -> &'static Report {
    super::super::find(name).unwrap_or_else(|| panic!("no report {name}"))
}

/// Functions that a header row alone can mean.
fn meant(row: &[String], name: &str) -> Vec<String> {
    match recognise(row, name) {
        Recognised::One(r) => vec![r.function.clone()],
        Recognised::Several(rs) => rs.iter().map(|r| r.function.clone()).collect(),
        Recognised::None => vec![],
    }
}

#[test]
fn every_header_row_ever_seen_matches() {
    let fixture: Fixture = toml::from_str(include_str!("../../../tests/fixtures/headers.toml")).unwrap();
    for f in &fixture.header {
        let (r, row) = (report(&f.report), split(&f.row));
        let what = format!("{} ({})", f.report, f.seen);
        let m = match_headers(r, &row);
        let unknown: Vec<&String> = row.iter().zip(&m.columns).filter(|(_, c)| c.is_none()).map(|(h, _)| h).collect();
        assert!(unknown.len() <= f.unknown, "{what}: unknown {unknown:?}");
        assert_eq!(fits(r, &m), f.fits, "{what}: fits");
        if !f.fits {
            continue;
        }
        assert_eq!(
            meant(&row, &format!("{}_D7.csv", f.report)),
            std::slice::from_ref(&f.report),
            "{what}: by its name"
        );
        let alone = meant(&row, "download.csv");
        let wanted = f.alike.as_ref().unwrap_or(&f.report);
        assert!(alone.contains(wanted), "{what}: without a name it means {alone:?}");
        assert!(f.alike.is_none() || alone.len() == 1, "{what}: {alone:?}");
    }
    for r in super::super::all().iter().filter(|r| r.verified) {
        assert!(fixture.header.iter().any(|f| f.report == r.function), "{}: no header row in the fixture", r.function);
    }
}

#[test]
fn reports_with_the_same_columns_need_a_name() {
    let mut groups: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for r in super::super::all().iter().filter(|r| r.verified) {
        let mut columns: Vec<String> = documented(r).iter().map(|h| normalise(h)).collect();
        columns.sort();
        groups.entry(columns).or_default().push(r.function.clone());
    }
    let same: Vec<&Vec<String>> = groups.values().filter(|g| g.len() > 1).collect();
    assert_eq!((same.len(), same.iter().map(|g| g.len()).sum::<usize>()), (15, 36));
    for group in groups.values() {
        for function in group {
            let row = documented(report(function));
            assert_eq!(meant(&row, "export.csv"), *group, "{function} without a name");
            for name in [
                format!("{function}.csv"),
                format!("{function}_D30.csv"),
                format!("{function}(period='D7').csv"),
                format!("{}11_24_2026 2_03_04 AM.csv", &function[3..]),
                format!("{}.csv", function[3..].to_lowercase()),
                format!("C:\\reports\\2026\\{}.CSV", report(function).table()),
                format!("/data/{}/contoso-{function}-2026-11-20.json", group[0]),
            ] {
                assert_eq!(meant(&row, &name), std::slice::from_ref(function), "{name}");
            }
        }
    }
}

#[test]
fn a_report_that_nobody_has_read_is_meant_only_by_its_name() {
    let row = documented(report("getMicrosoft365CopilotUsageUserDetail"));
    assert_eq!(meant(&row, "x.csv"), ["getMicrosoft365CopilotUsageUserDetail"]);
    let by_date = "getMicrosoft365CopilotUsageUserDetailByDate";
    assert_eq!(meant(&row, &format!("{by_date}.csv")), [by_date]);
}

#[test]
fn the_header_wins_over_a_name_that_does_not_fit() {
    for (name, is) in [
        ("getEmailActivityCounts.csv", "getEmailActivityUserDetail"),
        ("getYammerActivityUserDetail.csv", "getYammerDeviceUsageUserDetail"),
        ("getOneDriveActivityUserDetail.csv", "getSharePointActivityUserDetail"),
        ("getTeamsUserActivityUserDetail.csv", "getTeamsDeviceUsageUserDetail"),
        ("getMailboxUsageStorage.csv", "getMailboxUsageDetail"),
    ] {
        assert_eq!(meant(&documented(report(is)), name), [is], "{name}");
    }
}

#[test]
fn the_name_wins_over_new_columns() {
    let mut row = documented(report("getOneDriveActivityUserDetail"));
    row.push("Restored File Count".into());
    assert_eq!(meant(&row, "getOneDriveActivityUserDetail.csv"), ["getOneDriveActivityUserDetail"]);
    assert_eq!(meant(&row, "x.csv"), ["getOneDriveActivityUserDetail"]);
}

#[test]
fn what_is_on_every_report_tells_nothing() {
    for row in [
        "Report Refresh Date,Report Date,Report Period,Pages Printed",
        "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Course Count,Report Period",
        "Product Title,Total Licenses,Expired Licenses,Assigned licenses,Status Message",
        "",
    ] {
        assert_eq!(meant(&split(row), "getFormsUserActivityCounts.csv"), Vec::<String>::new(), "{row}");
    }
}

#[test]
fn the_columns_own_name_goes_before_an_alias() {
    let r = report("getOffice365GroupsActivityDetail");
    let m = match_headers(r, &split("External Member Count,Guest  count,Guest Count,Group Id"));
    let names: Vec<Option<&str>> = m.columns.iter().map(|c| c.map(|i| r.columns[i].name.as_str())).collect();
    assert_eq!(names, [None, Some("guest_count"), None, Some("group_id")]);
    assert_eq!(m.missing.len(), r.columns.len() - 2);
}

#[test]
fn windows_in_file_names() {
    let refresh = Day::new(2026, 11, 20);
    let day = Window::Date(refresh.unwrap());
    let first = Window::Date(Day::new(2026, 10, 1).unwrap());
    for (name, window) in [
        ("getEmailActivityCounts_D7.csv", Some(Window::Period(7))),
        ("getEmailActivityCounts(period='D30').csv", Some(Window::Period(30))),
        ("getEmailActivityCounts-period=180.csv", Some(Window::Period(180))),
        ("period=D90/getEmailActivityCounts.csv", None),
        ("Email activity 90 days.csv", Some(Window::Period(90))),
        ("email_7days.csv", Some(Window::Period(7))),
        ("getEmailActivityCountsD7.csv", Some(Window::Period(7))),
        ("copilot d28 2026-11-20.csv", Some(Window::Period(28))),
        ("D7 and D30.csv", None),
        ("D8.csv", None),
        ("17 days.csv", None),
        ("77E5979DD7BA.csv", None),
        ("getX(date=2026-10-01).csv", Some(first)),
        ("getX date='2026-10-01'.csv", Some(first)),
        ("getX_2026-11-20.csv", Some(day)),
        ("getX_2026-10-01_2026-11-20T01-02-03.csv", Some(day)),
        ("getX_2026-10-01.csv", None),
        ("getX_2026-11-201.csv", None),
        ("getX_2026-13-41.csv", None),
        ("Office365ActiveUserDetail11_24_2026 2_03_04 AM.csv", None),
        ("", None),
    ] {
        assert_eq!(window_from_file_name(name, refresh), window, "{name}");
    }
    assert_eq!(window_from_file_name("getX_2026-11-20.csv", None), None);
}

proptest! {
    // Each case asks all 93 reports.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn order_case_and_blanks_do_not_matter(at in 0..93usize, seed in any::<u64>(), blank in "[ _-]{0,2}") {
        let r = &super::super::all()[at];
        let mut row: Vec<String> = r
            .columns
            .iter()
            .map(|c| format!("{blank}{}{blank}", c.header.to_uppercase().replace(' ', "  ")))
            .collect();
        let n = row.len();
        for i in 0..n {
            row.swap(i, (seed as usize).wrapping_mul(31).wrapping_add(i * 7) % n);
        }
        let m = match_headers(r, &row);
        prop_assert_eq!(m.known(), n);
        prop_assert!(m.missing.is_empty());
        prop_assert!(fits(r, &m));
    }

    #[test]
    fn no_name_and_no_header_row_is_too_strange(name in "\\PC{0,40}", row in prop::collection::vec("\\PC{0,20}", 0..8)) {
        let _ = recognise(&row, &name);
        let _ = window_from_file_name(&name, Day::new(2026, 11, 20));
    }

    #[test]
    fn a_period_is_found_wherever_it_stands(before in "[a-z ]{0,12}", after in "[a-z ]{0,12}", at in 0..4usize) {
        let n = [7u16, 30, 90, 180][at];
        let name = format!("{before}_D{n}_{after}.csv");
        prop_assert_eq!(window_from_file_name(&name, None), Some(Window::Period(n)));
    }

    #[test]
    fn no_day_is_found_that_is_not_written(name in "[a-zA-Z0-9=_ -]{0,30}", n in 0..4000i32) {
        let day = Day::from_epoch(20_000 + n);
        if let Some(Window::Date(found)) = window_from_file_name(&name, Some(day)) {
            prop_assert!(name.contains(&found.to_string()));
        }
    }
}
