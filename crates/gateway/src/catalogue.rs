//! What models cost and hold: a catalogue inside the binary, and the configuration's own prices before it.
//!
//! Promises: amounts are whole nano-dollars per million tokens, exact as published; an unknown price is `None` and never
//! zero; every answer tells where it comes from and of what day. A name is found as it is written, or by one of the
//! rewritings listed at [`Catalogue::lookup`], and then the answer says so; beyond that nothing is guessed.
//!
//! Leaves out: dearer tiers for long contexts, batch and priority prices, images and audio. The data, their sources and
//! the rules by which they were joined: `tools/prices` and `data/NOTICE`.

use std::cmp::Ordering;
use std::sync::LazyLock;

mod money;
mod name;
mod prices;
mod row;

pub use money::{NotAnAmount, nano_per_million};
pub use name::{family, is_chat_model_name, mode_of_name, parameters_b};
pub use prices::{Answer, Origin, PriceOverride, Prices};
pub use row::CatalogueError;

/// What a provider asks for a million tokens, in nano-dollars (2.50 USD is 2 500 000 000).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Tokens read.
    pub input: u64,
    /// Tokens written; zero for embeddings.
    pub output: u64,
    /// Tokens read from the provider's prompt cache; `None` where the source gives no such price.
    pub cached_input: Option<u64>,
    /// Tokens written to the provider's prompt cache; `None` where the source gives no such price.
    pub cache_write: Option<u64>,
}

/// What a model answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Text, by chat completions.
    Chat,
    /// Vectors.
    Embedding,
    /// Anything else: images, speech, scores, plain completions.
    Other,
}

/// One model at one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The catalogue's one name for the provider, as `openai` or `gemini`.
    pub provider: &'static str,
    /// The provider's name for the model.
    pub model: &'static str,
    /// `None`: listed, but nobody says the price.
    pub price: Option<Price>,
    /// Most tokens of input.
    pub context: Option<u32>,
    /// Most tokens of output.
    pub max_output: Option<u32>,
    /// Calls tools; `None` where no source says.
    pub tools: Option<bool>,
    /// Reads images; `None` where no source says.
    pub vision: Option<bool>,
    /// Thinks before it answers; `None` where no source says.
    pub reasoning: Option<bool>,
    /// What it answers with.
    pub mode: Mode,
    /// The day the source of this row was published, `YYYY-MM-DD`.
    pub as_of: &'static str,
}

/// How near the entry found is to the name asked for. Later is farther.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// The same name, at the provider asked for or, with none asked for, at the model's maker.
    Exact,
    /// Another spelling of the same model, or its maker's price where the provider asked for does not list it.
    Alias,
    /// The dated version is not listed; this is the undated one.
    Undated,
}

/// An entry and how it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// How near it is.
    pub matched: Match,
}

/// All entries, by lower-case model, then provider.
#[derive(Debug, Default)]
pub struct Catalogue {
    as_of: &'static str,
    entries: Vec<Entry>,
}

impl Entry {
    /// Whether chat requests can be sent to it.
    pub fn is_chat(&self) -> bool {
        self.mode == Mode::Chat
    }

    /// The family its name tells; see [`family`].
    pub fn family(&self) -> Option<&'static str> {
        family(self.model)
    }

    /// Billions of parameters its name tells; see [`parameters_b`].
    pub fn parameters_b(&self) -> Option<f64> {
        parameters_b(self.model)
    }
}

impl Catalogue {
    /// The catalogue in the binary, read at the first call.
    pub fn embedded() -> &'static Self {
        // A file that does not parse never leaves the tests. Should it, no price is known, which is the truth then.
        static EMBEDDED: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::parse(include_str!("../data/prices.tsv")).unwrap_or_default());
        &EMBEDDED
    }

    /// Reads a catalogue of the form its header tells.
    ///
    /// # Errors
    /// The first line that is not a row or out of order, with its number.
    pub fn parse(text: &'static str) -> Result<Self, CatalogueError> {
        row::parse(text).map(|(as_of, entries)| Self { as_of, entries })
    }

    /// The day of the newest source, `YYYY-MM-DD`. A row may be older: [`Entry::as_of`].
    pub fn as_of(&self) -> &'static str {
        self.as_of
    }

    /// All entries, by model and provider.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds a model, case apart, by the first of these that is listed:
    ///
    /// 1. the name as it is. With a provider: its own row, with or without `provider/` before the name; then, for families
    ///    that only their maker sells (`gpt`, `claude`, `gemini` ...), the maker's row. With none: the maker's row; the row of the
    ///    provider that a `provider/` before the name tells; any provider's, if all that list it ask the same;
    /// 2. the same without a suffix that leaves the price alone: `:beta`, `:extended`, `:latest`, `:thinking`, and the owner's
    ///    part of a fine-tuned `ft:` name. Not `:free`, `:nitro`, `:floor`, `:online`: their price is another;
    /// 3. the same without a date at its end (`-2024-08-06`, `-20241022`, `-08-2024`, `@20241022`) or `-latest`.
    ///
    /// Providers go by any of their usual names (`google` finds `gemini`). `None` is unknown, and so is an entry without a price:
    /// open weights on a host that does not list them have no price here, whatever others ask.
    pub fn lookup(&self, provider: Option<&str>, model: &str) -> Option<Found<'_>> {
        let provider = provider.map(name::canonical_provider);
        let plain = name::without_suffix(model);
        let names = [
            (Some(model), Match::Exact),
            (plain, Match::Alias),
            (name::undated(model), Match::Undated),
            (plain.and_then(name::undated), Match::Undated),
        ];
        names.into_iter().find_map(|(model, at_best)| {
            let found = match provider {
                Some(provider) => self.at_provider(provider, model?),
                None => self.anywhere(model?),
            }?;
            Some(Found { matched: found.matched.max(at_best), ..found })
        })
    }

    /// These prices with the configuration's before them.
    pub fn with_overrides(&'static self, overrides: Vec<PriceOverride>) -> Prices {
        Prices::new(overrides, self)
    }

    fn at_provider(&self, provider: &str, model: &str) -> Option<Found<'_>> {
        if let Some(entry) = self.at(provider, model) {
            return Some(Found { entry, matched: Match::Exact });
        }
        let own = model.split_once('/').filter(|(head, _)| name::same_provider(head, provider));
        if let Some(entry) = own.and_then(|(_, rest)| self.at(provider, rest)) {
            return Some(Found { entry, matched: Match::Alias });
        }
        let mut rest = Some(model);
        while let Some(model) = rest {
            if let Some(entry) = self.at_maker(model, name::Weights::Closed) {
                return Some(Found { entry, matched: Match::Alias });
            }
            rest = model.split_once('/').map(|(_, rest)| rest);
        }
        None
    }

    fn anywhere(&self, model: &str) -> Option<Found<'_>> {
        if let Some(entry) = self.at_maker(model, name::Weights::Any) {
            return Some(Found { entry, matched: Match::Exact });
        }
        let mut whole = model;
        while let Some((head, rest)) = whole.split_once('/') {
            let head = name::canonical_provider(head);
            if self.lists(head) {
                // It says who serves it: what others ask is beside the point.
                return self.at_provider(head, rest).map(|found| Found { matched: Match::Alias, ..found });
            }
            if let Some(entry) = self.at_maker(rest, name::Weights::Any) {
                return Some(Found { entry, matched: Match::Alias });
            }
            whole = rest;
        }
        self.same_everywhere(model).map(|entry| Found { entry, matched: Match::Alias })
    }

    fn at(&self, provider: &str, model: &str) -> Option<&Entry> {
        self.all_named(model).iter().find(|entry| entry.provider.eq_ignore_ascii_case(provider))
    }

    fn at_maker(&self, model: &str, weights: name::Weights) -> Option<&Entry> {
        name::makers(model, weights).iter().find_map(|maker| self.at(maker, model))
    }

    fn same_everywhere(&self, model: &str) -> Option<&Entry> {
        let mut priced = self.all_named(model).iter().filter(|entry| entry.price.is_some());
        let first = priced.next()?;
        priced.all(|entry| entry.price == first.price).then_some(first)
    }

    fn all_named(&self, model: &str) -> &[Entry] {
        let from = self.entries.partition_point(|entry| ignoring_case(entry.model, model) == Ordering::Less);
        let rest = self.entries.get(from..).unwrap_or_default();
        let to = rest.partition_point(|entry| ignoring_case(entry.model, model) == Ordering::Equal);
        rest.get(..to).unwrap_or_default()
    }

    fn lists(&self, provider: &str) -> bool {
        self.entries.iter().any(|entry| entry.provider.eq_ignore_ascii_case(provider))
    }
}

/// The order of a catalogue: lower-case model, then provider.
fn by_name(a: &Entry, b: &Entry) -> Ordering {
    ignoring_case(a.model, b.model).then_with(|| a.provider.cmp(b.provider))
}

fn ignoring_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
