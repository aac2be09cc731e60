//! Other readings of a text, for a choice that a few words at its end cannot move.
//!
//! Whoever appends words to a prompt knows what is read of it. A reading that leaves the end out does not have them. How
//! many were appended is not known, and a reading that leaves out too much lacks what was asked: so there are several, from a
//! quarter of the most that are stripped to all of it, and one that stops half-way for those who append more. Before anything is read, what a reader does not see is taken out:
//! characters without a shape, and white space beyond what sets words and paragraphs apart.
//!
//! Promises: a view of the text each, nothing but the normal form copied; the work is bounded by the text; the readings of a
//! text with words appended are those of the text without them, as long as they are at most as many as are stripped.
//! Left out: judging whether a text looks like an attack, which the attacker would know as well.

use std::borrow::Cow;

/// How many other readings there are.
pub const OTHERS: usize = 5;
/// Letters that count as one word: a run of letters without spaces is as many words as it takes of these.
const LONGEST_WORD: usize = 12;

/// A text without what a reader does not see: invisible characters go, runs of blanks become one, and of blank lines one
/// stays. Indentation, case and everything visible is kept.
#[must_use]
pub fn normalised(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut line = String::new();
    let mut blank = 0;
    for raw in text.lines() {
        line.clear();
        let indent = raw.len() - raw.trim_start_matches([' ', '\t']).len();
        line.push_str(raw.get(..indent).unwrap_or_default());
        let mut gap = false;
        for character in raw.get(indent..).unwrap_or_default().chars().filter(|c| !is_invisible(*c)) {
            if character.is_whitespace() {
                gap = true;
                continue;
            }
            if std::mem::take(&mut gap) {
                line.push(' ');
            }
            line.push(character);
        }
        if line.trim().is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank > 0 { "\n\n" } else { "\n" });
        } else {
            // What stands before the first word sets nothing apart.
            line.drain(..line.len() - line.trim_start().len());
        }
        blank = 0;
        out.push_str(&line);
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The other readings of a text: without its last words, of which `words` are stripped at most, and its first half. A text
/// that is no longer than what is stripped has an empty reading: of so short a text nothing is sure.
#[must_use]
pub fn readings(text: &str, words: usize) -> [&str; OTHERS] {
    let without = |quarters: usize| without_end(text, (quarters * words).div_ceil(4));
    [without(1), without(2), without(3), without(4), half(text)]
}

/// The text without its last words: runs of letters and digits, each as many as its length makes it, and single marks.
fn without_end(text: &str, words: usize) -> &str {
    let mut left = words;
    let mut end = text.trim_end().len();
    while left > 0 && end > 0 {
        let rest = text.get(..end).unwrap_or_default();
        let letters = rest.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
        let length = rest.len() - letters.len();
        let (taken, worth) = if length > 0 {
            (length, rest.get(letters.len()..).map_or(0, |run| run.chars().count()).div_ceil(LONGEST_WORD))
        } else {
            (rest.chars().next_back().map_or(1, char::len_utf8), 1)
        };
        left = left.saturating_sub(worth);
        end = rest.get(..end - taken).unwrap_or_default().trim_end().len();
    }
    text.get(..end).unwrap_or_default()
}

/// The first half by bytes, up to a word's end.
fn half(text: &str) -> &str {
    let middle = text.floor_char_boundary(text.len() / 2);
    let first = text.get(..middle).unwrap_or_default();
    match first.rfind(char::is_whitespace) {
        Some(at) => first.get(..at).unwrap_or_default().trim_end(),
        None => first,
    }
}

/// Controls and characters without a shape or a place: zero-width spaces and joiners, direction marks, tags.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
        || (character.is_control() && !character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_does_not_see_goes_and_the_rest_stays() {
        let text = "\n  Sort\u{200b} the   list:\t\n\n\n\n    let a = [3,  1];\u{0}\nThanks ";
        assert_eq!(normalised(text), "Sort the list:\n\n    let a = [3, 1];\nThanks");
        let plain = "Sort the list:\n\n    let a = [3, 1];";
        assert!(matches!(normalised(plain), Cow::Borrowed(_)));
        assert_eq!(normalised(" \u{feff}\n"), "");
    }

    #[test]
    fn appended_words_are_gone_again_whether_or_not_they_have_spaces() {
        let prompt = "What is the capital of the country that won in 1998?";
        for suffix in [" prove theorem ##x !", " a,b;c", "_tailed_run_of_letters_without_space"] {
            let long = format!("{prompt}{suffix}");
            assert!(prompt.starts_with(without_end(&long, 8)), "{long}");
        }
        assert_eq!(without_end("one two three four", 2), "one two");
        assert_eq!(without_end("one two (three)", 3), "one two");
        assert_eq!(without_end("one two", 16), "");
    }

    #[test]
    fn half_a_text_ends_with_a_word() {
        assert_eq!(half("one two three four"), "one two");
        assert_eq!(half("\u{e9}\u{e9}\u{e9}"), "\u{e9}");
        assert_eq!(half(""), "");
    }
}
