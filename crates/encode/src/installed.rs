//! The encoders on this machine: the table in the program, and those whose weights were brought into a folder.
//!
//! Promises: a file is used only if its sha256 is the one the manifest states, so what is run is what was tested; a file
//! is there whole or not at all. Left out: bringing weights from anywhere, which is the command line's.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};

use crate::convert::{self, ConvertError};
use crate::manifest::{Listed, listed};
use crate::{Encoder, RuntimeChoice, RuntimeError, SentenceEncoder, StaticTable};

/// The variable that names the onnxruntime library, as other programs read it.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The encoders on this machine.
#[derive(Clone, Debug)]
pub struct Installed {
    folder: PathBuf,
}

/// What is there of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It can be opened.
    Ready,
    /// Nothing is there.
    Missing,
    /// A file is there, and it is not the one that the manifest states.
    Damaged,
}

/// An encoder that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No such encoder.
    #[error("there is no encoder `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its weights were not brought yet.
    #[error("encoder `{name}` is not on this machine; bring it with `pointsman encoder fetch {name}`")]
    Missing {
        /// Its name.
        name: String,
    },
    /// The file is another than the manifest states.
    #[error("{path} is not the file it should be; bring it anew with `pointsman encoder fetch {name}`")]
    Damaged {
        /// Its name.
        name: String,
        /// The file.
        path: String,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}; mend that or bring it anew with `pointsman encoder fetch`")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It cannot be run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Weights that cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Not the weights that the manifest states.
    #[error(
        "the weights have sha256 {found}, the manifest says {expected}: they are not used; try another source"
    )]
    Hash {
        /// Of the weights.
        found: String,
        /// The manifest's.
        expected: String,
    },
    /// They cannot be converted.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// They came to another file than the manifest states, which is a fault of this program.
    #[error(
        "the weights were converted to a file with sha256 {found} instead of {expected}; please report this"
    )]
    Converted {
        /// Of the file.
        found: String,
        /// The manifest's.
        expected: String,
    },
    /// The folder cannot be written.
    #[error("{path} cannot be written: {source}; make room or name another POINTSMAN_HOME")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Installed {
    /// The encoders of a home folder.
    #[must_use]
    pub fn in_home(home: &Path) -> Self {
        Self { folder: home.join("encoders") }
    }

    /// Where their files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An encoder's file.
    #[must_use]
    pub fn path(&self, encoder: &Listed) -> PathBuf {
        self.folder.join(format!("{}.onnx", encoder.name))
    }

    /// Every name that can be opened, or could be after a fetch.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(StaticTable::NAME).chain(listed().iter().map(|encoder| encoder.name.as_str()))
    }

    /// The run time to take: the library that is named, else one that `variable` ([`LIBRARY_VARIABLE`]) names or that
    /// lies in the folder, else rten.
    #[must_use]
    pub fn runtime(&self, named: Option<&Path>, variable: Option<&str>) -> RuntimeChoice {
        let beside = self.folder.join(format!(
            "{}onnxruntime{}",
            std::env::consts::DLL_PREFIX,
            std::env::consts::DLL_SUFFIX
        ));
        let named = named.map(Path::to_owned).or_else(|| variable.map(PathBuf::from));
        named
            .or_else(|| Some(beside).filter(|path| path.is_file()))
            .map_or(RuntimeChoice::Rten, RuntimeChoice::OnnxRuntime)
    }

    /// An encoder by name. One that something still uses is shared rather than loaded again.
    ///
    /// # Errors
    /// [`OpenError`] where it is not there, not whole, or cannot be run.
    pub fn open(&self, name: &str, runtime: &RuntimeChoice) -> Result<Arc<dyn Encoder>, OpenError> {
        if name == StaticTable::NAME {
            return Ok(Arc::new(StaticTable::embedded()));
        }
        Ok(self.sentence(name, runtime)?)
    }

    /// A sentence encoder by name, shared as by [`Self::open`].
    ///
    /// # Errors
    /// As [`Self::open`]; the table in the program is none.
    pub fn sentence(&self, name: &str, runtime: &RuntimeChoice) -> Result<Arc<SentenceEncoder>, OpenError> {
        type Key = (PathBuf, RuntimeChoice);
        static OPEN: Mutex<Vec<(Key, Weak<SentenceEncoder>)>> = Mutex::new(Vec::new());
        let encoder = known(name)?;
        let key = (self.path(encoder), runtime.clone());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, encoder)| encoder.strong_count() > 0);
        if let Some(shared) =
            open.iter().find(|(of, _)| *of == key).and_then(|(_, encoder)| encoder.upgrade())
        {
            return Ok(shared);
        }
        let model = self.read(encoder)?;
        let opened = Arc::new(SentenceEncoder::new(name, model, runtime)?);
        open.push((key, Arc::downgrade(&opened)));
        Ok(opened)
    }

    /// What is there of an encoder. Reads its file.
    #[must_use]
    pub fn presence(&self, encoder: &Listed) -> Presence {
        match self.read(encoder) {
            Ok(_) => Presence::Ready,
            Err(OpenError::Missing { .. }) => Presence::Missing,
            Err(_) => Presence::Damaged,
        }
    }

    /// Converts an encoder's weights and puts the file in its place, in one step.
    ///
    /// # Errors
    /// [`InstallError`] where the weights are others than the manifest states, or the folder cannot be written.
    pub fn install(&self, encoder: &Listed, weights: &[u8]) -> Result<PathBuf, InstallError> {
        let found = sha256(weights);
        if found != encoder.weights.sha256 {
            return Err(InstallError::Hash { found, expected: encoder.weights.sha256.clone() });
        }
        let remarks =
            [("licence", encoder.licence.as_str()), ("weights_sha256", encoder.weights.sha256.as_str())];
        let model = convert::to_int8(weights, &encoder.shape, &remarks)?;
        let found = sha256(&model);
        if found != encoder.model.sha256 {
            return Err(InstallError::Converted { found, expected: encoder.model.sha256.clone() });
        }
        let path = self.path(encoder);
        write_whole(&path, &model)
            .map_err(|source| InstallError::Write { path: path.display().to_string(), source })?;
        Ok(path)
    }

    fn read(&self, encoder: &Listed) -> Result<Vec<u8>, OpenError> {
        let path = self.path(encoder);
        let (name, shown) = (encoder.name.clone(), path.display().to_string());
        let model = match std::fs::read(&path) {
            Ok(model) => model,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
                return Err(OpenError::Missing { name });
            }
            Err(source) => return Err(OpenError::Read { path: shown, source }),
        };
        if sha256(&model) != encoder.model.sha256 {
            return Err(OpenError::Damaged { name, path: shown });
        }
        Ok(model)
    }
}

/// The encoder of this name in the manifest.
///
/// # Errors
/// [`OpenError::Unknown`].
pub fn known(name: &str) -> Result<&'static Listed, OpenError> {
    listed().iter().find(|encoder| encoder.name == name).ok_or_else(|| OpenError::Unknown {
        name: name.to_owned(),
        known: Installed::names().collect::<Vec<_>>().join(", "),
    })
}

/// The sha256 sum of some bytes, in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes beside and renames, so that nobody ever sees half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("part{}", std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        // What is left of it is of no use; where it cannot be removed either, the first fault is the one to tell.
        let _ = std::fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests;
