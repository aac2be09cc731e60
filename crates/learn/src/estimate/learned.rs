//! The estimator that a route asks: a head for quality, the length predictor for cost, the prior for strangers.

use std::borrow::Cow;
use std::sync::Arc;

use pointsman_kernel::{
    Candidates, Estimate, Estimates, Estimator, Facts, Price, Signals, Source, Spread, Target, Usual,
};

use super::added::AddedModels;
use super::{Named, because, predict};
use crate::artifact::Body;
use crate::prior::{Placed, demand};

/// The name under which estimates for unknown targets stand.
const PRIOR: &str = "prior";
/// How far off, in quality, a dated model may be from what stands behind its undated name today.
const STAND_IN_DOUBT: f64 = 0.1;

/// One head of an artifact, ready to be asked.
pub(crate) struct Learned {
    body: Arc<Body>,
    head: usize,
    name: Cow<'static, str>,
    /// Tokens of each model's usual answer, and of a usual prompt: what its usual cost is made of.
    usual_output: Vec<Spread>,
    usual_input: f64,
    added: AddedModels,
}

impl Learned {
    pub(crate) fn new(body: Arc<Body>, head: usize, name: &str) -> Self {
        // The input of the average prompt is zero.
        let average = vec![0.0; body.input.dimensions()];
        let usual_output = (0..body.models.len()).map(|model| body.lengths.of(model, &average)).collect();
        let read = body.reference.iter().map(|(input, _)| f64::from(*input)).sum::<f64>();
        let usual_input = read / body.reference.len().max(1) as f64;
        let added = AddedModels::new(&body, head, body.lengths.of_anyone(&average));
        Self { body, head, name: Cow::Owned(name.to_owned()), usual_output, usual_input, added }
    }

    /// What a known model brings whatever the prompt, at the target's price.
    fn usual(&self, model: usize, target: &Target, doubt: f64) -> Option<Usual> {
        let known = self.body.models.get(model)?;
        let length = self.usual_output.get(model)?;
        let limit = target.limits.output_tokens.map_or(f64::INFINITY, f64::from);
        let output = Spread { mean: length.mean.min(limit), sd: length.sd };
        let price = target.price.unwrap_or_else(|| Placed::assumed_price(target));
        let cost = cost(&price, self.usual_input, output).mean;
        Some(Usual { quality: known.mean_quality, cost: Some(cost), doubt })
    }

    fn head(&self) -> Option<&Named> {
        self.body.heads.get(self.head)
    }
}

impl Estimator for Learned {
    fn estimate(&self, signals: &Signals, _: &Facts, candidates: &Candidates, out: &mut Estimates) {
        let body = &*self.body;
        let view = body.input.view(signals);
        let x = &view.x;
        let mut quality = Vec::with_capacity(body.models.len());
        if let Some(named) = self.head() {
            predict(&body.heads, &named.head, &view, &mut quality);
        }
        let ease = quality.iter().sum::<f32>() / quality.len().max(1) as f32;
        let best = quality.iter().copied().fold(0.0, f32::max);
        out.difficulty = Some(f64::from(1.0 - ease));
        out.unlike = body.likeness.unlike(&view);
        out.list.clear();
        out.list.reserve(candidates.kept.len());
        let mut anyone: Option<Spread> = None;
        let relief = demand::relief(&signals.features);
        for target in &candidates.kept {
            if !self.added.is_empty() {
                let anyone = *anyone.get_or_insert_with(|| body.lengths.of_anyone(x));
                if let Some(said) = self.added.said(body, target, &quality, anyone, self.usual_input) {
                    let learned = Source::learned(self.name.clone());
                    let source = Source { provisional: said.provisional, ..learned };
                    let estimate = priced(target, said.quality, said.length, signals, source);
                    out.list.push(Estimate { usual: Some(said.usual), ..estimate });
                    continue;
                }
            }
            let known = body.position(&target.profile);
            let value = known.and_then(|model| Some((model, *quality.get(model)?)));
            let (quality, usual, length, source) = match value {
                Some((model, mean)) => {
                    let sd = self.head().and_then(|named| named.sd.get(model)).copied().unwrap_or(0.1);
                    let stands_in = body.stands_in(&target.profile, model);
                    let doubt = if stands_in.is_some() { STAND_IN_DOUBT } else { 0.0 };
                    let length = body.lengths.of(model, x);
                    let because =
                        self.head().map(|named| because(&named.head, &view, model)).unwrap_or_default();
                    let source = Source { stands_in, because, ..Source::learned(self.name.clone()) };
                    let quality = Spread { mean: f64::from(mean), sd: f64::from(sd).hypot(doubt) };
                    (quality, self.usual(model, target, quality.sd), length, source)
                }
                None => {
                    let placed = body.prior.place(target);
                    let mean = body.prior.quality(&placed, f64::from(ease), relief, f64::from(best));
                    let length = *anyone.get_or_insert_with(|| body.lengths.of_anyone(x));
                    let source = Source::provisional(PRIOR);
                    (Spread { mean, sd: body.prior.sd(&placed) }, None, length, source)
                }
            };
            out.list.push(Estimate { usual, ..priced(target, quality, length, signals, source) });
        }
    }
}

fn priced(target: &Target, quality: Spread, length: Spread, signals: &Signals, source: Source) -> Estimate {
    let limit = signals.max_output_tokens.or(target.limits.output_tokens).map_or(f64::INFINITY, f64::from);
    let output_tokens = Spread { mean: length.mean.min(limit), sd: length.sd.min(limit) };
    let cost = match target.price {
        Some(price) => cost(&price, f64::from(signals.input_tokens), output_tokens),
        // Nobody said what it charges: what its size would suggest stands in for the estimate, never for the ledger.
        None => {
            let assumed = Placed::assumed_price(target);
            let cost = cost(&assumed, f64::from(signals.input_tokens), output_tokens);
            Spread { mean: cost.mean, sd: cost.sd.hypot(2.0 * cost.mean) }
        }
    };
    Estimate {
        target: target.id.clone(),
        quality,
        output_tokens,
        cost: Some(cost),
        latency_ms: None,
        usual: None,
        source,
    }
}

/// Nano-dollars for a call of this length.
pub(super) fn cost(price: &Price, input_tokens: f64, output: Spread) -> Spread {
    let (each_in, each_out) = (price.input.0 as f64 / 1e6, price.output.0 as f64 / 1e6);
    Spread {
        mean: price.per_call.0 as f64 + each_in * input_tokens + each_out * output.mean,
        sd: each_out * output.sd,
    }
}
