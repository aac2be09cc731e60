//! A decision for people: every candidate with what was expected of it, or the reason it was left out.

use pointsman_kernel::{Contribution, Decision};
use serde::Serialize;

/// A decision for people.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The decision's id.
    pub decision_id: String,
    /// The route that decided.
    pub route: String,
    /// Who was chosen; nothing where nobody may answer.
    pub target: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The weight of quality.
    pub prefer: f64,
    /// The share of the predicted best quality that is kept.
    pub floor: f64,
    /// How hard the prompt looks, in [0, 1].
    pub difficulty: Option<f64>,
    /// Estimated tokens to be read.
    pub input_tokens: u32,
    /// Fingerprint of the encoder whose vector was decided by.
    pub encoder: String,
    /// In order, those left out last.
    pub candidates: Vec<ExplainedCandidate>,
}

/// One target of the route.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedCandidate {
    /// Its name.
    pub target: String,
    /// Expected quality, in [0, 1].
    pub quality: Option<f64>,
    /// How far off that tends to be.
    pub quality_sd: Option<f64>,
    /// Expected cost in dollars.
    pub cost_usd: Option<f64>,
    /// Expected tokens written.
    pub output_tokens: Option<f64>,
    /// Expected milliseconds to the end, where known.
    pub latency_ms: Option<f64>,
    /// The selector's score.
    pub score: Option<f64>,
    /// A stated prior stands in for training data.
    pub provisional: bool,
    /// The learned model that stands in for this one: the newest dated one of an undated name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_in: Option<String>,
    /// What moved the expected quality most, beside the average prompt, where the estimator can tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Contribution>,
    /// Why it stands where it stands, or why it was left out.
    pub reason: String,
    /// It was left out.
    pub left_out: bool,
}

impl Explained {
    /// Explains a decision.
    pub fn of(decision: &Decision) -> Self {
        let ranked = decision.ranking.0.iter().map(|ranked| {
            let estimate = decision.estimates.of(&ranked.target);
            ExplainedCandidate {
                target: ranked.target.to_string(),
                quality: estimate.map(|e| e.quality.mean),
                quality_sd: estimate.map(|e| e.quality.sd),
                cost_usd: estimate.and_then(|e| e.cost).map(|cost| cost.mean / 1e9),
                output_tokens: estimate.map(|e| e.output_tokens.mean),
                latency_ms: estimate.and_then(|e| e.latency_ms).map(|latency| latency.mean),
                score: Some(ranked.score),
                provisional: estimate.is_some_and(|e| e.source.provisional),
                stands_in: estimate.and_then(|e| e.source.stands_in.as_deref()).map(ToOwned::to_owned),
                because: estimate.map(|e| e.source.because.clone()).unwrap_or_default(),
                reason: ranked.reason.to_string(),
                left_out: false,
            }
        });
        let dropped = decision.dropped.iter().map(|dropped| ExplainedCandidate {
            target: dropped.target.to_string(),
            quality: None,
            quality_sd: None,
            cost_usd: None,
            output_tokens: None,
            latency_ms: None,
            score: None,
            provisional: false,
            stands_in: None,
            because: Vec::new(),
            reason: dropped.why.to_string(),
            left_out: true,
        });
        Self {
            decision_id: decision.facts.decision.to_string(),
            route: decision.route.to_string(),
            target: decision.chosen().map(ToString::to_string),
            reason: decision.ranking.chosen().map(|ranked| ranked.reason.to_string()),
            prefer: decision.goal.prefer.weight(),
            floor: decision.goal.floor_share(),
            difficulty: decision.estimates.difficulty,
            input_tokens: decision.signals.input_tokens,
            encoder: decision.facts.versions.encoder.to_string(),
            candidates: ranked.chain(dropped).collect(),
        }
    }
}
