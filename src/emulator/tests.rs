//! The emulator as a client meets it, and as its own truth says it should be.

use super::*;
use crate::catalog::{self, Version, match_headers};
use crate::day::{Day, Window};

mod consistency;
mod faulty;
mod planted;
mod protocol;

const END: &str = "2026-11-20";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A small tenant without pace limits.
fn options() -> Options {
    Options { users: 60, days: 120, seed: 7, end: day(END), today: day(END), pace: false, ..Options::default() }
}

/// A client that follows no redirection.
struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    async fn new(emulator: &Emulator) -> Client {
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = emulator.ca_pem() {
            builder = builder.add_root_certificate(reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
        }
        let mut client =
            Client { http: builder.build().unwrap(), url: emulator.url().to_owned(), token: String::new() };
        let answer = client.sign_in("secret").await;
        assert_eq!(answer.status(), 200);
        let body: serde_json::Value = answer.json().await.unwrap();
        client.token = body["access_token"].as_str().unwrap().to_owned();
        client
    }

    async fn sign_in(&self, secret: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "app"),
            ("client_secret", secret),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}/contoso/oauth2/v2.0/token", self.url));
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.http.get(url).bearer_auth(&self.token).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// The file of a report, by whichever way it comes.
    async fn file(&self, path: &str) -> String {
        let answer = self.get(path).await;
        let bytes = match answer.status().as_u16() {
            302 => {
                let link = answer.headers()["location"].to_str().unwrap().to_owned();
                let file = self.http.get(link).send().await.unwrap();
                assert_eq!(file.status(), 200, "{path}");
                assert_eq!(file.headers()["content-type"], "application/octet-stream");
                file.bytes().await.unwrap()
            }
            200 => answer.bytes().await.unwrap(),
            other => panic!("{path}: {other} {}", answer.text().await.unwrap()),
        };
        let text = std::str::from_utf8(&bytes).unwrap();
        text.strip_prefix('\u{feff}').unwrap_or_else(|| panic!("{path}: no byte order mark")).to_owned()
    }

    async fn report(&self, function: &str, window: Window) -> Sheet {
        let report = catalog::find(function).unwrap();
        Sheet::read(&self.file(&report.path(window)).await)
    }
}

/// A CSV in plain vectors.
struct Sheet {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    fn read(text: &str) -> Sheet {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> =
            reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
        Sheet { heads: rows.remove(0), rows }
    }

    fn at(&self, head: &str) -> usize {
        self.heads.iter().position(|h| h == head).unwrap_or_else(|| panic!("no {head} in {:?}", self.heads))
    }

    fn cell<'a>(&self, row: &'a [String], head: &str) -> &'a str {
        &row[self.at(head)]
    }

    fn number(&self, row: &[String], head: &str) -> u64 {
        let cell = self.cell(row, head);
        if cell.is_empty() { 0 } else { cell.parse().unwrap_or_else(|_| panic!("{head}: {cell}")) }
    }

    fn sum(&self, head: &str) -> u64 {
        self.rows.iter().map(|r| self.number(r, head)).sum()
    }

    /// The row whose `head` is `value`.
    fn row(&self, head: &str, value: &str) -> &[String] {
        self.rows.iter().find(|r| self.cell(r, head) == value).unwrap_or_else(|| panic!("no {head} {value}"))
    }
}

/// A window that each report takes.
fn windows(report: &catalog::Report) -> Vec<Window> {
    let mut windows: Vec<Window> = report.periods.iter().map(|n| Window::Period(*n)).collect();
    if report.date {
        windows.push(Window::Date(day("2026-11-17")));
    }
    if windows.is_empty() {
        windows.push(Window::Present);
    }
    windows
}

/// Every key of the catalog says something that the interpreter knows, for the rows at hand.
#[tokio::test]
async fn every_column_of_every_report_is_filled() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    for report in catalog::all() {
        for window in windows(report) {
            let sheet = client.report(&report.function, window).await;
            let matched = match_headers(report, &sheet.heads);
            assert_eq!(matched.known(), sheet.heads.len(), "{} {window}: {:?}", report.function, sheet.heads);
            let absent: Vec<_> = matched
                .missing
                .iter()
                .map(|i| &report.columns[*i])
                .filter(|c| {
                    c.requires.is_empty()
                        && !c.undocumented
                        && (c.versions.is_empty() || c.versions.contains(&report.version()))
                })
                .map(|c| &c.name)
                .collect();
            assert!(absent.is_empty(), "{} {window} lacks {absent:?}", report.function);
            let retired = report.function.contains("SkypeForBusiness");
            assert!(retired || !sheet.rows.is_empty(), "{} {window} has no rows", report.function);
        }
    }
    emulator.stop().await;
}

/// The smallest tenant has all reports, too.
#[tokio::test]
async fn one_person_and_one_day_are_enough() {
    let emulator = Emulator::start(Options { users: 1, days: 1, ..options() }).await.unwrap();
    let client = Client::new(&emulator).await;
    for report in catalog::all() {
        for window in windows(report) {
            client.report(&report.function, window).await;
        }
    }
    assert_eq!(client.json("/v1.0/users").await["value"].as_array().unwrap().len(), 2, "and a guest");
    emulator.write_truth(tempfile::tempdir().unwrap().path()).unwrap();
    emulator.stop().await;
}

/// Headers differ by version and argument as Graph's do.
#[tokio::test]
async fn headers_follow_version_and_arguments() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let heads = async |path: &str| Sheet::read(&client.file(path).await).heads;
    let has = |heads: &[String], head: &str| heads.iter().any(|h| h == head);
    let v1 = heads("/v1.0/reports/getOffice365GroupsActivityDetail(period='D7')").await;
    let beta = heads("/beta/reports/getOffice365GroupsActivityDetail(period='D7')").await;
    assert!(has(&v1, "Guest Count") && has(&beta, "External Member Count"));
    let v1 = heads("/v1.0/reports/getSharePointSiteUsageDetail(period='D7')").await;
    let beta = heads("/beta/reports/getSharePointSiteUsageDetail(period='D7')").await;
    assert!(!has(&v1, "Geo Location") && has(&beta, "Geo Location"));
    let devices = heads("/v1.0/reports/getTeamsDeviceUsageUserDetail(period='D7')").await;
    assert!(has(&devices, "Used  Chrome OS"), "with two blanks");
    let egress = heads("/beta/reports/getSharePointApiUsage(period='D1')").await;
    let throttling = heads("/beta/reports/getSharePointApiUsage(period='D1',reportType='throttlingReport')").await;
    assert!(has(&egress, "UsageMB") && !has(&throttling, "UsageMB") && has(&throttling, "ThrottledRequests"));
    emulator.stop().await;
}

/// JSON, in every version that serves it, has a row for each row.
#[tokio::test]
async fn every_report_is_served_as_json() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    for report in catalog::all().iter().filter(|r| r.versions.contains(&Version::Beta)) {
        let window = windows(report)[0];
        let path = report.path(window).replacen("/v1.0/", "/beta/", 1);
        let path = format!("{}?$format=application/json", path.split('?').next().unwrap());
        let body = client.json(&path).await;
        assert!(body["value"].is_array() || body["summary"].is_object(), "{}: {body}", report.function);
    }
    emulator.stop().await;
}
