//! Money is an integer number of nano-dollars; it is never a float where it is added up.
//!
//! A price is nano-dollars per million tokens, which holds every list price exactly (0.0375 USD per million is
//! 37,500,000). Costs round up: a budget that is kept must not be kept by rounding.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// An amount in nano-dollars (1e-9 USD). Sums saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub u64);

/// Nano-dollars for one million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenPrice(pub u64);

/// What a target charges. Unknown is `Option<Price>::None`, which is not the same as free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// For tokens read that were not cached.
    pub input: TokenPrice,
    /// For tokens written, reasoning included.
    pub output: TokenPrice,
    /// For tokens read from the provider's prompt cache; the input price where it is not given.
    #[serde(default)]
    pub cached_input: Option<TokenPrice>,
    /// For tokens written to the provider's prompt cache; the input price where it is not given.
    #[serde(default)]
    pub cache_write: Option<TokenPrice>,
    /// For the call itself, whatever its length.
    #[serde(default)]
    pub per_call: Money,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars, rounded to the nearest nano-dollar; negative and NaN become zero.
    #[must_use]
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e9).round().max(0.0) as u64)
    }

    /// In dollars, for showing.
    #[must_use]
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The difference, not below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// Dollars with nine decimals at most and no trailing zeros: `0.00012`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if nanos == 0 {
            return write!(f, "{dollars}");
        }
        let decimals = format!("{nanos:09}");
        write!(f, "{dollars}.{}", decimals.trim_end_matches('0'))
    }
}

impl TokenPrice {
    /// From dollars per million tokens, as price lists print them.
    #[must_use]
    pub fn from_usd_per_million(usd: f64) -> Self {
        Self((usd * 1e9).round().max(0.0) as u64)
    }

    /// In dollars per million tokens, for showing.
    #[must_use]
    pub fn usd_per_million(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// What `tokens` cost, rounded up.
    #[must_use]
    pub fn cost(self, tokens: u64) -> Money {
        let nanos = u128::from(self.0) * u128::from(tokens);
        Money(u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl Price {
    /// A price per million tokens read and written, in dollars.
    #[must_use]
    pub fn per_million_usd(input: f64, output: f64) -> Self {
        Self {
            input: TokenPrice::from_usd_per_million(input),
            output: TokenPrice::from_usd_per_million(output),
            ..Self::default()
        }
    }

    /// What a call costs that reads `input` tokens (of which `cached` came from and `written` went to the
    /// provider's cache) and writes `output`.
    #[must_use]
    pub fn cost(&self, input: u64, cached: u64, written: u64, output: u64) -> Money {
        let plain = input.saturating_sub(cached).saturating_sub(written);
        self.input.cost(plain)
            + self.cached_input.unwrap_or(self.input).cost(cached)
            + self.cache_write.unwrap_or(self.input).cost(written)
            + self.output.cost(output)
            + self.per_call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_prices_are_exact_and_costs_round_up() {
        let price = Price::per_million_usd(0.0375, 0.15);
        assert_eq!(price.input, TokenPrice(37_500_000));
        assert_eq!(price.cost(1, 0, 0, 0), Money(38));
        assert_eq!(price.cost(2_000_000, 0, 0, 1_000_000), Money::from_usd(0.225));
    }

    #[test]
    fn cached_tokens_are_paid_once_at_their_own_price() {
        let price = Price {
            cached_input: Some(TokenPrice::from_usd_per_million(0.1)),
            ..Price::per_million_usd(1.0, 2.0)
        };
        assert_eq!(price.cost(1_000_000, 1_000_000, 0, 0), Money::from_usd(0.1));
        assert_eq!(price.cost(1_000_000, 0, 1_000_000, 0), Money::from_usd(1.0));
    }

    #[test]
    fn money_prints_without_an_exponent() {
        assert_eq!(Money(120_000).to_string(), "0.00012");
        assert_eq!(Money(3_000_000_000).to_string(), "3");
        assert_eq!(Money(u64::MAX) + Money(1), Money(u64::MAX));
    }
}
