//! Every call, on disk: what makes a profile one that is resumed and not repaid.
//!
//! `journal.jsonl` in the folder has a line before each call (what it may cost at most) and a line after it, which is
//! synced to disk before its answer is used. A line that a dying process left half written is cut off at the next start. A
//! call that began and never ended may have been billed: it counts at its worst against the cap.
//!
//! Left out: sharing a folder. The file is locked while a profile runs.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use pointsman_kernel::Money;
use serde::{Deserialize, Serialize};

const NAME: &str = "journal.jsonl";

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// What it said.
    pub(crate) text: String,
    /// Why it ended.
    pub(crate) finish: Option<String>,
    /// Its price, where one is known.
    pub(crate) cost: Option<Money>,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) latency_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Began { call: String, prompt: String, target: String, at_most: Money },
    Answered { call: String, answer: Answer },
    Failed { call: String, cost: Money, why: String },
}

/// The file, and what it says.
pub(crate) struct Journal {
    path: PathBuf,
    state: Mutex<State>,
    /// What earlier runs spent.
    spent: Money,
}

struct State {
    file: File,
    answers: HashMap<String, Answer>,
}

impl Journal {
    /// Opens the folder's journal; `resume` says that there may be one already.
    ///
    /// # Errors
    /// The folder cannot be written, is in use, holds a journal that is not to be resumed, or one with a broken line.
    pub(crate) fn open(folder: &Path, resume: bool) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        if file.try_lock().is_err() {
            bail!("{} is in use by another profile; wait for it or choose another folder", folder.display());
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
        if !text.is_empty() && !resume {
            bail!(
                "{} holds a profile already; go on with it by --resume, or choose another folder",
                folder.display()
            );
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(|| format!("{} cannot be mended", path.display()))?;
            file.seek(SeekFrom::End(0))?;
        }
        let mut state = State { file, answers: HashMap::new() };
        let spent = state.recall(text.get(..whole).unwrap_or_default(), &path)?;
        Ok(Self { path, state: Mutex::new(state), spent })
    }

    /// What earlier runs spent, or may have.
    pub(crate) fn spent(&self) -> Money {
        self.spent
    }

    /// An answer that was paid for already.
    pub(crate) fn answer(&self, call: &str) -> Option<Answer> {
        self.state().answers.get(call).cloned()
    }

    /// Notes that a call begins.
    pub(crate) fn began(&self, call: &str, prompt: &str, target: &str, at_most: Money) -> anyhow::Result<()> {
        let (prompt, target) = (prompt.to_owned(), target.to_owned());
        self.write(&Line::Began { call: call.to_owned(), prompt, target, at_most }, false)
    }

    /// Notes an answer, and returns when it is on disk.
    pub(crate) fn answered(&self, call: &str, answer: &Answer) -> anyhow::Result<()> {
        self.write(&Line::Answered { call: call.to_owned(), answer: answer.clone() }, true)?;
        self.state().answers.insert(call.to_owned(), answer.clone());
        Ok(())
    }

    /// Notes a failure and what it may have cost.
    pub(crate) fn failed(&self, call: &str, cost: Money, why: &str) -> anyhow::Result<()> {
        self.write(&Line::Failed { call: call.to_owned(), cost, why: why.to_owned() }, true)
    }

    /// Syncs the last lines.
    pub(crate) fn close(&self) -> anyhow::Result<()> {
        self.state().file.sync_data().with_context(|| format!("{} cannot be written", self.path.display()))
    }

    fn write(&self, line: &Line, sync: bool) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut state = self.state();
        let written =
            state.file.write_all(&text).and_then(|()| if sync { state.file.sync_data() } else { Ok(()) });
        written.with_context(|| {
            format!("{} cannot be written; what was paid for so far is in it", self.path.display())
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes in what earlier runs wrote; returns what they spent.
    fn recall(&mut self, text: &[u8], path: &Path) -> anyhow::Result<Money> {
        let mut open: HashMap<String, Money> = HashMap::new();
        let mut spent = Money::ZERO;
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line).with_context(|| {
                let at = at + 1;
                format!(
                    "{}:{at}: is no line of a journal; take it out, or choose another folder",
                    path.display()
                )
            })?;
            match line {
                Line::Began { call, at_most, .. } => {
                    // One that began before and never ended may have been billed too.
                    spent += open.insert(call, at_most).unwrap_or_default();
                }
                Line::Answered { call, answer } => {
                    let at_most = open.remove(&call).unwrap_or_default();
                    spent += answer.cost.unwrap_or(at_most);
                    self.answers.insert(call, answer);
                }
                Line::Failed { call, cost, .. } => {
                    open.remove(&call);
                    spent += cost;
                }
            }
        }
        Ok(spent + open.into_values().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(cost: u64) -> Answer {
        Answer {
            text: "a\nb".into(),
            finish: Some("stop".into()),
            cost: Some(Money(cost)),
            input_tokens: 1,
            output_tokens: 2,
            latency_ms: 3,
        }
    }

    #[test]
    fn what_was_paid_is_found_again_and_a_torn_line_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), false).unwrap();
        journal.began("one", "p", "t", Money(9)).unwrap();
        journal.answered("one", &answer(5)).unwrap();
        journal.began("two", "p", "t", Money(9)).unwrap();
        journal.failed("two", Money(1), "429").unwrap();
        journal.began("three", "p", "t", Money(9)).unwrap();
        drop(journal);
        let path = folder.path().join(NAME);
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"answered\": {\"call\": \"thr");
        std::fs::write(&path, torn).unwrap();

        assert!(Journal::open(folder.path(), false).is_err(), "a profile is not written over");
        let journal = Journal::open(folder.path(), true).unwrap();
        assert_eq!(journal.spent(), Money(5 + 1 + 9), "a call that never ended counts at its worst");
        assert_eq!(journal.answer("one"), Some(answer(5)));
        assert_eq!((journal.answer("two"), journal.answer("three")), (None, None));
        assert!(Journal::open(folder.path(), true).is_err(), "one profile at a time");
        journal.answered("three", &answer(2)).unwrap();
        drop(journal);
        let journal = Journal::open(folder.path(), true).unwrap();
        assert_eq!(journal.spent(), Money(5 + 1 + 2));
    }

    #[test]
    fn a_broken_line_in_the_middle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "{}\nnonsense\n").unwrap();
        let said = format!("{:#}", Journal::open(folder.path(), true).err().unwrap());
        assert!(said.contains("journal.jsonl:1"), "{said}");
    }
}
