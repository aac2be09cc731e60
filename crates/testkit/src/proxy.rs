//! A proxy on loopback: tunnels by `CONNECT`, and requests that name the whole URL.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::read_head;

/// A proxy. It remembers what it was asked for.
pub struct Proxy {
    address: SocketAddr,
    asked: Log,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let listener = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(pass(socket, log.clone()));
            }
        });
        Self { address, asked, listener }
    }

    /// Its URL, with credentials `user:secret`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://user:secret@{}", self.address)
    }

    /// What it was asked for, as `CONNECT host:port` or `POST URL`, each with its `proxy-authorization`.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, Option<String>)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

type Log = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Serves one connection: a tunnel, or the first request and whatever follows it to the same host.
async fn pass(mut client: TcpStream, log: Log) {
    let mut buffer = BytesMut::new();
    let Ok(Some(head)) = read_head(&mut client, &mut buffer, true).await else { return };
    let (method, target) = head.first.clone();
    let credentials = head.header("proxy-authorization").map(ToOwned::to_owned);
    log.lock().unwrap().push((format!("{method} {target}"), credentials));
    let authority = target.strip_prefix("http://").unwrap_or(&target);
    let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
    let Ok(mut server) = TcpStream::connect(authority).await else { return };
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
    } else {
        let rest = &head.raw[head.raw.iter().position(|byte| *byte == b'\r').unwrap()..];
        let start = format!("{method} {path} HTTP/1.1");
        server.write_all(&[start.as_bytes(), rest, &buffer].concat()).await.unwrap();
    }
    // Either side may break off: that is what some tests are for.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
