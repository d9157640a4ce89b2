//! A small HTTP server with queues of replies. It keeps every request as it came.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// One reply, and how it goes wrong.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
    delay: Duration,
    /// The wait before each byte of the body.
    drip: Duration,
    /// Only so many bytes of the body are sent; then the connection is cut or, if `true`, held.
    stop: Option<(usize, bool)>,
}

impl Reply {
    pub fn new(status: u16) -> Reply {
        Reply {
            status,
            headers: vec![],
            body: vec![],
            chunked: false,
            delay: Duration::ZERO,
            drip: Duration::ZERO,
            stop: None,
        }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply::new(200).body(body)
    }

    pub fn found(location: impl ToString) -> Reply {
        Reply::new(302).header("Location", location)
    }

    pub fn json(status: u16, body: serde_json::Value) -> Reply {
        Reply::new(status).header("Content-Type", "application/json").body(body.to_string())
    }

    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        Reply::json(status, serde_json::json!({"error": {"code": code, "message": message}}))
            .header("request-id", "request-of-test")
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    pub fn chunked(mut self) -> Reply {
        self.chunked = true;
        self
    }

    pub fn after(mut self, delay: Duration) -> Reply {
        self.delay = delay;
        self
    }

    pub fn drip(mut self, wait: Duration) -> Reply {
        self.drip = wait;
        self
    }

    pub fn cut(mut self, bytes: usize) -> Reply {
        self.stop = Some((bytes, false));
        self
    }

    pub fn halt(mut self, bytes: usize) -> Reply {
        self.stop = Some((bytes, true));
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

#[derive(Default)]
struct State {
    queues: Vec<(String, VecDeque<Reply>)>,
    seen: Vec<Seen>,
    tokens: u32,
}

/// The server, on a port of its own.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server { url, state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    /// The same over TLS, with the certificate that it shows.
    pub async fn start_tls() -> (Server, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_string()]).unwrap();
        let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let server = Server { url, state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(serving.clone().serve(stream));
                }
            }
        });
        (server, made.cert.pem())
    }

    /// Puts a reply into the queue of the targets that begin with `target`.
    pub fn on(&self, target: &str, reply: Reply) -> &Server {
        let mut state = self.state.lock().unwrap();
        match state.queues.iter_mut().find(|(t, _)| t == target) {
            Some((_, queue)) => queue.push_back(reply),
            None => state.queues.push((target.into(), VecDeque::from([reply]))),
        }
        drop(state);
        self
    }

    /// The requests whose target begins with `target`.
    pub fn seen(&self, target: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|s| s.target.starts_with(target)).cloned().collect()
    }

    fn answer(&self, seen: Seen) -> Reply {
        let mut state = self.state.lock().unwrap();
        let target = seen.target.clone();
        state.seen.push(seen);
        let scripted = state.queues.iter_mut().find(|(t, q)| target.starts_with(t.as_str()) && !q.is_empty());
        if let Some((_, queue)) = scripted {
            return queue.pop_front().unwrap();
        }
        if target.ends_with("/oauth2/v2.0/token") {
            state.tokens += 1;
            let token = format!("{}{}", super::TOKEN, state.tokens);
            return Reply::json(200, serde_json::json!({"access_token": token, "expires_in": 3600}));
        }
        Reply::new(418).body(format!("no reply is scripted for {target}"))
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_string();
        let headers: HashMap<String, String> = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_string()))
            .collect();
        let mut body = vec![0; headers.get("content-length").map_or(0, |l| l.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        let reply = self.answer(Seen { target, headers, body: String::from_utf8(body).unwrap() });
        tokio::time::sleep(reply.delay).await;
        let mut out = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", reply.status);
        for (name, value) in &reply.headers {
            out += &format!("{name}: {value}\r\n");
        }
        let sent = &reply.body[..reply.stop.map_or(reply.body.len(), |(n, _)| n)];
        match (reply.status, reply.chunked) {
            (204 | 304, _) => out += "\r\n",
            (_, true) => out += &format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", sent.len()),
            (_, false) => out += &format!("Content-Length: {}\r\n\r\n", reply.body.len()),
        }
        let mut out = out.into_bytes();
        if reply.drip > Duration::ZERO {
            for byte in sent {
                out.push(*byte);
                if stream.write_all(&out).await.is_err() {
                    return;
                }
                out.clear();
                tokio::time::sleep(reply.drip).await;
            }
        } else {
            out.extend_from_slice(sent);
        }
        if reply.chunked {
            out.extend_from_slice(if reply.stop.is_some() { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        }
        let _ = stream.write_all(&out).await;
        let _ = stream.flush().await;
        if let Some((_, true)) = reply.stop {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let _ = stream.shutdown().await;
    }
}
