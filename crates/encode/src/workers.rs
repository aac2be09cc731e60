//! Threads that encode for callers who must not wait: an encoder that takes milliseconds would hold up a server's own
//! threads.
//!
//! A text is encoded alone; the threads share the work, not a run. What was asked for longer ago than its caller waits is
//! left undone, so that a backlog does not outlive its cause. Nothing is remembered.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::{EncodeError, Encoder, Text, TextBuf, Vector};

/// Texts that wait for a thread at most.
const QUEUE: usize = 256;

/// What is done with a vector.
type Reply = Box<dyn FnOnce(Result<Vector, EncodeError>) + Send>;

struct Job {
    text: TextBuf,
    until: Instant,
    reply: Reply,
}

/// Threads with an encoder. They end when this is dropped.
pub struct Workers {
    encoder: Arc<dyn Encoder>,
    queue: SyncSender<Job>,
}

/// So many texts wait already that another would be too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the encoder's queue is full; use the encoder in the program")]
pub struct Busy;

impl Workers {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(encoder: Arc<dyn Encoder>, threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let (encoder, jobs) = (Arc::clone(&encoder), Arc::clone(&jobs));
            let work = move || work(&*encoder, &jobs);
            std::thread::Builder::new().name(format!("encode-{number}")).spawn(work)?;
        }
        Ok(Self { encoder, queue })
    }

    /// Whose threads they are.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        &*self.encoder
    }

    /// Has a text encoded and the vector given to `reply`, on one of the threads. Where no thread comes to it before
    /// `until`, `reply` is dropped without a call. Never blocks.
    ///
    /// # Errors
    /// [`Busy`] where too many texts wait.
    pub fn encode(
        &self,
        text: &Text<'_>,
        until: Instant,
        reply: impl FnOnce(Result<Vector, EncodeError>) + Send + 'static,
    ) -> Result<(), Busy> {
        let job = Job { text: TextBuf::from(text), until, reply: Box::new(reply) };
        self.queue.try_send(job).map_err(|full| match full {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })
    }
}

fn work(encoder: &dyn Encoder, jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits for a text, the others for their turn.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if Instant::now() < job.until {
            (job.reply)(encoder.encode(&job.text.as_text()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::StaticTable;

    /// The table in the program, slowed down.
    struct Slow(Duration);

    impl Encoder for Slow {
        fn fingerprint(&self) -> &str {
            "slow:0"
        }

        fn dimensions(&self) -> usize {
            StaticTable::embedded().dimensions()
        }

        fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
            std::thread::sleep(self.0);
            StaticTable::embedded().encode(text)
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn each_text_gets_the_vector_it_gets_without_threads() {
        let workers = Workers::start(Arc::new(StaticTable::embedded()), 3).unwrap();
        let (send, receive) = channel();
        for number in 0..100 {
            let (turn, send) = (format!("what is {number} times {number}?"), send.clone());
            let text = Text::new(&turn, Some("be brief"));
            let expected = StaticTable::embedded().encode(&text).unwrap();
            workers.encode(&text, soon(), move |got| send.send(got.unwrap() == expected).unwrap()).unwrap();
        }
        drop(send);
        assert_eq!(receive.iter().filter(|same| *same).count(), 100);
    }

    #[test]
    fn what_is_too_late_is_left_undone() {
        let workers = Workers::start(Arc::new(Slow(Duration::from_millis(50))), 1).unwrap();
        let (send, receive) = channel();
        let text = Text::new("hello", None);
        let first = send.clone();
        workers.encode(&text, soon(), move |_| first.send("first").unwrap()).unwrap();
        let late = send.clone();
        workers
            .encode(&text, Instant::now() + Duration::from_millis(5), move |_| late.send("late").unwrap())
            .unwrap();
        workers.encode(&text, soon(), move |_| send.send("last").unwrap()).unwrap();
        assert_eq!(receive.iter().collect::<Vec<_>>(), ["first", "last"]);
    }

    #[test]
    fn a_full_queue_says_so_and_does_not_block() {
        let workers = Workers::start(Arc::new(Slow(Duration::from_secs(1))), 1).unwrap();
        let text = Text::new("hello", None);
        let until = Instant::now() + Duration::from_millis(10);
        let began = Instant::now();
        let refused = (0..QUEUE + 2).filter(|_| workers.encode(&text, until, |_| {}).is_err()).count();
        assert!((1..=2).contains(&refused), "{refused}");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
