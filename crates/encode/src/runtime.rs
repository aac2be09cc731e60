//! What runs an ONNX file: rten, which is always there, or the onnxruntime library where the operator has it.
//!
//! Both read the same file and give the same vectors but for rounding: a text's vectors over the two have a cosine above
//! 0.999, so an artifact trained over one serves over the other.

mod idle;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod rten;

use std::path::{Path, PathBuf};

/// Runs a model on one text at a time, from any number of threads, each run on one core.
pub(crate) trait Runtime: Send + Sync {
    /// Its name and version, as a user would look for it.
    fn name(&self) -> &str;

    /// The last hidden states of the tokens, row after row.
    fn hidden(&self, ids: &[u16]) -> Result<Vec<f32>, String>;
}

/// Which run time to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// rten, in pure Rust, a part of this program.
    #[default]
    Rten,
    /// The onnxruntime library at this place; a failure is an error.
    OnnxRuntime(PathBuf),
}

/// A model that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// The library cannot be used.
    #[error(
        "{path} cannot be used as the onnxruntime library: {reason}; name a library of version 1.17 or later, or leave it to rten"
    )]
    Library {
        /// Where it was looked for.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not a model for it.
    #[error("{runtime} cannot run the model: {reason}; fetch the encoder again")]
    Model {
        /// The run time.
        runtime: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Makes a model ready to run.
pub(crate) fn start(model: Vec<u8>, choice: &RuntimeChoice) -> Result<Box<dyn Runtime>, RuntimeError> {
    match choice {
        RuntimeChoice::Rten => Ok(Box::new(rten::Rten::new(model)?)),
        RuntimeChoice::OnnxRuntime(path) => over_library(model, path),
    }
}

#[cfg(feature = "onnxruntime")]
fn over_library(model: Vec<u8>, path: &Path) -> Result<Box<dyn Runtime>, RuntimeError> {
    Ok(Box::new(onnxruntime::OnnxRuntime::new(model, path)?))
}

#[cfg(not(feature = "onnxruntime"))]
fn over_library(_: Vec<u8>, path: &Path) -> Result<Box<dyn Runtime>, RuntimeError> {
    Err(RuntimeError::Library {
        path: path.display().to_string(),
        reason: "this program was built without it".to_owned(),
    })
}
