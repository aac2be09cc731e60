//! Which targets may answer, and for every one left out the rule that did it.
//!
//! Invariant: a target that the caller's key excludes is never a candidate, whatever else holds. Health is the one
//! soft rule: when it would leave nobody, it is set aside and the decision says so, since a call that may fail is
//! better than one that certainly does.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::estimates::{Estimate, Estimates, Spread};
use crate::facts::Facts;
use crate::flags::Flags;
use crate::health::Availability;
use crate::id::TargetId;
use crate::signals::{Asked, Signals};
use crate::target::{Support, Target};

/// Why a target is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drop {
    /// The caller's key may not use it.
    Scope,
    /// The prompt and the answer asked for do not fit.
    Context {
        /// Tokens needed.
        needed: u32,
        /// Tokens it takes.
        limit: u32,
    },
    /// It cannot call tools.
    Tools,
    /// It cannot read images.
    Images,
    /// It cannot answer by a schema.
    JsonSchema,
    /// Its breaker is open.
    Unhealthy,
    /// It lacks a label that the request asks for.
    Tag {
        /// Which one.
        missing: String,
    },
    /// It is expected to cost more than the request allows, or nobody knows what it costs.
    OverCost,
    /// It is expected to take longer than the request allows, or nobody knows how long it takes.
    OverTime,
}

/// What a rule says of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may answer as far as this rule goes.
    Keep,
    /// It may not.
    Drop(Drop),
}

/// Judges one target for one request. A rule MUST be deterministic and read nothing but its arguments.
pub trait Rule: Send + Sync {
    /// Keep or drop, with the reason.
    fn judge(&self, signals: &Signals, facts: &Facts, target: &Target) -> Verdict;
}

/// A target that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Which one.
    pub target: TargetId,
    /// By which rule.
    pub why: Drop,
}

/// Who may answer, and who may not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates {
    /// Those that may, in the route's order.
    pub kept: Vec<Arc<Target>>,
    /// Those that may not.
    pub dropped: Vec<Dropped>,
    /// Nobody was healthy, so health was set aside.
    pub health_ignored: bool,
}

/// Only what the caller's key may use.
struct KeyScope;
/// Only what has room for the prompt.
struct Room;
/// Only what can do what is asked.
struct Abilities;

impl Candidates {
    /// Judges every target of a route. A target asked for by name is judged by the key's scope alone: routing is
    /// bypassed, and whether it can do what is asked is the caller's own business.
    #[must_use]
    pub fn of(targets: &[Arc<Target>], signals: &Signals, facts: &Facts) -> Self {
        let mut out = Self::default();
        if let Asked::Named(name) = &signals.asked {
            for target in targets.iter().filter(|target| target.id == *name) {
                out.judge(&[&KeyScope], signals, facts, target);
            }
            return out;
        }
        let mut unhealthy = Vec::new();
        for target in targets {
            let kept_before = out.kept.len();
            out.judge(&[&KeyScope, &Room, &Abilities], signals, facts, target);
            if out.kept.len() > kept_before && !is_ready(facts, target) {
                unhealthy.extend(out.kept.pop());
            }
        }
        if out.kept.is_empty() && !unhealthy.is_empty() {
            out.health_ignored = true;
            out.kept = unhealthy;
        } else {
            out.dropped
                .extend(unhealthy.iter().map(|t| Dropped { target: t.id.clone(), why: Drop::Unhealthy }));
        }
        out
    }

    /// Leaves out those that lack a label. A label is a hard rule: it holds even where it leaves nobody.
    pub(crate) fn require(&mut self, tags: &[String]) {
        let dropped = &mut self.dropped;
        self.kept.retain(|target| {
            let missing = tags.iter().find(|tag| !target.tags.contains(tag));
            dropped.extend(
                missing.map(|tag| Dropped {
                    target: target.id.clone(),
                    why: Drop::Tag { missing: tag.clone() },
                }),
            );
            missing.is_none()
        });
    }

    /// Leaves out those not expected to keep the limits of cost and time, and gives the estimates of the others.
    pub(crate) fn limit<'e>(&mut self, flags: &Flags, estimates: &'e Estimates) -> Cow<'e, Estimates> {
        if flags.max_cost.is_none() && flags.max_latency_ms.is_none() {
            return Cow::Borrowed(estimates);
        }
        let fits = |spread: Option<Spread>, most: f64| spread.is_some_and(|spread| spread.mean <= most);
        let too_much = |estimate: &Estimate| {
            if flags.max_cost.is_some_and(|most| !fits(estimate.cost, most.0 as f64)) {
                Some(Drop::OverCost)
            } else if flags.max_latency_ms.is_some_and(|most| !fits(estimate.latency_ms, most as f64)) {
                Some(Drop::OverTime)
            } else {
                None
            }
        };
        let mut within = estimates.clone();
        within.list.retain(|estimate| {
            let Some(why) = too_much(estimate) else { return true };
            self.kept.retain(|target| target.id != estimate.target);
            self.dropped.push(Dropped { target: estimate.target.clone(), why });
            false
        });
        Cow::Owned(within)
    }

    fn judge(&mut self, rules: &[&dyn Rule], signals: &Signals, facts: &Facts, target: &Arc<Target>) {
        let drop = rules.iter().find_map(|rule| match rule.judge(signals, facts, target) {
            Verdict::Keep => None,
            Verdict::Drop(why) => Some(why),
        });
        match drop {
            None => self.kept.push(Arc::clone(target)),
            Some(why) => self.dropped.push(Dropped { target: target.id.clone(), why }),
        }
    }
}

impl Rule for KeyScope {
    fn judge(&self, _: &Signals, facts: &Facts, target: &Target) -> Verdict {
        let may = facts.scope.allows_target(target.id.as_str()) && facts.scope.grants(&target.requires);
        if may { Verdict::Keep } else { Verdict::Drop(Drop::Scope) }
    }
}

impl Rule for Room {
    fn judge(&self, signals: &Signals, _: &Facts, target: &Target) -> Verdict {
        let Some(limit) = target.limits.context_tokens else { return Verdict::Keep };
        let needed = signals.input_tokens.saturating_add(signals.max_output_tokens.unwrap_or(0));
        if needed <= limit { Verdict::Keep } else { Verdict::Drop(Drop::Context { needed, limit }) }
    }
}

impl Rule for Abilities {
    fn judge(&self, signals: &Signals, _: &Facts, target: &Target) -> Verdict {
        let can = target.capabilities;
        if signals.tools > 0 && can.tools == Support::No {
            Verdict::Drop(Drop::Tools)
        } else if signals.images > 0 && can.images == Support::No {
            Verdict::Drop(Drop::Images)
        } else if signals.json_schema && can.json_schema == Support::No {
            Verdict::Drop(Drop::JsonSchema)
        } else {
            Verdict::Keep
        }
    }
}

impl std::fmt::Display for Drop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scope => f.write_str("the key may not use it"),
            Self::Context { needed, limit } => write!(f, "needs {needed} tokens, takes {limit}"),
            Self::Tools => f.write_str("cannot call tools"),
            Self::Images => f.write_str("cannot read images"),
            Self::JsonSchema => f.write_str("cannot answer by a schema"),
            Self::Unhealthy => f.write_str("its breaker is open"),
            Self::Tag { missing } => write!(f, "does not bear the tag `{missing}`"),
            Self::OverCost => f.write_str("not known to cost as little as asked for"),
            Self::OverTime => f.write_str("not known to be as fast as asked for"),
        }
    }
}

fn is_ready(facts: &Facts, target: &Target) -> bool {
    facts.state(&target.id).is_none_or(|state| state.availability == Availability::Ready)
}

#[cfg(test)]
mod tests;
