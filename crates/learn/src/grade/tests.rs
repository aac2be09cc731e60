use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn grade(grader: &Value, answer: &str, right: Option<&Value>) -> f32 {
    Grader::from_json(grader).unwrap().grade(answer, right).unwrap()
}

fn is_right(grader: Value, answer: &str, right: Value) -> bool {
    grade(&grader, answer, Some(&right)) > 0.5
}

#[test]
fn exact_forgives_what_nobody_means_by_a_difference() {
    for said in
        ["Paris", "paris.", " **Paris** ", "\"Paris\"", "It is in France.\nAnswer: Paris", "```\nParis\n```"]
    {
        assert!(is_right(json!("exact"), said, json!("Paris")), "{said}");
    }
    for said in ["", "London", "Paris or London", "Answer: London\nParis was my second guess: Paris, no"] {
        assert!(!is_right(json!("exact"), said, json!("Paris")), "{said}");
    }
    assert!(is_right(json!("exact"), "[1,2]", json!("[1, 2]")));
    assert!(is_right(json!("exact"), "wolfram", json!(["tungsten", "wolfram"])));
    assert!(is_right(json!("exact"), "so \\boxed{\\frac{1}{2}}", json!("\\frac{1}{2}")));
}

#[test]
fn numeric_takes_the_marked_number_or_the_last_and_knows_tolerance() {
    assert!(is_right(json!("numeric"), "2 + 2 = 4", json!(4)));
    assert!(is_right(json!("numeric"), "Answer: 1,234 of 5,000", json!(1234)));
    assert!(is_right(json!("numeric"), "The result is $\\boxed{42}$ as 6*7.", json!("42")));
    assert!(is_right(json!({"numeric": {"which": "first"}}), "4, not 5", json!(4)));
    assert!(is_right(json!({"numeric": {"tolerance": 0.01}}), "2.718", json!(2.72)));
    assert!(is_right(json!({"numeric": {"relative": 0.1}}), "95", json!(100)));
    for said in ["", "none", "41", "42 or 43"] {
        assert!(!is_right(json!("numeric"), said, json!(42)), "{said}");
    }
}

#[test]
fn regex_wants_every_pattern_and_none_of_the_others() {
    let grader = json!({"regex": {"matches": ["^a", "b$"], "without": "x"}});
    assert!(grade(&grader, "a to b", None) > 0.5);
    assert!(grade(&grader, "a x b", None) < 0.5 && grade(&grader, "a", None) < 0.5);
    assert!(Grader::from_word("regex:^\\d+:\\d+$").unwrap().grade("1:2", None).unwrap() > 0.5);
}

#[test]
fn json_is_found_held_against_the_schema_and_compared_by_value() {
    let schema = json!({"type": "object", "required": ["n"], "additionalProperties": false, "properties": {
        "n": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "uniqueItems": true, "maxItems": 2,
            "items": {"enum": ["a", "b"]}}, "note": {"anyOf": [{"type": "null"}, {"pattern": "^ok"}]}}});
    let grader = json!({"json-schema": {"schema": schema}});
    for good in [
        r#"{"n": 2}"#,
        "Here it is:\n```json\n{\"n\": 2.0, \"tags\": [\"a\"]}\n```\nDone.",
        r#"So {"n":1,"note":null}."#,
    ] {
        assert!(grade(&grader, good, None) > 0.5, "{good}");
    }
    for bad in [
        "",
        "{",
        r#"{"n": 0}"#,
        r#"{"n": "2"}"#,
        r#"{"n": 2, "more": 1}"#,
        r#"{"n":1,"tags":["a","a"]}"#,
        r#"{"n":1,"tags":["c"]}"#,
        r#"{"n":1,"note":"no"}"#,
        "[1]",
    ] {
        assert!(grade(&grader, bad, None) < 0.5, "{bad}");
    }
    assert!(is_right(grader.clone(), r#"{"tags": ["b"], "n": 2.0}"#, json!({"n": 2, "tags": ["b"]})));
    assert!(!is_right(grader, r#"{"n": 3}"#, json!({"n": 2})));
}

#[test]
fn a_grader_that_cannot_work_says_so_before_anything_is_paid() {
    for (grader, part) in [
        (json!("exakt"), "exakt"),
        (json!({"exact": {}}), "no settings"),
        (json!("regex"), "needs a pattern"),
        (json!("regex:("), "no pattern"),
        (json!({"numeric": {"tolerance": -1}}), "tolerance"),
        (json!({"numeric": {"tol": 1}}), "`tol`"),
        (json!({"json-schema": {"schema": {"format": "date"}}}), "schema.format"),
        (
            json!({"json-schema": {"schema": {"properties": {"a": {"type": "text"}}}}}),
            "schema.properties.a.type",
        ),
        (json!({"exact": 1, "numeric": 2}), "one member"),
    ] {
        let said = Grader::from_json(&grader).unwrap_err().to_string();
        assert!(said.contains(part), "{grader}: {said}");
    }
    let exact = Grader::from_word("exact").unwrap();
    assert_eq!(exact.suits(None), Err(GradeError::NoAnswer { grader: "exact" }));
    assert!(exact.suits(Some(&json!({"a": 1}))).is_err() && exact.suits(Some(&json!("a"))).is_ok());
    assert!(Grader::from_word("numeric").unwrap().suits(Some(&json!("many"))).is_err());
}

proptest! {
    #[test]
    fn no_answer_stops_a_grader(answer in any::<String>(), near in r#"[-0-9.,eE\[\]{}":`$ \u{2212}a-z\\]{0,40}"#) {
        let schema = json!({"json-schema": {"schema": {"type": "array", "items": {"type": "number"}}}});
        for grader in [json!("exact"), json!("numeric"), json!("regex:^a.*b$"), schema] {
            for text in [&answer, &near] {
                let quality = grade(&grader, text, Some(&json!("12")));
                prop_assert!((0.0..=1.0).contains(&quality));
            }
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_wrapped(value in -1_000_000_i64..1_000_000) {
        for said in [format!("{value}"), format!("It is **{value}**."), format!("Answer: ${value}$")] {
            prop_assert!(is_right(json!("numeric"), &said, json!(value)), "{said}");
        }
    }
}
