//! How long a text is in a language model's tokens, without its tokeniser.
//!
//! Counts what byte-pair tokenisers split at (words, groups of digits, runs of punctuation, indentation, characters of
//! other scripts) and weighs each kind. The weights are a non-negative fit to the counts of o200k, the vocabulary of
//! recent OpenAI models. Over texts that were not fitted, the mean absolute error is 5 % for English prompts, code,
//! JSON and Markdown (above 11 % for one text in ten) and 9 % for messages in sixteen other languages, the worst being
//! Polish (22 % too low). Older vocabularies need up to twice as many tokens outside Latin script.
//!
//! Good for prices and context limits with a margin; what a provider reports replaces it.

/// Longer texts are estimated from windows, so that no request waits for its length.
const WHOLE_BYTES: usize = 32 * 1024;
const WINDOWS: usize = 32;
const WINDOW_BYTES: usize = WHOLE_BYTES / WINDOWS;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Small,
    Capital,
    Digit,
    Space,
    Newline,
    Mark,
    /// The rest of a character beyond ASCII; its first byte has counted.
    Continuation,
    /// The first byte of a Latin letter with an accent: part of a word.
    Latin,
    Other,
}

/// Cost in thousandths of a token.
type Milli = u64;

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const CLASSES: [(Class, Milli); 256] = {
    let mut classes = [(Class::Other, 0); 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = class(byte);
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// About how many tokens a text has, as o200k counts them; 0 for an empty text only.
#[must_use]
pub fn estimate_tokens(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let milli = if bytes.len() <= WHOLE_BYTES {
        cost(bytes)
    } else {
        // Evenly spaced, the first at the start and the last at the end.
        let gaps = (bytes.len() - WINDOW_BYTES) as u64;
        let starts = (0..WINDOWS as u64).map(|window| (gaps * window / (WINDOWS as u64 - 1)) as usize);
        let windows =
            starts.filter_map(|start| bytes.get(start..start + WINDOW_BYTES)).map(cost).sum::<Milli>();
        (u128::from(windows) * bytes.len() as u128 / WHOLE_BYTES as u128) as Milli
    };
    let tokens = u32::try_from(milli.div_ceil(1000)).unwrap_or(u32::MAX);
    tokens.max(u32::from(!bytes.is_empty()))
}

/// What a byte is and, where that does not depend on its neighbours, what it costs.
const fn class(byte: u8) -> (Class, Milli) {
    match byte {
        b'a'..=b'z' => (Class::Small, 0),
        b'A'..=b'Z' => (Class::Capital, 0),
        b'0'..=b'9' => (Class::Digit, 0),
        b' ' | b'\t' => (Class::Space, 0),
        b'\n' | b'\r' => (Class::Newline, 0),
        0..=0x7f => (Class::Mark, 0),
        0x80..=0xbf => (Class::Continuation, 0),
        0xc0..=0xc9 => (Class::Latin, 1150),
        0xca..=0xcd => (Class::Other, 1500),
        // Greek; Cyrillic, Armenian; Hebrew, Arabic; Indic scripts and Thai.
        0xce..=0xcf => (Class::Other, 400),
        0xd0..=0xd5 => (Class::Other, 300),
        0xd6..=0xdf => (Class::Other, 390),
        0xe0 => (Class::Other, 410),
        // Typographic marks and symbols; kana and CJK punctuation; ideographs; Hangul.
        0xe2 => (Class::Other, 700),
        0xe3 => (Class::Other, 600),
        0xe4..=0xe9 => (Class::Other, 890),
        0xea..=0xed => (Class::Other, 770),
        // Vietnamese and polytonic Greek, for the most part.
        0xe1 => (Class::Latin, 200),
        0xee | 0xef => (Class::Other, 700),
        // Emoji.
        0xf0..=0xff => (Class::Other, 2000),
    }
}

fn cost(bytes: &[u8]) -> Milli {
    let mut total = 0;
    let mut before = Class::Newline;
    // How many bytes of the same run came before.
    let mut run = 0_u32;
    for byte in bytes {
        let (class, fixed) = CLASSES.get(usize::from(*byte)).copied().unwrap_or((Class::Other, 0));
        if class == Class::Continuation {
            continue;
        }
        let continues = match class {
            Class::Small | Class::Capital => matches!(before, Class::Small | Class::Capital | Class::Latin),
            Class::Latin => matches!(before, Class::Small | Class::Capital | Class::Latin),
            _ => class == before,
        };
        run = if continues { run + 1 } else { 0 };
        total += match class {
            Class::Small | Class::Capital => {
                letter(run) + if class == Class::Capital && before == Class::Capital { 70 } else { 0 }
            }
            // A space does not join the digits after it.
            Class::Digit => {
                (if run.is_multiple_of(3) { 1250 } else { 0 }) + if before == Class::Space { 1100 } else { 0 }
            }
            Class::Mark if continues => 300,
            Class::Mark => 700,
            Class::Space if run == 1 => 350,
            Class::Newline if !continues => 880,
            _ => fixed,
        };
        before = class;
    }
    total
}

/// What a letter costs by its place in the word: common words up to four letters are one token, longer ones are
/// more often rare.
fn letter(place: u32) -> Milli {
    match place {
        0 => 915,
        4..=6 => 120,
        10.. => 260,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
