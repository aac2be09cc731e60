//! Words beside vectors: BM25 over what an agent's entry says.
//!
//! Words are runs of letters, split where a name in camel case goes on, in lower case, without the commonest English ones and
//! without a plural's `s`. Nothing else of a text counts: invisible characters and punctuation part words and are gone.

use std::collections::{BTreeMap, HashMap};

/// Saturation of a word's count.
const K1: f32 = 1.2;
/// How much a long entry is held against it.
const B: f32 = 0.75;

const STOP: [&str; 61] = [
    "a", "an", "the", "to", "of", "for", "and", "or", "in", "on", "at", "is", "are", "i", "you", "me", "my",
    "your", "it", "its", "that", "this", "with", "do", "does", "can", "could", "would", "like", "please",
    "be", "will", "have", "has", "what", "which", "from", "by", "as", "so", "we", "there", "any", "some",
    "was", "am", "get", "want", "need", "help", "s", "m", "d", "t", "ll", "re", "ve", "also", "if", "how",
    "about",
];

/// Entries by word.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordIndex {
    /// Where a word's postings begin and end.
    ranges: HashMap<String, (u32, u32)>,
    /// Entries with a word's worth in each, word by word.
    postings: Vec<(u32, f32)>,
    entries: usize,
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for letter in text.chars() {
        let starts = letter.is_uppercase() && lower_before;
        if !letter.is_alphabetic() || starts {
            push(&mut out, &mut word);
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        lower_before = letter.is_lowercase();
    }
    push(&mut out, &mut word);
    out
}

/// A name as words: `FindProvider` and `find_provider` are `Find Provider`.
pub(crate) fn spoken(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for letter in name.chars() {
        let parts = matches!(letter, '_' | '-' | '.' | '/' | ':');
        if letter.is_uppercase() && before.is_lowercase() {
            out.push(' ');
        }
        out.push(if parts { ' ' } else { letter });
        before = letter;
    }
    out
}

fn push(out: &mut Vec<String>, word: &mut String) {
    let taken = std::mem::take(word);
    if taken.is_empty() || STOP.contains(&taken.as_str()) {
        return;
    }
    let plural = taken.len() > 3 && taken.ends_with('s') && !taken.ends_with("ss");
    out.push(if plural { taken.strip_suffix('s').map(str::to_owned).unwrap_or(taken) } else { taken });
}

impl WordIndex {
    /// An index of these entries, each the words it says.
    pub(crate) fn new(entries: &[Vec<String>]) -> Self {
        let mut by_word: BTreeMap<&str, Vec<(u32, f32)>> = BTreeMap::new();
        let mean = entries.iter().map(Vec::len).sum::<usize>() as f32 / entries.len().max(1) as f32;
        for (at, words) in entries.iter().enumerate() {
            let mut counts: HashMap<&str, f32> = HashMap::new();
            for word in words {
                *counts.entry(word).or_default() += 1.0;
            }
            let length = K1 * (1.0 - B + B * words.len() as f32 / mean.max(1.0));
            for (word, count) in counts {
                by_word.entry(word).or_default().push((at as u32, count * (K1 + 1.0) / (count + length)));
            }
        }
        let mut index = Self { entries: entries.len(), ..Self::default() };
        for (word, posting) in by_word {
            let seen = posting.len() as f32;
            let rare = (1.0 + (entries.len() as f32 - seen + 0.5) / (seen + 0.5)).ln();
            let from = index.postings.len() as u32;
            index.postings.extend(posting.into_iter().map(|(entry, worth)| (entry, worth * rare)));
            index.ranges.insert(word.to_owned(), (from, index.postings.len() as u32));
        }
        index
    }

    /// Each entry's score for these words, by position.
    pub(crate) fn scores(&self, words: &[String], out: &mut Vec<f32>) {
        out.clear();
        out.resize(self.entries, 0.0);
        for (at, word) in words.iter().enumerate() {
            if words.iter().take(at).any(|before| before == word) {
                continue;
            }
            let range = self.ranges.get(word).map(|(from, to)| *from as usize..*to as usize);
            let posting = range.and_then(|range| self.postings.get(range)).unwrap_or_default();
            for (entry, worth) in posting {
                if let Some(score) = out.get_mut(*entry as usize) {
                    *score += worth;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_in_small_without_endings() {
        assert_eq!(words("I need 2 cheap Hotels, FindProvider!"), ["cheap", "hotel", "find", "provider"]);
        assert_eq!(words("ho\u{200b}tel"), ["ho", "tel"]);
        assert_eq!(spoken("FindProvider_v2"), "Find Provider v2");
    }

    #[test]
    fn a_rare_word_is_worth_more_and_a_repeated_one_in_the_question_nothing() {
        let entries: Vec<Vec<String>> =
            ["book a hotel room", "book a table", "book a flight"].map(words).to_vec();
        let index = WordIndex::new(&entries);
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        index.scores(&words("book hotel"), &mut once);
        index.scores(&words("book book hotel hotel"), &mut twice);
        assert!(once[0] > once[1] && once[1] > 0.0);
        assert_eq!(once, twice);
    }
}
