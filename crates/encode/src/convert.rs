//! From the published weights of a BERT-like sentence encoder, floats in a safetensors file, to the eight-bit ONNX file
//! that is run.
//!
//! Pure and exact: the same weights give the same file to the byte on every machine, so its sha256 can be known
//! beforehand. Each output of a matrix has a scale of its own.

mod bert;
mod onnx;
mod protobuf;
mod quantise;
mod safetensors;

use bert::Bert;
use safetensors::Tensors;
use serde::Deserialize;

/// What a weights file does not say of its model.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Attention heads.
    pub heads: usize,
    /// Tokens read at most, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// Ids that may be looked up.
    pub vocabulary: usize,
    /// What is added to a variance before its root is divided by.
    pub epsilon: f32,
}

/// Weights that cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// Some other file.
    #[error("the weights are not a whole safetensors file; fetch them again")]
    Kind,
    /// A tensor that is not as the model needs it.
    #[error("tensor `{name}` {what}; take the weights of a BERT-like encoder")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The width is not a multiple of the heads.
    #[error("the model's width does not divide into {heads} heads; correct the manifest")]
    Heads {
        /// Heads asked for.
        heads: usize,
    },
    /// Fewer words than the tokeniser's.
    #[error("the model has {found} tokens, the tokeniser {expected}; take a model with its vocabulary")]
    Vocabulary {
        /// Rows there are.
        found: usize,
        /// Rows needed.
        expected: usize,
    },
    /// Fewer places than tokens that are read.
    #[error("the model reads {found} tokens, {expected} are asked for; correct the manifest")]
    Places {
        /// Places there are.
        found: usize,
        /// Places needed.
        expected: usize,
    },
}

/// The eight-bit ONNX file of these weights. `remarks` are kept in it for whoever looks at the file.
///
/// # Errors
/// [`ConvertError`] where the bytes are not the weights of such a model.
pub fn to_int8(weights: &[u8], shape: &Shape, remarks: &[(&str, &str)]) -> Result<Vec<u8>, ConvertError> {
    let tensors = Tensors::parse(weights)?;
    Ok(Bert::write(&tensors, shape)?.finish("sentence-encoder", remarks))
}

#[cfg(test)]
pub(crate) mod tests;
