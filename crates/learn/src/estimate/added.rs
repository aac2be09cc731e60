//! What is said of models that were added to an artifact: their columns over what the head says of the trained ones.

use pointsman_kernel::{Spread, Target, Usual};

use super::learned::cost;
use crate::artifact::Body;
use crate::prior::Placed;

/// What is usual for each added model, under one head.
pub(super) struct AddedModels {
    head: usize,
    usual: Vec<OfOne>,
}

struct OfOne {
    quality: f64,
    sd: f64,
    output: Spread,
}

/// What is said of one candidate.
pub(super) struct Said {
    pub(super) quality: Spread,
    pub(super) usual: Usual,
    pub(super) length: Spread,
    /// Few answers placed it.
    pub(super) provisional: bool,
}

impl AddedModels {
    /// `anyone` is the length of the average model's answer to the average prompt. A model's usual quality is what its
    /// column makes of the trained models' usual ones: the mean of its own few grades belongs to other prompts.
    pub(super) fn new(body: &Body, head: usize, anyone: Spread) -> Self {
        let means: Vec<f32> = body.models.iter().map(|model| model.mean_quality as f32).collect();
        let sds = body.heads.get(head).map_or(&[][..], |named| &named.sd);
        let head_sd = f64::from(sds.iter().sum::<f32>()) / sds.len().max(1) as f64;
        let usual = body.added.iter().map(|added| {
            let quality = added.quality(head, &means).unwrap_or_default();
            OfOne { quality: quality.mean, sd: quality.sd.hypot(head_sd), output: added.output(anyone) }
        });
        Self { head, usual: usual.collect() }
    }

    /// Nobody was added.
    pub(super) fn is_empty(&self) -> bool {
        self.usual.is_empty()
    }

    /// What the head's `known` for the trained models says of `target`; `None` where it was not added. `anyone` is the
    /// length of the average model's answer to this prompt.
    pub(super) fn said(
        &self,
        body: &Body,
        target: &Target,
        known: &[f32],
        anyone: Spread,
        usual_input: f64,
    ) -> Option<Said> {
        let (at, added) = body.added(&target.profile)?;
        let own = self.usual.get(at)?;
        let quality = Spread { sd: own.sd, ..added.quality(self.head, known)? };
        let price = target.price.unwrap_or_else(|| Placed::assumed_price(target));
        let limit = target.limits.output_tokens.map_or(f64::INFINITY, f64::from);
        let output = Spread { mean: own.output.mean.min(limit), sd: own.output.sd };
        let cost = cost(&price, usual_input, output).mean;
        Some(Said {
            quality,
            usual: Usual { quality: own.quality, cost: Some(cost), doubt: own.sd },
            length: added.output(anyone),
            provisional: added.is_provisional(),
        })
    }
}
