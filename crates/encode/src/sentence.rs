//! A sentence encoder over a language model: tokens, forward pass, mean of the last hidden states, norm 1.
//!
//! At most 256 tokens are read, as the model was made for: of a longer text the first 127 and the last 127 between
//! `[CLS]` and `[SEP]`, since a long prompt states its task in front or at the end. There is no padding: a short text
//! costs what it is long, and the mean is over real tokens, the two marks among them as in training.

use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};

use crate::runtime::{self, Runtime, RuntimeChoice, RuntimeError};
use crate::{EncodeError, Encoder, Features, HEAD_BYTES, TAIL_BYTES, Text, Vector, WordPiece, ends};

/// Tokens read from each end of a text that does not fit.
const END_TOKENS: usize = 127;
/// Tokens read at most, the marks at both ends included.
pub const MAX_TOKENS: usize = 2 * END_TOKENS + 2;

/// A language model as an encoder.
pub struct SentenceEncoder {
    name: String,
    fingerprint: String,
    dimensions: usize,
    runtime: Box<dyn Runtime>,
}

impl SentenceEncoder {
    /// An encoder of this name over an ONNX file as [`crate::convert`] writes it.
    ///
    /// # Errors
    /// The run time cannot be had, or the file is no such model.
    pub fn new(name: &str, model: Vec<u8>, choice: &RuntimeChoice) -> Result<Self, RuntimeError> {
        let fingerprint = fingerprint(name, &model);
        let runtime = runtime::start(model, choice)?;
        let fault = |reason| RuntimeError::Model { runtime: runtime.name().to_owned(), reason };
        // One run tells the width, and that the model runs at all.
        let states = runtime.hidden(&[WordPiece::CLS, WordPiece::SEP]).map_err(fault)?;
        let dimensions = states.len() / 2;
        if dimensions == 0 {
            return Err(fault("it gives no states".to_owned()));
        }
        Ok(Self { name: name.to_owned(), fingerprint, dimensions, runtime })
    }

    /// What runs it, with its version.
    #[must_use]
    pub fn runtime(&self) -> &str {
        self.runtime.name()
    }

    /// The ids the model is given for a text: none for a text without tokens.
    #[must_use]
    pub fn tokens(&self, text: &Text<'_>) -> Vec<u16> {
        let mut ids = Vec::with_capacity(MAX_TOKENS);
        ids.push(WordPiece::CLS);
        ends::encode(text, END_TOKENS, &mut ids);
        if ids.len() == 1 {
            return Vec::new();
        }
        ids.push(WordPiece::SEP);
        ids
    }
}

impl Encoder for SentenceEncoder {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
        let ids = self.tokens(text);
        if ids.is_empty() {
            return Ok(Vector::zeros(self.dimensions));
        }
        let unavailable = |reason| EncodeError::Unavailable { encoder: self.name.clone(), reason };
        let states = self.runtime.hidden(&ids).map_err(unavailable)?;
        if states.len() != ids.len() * self.dimensions {
            return Err(unavailable("its model gives states of another size".to_owned()));
        }
        let mut sum = vec![0.0_f32; self.dimensions].into_boxed_slice();
        for state in states.chunks_exact(self.dimensions) {
            for (total, value) in sum.iter_mut().zip(state) {
                *total += value;
            }
        }
        // The mean and the sum differ by a factor that normalising takes out.
        Ok(Vector::normalised(sum))
    }

    /// On all cores, a text at a time on each: texts that ran together would share a scale, and change each other's
    /// vectors.
    fn encode_all(&self, texts: &[Text<'_>]) -> Result<Vec<Vector>, EncodeError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(texts.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(text) = texts.get(at) else { return Ok(done) };
                done.push((at, self.encode(text)?));
            }
        };
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
        });
        let mut all = Vec::with_capacity(texts.len());
        for part in parts {
            let reason = "one of its threads ended before its work did".to_owned();
            let lost = |_| EncodeError::Unavailable { encoder: self.name.clone(), reason };
            all.extend(part.map_err(lost)??);
        }
        all.sort_unstable_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, vector)| vector).collect())
    }
}

impl std::fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentenceEncoder")
            .field("fingerprint", &self.fingerprint)
            .field("runtime", &self.runtime.name())
            .finish_non_exhaustive()
    }
}

/// Everything a vector, and the features that a head reads beside it, depend on. The file holds weights and precision.
fn fingerprint(name: &str, model: &[u8]) -> String {
    let limits = format!("mean, ends {HEAD_BYTES} {TAIL_BYTES} {END_TOKENS}, features {}", Features::VERSION);
    let digest = Sha256::new().chain_update(Sha256::digest(model)).chain_update(limits).finalize();
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:{short}")
}

#[cfg(test)]
mod tests;
