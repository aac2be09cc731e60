use proptest::prelude::*;

use super::*;

#[test]
fn a_turn_that_fits_is_read_whole() {
    let turn = "word ".repeat((HEAD_BYTES + TAIL_BYTES) / 5);
    let text = Text::new(&turn, None);
    assert_eq!((text.head(), text.tail()), (turn.as_str(), ""));
    assert!(!text.is_cut());
    assert_eq!(text.system_hash(), None);
}

#[test]
fn a_long_turn_keeps_its_start_and_its_end() {
    let turn = format!("Summarise the report. {}What was the profit?", "filler ".repeat(30_000));
    let text = Text::new(&turn, None);
    assert!(text.is_cut());
    assert_eq!(text.total_bytes(), turn.len());
    assert!(text.head().starts_with("Summarise the report."));
    assert!(text.tail().ends_with("What was the profit?"));
    assert!(text.head().len() <= HEAD_BYTES && text.tail().len() <= TAIL_BYTES);
}

#[test]
fn cuts_fall_between_words() {
    let turn = "antidisestablishmentarianism ".repeat(400);
    let text = Text::new(&turn, None);
    assert!(
        text.head().split_whitespace().chain(text.tail().split_whitespace()).all(|word| word.len() == 28)
    );
}

#[test]
fn what_stands_in_the_middle_changes_nothing_but_the_length() {
    let (start, end) = ("begin ".repeat(400), " finish".repeat(400));
    let one = format!("{start}{}{end}", "a".repeat(9000));
    let two = format!("{start}{}{end}", "é".repeat(4500));
    assert_eq!(Text::new(&one, None), Text::new(&two, None));
}

#[test]
fn the_system_prompt_is_known_by_its_hash() {
    let of = |system| Text::new("hello", Some(system)).system_hash();
    assert_eq!(of("You are a pirate"), of("You are a pirate"));
    assert_ne!(of("You are a pirate"), of("You are a pirate."));
    assert_ne!(of(""), None);
}

#[test]
fn the_hash_never_changes_between_builds() {
    assert_eq!(stable_hash(b""), 0);
    assert_eq!(stable_hash(b"You are a helpful assistant."), 17_537_235_232_486_579_386);
}

proptest! {
    #[test]
    fn the_view_is_bounded_for_any_text(turn in "\\PC{0,40}", copies in 1_usize..800) {
        let turn = turn.repeat(copies);
        let text = Text::new(&turn, None);
        prop_assert!(text.head().len() + text.tail().len() <= HEAD_BYTES + TAIL_BYTES);
        prop_assert!(turn.starts_with(text.head()) && turn.ends_with(text.tail()));
        prop_assert_eq!(text.is_cut(), turn.len() > HEAD_BYTES + TAIL_BYTES);
    }

    #[test]
    fn one_changed_byte_changes_the_hash(mut bytes in prop::collection::vec(any::<u8>(), 1..64), at: usize) {
        let before = stable_hash(&bytes);
        let at = at % bytes.len();
        bytes[at] ^= 1;
        prop_assert_ne!(before, stable_hash(&bytes));
    }
}
