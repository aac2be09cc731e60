use std::thread::sleep;

use pointsman_encode::{EncodeError, StaticTable};

use super::*;

/// The table in the program, as slow or as broken as a test needs it.
struct Stand {
    takes: Duration,
    works: bool,
}

impl Encoder for Stand {
    fn fingerprint(&self) -> &str {
        "stand:0"
    }

    fn dimensions(&self) -> usize {
        StaticTable::embedded().dimensions()
    }

    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
        sleep(self.takes);
        if !self.works {
            return Err(EncodeError::Unavailable {
                encoder: "stand".to_owned(),
                reason: "as asked".to_owned(),
            });
        }
        StaticTable::embedded().encode(text)
    }
}

fn slow(takes: u64, works: bool, budget: u64) -> SlowEncoder {
    let stand = Stand { takes: Duration::from_millis(takes), works };
    let standby = pointsman_learn::Artifact::embedded().clone();
    SlowEncoder {
        workers: Arc::new(Workers::start(Arc::new(stand), 1).unwrap()),
        budget: Duration::from_millis(budget),
        standby_estimator: standby.estimator(None).unwrap(),
        standby,
    }
}

#[tokio::test]
async fn a_vector_in_time_is_taken() {
    let text = Text::new("What is the capital of Portugal?", None);
    let vector = slow(5, true, 60_000).vector(&text).await.unwrap();
    assert_eq!(vector, StaticTable::embedded().encode(&text).unwrap());
}

#[tokio::test]
async fn whoever_is_late_or_fails_is_gone_without() {
    let text = Text::new("hello", None);
    let began = Instant::now();
    assert_eq!(slow(2_000, true, 20).vector(&text).await, Err(Missed::Late));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(slow(0, false, 60_000).vector(&text).await, Err(Missed::Failed));
}

#[tokio::test]
async fn a_backlog_does_not_hold_up_those_who_wait_behind_it() {
    let slow = slow(100, true, 150);
    let text = Text::new("hello", None);
    let answers = futures_util::future::join_all((0..400).map(|_| slow.vector(&text))).await;
    let count = |missed| answers.iter().filter(|answer| answer.as_ref().err() == Some(&missed)).count();
    assert!(answers.iter().any(Result::is_ok));
    assert!(
        count(Missed::Busy) > 100 && count(Missed::Late) > 100,
        "{} {}",
        count(Missed::Busy),
        count(Missed::Late)
    );
    // Once they are gone, the next one is served: what came too late was left undone.
    assert!(slow.vector(&text).await.is_ok() || slow.vector(&text).await.is_ok());
}
