//! One connection, driven by whoever uses it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::whole;
use super::io::Io;
use super::{ConnectError, Host};

/// A connection: its two halves as hyper hands them out, kept in one place and polled by one task.
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Io>, Full<Bytes>>,
    closed: bool,
}

/// Why no head of a response came.
#[derive(Debug)]
pub(crate) struct SendError {
    /// What happened.
    pub(crate) reason: String,
    /// The request, if not a byte of it went out: then nothing is lost by sending it elsewhere.
    pub(crate) unsent: Option<Request<Full<Bytes>>>,
    /// Whether what came back is not HTTP.
    pub(crate) malformed: bool,
}

/// A response's body. When it has been read to its end, the connection goes back to rest; when it is dropped before,
/// the connection is closed.
pub(crate) struct Body {
    body: Incoming,
    link: Option<Box<Link>>,
    host: Arc<Host>,
}

impl Link {
    pub(super) async fn start(io: Io) -> Result<Box<Self>, ConnectError> {
        let built = http1::handshake(TokioIo::new(io)).await;
        let (sender, connection) = built.map_err(|error| ConnectError(whole(&error)))?;
        Ok(Box::new(Self { sender, connection, closed: false }))
    }

    /// Whether the connection, at rest, can still be used. Costs no system call while nothing has arrived.
    pub(crate) fn is_open(&mut self) -> bool {
        // Whoever waits for this connection next will poll it with a waker of its own.
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.closed && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its response.
    pub(crate) async fn send(
        mut self: Box<Self>,
        request: Request<Full<Bytes>>,
        host: &Arc<Host>,
    ) -> Result<Response<Body>, SendError> {
        let head = {
            let mut head = pin!(self.sender.try_send_request(request));
            let (connection, closed) = (&mut self.connection, &mut self.closed);
            std::future::poll_fn(move |cx| {
                if !*closed {
                    *closed = Pin::new(&mut *connection).poll(cx).is_ready();
                }
                head.as_mut().poll(cx)
            })
            .await
        };
        match head {
            Ok(response) => Ok(response.map(|body| Body { body, link: Some(self), host: host.clone() })),
            Err(mut error) => {
                let unsent = error.take_message();
                let error = error.into_error();
                let malformed = error.is_parse();
                Err(SendError { reason: whole(&error), unsent, malformed })
            }
        }
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.closed {
            self.closed = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }
}

impl Body {
    /// The next piece, as it came off the wire; `None` at the end.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, String>>> {
        // What hyper has read already comes first; then the connection is driven, which may bring more.
        let mut driven = false;
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    _ => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    self.link = None;
                    return Poll::Ready(Some(Err(whole(&error))));
                }
                Poll::Ready(None) => {
                    self.release();
                    return Poll::Ready(None);
                }
                Poll::Pending if driven => return Poll::Pending,
                Poll::Pending => {
                    if let Some(link) = &mut self.link {
                        link.drive(cx);
                    }
                    driven = true;
                }
            }
        }
    }

    fn release(&mut self) {
        if let Some(mut link) = self.link.take()
            && link.is_open()
        {
            self.host.rest(link);
        }
    }
}
