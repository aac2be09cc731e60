//! Progress of long work: a bar on a terminal, a line a stage elsewhere. On standard error.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use pointsman_learn::Progress;

/// Shows how far long work is.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: String,
    drawn: bool,
}

impl Bar {
    /// Nothing is shown before the first report.
    pub(crate) fn new() -> Self {
        Self { bar: ProgressBar::hidden(), stage: String::new(), drawn: io::stderr().is_terminal() }
    }

    /// Shows a report.
    pub(crate) fn show(&mut self, progress: Progress<'_>) {
        if progress.stage != self.stage {
            progress.stage.clone_into(&mut self.stage);
            self.begin(progress.total);
        }
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn begin(&mut self, total: u64) {
        self.bar.finish_and_clear();
        if !self.drawn {
            crate::term::note(format_args!("{} ...", self.stage));
            return;
        }
        self.bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {bar:30} {pos}/{len} {elapsed}") {
            self.bar.set_style(style);
        }
        self.bar.set_message(self.stage.clone());
    }
}
