//! How steady choices are: under harmless edits, and under attack.
//!
//! Judged is the served policy at `balanced`, from text to choice, as it stands and with the defence that a route may ask
//! for (`robust`, [`pointsman_kernel::select::robust`]). What is reported:
//!
//! - *stability*: the share of edited prompts that are given to the same model as the prompt itself. Edits keep the
//!   meaning: case, white space, contractions, synonyms, a polite opening, a word of thanks at the end ([`edits`]);
//! - *attack*: the share of prompts that a search for appended tokens moves to a dearer model, or to one that is named.
//!   The attacker has the table, the artifact and the policy, defence included ([`attack`]);
//! - what the defence costs where nobody attacks: quality, cost and time.
//!
//! Deterministic for a seed. Shares carry bootstrap intervals over prompts.

mod asker;
mod attack;
mod edits;
mod show;

use std::collections::BTreeMap;

use pointsman_encode::Encoder;
use serde::Serialize;

use super::figures::{interval, resamples};
use super::pool::Pool;
use super::report::{Interval, Percentiles};
use super::{EvalError, EvalOptions};
use crate::artifact::Artifact;
use crate::table::Table;
use crate::train::Progress;
use asker::Asker;

/// Words that the defence leaves out of the second reading unless told otherwise.
pub const STRIP_WORDS: usize = 16;
/// Prompts whose stability is judged at most, spread evenly over the rows.
const JUDGED: usize = 1000;
/// Decisions that are timed.
const TIMED: usize = 200;

/// What is asked about steadiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobustOptions {
    /// Judge edits.
    pub stability: bool,
    /// Attack.
    pub attack: Option<AttackOptions>,
    /// Words that the defence leaves out of the second reading.
    pub strip_words: usize,
}

/// How hard the attacker tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttackOptions {
    /// Where prompts are to be moved; otherwise to anyone dearer than the one they are given to.
    pub target: Option<String>,
    /// Tokens appended at most.
    pub tokens: usize,
    /// Texts tried for each prompt at most.
    pub tries: usize,
    /// Prompts attacked at most, spread evenly over the rows.
    pub prompts: usize,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct RobustReport {
    /// Words that the defence leaves out of the second reading.
    pub strip_words: usize,
    /// Prompts judged.
    pub prompts: usize,
    /// Under harmless edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<StabilityReport>,
    /// Under attack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attack: Option<AttackReport>,
    /// What is brought where nobody attacks, at `balanced`.
    pub unattacked: Both<Brought>,
    /// Quality with the defence less that without it, where nobody attacks, paired.
    pub quality_difference: f64,
    /// Its interval.
    pub quality_difference_ci: Interval,
}

/// The policy as it stands and with the defence.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Both<T> {
    /// As it stands.
    pub plain: T,
    /// With the defence.
    pub robust: T,
}

/// A share of prompts, in [0, 1].
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// The share.
    pub share: f64,
    /// Its interval.
    pub ci: Interval,
}

/// The share of edits that leave the choice as it was.
#[derive(Clone, Debug, Serialize)]
pub struct StabilityReport {
    /// Over all edits.
    pub same: Both<Share>,
    /// For each kind of edit.
    pub by_edit: BTreeMap<&'static str, Both<Share>>,
    /// Edited texts judged.
    pub edits: usize,
}

/// The share of prompts that an attack moves.
#[derive(Clone, Debug, Serialize)]
pub struct AttackReport {
    /// Where to, where that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Tokens appended at most.
    pub tokens: usize,
    /// Texts tried for each prompt at most.
    pub tries: usize,
    /// Prompts attacked.
    pub prompts: usize,
    /// Prompts, of all judged, that are where the attack would move them or have nobody dearer above them.
    pub not_attackable: usize,
    /// How many it moves.
    pub success: Both<Share>,
}

/// Means over prompts.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Brought {
    /// Mean quality.
    pub quality: f64,
    /// Mean cost in dollars.
    pub cost_usd: f64,
    /// Microseconds from text to choice.
    pub decision_us: Percentiles,
}

/// What was seen of each prompt, over all cuts.
#[derive(Debug, Default)]
pub(super) struct Seen {
    prompts: Vec<Prompted>,
    attacked: Vec<Both<bool>>,
    not_attackable: usize,
    times: Both<Vec<f64>>,
}

/// One prompt: what is brought, and which edits leave the choice as it was.
#[derive(Debug, Default)]
struct Prompted {
    brought: Both<(f64, f64)>,
    edits: Vec<(&'static str, Both<bool>)>,
}

impl Default for RobustOptions {
    fn default() -> Self {
        Self { stability: true, attack: None, strip_words: STRIP_WORDS }
    }
}

impl Default for AttackOptions {
    fn default() -> Self {
        Self { target: None, tokens: 16, tries: 400, prompts: 200 }
    }
}

impl Seen {
    /// Looks at some rows, of `total` that there are in all cuts.
    #[allow(clippy::too_many_arguments, reason = "the parts of one evaluation, handed on once")]
    pub(super) fn look(
        &mut self,
        artifact: &Artifact,
        table: &Table,
        encoder: &dyn Encoder,
        pool: &Pool,
        (held, total): (&[usize], usize),
        (robust, options): (&RobustOptions, &EvalOptions),
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), EvalError> {
        let asker = Asker::new(artifact, encoder, pool, robust)?;
        let spread = |most: usize| held.iter().copied().step_by(total.div_ceil(most.max(1)).max(1));
        let rows: Vec<usize> = spread(JUDGED).collect();
        let mut own = Vec::with_capacity(rows.len());
        for (done, row) in rows.iter().enumerate() {
            let (stage, done, total) = ("choices under edits", done as u64, rows.len() as u64);
            progress(Progress { stage, done, total });
            let (seen, choice) = prompted(&asker, table, pool, *row, robust.stability)?;
            self.prompts.push(seen);
            own.push(choice);
        }
        for row in spread(TIMED) {
            asker.time(&table.prompts[row], &mut self.times)?;
        }
        if let Some(attack) = &robust.attack {
            let open: Vec<usize> =
                rows.iter().zip(&own).filter(|(_, own)| asker.can_move(**own)).map(|(row, _)| *row).collect();
            self.not_attackable += rows.len() - open.len();
            // The share of the attacks that falls to these rows, spread evenly over those that can be moved.
            let most = (attack.prompts * held.len()).div_ceil(total.max(1)).max(1);
            let open: Vec<usize> = open.iter().copied().step_by(open.len().div_ceil(most).max(1)).collect();
            self.attacked.extend(attack::attack(&asker, table, &open, attack, options.seed, progress)?);
        }
        Ok(())
    }

    /// The figures.
    pub(super) fn report(mut self, robust: &RobustOptions, options: &EvalOptions) -> RobustReport {
        let rows = self.prompts.len();
        let weights = resamples(rows.max(1), options.resamples, options.seed);
        let mean =
            |of: &dyn Fn(&Prompted) -> f64| self.prompts.iter().map(of).sum::<f64>() / rows.max(1) as f64;
        let brought = |own: &dyn Fn(&Prompted) -> (f64, f64)| (mean(&|p| own(p).0), mean(&|p| own(p).1));
        let (plain, defended) = (brought(&|p| p.brought.plain), brought(&|p| p.brought.robust));
        let difference = |p: &Prompted| (p.brought.robust.0 - p.brought.plain.0, 1.0);
        let difference: Vec<(f64, f64)> = self.prompts.iter().map(difference).collect();
        let difference = share(&difference, &weights);
        let as_brought = |(quality, cost_usd), decision_us| Brought { quality, cost_usd, decision_us };
        RobustReport {
            strip_words: robust.strip_words,
            prompts: rows,
            stability: robust.stability.then(|| self.stability(&weights)),
            unattacked: Both {
                plain: as_brought(plain, percentiles(&mut self.times.plain)),
                robust: as_brought(defended, percentiles(&mut self.times.robust)),
            },
            quality_difference: difference.share,
            quality_difference_ci: difference.ci,
            attack: robust.attack.as_ref().map(|attack| self.attack(attack, options)),
        }
    }

    fn stability(&self, weights: &[Vec<f32>]) -> StabilityReport {
        let of = |kind: Option<&str>, own: &dyn Fn(&Both<bool>) -> bool| {
            let row = |prompt: &Prompted| {
                let those = || prompt.edits.iter().filter(|(name, _)| kind.is_none_or(|kind| kind == *name));
                (those().filter(|(_, same)| own(same)).count() as f64, those().count() as f64)
            };
            share(&self.prompts.iter().map(row).collect::<Vec<_>>(), weights)
        };
        let both = |kind| Both { plain: of(kind, &|same| same.plain), robust: of(kind, &|same| same.robust) };
        StabilityReport {
            same: both(None),
            by_edit: edits::KINDS.iter().map(|kind| (*kind, both(Some(*kind)))).collect(),
            edits: self.prompts.iter().map(|prompt| prompt.edits.len()).sum(),
        }
    }

    fn attack(&self, attack: &AttackOptions, options: &EvalOptions) -> AttackReport {
        let weights = resamples(self.attacked.len().max(1), options.resamples, options.seed);
        let of = |own: &dyn Fn(&Both<bool>) -> bool| {
            let row = |moved: &Both<bool>| (f64::from(u8::from(own(moved))), 1.0);
            share(&self.attacked.iter().map(row).collect::<Vec<_>>(), &weights)
        };
        AttackReport {
            target: attack.target.clone(),
            tokens: attack.tokens,
            tries: attack.tries,
            prompts: self.attacked.len(),
            not_attackable: self.not_attackable,
            success: Both { plain: of(&|moved| moved.plain), robust: of(&|moved| moved.robust) },
        }
    }
}

fn prompted(
    asker: &Asker<'_>,
    table: &Table,
    pool: &Pool,
    row: usize,
    edited: bool,
) -> Result<(Prompted, Both<usize>), EvalError> {
    let prompt = &table.prompts[row];
    let ask = |text: &str| -> Result<Both<usize>, EvalError> {
        Ok(Both {
            plain: asker.choice(text, prompt.system.as_deref(), false)?,
            robust: asker.choice(text, prompt.system.as_deref(), true)?,
        })
    };
    let own = ask(&prompt.text)?;
    let brought = |model: usize| {
        let cell = table.row(row)[pool.columns[model]];
        (f64::from(cell.quality.unwrap_or_default()), cell.cost_usd.unwrap_or_default())
    };
    let mut seen = Prompted {
        brought: Both { plain: brought(own.plain), robust: brought(own.robust) },
        ..Prompted::default()
    };
    if edited {
        for (kind, text) in edits::edits(&prompt.text) {
            let found = ask(&text)?;
            let same = Both { plain: found.plain == own.plain, robust: found.robust == own.robust };
            seen.edits.push((kind, same));
        }
    }
    Ok((seen, own))
}

/// A ratio of sums over prompts, with its interval.
fn share(rows: &[(f64, f64)], weights: &[Vec<f32>]) -> Share {
    let ratio = |weight: &dyn Fn(usize) -> f64| {
        let sum = |of: &dyn Fn(&(f64, f64)) -> f64| -> f64 {
            rows.iter().enumerate().map(|(at, row)| weight(at) * of(row)).sum()
        };
        let all = sum(&|row| row.1);
        if all > 0.0 { sum(&|row| row.0) / all } else { 0.0 }
    };
    if rows.is_empty() {
        return Share::default();
    }
    let samples = weights.iter().map(|weights| ratio(&|at| f64::from(weights[at]))).collect();
    Share { share: ratio(&|_| 1.0), ci: interval(samples) }
}

fn percentiles(times: &mut [f64]) -> Percentiles {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((share * times.len().saturating_sub(1) as f64) as usize).copied();
    Percentiles { p50: at(0.5).unwrap_or_default(), p99: at(0.99).unwrap_or_default() }
}

#[cfg(test)]
mod tests;
