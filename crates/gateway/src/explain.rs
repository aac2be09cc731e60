//! A decision for people: every candidate with what was expected of it, or the reason it was left out.

use pointsman_kernel::agents::FirstStage;
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
    /// What the first stage decided, where the route has agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<ExplainedAgents>,
    /// In order, those left out last.
    pub candidates: Vec<ExplainedCandidate>,
}

/// The first stage's decision: which agent the turn belongs to, if any.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedAgents {
    /// The agent chosen; nothing where the models answer.
    pub chosen: Option<String>,
    /// Why.
    pub why: String,
    /// Where the conversation stood.
    pub state: String,
    /// The stages of the state machine that the turn went through.
    pub path: Vec<String>,
    /// Who chose: `texts` or `heads`.
    pub by: Option<String>,
    /// Agents that might be chosen.
    pub allowed: u32,
    /// How much the turn looks like any agent's.
    pub belongs: Option<f64>,
    /// What that has to pass.
    pub threshold: Option<f64>,
    /// The best agents, best first.
    pub scores: Vec<ExplainedAgent>,
    /// Agents that might not be chosen, with the reason; not all of very many.
    pub masked: Vec<ExplainedAgent>,
    /// How many more might not.
    pub masked_besides: u32,
    /// Who is asked next should the agent chosen fail, before the models.
    pub then: Vec<String>,
}

/// One agent.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedAgent {
    /// Its name.
    pub agent: String,
    /// Its score, of which only differences mean something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it could not be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
            agents: decision.agents.as_ref().map(ExplainedAgents::of),
            candidates: ranked.chain(dropped).collect(),
        }
    }
}

impl ExplainedAgents {
    fn of(stage: &FirstStage) -> Self {
        let leg = stage.legs.first();
        let choice = leg.and_then(|leg| leg.choices.last());
        let scored = choice.iter().flat_map(|choice| &choice.scores);
        let masked = leg.iter().flat_map(|leg| &leg.masked);
        let why = match (stage.skipped, leg.and_then(|leg| leg.refused.as_ref()), choice) {
            (Some(skipped), ..) => skipped.to_string(),
            (None, Some(refused), _) => {
                format!("{} was chosen and is masked: {}", refused.agent, refused.why)
            }
            (None, None, Some(choice)) => choice.why.to_string(),
            (None, None, None) => String::new(),
        };
        Self {
            chosen: stage.chosen().map(ToString::to_string),
            why,
            state: leg.map(|leg| leg.at.stage().name().to_owned()).unwrap_or_default(),
            path: leg.iter().flat_map(|leg| &leg.path).map(|stage| stage.name().to_owned()).collect(),
            by: choice.map(|choice| choice.by.to_string()),
            allowed: leg.map_or(0, |leg| leg.allowed),
            belongs: choice.and_then(|choice| choice.belongs),
            threshold: choice.and_then(|choice| choice.threshold),
            scores: scored
                .map(|scored| ExplainedAgent {
                    agent: scored.agent.to_string(),
                    score: Some(scored.score),
                    reason: None,
                })
                .collect(),
            masked: masked
                .map(|masked| ExplainedAgent {
                    agent: masked.agent.to_string(),
                    score: None,
                    reason: Some(masked.why.to_string()),
                })
                .collect(),
            masked_besides: leg.map_or(0, |leg| leg.masked_besides),
            then: stage.agents().skip(1).map(ToString::to_string).collect(),
        }
    }
}
