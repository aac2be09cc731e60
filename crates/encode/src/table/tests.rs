use proptest::prelude::*;

use super::*;

fn vector(turn: &str) -> Vector {
    StaticTable::embedded().encode(&Text::new(turn, None)).unwrap()
}

fn cosine(one: &str, two: &str) -> f32 {
    vector(one).iter().zip(vector(two).iter()).map(|(a, b)| a * b).sum()
}

#[test]
fn the_embedded_table_is_what_was_written() {
    assert!(StaticTable::embedded().is_intact());
}

#[test]
fn a_fingerprint_names_the_encoder() {
    let table = StaticTable::embedded();
    let (name, hash) = table.fingerprint().split_once(':').unwrap();
    assert_eq!(name, table.name());
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(StaticTable::from_bytes(BYTES.to_vec()).unwrap().fingerprint(), table.fingerprint());
}

#[test]
fn like_texts_lie_closer_than_unlike_ones() {
    let near = cosine("How do I reset my password?", "I forgot my password and cannot log in");
    let far = cosine("How do I reset my password?", "Prove that the square root of two is irrational");
    assert!(near > far + 0.2, "near {near}, far {far}");
}

#[test]
fn a_text_without_a_known_token_is_the_zero_vector() {
    for turn in ["", "  \n", "\u{200b}\u{200d}", "🧭🧭🧭"] {
        assert!(vector(turn).is_zero(), "{turn:?}");
    }
}

#[test]
fn a_damaged_table_is_refused_with_its_reason() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut file = BYTES.to_vec();
        change(&mut file);
        StaticTable::from_bytes(file).unwrap_err()
    };
    assert!(matches!(with(Vec::clear), TableError::Kind));
    assert!(matches!(with(|file| file[0] = b'X'), TableError::Kind));
    assert!(matches!(with(|file| file[8] = 2), TableError::Kind));
    assert!(matches!(with(|file| file[12] ^= 1), TableError::Shape { .. }));
    assert!(matches!(with(|file| file[16] ^= 1), TableError::Shape { .. }));
    assert!(matches!(with(|file| file.truncate(1_000_000)), TableError::Length { .. }));
    assert!(matches!(with(|file| file.push(0)), TableError::Length { .. }));
    assert!(matches!(with(|file| file[3_000_000] ^= 1), TableError::Checksum));
    assert!(matches!(with(|file| file[40] ^= 1), TableError::Checksum));
}

#[test]
fn a_prompt_of_200_kb_costs_no_more_than_512_tokens() {
    let table = StaticTable::embedded();
    for pattern in ["word ", "a", "?!", "日本語", "fn main() { println!(\"{}\", 1); }\n", "é", "\u{301}"]
    {
        let turn = pattern.repeat(200_000 / pattern.len());
        let tokens = table.tokens(&Text::new(&turn, None)).len();
        assert!(tokens <= 2 * END_TOKENS, "{tokens} tokens for {pattern:?}");
    }
}

#[test]
fn the_question_at_the_end_of_a_long_prompt_counts() {
    let examples = "Example: the sky is blue. Answer: yes. ".repeat(5000);
    let one = vector(&format!("{examples} Translate this poem into French please"));
    let two = vector(&format!("{examples} What is the derivative of x squared"));
    assert_ne!(one, two);
}

#[test]
fn the_ends_of_an_uncut_text_with_many_tokens_are_kept() {
    let table = StaticTable::embedded();
    let turn = format!("start {} finish", "? ".repeat(900));
    let tokens = table.tokens(&Text::new(&turn, None));
    assert_eq!(tokens.len(), 2 * END_TOKENS);
    let only = |word: &str| table.tokens(&Text::new(word, None));
    assert_eq!((tokens.first(), tokens.last()), (only("start").first(), only("finish").first()));
}

proptest! {
    #[test]
    fn any_text_gives_a_vector_of_norm_one_or_zero(turn in "(\\PC|\\p{C}|[a-z 0-9]){0,300}") {
        let vector = vector(&turn);
        prop_assert_eq!(vector.len(), StaticTable::embedded().dimensions());
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        prop_assert!(vector.is_zero() || (norm - 1.0).abs() < 1e-5, "norm {}", norm);
    }

    #[test]
    fn equal_texts_give_equal_bits(turn in "\\PC{0,200}") {
        prop_assert_eq!(vector(&turn), vector(&turn.clone()));
    }

    #[test]
    fn what_lies_beyond_the_ends_changes_nothing(middle in "[a-z ]{1,4000}") {
        let (start, end) = ("one two three ".repeat(160), " four five six".repeat(160));
        prop_assert_eq!(vector(&format!("{start}{middle}{end}")), vector(&format!("{start}x{end}")));
    }

    #[test]
    fn the_system_prompt_is_not_embedded(turn in "[a-z ]{0,60}", system in "\\PC{0,60}") {
        let table = StaticTable::embedded();
        let with = table.encode(&Text::new(&turn, Some(&system))).unwrap();
        prop_assert_eq!(with, vector(&turn));
    }
}
