//! The listener: accepts connections, hands requests to the router, and on shutdown lets what runs come to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before accepting again when the process has run out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why nothing could be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("{0} is in use by another program: stop that one, or choose another address with --listen")]
    InUse(SocketAddr),
    /// The system said no.
    #[error("cannot listen on {0}: {1}: choose another address with --listen")]
    Refused(SocketAddr, io::Error),
}

/// Listens on an address.
///
/// # Errors
/// The port is in use, or the address cannot be had.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|fault| match fault.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse(address),
        _ => ListenError::Refused(address, fault),
    })
}

/// Serves until `shutdown` is ready; then accepts nothing new and waits for running requests, at most for `grace`.
/// Returns whether all of them came to their end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) -> bool {
    let running = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _)) => accept(&http, &running, stream, &router),
            // A connection that was gone before it was accepted, or no descriptor left: neither ends the server.
            Err(fault) => {
                tracing::warn!(%fault, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tokio::time::timeout(grace, running.shutdown()).await.is_ok()
}

fn accept(http: &http1::Builder, running: &GracefulShutdown, stream: TcpStream, router: &Router) {
    // Without it, a stream's first small event waits for the acknowledgement of the head.
    if let Err(fault) = stream.set_nodelay(true) {
        tracing::debug!(%fault, "TCP_NODELAY could not be set");
    }
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
    let connection = running.watch(connection);
    tokio::spawn(async move {
        // A client that hangs up in the middle of a request is its own business; its ticket settles the rest.
        if let Err(fault) = connection.await {
            tracing::debug!(%fault, "a connection ended early");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_said_plainly() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let fault = bind(first.local_addr().unwrap()).await.unwrap_err();
        assert!(matches!(fault, ListenError::InUse(_)));
        assert!(fault.to_string().contains("in use") && fault.to_string().contains("--listen"));
    }
}
