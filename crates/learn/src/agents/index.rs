//! A registry made ready for retrieval: vectors and words of every agent's texts, and the heads that know some of them.

use std::collections::HashMap;
use std::sync::Arc;

use pointsman_encode::{EncodeError, Encoder, Text};
use pointsman_kernel::agents::{Agent, Registry};

use super::discriminant::Moments;
use super::evidence::TextScores;
use super::heads::Heads;
use super::model::AgentModel;
use super::sayings::Sayings;
use super::small::{Asked, SmallOwned, SmallRows};
use super::turn::Turn;
use super::words::{WordIndex, spoken, words};
use crate::estimate::dot::dot;

/// How far the heads' common shape is drawn towards a ball.
pub(crate) const SHRINK: f64 = 0.3;
/// From this cosine on, a category that an entry does not name is taken to be the nearest known one.
const SAME_CATEGORY: f32 = 0.55;
/// Word scores are brought to the size of cosines.
const WORD_SCALE: f32 = 1.0 / 8.0;

/// Agents, skills or tools that can be ranked.
#[derive(Clone, Debug)]
pub struct Index {
    pub(crate) registry: Registry,
    pub(crate) model: Option<Arc<AgentModel>>,
    pub(crate) descriptions: SmallRows,
    /// An agent's skills, each with and without its name; its own name and description where it lists none.
    pub(crate) skills: SmallOwned,
    pub(crate) names: SmallRows,
    pub(crate) words: WordIndex,
    pub(crate) sayings: Sayings,
    pub(crate) heads: Heads,
    /// Each agent's classes among those of the heads.
    pub(crate) classes_of: Vec<Vec<u32>>,
    /// Each agent's category among the known ones.
    pub(crate) category_of: Vec<Option<u32>>,
    pub(crate) categories: Vec<String>,
    /// What people say, by class of the heads: from training and from the registry's examples.
    pub(crate) memory: SmallOwned,
}

impl Index {
    /// Reads a registry.
    ///
    /// # Errors
    /// The encoder cannot do its work.
    pub fn new(
        registry: &Registry,
        model: Option<Arc<AgentModel>>,
        encoder: &dyn Encoder,
    ) -> Result<Self, EncodeError> {
        let dims = encoder.dimensions();
        let vector = |text: &str| encoder.encode(&Text::new(text, None));
        let mut index = Self {
            registry: registry.clone(),
            model,
            descriptions: SmallRows::new(dims),
            skills: SmallOwned::new(dims),
            names: SmallRows::new(dims),
            words: WordIndex::new(&registry.agents().iter().map(entry_words).collect::<Vec<_>>()),
            sayings: Sayings::new(registry),
            heads: Heads::default(),
            classes_of: vec![Vec::new(); registry.len()],
            category_of: Vec::new(),
            categories: Vec::new(),
            memory: SmallOwned::new(dims),
        };
        for agent in registry.agents() {
            index.descriptions.push(&vector(&agent.description)?);
            index.names.push(&vector(&spoken(agent.id().as_str()))?);
            for skill in &agent.skills {
                index.skills.push(&vector(&format!("{}: {}", spoken(&skill.name), skill.description))?);
                for text in [&skill.description, &skill.body].into_iter().filter(|text| !text.is_empty()) {
                    index.skills.push(&vector(text)?);
                }
            }
            if agent.skills.is_empty() {
                let name = spoken(agent.id().as_str());
                index.skills.push(&vector(&format!("{name}: {}", agent.description))?);
            }
            index.skills.close();
        }
        index.learn(encoder)?;
        Ok(index)
    }

    /// The registry it was made of.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The known category that an agent belongs to.
    #[must_use]
    pub fn category(&self, place: usize) -> Option<&str> {
        let at = self.category_of.get(place).copied().flatten()?;
        self.categories.get(at as usize).map(String::as_str)
    }

    /// The heads: classes of the model, and the registry's own examples, one class an agent.
    fn learn(&mut self, encoder: &dyn Encoder) -> Result<(), EncodeError> {
        let dims = encoder.dimensions();
        let (mut user, mut system) = match &self.model {
            Some(model) => (model.user.clone(), model.system.clone()),
            None => (Moments::new(dims, 0), Moments::new(dims, 0)),
        };
        let model = self.model.clone();
        self.categories = model.as_ref().map(|model| model.categories.clone()).unwrap_or_default();
        self.category_of =
            (0..self.registry.len()).map(|place| self.nearest_category(place, model.as_deref())).collect();
        for (at, class) in model.iter().flat_map(|model| model.classes.iter().enumerate()) {
            let place = self.registry.place(&class.agent.as_str().into());
            self.heads.places.push(place.map(|place| place as u32));
            self.heads.categories.push(class.category);
            let (from, to) = model.as_ref().map_or((0, 0), |model| model.memory.range(at));
            for row in from..to {
                if let Some(model) = &model {
                    self.memory.push(model.memory.rows.row(row));
                }
            }
            self.memory.close();
        }
        let taught: Vec<(usize, &Agent)> = self
            .registry
            .agents()
            .iter()
            .enumerate()
            .filter(|(_, agent)| !agent.examples.is_empty())
            .collect();
        user.grow(taught.len());
        system.grow(taught.len());
        let mut own: HashMap<&str, u32> = HashMap::new();
        for (place, agent) in taught {
            let class = self.heads.places.len();
            let vectors = agent
                .examples
                .iter()
                .map(|example| encoder.encode(&Text::new(example, None)))
                .collect::<Result<Vec<_>, _>>()?;
            let texts: Vec<(&[f32], Vec<usize>)> = vectors.iter().map(|v| (&v[..], vec![class])).collect();
            user.add(&texts);
            vectors.iter().for_each(|vector| self.memory.push(vector));
            self.memory.close();
            let known = self.category_of.get(place).copied().flatten();
            let category = known.unwrap_or_else(|| {
                let name = agent.categories.first().map_or(agent.id().as_str(), String::as_str);
                *own.entry(name).or_insert_with(|| {
                    self.categories.push(name.to_owned());
                    self.categories.len() as u32 - 1
                })
            });
            if let Some(slot) = self.category_of.get_mut(place) {
                *slot = Some(category);
            }
            self.heads.places.push(Some(place as u32));
            self.heads.categories.push(Some(category));
        }
        for (class, place) in self.heads.places.iter().enumerate() {
            if let Some(classes) = place.and_then(|place| self.classes_of.get_mut(place as usize)) {
                classes.push(class as u32);
            }
        }
        self.heads.user = user.solve(SHRINK).unwrap_or_default();
        self.heads.system = system.solve(SHRINK).unwrap_or_default();
        Ok(())
    }

    /// The category an entry names, where it is known; else the nearest known one, where it is near.
    fn nearest_category(&self, place: usize, model: Option<&AgentModel>) -> Option<u32> {
        let model = model?;
        let agent = self.registry.agents().get(place)?;
        if let Some(named) = agent.categories.first() {
            return model.categories.iter().position(|known| known == named).map(|at| at as u32);
        }
        let own = self.centroid(place);
        let near = model.centroids.iter().enumerate().map(|(at, centroid)| (at, dot(centroid, &own)));
        let (at, cosine) = near.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (cosine >= SAME_CATEGORY).then_some(at as u32)
    }

    /// The mean direction of an agent's texts.
    pub(crate) fn centroid(&self, place: usize) -> Vec<f32> {
        let (from, to) = self.skills.range(place);
        let mut texts: Vec<Vec<f32>> = (from..to).map(|at| self.skills.rows.row(at)).collect();
        texts.push(self.descriptions.row(place));
        texts.push(self.names.row(place));
        mean_direction(texts.iter().map(Vec::as_slice), self.descriptions.dims)
    }

    /// How similar the texts of some agents are to a turn.
    pub(crate) fn text_scores(&self, turn: &Turn, places: &[usize], out: &mut Vec<TextScores>) {
        let (mut user, mut system) = (Vec::new(), Vec::new());
        self.words.scores(&turn.user_words, &mut user);
        self.words.scores(&turn.system_words, &mut system);
        out.clear();
        for place in places {
            let word = |scores: &[f32]| scores.get(*place).copied().unwrap_or(0.0) * WORD_SCALE;
            let heard = |of: &dyn Fn(&Asked) -> f32| turn.heard.as_ref().map_or(0.0, of);
            let skill = |asked: &Asked| self.skills.best(*place, asked).unwrap_or(0.0);
            out.push([
                self.descriptions.dot(*place, &turn.asked),
                skill(&turn.asked),
                self.names.dot(*place, &turn.asked),
                heard(&|asked| self.descriptions.dot(*place, asked)),
                heard(&skill),
                word(&user),
                word(&system),
            ]);
        }
    }
}

/// The direction of a mean; all zeros where there is none.
pub(crate) fn mean_direction<'a>(rows: impl Iterator<Item = &'a [f32]>, dims: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; dims];
    for row in rows {
        crate::estimate::dot::add_scaled(&mut sum, row, 1.0);
    }
    let norm = dot(&sum, &sum).sqrt();
    if norm > 0.0 {
        sum.iter_mut().for_each(|value| *value /= norm);
    }
    sum
}

/// All that an entry says, in words.
fn entry_words(agent: &Agent) -> Vec<String> {
    let mut out = words(agent.id().as_str());
    out.extend(words(&agent.description));
    for skill in &agent.skills {
        out.extend(words(&skill.name));
        out.extend(words(&skill.description));
        out.extend(words(&skill.body));
    }
    for example in &agent.examples {
        out.extend(words(example));
    }
    out
}
