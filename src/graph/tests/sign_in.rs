//! Tokens: kept, replaced, refused; every method.

use std::sync::Arc;

use serde_json::json;

use super::*;

fn token(value: &str, seconds: u64) -> Reply {
    Reply::json(200, json!({"access_token": format!("{TOKEN}{value}"), "expires_in": seconds}))
}

fn rows(server: &Server, n: usize) {
    for _ in 0..n {
        server.on(DETAIL, Reply::ok("rows"));
    }
}

#[tokio::test]
async fn one_token_serves_many_requests_at_once() {
    let (graph, client, _secret) = both().await;
    rows(&graph, 9);
    futures::future::try_join_all((0..8).map(|_| read(&client))).await.unwrap();
    read(&client).await.unwrap();
    let asked = graph.seen(SIGN_IN);
    assert_eq!(asked.len(), 1);
    let scope = url::form_urlencoded::byte_serialize(format!("{}/.default", graph.url).as_bytes()).collect::<String>();
    assert_eq!(
        asked[0].body,
        format!("grant_type=client_credentials&scope={scope}&client_id=app&client_secret={SECRET}")
    );
}

#[tokio::test]
async fn a_token_is_replaced_before_its_end() {
    let (graph, client, _secret) = both().await;
    rows(&graph, 3);
    graph.on(SIGN_IN, token("short", 2)).on(SIGN_IN, token("next", 3600));
    read(&client).await.unwrap();
    read(&client).await.unwrap();
    assert_eq!(graph.seen(SIGN_IN).len(), 1);
    tokio::time::sleep(Duration::from_millis(1700)).await;
    read(&client).await.unwrap();
    assert_eq!(graph.seen(SIGN_IN).len(), 2);
    assert_eq!(graph.seen(DETAIL)[2].headers["authorization"], format!("Bearer {TOKEN}next"));
}

#[tokio::test]
async fn a_token_that_still_works_bridges_a_failure() {
    let (graph, client, _secret) = both().await;
    rows(&graph, 2);
    graph.on(SIGN_IN, token("short", 3)).on(SIGN_IN, Reply::new(503));
    read(&client).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2450)).await;
    read(&client).await.unwrap();
    assert_eq!(graph.seen(SIGN_IN).len(), 2);
    assert_eq!(graph.seen(DETAIL)[1].headers["authorization"], format!("Bearer {TOKEN}short"));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (graph, client, _secret) = both().await;
    graph.on(DETAIL, Reply::error(401, "InvalidAuthenticationToken", "expired"));
    rows(&graph, 1);
    read(&client).await.unwrap();
    assert_eq!(graph.seen(DETAIL)[1].headers["authorization"], format!("Bearer {TOKEN}2"));
    for _ in 0..2 {
        graph.on(DETAIL, Reply::error(401, "InvalidAuthenticationToken", "expired"));
    }
    let e = read(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::SignIn);
    assert_eq!(graph.seen(DETAIL).len(), 4);
}

#[tokio::test]
async fn refusals_have_words_and_no_secret() {
    let (graph, client, _secret) = both().await;
    let refusal = |code: u32, text: &str| {
        Reply::json(400, json!({"error": "x", "error_description": format!("AADSTS{code}: {text}. Trace")}))
    };
    for (code, says) in [
        (7_000_215, "the client secret is wrong"),
        (7_000_222, "the client secret has expired"),
        (90_002, "the tenant is not known to this cloud"),
        (700_016, "the application is not known in this tenant"),
        (65_001, "the application has no consent"),
        (424_242, "the sign-in service refuses the application"),
    ] {
        graph.on(SIGN_IN, refusal(code, &format!("it said {SECRET} and more")));
        let e = read(&client).await.unwrap_err();
        assert_eq!(e.kind(), Kind::SignIn);
        assert!(e.to_string().starts_with(says), "{e}");
    }
    assert!(graph.seen(DETAIL).is_empty());
    graph.on(SIGN_IN, Reply::ok("<html>")).on(SIGN_IN, Reply::new(503));
    assert_eq!(read(&client).await.unwrap_err().kind(), Kind::SignIn);
    rows(&graph, 1);
    read(&client).await.unwrap();
    assert_eq!(client.permissions().await.unwrap(), None, "the token of the test does not show them");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_found_out_at_once() {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let tenant = tenant(&server, &secret);
    std::fs::write(&secret, "\n").unwrap();
    assert_eq!(Client::with(&tenant, settings()).unwrap_err().kind(), Kind::Config);
}

async fn with_auth(auth: Auth, env: Vec<(&'static str, String)>) -> (Server, Result<Client>) {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let tenant = Tenant { auth, ..tenant(&server, &secret) };
    let url = server.url.clone();
    let environment: super::super::Environment =
        Arc::new(move |name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.replace("SERVER", &url)));
    let client = Client::with(&tenant, Settings { environment, ..settings() });
    (server, client)
}

#[tokio::test]
async fn a_certificate_signs_in() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/src/graph/tests/nobody.pem").into();
    let auth = Auth::Certificate { client_id: "app".into(), certificate, key: None };
    let (server, client) = with_auth(auth, vec![]).await;
    rows(&server, 1);
    read(&client.unwrap()).await.unwrap();
    let body = &server.seen(SIGN_IN)[0].body;
    assert!(body.contains("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
    assert!(body.contains("&client_assertion=eyJ"), "{body}");
}

#[tokio::test]
async fn a_token_file_is_read_anew() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "first\n").unwrap();
    let env =
        vec![("AZURE_CLIENT_ID", "app".to_string()), ("AZURE_FEDERATED_TOKEN_FILE", file.path().display().to_string())];
    let auth = Auth::WorkloadIdentity { client_id: None, token_file: None };
    let (server, client) = with_auth(auth.clone(), env).await;
    let client = client.unwrap();
    server.on(DETAIL, Reply::new(401));
    rows(&server, 1);
    std::fs::write(&file, "second\n").unwrap();
    read(&client).await.unwrap();
    assert!(server.seen(SIGN_IN)[0].body.ends_with("client_id=app&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=second"));
    let (_, client) = with_auth(auth, vec![]).await;
    assert!(client.unwrap_err().hint_text().unwrap().contains("AZURE_CLIENT_ID"));
}

#[tokio::test]
async fn a_managed_identity_signs_in() {
    let auth = Auth::ManagedIdentity { client_id: None };
    let env = vec![("IDENTITY_ENDPOINT", "SERVER/msi/token".into()), ("IDENTITY_HEADER", "INSIDE-HEADER".into())];
    let (server, client) = with_auth(auth.clone(), env).await;
    let client = client.unwrap();
    discreet(&format!("{client:?} {:?}", client.0.tokens));
    let granted = json!({"access_token": format!("{TOKEN}m"), "expires_on": "99999999999"});
    server.on("/msi", Reply::new(429).header("Retry-After", "0.05")).on("/msi", Reply::json(200, granted.clone()));
    rows(&server, 1);
    read(&client).await.unwrap();
    assert_eq!(server.seen("/msi")[0].headers["x-identity-header"], "INSIDE-HEADER");
    assert_eq!(server.seen(DETAIL)[0].headers["authorization"], format!("Bearer {TOKEN}m"));

    let (server, client) = with_auth(auth, vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", "SERVER/".into())]).await;
    server.on("/metadata", Reply::new(404)).on("/metadata", Reply::json(200, granted));
    rows(&server, 1);
    read(&client.unwrap()).await.unwrap();
    assert_eq!(server.seen("/metadata/identity/oauth2/token?")[0].headers["metadata"], "true");
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_named() {
    let (server, certificate) = Server::start_tls().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&ca, certificate).unwrap();
    let mut tenant = tenant(&server, &secret);
    let client = Client::with(&tenant, settings()).unwrap();
    let e = read(&client).await.unwrap_err();
    assert_eq!(e.kind(), Kind::Config, "{e:?}");
    assert!(e.hint_text().unwrap().contains("endpoints.ca"));
    tenant.endpoints.ca = Some(ca.path().into());
    let client = Client::with(&tenant, settings()).unwrap();
    server.on(DETAIL, Reply::found(format!("{}/download/{KEY}", server.url))).on("/download", Reply::ok("rows"));
    assert_eq!(read(&client).await.unwrap(), b"rows");
    std::fs::write(&ca, "nothing").unwrap();
    assert_eq!(Client::with(&tenant, settings()).unwrap_err().kind(), Kind::Config);
}
