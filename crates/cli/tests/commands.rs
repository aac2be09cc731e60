//! Commands that end: what they answer, where faults are named, and with which exit code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::{err, out, pointsman, run};
use serde_json::{Value, json};

fn json_of(home: &Path, args: &[&str]) -> Value {
    let ended = run(home, args);
    assert!(ended.status.success(), "{}{}", out(&ended), err(&ended));
    serde_json::from_slice(&ended.stdout).unwrap()
}

/// A table of three models where the dear one is right more often on long questions.
fn table(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let (mut prompts, mut outcomes) = (
        String::new(),
        String::from("prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s\n"),
    );
    for n in 0..120_u32 {
        let hard = n % 2 == 0;
        let prompt = if hard {
            format!("Prove step by step that the sum of the first {n} odd numbers is a square, and say why")
        } else {
            format!("Name a colour that begins with letter {n}")
        };
        let split = if n % 3 == 0 { "dev" } else { "train" };
        let row =
            json!({"prompt_id": format!("p{n}"), "prompt": prompt, "split": split, "domain": "made up"});
        writeln!(prompts, "{row}").unwrap();
        for (model, right, cost) in [
            ("small", !hard && n % 5 != 0, 0.0001),
            ("middle", !hard || n % 4 == 0, 0.001),
            ("large", n % 11 != 0, 0.01),
        ] {
            writeln!(outcomes, "p{n},{model},{},{cost},20,100,1.5", u8::from(right)).unwrap();
        }
    }
    std::fs::write(folder.join("prompts.jsonl"), prompts).unwrap();
    std::fs::write(folder.join("outcomes.csv"), outcomes).unwrap();
}

#[test]
fn check_names_every_fault_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("bad.yaml");
    std::fs::write(&path, "listen: 127.0.0.1:4000\nprovidrs: {}\nroutes:\n  auto: {prefer: 7}\n").unwrap();
    let ended = run(home.path(), &["check", path.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(1));
    let text = out(&ended);
    assert!(text.contains(&format!("{}:2:1: ", path.display())) && text.contains("providers"), "{text}");
    assert!(text.contains(&format!("{}:4:", path.display())), "{text}");
    let ended = run(home.path(), &["check", path.to_str().unwrap(), "--json"]);
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&document["faults"][0]["line"], &document["faults"][0]["column"]), (&json!(2), &json!(1)));
    let gone = run(home.path(), &["check", "nowhere.yaml"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(out(&gone).contains("nowhere.yaml"), "{}", out(&gone));
}

#[test]
fn every_example_passes_check_as_it_stands() {
    let home = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ext| ext != "yaml") {
            continue;
        }
        let mut check = pointsman(home.path());
        check.env("OPENAI_API_KEY", "sk-o").env("ANTHROPIC_API_KEY", "sk-a").arg("check").arg(&path);
        let ended = check.output().unwrap();
        assert!(ended.status.success(), "{}", out(&ended));
        assert!(!out(&ended).contains("warning"), "{}", out(&ended));
        seen += 1;
    }
    assert!(seen >= 4, "examples are missing");
}

#[test]
fn route_explains_a_decision_without_a_key() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("demo.yaml");
    std::fs::write(&path, include_str!("../src/demo.yaml")).unwrap();
    let config = path.to_str().unwrap();
    let decided =
        json_of(home.path(), &["route", "Prove it.", "--config", config, "--prefer", "cost", "--json"]);
    let candidates = decided["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 4);
    assert_eq!(decided["prefer"], 0.0);
    assert_eq!(decided["target"], "sim-small", "{decided}");
    for candidate in candidates {
        assert!(
            candidate["quality"].is_f64() && candidate["cost_usd"].is_f64() && candidate["score"].is_f64()
        );
    }
    let shown = run(home.path(), &["route", "Prove it.", "--config", config]);
    assert!(out(&shown).contains("sim-frontier") && out(&shown).contains("score"), "{}", out(&shown));
    assert!(out(&shown).lines().all(|line| line.chars().count() <= 100), "{}", out(&shown));
    let wrong = run(home.path(), &["route", "Prove it.", "--prefer", "best"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("balanced"), "{}", err(&wrong));
}

#[test]
fn eval_prints_one_document_with_every_field() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("made");
    table(&data);
    let plot = home.path().join("picture.svg");
    let (data, plot) = (data.to_str().unwrap(), plot.to_str().unwrap());
    let report = json_of(home.path(), &["eval", "--data", data, "--json", "--plot", plot]);
    for field in
        ["data", "split", "prompts", "left_out", "models", "encoder", "default", "baselines", "routers"]
    {
        assert!(!report[field].is_null(), "{field} is missing: {report}");
    }
    assert_eq!((&report["split"], &report["prompts"]), (&json!("dev"), &json!(40)));
    for baseline in ["best_single", "best_constant", "cheapest", "random", "zero_router", "oracle"] {
        assert!(report["baselines"][baseline].is_object(), "{baseline}: {}", report["baselines"]);
    }
    let routers = report["routers"].as_object().unwrap();
    for router in ["moma", "knn"] {
        let figures = &routers[router];
        for field in [
            "curve",
            "cost_at_quality",
            "cost_at_quality_hull",
            "quality_first",
            "aiq",
            "aiq_log",
            "gain_over_zero",
            "oracle_utility",
            "brier",
            "ece",
            "decision_us",
            "served",
        ] {
            assert!(!figures[field].is_null(), "{router}.{field} is missing");
        }
        assert_eq!(figures["served"]["curve"].as_array().unwrap().len(), 21, "prefer 0, 0.05 ... 1");
        assert!(
            figures["cost_at_quality"].get("1.00").is_some()
                && figures["cost_at_quality"].get("0.95").is_some()
        );
    }
    assert!(std::fs::read_to_string(plot).unwrap().contains("<svg"));
    let shown = run(home.path(), &["eval", "--data", data]);
    assert!(out(&shown).lines().all(|line| line.chars().count() <= 100), "{}", out(&shown));
}

#[test]
fn what_train_writes_eval_and_serve_take() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("made");
    table(&data);
    let artifact = home.path().join("made.artifact");
    let (data, path) = (data.to_str().unwrap(), artifact.to_str().unwrap());
    let trained = run(home.path(), &["train", "--data", data, "--out", path]);
    assert!(trained.status.success(), "{}", err(&trained));
    assert!(out(&trained).contains("best single"), "{}", out(&trained));
    let report = json_of(home.path(), &["eval", "--data", data, "--artifact", path, "--json"]);
    assert_eq!(report["models"].as_array().unwrap().len(), 3);

    let mut bytes = std::fs::read(&artifact).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&artifact, bytes).unwrap();
    let bad = run(home.path(), &["eval", "--data", data, "--artifact", path]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(err(&bad).contains("made.artifact") && err(&bad).contains("train it again"), "{}", err(&bad));
    let config = home.path().join("config.yaml");
    std::fs::write(&config, "listen: 127.0.0.1:0\nartifact: made.artifact\n").unwrap();
    let checked = run(home.path(), &["check", config.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(out(&checked).contains("config.yaml:2:"), "{}", out(&checked));
}

#[test]
fn a_table_without_a_column_is_refused_and_the_column_named() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("made");
    table(&data);
    let outcomes = data.join("outcomes.csv");
    let text = std::fs::read_to_string(&outcomes).unwrap().replacen("quality", "grade", 1);
    std::fs::write(&outcomes, text).unwrap();
    for command in ["train", "eval"] {
        let ended = run(home.path(), &[command, "--data", data.to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(1));
        let said = err(&ended);
        assert!(said.contains("outcomes.csv") && said.contains("quality"), "{said}");
    }
}

#[test]
fn an_encoder_that_is_not_here_says_how_to_bring_it() {
    let home = tempfile::tempdir().unwrap();
    let list = json_of(home.path(), &["encoder", "list", "--json"]);
    assert_eq!((&list[0]["name"], &list[0]["usable"]), (&json!("static-1"), &json!(true)));
    assert_eq!((&list[1]["name"], &list[1]["usable"]), (&json!("minilm-int8"), &json!(false)));
    let data = home.path().join("small");
    table(&data);
    let data = data.to_str().unwrap();
    for command in ["train", "eval"] {
        let refused = run(home.path(), &[command, "--data", data, "--encoder", "minilm-int8"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(err(&refused).contains("`pointsman encoder fetch minilm-int8`"), "{}", err(&refused));
        let unknown = run(home.path(), &[command, "--data", data, "--encoder", "bert"]);
        assert_eq!(unknown.status.code(), Some(2));
        assert!(err(&unknown).contains("static-1, minilm-int8"), "{}", err(&unknown));
    }
}

/// With the published weights: fetched, listed, learnt with, and the artifact refused with another encoder.
#[test]
fn minilm_is_fetched_and_learnt_with() {
    let Some(weights) = std::env::var_os("POINTSMAN_WEIGHTS") else {
        println!("skipped: POINTSMAN_WEIGHTS names no folder with MiniLM's weights");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let fetched = run(home.path(), &["encoder", "fetch", "minilm-int8", "--from", weights.to_str().unwrap()]);
    assert!(fetched.status.success() && out(&fetched).contains("licence Apache-2.0"), "{}", err(&fetched));
    let list = json_of(home.path(), &["encoder", "list", "--json"]);
    assert_eq!((&list[1]["usable"], &list[1]["runtime"]), (&json!(true), &json!("rten 0.27")));
    let (data, artifact) = (home.path().join("small"), home.path().join("small.artifact"));
    table(&data);
    let (data, artifact) = (data.to_str().unwrap(), artifact.to_str().unwrap());
    let train = ["train", "--data", data, "--encoder", "minilm-int8", "--out", artifact];
    let trained = run(home.path(), &train);
    assert!(trained.status.success(), "{}", err(&trained));
    let eval = ["eval", "--data", data, "--artifact", artifact, "--json", "--encoder"];
    let report = json_of(home.path(), &[&eval[..], &["minilm-int8"]].concat());
    assert_eq!(report["encoder"], "minilm-int8");
    let refused = run(home.path(), &[&eval[..], &["static-1"]].concat());
    assert!(!refused.status.success() && err(&refused).contains("minilm-int8:"), "{}", err(&refused));

    // The configuration's artifact says which encoder answers; with no time for it the one in the program does.
    let decided_by = |budget: &str| {
        let config = home.path().join("config.yaml");
        let text = format!(
            "artifact: small.artifact\nencoder: {{budget: {budget}}}\nproviders: {{p: {{kind: scripted}}}}\n\
             targets: [{{id: small, provider: p}}, {{id: large, provider: p}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let decision = json_of(
            home.path(),
            &["route", "why is the sky blue?", "--json", "--config", config.to_str().unwrap()],
        );
        decision["encoder"].as_str().unwrap().split(':').next().unwrap().to_owned()
    };
    assert_eq!(decided_by("20s"), "minilm-int8");
    assert_eq!(decided_by("0ms"), "static-1");

    // Nothing of it elsewhere: the fault names the command.
    let elsewhere = tempfile::tempdir().unwrap();
    let config = home.path().join("config.yaml");
    let checked = run(elsewhere.path(), &["check", config.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    let told = out(&checked);
    assert!(
        told.contains("config.yaml:1:") && told.contains("`pointsman encoder fetch minilm-int8`"),
        "{told}"
    );
}

#[test]
fn bench_encoder_measures_what_is_here_and_names_what_is_not() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(home.path(), &["bench", "encoder", "--seconds", "1", "--json"]);
    let lines: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(lines.as_array().unwrap().len(), 2);
    assert!(lines[1]["us"]["p99"].as_f64().unwrap() > 0.0);
    assert!(err(&ended).contains("`pointsman encoder fetch minilm-int8`"), "{}", err(&ended));
}

#[test]
fn init_writes_what_the_environment_offers_and_replaces_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("pointsman.yaml");
    let init = |more: &[&str]| {
        let mut command = pointsman(home.path());
        command
            .env("ANTHROPIC_API_KEY", "sk-secret")
            .args(["init", "--out", path.to_str().unwrap()])
            .args(more);
        command.output().unwrap()
    };
    let made = init(&[]);
    assert!(made.status.success(), "{}", err(&made));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("anthropic") && text.contains("env:ANTHROPIC_API_KEY") && !text.contains("sk-secret"),
        "{text}"
    );
    let mut check = pointsman(home.path());
    let checked =
        check.env("ANTHROPIC_API_KEY", "sk-secret").args(["check", path.to_str().unwrap()]).output().unwrap();
    assert!(checked.status.success(), "{}", out(&checked));
    let again = init(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(err(&again).contains("--force"), "{}", err(&again));
    assert!(init(&["--force"]).status.success());
}

#[test]
fn bench_decision_prints_percentiles_of_all_sizes() {
    let home = tempfile::tempdir().unwrap();
    let lines = json_of(home.path(), &["bench", "decision", "--seconds", "1", "--json"]);
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 4);
    for line in lines {
        let at = |name: &str| line["us"][name].as_f64().unwrap();
        assert!(line["runs"].as_u64().unwrap() > 0 && at("p50") > 0.0 && at("p50") <= at("p99"), "{line}");
    }
}

#[test]
fn unknown_commands_and_arguments_are_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["profile", "--out", "x"][..],
        &["replay"],
        &["agents", "eval"],
        &["serve", "--port", "1"],
        &["bench", "nothing"],
        &[],
    ] {
        assert_eq!(run(home.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_reference_is_what_the_code_says() {
    let home = tempfile::tempdir().unwrap();
    let made = run(home.path(), &["reference", "--out", home.path().to_str().unwrap()]);
    assert!(made.status.success(), "{}", err(&made));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for page in ["config.md", "cli.md", "metrics.md", "headers.md"] {
        let fresh = std::fs::read_to_string(home.path().join(page)).unwrap();
        let kept = std::fs::read_to_string(kept.join(page)).unwrap();
        assert!(
            fresh == kept,
            "{page} is stale: run `cargo run --release -- reference --out docs/reference`"
        );
    }
}
