//! Which words a text has, as places in a hashed vocabulary: what a mean of vectors blurs.
//!
//! Terms are single words and pairs of neighbours, in lower case; a word is a run of letters, digits and underscores,
//! and every other mark stands for itself. A term's place is a hash of it, so there is no vocabulary to ship and two
//! terms may share a place. The list tells much about a text; it is text for every rule that keeps text out of logs.
//!
//! Promises: the same places in every build; only the two ends of [`Text`] are read; places rise and none stands twice.
//! Left out: how much a term weighs, which is learnt.

use std::ops::Deref;

use crate::Text;

/// The terms of one text: place and weight, in the order of places.
///
/// A weight is one plus the natural logarithm of how often the term stands there. What an artifact learnt of places holds
/// for this hash alone: changing it changes the artifact's format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words(Vec<(u16, f32)>);

impl Words {
    /// Places there are.
    pub const PLACES: usize = 1 << 15;

    /// Reads the terms off a text.
    #[must_use]
    pub fn of(text: &Text<'_>) -> Self {
        let mut places = Vec::with_capacity(text.head().len() / 2);
        read(text.head(), &mut places);
        read(text.tail(), &mut places);
        places.sort_unstable();
        let mut terms: Vec<(u16, f32)> = Vec::with_capacity(places.len());
        for place in places {
            match terms.last_mut() {
                Some((last, count)) if *last == place => *count += 1.0,
                _ => terms.push((place, 1.0)),
            }
        }
        for (_, count) in &mut terms {
            *count = 1.0 + count.ln();
        }
        Self(terms)
    }

    /// The terms themselves.
    #[must_use]
    pub fn into_inner(self) -> Vec<(u16, f32)> {
        self.0
    }
}

impl Deref for Words {
    type Target = [(u16, f32)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

fn read(text: &str, places: &mut Vec<u16>) {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    let mut before = 0_u64;
    let mut word = START;
    let mut term = |hash: u64| {
        places.push(place(hash));
        if before != 0 {
            places.push(place(before.rotate_left(23) ^ hash));
        }
        before = hash;
    };
    for character in text.chars() {
        if character.is_alphanumeric() || character == '_' {
            for lower in character.to_lowercase() {
                word = step(word, lower);
            }
            continue;
        }
        if word != START {
            term(word);
            word = START;
        }
        if !character.is_whitespace() {
            term(step(START, character));
        }
    }
    if word != START {
        term(word);
    }
}

/// A step of FNV-1a over a whole character.
fn step(hash: u64, character: char) -> u64 {
    (hash ^ u64::from(u32::from(character))).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The finaliser of splitmix64 and its topmost bits.
fn place(hash: u64) -> u16 {
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 49) as u16
}

#[cfg(test)]
mod tests {
    use super::Words;
    use crate::Text;

    fn of(text: &str) -> Words {
        Words::of(&Text::new(text, None))
    }

    #[test]
    fn terms_are_words_and_pairs_whatever_the_case_and_space() {
        // the, quick, fox; the-quick, quick-fox.
        assert_eq!(of("The quick fox").len(), 5);
        assert_eq!(of("The quick fox"), of("  the\nQUICK   fox "));
        assert_ne!(of("the fox, quick"), of("the quick fox"));
        assert!(of("").is_empty() && of(" \n").is_empty());
    }

    #[test]
    fn repeated_terms_weigh_their_logarithm_and_places_rise() {
        let words = of("no no no");
        assert!(words.iter().any(|(_, weight)| (weight - (1.0 + 3.0_f32.ln())).abs() < 1e-6));
        let words = of(&"Sphinx of black quartz, judge my vow; 12 waltzing nymphs. ".repeat(200));
        assert!(words.array_windows().all(|[a, b]| a.0 < b.0));
        assert!(words.iter().all(|(place, _)| usize::from(*place) < Words::PLACES));
    }

    #[test]
    fn places_stay_where_artifacts_learnt_them() {
        assert_eq!(of("integral").first().map(|(place, _)| *place), Some(PINNED));
    }

    const PINNED: u16 = 2609;
}
