//! A white-box attack: a search for tokens that, appended to a prompt, move it to a dearer model or to one that is named.
//!
//! The attacker has what ships: the table's vocabulary, the artifact and the policy with its defence. Every token alone is
//! put to the estimator first; those after which a model looks best beside the others make its short list. Then the suffix is
//! climbed place by place: some tokens of the short lists and some of the whole vocabulary are tried at a place, and the one
//! that pulls most stays. *Pull* is the predicted quality of a wanted model less that of the one chosen now; under the
//! defence the least over the readings, since all of them have to follow. It ends when the choice moves or when the tries
//! are used up.
//!
//! Deterministic: each prompt draws from a stream of its own. What it leaves out: changes within the prompt, and a search by
//! gradients, which features that count and compare do not have.

use std::thread;

use pointsman_encode::{WordPiece, stable_hash};
use pointsman_kernel::Decision;
use pointsman_kernel::rng::Rng;

use super::asker::Asker;
use super::{AttackOptions, Both};
use crate::evaluate::EvalError;
use crate::table::{PromptRow, Table};
use crate::train::Progress;

/// Tokens on the short list of a model.
const SHORT: usize = 128;
/// Tokens tried at a place.
const AT_ONCE: usize = 16;
/// One in so many of them is drawn from the whole vocabulary.
const WIDE: u64 = 4;
/// Prompts attacked between two reports of progress.
const BATCH: usize = 16;

/// What a suffix is made of.
struct Lexicon {
    /// Spelling, and whether a space stands before it.
    tokens: Vec<(&'static str, bool)>,
    /// For each model the tokens after which it looks best beside the others.
    short: Vec<Vec<usize>>,
}

/// For each row whether its choice was moved.
pub(super) fn attack(
    asker: &Asker<'_>,
    table: &Table,
    rows: &[usize],
    options: &AttackOptions,
    seed: u64,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Both<bool>>, EvalError> {
    let total = rows.len() as u64;
    progress(Progress { stage: "short lists", done: 0, total: 1 });
    let lexicon = Lexicon::new(asker)?;
    let mut found = Vec::new();
    for (at, batch) in rows.chunks(BATCH).enumerate() {
        progress(Progress { stage: "attacking", done: (at * BATCH) as u64, total });
        let one = |row: &usize| moved(asker, &lexicon, &table.prompts[*row], options, seed);
        found.extend(in_parallel(batch, one)?);
    }
    progress(Progress { stage: "attacking", done: total, total });
    Ok(found)
}

/// Whether a prompt can be moved.
fn moved(
    asker: &Asker<'_>,
    lexicon: &Lexicon,
    prompt: &PromptRow,
    options: &AttackOptions,
    seed: u64,
) -> Result<Both<bool>, EvalError> {
    let mut moved = Both::default();
    for (defended, moved) in [(false, &mut moved.plain), (true, &mut moved.robust)] {
        let own = asker.choice(&prompt.text, prompt.system.as_deref(), defended)?;
        let wanted = asker.wanted(own);
        let climb = Climb { asker, lexicon, prompt, options, defended, own, wanted };
        *moved = climb.succeeds(Rng::new(seed ^ stable_hash(prompt.id.as_bytes())))?;
    }
    Ok(moved)
}

/// One search.
struct Climb<'a> {
    asker: &'a Asker<'a>,
    lexicon: &'a Lexicon,
    prompt: &'a PromptRow,
    options: &'a AttackOptions,
    defended: bool,
    own: usize,
    wanted: Vec<usize>,
}

impl Climb<'_> {
    fn succeeds(&self, mut rng: Rng) -> Result<bool, EvalError> {
        let (mut suffix, mut best) = (Vec::new(), f64::NEG_INFINITY);
        let mut left = self.options.tries;
        while left > 0 && self.options.tokens > 0 {
            for place in 0..self.options.tokens {
                let mut kept: Option<usize> = None;
                for _ in 0..AT_ONCE.min(left) {
                    let token = self.draw(&mut rng);
                    let decision = self.try_at(&suffix, place, token)?;
                    left -= 1;
                    if self.wanted.contains(&self.asker.place(&decision)) {
                        return Ok(true);
                    }
                    let pull = self.pull(&decision);
                    if pull > best {
                        (best, kept) = (pull, Some(token));
                    }
                }
                if let Some(token) = kept {
                    put(&mut suffix, place, token);
                }
            }
        }
        Ok(false)
    }

    fn try_at(&self, suffix: &[usize], place: usize, token: usize) -> Result<Decision, EvalError> {
        let mut tried = suffix.to_vec();
        put(&mut tried, place, token);
        let text = format!("{}{}", self.prompt.text, self.lexicon.spell(&tried));
        self.asker.decision(&text, self.prompt.system.as_deref(), self.defended)
    }

    /// How near a choice is to moving.
    fn pull(&self, decision: &Decision) -> f64 {
        let readings = std::iter::once(&decision.estimates).chain(&decision.estimates.readings);
        let pull = |estimates: &pointsman_kernel::Estimates| {
            let quality = |model: usize| estimates.list.get(model).map_or(0.0, |e| e.quality.mean);
            let best = self.wanted.iter().map(|model| quality(*model)).fold(f64::NEG_INFINITY, f64::max);
            best - quality(self.own)
        };
        readings.map(pull).fold(f64::INFINITY, f64::min)
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        let mut below = |count: usize| (rng.next_u64() % count.max(1) as u64) as usize;
        if below(WIDE as usize) == 0 {
            return below(self.lexicon.tokens.len());
        }
        let list = &self.lexicon.short[self.wanted[below(self.wanted.len())]];
        list[below(list.len())]
    }
}

impl Lexicon {
    fn new(asker: &Asker<'_>) -> Result<Self, EvalError> {
        let words = WordPiece::embedded();
        let ids = 0..u16::try_from(words.vocabulary_size()).unwrap_or(u16::MAX);
        let tokens: Vec<_> = ids.filter_map(|id| words.spelling(id)).collect();
        let alone = |token: &(&'static str, bool)| -> Result<Vec<f64>, EvalError> {
            let list = asker.estimates(token.0)?.list;
            let mean = list.iter().map(|e| e.quality.mean).sum::<f64>() / list.len().max(1) as f64;
            Ok(list.iter().map(|estimate| estimate.quality.mean - mean).collect())
        };
        let scores = in_parallel(&tokens, alone)?;
        let best_of = |model: usize| {
            let mut order: Vec<usize> = (0..tokens.len()).collect();
            order.sort_by(|a, b| scores[*b][model].total_cmp(&scores[*a][model]).then(a.cmp(b)));
            order.truncate(SHORT);
            order
        };
        let short = (0..asker.models()).map(best_of).collect();
        Ok(Self { tokens, short })
    }

    fn spell(&self, suffix: &[usize]) -> String {
        let mut text = String::new();
        for (at, token) in suffix.iter().enumerate() {
            let (spelling, starts) = self.tokens[*token];
            if starts || at == 0 {
                text.push(' ');
            }
            text.push_str(spelling);
        }
        text
    }
}

fn put(suffix: &mut Vec<usize>, place: usize, token: usize) {
    match suffix.get_mut(place) {
        Some(own) => *own = token,
        None => suffix.push(token),
    }
}

/// The answers in the order of the questions, found on as many threads as there are cores.
fn in_parallel<Q: Sync, A: Send>(
    questions: &[Q],
    answer: impl Fn(&Q) -> Result<A, EvalError> + Sync,
) -> Result<Vec<A>, EvalError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(questions.len().max(1));
    let part = questions.len().div_ceil(threads).max(1);
    let answer = &answer;
    thread::scope(|scope| {
        let running: Vec<_> = questions
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().map(answer).collect::<Result<Vec<A>, _>>()))
            .collect();
        let mut all = Vec::with_capacity(questions.len());
        for thread in running {
            match thread.join() {
                Ok(answers) => all.extend(answers?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}
