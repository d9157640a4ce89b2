//! Reports: redirects, refusals, waits, pace.

use super::*;

fn link(server: &Server) -> String {
    format!("{}/download/{KEY}", server.url)
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_token() {
    let (graph, client, _secret) = both().await;
    let other = Server::start().await;
    graph.on(DETAIL, Reply::found(link(&other)).header("Set-Cookie", "a=b"));
    other.on("/download", Reply::found(format!("/moved/{KEY}")).header("Set-Cookie", "a=b"));
    other.on("/moved", Reply::ok("\u{feff}Report Refresh Date\n").header("Content-Type", "Text/CSV; charset=utf-8"));
    let Answer::Body(body) = ask(&client).await.unwrap() else { panic!("no body") };
    assert_eq!(body.content_type.as_deref(), Some("text/csv"));
    assert_eq!(body.length, Some(23));
    assert_eq!(drain(body).await.unwrap(), "\u{feff}Report Refresh Date\n".as_bytes());
    let asked = &graph.seen(DETAIL)[0];
    assert_eq!(asked.target, format!("{DETAIL}(period='D7')"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}1"));
    assert!(asked.headers["user-agent"].starts_with("usagelake/"));
    let fetched = other.seen("/");
    assert_eq!(fetched.len(), 2);
    for name in ["authorization", "cookie", "referer"] {
        assert!(fetched.iter().all(|f| !f.headers.contains_key(name)), "{name}");
    }
}

#[tokio::test]
async fn a_body_without_redirect_and_nothing_are_answers() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::json(200, serde_json::json!({"value": []}))).on(DETAIL, Reply::new(204));
    let Answer::Body(body) = ask(&client).await.unwrap() else { panic!("no body") };
    assert_eq!(body.content_type.as_deref(), Some("application/json"));
    assert_eq!(drain(body).await.unwrap(), br#"{"value":[]}"#);
    assert!(matches!(ask(&client).await.unwrap(), Answer::Empty));
}

#[tokio::test]
async fn an_expired_link_is_asked_for_again() {
    for status in [401, 403, 404, 410] {
        let (graph, client, _secret) = both().await;
        graph.on(DETAIL, Reply::found(link(&graph))).on(DETAIL, Reply::found(link(&graph)));
        graph.on("/download", Reply::new(status)).on("/download", Reply::ok("rows"));
        let mut budget = client.budget();
        let answer = client.report(detail(), Window::Period(7), &mut budget).await.unwrap();
        assert!(matches!(answer, Answer::Body(_)), "{status}");
        assert_eq!(budget.attempts(), 2);
        assert!(budget.waited_for_retries() > Duration::ZERO);
    }
}

#[tokio::test]
async fn a_download_never_leads_to_plain_http() {
    let (graph, client, _secret) = both().await;
    let bad = format!("http://reports.example.com/{KEY}");
    graph.on(DETAIL, Reply::found(&bad)).on(DETAIL, Reply::found(link(&graph)));
    graph.on("/download", Reply::found(&bad));
    for _ in 0..2 {
        let e = ask(&client).await.unwrap_err();
        assert_eq!(e.kind(), Kind::Refused);
        assert!(e.to_string().contains("address `http://reports.example.com/…`"), "{e}");
    }
    graph.on(DETAIL, Reply::found(format!("file:///etc/{KEY}")));
    assert_eq!(ask(&client).await.unwrap_err().kind(), Kind::Refused);
}

#[tokio::test]
async fn a_download_that_cannot_be_reached_shows_no_address() {
    let (graph, client, _secret) = both().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "http", "https"] {
        graph.on(DETAIL, Reply::found(format!("{scheme}://{closed}/{KEY}")));
    }
    let e = ask(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Unavailable);
    assert!(format!("{e:?}").contains("cannot connect to the download service"), "{e:?}");
    assert_eq!(graph.seen(DETAIL).len(), 4);
}

#[tokio::test]
async fn a_busy_download_service_is_asked_again() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::found(link(&graph))).on(DETAIL, Reply::found(link(&graph)));
    graph.on("/download", Reply::new(503).header("Retry-After", "0.2")).on("/download", Reply::ok("rows"));
    let mut budget = client.budget();
    client.report(detail(), Window::Period(7), &mut budget).await.unwrap();
    assert_eq!(budget.waited_for_retries(), Duration::from_millis(200));
}

#[tokio::test]
async fn redirects_have_an_end() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::found(link(&graph)));
    for _ in 0..6 {
        graph.on("/download", Reply::found(link(&graph)));
    }
    assert_eq!(ask(&client).await.unwrap_err().kind(), Kind::Refused);
    assert_eq!(graph.seen("/download").len(), 6);
}

#[tokio::test]
async fn each_form_of_retry_after_is_obeyed() {
    let now = std::time::SystemTime::now();
    let soon = httpdate::fmt_http_date(now + Duration::from_secs(3601));
    let date = httpdate::fmt_http_date(now + Duration::from_secs(3600));
    for (reply, at_least) in [
        (Reply::new(429).header("Retry-After", "1"), 1000),
        (Reply::new(429).header("Retry-After", "0.25"), 250),
        (Reply::new(429).header("Retry-After", soon).header("Date", date), 1000),
        (Reply::new(429).header("Retry-After", "soon"), 1),
        (Reply::new(429), 1),
        (Reply::new(503).header("Retry-After", "0.1"), 100),
        (Reply::new(504), 0),
    ] {
        let (graph, client, _secret) = both().await;
        graph.on(DETAIL, reply).on(DETAIL, Reply::ok("rows"));
        let mut budget = client.budget();
        client.report(detail(), Window::Period(7), &mut budget).await.unwrap();
        let waited = budget.waited().as_millis();
        assert!((at_least..at_least + 900).contains(&waited), "{waited} for {at_least}");
        assert_eq!(budget.attempts(), 2);
    }
}

#[tokio::test]
async fn throttling_holds_back_the_function_and_no_other() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::new(429).header("Retry-After", "0.4"));
    graph.on(DETAIL, Reply::ok("rows")).on(DETAIL, Reply::ok("rows"));
    let first = tokio::spawn({
        let client = client.clone();
        async move { read(&client).await.map(|_| ()) }
    });
    while graph.seen(DETAIL).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(client.0.pace.acquire("another").await < Duration::from_millis(50));
    let mut budget = client.budget();
    client.report(detail(), Window::Period(30), &mut budget).await.unwrap();
    assert!(budget.waited_for_pace() >= Duration::from_millis(200), "{budget:?}");
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn pace_counts_every_request() {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let tenant = Tenant { pace: (2, Duration::from_millis(400)), ..tenant(&server, &secret) };
    let client = Client::with(&tenant, settings()).unwrap();
    server.on(DETAIL, Reply::new(503)).on(DETAIL, Reply::ok("a")).on(DETAIL, Reply::ok("b"));
    let mut budget = client.budget();
    client.report(detail(), Window::Period(7), &mut budget).await.unwrap();
    assert!(budget.waited_for_pace() < Duration::from_millis(100), "{budget:?}");
    let mut budget = client.budget();
    client.report(detail(), Window::Period(7), &mut budget).await.unwrap();
    assert!(budget.waited_for_pace() > Duration::from_millis(150), "{budget:?}");
}

#[tokio::test]
async fn giving_up_says_how_often_and_how_long() {
    let (graph, client, _secret) = both().await;
    for _ in 0..4 {
        graph.on(DETAIL, Reply::error(503, "UnknownError", "busy"));
    }
    let e = ask(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Unavailable);
    assert!(e.to_string().starts_with("gave up after 4 attempts in "), "{e}");
    assert!(e.to_string().ends_with("(report `getEmailActivityUserDetail`, window `period=D7`)"), "{e}");
    assert!(format!("{e:?}").contains("caused by: Graph is not available (status `503`, message `busy`"), "{e:?}");
    graph.on(DETAIL, Reply::new(429).header("Retry-After", "7200"));
    let e = ask(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Throttled);
    assert_eq!(e.hint_text(), Some("run again in 2 h or later"));
}

#[tokio::test]
async fn refusals_are_judged_and_not_repeated() {
    let nested = serde_json::json!({"error": {"code": "UnknownTenantId", "message": "We do not recognize it"}});
    for (reply, kind) in [
        (Reply::error(404, "UnknownError", &nested.to_string()), Kind::NotReady),
        (Reply::error(403, "S2SUnauthorized", "Invalid permission."), Kind::Permission),
        (Reply::error(400, "InvalidArgument", "Only support data for the past 28 days."), Kind::OutsideWindow),
        (Reply::error(400, "Odd", &format!("{KEY} at https://host/{KEY}").replacen(KEY, "x", 1)), Kind::Refused),
        (Reply::ok("<html>").header("Content-Type", "text/html; charset=utf-8"), Kind::NotAReport),
        (Reply::new(302), Kind::Unavailable),
    ] {
        let (graph, client, _secret) = both().await;
        graph.on(DETAIL, reply.clone());
        for _ in 0..3 {
            graph.on(DETAIL, reply.clone());
        }
        let e = ask(&client).await.unwrap_err();
        assert_eq!(e.kind(), kind, "{e:?}");
        assert_eq!(graph.seen(DETAIL).len(), if e.is_temporary() { 4 } else { 1 });
    }
}
