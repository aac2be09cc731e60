//! What is read of a turn: the user's words, what the assistant said just before, and a few cues in both.

use pointsman_encode::{EncodeError, Encoder, Text};

use super::small::Asked;
use super::words::words;

/// Cues, each 0 to 1.
pub(crate) const CUES: usize = 12;

/// A user's turn with what came just before it.
#[derive(Clone, Debug)]
pub struct Turn {
    pub(crate) user: Vec<f32>,
    pub(crate) system: Vec<f32>,
    /// The same, to compare small rows with.
    pub(crate) asked: Asked,
    /// `None` where the assistant said nothing.
    pub(crate) heard: Option<Asked>,
    pub(crate) user_words: Vec<String>,
    pub(crate) system_words: Vec<String>,
    pub(crate) cues: [f32; CUES],
}

/// Phrases, looked for between word boundaries. A user's that begin something, agree, or end something; an assistant's
/// that offer more, ask for a yes, or say that something is done.
const TOPIC: [&str; 12] = [
    "also",
    "another thing",
    "next",
    "now",
    "instead",
    "besides",
    "by the way",
    "other than that",
    "on a different note",
    "then",
    "another",
    "additionally",
];
const REQUEST: [&str; 18] = [
    "i need",
    "i want",
    "i would like",
    "i'd like",
    "i am looking",
    "i'm looking",
    "looking for",
    "can you find",
    "can you help",
    "can you get",
    "can you search",
    "can you book",
    "can you check",
    "could you",
    "help me",
    "find me",
    "search",
    "please find",
];
const ASSENT: [&str; 18] = [
    "yes",
    "yeah",
    "yep",
    "sure",
    "ok",
    "okay",
    "no",
    "nope",
    "correct",
    "right",
    "that's right",
    "that is right",
    "that's correct",
    "that's fine",
    "that's good",
    "great",
    "perfect",
    "sounds good",
];
const CLOSING: [&str; 8] =
    ["thanks", "thank you", "bye", "that's all", "that is all", "that's it", "nothing else", "all set"];
const MORE: [&str; 8] = [
    "anything else",
    "something else",
    "else i can",
    "else can i",
    "further",
    "more help",
    "more assistance",
    "help you with",
];
const CONFIRM: [&str; 4] = ["confirm", "correct?", "is that right", "verify"];
const FINISHED: [&str; 12] = [
    "booked",
    "reserved",
    "scheduled",
    "confirmed",
    "success",
    "successfully",
    "completed",
    "done",
    "enjoy",
    "have a",
    "purchased",
    "added",
];

impl Turn {
    /// Reads a turn. `system` is what the assistant said just before, empty where it said nothing.
    ///
    /// # Errors
    /// The encoder cannot do its work.
    pub fn read(encoder: &dyn Encoder, user: &str, system: &str) -> Result<Self, EncodeError> {
        let vector = |text: &str| encoder.encode(&Text::new(text, None)).map(|v| v.into_inner().into_vec());
        let before = if system.is_empty() { vec![0.0; encoder.dimensions()] } else { vector(system)? };
        Ok(Self::with_vectors(user, system, vector(user)?, before))
    }

    /// Whether the user says so few words, or opens with a yes or a no: an answer rather than a matter of its own.
    pub(crate) fn is_brief(&self, words: usize) -> bool {
        self.user_words.len() <= words && self.cues[4] == 0.0 || self.cues[2] > 0.0
    }

    /// The same with vectors made elsewhere.
    #[must_use]
    pub fn with_vectors(user: &str, system: &str, user_vector: Vec<f32>, system_vector: Vec<f32>) -> Self {
        let spoke = system_vector.iter().any(|value| *value != 0.0);
        Self {
            asked: Asked::new(&user_vector),
            heard: spoke.then(|| Asked::new(&system_vector)),
            user: user_vector,
            system: system_vector,
            user_words: words(user),
            system_words: words(system),
            cues: cues(user, system),
        }
    }
}

fn cues(user: &str, system: &str) -> [f32; CUES] {
    let (user, system) = (user.to_lowercase(), system.to_lowercase());
    let flag = |on: bool| f32::from(u8::from(on));
    let any = |text: &str, phrases: &[&str]| flag(phrases.iter().any(|phrase| says(text, phrase)));
    let opens = ASSENT.iter().any(|phrase| user.starts_with(phrase) && says(&user, phrase));
    let length = user.split_whitespace().count().min(30) as f32 / 30.0;
    [
        any(&user, &TOPIC),
        any(&user, &REQUEST),
        flag(opens),
        any(&user, &CLOSING),
        flag(user.contains('?')),
        flag(user.contains(|letter: char| letter.is_ascii_digit())),
        any(&system, &MORE),
        flag(system.contains('?')),
        any(&system, &CONFIRM),
        any(&system, &FINISHED),
        length,
        flag(system.is_empty()),
    ]
}

/// Whether a phrase stands in a text, not as part of longer words.
fn says(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, found)| {
        let before = text.get(..at).and_then(|part| part.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|part| part.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_whole_words() {
        let cues = cues("Nobody knows", "Is there anything else?");
        assert_eq!((cues[2], cues[6], cues[7]), (0.0, 1.0, 1.0), "`no` is not in `nobody`");
    }
}
