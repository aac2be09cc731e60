use std::path::Path;

use serde_json::json;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

fn refused(path: &Path) -> String {
    Table::read_as(path, None).unwrap_err().to_string()
}

const FRAME: &str = "sample_id,prompt,eval_name,a/small,big,a/small|model_response,big|model_response,\
a/small|total_cost,big|total_cost,oracle_model_to_route_to\n\
mmlu.1,\"['Which one?\\nA, B']\",mmlu,1.0,0.0,A,B,1e-5,0.002,a/small\n\
mt.2,\"['First turn', \"\"It's the second\"\"]\",mt-bench,0.7,,x,y,2e-5,,a/small\n";

#[test]
fn a_frame_of_routerbench_is_read_from_either_writing() {
    let lines = [
        json!({"sample_id": "mmlu.1", "prompt": "['Which one?\\nA, B']", "eval_name": "mmlu", "a/small": 1.0, "big": false,
               "big|model_response": "B", "a/small|total_cost": 1e-5, "big|total_cost": 0.002}),
        json!({"sample_id": "mt.2", "prompt": ["First turn", "It's the second"], "eval_name": "mt-bench", "a/small": 0.7,
               "big": null, "a/small|total_cost": 2e-5, "big|total_cost": null}),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    for files in [[("rb/routerbench_0shot.csv", FRAME)], [("rb/routerbench_0shot.jsonl", lines.as_str())]] {
        let folder = folder(&files);
        let inner = folder.path().join("rb");
        assert_eq!(Form::of(&inner), Form::RouterBench);
        let of_folder = Table::read_as(&inner, None).unwrap();
        let table = Table::read_as(&folder.path().join(files[0].0), None).unwrap();
        assert_eq!((of_folder.name.as_str(), table.name.as_str()), ("rb", "routerbench_0shot"));
        assert_eq!(table.models, ["a/small", "big"]);
        assert_eq!(table.prompts[0].text, "Which one?\nA, B");
        assert_eq!(table.prompts[0].dataset.as_deref(), Some("mmlu"));
        assert_eq!(
            (table.prompts[1].text.as_str(), table.prompts[1].turns),
            ("First turn\n\nIt's the second", 2)
        );
        assert_eq!((table.row(0)[0].quality, table.row(0)[1].quality), (Some(1.0), Some(0.0)));
        assert_eq!((table.row(0)[1].cost_usd, table.row(1)[1].cost_usd), (Some(0.002), None));
        assert_eq!(table.hash().len(), 16);
    }
}

#[test]
fn faults_of_a_frame_name_line_and_column_and_a_pickle_is_never_read() {
    let folder = folder(&[
        ("big.csv", &FRAME.replace("mmlu,1.0", "mmlu,7")),
        ("twice.csv", &FRAME.replace("mt.2", "mmlu.1")),
        ("word.csv", &FRAME.replace("1e-5", "cheap")),
        ("routerbench_0shot.pkl", "\u{80}\u{4}"),
        ("notes.txt", "nothing of it"),
    ]);
    let at = |name: &str| refused(&folder.path().join(name));
    assert!(at("big.csv").contains(":2:a/small: 7 is outside 0 to 1"), "{}", at("big.csv"));
    assert!(
        at("twice.csv").contains(":3:sample_id: prompt `mmlu.1` was there before"),
        "{}",
        at("twice.csv")
    );
    assert!(at("word.csv").contains("`cheap` is not a number"), "{}", at("word.csv"));
    assert!(at("routerbench_0shot.pkl").contains("read_pickle"), "{}", at("routerbench_0shot.pkl"));
    assert!(at("notes.txt").contains("is no table"), "{}", at("notes.txt"));
    assert!(at("not-there").contains("there is no prompts.jsonl"), "{}", at("not-there"));
}

fn answer(index: &str, model: &str, score: Option<f64>) -> String {
    json!({"global_index": index, "question": format!("Question {index}"), "llm_selected": model, "generated_answer": "x",
           "token_usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}, "success": score.is_some(),
           "provider": "p", "error": null,
           "evaluation_result": score.map(|score| json!({"extracted_answer": "x", "ground_truth": "x", "score": score,
                                                         "metric": "mcq_accuracy", "inference_cost": 0.001}))})
    .to_string()
}

#[test]
fn cached_results_of_routerarena_are_one_table_with_its_score() {
    let small = [answer("ArcMMLU_1", "small", Some(1.0)), answer("AIME_2", "small", None)].join("\n");
    let big = [answer("ArcMMLU_1", "big", Some(1.0)), answer("AIME_2", "big", Some(0.5))].join("\n");
    let folder = folder(&[("cached_results/small.jsonl", &small), ("cached_results/big.jsonl", &big)]);
    let table = Table::read_as(folder.path(), None).unwrap();
    assert_eq!(table.models, ["big", "small"]);
    assert_eq!(table.prompts[0].dataset.as_deref(), Some("ArcMMLU"));
    assert_eq!(table.prompts[1].text, "Question AIME_2");
    assert_eq!((table.row(1)[0].quality, table.row(1)[1].quality), (Some(0.5), None));
    assert_eq!(table.row(0)[1].output_tokens, Some(5.0));
    // Both right at one dollar for a thousand: 1.1 A C / (0.1 A + C).
    let score = table.own_scores(&[0], &[0]).unwrap()["arena_score"];
    let cost = 200.0_f64.log2() / (200.0_f64 / 0.0044).log2();
    assert!((score - 1.1 * cost / (0.1 + cost)).abs() < 1e-6, "{score}");
}

#[test]
fn ungraded_results_say_who_grades_them() {
    let folder = folder(&[("small.jsonl", &answer("AIME_2", "small", None))]);
    let told = refused(folder.path());
    assert!(told.contains("evaluation_result") && told.contains("llm_evaluation"), "{told}");
}

#[test]
fn the_own_form_is_read_as_ever_and_words_name_forms() {
    let folder = folder(&[
        ("prompts.jsonl", "{\"prompt_id\":\"p\",\"prompt\":\"hello\"}\n"),
        ("outcomes.csv", "prompt_id,model,quality\np,m,1\n"),
    ]);
    let table = Table::read_as(folder.path(), None).unwrap();
    assert!(table.own_scores(&[0], &[0]).is_none());
    assert_eq!("routerarena".parse(), Ok(Form::RouterArena));
    assert!("arena".parse::<Form>().unwrap_err().to_string().contains("twinrouterbench"));
}
