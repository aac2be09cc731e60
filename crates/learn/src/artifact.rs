//! What training leaves behind: one file that holds every estimator, and what it must be used with.
//!
//! A file is a magic word, a version, the sha256 of the rest, and the rest. It names the encoder whose vectors it was
//! trained on and is refused with any other. It holds vectors of training prompts in eight bits (for the
//! nearest-neighbour estimator) and no text.
//!
//! Promise: [`Artifact::load`] of any bytes gives a usable artifact or an error that says what to do, and nothing that is
//! asked of an artifact afterwards fails.

mod file;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use pointsman_kernel::{CostScale, Estimator, Money, Price, Target};
use serde::{Deserialize, Serialize};

use crate::estimate::Named;
use crate::estimate::input::Input;
use crate::estimate::learned::Learned;
use crate::estimate::likeness::Likeness;
use crate::lengths::Lengths;
use crate::names::{dated, normalised};
use crate::onboard::added::Added;
use crate::prior::Prior;

static DEFAULT: &[u8] = include_bytes!("../data/default.artifact");

/// Trained estimators. A clone shares everything.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub(crate) body: Arc<Body>,
    bytes: Arc<[u8]>,
    hash: String,
}

/// A model that an artifact knows, with what its training rows say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its name in the tables.
    pub name: String,
    /// Graded answers.
    pub rows: u32,
    /// Their mean grade.
    pub mean_quality: f64,
    /// Mean cost of a call in dollars, where costs were recorded.
    pub mean_cost_usd: Option<f64>,
    /// Its price, read off its costs by least squares.
    pub price: Option<Price>,
    /// Mean tokens written, where they were recorded.
    pub output_tokens: Option<f64>,
}

/// Where an artifact comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// The tables, each with its hash and the rows used.
    pub sources: Vec<String>,
    /// Hash over the tables.
    pub data_hash: String,
    /// Prompts learnt from.
    pub prompts: u32,
    /// What the data's licences ask to be said.
    pub licences: Vec<String>,
    /// The version of this program that trained it.
    pub trained_by: String,
    /// The seed.
    pub seed: u64,
}

/// An artifact that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// Some other file.
    #[error("this is not a pointsman artifact; write one with `pointsman train`")]
    Kind,
    /// Another version of the format.
    #[error("the artifact has format {found}, this program reads {expected}; train it again")]
    Version {
        /// Of the file.
        found: u32,
        /// Of this program.
        expected: u32,
    },
    /// The bytes are not those that were written.
    #[error("the artifact's checksum does not match its content; copy the file again or train it again")]
    Checksum,
    /// The bytes are whole but say something impossible.
    #[error("the artifact's {part} does not fit together; train it again")]
    Content {
        /// Which part.
        part: &'static str,
    },
    /// Trained with another encoder.
    #[error(
        "the artifact needs encoder {artifact}, but {given} is in use; train it again with this encoder or choose the other"
    )]
    Encoder {
        /// The artifact's.
        artifact: String,
        /// The one in use.
        given: String,
    },
    /// No estimator of that name.
    #[error("the artifact has no estimator `{name}`; it has {known}")]
    Estimator {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

/// The content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) encoder: String,
    pub(crate) notes: Notes,
    pub(crate) models: Vec<Model>,
    pub(crate) input: Input,
    pub(crate) heads: Vec<Named>,
    pub(crate) default: String,
    pub(crate) lengths: Lengths,
    pub(crate) likeness: Likeness,
    pub(crate) prior: Prior,
    /// Tokens read and written by calls of the training data, for the scale of costs.
    pub(crate) reference: Vec<(u32, u32)>,
    /// Models that were added after training. They stand behind the content, which stays as it was trained.
    #[serde(skip)]
    pub(crate) added: Vec<Added>,
    /// The cards of all models, trained ones first.
    #[serde(skip)]
    pub(crate) cards: Vec<Model>,
    /// Positions by name as written and as compared.
    #[serde(skip)]
    pub(crate) places: HashMap<String, usize>,
    /// The newest dated model of each name without its date.
    #[serde(skip)]
    pub(crate) newest: HashMap<String, (u32, usize)>,
}

impl Artifact {
    /// The artifact in the binary, trained on the tables that `data/NOTICE` names.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the bytes are part of the build, and every test would fail first")]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Artifact> = LazyLock::new(|| {
            Artifact::load(DEFAULT)
                .expect("data/default.artifact is whole; make it with the example make_default")
        });
        &EMBEDDED
    }

    /// An artifact from a file's content.
    ///
    /// # Errors
    /// [`ArtifactError`] where the content is not a whole artifact of this version.
    pub fn load(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut body = file::read(bytes)?;
        body.index();
        Ok(Self { body: Arc::new(body), hash: file::hash(bytes), bytes: bytes.into() })
    }

    pub(crate) fn new(mut body: Body) -> Result<Self, ArtifactError> {
        body.index();
        let bytes = file::write(&body)?;
        Ok(Self { hash: file::hash(&bytes), bytes: bytes.into(), body: Arc::new(body) })
    }

    /// The content of its file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }

    /// 16 hex digits of its sha256.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The fingerprint of the encoder it was trained with.
    #[must_use]
    pub fn encoder(&self) -> &str {
        &self.body.encoder
    }

    /// Refuses another encoder than its own.
    ///
    /// # Errors
    /// [`ArtifactError::Encoder`] where the fingerprints differ.
    pub fn check_encoder(&self, fingerprint: &str) -> Result<(), ArtifactError> {
        if self.body.encoder == fingerprint {
            return Ok(());
        }
        Err(ArtifactError::Encoder { artifact: self.body.encoder.clone(), given: fingerprint.to_owned() })
    }

    /// The names of its estimators.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.body.heads.iter().map(|named| named.name.as_str()).collect()
    }

    /// The estimator that serves where none is named: the one that did best out of fold.
    #[must_use]
    pub fn default_name(&self) -> &str {
        &self.body.default
    }

    /// An estimator by name, or the default.
    ///
    /// # Errors
    /// [`ArtifactError::Estimator`] where there is none of that name.
    pub fn estimator(&self, name: Option<&str>) -> Result<Arc<dyn Estimator>, ArtifactError> {
        let name = name.unwrap_or(&self.body.default);
        let position = self.body.heads.iter().position(|named| named.name == name);
        let unknown = || ArtifactError::Estimator { name: name.to_owned(), known: self.names().join(", ") };
        let head = position.ok_or_else(unknown)?;
        Ok(Arc::new(Learned::new(Arc::clone(&self.body), head, name)))
    }

    /// Every model it knows: those it was trained on, then those that were added.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        self.body.cards()
    }

    /// The model that a target's profile names; see [`crate::names`].
    #[must_use]
    pub fn model(&self, profile: &str) -> Option<&Model> {
        match self.body.added(profile) {
            Some((_, added)) => Some(&added.model),
            None => self.body.models.get(self.body.position(profile)?),
        }
    }

    /// The scale on which a pool's costs are weighed: what its targets would charge for typical calls.
    #[must_use]
    pub fn cost_scale(&self, targets: &[Arc<Target>]) -> CostScale {
        let prices: Vec<Price> = targets.iter().filter_map(|target| target.price).collect();
        let cost = |price: &Price, (input, output): &(u32, u32)| -> Money {
            price.cost(u64::from(*input), 0, 0, u64::from(*output))
        };
        CostScale::of(
            prices.iter().flat_map(|price| self.body.reference.iter().map(move |pair| cost(price, pair))),
        )
    }

    /// Where it comes from.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.body.notes
    }
}

impl Body {
    /// The position of the model that `profile` names: as written, else in the form in which names are compared, else
    /// the newest dated model of that name.
    pub(crate) fn position(&self, profile: &str) -> Option<usize> {
        let own = || {
            let name = normalised(profile);
            let place = self.places.get(&name).copied();
            place.or_else(|| self.newest.get(&name).map(|(_, place)| *place))
        };
        self.places.get(profile).copied().or_else(own)
    }

    pub(crate) fn cards(&self) -> &[Model] {
        &self.cards
    }

    /// The trained model of this very name.
    pub(crate) fn trained(&self, name: &str) -> Option<usize> {
        self.places.get(name).or_else(|| self.places.get(&normalised(name))).copied()
    }

    /// The added model that `profile` names, and its place among the added. It goes before a dated stand-in.
    pub(crate) fn added(&self, profile: &str) -> Option<(usize, &Added)> {
        self.added.iter().enumerate().find(|(_, added)| added.is(profile))
    }

    /// The model at `place`, where it stands in for `profile` rather than being it.
    pub(crate) fn stands_in(&self, profile: &str, place: usize) -> Option<Arc<str>> {
        let name = &self.models.get(place)?.name;
        (name != profile && normalised(name) != normalised(profile)).then(|| Arc::from(name.as_str()))
    }

    fn index(&mut self) {
        self.cards = self.models.iter().chain(self.added.iter().map(|added| &added.model)).cloned().collect();
        self.places.clear();
        for (at, model) in self.models.iter().enumerate() {
            self.places.entry(normalised(&model.name)).or_insert(at);
        }
        for (at, model) in self.models.iter().enumerate() {
            self.places.insert(model.name.clone(), at);
        }
        self.newest.clear();
        for (at, model) in self.models.iter().enumerate() {
            let name = normalised(&model.name);
            let Some((stem, date)) = dated(&name) else { continue };
            let newest = self.newest.entry(stem.to_owned()).or_insert((date, at));
            if date > newest.0 {
                *newest = (date, at);
            }
        }
    }
}

#[cfg(test)]
mod tests;
