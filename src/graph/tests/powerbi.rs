//! The Power BI service as it is documented, in queues of replies.

use serde_json::{Value, json};

use super::*;
use crate::config::PowerBiRefresh;
use crate::graph::{PowerBi, Refreshed, Stale};

const REFRESHES: &str = "/v1.0/myorg/groups/w/datasets/d/refreshes";

async fn service() -> (Server, PowerBi, tempfile::NamedTempFile) {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let mut service = PowerBi::new(&tenant(&server, &secret), Some(&server.url), settings()).unwrap();
    service.first_look = Duration::from_millis(1);
    (server, service, secret)
}

fn wanted(wait: bool, whole: bool) -> PowerBiRefresh {
    PowerBiRefresh { workspace: "w".into(), dataset: "d".into(), wait, whole, endpoint: None }
}

fn stale(table: &str, whole: bool) -> Stale {
    Stale { table: table.into(), whole }
}

fn begun(server: &Server) -> Reply {
    Reply::new(202).header("Location", format!("{}{REFRESHES}/1344a272-7893", server.url))
}

#[tokio::test]
async fn tables_that_changed_are_refreshed_and_waited_for() {
    let (server, service, _secret) = service().await;
    let one = format!("{REFRESHES}/1344a272-7893");
    server.on(&one, Reply::json(202, json!({"status": "Unknown"})));
    server.on(&one, Reply::json(200, json!({"status": "Completed"})));
    server.on(REFRESHES, begun(&server));
    let done = service
        .refresh(&wanted(true, false), &[stale("Adoption", false), stale("Product usage", false)])
        .await
        .unwrap();
    assert_eq!(done, Refreshed::Completed);
    assert_eq!(server.seen(&one).len(), 2);
    let asked: Value = serde_json::from_str(&server.seen(REFRESHES)[0].body).unwrap();
    assert_eq!(asked["objects"], json!([{"table": "Adoption"}, {"table": "Product usage"}]));
    assert_eq!(asked["applyRefreshPolicy"], true);
    let scope = &server.seen(SIGN_IN)[0].body;
    assert!(scope.contains("analysis.windows.net%2Fpowerbi%2Fapi%2F.default"), "the token is for Power BI: {scope}");
}

/// A policy reads the last months only. What changed before is read past it, when the first refresh has ended: the service
/// takes one at a time.
#[tokio::test]
async fn tables_with_older_months_follow_without_their_policy() {
    let (server, service, _secret) = service().await;
    let (first, second) = (format!("{REFRESHES}/1344a272-7893"), format!("{REFRESHES}/5566"));
    server.on(&first, Reply::json(202, json!({"status": "InProgress"})));
    server.on(&first, Reply::json(200, json!({"status": "Completed"})));
    server.on(REFRESHES, begun(&server));
    server.on(REFRESHES, Reply::new(202).header("Location", format!("{}{second}", server.url)));
    let tables = [stale("Adoption", false), stale("Mailboxes", true)];
    assert_eq!(service.refresh(&wanted(false, false), &tables).await.unwrap(), Refreshed::Begun);
    let posted = server.seen(REFRESHES).into_iter().filter(|r| r.target == REFRESHES);
    let asked: Vec<Value> = posted.map(|r| serde_json::from_str(&r.body).unwrap()).collect();
    assert_eq!(asked[0]["objects"], json!([{"table": "Adoption"}, {"table": "Mailboxes"}]));
    assert_eq!((&asked[0]["applyRefreshPolicy"], &asked[1]["applyRefreshPolicy"]), (&json!(true), &json!(false)));
    assert_eq!(asked[1]["objects"], json!([{"table": "Mailboxes"}]));
    assert_eq!((server.seen(&first).len(), server.seen(&second).len()), (2, 0), "the second is not waited for");
}

#[tokio::test]
async fn a_whole_dataset_is_refreshed_where_no_capacity_is() {
    let (server, service, _secret) = service().await;
    server.on(REFRESHES, Reply::new(503)).on(REFRESHES, Reply::new(202));
    assert_eq!(service.refresh(&wanted(true, true), &[]).await.unwrap(), Refreshed::Begun);
    let asked: Value = serde_json::from_str(&server.seen(REFRESHES)[1].body).unwrap();
    assert_eq!(asked, json!({"notifyOption": "NoNotification"}));
}

#[tokio::test]
async fn what_fails_says_what_to_do() {
    let (server, service, _secret) = service().await;
    for (status, kind, word) in [
        (403, Kind::Permission, "service principals"),
        (404, Kind::Refused, "ids"),
        (400, Kind::Refused, "whole = true"),
    ] {
        server.on(REFRESHES, Reply::error(status, "Code", "INSIDE-HEADER"));
        let e = service.refresh(&wanted(false, false), &[]).await.unwrap_err();
        discreet_error(&e);
        assert_eq!(e.kind(), kind);
        assert!(e.hint_text().unwrap().contains(word), "{status}");
    }
    server.on(&format!("{REFRESHES}/1344a272-7893"), Reply::json(200, json!({"status": "Failed"})));
    server.on(REFRESHES, begun(&server));
    let e = service.refresh(&wanted(true, false), &[]).await.unwrap_err();
    assert!(e.to_string().contains("`Failed`"));
}
