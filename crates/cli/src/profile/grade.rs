//! The grade of each answer: by a program, or by a judge that is asked in both orders.

use pointsman_learn::grade::judge::{self, Level, VERDICT_TOKENS};
use serde_json::{Value, json};

use super::ask::{Asked, Asker, Question};
use super::journal::Answer;
use super::targets::Judge;
use super::{Prompt, term};

/// What is known of one prompt and target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grade {
    pub(crate) answer: Option<Answer>,
    /// In [0, 1]; `None` where nobody could tell.
    pub(crate) quality: Option<f32>,
}

/// By a program. A fault names the prompt, and the answer stays ungraded.
pub(crate) fn by_program(prompt: &Prompt, answer: &Answer) -> Option<f32> {
    match prompt.grader.grade(&answer.text, prompt.answer.as_ref()) {
        Ok(quality) => Some(quality),
        Err(fault) => {
            term::note(format_args!("prompt `{}`: {fault}; left ungraded", prompt.id));
            None
        }
    }
}

/// By a judge, beside a reference answer.
///
/// # Errors
/// The journal cannot be written.
pub(crate) async fn by_judge(
    asker: &Asker,
    judge: &Judge,
    prompt: &Prompt,
    answer: &str,
    reference: &str,
) -> anyhow::Result<Option<f32>> {
    let task = prompt.task();
    let first = level(asker, judge, prompt, &judge::question(&task, answer, reference)).await?;
    let second = level(asker, judge, prompt, &judge::question(&task, reference, answer)).await?;
    Ok(first.zip(second).map(|(answer_first, reference_first)| judge::quality(answer_first, reference_first)))
}

/// One verdict. Nonsense is asked for again once, and then is no verdict.
async fn level(asker: &Asker, judge: &Judge, prompt: &Prompt, text: &str) -> anyhow::Result<Option<Level>> {
    let messages = messages(text);
    for round in 0..2 {
        let question =
            Question { prompt: &prompt.id, messages: &messages, max_output: VERDICT_TOKENS, round };
        let Asked::Answered(answer) = asker.ask(&judge.target, &question).await? else { return Ok(None) };
        if let Some(level) = judge::verdict(&answer.text) {
            return Ok(Some(level));
        }
    }
    term::note(format_args!("prompt `{}`: the judge gave no verdict, twice; left ungraded", prompt.id));
    Ok(None)
}

pub(crate) fn messages(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}
