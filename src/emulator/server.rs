//! The two origins: Graph with the token endpoint, and the downloads. Every request goes through here and into the log.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::call::{decode, query};
use super::directory;
use super::faults::{Fault, Leg};
use super::problem::{Problem, answer};
use super::reports;
use super::service::{RequestLog, Service};
use crate::catalog::Version;

/// Bytes of a form at most.
const FORM_MOST: usize = 64 * 1024;

/// The Graph and login origin.
pub fn graph(service: Arc<Service>) -> Router {
    Router::new().fallback(at_graph).with_state(service)
}

/// The download origin.
pub fn downloads(service: Arc<Service>) -> Router {
    Router::new().fallback(at_downloads).with_state(service)
}

/// Accepts connections until `stop` changes, then drops all of them.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((stream, _)) = accepted else { continue };
        // Small answers are not held back to be joined.
        let _ = stream.set_nodelay(true);
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        connections.spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            // A connection that breaks is the client's business, or a fault's.
            match tls {
                None => drop(builder.serve_connection(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}

fn entry(request: &Request<Body>, download: bool) -> RequestLog {
    RequestLog {
        method: request.method().to_string(),
        path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        status: 0,
        had_authorization: request.headers().contains_key(header::AUTHORIZATION),
        download,
    }
}

async fn at_graph(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let entry = entry(&request, false);
    let answer = match route(&service, request).await {
        Ok(answer) => answer,
        Err(problem) => problem.answer(service.now()),
    };
    service.record(RequestLog { status: answer.status().as_u16(), ..entry });
    answer
}

async fn at_downloads(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let entry = entry(&request, true);
    let order = request.uri().path().strip_prefix("/data/download/").and_then(|t| service.linked(t));
    let answer = match order {
        _ if request.method() != Method::GET => answer(405, "text/plain", ""),
        // A link is its own credential; another one is an error, as it is at the stores behind the real links.
        _ if entry.had_authorization => Problem::new(
            403,
            "AuthenticationFailed",
            "A pre-authenticated URL must not be called with an Authorization header.",
        )
        .answer(service.now()),
        None => reports::expired(),
        Some(order) => match reports::download(&service, order).await {
            Ok(answer) => answer,
            Err(problem) => problem.answer(service.now()),
        },
    };
    service.record(RequestLog { status: answer.status().as_u16(), ..entry });
    answer
}

async fn route(service: &Arc<Service>, request: Request<Body>) -> Result<Response<Body>, Problem> {
    let path = decode(request.uri().path());
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    if let [tenant, "oauth2", "v2.0", "token"] = segments[..] {
        return token(service, tenant, request).await;
    }
    let (version, rest) = match segments[..] {
        ["v1.0", ref rest @ ..] => (Version::V1, rest),
        ["beta", ref rest @ ..] => (Version::Beta, rest),
        _ => return Err(Problem::new(404, "UnknownError", "Invalid version.")),
    };
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|a| a.to_str().ok());
    let caller = service
        .mint
        .check(authorization)
        .map_err(|refused| Problem::new(401, "InvalidAuthenticationToken", refused.message()))?;
    if request.method() != Method::GET {
        return Err(Problem::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ));
    }
    let query = query(request.uri().query());
    let none: HashMap<String, String> = HashMap::new();
    match rest {
        ["reports", call] => reports::call(service, &caller, version, "reports", call, &query).await,
        ["copilot", "reports", call] => reports::call(service, &caller, version, "copilot/reports", call, &query).await,
        [] => Err(Problem::no_segment("")),
        _ => {
            let query = if rest == ["admin", "reportSettings"] { &none } else { &query };
            directory::answer(service, version.as_str(), rest, query)
                .unwrap_or_else(|| Err(Problem::no_segment(rest[0])))
        }
    }
}

async fn token(service: &Arc<Service>, tenant: &str, request: Request<Body>) -> Result<Response<Body>, Problem> {
    if let Some(Fault::Status { code, retry_after }) = service.meet("", "", Some(Leg::Token)).into_iter().next() {
        return Ok(reports::status(service, code, retry_after.as_deref()));
    }
    if request.method() != Method::POST {
        return Ok(super::problem::sign_in_refused(
            400,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST, OPTIONS requests.",
            service.now(),
        ));
    }
    let form = request.headers().get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    let is_form = form.starts_with("application/x-www-form-urlencoded");
    let body = to_bytes(request.into_body(), FORM_MOST).await.unwrap_or_default();
    let text = if is_form { String::from_utf8_lossy(&body).into_owned() } else { String::new() };
    Ok(service.mint.answer(tenant, &query(Some(&text)), service.now()))
}
