//! What decides: the artifact, the estimator in it that is asked, and the encoder that it was trained with.

use std::sync::Arc;

use pointsman_encode::installed::LIBRARY_VARIABLE;
use pointsman_encode::{Encoder, Installed, StaticTable, Workers};
use pointsman_kernel::Estimator;
use pointsman_learn::Artifact;
use pointsman_learn::agents::AgentModel;
use sha2::{Digest, Sha256};

use super::Check;
use crate::config::shape::suggestion;
use crate::config::tree::Step;
use crate::config::{AgentHeads, file};
use crate::embed::SlowEncoder;
use crate::launch;

/// What decides.
pub(super) struct Learned {
    pub(super) artifact: Artifact,
    pub(super) estimator: Arc<dyn Estimator>,
    pub(super) slow_encoder: Option<SlowEncoder>,
}

impl Check<'_> {
    /// The artifact with what it needs, unless a fault was told.
    pub(super) fn learned(&mut self, file: &file::File) -> Option<Learned> {
        let at = ["artifact".into()];
        let artifact = match &file.artifact {
            None => Artifact::embedded().clone(),
            Some(path) => self.artifact(&at, path)?,
        };
        let estimator = match artifact.estimator(file.estimator.as_deref()) {
            Ok(estimator) => estimator,
            Err(_) => {
                let asked = file.estimator.as_deref().unwrap_or_default();
                let mut names = artifact.names();
                names.sort_unstable();
                let hint = suggestion(asked, "it holds", names.iter().copied());
                self.fault(&["estimator".into()], format!("the artifact holds no estimator `{asked}`"), hint);
                return None;
            }
        };
        let name = artifact.encoder().split(':').next().unwrap_or_default();
        let slow_encoder = if name == StaticTable::NAME {
            self.of_encoder(&at, &artifact, StaticTable::embedded())?;
            None
        } else {
            Some(self.slow_encoder(&artifact, name, &file.encoder)?)
        };
        Some(Learned { artifact, estimator, slow_encoder })
    }

    /// The heads of the agents' stage, where the file names some.
    pub(super) fn agent_heads(&mut self, file: &file::File) -> Option<AgentHeads> {
        let at = ["agent_artifact".into()];
        let path = self.origin.beside(&self.expand(&at, file.agent_artifact.as_deref()?)?);
        self.files.push(path.clone());
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                let hint =
                    "write one with `pointsman agents train`, or take the key out to go by the agents' cards";
                self.fault(&at, message, hint);
                return None;
            }
        };
        // An agent's turn is read with the table in the program: it is there at once, whatever the models' encoder is.
        let table = StaticTable::embedded();
        let loaded = AgentModel::load(&bytes).and_then(|model| model.check_encoder(table).map(|()| model));
        match loaded {
            Ok(model) => {
                let hash = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                Some(AgentHeads { model: Arc::new(model), hash })
            }
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                self.fault(&at, message, "write it anew with `pointsman agents train --encoder static-1`");
                None
            }
        }
    }

    fn slow_encoder(&mut self, artifact: &Artifact, name: &str, file: &file::Encoder) -> Option<SlowEncoder> {
        let at = ["artifact".into()];
        let library = match &file.onnxruntime {
            Some(path) => {
                let path = self.expand(&["encoder".into(), "onnxruntime".into()], path)?;
                Some(self.origin.beside(&path))
            }
            None => None,
        };
        let installed = Installed::in_home(&launch::home(self.env));
        let runtime = installed.runtime(library.as_deref(), self.env.get(LIBRARY_VARIABLE));
        let encoder = match installed.open(name, &runtime) {
            Ok(encoder) => encoder,
            Err(fault) => {
                let message = format!("the artifact was trained with encoder `{name}`: {fault}");
                let hint =
                    format!("run `pointsman encoder fetch {name}`, or take an artifact of another encoder");
                self.fault(&at, message, hint);
                return None;
            }
        };
        self.of_encoder(&at, artifact, &*encoder)?;
        let standby = match &file.standby {
            None => Artifact::embedded().clone(),
            Some(path) => {
                let at = ["encoder".into(), "standby".into()];
                let standby = self.artifact(&at, path)?;
                self.of_encoder(&at, &standby, StaticTable::embedded())?;
                standby
            }
        };
        // The default is always there.
        let standby_estimator = standby.estimator(None).ok()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = file.threads.map_or(cores, usize::from);
        match Workers::start(encoder, threads) {
            Ok(workers) => Some(SlowEncoder {
                workers: Arc::new(workers),
                budget: file.budget.duration(),
                standby,
                standby_estimator,
            }),
            Err(fault) => {
                let message = format!("the system gives no {threads} threads to encode on: {fault}");
                self.fault(&["encoder".into(), "threads".into()], message, "ask for fewer");
                None
            }
        }
    }

    fn artifact(&mut self, at: &[Step], path: &str) -> Option<Artifact> {
        let path = self.origin.beside(&self.expand(at, path)?);
        self.files.push(path.clone());
        match std::fs::read(&path).map(|bytes| Artifact::load(&bytes)) {
            Ok(Ok(artifact)) => return Some(artifact),
            Ok(Err(error)) => {
                let message = format!("{}: {error}", path.display());
                self.fault(at, message, "write it anew with `pointsman train`");
            }
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                let hint =
                    "write one with `pointsman train`, or take the key out to use the one in the program";
                self.fault(at, message, hint);
            }
        }
        None
    }

    /// Refuses an artifact of another encoder.
    fn of_encoder(&mut self, at: &[Step], artifact: &Artifact, encoder: &dyn Encoder) -> Option<()> {
        match artifact.check_encoder(encoder.fingerprint()) {
            Ok(()) => Some(()),
            Err(error) => {
                let name = encoder.fingerprint().split(':').next().unwrap_or_default();
                let hint = format!("train it anew with this encoder: `pointsman train --encoder {name}`");
                self.fault(at, error.to_string(), hint);
                None
            }
        }
    }
}
