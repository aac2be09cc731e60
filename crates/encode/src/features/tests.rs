use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn of(turn: &str) -> Features {
    Features::of(&Text::new(turn, None))
}

#[track_caller]
fn on(turn: &str, name: &str) -> bool {
    of(turn).get(name).unwrap() > 0.0
}

#[test]
fn names_are_unique_and_read_back_their_own_value() {
    let names: BTreeSet<_> = Features::NAMES.into_iter().collect();
    assert_eq!(names.len(), Features::COUNT);
    let features = of("How many apples are left?");
    for (name, value) in Features::NAMES.iter().zip(features.as_slice()) {
        assert_eq!(features.get(name), Some(*value));
    }
    assert_eq!(features.get("nonesuch"), None);
}

#[test]
fn the_list_of_a_version_is_frozen() {
    let list = crate::stable_hash(Features::NAMES.join(" ").as_bytes());
    assert_eq!(
        (Features::VERSION, list),
        (2, 10_245_960_149_639_975_352),
        "a changed list needs a new version, and heads trained anew"
    );
}

#[test]
fn a_maths_word_problem_reads_as_one() {
    let turn = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?";
    for name in ["quantity_words", "numbers", "wh_words", "ends_with_question", "english_share"] {
        assert!(on(turn, name), "{name}");
    }
    for name in ["code_fences", "has_choices", "cue_code", "latex_marks", "is_cut", "few_shot_marks"] {
        assert!(!on(turn, name), "{name}");
    }
}

#[test]
fn each_form_turns_its_feature_on() {
    let forms = [
        ("Let's think step by step.", "step_by_step"),
        ("Prove that the sum is even.", "cue_proof"),
        ("Explain gravity.", "cue_explain"),
        ("Explain gravity.", "opens_with_imperative"),
        ("Translate to French: hello", "cue_translate"),
        ("Please summarise this text", "cue_summary"),
        ("Write a function that sorts a list", "cue_code"),
        ("Write a poem about rain", "cue_creative"),
        ("You are an expert. Act as a lawyer.", "cue_role"),
        ("hello there", "cue_greeting"),
        ("Answer in JSON", "asks_for_data"),
        ("Give me a table of prices", "asks_for_table"),
        ("In at most 100 words, describe Rome", "limits_length"),
        ("Pick: A) red B) green C) blue", "has_choices"),
        ("Q: 1+1? A: 2\nQ: 2+2? A:", "few_shot_marks"),
        ("Passage: It rained. Who got wet?", "context_block"),
        ("Who is it?", "opens_with_wh"),
        ("$\\frac{1}{2}$", "latex_marks"),
        ("```rust\nfn main() {}\n```", "code_fences"),
        ("run `ls` now", "inline_code"),
        ("if x:\n    y = 1", "indented_line_share"),
        ("int x = 1;\nreturn x;", "code_line_share"),
        ("- one\n- two", "list_line_share"),
        ("| a | b |\n| 1 | 2 |", "table_line_share"),
        ("see https://example.org", "urls"),
        ("rename userName to user_name", "identifier_share"),
        ("it is not true", "negations"),
        ("what if it rains", "conditions"),
        ("is 3 more than 2", "comparisons"),
        ("in two hours", "time_words"),
        ("pay 15% now", "percents_and_money"),
        ("pi is 3.14", "decimals"),
        ("who met Angela Merkel", "capitalised_runs"),
        ("日本語", "cjk_share"),
        ("Привет", "cyrillic_share"),
        ("naïve", "non_ascii_share"),
    ];
    for (turn, name) in forms {
        assert!(on(turn, name), "{name} is 0 for {turn:?}");
    }
    let plain = "the blue sky";
    for (_, name) in forms {
        assert!(!on(plain, name), "{name} is on for {plain:?}");
    }
}

#[test]
fn a_system_prompt_is_noticed_but_not_read() {
    let with = Features::of(&Text::new("hi", Some("Prove that P is not NP")));
    assert_eq!(with.get("has_system"), Some(1.0));
    assert_eq!(with.get("cue_proof"), Some(0.0));
}

#[test]
fn an_empty_turn_is_all_zeros() {
    assert!(of("").iter().all(|value| *value == 0.0));
}

#[test]
fn a_long_prompt_is_read_at_its_ends_only() {
    let text = format!("{}Which one is right?", "lorem ipsum ".repeat(20_000));
    let features = of(&text);
    assert_eq!(features.get("is_cut"), Some(1.0));
    assert_eq!(features.get("ends_with_question"), Some(1.0));
    let scan = Scan::of(&Text::new(&text, None));
    assert!(
        scan.chars as usize <= crate::HEAD_BYTES + crate::TAIL_BYTES,
        "{} characters were read",
        scan.chars
    );
}

proptest! {
    #[test]
    fn every_value_of_any_text_lies_between_0_and_1(turn in "(\\PC|\\p{C}|[a-zA-Z0-9 .?()'_$\n]){0,400}") {
        for (name, value) in Features::NAMES.iter().zip(of(&turn).iter()) {
            prop_assert!((0.0..=1.0).contains(value), "{} is {}", name, value);
        }
    }

    #[test]
    fn equal_texts_give_equal_features(turn in "\\PC{0,200}") {
        prop_assert_eq!(of(&turn), of(&turn.clone()));
    }
}
