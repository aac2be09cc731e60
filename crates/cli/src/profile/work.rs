//! All questions, so many at a time, then all grades.

use futures_util::{StreamExt, TryStreamExt, stream};
use pointsman_learn::grade::Grader;
use serde_json::Value;

use super::ask::{Asked, Asker, Question};
use super::grade::{Grade, by_judge, by_program};
use super::prompts::Prompt;
use super::show::Bar;
use super::targets::{Cast, Judge};

/// Grades, prompt by prompt, one for each target.
pub(crate) struct Grades {
    targets: usize,
    cells: Vec<Grade>,
}

impl Grades {
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Those that nobody could give.
    pub(crate) fn missing(&self) -> usize {
        self.cells.iter().filter(|cell| cell.quality.is_none()).count()
    }

    /// The grades of one prompt.
    pub(crate) fn row(&self, prompt: usize) -> &[Grade] {
        self.cells.get(prompt * self.targets..(prompt + 1) * self.targets).unwrap_or_default()
    }

    /// The grades of one target.
    pub(crate) fn of(&self, target: usize) -> impl Iterator<Item = &Grade> {
        self.cells.iter().skip(target).step_by(self.targets.max(1))
    }
}

/// Asks everybody everything and grades what comes.
///
/// # Errors
/// The journal cannot be written.
pub(crate) async fn all(
    asker: &Asker,
    prompts: &[Prompt],
    cast: &Cast,
    at_once: usize,
) -> anyhow::Result<Grades> {
    let targets = cast.targets.len();
    let judged = |prompt: &Prompt| matches!(*prompt.grader, Grader::Judge);
    let messages: Vec<Value> = prompts.iter().map(Prompt::messages).collect();
    let bar = Bar::new("asking", prompts.len() * targets);
    // Prompt by prompt, so that what an interrupted run has is comparable.
    let cells = prompts
        .iter()
        .zip(&messages)
        .flat_map(|(prompt, messages)| cast.targets.iter().map(move |target| (prompt, messages, target)));
    let mut cells: Vec<Grade> = stream::iter(cells)
        .map(async |(prompt, messages, target)| {
            let question =
                Question { prompt: &prompt.id, messages, max_output: asker.max_output(), round: 0 };
            let answer = match asker.ask(target, &question).await? {
                Asked::Answered(answer) => Some(answer),
                Asked::Failed | Asked::Skipped => None,
            };
            let quality =
                answer.as_ref().filter(|_| !judged(prompt)).and_then(|answer| by_program(prompt, answer));
            bar.step(answer.is_some(), asker.spent());
            Ok::<_, anyhow::Error>(Grade { answer, quality })
        })
        .buffered(at_once)
        .try_collect()
        .await?;
    bar.clear();
    if let Some(judge) = &cast.judge {
        judge_all(asker, prompts, judge, targets, &mut cells, at_once).await?;
    }
    Ok(Grades { targets, cells })
}

/// Grades what a judge has to grade.
async fn judge_all(
    asker: &Asker,
    prompts: &[Prompt],
    judge: &Judge,
    targets: usize,
    cells: &mut [Grade],
    at_once: usize,
) -> anyhow::Result<()> {
    let wanted: Vec<usize> = (0..cells.len())
        .filter(|cell| {
            prompts.get(cell / targets).is_some_and(|prompt| matches!(*prompt.grader, Grader::Judge))
        })
        .collect();
    let bar = Bar::new("judging", wanted.len());
    let known = &*cells;
    let text = |cell: usize| Some(known.get(cell)?.answer.as_ref()?.text.as_str());
    let graded: Vec<(usize, Option<f32>)> = stream::iter(wanted)
        .map(async |cell| {
            let quality = async {
                let Some(prompt) = prompts.get(cell / targets) else { return Ok(None) };
                let own = prompt.answer.as_ref().and_then(Value::as_str);
                let of_reference = cell / targets * targets + judge.reference;
                let (Some(answer), Some(reference)) = (text(cell), own.or_else(|| text(of_reference))) else {
                    return Ok(None);
                };
                if own.is_none() && cell == of_reference {
                    // As good as itself.
                    return Ok(Some(0.5));
                }
                by_judge(asker, judge, prompt, answer, reference).await
            }
            .await?;
            bar.step(quality.is_some(), asker.spent());
            Ok::<_, anyhow::Error>((cell, quality))
        })
        .buffered(at_once)
        .try_collect()
        .await?;
    bar.clear();
    for (cell, quality) in graded {
        if let Some(grade) = cells.get_mut(cell) {
            grade.quality = quality;
        }
    }
    Ok(())
}
