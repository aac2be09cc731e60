//! The onnxruntime library, loaded from a file that the operator names. Two to three times as fast as rten.
//!
//! A process can load one library: the first that was asked for. Nothing is sent to anybody (telemetry is off).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use super::idle::Idle;
use super::{Runtime, RuntimeError};

/// A model over the library.
pub(super) struct OnnxRuntime {
    name: String,
    model: Vec<u8>,
    environment: Environment,
    /// A session runs one text at a time.
    sessions: Idle<Session>,
}

impl OnnxRuntime {
    pub(super) fn new(model: Vec<u8>, path: &Path) -> Result<Self, RuntimeError> {
        let environment = environment(path)?;
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let name = format!("onnxruntime ({file})");
        let first = session(&environment, &model)
            .map_err(|reason| RuntimeError::Model { runtime: name.clone(), reason })?;
        if first.inputs().len() != 1 || first.outputs().len() != 1 {
            let reason = "it must have one input and one output".to_owned();
            return Err(RuntimeError::Model { runtime: name, reason });
        }
        Ok(Self { name, model, environment, sessions: Idle::new(first) })
    }
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &str {
        &self.name
    }

    fn hidden(&self, ids: &[u16]) -> Result<Vec<f32>, String> {
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        self.sessions.with(
            || session(&self.environment, &self.model),
            |session| {
                let input = TensorRef::from_array_view(([1, ids.len()], ids.as_slice())).map_err(words)?;
                let outputs = session.run(ort::inputs![input]).map_err(words)?;
                let output = outputs.values().next().ok_or("it gave nothing")?;
                let (_, states) = output.try_extract_tensor::<f32>().map_err(words)?;
                Ok(states.to_vec())
            },
        )
    }
}

/// The library, loaded once.
fn environment(path: &Path) -> Result<Environment, RuntimeError> {
    static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);
    let fault = |reason: String| RuntimeError::Library { path: path.display().to_string(), reason };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((from, environment)) = &*loaded {
        if from != path {
            return Err(fault(format!("{} is loaded already, and a process takes one", from.display())));
        }
        return Ok(environment.clone());
    }
    let builder = ort::init_from(path).map_err(|error| fault(error.to_string()))?;
    let environment =
        builder.with_name("pointsman").with_telemetry(false).build().map_err(|error| fault(words(error)))?;
    *loaded = Some((path.to_owned(), environment.clone()));
    Ok(environment)
}

fn session(environment: &Environment, model: &[u8]) -> Result<Session, String> {
    Session::builder(environment)
        .map_err(words)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(words)?
        .with_intra_threads(1)
        .map_err(words)?
        .commit_from_memory(model)
        .map_err(words)
}

fn words<R>(error: ort::Error<R>) -> String {
    error.to_string()
}
