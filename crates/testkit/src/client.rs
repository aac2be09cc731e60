//! A client that sends one request on one connection and reads what comes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::{Head, read_body, read_head};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, without HTTP chunks.
    pub body: Bytes,
    /// Whether the body came to its end.
    pub complete: bool,
}

/// Nothing a test waits for takes longer.
const AT_MOST: Duration = Duration::from_secs(20);

impl Answer {
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

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Gets a URL.
pub async fn get(url: &str) -> Answer {
    request("GET", url, &[], b"").await
}

/// Posts JSON to a URL.
pub async fn post(url: &str, body: impl AsRef<[u8]>) -> Answer {
    request("POST", url, &[], body.as_ref()).await
}

/// Sends a request.
///
/// # Panics
/// If there is no HTTP response within 20 seconds.
pub async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let exchange = async {
        let (mut socket, mut buffer, head) = send(method, url, headers, body).await;
        let mut body = BytesMut::new();
        let complete = read_body(&mut socket, &mut buffer, &head, true, &mut body).await.is_ok();
        let status = head.first.0.parse().unwrap();
        Answer { status, headers: head.headers, body: body.freeze(), complete }
    };
    tokio::time::timeout(AT_MOST, exchange).await.expect("no answer in time")
}

/// Posts JSON, reads at least `bytes` of the answer's body, HTTP chunks and all, and closes the connection.
///
/// # Panics
/// If they do not come within 20 seconds.
pub async fn post_partly(url: &str, body: impl AsRef<[u8]>, bytes: usize) -> Bytes {
    let exchange = async {
        let (mut socket, mut buffer, _) = send("POST", url, &[], body.as_ref()).await;
        while buffer.len() < bytes && socket.read_buf(&mut buffer).await.unwrap() > 0 {}
        buffer.freeze()
    };
    tokio::time::timeout(AT_MOST, exchange).await.expect("no answer in time")
}

async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> (TcpStream, BytesMut, Head) {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let mut out = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        out.push_str("content-type: application/json\r\n");
    }
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut socket = TcpStream::connect(authority).await.expect("a connection");
    socket.set_nodelay(true).unwrap();
    socket.write_all(&[out.as_bytes(), body].concat()).await.unwrap();
    let mut buffer = BytesMut::new();
    let head = read_head(&mut socket, &mut buffer, false).await.expect("HTTP").expect("a response");
    (socket, buffer, head)
}
