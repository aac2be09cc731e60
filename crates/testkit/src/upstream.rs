//! A provider on loopback that does as its script says and remembers what it was sent.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::act::{Act, Kind, Script, Then, events, whole};
use crate::http::{Head, read_body, read_head};
use crate::tls::Authority;

/// A provider. Dropping it closes its listener and all its connections.
pub struct Upstream {
    address: SocketAddr,
    secure: bool,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST` and such.
    pub method: String,
    /// Path and query, or whatever the request named.
    pub path: String,
    /// Headers in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    calls: AtomicUsize,
    accepted: AtomicUsize,
    open: AtomicUsize,
    hangups: AtomicUsize,
}

/// A URL on which nobody listens.
///
/// # Panics
/// If loopback cannot be used.
#[must_use]
pub fn refused_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

impl Received {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Upstream {
    /// A provider on a free port.
    pub async fn start(script: impl Into<Script>) -> Self {
        Self::listen("127.0.0.1:0", script.into(), None).await
    }

    /// The same at a URL that [`refused_url`] gave: a provider that comes up late.
    ///
    /// # Panics
    /// If somebody else has taken its port meanwhile.
    pub async fn start_at(url: &str, script: impl Into<Script>) -> Self {
        let address = url.trim_start_matches("http://").split('/').next().unwrap();
        Self::listen(address, script.into(), None).await
    }

    /// The same behind TLS, with a certificate for `localhost` signed by `authority`.
    pub async fn start_tls(script: impl Into<Script>, authority: &Authority) -> Self {
        Self::listen("127.0.0.1:0", script.into(), Some(authority.acceptor())).await
    }

    /// The base URL for OpenAI's clients.
    #[must_use]
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// The base URL for Anthropic's clients.
    #[must_use]
    pub fn url(&self) -> String {
        if self.secure {
            format!("https://localhost:{}", self.address.port())
        } else {
            format!("http://{}", self.address)
        }
    }

    /// Goes on with another script, from its first act.
    pub fn follow(&self, script: impl Into<Script>) {
        *self.shared.script.lock().unwrap() = script.into();
        self.shared.calls.store(0, Ordering::SeqCst);
    }

    /// How many calls came since the script was given; lists of models do not count.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// All requests, lists of models included.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The last request.
    ///
    /// # Panics
    /// If there was none.
    #[must_use]
    pub fn last(&self) -> Received {
        self.received().pop().expect("no request came")
    }

    /// How many connections were ever opened.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many callers left before their answer was complete.
    #[must_use]
    pub fn hangups(&self) -> usize {
        self.shared.hangups.load(Ordering::SeqCst)
    }

    /// Waits, two seconds at most, until so many callers have left.
    pub async fn hung_up(&self, times: usize) -> bool {
        for _ in 0..400 {
            if self.hangups() >= times {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    async fn listen(address: &str, script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            received: Mutex::default(),
            calls: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            hangups: AtomicUsize::new(0),
        });
        let (secure, to_serve) = (tls.is_some(), shared.clone());
        let listener = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                let (tls, shared) = (tls.clone(), to_serve.clone());
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(async move {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    let _open = Open(&shared.open);
                    match tls {
                        None => serve(socket, &shared).await,
                        // A caller that does not trust the certificate leaves here.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, &shared).await;
                            }
                        }
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, secure, shared, listener }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why a connection is not used for another request.
enum Stop {
    ByScript,
    CallerLeft,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::CallerLeft
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut io: S, shared: &Shared) {
    let mut buffer = BytesMut::new();
    while let Ok(Some(head)) = read_head(&mut io, &mut buffer, true).await {
        let mut body = BytesMut::new();
        if read_body(&mut io, &mut buffer, &head, false, &mut body).await.is_err() {
            return;
        }
        match answer(&mut io, shared, &head, body.freeze()).await {
            Ok(()) => {}
            Err(Stop::ByScript) => {
                let _ = io.shutdown().await;
                return;
            }
            Err(Stop::CallerLeft) => {
                shared.hangups.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut S,
    shared: &Shared,
    head: &Head,
    body: Bytes,
) -> Result<(), Stop> {
    let (method, path) = head.first.clone();
    let request = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let received = Received { method, path: path.clone(), headers: head.headers.clone(), body };
    let list = received.method == "GET";
    shared.received.lock().unwrap().push(received);
    if list {
        let listed = models(&shared.script.lock().unwrap().models, &path);
        return reply(io, &Act::body(200, "application/json", listed), &path, &request).await;
    }
    let call = shared.calls.fetch_add(1, Ordering::SeqCst);
    let act = {
        let script = shared.script.lock().unwrap();
        script.acts[call.min(script.acts.len() - 1)].clone()
    };
    reply(io, &act, &path, &request).await
}

async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut S,
    act: &Act,
    path: &str,
    request: &Value,
) -> Result<(), Stop> {
    wait(io, act.head_after).await?;
    let anthropic = path.contains("/messages");
    match &act.kind {
        Kind::Hang => wait(io, Duration::from_secs(3600)).await,
        Kind::Close => Err(Stop::ByScript),
        Kind::Garbage(bytes) => {
            io.write_all(bytes).await?;
            Err(Stop::ByScript)
        }
        Kind::Body { status, content_type, body } => {
            send_whole(io, act, *status, content_type, body, true).await
        }
        Kind::Chunks { content_type, chunks, whole } => {
            send_chunks(io, act, content_type, chunks, *whole).await
        }
        Kind::Words { .. } if request["stream"] == true => {
            let (events, closed) = events(&act.kind, anthropic, request);
            send_chunks(io, act, "text/event-stream", &events, closed).await
        }
        Kind::Words { .. } => {
            let (body, complete) = whole(&act.kind, anthropic, request);
            send_whole(io, act, 200, "application/json", &body, complete).await
        }
    }
}

async fn send_whole<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut S,
    act: &Act,
    status: u16,
    content_type: &str,
    body: &Bytes,
    complete: bool,
) -> Result<(), Stop> {
    let mut out = start(act, status, content_type);
    out.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    out.extend_from_slice(if complete { body } else { &body[..body.len() / 2] });
    io.write_all(&out).await?;
    io.flush().await?;
    if complete { behind(io, act).await } else { Err(Stop::ByScript) }
}

async fn send_chunks<S: AsyncRead + AsyncWrite + Unpin>(
    io: &mut S,
    act: &Act,
    content_type: &str,
    chunks: &[Bytes],
    whole: bool,
) -> Result<(), Stop> {
    let mut out = start(act, 200, content_type);
    out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 && !act.pace.is_zero() {
            io.write_all(&std::mem::take(&mut out)).await?;
            io.flush().await?;
            wait(io, act.pace).await?;
        }
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    if whole && act.then != Then::Hang {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    io.write_all(&out).await?;
    io.flush().await?;
    if whole { behind(io, act).await } else { Err(Stop::ByScript) }
}

/// What is done behind a complete answer.
async fn behind<S: AsyncRead + Unpin>(io: &mut S, act: &Act) -> Result<(), Stop> {
    match act.then {
        Then::Rest => Ok(()),
        Then::Hang => wait(io, Duration::from_secs(3600)).await,
        Then::Close => {
            wait(io, Duration::from_millis(10)).await?;
            Err(Stop::ByScript)
        }
    }
}

fn start(act: &Act, status: u16, content_type: &str) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n");
    for (name, value) in &act.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.into_bytes()
}

/// Waits, unless the caller leaves. Callers that send more while they wait are not expected.
async fn wait<S: AsyncRead + Unpin>(io: &mut S, time: Duration) -> Result<(), Stop> {
    if time.is_zero() {
        return Ok(());
    }
    let mut byte = [0];
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        read = io.read(&mut byte) => {
            assert!(!matches!(read, Ok(1..)), "the caller sent a second request before the first was answered");
            Err(Stop::CallerLeft)
        }
    }
}

/// A list of models: OpenAI's in one page, Anthropic's in pages of two.
fn models(models: &[String], path: &str) -> String {
    if !path.contains("limit=") {
        let data: Vec<_> =
            models.iter().map(|id| json!({"id": id, "object": "model", "owned_by": "t"})).collect();
        return json!({"object": "list", "data": data}).to_string();
    }
    let after = path.split("after_id=").nth(1).unwrap_or_default();
    let from = models.iter().position(|id| id == after).map_or(0, |index| index + 1);
    let page: Vec<_> = models.iter().skip(from).take(2).collect();
    let data: Vec<_> = page.iter().map(|id| json!({"id": id, "type": "model"})).collect();
    let more = from + page.len() < models.len();
    json!({"data": data, "has_more": more, "last_id": page.last()}).to_string()
}
