//! The seam between the gateway and whatever turns text into a vector.

use std::ops::Deref;

use crate::Text;

/// Turns a text into a vector of fixed length.
///
/// An implementation MUST be deterministic (equal texts give equal vectors), MUST return vectors of
/// [`dimensions`](Encoder::dimensions) values whose Euclidean norm is 1, or 0 where the text holds nothing it
/// knows, and MUST change its [`fingerprint`](Encoder::fingerprint) whenever its vectors change. It MAY be slow; a
/// caller on an async executor moves such an encoder to threads of its own.
pub trait Encoder: Send + Sync {
    /// A short name and a hash over everything the vectors depend on, such as `static-1:ab12cd34`.
    ///
    /// A trained head belongs to one fingerprint and must refuse any other.
    fn fingerprint(&self) -> &str;

    /// How many values a vector has.
    fn dimensions(&self) -> usize;

    /// The vector of a text.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where the encoder cannot do its work at all; never for what the text says, empty included.
    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError>;

    /// The vectors of many texts, each the one that [`encode`](Encoder::encode) gives for it alone.
    ///
    /// # Errors
    ///
    /// As [`encode`](Encoder::encode); then none is given.
    fn encode_all(&self, texts: &[Text<'_>]) -> Result<Vec<Vector>, EncodeError> {
        texts.iter().map(|text| self.encode(text)).collect()
    }
}

impl<E: Encoder + ?Sized> Encoder for &E {
    fn fingerprint(&self) -> &str {
        (**self).fingerprint()
    }

    fn dimensions(&self) -> usize {
        (**self).dimensions()
    }

    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
        (**self).encode(text)
    }

    fn encode_all(&self, texts: &[Text<'_>]) -> Result<Vec<Vector>, EncodeError> {
        (**self).encode_all(texts)
    }
}

/// What an encoder gives back: values of norm 1, or all zeros for a text in which nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Box<[f32]>);

/// An encoder that could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The encoder's weights or run time are not usable now.
    #[error("encoder '{encoder}' is not available: {reason}; use the built-in encoder or repair this one")]
    Unavailable {
        /// The encoder's short name.
        encoder: String,
        /// What is wrong, in words.
        reason: String,
    },
}

impl Vector {
    /// Wraps values as they are; the caller answers for their norm.
    #[must_use]
    pub fn new(values: Box<[f32]>) -> Self {
        Self(values)
    }

    /// The vector of a text in which nothing is known.
    #[must_use]
    pub fn zeros(dimensions: usize) -> Self {
        Self(vec![0.0; dimensions].into_boxed_slice())
    }

    /// Scales the values to norm 1; leaves all zeros (and anything without a finite norm becomes all zeros).
    #[must_use]
    pub fn normalised(mut values: Box<[f32]>) -> Self {
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        let scale = if norm.is_finite() && norm > 0.0 { norm.recip() } else { 0.0 };
        if scale.is_finite() && scale > 0.0 {
            values.iter_mut().for_each(|value| *value *= scale);
        } else {
            values.fill(0.0);
        }
        Self(values)
    }

    /// Whether the text held nothing the encoder knows.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|value| *value == 0.0)
    }

    /// The values themselves.
    #[must_use]
    pub fn into_inner(self) -> Box<[f32]> {
        self.0
    }
}

impl Deref for Vector {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl AsRef<[f32]> for Vector {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalising_gives_unit_length_and_keeps_zero() {
        let vector = Vector::normalised(Box::new([3.0, 4.0]));
        assert_eq!(&vector[..], [0.6, 0.8]);
        assert!(!vector.is_zero());
        assert!(Vector::normalised(Box::new([0.0; 3])).is_zero());
        assert!(Vector::normalised(Box::new([f32::NAN, 1.0])).is_zero());
    }
}
