use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::*;
use crate::day::Window;
use crate::graph::Sent;
use crate::night::record::{Problem, ReportRecord};
use crate::night::trail::Asked;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn report(name: &str, landed: u64, failed: u64) -> ReportRecord {
    let mut report = ReportRecord::new(name);
    (report.asked, report.landed, report.failed, report.rows) = (landed + failed, landed, failed, landed * 10);
    report.settle();
    report
}

fn record(tenant: &str, outcome: Outcome, reports: Vec<ReportRecord>) -> RunRecord {
    let text = serde_json::json!({
        "run": "20261120T010000Z-00aa11", "tenant": tenant, "version": "0", "started_at": "", "ended_at": "",
        "outcome": outcome, "today": "2026-11-20", "reports": []
    });
    RunRecord { reports, ..serde_json::from_value(text).unwrap() }
}

fn night<'a>(tenant: &'a str, ended: Result<&'a RunRecord, &'a Error>, end: u64) -> Night<'a> {
    Night { tenant, time: Stretch { began: at(end - 60), ended: at(end) }, ended, whole: true }
}

/// The lines of the file after nights of these tenants.
fn told(path: &std::path::Path, nights: Vec<Night<'_>>, tenants: &[&str]) -> Vec<String> {
    let tenants: Vec<String> = tenants.iter().map(|t| t.to_string()).collect();
    prometheus::write(path, &Nights { nights, exit: 3 }, &tenants).unwrap();
    std::fs::read_to_string(path).unwrap().lines().map(str::to_string).collect()
}

fn value<'a>(lines: &'a [String], series: &str) -> Option<&'a str> {
    let found: Vec<&str> = lines.iter().filter_map(|l| l.strip_prefix(series)?.strip_prefix(' ')).collect();
    assert!(found.len() < 2, "{series} stands there {} times", found.len());
    found.first().copied()
}

const SUCCESS: &str = "usagelake_run_last_success_timestamp_seconds";

#[test]
fn the_time_of_the_last_success_stays_until_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usagelake.prom");
    let both = ["contoso", "fabrikam"];
    let good = record("contoso", Outcome::Done, vec![report("getA", 2, 0), report("getB", 1, 0)]);
    let lines = told(&path, vec![night("contoso", Ok(&good), 1_000)], &both);
    assert_eq!(value(&lines, &format!("{SUCCESS}{{tenant=\"contoso\"}}")), Some("1000"));
    assert_eq!(value(&lines, &format!("{SUCCESS}{{tenant=\"fabrikam\"}}")), Some("0"), "an alarm needs a series");

    // A night in which one report fails, then one that leaves no record at all.
    let bad = record("contoso", Outcome::Partial, vec![report("getA", 1, 1), report("getB", 1, 0)]);
    let lines = told(&path, vec![night("contoso", Ok(&bad), 2_000)], &both);
    let e = Error::new(Kind::SignIn, "refused");
    let later = told(&path, vec![night("contoso", Err(&e), 3_000)], &both);
    for lines in [&lines, &later] {
        assert_eq!(value(lines, &format!("{SUCCESS}{{tenant=\"contoso\"}}")), Some("1000"));
        let of =
            |r: &str| format!("usagelake_report_last_success_timestamp_seconds{{tenant=\"contoso\",report=\"{r}\"}}");
        assert_eq!(value(lines, &of("getA")), Some("1000"));
        assert_eq!(value(lines, &of("getB")), Some("2000"));
    }
    assert_eq!(value(&later, "usagelake_run_outcome{tenant=\"contoso\",outcome=\"failed\"}"), Some("1"));
    assert_eq!(value(&later, "usagelake_run_outcome{tenant=\"contoso\",outcome=\"partial\"}"), Some("0"));
    assert_eq!(value(&later, "usagelake_run_last_published_timestamp_seconds{tenant=\"contoso\"}"), Some("2000"));
    assert_eq!(value(&later, "usagelake_exit_code"), Some("3"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn what_a_command_does_not_speak_of_stays_and_what_is_gone_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usagelake.prom");
    let rows = |t: &str, r: &str| format!("usagelake_report_rows{{tenant=\"{t}\",report=\"{r}\"}}");
    let of = |t: &str| record(t, Outcome::Done, vec![report("getA", 2, 0), report("getB", 1, 0)]);
    let (one, two) = (of("contoso"), of("fabrikam"));
    let nights = vec![night("contoso", Ok(&one), 1_000), night("fabrikam", Ok(&two), 1_100)];
    told(&path, nights, &["contoso", "fabrikam"]);

    // One report of one tenant, by hand: the rest stays, and it is no success of the night.
    let some = record("contoso", Outcome::Done, vec![report("getA", 7, 0)]);
    let by_hand = Night { whole: false, ..night("contoso", Ok(&some), 2_000) };
    let lines = told(&path, vec![by_hand], &["contoso", "fabrikam"]);
    assert_eq!(value(&lines, &rows("contoso", "getA")), Some("70"));
    assert_eq!(value(&lines, &rows("contoso", "getB")), Some("10"));
    assert_eq!(value(&lines, &rows("fabrikam", "getA")), Some("20"));
    assert_eq!(value(&lines, &format!("{SUCCESS}{{tenant=\"contoso\"}}")), Some("1000"));

    // A whole night without a report that was there before, in a pipeline without a tenant that was there before.
    let lines = told(&path, vec![night("contoso", Ok(&some), 3_000)], &["contoso"]);
    assert_eq!(value(&lines, &rows("contoso", "getB")), None);
    assert!(lines.iter().all(|l| !l.contains("fabrikam")), "{lines:?}");

    // What is none of ours says nothing.
    std::fs::write(&path, format!("{SUCCESS}{{tenant=\"contoso\"}} x\nother 1\n{SUCCESS}{{tenant=\"a\",b=\"c\"}} 1"))
        .unwrap();
    let e = Error::new(Kind::Lake, "gone");
    let lines = told(&path, vec![night("contoso", Err(&e), 4_000)], &["contoso"]);
    assert_eq!(value(&lines, &format!("{SUCCESS}{{tenant=\"contoso\"}}")), Some("0"));
    assert!(lines.iter().all(|l| !l.starts_with("other")));
}

#[test]
fn every_metric_has_a_name_of_its_own_and_its_unit_in_it() {
    let mut names: Vec<&str> = metrics::METRICS.iter().map(|m| m.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), metrics::METRICS.len());
    for m in &metrics::METRICS {
        let good = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(m.name.starts_with("usagelake_") && m.name.chars().all(good), "{}", m.name);
        assert_eq!(m.unit == "s", m.name.ends_with("_seconds"), "{}", m.name);
        assert_eq!(m.unit == "By", m.name.ends_with("_bytes"), "{}", m.name);
        assert!(m.help.ends_with('.') && !m.help.contains(['\n', '|', '\\']), "{}", m.name);
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(n) => Some(n.to_string()),
        _ => None,
    }
}

#[test]
fn spans_are_a_tree_in_time() {
    let url = "https://graph.microsoft.com/v1.0/reports/getA(period='D7')".to_string();
    let sent = |began, status| Sent {
        url: url.clone(),
        host: "graph.microsoft.com".into(),
        port: Some(443),
        began: at(began),
        ended: at(began + 1),
        status,
    };
    let mut good = report("getA", 1, 1);
    let asked = |window, outcome, began, requests| {
        let time = Stretch { began: at(began), ended: at(began + 10) };
        Asked { window, time, outcome: Some(outcome), rows: 0, requests }
    };
    good.problems.push(Problem {
        window: Some(Window::Period(30)),
        kind: "throttled".into(),
        message: "Ada".into(),
        hint: None,
    });
    good.trail.windows = vec![
        asked(Window::Period(7), "landed", 1_000, vec![sent(1_001, Some(503)), sent(1_005, Some(200))]),
        asked(Window::Period(30), "failed", 1_020, vec![sent(1_021, None)]),
    ];
    let mut run = record("contoso", Outcome::Partial, vec![good, report("getIdle", 0, 0)]);
    run.steps = vec![crate::night::trail::Step { name: "marts", time: Stretch { began: at(1_040), ended: at(1_050) } }];
    let spans = trace::spans(&night("contoso", Ok(&run), 1_060));
    let names: Vec<&str> = spans.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["usagelake run", "getA", "period=D7", "GET", "GET", "period=D30", "GET", "marts"]);
    let parents = [None, Some(0), Some(1), Some(2), Some(2), Some(1), Some(5), Some(0)];
    for (span, parent) in spans.iter().zip(parents) {
        let id = parent.map_or(Vec::new(), |p: usize| spans[p].span_id.clone());
        assert_eq!((&span.parent_span_id, &span.trace_id), (&id, &spans[0].trace_id), "{}", span.name);
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        if let Some(parent) = parent {
            let (inner, outer) = (span, &spans[parent]);
            assert!(inner.start_time_unix_nano >= outer.start_time_unix_nano, "{}", span.name);
            assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano, "{}", span.name);
        }
        assert!(!format!("{span:?}").contains("Ada"), "what an error says is no attribute");
    }
    let errors: Vec<Option<String>> = spans.iter().map(|s| attribute(s, "error.type")).collect();
    let some = |text: &str| Some(text.to_string());
    assert_eq!(errors, [None, None, None, some("503"), None, some("throttled"), some("unavailable"), None]);
    assert_eq!(attribute(&spans[3], "http.response.status_code").as_deref(), Some("503"));
    assert_eq!(attribute(&spans[3], "url.full"), Some(url));
    let again = trace::spans(&night("contoso", Ok(&run), 1_060));
    assert_eq!(again[0].trace_id, spans[0].trace_id, "whoever has the record finds the trace");
    let other = record("fabrikam", Outcome::Partial, Vec::new());
    assert_ne!(trace::spans(&night("fabrikam", Ok(&other), 1_060))[0].trace_id, spans[0].trace_id);
}
