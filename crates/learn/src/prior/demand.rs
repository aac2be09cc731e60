//! How much a prompt demands, by what can be read off it.
//!
//! An artifact learns difficulty from prompts that were hard enough to be worth grading. A greeting or a haiku is like none of
//! them, so the learned head answers with its average, which is not easy at all. Strangers are placed by difficulty
//! alone, so for them a stated score of the text's own features stands beside the learned one: it goes by length and by
//! the words and marks of reasoning, code and mathematics.
//!
//! Left out: anything learnt. The weights are stated, and the tests hold what they are for.

use pointsman_encode::Features;

/// What each feature adds. A prompt that demands a middling effort comes to about [`MIDDLING`].
const WEIGHTS: [(&str, f64); 18] = [
    ("log_words", 1.0),
    ("log_sentences", 0.5),
    ("long_word_share", 0.3),
    ("conditions", 0.3),
    ("logic_words", 0.4),
    ("cue_maths", 0.4),
    ("cue_proof", 0.5),
    ("cue_code", 0.4),
    ("cue_agentic", 0.2),
    ("cue_explain", 0.2),
    ("comparisons", 0.2),
    ("quantity_words", 0.3),
    ("negations", 0.2),
    ("numbers", 0.3),
    ("operator_share", 1.0),
    ("latex_marks", 0.4),
    ("code_fences", 0.4),
    ("step_by_step", 0.2),
];

/// The demand at which the learned difficulty is believed as it is.
const MIDDLING: f64 = 0.75;
/// Log odds of ease that a demand of nothing adds.
const RELIEF: f64 = 1.8;
/// Log odds of ease that the greatest demand takes away.
const BURDEN: f64 = 0.6;

/// Log odds of ease to be added to the learned ones; 0 where the features are not those that are known here.
pub(crate) fn relief(features: &[f32]) -> f64 {
    if features.len() != Features::COUNT {
        return 0.0;
    }
    let value = |name: &str| {
        Features::NAMES
            .iter()
            .zip(features)
            .find(|(known, _)| **known == name)
            .map_or(0.0, |(_, value)| f64::from(*value))
    };
    let demand: f64 = WEIGHTS.iter().map(|(name, weight)| weight * value(name)).sum();
    let relief = (MIDDLING - demand) / MIDDLING;
    if relief > 0.0 { RELIEF * relief } else { (BURDEN * relief).max(-BURDEN) }
}
