//! What training leaves behind for the agent stage, and the file it is kept in.
//!
//! A file is a magic word, a version, the sha256 of the rest, and the rest. It belongs to one encoder and is refused with any
//! other. It holds sums and some vectors of training turns, and no text of theirs.

use pointsman_encode::Encoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::discriminant::Moments;
use super::none::NoneScorer;
use super::rows::{Owned, Rows};
use super::scorer::Scorer;
use crate::artifact::ArtifactError;

const MAGIC: &[u8; 8] = b"PMAGENT\n";
/// Rises with every change to what the content holds.
const VERSION: u32 = 2;
const CONTENT_AT: usize = MAGIC.len() + 4 + 32;

/// Trained heads of the agent stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentModel {
    pub(crate) encoder: String,
    /// Categories seen in training, each with the mean vector of its agents' texts.
    pub(crate) categories: Vec<String>,
    pub(crate) centroids: Rows,
    /// What was seen in training: an agent's skills.
    pub(crate) classes: Vec<Class>,
    /// Users' turns by class; assistants' turns by the class's agent.
    pub(crate) user: Moments,
    pub(crate) system: Moments,
    /// Some of the users' turns that began a matter, by class.
    pub(crate) memory: Owned,
    pub(crate) scorer: Scorer,
    pub(crate) none: NoneScorer,
    /// Where it comes from.
    pub notes: AgentNotes,
}

/// What a turn was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) agent: String,
    pub(crate) skill: String,
    /// Position in the model's categories.
    pub(crate) category: Option<u32>,
}

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentNotes {
    /// Files learnt from, each with its hash.
    pub sources: Vec<String>,
    /// Dialogues learnt from.
    pub dialogues: u32,
    /// User turns learnt from.
    pub turns: u32,
    /// What the data's licences ask to be said.
    pub licences: Vec<String>,
    /// The version of this program.
    pub trained_by: String,
}

impl AgentModel {
    /// A model from a file's content.
    ///
    /// # Errors
    /// [`ArtifactError`] where the content is not a whole model of this version.
    pub fn load(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ArtifactError::Kind)?;
        let (version, _) = rest.split_first_chunk::<4>().ok_or(ArtifactError::Checksum)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(ArtifactError::Version { found: version, expected: VERSION });
        }
        let (Some(sum), Some(content)) = (bytes.get(12..CONTENT_AT), bytes.get(CONTENT_AT..)) else {
            return Err(ArtifactError::Checksum);
        };
        if Sha256::digest(content).as_slice() != sum {
            return Err(ArtifactError::Checksum);
        }
        let model: Self =
            postcard::from_bytes(content).map_err(|_| ArtifactError::Content { part: "content" })?;
        model.check()?;
        Ok(model)
    }

    /// The content of its file.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let content = postcard::to_stdvec(self).map_err(|_| ArtifactError::Content { part: "content" })?;
        let mut bytes = Vec::with_capacity(CONTENT_AT + content.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&Sha256::digest(&content));
        bytes.extend_from_slice(&content);
        Ok(bytes)
    }

    /// Refuses another encoder than its own.
    ///
    /// # Errors
    /// [`ArtifactError::Encoder`] where the fingerprints differ.
    pub fn check_encoder(&self, encoder: &dyn Encoder) -> Result<(), ArtifactError> {
        let given = encoder.fingerprint();
        if self.encoder == given {
            return Ok(());
        }
        Err(ArtifactError::Encoder { artifact: self.encoder.clone(), given: given.to_owned() })
    }

    /// The agents it was trained on.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.agent.as_str())
    }

    fn check(&self) -> Result<(), ArtifactError> {
        let wrong = |part| Err(ArtifactError::Content { part });
        let (classes, dims) = (self.classes.len(), self.memory.rows.dims);
        if !self.user.fits(classes, dims) || !self.system.fits(classes, dims) {
            return wrong("classes");
        }
        let known = |class: &Class| class.category.is_none_or(|at| (at as usize) < self.categories.len());
        if self.centroids.len() != self.categories.len() || !self.classes.iter().all(known) {
            return wrong("categories");
        }
        if !self.memory.fits(classes, dims) {
            return wrong("memory");
        }
        if !self.scorer.fits() { wrong("scorer") } else { Ok(()) }
    }
}
