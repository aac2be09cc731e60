//! The project's own anchor prompts: a small set on which any model can be placed.
//!
//! 64 prompts of ten kinds (arithmetic, reasoning, code output, coding, extraction, instructions, knowledge, logic, language,
//! tool calls) and five difficulties, written for this project and under its licence. Each has an answer that a
//! program checks, by the grader that stands beside it, and a solution that earns the full grade, which the tests hold
//! against every grader. Answers that can be computed were.
//!
//! They tell models apart; they are no benchmark. Whoever publishes them in training data makes them useless, and what
//! a model is worth on your prompts is told by your prompts.

/// The file: JSON lines as `pointsman profile` reads them.
pub static ANCHORS: &str = include_str!("../data/anchors/anchors.jsonl");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::ANCHORS;
    use crate::grade::Grader;

    fn anchors() -> Vec<Value> {
        ANCHORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn grade(anchor: &Value, said: &str) -> f32 {
        Grader::from_json(&anchor["grader"]).unwrap().grade(said, anchor.get("answer")).unwrap()
    }

    #[test]
    fn there_are_64_of_ten_kinds_and_five_difficulties_with_ids_of_their_own() {
        let anchors = anchors();
        assert_eq!(anchors.len(), 64);
        let counts = |member: &str| {
            let mut counts = BTreeMap::new();
            for anchor in &anchors {
                *counts.entry(anchor[member].as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
            counts
        };
        assert_eq!(counts("prompt_id").len(), 64);
        assert_eq!(counts("prompt").len(), 64);
        let (kinds, difficulties) = (counts("domain"), counts("difficulty"));
        assert!(kinds.len() == 10 && kinds.values().all(|count| *count >= 4), "{kinds:?}");
        assert!(
            difficulties.len() == 5 && difficulties.values().all(|count| *count >= 5),
            "{difficulties:?}"
        );
    }

    #[test]
    fn every_solution_earns_the_full_grade_and_what_answers_another_prompt_does_not() {
        let anchors = anchors();
        for anchor in &anchors {
            let id = &anchor["prompt_id"];
            let solution = anchor["solution"].as_str().unwrap();
            assert!(grade(anchor, solution) > 0.99, "{id}: its solution is graded wrong");
            for said in ["", "I cannot help with that.", "{}", "[]", "0"] {
                assert!(grade(anchor, said) < 0.01, "{id}: {said:?} is graded right");
            }
            if let Some(number) = anchor["answer"].as_f64() {
                // Two prompts may have the same number by chance.
                assert!(grade(anchor, &format!("Answer: {}", number + 1.0)) < 0.01, "{id}");
                continue;
            }
            let wrong = anchors
                .iter()
                .filter(|other| other["prompt_id"] != *id && other["answer"] != anchor["answer"])
                .filter(|other| grade(anchor, other["solution"].as_str().unwrap()) > 0.01)
                .count();
            assert_eq!(wrong, 0, "{id}: solutions of other prompts are graded right");
        }
    }
}
