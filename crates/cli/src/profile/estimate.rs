//! What a profile will cost, before anything is called: by the estimator that serves, and at the very most.

use pointsman_encode::StaticTable;
use pointsman_gateway::ask::Request;
use pointsman_gateway::prompt::{ChatPrompt, signals_of};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{Candidates, Estimates, Facts, Money, Scope, Tenant};
use pointsman_learn::grade::Grader;
use pointsman_learn::grade::judge::{VERDICT_TOKENS, question};
use serde_json::json;

use super::ask::{Asker, Question, worst};
use super::grade::messages;
use super::prompts::Prompt;
use super::targets::{Cast, Profiled};
use crate::term;

/// Tokens that a verdict is expected to take.
const VERDICT: u64 = 150;

/// Expected and highest cost of what is still to be called.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    calls: usize,
    answered: usize,
    expected: Money,
    at_most: Money,
    unpriced: bool,
}

impl Estimate {
    /// Of everything that the journal does not hold.
    ///
    /// # Errors
    /// A prompt that is no chat request.
    pub(crate) fn of(asker: &Asker, prompts: &[Prompt], cast: &Cast) -> anyhow::Result<Self> {
        let mut sum =
            Self { unpriced: cast.everyone().any(|target| target.price().is_none()), ..Self::default() };
        for prompt in prompts {
            sum.answers(asker, prompt, cast)?;
            if matches!(*prompt.grader, Grader::Judge) {
                sum.verdicts(prompt, cast, asker.max_output());
            }
        }
        Ok(sum)
    }

    fn answers(&mut self, asker: &Asker, prompt: &Prompt, cast: &Cast) -> anyhow::Result<()> {
        let messages = prompt.messages();
        let asked =
            Question { prompt: &prompt.id, messages: &messages, max_output: asker.max_output(), round: 0 };
        let open: Vec<&Profiled> =
            cast.targets.iter().filter(|target| !asker.knows(target, &asked)).collect();
        self.answered += cast.targets.len() - open.len();
        let body =
            json!({"model": "auto", "messages": messages, "max_completion_tokens": asker.max_output()});
        let body = body.to_string().into_bytes();
        let request = Request::parse(body.clone().into())
            .map_err(|refusal| anyhow::anyhow!("prompt `{}`: {}", prompt.id, refusal.error.message))?;
        let read = ChatPrompt::read(&request.head, &request.body);
        let signals = signals_of(&read.prompt, StaticTable::embedded());
        let candidates = Candidates {
            kept: open.iter().map(|target| target.0.target.clone()).collect(),
            ..Candidates::default()
        };
        let mut estimates = Estimates::default();
        asker.snapshot.estimator.estimate(&signals, &facts(asker), &candidates, &mut estimates);
        for (target, estimate) in open.iter().zip(&estimates.list) {
            self.calls += 1;
            self.at_most += worst(target, &body, asker.max_output());
            if target.price().is_some() {
                self.expected += Money(estimate.cost.map_or(0, |cost| cost.mean.max(0.0) as u64));
            }
        }
        Ok(())
    }

    /// Two for each answer but the reference's own.
    fn verdicts(&mut self, prompt: &Prompt, cast: &Cast, max_output: u32) {
        let Some(judge) = &cast.judge else { return };
        let own = prompt.answer.as_ref().is_some_and(serde_json::Value::is_string);
        let answers = cast.targets.len() - usize::from(!own);
        let asked = messages(&question(&prompt.task(), "", "")).to_string();
        let longest = asked.len() + 2 * 4 * max_output as usize;
        for _ in 0..2 * answers {
            self.calls += 1;
            self.at_most += worst(&judge.target, &vec![0; longest], VERDICT_TOKENS);
            if let Some(price) = judge.target.price() {
                // Two answers of some 250 tokens each, at four bytes a token.
                self.expected += price.cost(asked.len() as u64 / 4 + 500, 0, 0, VERDICT);
            }
        }
    }

    /// What is expected.
    pub(crate) fn expected(&self) -> Money {
        self.expected
    }

    /// Says it.
    pub(crate) fn say(&self, prompts: &[Prompt], cast: &Cast, spent: Money) {
        let names: Vec<String> = cast.targets.iter().map(|target| target.id().to_owned()).collect();
        term::note(format_args!(
            "{} prompts, {} targets: {}",
            prompts.len(),
            names.len(),
            term::names(&names, 8)
        ));
        if self.answered > 0 {
            term::note(format_args!(
                "{} answers are there from before, {} spent on them and on what failed",
                self.answered,
                term::usd(spent)
            ));
        }
        let unpriced = if self.unpriced { ", and what targets without a price charge" } else { "" };
        term::note(format_args!(
            "{} calls, about {} expected, {} at the very most{unpriced}",
            self.calls,
            term::usd(self.expected),
            term::usd(self.at_most)
        ));
    }
}

fn facts(asker: &Asker) -> Facts {
    Facts {
        decision: "profile".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: Tenant::from("local"),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: asker.snapshot.versions.clone(),
    }
}
