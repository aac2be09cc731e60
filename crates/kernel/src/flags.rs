//! What a request may ask of its answer besides quality and cost: weights that a selector may read, and hard limits that
//! leave candidates out whatever selects.
//!
//! As text: names apart by commas, `fastest, concise, max_cost_usd=0.01, tag=eu`. A weight may be given a number
//! (`fastest=2`); without, it weighs as much as quality and cost together. Names are compared without case, `-` is `_`.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Weights and limits. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Weight of a low cost, besides the preference's.
    #[serde(skip_serializing_if = "is_default")]
    pub cheap: f64,
    /// Weight of a low latency.
    #[serde(skip_serializing_if = "is_default")]
    pub fast: f64,
    /// Weight of a short answer.
    #[serde(skip_serializing_if = "is_default")]
    pub concise: f64,
    /// The most the call is expected to cost.
    #[serde(skip_serializing_if = "is_default")]
    pub max_cost: Option<Money>,
    /// The longest the call is expected to take, in milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub max_latency_ms: Option<u64>,
    /// Labels a target must bear.
    #[serde(skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
}

/// A flag that is none, or one without a sensible value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// Nobody knows it.
    #[error(
        "flag `{0}` is not known; use cheapest, fastest, concise, max_cost_usd=N, max_latency_ms=N or tag=NAME"
    )]
    Unknown(String),
    /// Its value cannot be used.
    #[error("flag `{name}` has the value `{value}`; give {wanted}")]
    Value {
        /// The flag.
        name: String,
        /// What stands behind it.
        value: String,
        /// What should.
        wanted: &'static str,
    },
}

/// The largest weight; beyond it nothing else would count any more.
const HEAVIEST: f64 = 100.0;

impl Flags {
    /// Reads a list of flags.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse(text: &str) -> Result<Self, FlagError> {
        let mut flags = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (part, None),
            };
            flags.set(name, value)?;
        }
        Ok(flags)
    }

    fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), FlagError> {
        let given = value.unwrap_or_default();
        let number = |least: f64, most: f64, wanted| {
            let parsed = given.parse().ok().filter(|number: &f64| (least..=most).contains(number));
            parsed.ok_or_else(|| FlagError::Value { name: name.into(), value: given.into(), wanted })
        };
        let weight = || match value {
            None => Ok(1.0),
            Some(_) => number(0.0, HEAVIEST, "a weight from 0 to 100"),
        };
        match name.to_ascii_lowercase().replace('-', "_").as_str() {
            "cheapest" => self.cheap = weight()?,
            "fastest" => self.fast = weight()?,
            "concise" => self.concise = weight()?,
            "max_cost_usd" => {
                self.max_cost = Some(Money::from_usd(number(0.0, 1e6, "dollars, such as 0.01")?));
            }
            "max_latency_ms" => {
                self.max_latency_ms = Some(number(0.0, 1e9, "milliseconds, such as 2000")? as u64);
            }
            "tag" if !given.is_empty() => self.tags.push(given.to_owned()),
            "tag" => {
                return Err(FlagError::Value { name: name.into(), value: String::new(), wanted: "a label" });
            }
            _ => return Err(FlagError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    /// Whether a selector that reads weights would be told anything.
    #[must_use]
    pub fn weighs(&self) -> bool {
        self.cheap > 0.0 || self.fast > 0.0 || self.concise > 0.0
    }

    /// Whether it limits who may answer.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.max_cost.is_some() || self.max_latency_ms.is_some() || !self.tags.is_empty()
    }

    /// Both: the heavier weights, the tighter limits, all labels.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.cheap = self.cheap.max(other.cheap);
        self.fast = self.fast.max(other.fast);
        self.concise = self.concise.max(other.concise);
        self.max_cost = tighter(self.max_cost, other.max_cost);
        self.max_latency_ms = tighter(self.max_latency_ms, other.max_latency_ms);
        for tag in &other.tags {
            if !self.tags.contains(tag) {
                self.tags.push(tag.clone());
            }
        }
        self
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn tighter<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_whatever_their_case_and_nonsense_is_named() {
        let flags =
            Flags::parse("Fastest, concise=2, max-cost-usd=0.01,max_latency_ms=500, tag=eu,").unwrap();
        assert_eq!((flags.fast, flags.concise, flags.cheap), (1.0, 2.0, 0.0));
        assert_eq!((flags.max_cost, flags.max_latency_ms), (Some(Money(10_000_000)), Some(500)));
        assert_eq!(flags.tags, ["eu"]);
        assert!(Flags::parse(" ").unwrap().is_default());
        for (bad, says) in [
            ("smallest", "smallest"),
            ("fastest=quick", "quick"),
            ("fastest=-1", "weight"),
            ("max_cost_usd", "dollars"),
            ("max_cost_usd=NaN", "NaN"),
            ("tag=", "label"),
        ] {
            assert!(Flags::parse(bad).unwrap_err().to_string().contains(says), "{bad}");
        }
    }

    #[test]
    fn together_the_heavier_weight_and_the_tighter_limit_hold() {
        let of_route = Flags::parse("fastest=3, max_cost_usd=1, tag=eu").unwrap();
        let both = Flags::parse("fastest, cheapest, max_cost_usd=2, max_latency_ms=9, tag=eu").unwrap();
        let both = both.and(&of_route);
        assert_eq!((both.fast, both.cheap, both.tags.len()), (3.0, 1.0, 1));
        assert_eq!((both.max_cost, both.max_latency_ms), (Some(Money::from_usd(1.0)), Some(9)));
    }
}
