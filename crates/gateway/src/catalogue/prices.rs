//! The prices in force: the configuration's first, then the catalogue's, each answer with its origin.

use super::{Catalogue, Match, Price, name};
use std::fmt;

/// A price the operator states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceOverride {
    /// The provider it is for, by any of its usual names; `None` for all.
    pub provider: Option<Box<str>>,
    /// The model as requests or targets name it, or `provider/model`.
    pub model: Box<str>,
    /// The price.
    pub price: Price,
}

/// Where a price comes from. Displayed beside every cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The operator's configuration.
    Config,
    /// The catalogue in the binary.
    Catalogue {
        /// The day the price's source was published, `YYYY-MM-DD`.
        as_of: &'static str,
    },
}

/// A known price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The price.
    pub price: Price,
    /// Whose word it is.
    pub origin: Origin,
    /// How near the name it stands under is to the name asked for.
    pub matched: Match,
}

/// The configuration's prices over the catalogue's.
#[derive(Debug, Clone)]
pub struct Prices {
    overrides: Vec<PriceOverride>,
    catalogue: &'static Catalogue,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Catalogue { as_of } => write!(f, "catalogue {as_of}"),
        }
    }
}

impl Prices {
    pub(super) fn new(overrides: Vec<PriceOverride>, catalogue: &'static Catalogue) -> Self {
        Self { overrides, catalogue }
    }

    /// The price of a model. An override counts for exactly the name it states, case apart, one with a provider before one
    /// without, the first of equals; then [`Catalogue::lookup`]. `None` is unknown, which is not zero.
    pub fn lookup(&self, provider: Option<&str>, model: &str) -> Option<Answer> {
        if let Some(price) = self.stated(provider, model) {
            return Some(Answer { price, origin: Origin::Config, matched: Match::Exact });
        }
        let found = self.catalogue.lookup(provider, model)?;
        let origin = Origin::Catalogue { as_of: found.entry.as_of };
        Some(Answer { price: found.entry.price?, origin, matched: found.matched })
    }

    /// The catalogue beneath, for limits and capabilities.
    pub fn catalogue(&self) -> &'static Catalogue {
        self.catalogue
    }

    fn stated(&self, provider: Option<&str>, model: &str) -> Option<Price> {
        let for_provider = |stated: &PriceOverride| match (&stated.provider, provider) {
            (Some(stated_for), Some(provider)) => {
                name::same_provider(stated_for, provider) && stated.model.eq_ignore_ascii_case(model)
            }
            (Some(stated_for), None) => model.split_once('/').is_some_and(|(prefix, rest)| {
                name::same_provider(stated_for, prefix) && stated.model.eq_ignore_ascii_case(rest)
            }),
            (None, Some(provider)) => stated.model.split_once('/').is_some_and(|(prefix, rest)| {
                name::same_provider(prefix, provider) && rest.eq_ignore_ascii_case(model)
            }),
            (None, None) => false,
        };
        let for_all =
            |stated: &PriceOverride| stated.provider.is_none() && stated.model.eq_ignore_ascii_case(model);
        let first = |rule: &dyn Fn(&PriceOverride) -> bool| self.overrides.iter().find(|stated| rule(stated));
        first(&for_provider).or_else(|| first(&for_all)).map(|stated| stated.price)
    }
}
