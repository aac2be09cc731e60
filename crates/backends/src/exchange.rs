//! One HTTP exchange with an upstream, held to its deadlines and judged: a request out, a good head back, then its
//! body as a whole or piece by piece.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use pointsman_kernel::{ErrorKind, Phase, Retry};
use pointsman_wire::ApiError;
use secrecy::{ExposeSecret, SecretString};

use crate::call::{Deadlines, Forwarded};
use crate::endpoint::Endpoint;
use crate::failure::{Failure, scrub};
use crate::pool::{Body, Link, SendError};
use crate::watch::Watch;

/// Reads an error body in an upstream's dialect.
pub(crate) type ReadError = fn(&[u8]) -> Option<ApiError>;

/// What is sent.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) uri: &'a Uri,
    pub(crate) body: Bytes,
    pub(crate) headers: &'a Forwarded,
    pub(crate) deadlines: Deadlines,
    /// Who is asked, for messages.
    pub(crate) name: &'a str,
    pub(crate) read_error: ReadError,
}

/// A response with a status of success, its body to come.
pub(crate) struct Incoming {
    pub(crate) headers: HeaderMap,
    pub(crate) head_us: u64,
    body: Body,
    watch: Watch,
    /// Something came since the watch was last set.
    stirred: bool,
    idle: Duration,
    read_error: ReadError,
    key: Option<Arc<SecretString>>,
}

/// A whole answer beyond this is refused.
const ANSWER_AT_MOST: usize = 32 << 20;
/// As much of an error's body is read.
const ERROR_AT_MOST: usize = 64 << 10;
/// So long is an error's body waited for; its status alone says most.
const ERROR_WAIT: Duration = Duration::from_secs(2);

impl Endpoint {
    /// Sends a request and waits for the head of a good response. One on a rested connection that turned out to be
    /// closed before a byte went out is sent again at once.
    pub(crate) async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Incoming, Failure> {
        let started = Instant::now();
        let Outgoing { deadlines, name, read_error, .. } = outgoing;
        let mut request = self.request(&outgoing);
        let mut watch = Watch::new(deadlines.head, deadlines.total);
        let response = loop {
            let (link, rested) = match self.host.rested() {
                Some(link) => (link, true),
                None => {
                    let link = self.connect(name, deadlines.connect, &mut watch).await?;
                    // Waiting for the answer begins when the request can go out.
                    watch.allow(deadlines.head);
                    (link, false)
                }
            };
            match watch.race(link.send(request, &self.host)).await {
                Ok(Ok(response)) => break response,
                Ok(Err(SendError { unsent: Some(again), .. })) if rested => request = again,
                Ok(Err(error)) => return Err(no_head(name, error, rested)),
                Err(_) => {
                    return Err(Failure::timeout(name, Phase::BeforeByte, "did not begin an answer in time"));
                }
            }
        };
        let head_us = micros(started.elapsed());
        let (head, body) = response.into_parts();
        watch.allow(deadlines.idle);
        let mut incoming = Incoming {
            headers: head.headers,
            head_us,
            body,
            watch,
            stirred: false,
            idle: deadlines.idle,
            read_error,
            key: self.key.clone(),
        };
        if !head.status.is_success() {
            let text = incoming.error_text(Bytes::new()).await;
            let said = read_error(&text).map(|said| incoming.scrubbed(said));
            return Err(Failure::status(name, head.status, &incoming.headers, said));
        }
        if incoming.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let what = "compressed an answer though nobody offered to read that";
            return Err(Failure::protocol(name, Phase::BeforeByte, what));
        }
        Ok(incoming)
    }

    fn request(&self, outgoing: &Outgoing<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outgoing.body.clone()));
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = outgoing.uri.clone();
        let mut headers = self.headers.clone();
        for (name, value) in outgoing.headers.iter() {
            headers.insert(name.clone(), value.clone());
        }
        *request.headers_mut() = headers;
        request
    }

    async fn connect(&self, name: &str, wait: Duration, watch: &mut Watch) -> Result<Box<Link>, Failure> {
        let connecting = tokio::time::timeout(wait, self.host.connect());
        match watch.race(connecting).await {
            Ok(Ok(Ok(link))) => Ok(link),
            Ok(Ok(Err(error))) => Err(Failure::connect(name, &error.0)),
            Ok(Err(_)) | Err(_) => {
                let mut failure = Failure::connect(name, "no connection in time");
                failure.error.kind = ErrorKind::Timeout;
                Err(failure)
            }
        }
    }
}

impl Incoming {
    /// The content type, without parameters, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The content type as sent, or `otherwise`.
    pub(crate) fn content_type(&self, otherwise: &'static str) -> HeaderValue {
        self.headers.get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(otherwise))
    }

    /// Waits no longer than this for each further piece.
    pub(crate) fn hurry(&mut self, idle: Duration) {
        self.idle = self.idle.min(idle);
    }

    /// The whole body.
    pub(crate) async fn all(&mut self, name: &str) -> Result<Bytes, Failure> {
        self.at_most(ANSWER_AT_MOST, name).await
    }

    /// The whole body, of no more than so many bytes.
    pub(crate) async fn at_most(&mut self, most: usize, name: &str) -> Result<Bytes, Failure> {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let mut whole = Joined::with_room_for(length.unwrap_or(0).min(most));
        while let Some(piece) = std::future::poll_fn(|cx| self.poll_piece(cx, name, Phase::BeforeByte)).await
        {
            whole.push(piece?);
            if whole.len() > most {
                let what = format!("sent an answer of more than {} MiB", most >> 20);
                return Err(Failure::protocol(name, Phase::BeforeByte, &what));
            }
        }
        Ok(whole.take())
    }

    /// The next piece of the body.
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        name: &str,
        phase: Phase,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        match self.body.poll_piece(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.stirred = true;
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Some(Err(reason))) => {
                let what = format!("broke the connection in the middle of an answer: {reason}");
                Poll::Ready(Some(Err(Failure::cut(name, phase, &what))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                if std::mem::take(&mut self.stirred) {
                    self.watch.allow(self.idle);
                }
                let stopped =
                    |_| Some(Err(Failure::timeout(name, phase, "stopped in the middle of an answer")));
                self.watch.poll_over(cx).map(stopped)
            }
        }
    }

    /// The failure of an answer with a status of success that is no answer: the error it tells, or else that it is
    /// not what was asked for. `start` has been read already.
    pub(crate) async fn explained(mut self, name: &str, start: Bytes) -> Failure {
        let kind = self.media_type();
        let text = self.error_text(start).await;
        if let Some(said) = (self.read_error)(&text) {
            return Failure::told(name, self.scrubbed(said), Phase::BeforeByte);
        }
        let kind = if kind.is_empty() { "something" } else { &kind };
        Failure::protocol(
            name,
            Phase::BeforeByte,
            &format!("answered with {kind} where a stream was asked for"),
        )
    }

    /// What an upstream said, without the key it was sent.
    pub(crate) fn scrubbed(&self, said: ApiError) -> ApiError {
        scrub(said, self.key.as_ref().map(|key| key.expose_secret()))
    }

    /// What there is of an error's body, within bounds of size and time.
    async fn error_text(&mut self, start: Bytes) -> Bytes {
        let mut text = Joined::default();
        text.push(start);
        let reading = async {
            while text.len() < ERROR_AT_MOST {
                let piece = std::future::poll_fn(|cx| self.poll_piece(cx, "", Phase::BeforeByte)).await;
                let Some(Ok(piece)) = piece else { return };
                text.push(piece);
            }
        };
        // What came in time is all there is; a late end says no more.
        let _ = tokio::time::timeout(ERROR_WAIT, reading).await;
        text.take()
    }
}

/// Pieces put together, without a copy while there is only one.
#[derive(Default)]
pub(crate) struct Joined {
    one: Bytes,
    many: BytesMut,
    room: usize,
}

impl Joined {
    pub(crate) fn with_room_for(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.one = piece;
            return;
        }
        if !self.one.is_empty() {
            self.many.reserve(self.room.max((self.one.len() + piece.len()).next_power_of_two()));
            self.many.extend_from_slice(&std::mem::take(&mut self.one));
        }
        self.many.extend_from_slice(&piece);
    }

    pub(crate) fn len(&self) -> usize {
        self.one.len() + self.many.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn take(&mut self) -> Bytes {
        if self.many.is_empty() { std::mem::take(&mut self.one) } else { self.many.split().freeze() }
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn no_head(name: &str, error: SendError, rested: bool) -> Failure {
    if error.malformed {
        return Failure::protocol(name, Phase::BeforeByte, "answered in something else than HTTP");
    }
    let what = format!("closed the connection without an answer: {}", error.reason);
    let mut failure = Failure::cut(name, Phase::BeforeByte, &what);
    if error.unsent.is_some() {
        failure.error.phase = Phase::BeforeSend;
        failure.error.kind = ErrorKind::Connect;
    }
    if rested {
        // It had rested, and the upstream closed it as the request went out: a new one is likely to do.
        failure.error.retry = Retry::Same { after_ms: 0 };
    }
    failure
}
