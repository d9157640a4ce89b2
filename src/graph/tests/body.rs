//! Bodies that break off, halt, or do not end.

use futures::TryStreamExt;

use super::*;

/// `hello ` twenty times, packed.
const PACKED: [u8; 29] =
    [31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 200, 160, 59, 9, 0, 47, 250, 248, 72, 120, 0, 0, 0];

#[tokio::test]
async fn a_cut_body_fails_and_is_asked_for_again() {
    for broken in [
        Reply::ok("0123456789").cut(4),
        Reply::ok("0123456789").cut(0),
        Reply::ok("0123456789").chunked().cut(4),
        Reply::ok(PACKED).header("Content-Encoding", "gzip").cut(20),
        Reply::ok(&PACKED[..20]).header("Content-Encoding", "gzip"),
        Reply::ok("0123456789").halt(4),
        Reply::ok("0123456789").chunked().halt(4),
        // Never halts as long as a piece may take, and never ends either.
        Reply::ok("0123456789").drip(Duration::from_millis(200)),
    ] {
        let (graph, client, _secret) = both().await;
        graph.on(DETAIL, broken).on(DETAIL, Reply::ok("0123456789").chunked());
        let mut budget = client.budget();
        let Answer::Body(body) = client.report(detail(), Window::Period(7), &mut budget).await.unwrap() else {
            panic!("no body")
        };
        let e = drain(body).await.unwrap_err();
        assert_eq!(e.kind(), Kind::Unavailable, "{e:?}");
        assert!(e.to_string().contains("bytes `"), "{e}");
        budget.again(e).await.unwrap();
        let Answer::Body(body) = client.report(detail(), Window::Period(7), &mut budget).await.unwrap() else {
            panic!("no body")
        };
        let all: Vec<_> = body.into_stream().try_collect().await.unwrap();
        assert_eq!(all.concat(), b"0123456789");
        assert_eq!(budget.attempts(), 2);
    }
}

#[tokio::test]
async fn a_body_that_always_breaks_ends_with_count_and_time() {
    let (graph, client, _secret) = both().await;
    let mut budget = client.budget();
    let last = loop {
        graph.on(DETAIL, Reply::ok("0123456789").cut(4));
        let Answer::Body(body) = client.report(detail(), Window::Period(7), &mut budget).await.unwrap() else {
            panic!("no body")
        };
        if let Err(e) = budget.again(drain(body).await.unwrap_err()).await {
            break e;
        }
    };
    assert!(last.to_string().starts_with("gave up after 4 attempts in "), "{last}");
    assert!(format!("{last:?}").contains("caused by: the answer was cut short (bytes `4`)"), "{last:?}");
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::ok(PACKED).header("Content-Encoding", "gzip"));
    let Answer::Body(body) = ask(&client).await.unwrap() else { panic!("no body") };
    assert_eq!(body.length, None, "the announced length is that of the packed body");
    assert_eq!(drain(body).await.unwrap(), "hello ".repeat(20).as_bytes());
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let settings = Settings { body_limit: 100, ..settings() };
    let client = Client::with(&tenant(&server, &secret), settings).unwrap();
    server.on(DETAIL, Reply::ok("x".repeat(101)));
    assert_eq!(ask(&client).await.unwrap_err().kind(), Kind::NotAReport);
    server.on(DETAIL, Reply::ok("x".repeat(101)).chunked());
    assert_eq!(read(&client).await.unwrap_err().kind(), Kind::NotAReport);
    server.on(DETAIL, Reply::ok(PACKED).header("Content-Encoding", "gzip"));
    assert_eq!(read(&client).await.unwrap_err().kind(), Kind::NotAReport);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_unavailable() {
    let (graph, client, _secret) = both().await;
    let late = || Reply::ok("late").after(Duration::from_secs(4));
    graph.on(DETAIL, late()).on(DETAIL, Reply::ok("in time"));
    assert_eq!(read(&client).await.unwrap(), b"in time");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut gone = graph.clone();
    gone.url = format!("http://{closed}");
    let secret = tempfile::NamedTempFile::new().unwrap();
    let client = Client::with(&tenant(&gone, &secret), settings()).unwrap();
    let e = ask(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Unavailable);
    assert!(format!("{e:?}").contains("cannot connect to the sign-in service"), "{e:?}");
}
