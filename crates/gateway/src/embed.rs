//! From a prompt to its vector within the time there is for it.
//!
//! The table in the program answers on the spot. A slower encoder, which the artifact in force was trained with, works on
//! threads of its own, and a request waits for it no longer than the budget: then the table answers, and the estimators
//! that were trained with it predict. The decision's versions say who did.
//!
//! A route may ask for more than one reading of the prompt; all of them are read by the same encoder, or all by the table.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_encode::readings::{normalised, readings};
use pointsman_encode::{Encoder, Text, Vector, Workers};
use pointsman_kernel::prompt::Prompt;
use pointsman_kernel::{Estimator, Signals, Versions};
use pointsman_learn::Artifact;

use crate::app::App;
use crate::prompt::signals_as;
use crate::snapshot::Snapshot;

/// An encoder that takes milliseconds, and who stands in for it.
#[derive(Clone)]
pub struct SlowEncoder {
    /// Its threads.
    pub workers: Arc<Workers>,
    /// How long a request waits for it.
    pub budget: Duration,
    /// Trained with the table in the program.
    pub standby: Artifact,
    /// The standby's own choice of estimator.
    pub standby_estimator: Arc<dyn Estimator>,
}

/// Why the table answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The time was up.
    Late,
    /// Too many texts were waiting.
    Busy,
    /// The encoder failed.
    Failed,
}

/// A prompt's signals, and who predicts from them.
pub struct Embedded<'a> {
    /// With vector and features.
    pub signals: Signals,
    /// The same of other readings, where the route asks for them.
    pub others: Vec<Signals>,
    /// Who predicts.
    pub estimator: &'a dyn Estimator,
    /// What was in force, the encoder and artifact that answered among it.
    pub versions: Versions,
}

impl<'a> Embedded<'a> {
    /// Nothing was embedded: the request names its target.
    #[must_use]
    pub fn without(snapshot: &'a Snapshot, signals: Signals) -> Self {
        Self {
            signals,
            others: Vec::new(),
            estimator: snapshot.estimator.as_ref(),
            versions: snapshot.versions.clone(),
        }
    }
}

/// Reads a prompt with the encoder in force, or with the table where that one takes too long; more than once where
/// `strip_words` says how many words the second reading leaves out.
pub async fn embed<'a>(
    app: &App,
    snapshot: &'a Snapshot,
    prompt: &Prompt<'_>,
    strip_words: Option<usize>,
) -> Embedded<'a> {
    let whole = strip_words.map_or(Cow::Borrowed(&*prompt.last_user), |_| normalised(&prompt.last_user));
    let turns: Vec<&str> = strip_words.into_iter().flat_map(|words| readings(&whole, words)).collect();
    let mut embedded = Embedded::without(snapshot, signals_as(prompt, &whole, app.encoder));
    embedded.others = turns.iter().map(|turn| signals_as(prompt, turn, app.encoder)).collect();
    let Some(slow) = &snapshot.slow_encoder else { return embedded };
    let all = std::iter::once(&*whole).chain(turns.iter().copied());
    let texts: Vec<Text<'_>> = all.map(|turn| Text::new(turn, prompt.system.as_deref())).collect();
    match futures_util::future::try_join_all(texts.iter().map(|text| slow.vector(text))).await {
        Ok(vectors) => {
            let signals = std::iter::once(&mut embedded.signals).chain(&mut embedded.others);
            for (signals, vector) in signals.zip(vectors) {
                signals.vector = vector.into_inner().into_vec();
            }
        }
        Err(missed) => {
            app.telemetry.encoder_missed(missed);
            embedded.estimator = slow.standby_estimator.as_ref();
            embedded.versions.artifact = slow.standby.hash().into();
            embedded.versions.encoder = app.encoder.fingerprint().into();
        }
    }
    embedded
}

impl SlowEncoder {
    /// The vector, unless there is a reason to go without.
    async fn vector(&self, text: &Text<'_>) -> Result<Vector, Missed> {
        let until = Instant::now() + self.budget;
        let (send, receive) = tokio::sync::oneshot::channel();
        let reply = move |vector| {
            // Whoever asked may have gone on.
            let _ = send.send(vector);
        };
        self.workers.encode(text, until, reply).map_err(|_| Missed::Busy)?;
        match tokio::time::timeout_at(until.into(), receive).await {
            Ok(Ok(Ok(vector))) => Ok(vector),
            Ok(Ok(Err(fault))) => {
                tracing::warn!(%fault, "the encoder failed; the table in the program answers");
                Err(Missed::Failed)
            }
            // Left undone because it was too late, or not done in time.
            Ok(Err(_)) | Err(_) => Err(Missed::Late),
        }
    }
}

impl Missed {
    /// As metrics label it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests;
