//! A task that is followed for a client: what is learned of it is kept for the conversation's next turn, and what goes on
//! when the client has left is cancelled.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method as HttpMethod;
use pointsman_wire::a2a::{self, End, Method, TaskStream, Thread, rpc};

use super::{Line, Threads};
use crate::call::{Conversation, Deadlines, Forwarded};
use crate::exchange::Outgoing;

/// A task in translation. Dropped before its end, it is cancelled at the agent.
pub(crate) struct Following {
    stream: TaskStream,
    line: Arc<Line>,
    name: String,
    keeps: Option<(Arc<Threads>, Conversation)>,
    kept: bool,
}

/// So long is a cancellation tried; nobody waits for it.
const CANCELLED_WITHIN: Duration = Duration::from_secs(5);

impl Following {
    pub(super) fn new(
        stream: TaskStream,
        line: Arc<Line>,
        name: &str,
        keeps: Option<(Arc<Threads>, Conversation)>,
    ) -> Self {
        Self { stream, line, name: name.to_owned(), keeps, kept: false }
    }

    pub(crate) fn stream(&self) -> &TaskStream {
        &self.stream
    }

    /// Takes a block of events.
    pub(crate) fn observe(&mut self, block: Bytes) -> Bytes {
        let out = self.stream.observe(block);
        self.keep();
        out
    }

    /// Takes a whole answer.
    pub(super) fn observe_whole(&mut self, method: Method, body: &[u8]) -> Bytes {
        let out = self.stream.observe_whole(method, body);
        self.keep();
        out
    }

    /// Before the end is passed on: the client's next turn may come at once.
    fn keep(&mut self) {
        if self.kept || !self.stream.stopped() {
            return;
        }
        self.kept = true;
        let Some((threads, own)) = &self.keeps else { return };
        let (context, task, _) = self.stream.task();
        let waits = matches!(self.stream.task_end(), Some(End::Waits(_)));
        let thread = Thread {
            context: context.map(ToOwned::to_owned),
            task: task.filter(|_| waits).map(ToOwned::to_owned),
        };
        threads.keep(own, thread);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let Some(task) = self.stream.open_task() else { return };
        let (line, name) = (Arc::clone(&self.line), std::mem::take(&mut self.name));
        let body = a2a::about_task(Method::Cancel, line.terms.version, task, line.terms.tenant.as_deref());
        // Without a runtime the program is at its end, and its connections with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let deadlines = Deadlines {
                connect: CANCELLED_WITHIN,
                head: CANCELLED_WITHIN,
                idle: CANCELLED_WITHIN,
                total: Some(CANCELLED_WITHIN),
            };
            let outgoing = Outgoing {
                method: HttpMethod::POST,
                uri: &line.endpoint.paths.chat,
                body: body.into(),
                headers: &Forwarded::default(),
                deadlines,
                name: &name,
                read_error: rpc::error,
            };
            // An agent that is gone, or is done meanwhile, has nothing to cancel.
            if let Ok(mut incoming) = line.endpoint.exchange(outgoing).await {
                let _ = incoming.all(&name).await;
            }
        });
    }
}
