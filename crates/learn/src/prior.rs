//! Where a target stands that the artifact has never seen.
//!
//! Known of it are at most its price, its family, its size and its context length, and none of them is proof. So this
//! is a stated prior, not a guess by name: its quality is marked provisional and its spread is wide.
//!
//! - *Ability* is log odds above the artifact's average model: a slope times the logarithm of the price (three parts
//!   read, one written), drawn to what the artifact's own models show; half of it by the size's usual price where the
//!   size is known too; a family's usual distance from that line; a little for a long context.
//! - *Quality* is the artifact's best prediction for the prompt times a logistic curve in ability and in how easy
//!   the prompt looks (log odds of the mean prediction, and what the text itself demands: [`demand`]). So a stranger is never placed above the best known model, easy
//!   prompts close the gaps between strangers and hard ones open them: that is what lets a pool of strangers alone be
//!   routed by difficulty.

pub(crate) mod demand;

use pointsman_kernel::{Price, Target};
use serde::{Deserialize, Serialize};

/// Ability for each e-fold of price, before the artifact's models have their say.
pub(crate) const STATED_SLOPE: f64 = 0.35;
/// Steepness of quality in the prompt's ease, where it looks easier than average: there gaps close fast.
const STEEPNESS_EASY: f64 = 4.0;
/// And where it looks harder: there known models fall off no faster.
const STEEPNESS_HARD: f64 = 1.0;
/// Log odds that a target of top ability reaches the artifact's best on an average prompt.
const HEAD_START: f64 = 2.0;
/// Dollars per million tokens, for models of up to so many billion parameters; the last for all that are larger.
const TIERS: [(f32, f64); 6] =
    [(4.0, 0.1), (8.5, 0.2), (21.0, 0.3), (41.0, 0.8), (80.0, 0.9), (f32::INFINITY, 3.0)];
/// The price of a model of which not even the size is known.
const UNSIZED: f64 = 1.0;
/// A written token costs this many read ones where only one figure is known.
const OUTPUT_OVER_INPUT: f64 = 3.0;

/// What strangers are placed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prior {
    /// Ability for each e-fold of price.
    pub(crate) slope: f64,
    /// ln of the price at which ability is 0.
    pub(crate) centre: f64,
    /// The artifact's strongest model.
    pub(crate) top: f64,
    /// Log odds of the mean prediction on an average prompt.
    pub(crate) ease: f64,
    /// Families by name and their distance from the line.
    pub(crate) families: Vec<(String, f64)>,
}

/// A target's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) ability: f64,
    /// How much of what could be known is not: 0 with a price, more without.
    pub(crate) doubt: f64,
}

impl Default for Prior {
    fn default() -> Self {
        Self { slope: STATED_SLOPE, centre: UNSIZED.ln(), top: 1.0, ease: 0.5, families: Vec::new() }
    }
}

impl Prior {
    /// A target's ability from what its configuration says.
    pub(crate) fn place(&self, target: &Target) -> Placed {
        let by_price = target.price.and_then(|price| blended(&price)).map(|price| self.at_price(price));
        let by_size = target.lineage.parameters_b.map(|size| self.at_price(tier(size)));
        let (base, doubt) = match (by_price, by_size) {
            (Some(price), Some(size)) => (f64::midpoint(price, size), 0.0),
            (Some(price), None) => (price, 0.0),
            (None, Some(size)) => (size, 0.04),
            (None, None) => (self.at_price(UNSIZED) - 0.3, 0.08),
        };
        let family = target.lineage.family.as_deref().and_then(|name| {
            self.families
                .iter()
                .find(|(family, _)| family.eq_ignore_ascii_case(name))
                .map(|(_, distance)| *distance)
        });
        let context = target
            .limits
            .context_tokens
            .map_or(0.0, |tokens| (0.05 * (f64::from(tokens.max(1)) / 32_768.0).log2()).clamp(-0.2, 0.2));
        Placed { ability: base + family.unwrap_or(0.0) + context, doubt }
    }

    /// Expected quality on a prompt with this mean and this best prediction over the artifact's models, and with this
    /// much more ease (log odds) than they show; see [`demand::relief`].
    pub(crate) fn quality(&self, placed: &Placed, mean: f64, relief: f64, best: f64) -> f64 {
        let learned = crate::estimate::dot::logit(mean) - self.ease;
        // A text that demands much is not made easy by its likeness to easy ones: a riddle reads like a school sum.
        let ease = relief + if relief < 0.0 { learned.min(0.0) } else { learned };
        let steepness = if ease > 0.0 { STEEPNESS_EASY } else { STEEPNESS_HARD };
        let odds = steepness * ease + placed.ability - self.top + HEAD_START;
        (best / (1.0 + (-odds).exp())).clamp(0.0, 1.0)
    }

    /// One standard deviation of that.
    pub(crate) fn sd(&self, placed: &Placed) -> f64 {
        0.15 + placed.doubt
    }

    fn at_price(&self, price: f64) -> f64 {
        (self.slope * (price.ln() - self.centre)).clamp(-2.0, 2.0)
    }
}

impl Placed {
    /// What a target of this size usually charges, for estimates alone.
    pub(crate) fn assumed_price(target: &Target) -> Price {
        let each = target.lineage.parameters_b.map_or(UNSIZED, tier);
        Price::per_million_usd(
            each,
            if target.lineage.parameters_b.is_some() { each } else { OUTPUT_OVER_INPUT * each },
        )
    }
}

/// Dollars per million tokens, three parts read and one written; `None` for what is charged otherwise or is free.
pub(crate) fn blended(price: &Price) -> Option<f64> {
    let value = (3.0 * price.input.usd_per_million() + price.output.usd_per_million()) / 4.0;
    (value > 0.0).then_some(value)
}

fn tier(parameters_b: f32) -> f64 {
    TIERS.iter().find(|(most, _)| parameters_b <= *most).map_or(UNSIZED, |(_, price)| *price)
}

#[cfg(test)]
mod tests {
    use pointsman_kernel::Target;

    use super::Prior;

    #[test]
    fn dearer_and_larger_targets_are_placed_higher_and_unknown_ones_more_doubtfully() {
        let prior = Prior::default();
        let priced = |output: f64| prior.place(&Target::named("x").priced(output / 4.0, output));
        assert!(priced(15.0).ability > priced(0.6).ability);
        let sized = |size: f32| {
            let mut target = Target::named("x");
            target.lineage.parameters_b = Some(size);
            prior.place(&target)
        };
        assert!(sized(70.0).ability > sized(3.0).ability);
        let unknown = prior.place(&Target::named("x"));
        assert!(
            prior.sd(&unknown) > prior.sd(&sized(70.0)) && prior.sd(&sized(70.0)) > prior.sd(&priced(1.0))
        );
    }

    #[test]
    fn easy_prompts_close_gaps_hard_ones_open_them_and_nobody_passes_the_best_known() {
        let prior = Prior::default();
        let weak = prior.place(&Target::named("weak").priced(0.1, 0.2));
        let strong = prior.place(&Target::named("strong").priced(5.0, 25.0));
        let share =
            |mean: f64| prior.quality(&weak, mean, 0.0, 0.95) / prior.quality(&strong, mean, 0.0, 0.95);
        assert!(
            share(0.95) > 0.98 && share(0.5) < 0.9 && share(0.95) > share(0.8) && share(0.8) > share(0.5)
        );
        for mean in [0.0, 0.3, 0.99, 1.0] {
            assert!((0.0..=0.9).contains(&prior.quality(&strong, mean, 0.0, 0.9)));
        }
    }
}
