//! What a run amounts to, with intervals over dialogues.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation over vectors whose sizes are fixed where they are made"
)]

use pointsman_encode::Encoder;
use pointsman_kernel::rng::Rng;
use serde::Serialize;

use super::Judged;
use crate::agents::index::Index;

/// Resamplings for an interval.
const RESAMPLINGS: usize = 1000;

/// The figures of `agents eval`. Shares are of user turns; a figure without turns is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentReport {
    /// Dialogues judged.
    pub dialogues: usize,
    /// User turns judged.
    pub turns: usize,
    /// Agents registered.
    pub agents: usize,
    /// The chosen agent is among the turn's labels.
    pub turn_accuracy: Option<f64>,
    /// Its 95 % interval.
    pub turn_accuracy_ci: Option<[f64; 2]>,
    /// The same over first turns and turns whose labels differ from the turn's before.
    pub change_accuracy: Option<f64>,
    /// Its 95 % interval.
    pub change_accuracy_ci: Option<[f64; 2]>,
    /// Over first turns alone.
    pub first_accuracy: Option<f64>,
    /// Over turns of agents that were not in the training data.
    pub unseen_accuracy: Option<f64>,
    /// Its 95 % interval.
    pub unseen_accuracy_ci: Option<[f64; 2]>,
    /// The chosen agent's category is that of a label.
    pub category_accuracy: Option<f64>,
    /// The same over turns of unseen agents.
    pub unseen_category_accuracy: Option<f64>,
    /// Of turns given to nobody, those without a label.
    pub none_precision: Option<f64>,
    /// Of turns without a label, those given to nobody.
    pub none_recall: Option<f64>,
    /// Area under the curve of telling turns without a label from those with one.
    pub none_auroc: Option<f64>,
    /// Of dispatched turns, those that are right, where the cut lets nine in ten of the labelled ones through and right.
    pub dispatch_precision_at_recall_90: Option<f64>,
    /// Turns sent to an agent that the mask excluded; always 0.
    pub masked_dispatches: usize,
    /// The encoder.
    pub encoder: String,
    /// Time of a decision, reading the turn included.
    pub decision_us: Microseconds,
}

/// Percentiles of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Microseconds {
    /// Half take no longer.
    pub p50: f64,
    /// 99 in 100 take no longer.
    pub p99: f64,
}

impl AgentReport {
    pub(crate) fn of(judged: &[Judged], index: &Index, dialogues: usize, encoder: &dyn Encoder) -> Self {
        let any = |_: &Judged| true;
        let labelled: Vec<&Judged> = judged.iter().filter(|turn| !turn.gold.is_empty()).collect();
        let given: Vec<&Judged> = judged.iter().filter(|turn| turn.chosen.is_none()).collect();
        let without: Vec<&Judged> = judged.iter().filter(|turn| turn.gold.is_empty()).collect();
        let both = given.iter().filter(|turn| turn.gold.is_empty()).count();
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        let interval = |wanted: &dyn Fn(&Judged) -> bool| interval(judged, dialogues, wanted);
        let category: Vec<bool> = judged.iter().map(|turn| turn.category).collect();
        let strange: Vec<bool> = judged.iter().filter(|turn| turn.unseen).map(|turn| turn.category).collect();
        let mut times: Vec<f64> = judged.iter().map(|turn| turn.micros).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        Self {
            dialogues,
            turns: judged.len(),
            agents: index.registry().len(),
            turn_accuracy: accuracy(judged, any),
            turn_accuracy_ci: interval(&any),
            change_accuracy: accuracy(judged, |turn| turn.begins),
            change_accuracy_ci: interval(&|turn| turn.begins),
            first_accuracy: accuracy(judged, |turn| turn.first),
            unseen_accuracy: accuracy(judged, |turn| turn.unseen),
            unseen_accuracy_ci: interval(&|turn| turn.unseen),
            category_accuracy: mean(&category),
            unseen_category_accuracy: mean(&strange),
            none_precision: share(both, given.len()),
            none_recall: share(both, without.len()),
            none_auroc: auroc(&labelled, &without),
            dispatch_precision_at_recall_90: precision_at(judged, labelled.len(), 0.9),
            masked_dispatches: judged.iter().filter(|turn| turn.masked).count(),
            encoder: encoder.fingerprint().split(':').next().unwrap_or_default().to_owned(),
            decision_us: Microseconds { p50: at(0.5), p99: at(0.99) },
        }
    }
}

fn mean(values: &[bool]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().filter(|value| **value).count() as f64 / values.len() as f64)
}

fn accuracy(judged: &[Judged], wanted: impl Fn(&Judged) -> bool) -> Option<f64> {
    mean(&judged.iter().filter(|turn| wanted(turn)).map(|turn| turn.right).collect::<Vec<_>>())
}

/// The 95 % interval over dialogues drawn again and again.
fn interval(judged: &[Judged], dialogues: usize, wanted: &dyn Fn(&Judged) -> bool) -> Option<[f64; 2]> {
    let mut each = vec![(0_u32, 0_u32); dialogues];
    for turn in judged.iter().filter(|turn| wanted(turn)) {
        let (right, all) = &mut each[turn.dialogue];
        *right += u32::from(turn.right);
        *all += 1;
    }
    each.retain(|(_, all)| *all > 0);
    if each.is_empty() {
        return None;
    }
    let mut rng = Rng::new(1);
    let mut drawn: Vec<f64> = (0..RESAMPLINGS)
        .map(|_| {
            let (mut right, mut all) = (0, 0);
            for _ in 0..each.len() {
                let (own, count) = each[(rng.next_u64() % each.len() as u64) as usize];
                right += own;
                all += count;
            }
            f64::from(right) / f64::from(all)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    Some([drawn[RESAMPLINGS / 40], drawn[RESAMPLINGS - 1 - RESAMPLINGS / 40]])
}

/// The share of pairs that are in order, ties counting half.
fn auroc(own: &[&Judged], other: &[&Judged]) -> Option<f64> {
    if own.is_empty() || other.is_empty() {
        return None;
    }
    let mut scored: Vec<(f32, bool)> = own.iter().map(|turn| (turn.belongs, true)).collect();
    scored.extend(other.iter().map(|turn| (turn.belongs, false)));
    Some(area(&mut scored))
}

/// Area under the curve of scores that should be greater for `true`.
pub(crate) fn area(scored: &mut [(f32, bool)]) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut area, mut own, mut from) = (0.0, 0.0, 0.0, 0);
    while from < scored.len() {
        let to = from + scored[from..].iter().take_while(|(score, _)| *score == scored[from].0).count();
        let belongs = scored[from..to].iter().filter(|(_, own)| *own).count() as f64;
        let others = (to - from) as f64 - belongs;
        area += belongs * (below + others / 2.0);
        (below, own, from) = (below + others, own + belongs, to);
    }
    area / (own * below).max(1.0)
}

/// Precision of what is dispatched, at the cut where this share of all labelled turns is dispatched and right.
fn precision_at(judged: &[Judged], labelled: usize, recall: f64) -> Option<f64> {
    if judged.len() == labelled {
        return None;
    }
    let mut turns: Vec<&Judged> = judged.iter().collect();
    turns.sort_by(|a, b| b.belongs.total_cmp(&a.belongs));
    let mut right = 0.0;
    for (at, turn) in turns.iter().enumerate() {
        right += f64::from(u8::from(turn.best_right && !turn.gold.is_empty()));
        if right >= recall * labelled as f64 {
            return Some(right / (at + 1) as f64);
        }
    }
    Some(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs_and_halves_ties() {
        assert!((area(&mut [(0.1, false), (0.9, true), (0.5, true), (0.4, false)]) - 1.0).abs() < 1e-9);
        assert!((area(&mut [(0.5, false), (0.5, true)]) - 0.5).abs() < 1e-9);
        assert!((area(&mut [(0.6, false), (0.5, true), (0.7, true)]) - 0.5).abs() < 1e-9);
    }
}
