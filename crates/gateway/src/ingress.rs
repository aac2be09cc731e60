//! What every request goes through, whatever its path.
//!
//! Promises: every answer has an `x-request-id`, the client's own where it sent one; and an answer that comes before the
//! body was read is one the client gets. Most clients send all of a body before they read, and a connection that is
//! closed with unread bytes is reset under them: they would see a broken pipe and never the 413 or the 401. What is left
//! of a body is therefore read and thrown away beside the answer, up to 256 MiB and ten seconds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;

use crate::app::App;
use crate::headers;

/// The most that is read of a body nobody wants.
const DRAINED_BYTES: usize = 256 << 20;
/// The longest that it is read for.
const DRAINED_FOR: Duration = Duration::from_secs(10);
/// The longest request id that is taken from a client, in bytes.
const LONGEST_ID: usize = 128;

/// Gives a request its id and sees to the rest of its body.
pub async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let waits = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| match http_body::Body::is_end_stream(&body) {
        true => body,
        false => Body::new(Wanted { body: Some(body), waits }),
    });
    let mut response = next.run(request).await;
    let id = id
        .or_else(|| response.headers().get(headers::DECISION).cloned())
        .or_else(|| HeaderValue::from_str(&app.ids.request(app.clock.now())).ok());
    if let Some(id) = id {
        response.headers_mut().insert(headers::REQUEST_ID, id);
    }
    response
}

/// The client's own request id.
fn request_id(sent: &HeaderMap) -> Option<HeaderValue> {
    sent.get(headers::REQUEST_ID).filter(|id| (1..=LONGEST_ID).contains(&id.len())).cloned()
}

/// A request's body; dropped before its end, its rest is read and thrown away.
struct Wanted {
    body: Option<Body>,
    /// The client sends nothing before it is asked to (`Expect: 100-continue`), and it has not been.
    waits: bool,
}

impl http_body::Body for Wanted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.waits = false;
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !self.waits && !http_body::Body::is_end_stream(body));
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(drain(rest));
        }
    }
}

async fn drain(mut body: Body) {
    let to_its_end = async {
        let mut left = DRAINED_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = less;
        }
    };
    // Whatever is not read by then is lost together with the connection.
    let _ = tokio::time::timeout(DRAINED_FOR, to_its_end).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that never ends: a piece of a mebibyte after each wait.
    struct Endless(Duration, Option<Pin<Box<tokio::time::Sleep>>>);

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            let wait = self.0;
            let sleep = self.1.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
            ready!(Future::poll(sleep.as_mut(), cx));
            self.1 = None;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![0; 1 << 20])))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_of_an_unwanted_body_is_bounded_in_time_and_in_bytes() {
        let began = tokio::time::Instant::now();
        drain(Body::new(Endless(Duration::from_secs(3), None))).await;
        assert_eq!(began.elapsed(), DRAINED_FOR);
        let began = tokio::time::Instant::now();
        drain(Body::new(Endless(Duration::from_millis(1), None))).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[test]
    fn an_id_too_long_or_empty_is_not_taken_over() {
        let mut sent = HeaderMap::new();
        for (value, taken) in [("", false), ("a", true), (&*"x".repeat(129), false)] {
            sent.insert(headers::REQUEST_ID, value.parse().unwrap());
            assert_eq!(request_id(&sent).is_some(), taken, "{value}");
        }
    }
}
