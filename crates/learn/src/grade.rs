//! What an answer is worth, by a program: quality in [0, 1].
//!
//! A [`Grader`] is chosen for all prompts or for each, by a word (`exact`) or an object with settings
//! (`{"numeric": {"tolerance": 0.01}}`). It is checked when it is made, so that a bad pattern is found before anything has
//! been paid for. A grader that cannot judge one answer says so with a [`GradeError`]; the answer stays ungraded, which
//! is not the same as wrong, and nothing else is touched.
//!
//! Promise: the same answer always gets the same grade; no answer, however odd, stops a grader. Left out: running
//! code that a model wrote. [`judge`] is the one grader that asks somebody; here stand its words and the reading of
//! what comes back, not the call.

mod exact;
pub mod judge;
mod numeric;
mod pattern;
mod reply;
mod schema;

use serde_json::Value;

use numeric::Numeric;
use pattern::Patterns;
use schema::Schema;

/// How answers are graded.
#[derive(Clone, Debug)]
pub enum Grader {
    /// Equal to one of the right answers, but for case, spaces, quotes and a full stop.
    Exact,
    /// The number in it is the right one, within a tolerance.
    Numeric(Numeric),
    /// It matches every pattern and none of those it must not.
    Regex(Patterns),
    /// The JSON in it follows a schema, and equals the right answer where one is given.
    JsonSchema(Box<Schema>),
    /// A model compares it with a reference answer, in both orders.
    Judge,
}

/// An answer that a grader cannot judge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GradeError {
    /// There is nothing to compare with.
    #[error("grader {grader} needs the prompt's `answer`; add it, or choose another grader")]
    NoAnswer {
        /// Which one.
        grader: &'static str,
    },
    /// What there is to compare with does not fit the grader.
    #[error("grader {grader} cannot compare with the prompt's `answer`: it wants {wants}")]
    Answer {
        /// Which one.
        grader: &'static str,
        /// What it can compare with.
        wants: &'static str,
    },
    /// It has to be asked of a model.
    #[error("grader judge has to ask a model; this place cannot")]
    Judge,
}

/// A grader that cannot be made of what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GraderFault(pub(crate) String);

/// The names of all graders.
pub const GRADERS: [&str; 5] = ["exact", "numeric", "regex", "json-schema", "judge"];

impl Grader {
    /// A grader by a word: `exact`, `numeric`, `regex:PATTERN`, `json-schema` or `judge`.
    ///
    /// # Errors
    /// [`GraderFault`] for a word that names none, or a pattern that is none.
    pub fn from_word(word: &str) -> Result<Self, GraderFault> {
        match word.split_once(':') {
            None => Self::from_json(&Value::String(word.to_owned())),
            Some(("regex", pattern)) => Ok(Self::Regex(Patterns::one(pattern)?)),
            Some((name, _)) if GRADERS.contains(&name) => Err(GraderFault(format!(
                "grader {name} takes no `:` and setting here; write its settings as an object beside the prompt"
            ))),
            Some((name, _)) => Err(unknown(name)),
        }
    }

    /// A grader as a prompt's `grader` names it: a word, or an object of one member that holds the settings.
    ///
    /// # Errors
    /// [`GraderFault`] that names what is wrong with it.
    pub fn from_json(value: &Value) -> Result<Self, GraderFault> {
        let (name, settings) = match value {
            Value::String(word) if word.contains(':') => return Self::from_word(word),
            Value::String(word) => (word.as_str(), None),
            Value::Object(members) => match members.iter().next() {
                Some((name, settings)) if members.len() == 1 => (name.as_str(), Some(settings)),
                _ => return Err(GraderFault("a grader object has one member, the grader's name".to_owned())),
            },
            _ => return Err(GraderFault("a grader is a word or an object".to_owned())),
        };
        match name {
            "exact" => none(name, settings).map(|()| Self::Exact),
            "judge" => none(name, settings).map(|()| Self::Judge),
            "numeric" => Numeric::new(settings).map(Self::Numeric),
            "regex" => Patterns::new(settings).map(Self::Regex),
            "json-schema" => Schema::new(settings).map(|schema| Self::JsonSchema(Box::new(schema))),
            other => Err(unknown(other)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Numeric(_) => "numeric",
            Self::Regex(_) => "regex",
            Self::JsonSchema(_) => "json-schema",
            Self::Judge => "judge",
        }
    }

    /// Whether it can grade a prompt that has this right answer, before any model has been asked.
    ///
    /// # Errors
    /// [`GradeError`] where every grade would fail.
    pub fn suits(&self, right: Option<&Value>) -> Result<(), GradeError> {
        match self {
            Self::Judge => Ok(()),
            _ => self.grade("", right).map(drop),
        }
    }

    /// The quality of `answer`, in [0, 1], where `right` is the right one.
    ///
    /// # Errors
    /// [`GradeError`] where it cannot tell; the answer is then ungraded.
    pub fn grade(&self, answer: &str, right: Option<&Value>) -> Result<f32, GradeError> {
        let good = match self {
            Self::Exact => exact::good(answer, right)?,
            Self::Numeric(numeric) => numeric.good(answer, right)?,
            Self::Regex(patterns) => patterns.good(answer),
            Self::JsonSchema(schema) => schema.good(answer, right),
            Self::Judge => return Err(GradeError::Judge),
        };
        Ok(if good { 1.0 } else { 0.0 })
    }
}

fn none(name: &str, settings: Option<&Value>) -> Result<(), GraderFault> {
    match settings {
        None => Ok(()),
        Some(_) => Err(GraderFault(format!("grader {name} has no settings; write \"{name}\""))),
    }
}

fn unknown(name: &str) -> GraderFault {
    GraderFault(format!("there is no grader `{name}`; there are {}", GRADERS.join(", ")))
}

/// The members of a grader's settings, all of them known.
pub(crate) fn members(
    name: &str,
    settings: Option<&Value>,
    known: &[&str],
) -> Result<serde_json::Map<String, Value>, GraderFault> {
    let Some(settings) = settings else { return Ok(serde_json::Map::new()) };
    let Value::Object(members) = settings else {
        return Err(GraderFault(format!("the settings of grader {name} are an object")));
    };
    if let Some(other) = members.keys().find(|key| !known.contains(&key.as_str())) {
        let known = known.join(", ");
        return Err(GraderFault(format!("grader {name} has no setting `{other}`; it has {known}")));
    }
    Ok(members.clone())
}

#[cfg(test)]
mod tests;
