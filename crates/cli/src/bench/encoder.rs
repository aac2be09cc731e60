//! Encoders alone: one text at a time on one core, as a decision asks for it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pointsman_encode::installed::OpenError;
use pointsman_encode::manifest::listed;
use pointsman_encode::{Encoder, RuntimeChoice, StaticTable, Text, WordPiece};

use super::prompts::Prompts;
use super::{Line, Percentiles};
use crate::encoder::{installed, runtime};
use crate::term;

/// Texts that are encoded and not counted.
const WARM: usize = 5;
/// Texts counted at most.
const RUNS: usize = 10_000;

/// Measures every encoder on this machine, over every run time there is, for at most `within` a line.
///
/// # Errors
/// An encoder that is there cannot be run.
pub(super) fn measure(within: Duration) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let table = StaticTable::embedded();
    for tokens in [20, 200] {
        lines.push(line(table, StaticTable::NAME, tokens, None, within)?);
    }
    let installed = installed();
    let library = runtime(&installed);
    let mut over = vec![(RuntimeChoice::Rten, "p99 < 60 ms")];
    if library == RuntimeChoice::Rten {
        term::note("onnxruntime is left out: ORT_DYLIB_PATH names no library");
    } else {
        over.push((library, "p99 < 40 ms"));
    }
    for encoder in listed() {
        for (choice, bar) in &over {
            let opened = match installed.sentence(&encoder.name, choice) {
                Ok(opened) => opened,
                Err(missing @ OpenError::Missing { .. }) => {
                    term::note(format_args!("left out: {missing}"));
                    break;
                }
                Err(fault) => return Err(fault.into()),
            };
            let name = format!("{}, {}", encoder.name, opened.runtime());
            for (tokens, bar) in [(20, None), (200, Some(*bar))] {
                lines.push(line(&*opened, &name, tokens, bar, within)?);
            }
        }
    }
    Ok(lines)
}

fn line(
    encoder: &dyn Encoder,
    name: &str,
    tokens: usize,
    bar: Option<&'static str>,
    within: Duration,
) -> anyhow::Result<Line> {
    let mut prompts = Prompts::new(tokens as u64);
    for _ in 0..WARM {
        black_box(encoder.encode(&Text::new(&of_tokens(&mut prompts, tokens), None))?);
    }
    let deadline = Instant::now() + within;
    let mut times = Vec::new();
    while times.len() < RUNS && Instant::now() < deadline {
        let turn = of_tokens(&mut prompts, tokens);
        let began = Instant::now();
        black_box(encoder.encode(&Text::new(&turn, None))?);
        times.push(began.elapsed());
    }
    let runs = times.len() as u64;
    let case = format!("{name}, {tokens} tokens");
    Ok(Line { scenario: "encoder", case, runs, per_second: None, us: Percentiles::of(times), bar })
}

/// A text of so many of the encoders' own tokens.
fn of_tokens(prompts: &mut Prompts, tokens: usize) -> String {
    let text = prompts.text(u32::try_from(tokens).unwrap_or(u32::MAX).saturating_mul(2));
    let (mut turn, mut ids) = (String::new(), Vec::new());
    for word in text.split_inclusive(' ') {
        WordPiece::embedded().encode(word, usize::MAX, &mut ids);
        if ids.len() > tokens {
            break;
        }
        turn.push_str(word);
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_tokens_asked_for() {
        let mut prompts = Prompts::new(3);
        for tokens in [20, 200] {
            let text = of_tokens(&mut prompts, tokens);
            let counted = StaticTable::embedded().tokens(&Text::new(&text, None)).len();
            assert!((tokens - 4..=tokens).contains(&counted), "{counted}");
        }
    }
}
