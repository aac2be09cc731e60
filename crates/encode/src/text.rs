//! What of a conversation is read, and how much of it.
//!
//! - **The last user turn** is what has to be answered, so it alone is embedded and measured. Earlier turns would
//!   blur it, and a session's continuity is kept by other means than similarity.
//! - **A turn longer than 4,096 bytes is read at both ends**: its first 2,048 bytes and its last 2,048. A long prompt
//!   states its task in front (instruction, then material) or at the end (examples or a document, then the
//!   question); the middle is material. Cuts are moved inwards to white space where there is some within 64 bytes, else
//!   to a character's boundary, so that no word is torn and the work for a prompt of any size is the same.
//! - **The system prompt is hashed, not embedded.** It names the application rather than the question, is often far
//!   longer than the turn, and would make all prompts of one application look alike. Its hash is a signal that can
//!   be compared and counted.
//!
//! An empty turn is allowed; encoders answer it with the zero vector.

/// Bytes read from the start of a turn that does not fit.
pub const HEAD_BYTES: usize = 2048;
/// Bytes read from the end of a turn that does not fit.
pub const TAIL_BYTES: usize = 2048;

/// How far a cut may move to find white space.
const SNAP_BYTES: usize = 64;

/// The bounded view of a conversation that encoders and features read.
///
/// Of the last user turn the whole, or the first [`HEAD_BYTES`] and the last [`TAIL_BYTES`] where it is longer than
/// both together; of the system prompt a hash; of earlier turns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    head: &'a str,
    tail: &'a str,
    total_bytes: usize,
    system_hash: Option<u64>,
}

/// A [`Text`] that owns what it shows, at most 4 KB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBuf {
    head: String,
    tail: String,
    total_bytes: usize,
    system_hash: Option<u64>,
}

impl TextBuf {
    /// The view.
    #[must_use]
    pub fn as_text(&self) -> Text<'_> {
        Text {
            head: &self.head,
            tail: &self.tail,
            total_bytes: self.total_bytes,
            system_hash: self.system_hash,
        }
    }
}

impl From<&Text<'_>> for TextBuf {
    fn from(text: &Text<'_>) -> Self {
        Self {
            head: text.head.to_owned(),
            tail: text.tail.to_owned(),
            total_bytes: text.total_bytes,
            system_hash: text.system_hash,
        }
    }
}

impl<'a> Text<'a> {
    /// The view of a last user turn and the system prompt it stands under.
    #[must_use]
    pub fn new(last_user_turn: &'a str, system: Option<&str>) -> Self {
        let (head, tail) = bounded(last_user_turn);
        let system_hash = system.map(|prompt| stable_hash(prompt.as_bytes()));
        Self { head, tail, total_bytes: last_user_turn.len(), system_hash }
    }

    /// The whole turn, or its first part where it was cut.
    #[must_use]
    pub fn head(&self) -> &'a str {
        self.head
    }

    /// Empty, or the last part of a turn that was cut.
    #[must_use]
    pub fn tail(&self) -> &'a str {
        self.tail
    }

    /// Length of the whole turn in bytes.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// Whether a middle part is not read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.head.len() < self.total_bytes
    }

    /// [`stable_hash`] of the system prompt, if there was one.
    #[must_use]
    pub fn system_hash(&self) -> Option<u64> {
        self.system_hash
    }
}

/// A 64-bit hash that is the same in every build and on every platform; not for adversarial input.
///
/// Eight bytes a step, because system prompts of coding agents reach 100 KB and are hashed on every request.
#[must_use]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state =
        words.iter().fold(bytes.len() as u64, |state, word| mix(state, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    state = mix(state, last);
    // The finaliser of splitmix64: every input bit reaches every output bit.
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

fn bounded(turn: &str) -> (&str, &str) {
    if turn.len() <= HEAD_BYTES + TAIL_BYTES {
        return (turn, "");
    }
    let head = turn.get(..turn.floor_char_boundary(HEAD_BYTES)).unwrap_or(turn);
    let tail = turn.get(turn.ceil_char_boundary(turn.len() - TAIL_BYTES)..).unwrap_or_default();
    (snap_end(head), snap_start(tail))
}

fn snap_end(head: &str) -> &str {
    let from = head.floor_char_boundary(head.len().saturating_sub(SNAP_BYTES));
    let space = head.get(from..).and_then(|last| last.rfind(char::is_whitespace));
    space.and_then(|at| head.get(..from + at)).unwrap_or(head)
}

fn snap_start(tail: &str) -> &str {
    let until = tail.floor_char_boundary(SNAP_BYTES);
    let space = tail.get(..until).and_then(|first| first.find(char::is_whitespace));
    space.and_then(|at| tail.get(at..)).unwrap_or(tail)
}

#[cfg(test)]
mod tests;
