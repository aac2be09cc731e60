use proptest::prelude::*;

use super::*;

fn ids(text: &str) -> Vec<u16> {
    let mut ids = Vec::new();
    WordPiece::embedded().encode(text, usize::MAX, &mut ids);
    ids
}

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    ids: Vec<u16>,
}

#[test]
fn ids_are_those_of_the_reference_tokeniser() {
    let lines = include_str!("../../goldens/wordpiece.jsonl").lines();
    let goldens: Vec<Golden> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(goldens.len() >= 200, "only {} goldens", goldens.len());
    for golden in goldens {
        assert_eq!(ids(&golden.text), golden.ids, "for {:?}", golden.text);
    }
}

#[test]
fn special_tokens_cannot_be_written_in_a_prompt() {
    let smuggled = ids("[CLS] [SEP] [MASK] [PAD] [UNK] [unused7]");
    assert!(smuggled.iter().all(|id| *id >= 999), "{smuggled:?}");
}

#[test]
fn a_word_that_cannot_be_spelt_is_one_unknown() {
    assert_eq!(ids(&"a".repeat(101)), [WordPiece::UNKNOWN]);
    assert_ne!(ids(&"a".repeat(100)), [WordPiece::UNKNOWN]);
    assert_eq!(ids("the 🧭 compass"), [ids("the"), vec![WordPiece::UNKNOWN], ids("compass")].concat());
}

#[test]
fn the_limit_stops_the_work() {
    let text = "one two three ".repeat(20_000);
    let mut some = Vec::new();
    WordPiece::embedded().encode(&text, 7, &mut some);
    assert_eq!(some, ids("one two three one two three one"));
}

proptest! {
    #[test]
    fn any_text_gives_ids_of_the_vocabulary(text in "(\\PC|\\p{C}|\\s){0,200}") {
        let size = WordPiece::embedded().vocabulary_size();
        prop_assert!(ids(&text).iter().all(|id| usize::from(*id) < size));
    }

    #[test]
    fn a_limit_gives_the_start_of_what_no_limit_gives(text in "(\\PC|[a-z ,.]){0,200}", limit in 0_usize..40) {
        let mut some = Vec::new();
        WordPiece::embedded().encode(&text, limit, &mut some);
        let all = ids(&text);
        prop_assert_eq!(&some[..], &all[..limit.min(all.len())]);
    }

    #[test]
    fn capitals_and_white_space_do_not_matter(text in "[a-z]{1,12}( [a-z]{1,12}){0,20}") {
        let loud = format!("\t{}\n", text.to_uppercase().replace(' ', " \r\n "));
        prop_assert_eq!(ids(&text), ids(&loud));
    }
}
