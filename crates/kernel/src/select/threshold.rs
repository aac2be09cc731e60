//! Two targets and one threshold: the strong one answers where it is likely enough to win.
//!
//! RouteLLM (arXiv 2406.18665) sends a prompt to the strong model when the predicted probability that its answer beats
//! the weak one's reaches a threshold. From two predicted probabilities of being right, taken as independent, that is
//! `strong * (1 - weak)`: the strong one right and the weak one wrong. The threshold is given, or it is the weight of
//! cost, `1 - w`.
//!
//! Without names the strong one is whoever promises the most quality and the weak one whoever costs least. A named one
//! that is dominated is stood in for by whoever dominates it. Where one of the two is no candidate or does not keep the
//! floor, the other answers; where neither does, the best of the rest.

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::TargetId;
use crate::rng::Rng;
use crate::select::offer::{Offer, Offers};
use crate::select::{Ranking, Selector};

/// Floor, then strong or weak. See the module.
#[derive(Clone, Debug, Default)]
pub struct Threshold {
    /// The strong one.
    pub strong: Option<TargetId>,
    /// The weak one.
    pub weak: Option<TargetId>,
    /// The probability of winning from which the strong one answers.
    pub at: Option<f64>,
}

impl Selector for Threshold {
    fn name(&self) -> &str {
        "threshold"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let at = self.at.unwrap_or(1.0 - goal.prefer.weight());
        let offers = Offers::of(estimates, goal).scored(|offer| offer.quality);
        let undominated = offers.undominated();
        let cheapest = undominated.iter().min_by(|a, b| a.cheaper_first(b));
        let role = |name: &Option<TargetId>, otherwise| {
            role(name.as_ref(), &offers, &undominated, otherwise).filter(|offer| offers.keeps_floor(offer))
        };
        let chosen = match (role(&self.strong, undominated.first()), role(&self.weak, cheapest)) {
            (Some(strong), Some(weak)) if strong.quality * (1.0 - weak.quality) >= at => strong,
            (_, Some(weak)) => weak,
            (Some(strong), None) => strong,
            (None, None) => return offers.ranking(),
        };
        let frontier = offers.frontier();
        let others = frontier.iter().filter(|offer| offer.estimate.target != chosen.estimate.target);
        let order: Vec<&Offer<'_>> = std::iter::once(&chosen).chain(others).copied().collect();
        offers.ranking_of(&order)
    }
}

/// Who plays a role: whoever is named, or dominates who is named; without a name, `otherwise`.
fn role<'o, 'a>(
    name: Option<&TargetId>,
    offers: &'o Offers<'a>,
    undominated: &[&'o Offer<'a>],
    otherwise: Option<&&'o Offer<'a>>,
) -> Option<&'o Offer<'a>> {
    let Some(name) = name else { return otherwise.copied() };
    let named = offers.list.iter().find(|offer| offer.estimate.target == *name)?;
    let plays = |offer: &&&Offer<'a>| offer.estimate.target == *name || offer.dominates(named);
    undominated.iter().find(plays).copied()
}
