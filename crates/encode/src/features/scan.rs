//! One pass over the text that counts everything the features are made of.

use super::lexicon::{self, Lexicon, Tags};
use crate::Text;

/// Words of at least this many characters are long.
const LONG_WORD: u32 = 8;
/// Bits of the sketch that counts distinct words; a bounded text has fewer than half as many words.
const SKETCH_WORDS: usize = 64;

/// Counts over the bounded text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) total_bytes: u32,
    pub(super) is_cut: bool,
    pub(super) has_system: bool,
    pub(super) chars: u32,
    pub(super) letters: u32,
    pub(super) capitals: u32,
    pub(super) digits: u32,
    pub(super) operators: u32,
    pub(super) punctuation: u32,
    pub(super) brackets: u32,
    pub(super) non_ascii: u32,
    pub(super) cjk: u32,
    pub(super) cyrillic: u32,
    pub(super) latex: u32,
    pub(super) fences: u32,
    pub(super) ticks: u32,
    pub(super) questions: u32,
    pub(super) ends_with_question: bool,
    pub(super) percents_and_money: u32,
    pub(super) lines: u32,
    pub(super) indented_lines: u32,
    pub(super) code_lines: u32,
    pub(super) list_lines: u32,
    pub(super) table_lines: u32,
    pub(super) urls: u32,
    pub(super) sentences: u32,
    pub(super) words: u32,
    pub(super) word_chars: u32,
    pub(super) long_words: u32,
    pub(super) capitalised_runs: u32,
    pub(super) identifiers: u32,
    pub(super) numbers: u32,
    pub(super) decimals: u32,
    /// Digits of the longest number, its decimals apart.
    pub(super) largest_number: u32,
    pub(super) choices: u32,
    pub(super) few_shot: u32,
    pub(super) context_block: bool,
    pub(super) length_limit: bool,
    pub(super) step_by_step: bool,
    /// The cues of the first word.
    pub(super) opening: Tags,
    tags: [u32; lexicon::TAGS],
    sketch: Sketch,
    before: Before,
}

/// A bit for each hash of a word.
#[derive(Debug)]
struct Sketch([u64; SKETCH_WORDS]);

/// What stood before the word that is being read.
#[derive(Debug, Default)]
struct Before {
    /// Cues of the word before, and of the one before that.
    tags: (Tags, Tags),
    was_number: bool,
    /// Digits of the number that is going on, its decimals apart.
    number_digits: u32,
    in_capitalised_run: bool,
    /// Whether a sentence has begun, so that a capital means a name.
    in_sentence: bool,
    /// The letter that the next option of a multiple choice has, as an offset from `a`.
    next_choice: u32,
}

/// The word that is being read.
#[derive(Debug, Default)]
struct Word {
    key: u128,
    chars: u32,
    digits: u32,
    starts_capital: bool,
    /// A capital after a small letter, or an underscore between characters.
    is_identifier: bool,
    last_is_small: bool,
    /// The point or comma that joins it to a digit before.
    joint: Option<char>,
}

impl Scan {
    pub(super) fn of(text: &Text<'_>) -> Self {
        let mut scan = Self {
            total_bytes: u32::try_from(text.total_bytes()).unwrap_or(u32::MAX),
            is_cut: text.is_cut(),
            has_system: text.system_hash().is_some(),
            ..Self::default()
        };
        let lexicon = Lexicon::get();
        for part in [text.head(), text.tail()] {
            for line in part.lines() {
                scan.line(line, lexicon);
            }
        }
        let end = if text.is_cut() { text.tail() } else { text.head() };
        scan.ends_with_question = end.trim_end().ends_with('?');
        scan
    }

    /// How often a cue was met.
    pub(super) fn tag(&self, tag: Tags) -> u32 {
        self.tags.get(tag.trailing_zeros() as usize).copied().unwrap_or_default()
    }

    pub(super) fn distinct_words(&self) -> u32 {
        self.sketch.0.iter().map(|bits| bits.count_ones()).sum()
    }

    fn line(&mut self, line: &str, lexicon: &Lexicon) {
        let content = line.trim();
        self.lines += 1;
        self.indented_lines +=
            u32::from(!content.is_empty() && (line.starts_with('\t') || line.starts_with("  ")));
        self.code_lines += u32::from(content.ends_with([';', '{', '}']) || content.ends_with("):"));
        self.table_lines +=
            u32::from(content.starts_with('|') && content.ends_with('|') && content.len() > 2);
        self.fences += u32::from(content.starts_with("```"));
        self.list_lines += u32::from(is_list_item(content));
        self.few_shot += u32::from(content.starts_with("###"));
        self.context_block |=
            content.starts_with("\"\"\"") || content.starts_with("> ") || content.starts_with("<doc");
        self.urls += u32::from(content.contains("://"));
        if let Some(letter) = choice_at_line_start(content) {
            self.choice(letter);
        }
        self.before.in_sentence = false;
        self.before.in_capitalised_run = false;
        self.characters(line, lexicon);
    }

    fn characters(&mut self, line: &str, lexicon: &Lexicon) {
        let mut word = Word::default();
        let mut before = ['\n'; 2];
        for char in line.chars() {
            self.chars += 1;
            if is_of_word(char, &word) {
                if word.chars == 0 && before[0].is_ascii_digit() && matches!(before[1], '.' | ',') {
                    word.joint = Some(before[1]);
                }
                self.letter(char);
                word.push(char);
            } else {
                if word.chars > 0 {
                    self.word(&word, char, lexicon);
                    word = Word::default();
                }
                self.mark(char, before);
            }
            before = [before[1], char];
        }
        if word.chars > 0 {
            self.word(&word, '\n', lexicon);
        }
    }

    fn letter(&mut self, char: char) {
        match char {
            'a'..='z' => self.letters += 1,
            'A'..='Z' => {
                self.letters += 1;
                self.capitals += 1;
            }
            '0'..='9' => self.digits += 1,
            char if char.is_ascii() => self.punctuation += 1,
            char => {
                self.non_ascii += 1;
                self.letters += 1;
                self.cjk += u32::from(
                    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'),
                );
                self.cyrillic += u32::from(matches!(char, '\u{400}'..='\u{52f}'));
                self.capitals += u32::from(char.is_uppercase());
            }
        }
    }

    /// A character that is no part of a word, after the two before it.
    fn mark(&mut self, char: char, before: [char; 2]) {
        match char {
            '+' | '-' | '*' | '/' | '=' | '<' | '>' | '^' | '|' | '&' | '~' => self.operators += 1,
            '(' | ')' | '[' | ']' | '{' | '}' => self.brackets += 1,
            '%' | '€' | '£' => self.percents_and_money += 1,
            '$' | '\\' => self.latex += 1,
            '`' => self.ticks += 1,
            '?' => self.questions += 1,
            char if char.is_ascii_punctuation() => self.punctuation += 1,
            char if !char.is_ascii() && !char.is_whitespace() => self.non_ascii += 1,
            _ => {}
        }
        if matches!(char, '.' | '!' | '?' | ':' | '。' | '？' | '！') {
            self.sentences += u32::from(self.before.in_sentence && char != ':');
            self.before.in_sentence = false;
            self.before.in_capitalised_run = false;
        }
        // "(A)" and "A)": the letter stands between a bracket, a space or the line's start, and the bracket.
        if char == ')' && before[1].is_ascii_alphabetic() && matches!(before[0], '(' | ' ' | '\n') {
            self.choice(before[1]);
        }
    }

    fn word(&mut self, word: &Word, next: char, lexicon: &Lexicon) {
        if word.digits == word.chars {
            self.number(word);
            return;
        }
        self.words += 1;
        self.word_chars += word.chars;
        self.long_words += u32::from(word.chars >= LONG_WORD);
        self.identifiers += u32::from(word.is_identifier);
        self.sketch.add(word.key);
        let tags = if word.chars as usize <= lexicon::MAX_BYTES { lexicon.tags(word.key) } else { 0 };
        let mut rest = tags;
        while rest != 0 {
            if let Some(count) = self.tags.get_mut(rest.trailing_zeros() as usize) {
                *count += 1;
            }
            rest &= rest - 1;
        }
        if self.words == 1 {
            self.opening = tags;
        }
        self.few_shot += u32::from(next == ':' && tags & lexicon::SHOT != 0);
        self.context_block |= next == ':' && tags & lexicon::CONTEXT != 0;
        self.length_limit |= self.before.was_number && tags & lexicon::LIMIT != 0;
        self.step_by_step |= tags & lexicon::STEP != 0 && self.before.tags.1 & lexicon::STEP != 0;
        let is_name = word.starts_capital && self.before.in_sentence;
        self.capitalised_runs += u32::from(is_name && !self.before.in_capitalised_run);
        let tags_before = self.before.tags.0;
        self.before = Before {
            tags: (tags, tags_before),
            was_number: false,
            number_digits: 0,
            in_capitalised_run: is_name,
            in_sentence: true,
            next_choice: self.before.next_choice,
        };
    }

    /// A group of digits: a number, the decimals of one, or its next three digits.
    fn number(&mut self, word: &Word) {
        match word.joint {
            Some('.') => self.decimals += 1,
            Some(_) if word.chars == 3 => self.before.number_digits += word.chars,
            _ => {
                self.numbers += 1;
                self.before.number_digits = word.chars;
            }
        }
        self.largest_number = self.largest_number.max(self.before.number_digits);
        self.before.was_number = true;
        self.before.in_sentence = true;
    }

    /// Options count as long as their letters follow each other; `a` starts a new list.
    fn choice(&mut self, letter: char) {
        let offset = u32::from(letter.to_ascii_lowercase()).wrapping_sub(u32::from('a'));
        if offset == 0 || offset == self.before.next_choice {
            self.before.next_choice = offset + 1;
            self.choices = self.choices.max(offset + 1);
        }
    }
}

impl Word {
    fn push(&mut self, char: char) {
        let is_small = char.is_ascii_lowercase();
        self.starts_capital |= self.chars == 0 && char.is_uppercase();
        self.is_identifier |=
            (char == '_' && self.chars > 0) || (char.is_ascii_uppercase() && self.last_is_small);
        self.last_is_small = is_small;
        self.chars += 1;
        self.digits += u32::from(char.is_ascii_digit());
        // Past 16 bytes the start is lost, which suits the sketch; the lexicon asks for the length first.
        self.key = (self.key << 8) ^ u128::from(u32::from(char.to_ascii_lowercase()));
    }
}

impl Sketch {
    fn add(&mut self, key: u128) {
        let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(23);
        let hash = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        if let Some(bits) = self.0.get_mut((hash / 64) as usize) {
            *bits |= 1 << (hash % 64);
        }
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self([0; SKETCH_WORDS])
    }
}

fn is_of_word(char: char, word: &Word) -> bool {
    match char {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => true,
        // The apostrophe of "don't", not a quotation mark before or after a word.
        '\'' => word.last_is_small,
        char => !char.is_ascii() && char.is_alphanumeric(),
    }
}

fn is_list_item(content: &str) -> bool {
    if content.starts_with("- ") || content.starts_with("* ") || content.starts_with("• ") {
        return true;
    }
    let rest = content.trim_start_matches(|char: char| char.is_ascii_digit());
    rest.len() < content.len() && (rest.starts_with(". ") || rest.starts_with(") "))
}

/// "A." or "A:" in front of an option; with a bracket it is met among the characters.
fn choice_at_line_start(content: &str) -> Option<char> {
    let mut chars = content.chars();
    let (letter, mark, space) = (chars.next()?, chars.next()?, chars.next());
    let is_choice =
        letter.is_ascii_uppercase() && matches!(mark, '.' | ':') && space.is_none_or(char::is_whitespace);
    is_choice.then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(turn: &str) -> Scan {
        Scan::of(&Text::new(turn, None))
    }

    #[test]
    fn options_are_counted_in_each_way_of_writing_them() {
        for turn in [
            "Which? A) one B) two C) three D) four",
            "Which?\n(A) one\n(B) two\n(C) three\n(D) four",
            "Which?\nA. one\nB. two\nC. three\nD. four",
            "Which? (a) one (b) two (c) three (d) four",
        ] {
            assert_eq!(scan(turn).choices, 4, "{turn}");
        }
        assert_eq!(scan("Dr. B) wrote f(x) and (c) 1999").choices, 0);
    }

    #[test]
    fn names_are_runs_of_capitals_within_a_sentence() {
        assert_eq!(scan("Who met Angela Merkel in New York?").capitalised_runs, 2);
        assert_eq!(scan("The cat. The dog. The end").capitalised_runs, 0);
    }

    #[test]
    fn decimals_and_groups_of_three_belong_to_their_number() {
        let scan = scan("In 1999, 1,234,567.89 dollars; 3.14 and 12.");
        assert_eq!((scan.numbers, scan.decimals, scan.largest_number), (4, 2, 7));
    }

    #[test]
    fn distinct_words_are_counted_once() {
        let scan = scan("buffalo Buffalo buffalo sheep");
        assert_eq!((scan.words, scan.distinct_words()), (4, 2));
    }
}
