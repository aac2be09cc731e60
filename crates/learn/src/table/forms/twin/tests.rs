use serde_json::json;

use super::*;
use crate::table::{Form, Table};

/// A run of two calls of which the second continues the first, and a call of its own.
fn bank() -> String {
    let (ask, reply, result) = (
        json!({"role": "user", "content": "Mend the parser"}),
        json!({"role": "assistant", "content": null,
               "tool_calls": [{"function": {"name": "read", "arguments": "{\"file\": \"a.py\"}"}}]}),
        json!({"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "def parse(): pass"}]}),
    );
    let system = json!({"role": "system", "content": "You mend programs"});
    let line = |id: &str, run: &str, step: i64, messages: &[&Value], tier: &str, number: usize| {
        json!({"id": id, "benchmark": if run == "q" { "qmsum" } else { "swebench" }, "instance_id": run,
               "step_index": step, "total_steps": 2, "messages": messages, "target_tier": tier, "target_tier_id": number})
        .to_string()
    };
    [
        line("s2", "s", 2, &[&system, &ask, &reply, &result], "low", 0),
        line("s1", "s", 1, &[&system, &ask], "high", 3),
        line("q1", "q", 1, &[&ask], "mid", 1),
    ]
    .join("\n")
}

fn table(text: &str) -> Result<Table, TableError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("question_bank.jsonl"), text).unwrap();
    assert!(Form::of(folder.path()) == Form::TwinRouterBench || !text.contains("target_tier"));
    Table::read_as(folder.path(), Some(Form::TwinRouterBench))
}

#[test]
fn a_tier_is_right_from_the_target_up_and_the_last_message_is_what_is_read() {
    let table = table(&bank()).unwrap();
    assert_eq!(table.models, TIERS);
    assert_eq!(table.prompts[0].text, "def parse(): pass");
    assert_eq!(table.prompts[1].system.as_deref(), Some("You mend programs"));
    let right = |row: usize| table.row(row).iter().map(|cell| cell.quality.unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (right(0), right(1), right(2)),
        (vec![1.0; 4], vec![0.0, 0.0, 0.0, 1.0], vec![0.0, 1.0, 1.0, 1.0])
    );
    let costs = |row: usize| table.row(row).iter().map(|cell| cell.cost_usd.unwrap()).collect::<Vec<_>>();
    assert!(costs(0).array_windows().all(|[a, b]| a < b), "{:?}", costs(0));
}

#[test]
fn tokens_of_a_continued_call_are_shared_and_the_answer_is_what_was_added() {
    let table = table(&bank()).unwrap();
    let Some(Scorer::Twin(steps)) = &table.scorer else { panic!("no scorer") };
    assert_eq!(steps[0].shared, steps[1].prompt);
    assert!(steps[0].prompt > steps[0].shared && steps[1].shared == 0);
    // The last call's answer is as long as the run's mean; where nothing tells, 500.
    assert_eq!((steps[0].answer, steps[2].answer), (steps[1].answer, ANSWER_TOKENS));
}

/// Tokens and prices simple enough for a calculation by hand.
fn step(benchmark: &str, run: &str, index: i64, target: usize, shared: u32) -> Step {
    let (benchmark, run) = (benchmark.to_owned(), run.to_owned());
    Step { benchmark, run, index, target, prompt: 1_000_000, shared, answer: 0 }
}

#[test]
fn the_five_figures_are_those_of_a_calculation_by_hand() {
    let steps = [
        step("x", "a", 1, 0, 0),
        step("x", "a", 2, 0, 500_000),
        step("y", "b", 1, 3, 0),
        step("y", "c", 1, 1, 0),
    ];
    let rows = [0, 1, 2, 3];
    // a: low, low, passed: always 6.25 + (0.25 + 3.125), own 0.26 + (0.065 + 0.13). b: fails on mid. c: passes on high.
    let scores = scores(&steps, &rows, &[0, 0, 1, 3]);
    let close =
        |name: &str, value: f64| assert!((scores[name] - value).abs() < 1e-9, "{name}: {}", scores[name]);
    close("case_pass", 75.0);
    close("case_exact", 50.0);
    close("trajectory_pass", 75.0);
    let (x, y) = ((9.625 - 0.455) / 9.625, -0.3 / 12.5);
    close("cost_savings", 50.0 * x + 50.0 * y);
    close("combined", (75.0 + 50.0 + 75.0 + 50.0 * x + 50.0 * y) / 4.0);
}

#[test]
fn a_change_of_tier_and_a_long_rest_are_cold() {
    let run: Vec<Step> =
        (1..=6).map(|at| step("x", "a", at, 0, if at == 1 { 0 } else { 1_000_000 })).collect();
    let on = |tiers: [usize; 6]| {
        let with: Vec<(&Step, usize)> = run.iter().zip(tiers).collect();
        path(&with, |at| tiers[at])
    };
    let (cold, warm) = (0.26, 0.13);
    assert_eq!(on([0; 6]), [cold, warm, warm, warm, warm, warm]);
    assert_eq!(on([0, 1, 0, 0, 0, 0])[2], cold);
    let apart = [step("x", "a", 1, 0, 0), step("x", "a", 9, 0, 1_000_000)];
    assert_eq!(path(&[(&apart[0], 0), (&apart[1], 0)], |_| 0), [cold, cold]);
}

#[test]
fn faults_of_a_bank_name_their_line() {
    let told = |from: &str, to: &str| table(&bank().replacen(from, to, 1)).unwrap_err().to_string();
    assert!(told("\"low\"", "\"lowest\"").contains(":1:target_tier: `lowest` is no tier"));
    assert!(told("\"target_tier_id\":0", "\"target_tier_id\":2").contains("number 0"));
    assert!(told("\"q1\"", "\"s1\"").contains(":3:id: `s1` was there before"));
}
