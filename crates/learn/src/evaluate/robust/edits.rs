//! Edits that leave what is asked as it was.
//!
//! An edit that would leave a text as it is gives nothing.

/// The kinds, as they are reported.
pub(super) const KINDS: [&str; 4] = ["case", "paraphrase", "suffix", "white_space"];

/// Written apart, and together.
const CONTRACTIONS: [(&str, &str); 20] = [
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("were not", "weren't"),
    ("has not", "hasn't"),
    ("have not", "haven't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("should not", "shouldn't"),
    ("would not", "wouldn't"),
    ("will not", "won't"),
    ("what is", "what's"),
    ("it is", "it's"),
    ("that is", "that's"),
    ("you are", "you're"),
    ("i am", "i'm"),
    ("let us", "let's"),
];

/// Words that may stand for each other in a question, in either direction.
const SYNONYMS: [(&str, &str); 32] = [
    ("calculate", "compute"),
    ("find", "determine"),
    ("choose", "select"),
    ("explain", "describe"),
    ("give", "provide"),
    ("show", "demonstrate"),
    ("write", "compose"),
    ("make", "create"),
    ("begin", "start"),
    ("help", "assist"),
    ("need", "require"),
    ("buy", "purchase"),
    ("get", "obtain"),
    ("use", "employ"),
    ("correct", "right"),
    ("big", "large"),
    ("small", "little"),
    ("fast", "quick"),
    ("hard", "difficult"),
    ("easy", "simple"),
    ("following", "below"),
    ("many", "numerous"),
    ("also", "additionally"),
    ("about", "roughly"),
    ("every", "each"),
    ("statement", "claim"),
    ("method", "approach"),
    ("task", "job"),
    ("error", "mistake"),
    ("part", "portion"),
    ("important", "significant"),
    ("whole", "entire"),
];
/// Synonyms put in at most.
const REPLACED: usize = 3;

const OPENINGS: [&str; 3] = ["Please ", "Could you help me with this? ", "Hi! "];
const ENDINGS: [&str; 5] = [" Thanks!", "\n\nThank you in advance.", " ...", " pls", " qwzx"];

/// The edited texts, each with its kind.
pub(super) fn edits(text: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("case", text.to_lowercase()),
        ("case", text.to_uppercase()),
        ("case", first_letter(text)),
        ("white_space", format!("{text}\n\n")),
        ("white_space", format!("  {text}")),
        ("white_space", text.replace(' ', "  ")),
        ("white_space", text.replace('\n', "\n\n")),
        ("white_space", text.replace(". ", ".\n")),
        ("paraphrase", replaced(text, CONTRACTIONS.iter().copied(), usize::MAX)),
        (
            "paraphrase",
            replaced(text, CONTRACTIONS.iter().map(|(apart, joined)| (*joined, *apart)), usize::MAX),
        ),
        ("paraphrase", replaced(text, SYNONYMS.iter().copied(), REPLACED)),
        ("paraphrase", replaced(text, SYNONYMS.iter().map(|(one, other)| (*other, *one)), REPLACED)),
    ];
    all.extend(OPENINGS.iter().map(|opening| ("paraphrase", format!("{opening}{text}"))));
    all.extend(ENDINGS.iter().map(|ending| ("suffix", format!("{text}{ending}"))));
    all.retain(|(_, edited)| edited != text);
    all
}

/// The first letter in the other case.
fn first_letter(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if first.is_lowercase() => first.to_uppercase().chain(letters).collect(),
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Puts the second of each pair where the first stands as whole words, at most `most` times; a capital stays one.
fn replaced<'a>(text: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>, most: usize) -> String {
    let mut out = text.to_owned();
    let mut left = most;
    for (from, to) in pairs {
        let mut at = 0;
        while left > 0 {
            // Only ASCII changes its case here, so places stay.
            let Some(found) = out.get(at..).and_then(|rest| rest.to_ascii_lowercase().find(from)) else {
                break;
            };
            let (start, end) = (at + found, at + found + from.len());
            let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '\'' || c == '_');
            let before = out.get(..start).and_then(|before| before.chars().next_back());
            let after = out.get(end..).and_then(|after| after.chars().next());
            if is_letter(before) || is_letter(after) {
                at = end;
                continue;
            }
            let capital =
                out.get(start..end).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
            let word = if capital { first_letter(to) } else { to.to_owned() };
            out.replace_range(start..end, &word);
            at = start + word.len();
            left -= 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_replaced_and_capitals_stay() {
        let pairs = || CONTRACTIONS.iter().copied();
        assert_eq!(
            replaced("What is it? Do not undo notes.", pairs(), usize::MAX),
            "What's it? Don't undo notes."
        );
        let back = CONTRACTIONS.iter().map(|(apart, joined)| (*joined, *apart));
        assert_eq!(replaced("I can't, \u{c9}mile", back, usize::MAX), "I cannot, \u{c9}mile");
        let synonyms = replaced("Find a big task and find a small one", SYNONYMS.iter().copied(), 3);
        assert_eq!(synonyms, "Determine a large task and determine a small one");
    }

    #[test]
    fn no_edit_leaves_a_text_as_it_is_and_every_kind_is_there() {
        for text in ["What is the capital of Peru?", "", "\u{4f60}\u{597d}", "x"] {
            let edits = edits(text);
            assert!(edits.iter().all(|(kind, edited)| edited != text && KINDS.contains(kind)), "{text}");
        }
        let kinds: std::collections::BTreeSet<_> =
            edits("Do not tell me.").iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds.len(), KINDS.len());
    }
}
