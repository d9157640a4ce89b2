//! What a client meets: tokens, the two legs of a report, windows, pages, limits, TLS.

use std::time::Duration;

use super::*;

const DETAIL: &str = "/v1.0/reports/getEmailActivityUserDetail";

async fn code(answer: reqwest::Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let body: serde_json::Value = answer.json().await.unwrap();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    assert!(body["error"]["innerError"]["request-id"].is_string(), "{body}");
    (status, text("code"), text("message"))
}

#[tokio::test]
async fn tokens_are_asked_for_and_checked() {
    let emulator = Emulator::start(Options { token_seconds: 6, ..options() }).await.unwrap();
    let client = Client::new(&emulator).await;
    let refused = client.sign_in("guess").await;
    assert_eq!(refused.status(), 401);
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "invalid_client");
    assert_eq!(body["error_codes"][0], 7_000_215);
    assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS7000215: "));

    for version in ["v1.0", "beta"] {
        let none = client.http.get(format!("{}/{version}/users", client.url)).send().await.unwrap();
        assert_eq!(code(none).await.1, "InvalidAuthenticationToken");
        assert_eq!(client.get(&format!("/{version}/users")).await.status(), 200);
    }
    tokio::time::sleep(Duration::from_millis(7_200)).await;
    let (status, name, message) = code(client.get("/v1.0/users").await).await;
    assert_eq!((status, name.as_str()), (401, "InvalidAuthenticationToken"));
    assert_eq!(message, "Lifetime validation failed, the token is expired.");
    emulator.stop().await;
}

#[tokio::test]
async fn a_report_comes_by_two_origins() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let first = client.get(&format!("{DETAIL}(period='D7')")).await;
    assert_eq!(first.status(), 302);
    assert!(first.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let link = first.headers()["location"].to_str().unwrap().to_owned();
    assert!(!link.starts_with(emulator.url()), "{link} is another origin");
    let with_token = client.get(&link).await;
    assert_eq!(with_token.status(), 403, "a link takes no token");
    let file = client.http.get(&link).send().await.unwrap();
    assert_eq!(file.status(), 200);
    assert_eq!(file.headers()["content-type"], "application/octet-stream");
    let bytes = file.bytes().await.unwrap();
    assert!(bytes.starts_with(b"\xef\xbb\xbfReport Refresh Date,") && bytes.ends_with(b"\r\n"));
    let log = emulator.requests();
    let downloads: Vec<(u16, bool)> =
        log.iter().filter(|r| r.download).map(|r| (r.status, r.had_authorization)).collect();
    assert_eq!(downloads, [(403, true), (200, false)]);
    let other = link.rsplit_once('/').unwrap().0.to_owned() + "/0000";
    assert_eq!(client.http.get(other).send().await.unwrap().status(), 403);
    emulator.stop().await;
}

#[tokio::test]
async fn days_are_kept_for_four_weeks() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let today = day(END);
    for (back, status) in [(29, 400), (28, 302), (2, 302), (1, 400), (0, 400), (-1, 400)] {
        let answer = client.get(&format!("{DETAIL}(date={})", today.plus(-back))).await;
        assert_eq!(answer.status(), status, "{back} days back");
    }
    let (_, name, message) = code(client.get(&format!("{DETAIL}(date=2026-10-01)")).await).await;
    assert_eq!(name, "InvalidArgument");
    assert_eq!(message, "Invalid date value specified: 2026-10-01. Only support data for the past 28 days.");

    emulator.set_today(today.plus(-30));
    let sheet = client.report("getEmailActivityUserDetail", Window::Date(day("2026-10-01"))).await;
    assert!(!sheet.rows.is_empty());
    let counts = client.report("getEmailActivityCounts", Window::Period(7)).await;
    assert_eq!(counts.cell(&counts.rows[0], "Report Refresh Date"), today.plus(-32).to_string());
    assert_eq!(counts.rows.len(), 7);
    emulator.stop().await;
}

#[tokio::test]
async fn wrong_calls_are_refused() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    for path in [
        "/v1.0/reports/getNothing(period='D7')",
        "/v1.0/reports/getEmailActivityUserDetail",
        "/v1.0/reports/getEmailActivityUserDetail(period='D8')",
        "/v1.0/reports/getEmailActivityUserDetail(period='D7',date=2026-11-17)",
        "/v1.0/reports/getEmailActivityCounts(date=2026-11-17)",
        "/v1.0/reports/getFormsUserActivityUserDetail(period='D7')",
        "/v1.0/reports/getEmailActivityUserDetail(period='D7')?$format=application/json",
    ] {
        assert_eq!(client.get(path).await.status(), 400, "{path}");
    }
    let json = client.get(&format!("{DETAIL}(period='D7')?$format=application/json")).await;
    let (_, name, message) = code(json).await;
    assert_eq!((name.as_str(), message.as_str()), ("UnknownError", r#"{"Message":"JSON format is not supported."}"#));
    for path in ["(period=%27D7%27)", "(date='2026-11-17')", "%28date%3D2026-11-17%29"] {
        assert_eq!(client.get(&format!("{DETAIL}{path}")).await.status(), 302, "{path}");
    }
    emulator.stop().await;
}

#[tokio::test]
async fn copilot_comes_directly() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let call = "copilot/reports/getMicrosoft365CopilotUsageUserDetail";
    let answer = client.get(&format!("/v1.0/{call}(period='D7')")).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/csv"));
    let body = client.json(&format!("/beta/{call}(period='D7')")).await;
    assert!(body["value"][0]["copilotActivityUserDetailsByPeriod"][0]["reportPeriod"].is_number(), "{body}");
    let old = client.get("/beta/reports/getMicrosoft365CopilotUsageUserDetail(period='D7')?$format=text/csv").await;
    assert_eq!(old.headers()["content-type"], "text/csv");
    let two = Sheet::read(&client.file(&format!("/v1.0/{call}(period='D28',version='v2')")).await);
    assert!(two.heads.iter().any(|h| h == "Prompts submitted for all apps"));
    let one = Sheet::read(&client.file(&format!("/v1.0/{call}(period='ALL')")).await);
    assert!(!one.heads.iter().any(|h| h.starts_with("Prompts")));
    emulator.stop().await;
}

#[tokio::test]
async fn json_comes_in_pages() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let csv = client.report("getEmailActivityUserDetail", Window::Period(7)).await;
    let mut next =
        Some("/beta/reports/getEmailActivityUserDetail(period='D7')?$format=application/json&$top=25".to_owned());
    let mut names = Vec::new();
    while let Some(path) = next {
        let page = client.json(&path).await;
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() <= 25);
        assert_eq!(rows[0]["reportPeriod"], "7", "a text in flat reports");
        names.extend(rows.iter().map(|r| r["userPrincipalName"].as_str().unwrap().to_owned()));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    let expected: Vec<&str> = csv.rows.iter().map(|r| csv.cell(r, "User Principal Name")).collect();
    assert_eq!(names, expected);
    let nested = client.json("/v1.0/reports/getM365AppUserDetail(period='D7')?$format=application/json").await;
    assert!(nested["value"][0]["details"][0]["outlookWindows"].is_boolean(), "{nested}");
    emulator.stop().await;
}

#[tokio::test]
async fn the_pace_is_kept() {
    let emulator = Emulator::start(Options { pace: true, ..options() }).await.unwrap();
    let client = Client::new(&emulator).await;
    for _ in 0..14 {
        assert_eq!(client.get(&format!("{DETAIL}(period='D7')")).await.status(), 302);
    }
    let late = client.get(&format!("{DETAIL}(period='D30')")).await;
    assert_eq!(late.status(), 429);
    let wait: u64 = late.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((590..=600).contains(&wait), "{wait}");
    assert_eq!(client.get("/v1.0/reports/getEmailActivityCounts(period='D7')").await.status(), 302);
    emulator.stop().await;
}

#[tokio::test]
async fn both_origins_speak_tls() {
    let emulator = Emulator::start(Options { tls: true, ..options() }).await.unwrap();
    assert!(emulator.url().starts_with("https://"));
    let client = Client::new(&emulator).await;
    let sheet = client.report("getEmailActivityUserDetail", Window::Period(7)).await;
    assert!(!sheet.rows.is_empty());
    let stranger = reqwest::Client::new().get(emulator.url()).send().await;
    assert!(stranger.is_err(), "whoever does not trust the CA gets nothing");
    emulator.stop().await;
}

#[tokio::test]
async fn the_directory_is_read_page_by_page() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let select =
        "$select=id,userPrincipalName,department,usageLocation,assignedLicenses,userType&$expand=manager($select=id)";
    let mut next = Some(format!("/v1.0/users?{select}&$top=20"));
    let mut users = Vec::new();
    while let Some(path) = next {
        let page = client.json(&path).await;
        users.extend(page["value"].as_array().unwrap().clone());
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert!(users.len() > 45, "{}", users.len());
    assert!(users[0].get("city").is_none() && users[0].get("manager").is_none());
    assert!(users.iter().any(|u| u["userType"] == "Guest"));
    let boss = users[1]["manager"]["id"].as_str().unwrap();
    assert!(users.iter().any(|u| u["id"] == boss));
    let asked = client.json(&format!("/beta/users/{}/manager", users[1]["id"].as_str().unwrap())).await;
    assert_eq!(asked["id"], boss);
    let default = client.json("/v1.0/users").await;
    assert!(default["value"][0].get("department").is_none(), "only the default properties without $select");
    assert_eq!(client.get("/v1.0/users?$top=1000").await.status(), 400);
    assert_eq!(client.json("/v1.0/admin/reportSettings").await["displayConcealedNames"], false);
    assert!(client.json("/beta/groups").await["value"][0]["groupTypes"].is_array());
    assert!(client.json("/v1.0/organization").await["value"][0]["verifiedDomains"].is_array());

    let skus = client.json("/v1.0/subscribedSkus").await;
    for sku in skus["value"].as_array().unwrap() {
        let assigned = users
            .iter()
            .filter(|u| u["assignedLicenses"].as_array().unwrap().iter().any(|l| l["skuId"] == sku["skuId"]))
            .count();
        assert_eq!(sku["consumedUnits"], assigned, "{}", sku["skuPartNumber"]);
    }
    emulator.stop().await;
}
