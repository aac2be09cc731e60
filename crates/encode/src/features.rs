//! Readable features of a prompt: numbers that a person can check by looking at the text.
//!
//! They cost microseconds, explain a decision in words ("ends with a question, four options, LaTeX"), and carry what a mean
//! of token vectors loses: length, layout, form. The set follows the feature groups of LLMRank
//! (arXiv 2510.01234): size, syntax, task cues, reasoning cues, form of the answer.
//!
//! Promises: every value lies in 0..=1; the list is fixed for a [`Features::VERSION`], which is part of every encoder's
//! fingerprint; only the two ends of [`Text`] are read. Left out: anything learnt, and anything that
//! is not in the prompt itself.
//!
//! Cues are English words. For other languages the size, script and layout features still speak.

mod lexicon;
mod scan;

use std::ops::Deref;

use crate::Text;
use lexicon::{
    AGENTIC, CODE, COMPARE, CONDITION, CREATIVE, DATA, ENGLISH, EXPLAIN, GREETING, IMPERATIVE, LISTING,
    LOGIC, MATHS, NEGATION, POLITE, PROOF, QUANTITY, ROLE, SUMMARY, TABLE, TIME, TRANSLATE, WH,
};
use scan::Scan;

/// The readable features of one prompt, each in 0..=1, in the order of [`Features::NAMES`].
///
/// Shares are of the part that is read; counts `n` become `n / (n + k)`; lengths are logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features([f32; Features::COUNT]);

/// A feature is its name and how it is read off the counts.
type Feature = (&'static str, fn(&Scan) -> f32);

/// Appending, removing or redefining a line changes [`Features::VERSION`].
const FEATURES: [Feature; Features::COUNT] = [
    // Size. Logarithms, scaled so that 1 is about the largest prompt a model takes.
    ("log_bytes", |s| log(s.total_bytes, 14.0)),
    ("log_words", |s| log(s.words, 8.0)),
    ("log_lines", |s| log(s.lines, 7.0)),
    ("log_sentences", |s| log(s.sentences, 6.0)),
    ("is_cut", |s| flag(s.is_cut)),
    ("has_system", |s| flag(s.has_system)),
    // Words.
    ("mean_word_length", |s| share(s.word_chars, 12 * s.words)),
    ("long_word_share", |s| share(s.long_words, s.words)),
    ("distinct_word_share", |s| share(s.distinct_words(), s.words)),
    ("capitalised_runs", |s| many(s.capitalised_runs, 3.0)),
    ("identifier_share", |s| share(s.identifiers, s.words)),
    // Characters.
    ("capital_share", |s| share(s.capitals, s.letters)),
    ("digit_share", |s| share(s.digits, s.chars)),
    ("operator_share", |s| share(s.operators, s.chars)),
    ("punctuation_share", |s| share(s.punctuation, s.chars)),
    ("bracket_share", |s| share(s.brackets, s.chars)),
    ("non_ascii_share", |s| share(s.non_ascii, s.chars)),
    ("cjk_share", |s| share(s.cjk, s.chars)),
    ("cyrillic_share", |s| share(s.cyrillic, s.chars)),
    ("english_share", |s| share(s.tag(ENGLISH), s.words)),
    // Layout.
    ("latex_marks", |s| many(s.latex, 4.0)),
    ("code_fences", |s| many(s.fences, 1.0)),
    ("inline_code", |s| many(s.ticks, 4.0)),
    ("indented_line_share", |s| share(s.indented_lines, s.lines)),
    ("code_line_share", |s| share(s.code_lines, s.lines)),
    ("list_line_share", |s| share(s.list_lines, s.lines)),
    ("table_line_share", |s| share(s.table_lines, s.lines)),
    ("urls", |s| many(s.urls, 1.0)),
    // Form of the request.
    ("question_marks", |s| many(s.questions, 1.0)),
    ("ends_with_question", |s| flag(s.ends_with_question)),
    ("wh_words", |s| many(s.tag(WH), 2.0)),
    ("opens_with_wh", |s| flag(s.opening & WH != 0)),
    ("opens_with_imperative", |s| flag(s.opening & IMPERATIVE != 0)),
    ("has_choices", |s| flag(s.choices >= 3)),
    ("choices", |s| (s.choices as f32 / 10.0).min(1.0)),
    ("few_shot_marks", |s| many(s.few_shot, 2.0)),
    ("context_block", |s| flag(s.context_block)),
    // Task cues.
    ("cue_code", |s| many(s.tag(CODE), 2.0)),
    ("cue_agentic", |s| many(s.tag(AGENTIC), 2.0)),
    ("cue_maths", |s| many(s.tag(MATHS), 2.0)),
    ("cue_proof", |s| many(s.tag(PROOF), 1.0)),
    ("cue_explain", |s| many(s.tag(EXPLAIN), 1.0)),
    ("cue_translate", |s| many(s.tag(TRANSLATE), 1.0)),
    ("cue_summary", |s| many(s.tag(SUMMARY), 1.0)),
    ("cue_creative", |s| many(s.tag(CREATIVE), 1.0)),
    ("cue_role", |s| many(s.tag(ROLE), 1.0)),
    ("cue_greeting", |s| many(s.tag(GREETING), 1.0)),
    ("cue_polite", |s| many(s.tag(POLITE), 1.0)),
    ("asks_for_data", |s| many(s.tag(DATA), 1.0)),
    ("asks_for_table", |s| many(s.tag(TABLE), 1.0)),
    ("asks_for_list", |s| many(s.tag(LISTING), 1.0)),
    ("limits_length", |s| flag(s.length_limit)),
    // Reasoning cues.
    ("step_by_step", |s| flag(s.step_by_step)),
    ("negations", |s| many(s.tag(NEGATION), 2.0)),
    ("conditions", |s| many(s.tag(CONDITION), 2.0)),
    ("logic_words", |s| many(s.tag(LOGIC), 2.0)),
    ("comparisons", |s| many(s.tag(COMPARE), 2.0)),
    ("quantity_words", |s| many(s.tag(QUANTITY), 3.0)),
    ("time_words", |s| many(s.tag(TIME), 2.0)),
    ("numbers", |s| many(s.numbers, 5.0)),
    ("decimals", |s| many(s.decimals, 2.0)),
    ("largest_number_digits", |s| (s.largest_number as f32 / 12.0).min(1.0)),
    ("percents_and_money", |s| many(s.percents_and_money, 2.0)),
];

impl Features {
    /// How many features there are.
    pub const COUNT: usize = 63;

    /// Rises with every change to the list or to a formula.
    pub const VERSION: u32 = 2;

    /// What each value is called.
    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    pub const NAMES: [&'static str; Self::COUNT] = {
        let mut names = [""; Self::COUNT];
        let mut at = 0;
        while at < Self::COUNT {
            names[at] = FEATURES[at].0;
            at += 1;
        }
        names
    };

    /// Reads the features off a text.
    #[must_use]
    pub fn of(text: &Text<'_>) -> Self {
        let scan = Scan::of(text);
        Self(FEATURES.map(|(_, read)| read(&scan)))
    }

    /// One value by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f32> {
        Self::NAMES.iter().zip(&self.0).find(|(known, _)| **known == name).map(|(_, value)| *value)
    }

    /// All values.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

impl Deref for Features {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

fn flag(is_set: bool) -> f32 {
    f32::from(u8::from(is_set))
}

/// A count in 0..1 that still tells 1 from 2 but not 100 from 200; `half` of them give 0.5.
fn many(count: u32, half: f32) -> f32 {
    let count = count as f32;
    count / (count + half)
}

fn share(part: u32, whole: u32) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).min(1.0) }
}

/// Natural logarithm of a count, over the logarithm that gives 1.
fn log(count: u32, full: f32) -> f32 {
    ((count as f32).ln_1p() / full).min(1.0)
}

#[cfg(test)]
mod tests;
