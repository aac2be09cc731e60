//! What a choice is for: the trade of quality against cost, the floor, and the baseline savings are told against.
//!
//! Estimators know nothing of goals; one estimator serves every policy.

use serde::{Deserialize, Serialize};

use crate::flags::Flags;
use crate::id::TargetId;
use crate::money::Money;

/// The weight of quality against cost, in [0, 1]: 1 is `quality`, 0.5 `balanced`, 0 `cost`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Preference(f64);

/// A number outside [0, 1], or a word that is none of the three.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("preference `{0}` is not known; use quality, balanced, cost or a number from 0 to 1")]
pub struct PreferenceError(pub String);

/// What a choice is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The weight of quality.
    pub prefer: Preference,
    /// Share of the predicted best quality that `balanced` keeps at least; see [`Goal::floor_share`].
    pub floor: f64,
    /// The target savings are told against; the dearest where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<TargetId>,
    /// The fixed scale costs are weighed on.
    pub scale: CostScale,
    /// The share of choices that are drawn by chance ([`crate::explore`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub explore: f64,
    /// What is asked for besides.
    #[serde(default, skip_serializing_if = "Flags::is_default")]
    pub flags: Flags,
}

/// The two costs between which cost is weighed, on a logarithm: below `low` is as good as free, above `high` as bad
/// as it gets. Fixed for a configuration, so that one target's standing does not depend on which others are there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostScale {
    /// The 5th percentile of the calibration costs, in nano-dollars.
    pub low: f64,
    /// The 95th.
    pub high: f64,
}

impl Preference {
    /// Quality first.
    pub const QUALITY: Self = Self(1.0);
    /// The default.
    pub const BALANCED: Self = Self(0.5);
    /// Cost first.
    pub const COST: Self = Self(0.0);

    /// A weight of quality in [0, 1].
    ///
    /// # Errors
    /// Outside that range, or NaN.
    pub fn new(weight: f64) -> Result<Self, PreferenceError> {
        if (0.0..=1.0).contains(&weight) {
            Ok(Self(weight))
        } else {
            Err(PreferenceError(weight.to_string()))
        }
    }

    /// The weight of quality.
    #[must_use]
    pub fn weight(self) -> f64 {
        self.0
    }
}

impl std::str::FromStr for Preference {
    type Err = PreferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "quality" => Ok(Self::QUALITY),
            "balanced" => Ok(Self::BALANCED),
            "cost" => Ok(Self::COST),
            other => other
                .parse()
                .ok()
                .and_then(|w| Self::new(w).ok())
                .ok_or_else(|| PreferenceError(other.to_owned())),
        }
    }
}

impl Goal {
    /// The share of the predicted best quality that `balanced` keeps unless a route says otherwise.
    pub const DEFAULT_FLOOR: f64 = 0.98;

    /// The default goal on a scale, without chance and without flags.
    #[must_use]
    pub fn balanced(scale: CostScale) -> Self {
        Self {
            prefer: Preference::BALANCED,
            floor: Self::DEFAULT_FLOOR,
            baseline: None,
            scale,
            explore: 0.0,
            flags: Flags::default(),
        }
    }

    /// The share of the predicted best quality that a choice must keep at this preference: nothing at `cost`, `floor`
    /// at `balanced`, all of it at `quality`, in straight lines between, so that it never falls as quality weighs more.
    #[must_use]
    pub fn floor_share(&self) -> f64 {
        let w = self.prefer.weight();
        let floor = self.floor.clamp(0.0, 1.0);
        if w <= 0.5 { floor * w * 2.0 } else { floor + (1.0 - floor) * (w - 0.5) * 2.0 }
    }
}

impl CostScale {
    /// The scale of a calibration set: its 5th and 95th percentile by nearest rank. Costs of zero are left out: a
    /// free target stands at the good end of any scale.
    #[must_use]
    pub fn of(costs: impl IntoIterator<Item = Money>) -> Self {
        let mut costs: Vec<u64> = costs.into_iter().map(|c| c.0).filter(|&c| c > 0).collect();
        costs.sort_unstable();
        let at = |share: f64| {
            let rank = (share * costs.len() as f64).ceil() as usize;
            costs.get(rank.max(1) - 1).map_or(1.0, |&c| c as f64)
        };
        Self { low: at(0.05), high: at(0.95) }
    }

    /// How good a cost is: 1 at `low` or below, 0 at `high` or above, straight in its logarithm between. Where the
    /// scale has no width every cost above it is bad and every other good.
    #[must_use]
    pub fn goodness(&self, nanodollars: f64) -> f64 {
        if nanodollars <= self.low {
            return 1.0;
        }
        if nanodollars >= self.high {
            return 0.0;
        }
        let width = (self.high / self.low).ln();
        (1.0 - (nanodollars / self.low).ln() / width).clamp(0.0, 1.0)
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_preferences_and_nothing_else_is() {
        assert_eq!("quality".parse(), Ok(Preference::QUALITY));
        assert_eq!("0.25".parse::<Preference>().unwrap().weight(), 0.25);
        for bad in ["", "fast", "1.01", "-0.1", "NaN"] {
            assert!(bad.parse::<Preference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_floor_rises_with_the_preference_and_is_kept_at_balanced() {
        let scale = CostScale { low: 1.0, high: 10.0 };
        let at = |w| Goal { prefer: Preference::new(w).unwrap(), ..Goal::balanced(scale) }.floor_share();
        assert_eq!((at(0.0), at(0.5), at(1.0)), (0.0, 0.98, 1.0));
        assert!((0..100).all(|i| at(f64::from(i) / 100.0) <= at(f64::from(i + 1) / 100.0)));
    }

    #[test]
    fn a_scale_is_logarithmic_and_clamped() {
        let scale = CostScale { low: 10.0, high: 1000.0 };
        assert_eq!(scale.goodness(0.0), 1.0);
        assert!((scale.goodness(100.0) - 0.5).abs() < 1e-12);
        assert_eq!(scale.goodness(1e9), 0.0);
        let flat = CostScale::of([Money(5), Money(5), Money(0)]);
        assert_eq!((flat.goodness(5.0), flat.goodness(6.0)), (1.0, 0.0));
        assert_eq!(CostScale::of([]).goodness(0.0), 1.0);
    }
}
