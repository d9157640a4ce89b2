//! Every fault does what it says, and only to whom it is meant for.

use super::*;

const CALL: &str = "/v1.0/reports/getEmailActivityUserDetail(date=2026-11-17)";

async fn with(faults: &str) -> (Emulator, Client) {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    emulator.set_faults(faults.parse().unwrap());
    (emulator, client)
}

/// The answer of the second leg.
async fn leg(client: &Client, path: &str) -> reqwest::Response {
    let first = client.get(path).await;
    assert_eq!(first.status(), 302);
    let link = first.headers()["location"].to_str().unwrap().to_owned();
    client.http.get(link).send().await.unwrap()
}

#[tokio::test]
async fn statuses_come_on_their_leg_and_as_often_as_said() {
    let (emulator, client) = with(
        "[[rules]]\nfunction='getEmailActivityUserDetail'\ntimes=1\nfault.status={code=429,retry_after='2.128'}\n\
         [[rules]]\nleg='download'\ntimes=1\nfault.status={code=503}\n\
         [[rules]]\nleg='token'\ntimes=1\nfault.status={code=500}\n\
         [[rules]]\nleg='directory'\nfunction='users'\nnth=2\ntimes=1\nfault.status={code=504}",
    )
    .await;
    let first = client.get(CALL).await;
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (429, "2.128"));
    assert_eq!(leg(&client, CALL).await.status(), 503);
    assert_eq!(leg(&client, CALL).await.status(), 200);
    assert_eq!(client.sign_in("secret").await.status(), 500);
    assert_eq!(client.sign_in("secret").await.status(), 200);
    for expected in [200, 504, 200] {
        assert_eq!(client.get("/v1.0/users").await.status(), expected);
    }
    emulator.stop().await;
}

#[tokio::test]
async fn bodies_are_spoilt() {
    let (emulator, client) = with("").await;
    let whole = leg(&client, CALL).await.bytes().await.unwrap();
    for (fault, short) in
        [("cut={after=300}", true), ("cut={after=300,chunked=true}", true), ("slow={bytes=700,millis=1}", false)]
    {
        emulator.set_faults(format!("[[rules]]\nfault.{fault}").parse().unwrap());
        let answer = leg(&client, CALL).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers().contains_key("content-length"), !fault.contains("chunked"), "{fault}");
        let body = answer.bytes().await;
        assert_eq!(body.is_err(), short, "{fault}");
        assert!(body.is_err() || body.unwrap() == whole);
    }
    emulator.set_faults("[[rules]]\nfault.truncated={after=300}".parse().unwrap());
    assert_eq!(leg(&client, CALL).await.bytes().await.unwrap(), whole[..300]);
    emulator.set_faults("[[rules]]\nfault.html={}".parse().unwrap());
    let page = leg(&client, CALL).await;
    assert_eq!((page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()), (200, "text/html"));
    emulator.set_faults("[[rules]]\nfault.json-error={}".parse().unwrap());
    let error = leg(&client, CALL).await;
    assert_eq!(error.status(), 200);
    assert!(error.text().await.unwrap().starts_with("{\"error\""));
    emulator.set_faults("[[rules]]\nfault.expired-link={}".parse().unwrap());
    assert_eq!(leg(&client, CALL).await.status(), 403);
    emulator.stop().await;
}

#[tokio::test]
async fn refusals_are_worded_as_graph_words_them() {
    let (emulator, client) = with("[[rules]]\nfault.unknown-tenant={}").await;
    let body: serde_json::Value = client.get(CALL).await.json().await.unwrap();
    assert_eq!(body["error"]["code"], "UnknownTenantId");
    emulator.set_faults("[[rules]]\nfault.unknown-tenant={nested=true}".parse().unwrap());
    let body: serde_json::Value = client.get(CALL).await.json().await.unwrap();
    assert_eq!(body["error"]["code"], "UnknownError");
    let inner: serde_json::Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["error"]["code"], "UnknownTenantId");
    emulator.set_faults("[[rules]]\nfault.permission={}".parse().unwrap());
    let answer = client.get(CALL).await;
    assert_eq!(answer.status(), 403);
    emulator.stop().await;
}

#[tokio::test]
async fn days_come_empty_late_and_again() {
    let (emulator, client) = with(
        "[[rules]]\nwindow='date=2026-11-10'\nfault.empty={}\n\
         [[rules]]\nfault.late={day='2026-11-14',days=5}\n\
         [[rules]]\nfault.late={day='2026-11-15',days=5,refused=true}\n\
         [[rules]]\nfault.restated={day='2026-11-12',from='2026-11-18'}",
    )
    .await;
    let rows = async |d: &str| {
        let sheet = client.report("getEmailActivityUserDetail", Window::Date(day(d))).await;
        (sheet.rows.len(), sheet.sum("Send Count"))
    };
    let counted = async |d: &str| {
        let sheet = client.report("getEmailActivityCounts", Window::Period(30)).await;
        sheet.number(sheet.row("Report Date", d), "Send")
    };
    emulator.set_today(day("2026-11-17"));
    assert_eq!(rows("2026-11-10").await.0, 0);
    assert_eq!(rows("2026-11-14").await.0, 0);
    assert_eq!(client.get("/v1.0/reports/getEmailActivityUserDetail(date=2026-11-15)").await.status(), 400);
    let before = rows("2026-11-12").await;
    assert_eq!(counted("2026-11-12").await, before.1, "details and counts agree on what is in yet");
    let other = rows("2026-11-11").await;
    emulator.set_today(day("2026-11-20"));
    assert_eq!(rows("2026-11-10").await.0, 0);
    assert!(rows("2026-11-14").await.0 > 0);
    assert!(rows("2026-11-15").await.0 > 0);
    let after = rows("2026-11-12").await;
    assert!(after.0 > before.0 && after.1 > before.1, "{before:?} {after:?}");
    assert_eq!(counted("2026-11-12").await, after.1);
    assert_eq!(rows("2026-11-11").await, other);
    emulator.stop().await;
}

#[tokio::test]
async fn columns_come_and_go() {
    let (emulator, client) = with(
        "[[rules]]\nfault.column-added={header='Mood',value='fine'}\n\
         [[rules]]\nfault.column-renamed={header='Send Count',to='Sent Count'}\n\
         [[rules]]\nfault.column-dropped={header='Display Name'}\n\
         [[rules]]\nfault.first-rows={rows=3}",
    )
    .await;
    let sheet = client.report("getEmailActivityUserDetail", Window::Period(7)).await;
    assert_eq!(sheet.rows.len(), 3);
    assert!(!sheet.heads.iter().any(|h| h == "Display Name" || h == "Send Count"));
    assert_eq!(sheet.cell(&sheet.rows[0], "Mood"), "fine");
    assert!(sheet.sum("Sent Count") > 0);
    emulator.stop().await;
}

#[tokio::test]
async fn names_are_concealed_alike_everywhere() {
    let (emulator, client) = with("[[rules]]\nfault.concealed={from='2026-11-20'}").await;
    let plain = {
        emulator.set_today(day("2026-11-19"));
        client.report("getTeamsUserActivityUserDetail", Window::Period(7)).await
    };
    assert!(plain.rows.iter().all(|r| plain.cell(r, "User Principal Name").contains('@')));
    emulator.set_today(day("2026-11-20"));
    assert_eq!(client.json("/v1.0/admin/reportSettings").await["displayConcealedNames"], true);
    let teams = client.report("getTeamsUserActivityUserDetail", Window::Period(7)).await;
    let mail = client.report("getEmailActivityUserDetail", Window::Period(7)).await;
    let hash = |c: &str| c.len() == 32 && c.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    assert!(teams.rows.iter().all(|r| teams.cell(r, "User Id") == "00000000-0000-0000-0000-000000000000"));
    for row in &mail.rows {
        let upn = mail.cell(row, "User Principal Name");
        assert!(hash(upn) && hash(mail.cell(row, "Display Name")));
        teams.row("User Principal Name", upn);
    }
    emulator.stop().await;
}
