//! A system that receives webhooks: a real HTTP server on loopback that answers as it is told to, and well otherwise.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use test_support::certificates::TlsAcceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::until;

/// How a request is answered.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// With this status, and these lines of headers.
    Status(u16, Vec<String>),
    /// Not at all, for as long as the other side waits.
    Hang,
    /// With a header that never ends, one byte after the other.
    Drip,
    /// With 200, and a body that never ends.
    DripBody,
}

impl Reply {
    pub(super) const fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }
}

/// What came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).expect("the header is there").to_str().unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    script: VecDeque<Reply>,
    otherwise: Option<Reply>,
    connections: usize,
}

/// A server that is gone with the test.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

impl Receiver {
    /// One that answers 200.
    pub(super) async fn start() -> Self {
        Self::listening(None).await
    }

    /// One that answers 200, over TLS.
    pub(super) async fn secure(acceptor: TlsAcceptor) -> Self {
        Self::listening(Some(acceptor)).await
    }

    async fn listening(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let for_connections = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                for_connections.lock().unwrap().connections += 1;
                let (tls, state) = (tls.clone(), Arc::clone(&for_connections));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, state).await,
                        Some(tls) => {
                            // Who does not trust us goes away in the middle.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, state).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            state,
            accepting,
        }
    }

    /// One that answers everything with `reply`.
    pub(super) async fn always(reply: Reply) -> Self {
        let receiver = Self::start().await;
        receiver.state.lock().unwrap().otherwise = Some(reply);
        receiver
    }

    /// One that answers so, one after the other, and then with 200.
    pub(super) async fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let receiver = Self::start().await;
        receiver.state.lock().unwrap().script.extend(replies);
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks?token=1", self.address)
    }

    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// The kinds of what came, in alphabetical order.
    pub(super) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.received().iter().map(Received::kind).collect();
        kinds.sort();
        kinds
    }

    /// Waits until so many requests have come, and gives them.
    pub(super) async fn wait_for(&self, requests: usize) -> Vec<Received> {
        until("webhooks arrive", async || self.received().len() >= requests).await;
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let Some(received) = read(&mut stream).await else {
        return;
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.received.push(received);
        let next = state.script.pop_front();
        next.or_else(|| state.otherwise.clone()).unwrap_or(Reply::status(200))
    };
    match reply {
        Reply::Status(status, headers) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let body = format!("answered {status}");
            let answer = format!(
                "HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
            let _gone = stream.shutdown().await;
        }
        Reply::Hang => {
            // Until the other side hangs up.
            let _ended = stream.read(&mut [0; 1]).await;
        }
        Reply::Drip => drip(&mut stream, "HTTP/1.1 200 Said\r\nX-Slow: ").await,
        Reply::DripBody => drip(&mut stream, "HTTP/1.1 200 Said\r\nContent-Length: 100000\r\n\r\n").await,
    }
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin), beginning: &str) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut result = stream.write_all(beginning.as_bytes()).await;
    while result.is_ok() {
        ticks.tick().await;
        result = stream.write_all(b"x").await;
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let headers: HeaderMap = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value.trim()).unwrap())
        })
        .collect();
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received { headers, body })
}
