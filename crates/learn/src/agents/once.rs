//! An encoder that does each text once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pointsman_encode::{EncodeError, Encoder, Text, Vector, stable_hash};

/// Keeps every vector it made: training again and again on the same dialogues asks for the same ones.
pub struct EncodeOnce<'a> {
    encoder: &'a dyn Encoder,
    known: Mutex<HashMap<(u64, usize), Vector>>,
}

impl<'a> EncodeOnce<'a> {
    /// Stands before another encoder.
    #[must_use]
    pub fn new(encoder: &'a dyn Encoder) -> Self {
        Self { encoder, known: Mutex::default() }
    }
}

impl Encoder for EncodeOnce<'_> {
    fn fingerprint(&self) -> &str {
        self.encoder.fingerprint()
    }

    fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
        let tail = stable_hash(text.tail().as_bytes());
        let key = (stable_hash(text.head().as_bytes()) ^ tail.rotate_left(1), text.total_bytes());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = known().get(&key) {
            return Ok(vector.clone());
        }
        let vector = self.encoder.encode(text)?;
        known().insert(key, vector.clone());
        Ok(vector)
    }
}
