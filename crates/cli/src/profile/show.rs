//! How far a profile is, and what came of it.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use pointsman_kernel::Money;

use super::targets::Cast;
use super::work::Grades;
use crate::term;

/// Lines said over a whole stage where there is no terminal to draw on.
const LINES: usize = 10;

/// Progress with the money spent.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: &'static str,
    total: usize,
    drawn: bool,
    done: AtomicUsize,
    without: AtomicUsize,
}

impl Bar {
    pub(crate) fn new(stage: &'static str, total: usize) -> Self {
        let drawn = io::stderr().is_terminal();
        let bar = if drawn { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{prefix:8} {bar:30} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(stage);
        Self { bar, stage, total, drawn, done: AtomicUsize::new(0), without: AtomicUsize::new(0) }
    }

    /// One more is done, with or without a result.
    pub(crate) fn step(&self, good: bool, spent: Money) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let without = self.without.fetch_add(usize::from(!good), Ordering::Relaxed) + usize::from(!good);
        let mut said = format!("{} spent", term::usd(spent));
        if without > 0 {
            said.push_str(&format!(", {without} without a result"));
        }
        self.bar.set_position(done as u64);
        if !self.drawn && (done * LINES / self.total.max(1)) != ((done - 1) * LINES / self.total.max(1)) {
            term::note(format_args!("{} {done}/{}: {said}", self.stage, self.total));
        }
        self.bar.set_message(said);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Each target's figures.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn summary(cast: &Cast, grades: &Grades, spent: Money) -> io::Result<()> {
    let head = ["target", "graded", "quality", "cost a call", "tokens", "seconds", "cut short"];
    let mut table = term::table(&head, &[1, 2, 3, 4, 5, 6]);
    for (at, target) in cast.targets.iter().enumerate() {
        let answers: Vec<_> = grades.of(at).filter_map(|grade| grade.answer.as_ref()).collect();
        let qualities: Vec<f64> = grades.of(at).filter_map(|grade| grade.quality).map(f64::from).collect();
        let costs: Vec<f64> = answers.iter().filter_map(|answer| Some(answer.cost?.usd())).collect();
        let tokens: Vec<f64> = answers.iter().map(|answer| answer.output_tokens as f64).collect();
        let seconds: Vec<f64> = answers.iter().map(|answer| answer.latency_ms as f64 / 1e3).collect();
        let cut = answers.iter().filter(|answer| answer.finish.as_deref() == Some("length")).count();
        let shown = |values: &[f64], of: &dyn Fn(f64) -> String| mean(values).map_or("-".to_owned(), of);
        table.add_row(vec![
            target.id().to_owned(),
            qualities.len().to_string(),
            shown(&qualities, &|value| format!("{value:.3} ±{:.3}", half_width(&qualities))),
            shown(&costs, &term::dollars),
            shown(&tokens, &|value| format!("{value:.0}")),
            shown(&seconds, &|value| format!("{value:.1}")),
            cut.to_string(),
        ]);
    }
    term::say(term::text_of(&table))?;
    term::say(format_args!("{} spent; ± is half of a 95 % interval", term::usd(spent)))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Half of a mean's 95 % interval by Wilson's formula, which stays honest where all are right.
fn half_width(values: &[f64]) -> f64 {
    const Z: f64 = 1.96;
    let Some(mean) = mean(values) else { return 0.0 };
    let count = values.len() as f64;
    Z / (1.0 + Z * Z / count) * (mean * (1.0 - mean) / count + Z * Z / (4.0 * count * count)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_right_answers_are_no_certainty() {
        assert!((half_width(&[1.0; 10]) - 0.139).abs() < 0.001);
        assert!((half_width(&[0.0, 1.0].repeat(50)) - 0.096).abs() < 0.001);
    }
}
