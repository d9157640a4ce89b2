//! The client against a server with queues of replies.

mod body;
mod directory;
mod powerbi;
mod report;
mod server;
mod sign_in;

use std::fmt::{Debug, Display};
use std::time::Duration;

use server::{Reply, Server};

use super::{Answer, Body, Client, Retry, Settings, Timeouts};
use crate::catalog::{self, Report};
use crate::config::{Auth, Endpoints, SecretFrom, Tenant};
use crate::day::Window;
use crate::error::{Error, Kind, Result};

/// What every token begins with.
const TOKEN: &str = "TOKEN-OF-TEST-";
const SECRET: &str = "SECRET-OF-TEST";
/// What stands in every download's address.
const KEY: &str = "KEY-OF-DOWNLOAD";
/// Where the report of [`detail`] is asked for.
const DETAIL: &str = "/v1.0/reports/getEmailActivityUserDetail";
const SIGN_IN: &str = "/tenant-of-test/oauth2/v2.0/token";

fn detail() -> &'static Report {
    catalog::find("email_activity_user_detail").unwrap()
}

fn settings() -> Settings {
    let ms = Duration::from_millis;
    Settings {
        retry: Retry {
            attempts: 4,
            budget: Duration::from_secs(5),
            base: ms(1),
            throttled_base: ms(2),
            cap: ms(5),
            jitter: || 0.5,
        },
        timeouts: Timeouts { connect: Duration::from_secs(5), answer: ms(1500), chunk: ms(300), body: ms(900) },
        environment: std::sync::Arc::new(|_| None),
        ..Settings::default()
    }
}

fn tenant(server: &Server, secret: &tempfile::NamedTempFile) -> Tenant {
    std::fs::write(secret, format!("{SECRET}\n")).unwrap();
    Tenant {
        name: "contoso".into(),
        id: "tenant-of-test".into(),
        auth: Auth::ClientSecret { client_id: "app".into(), secret: SecretFrom::File(secret.path().into()) },
        endpoints: Endpoints { login: server.url.clone(), graph: server.url.clone(), ca: None },
        pace: (1000, Duration::from_secs(1)),
    }
}

/// A server and a client for it. The secret's file must outlive the client.
async fn both() -> (Server, Client, tempfile::NamedTempFile) {
    let server = Server::start().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    let client = Client::with(&tenant(&server, &secret), settings()).unwrap();
    discreet(&format!("{client:?} {:?}", client.0.tokens));
    (server, client, secret)
}

/// Asks for the report of a week.
async fn ask(client: &Client) -> Result<Answer> {
    client.report(detail(), Window::Period(7), &mut client.budget()).await.inspect_err(discreet_error)
}

/// Asks for the report of a week and reads it.
async fn read(client: &Client) -> Result<Vec<u8>> {
    match ask(client).await? {
        Answer::Body(body) => drain(body).await,
        Answer::Empty => Ok(Vec::new()),
    }
}

async fn drain(mut body: Body) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = body.chunk().await.inspect_err(discreet_error)? {
        all.extend_from_slice(&piece);
    }
    assert_eq!(body.received(), all.len() as u64);
    Ok(all)
}

fn discreet_error(e: &Error) {
    discreet(&format!("{e} {e:?} {}", e.hint_text().unwrap_or_default()));
}

/// Fails if a text holds what it must not.
fn discreet(text: &(impl Debug + Display)) {
    let text = format!("{text} {text:?}");
    for secret in [TOKEN, SECRET, KEY, "INSIDE-HEADER"] {
        assert!(!text.contains(secret), "{secret} is in: {text}");
    }
}
