//! Training again without a part, and judging on what was left out: how a registry fares that nobody trained for.

use std::sync::Arc;

use pointsman_encode::Encoder;
use pointsman_kernel::agents::Registry;

use super::{AgentEvalOptions, AgentReport, Judged, judge};
use crate::agents::dialogues::Dialogue;
use crate::agents::index::Index;
use crate::agents::train::{AgentTrainError, AgentTrainOptions, train_agents};
use crate::train::Progress;

/// What is left out in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveOut {
    /// Each category: its agents and every dialogue about them. Judged on other dialogues, all agents registered.
    Categories,
    /// One of so many parts of the dialogues themselves.
    Folds(usize),
}

/// Trains on `learn` without each part in turn and judges on `test` (for folds on the part of `learn` itself).
///
/// For categories the figures are means over the parts, `unseen_accuracy` over the turns of left-out agents.
///
/// # Errors
/// There is nothing to learn from, or the encoder failed.
#[allow(clippy::too_many_arguments, reason = "what is trained on, what is judged on, and how")]
pub fn leave_out(
    what: LeaveOut,
    registry: &Registry,
    learn: &[Dialogue],
    test: &[Dialogue],
    encoder: &dyn Encoder,
    (training, judging): (&AgentTrainOptions, &AgentEvalOptions),
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<AgentReport, AgentTrainError> {
    match what {
        LeaveOut::Categories => categories(registry, learn, test, encoder, (training, judging), progress),
        LeaveOut::Folds(folds) => {
            let mut judged: Vec<Judged> = Vec::new();
            let mut index = Index::new(registry, None, encoder)?;
            let of = |dialogue: &Dialogue| {
                pointsman_encode::stable_hash(dialogue.id.as_bytes()) as usize / 7 % folds
            };
            let mut before = 0;
            for fold in 0..folds {
                let (held, seen): (Vec<Dialogue>, Vec<Dialogue>) =
                    learn.iter().cloned().partition(|dialogue| of(dialogue) == fold);
                let model = train_agents(registry, &seen, encoder, training, progress)?;
                index = Index::new(registry, Some(Arc::new(model)), encoder)?;
                let mut part = judge(&index, &held, encoder, judging, progress)?;
                part.iter_mut().for_each(|turn| turn.dialogue += before);
                before += held.len();
                judged.append(&mut part);
            }
            Ok(AgentReport::of(&judged, &index, learn.len(), encoder))
        }
    }
}

fn categories(
    registry: &Registry,
    learn: &[Dialogue],
    test: &[Dialogue],
    encoder: &dyn Encoder,
    (training, judging): (&AgentTrainOptions, &AgentEvalOptions),
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<AgentReport, AgentTrainError> {
    let category = |agent: &pointsman_kernel::agents::Agent| {
        agent.categories.first().cloned().unwrap_or_else(|| agent.id().as_str().to_owned())
    };
    let mut all: Vec<String> = registry.agents().iter().map(category).collect();
    all.sort_unstable();
    all.dedup();
    let mut reports = Vec::new();
    for left in &all {
        let (away, stay): (Vec<_>, Vec<_>) =
            registry.agents().iter().cloned().partition(|agent| category(agent) == *left);
        let about = |name: &String| away.iter().any(|agent| agent.id().as_str() == name);
        let mentions = |dialogue: &&Dialogue| {
            let labels = dialogue.turns.iter().flat_map(|turn| turn.labels.iter().map(|(agent, _)| agent));
            dialogue.agents.iter().chain(labels).any(about)
        };
        let kept: Vec<Dialogue> = learn.iter().filter(|dialogue| !mentions(dialogue)).cloned().collect();
        let Ok(smaller) = Registry::new(stay) else { continue };
        let model = train_agents(&smaller, &kept, encoder, training, progress)?;
        let index = Index::new(registry, Some(Arc::new(model)), encoder)?;
        let judged = judge(&index, test, encoder, judging, progress)?;
        let mut report = AgentReport::of(&judged, &index, test.len(), encoder);
        let own: Vec<&Judged> = judged
            .iter()
            .filter(|turn| {
                let gold = turn.gold.iter().filter_map(|place| registry.agents().get(*place));
                gold.into_iter().any(|agent| category(agent) == *left)
            })
            .collect();
        let share = |of: &dyn Fn(&Judged) -> bool| {
            (!own.is_empty()).then(|| own.iter().filter(|turn| of(turn)).count() as f64 / own.len() as f64)
        };
        report.unseen_accuracy = share(&|turn| turn.right);
        report.unseen_category_accuracy = share(&|turn| turn.category);
        reports.push(report);
    }
    Ok(mean(&reports))
}

fn mean(reports: &[AgentReport]) -> AgentReport {
    let Some(first) = reports.first() else { return AgentReport::default() };
    let of = |read: &dyn Fn(&AgentReport) -> Option<f64>| {
        let values: Vec<f64> = reports.iter().filter_map(read).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    AgentReport {
        turn_accuracy: of(&|report| report.turn_accuracy),
        turn_accuracy_ci: None,
        change_accuracy: of(&|report| report.change_accuracy),
        change_accuracy_ci: None,
        first_accuracy: of(&|report| report.first_accuracy),
        unseen_accuracy: of(&|report| report.unseen_accuracy),
        unseen_accuracy_ci: None,
        category_accuracy: of(&|report| report.category_accuracy),
        unseen_category_accuracy: of(&|report| report.unseen_category_accuracy),
        none_precision: of(&|report| report.none_precision),
        none_recall: of(&|report| report.none_recall),
        masked_dispatches: reports.iter().map(|report| report.masked_dispatches).sum(),
        ..first.clone()
    }
}
