//! Pages of the directory, and the tenant's setting.

use serde_json::json;

use super::*;

#[tokio::test]
async fn pages_follow_the_link_as_it_is() {
    let (graph, client, _secret) = both().await;
    let next = format!("{}/v1.0/users?$skiptoken=a%2Bb'c&$top=2", graph.url);
    graph.on("/v1.0/users?$top", Reply::json(200, json!({"value": [1, 2], "@odata.nextLink": next})));
    graph.on("/v1.0/users?$skip", Reply::new(503));
    graph.on("/v1.0/users?$skip", Reply::json(200, json!({"value": [3]})));
    let mut pages = client.pages("/v1.0/users?$top=2", &["User.Read.All"]).unwrap();
    let mut rows = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        rows.extend(page["value"].as_array().unwrap().clone());
    }
    assert_eq!(rows, [json!(1), json!(2), json!(3)]);
    assert_eq!(pages.attempts(), 3);
    assert_eq!(graph.seen("/v1.0/users?$skip")[0].target, "/v1.0/users?$skiptoken=a%2Bb%27c&$top=2");
}

#[tokio::test]
async fn the_token_goes_to_no_other_host() {
    let (graph, client, _secret) = both().await;
    let other = Server::start().await;
    for foreign in [format!("{}/v1.0/users", other.url), "https://graph.example.com/v1.0/users".to_string()] {
        graph.on("/v1.0/users", Reply::json(200, json!({"value": [], "@odata.nextLink": foreign})));
        let mut pages = client.pages("/v1.0/users", &[]).unwrap();
        assert!(pages.next().await.unwrap().is_some());
        let e = pages.next().await.unwrap_err();
        discreet_error(&e);
        assert_eq!(e.kind(), Kind::Refused);
    }
    graph.on("/v1.0/users", Reply::found(format!("{}/{KEY}", other.url)));
    let e = client.pages("/v1.0/users", &[]).unwrap().next().await.unwrap_err();
    discreet_error(&e);
    assert_eq!(e.kind(), Kind::Refused);
    assert!(other.seen("/").is_empty());
    for path in ["@example.com/", ".example.com/", "users", ""] {
        assert!(client.pages(path, &[]).is_err(), "{path}");
    }
}

#[tokio::test]
async fn pages_that_lead_to_themselves_end() {
    let (graph, client, _secret) = both().await;
    let link = format!("{}/v1.0/users", graph.url);
    graph.on("/v1.0/users", Reply::json(200, json!({"value": [], "@odata.nextLink": link})));
    assert_eq!(client.pages("/v1.0/users", &[]).unwrap().next().await.unwrap_err().kind(), Kind::NotAReport);
}

#[tokio::test]
async fn what_is_not_json_is_no_page() {
    let (graph, client, _secret) = both().await;
    graph.on("/v1.0/users", Reply::ok("<html>"));
    assert_eq!(client.pages("/v1.0/users", &[]).unwrap().next().await.unwrap_err().kind(), Kind::NotAReport);
    graph.on("/v1.0/users", Reply::error(403, "Authorization_RequestDenied", "Insufficient privileges"));
    let e = client.pages("/v1.0/users", &["User.Read.All"]).unwrap().next().await.unwrap_err();
    assert!(e.hint_text().unwrap().contains("`User.Read.All`"));
}

#[tokio::test]
async fn concealment_is_read_where_it_may_be() {
    let (graph, client, _secret) = both().await;
    let path = "/v1.0/admin/reportSettings";
    for concealed in [true, false] {
        graph.on(path, Reply::json(200, json!({"displayConcealedNames": concealed})));
        assert_eq!(client.concealed_names().await.unwrap(), Some(concealed));
    }
    graph.on(path, Reply::error(403, "S2SUnauthorized", "Invalid permission."));
    assert_eq!(client.concealed_names().await.unwrap(), None);
    graph.on(path, Reply::error(400, "Odd", "x"));
    assert_eq!(client.concealed_names().await.unwrap_err().kind(), Kind::Refused);
}
