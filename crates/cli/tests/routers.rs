//! `eval --router`: routers that are asked over HTTP, ours among them. And `eval` over tables of other benchmarks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::fmt::Write as _;
use std::process::Output;

use common::{Gateway, err, finish, out, pointsman, run};
use pointsman_testkit::{Act, Script, Upstream, refused_url};
use serde_json::{Value, json};

/// A table of three models whose dev rows a router is asked about, and a configuration of targets of their names.
struct Bench {
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("table")).unwrap();
        let (mut prompts, mut outcomes) = (String::new(), String::from("prompt_id,model,quality,cost_usd\n"));
        for at in 0..40 {
            let split = if at % 2 == 0 { "dev" } else { "train" };
            let prompt = format!("What is {at} plus {}, and why?", at * 3);
            writeln!(prompts, "{}", json!({"prompt_id": format!("p{at}"), "prompt": prompt, "split": split}))
                .unwrap();
            for (model, good, cost) in
                [("cheap", at % 3 == 0, 1e-5), ("dear", true, 1e-3), ("odd", at % 5 == 0, 1e-4)]
            {
                writeln!(outcomes, "p{at},{model},{},{cost}", u8::from(good)).unwrap();
            }
        }
        std::fs::write(home.path().join("table/prompts.jsonl"), prompts).unwrap();
        std::fs::write(home.path().join("table/outcomes.csv"), outcomes).unwrap();
        let config = "providers: {lab: {kind: scripted}}\ntargets:\n\
            \x20 - {id: cheap, provider: lab, price: {input: 0.1, output: 0.4}}\n\
            \x20 - {id: dear, provider: lab, price: {input: 10, output: 40}}\n\
            \x20 - {id: odd, provider: lab, price: {input: 1, output: 4}}\n\
            routes: {auto: {targets: [cheap, dear, odd], robust: on, explore: 0}}\n";
        std::fs::write(home.path().join("pointsman.yaml"), config).unwrap();
        Self { home }
    }

    fn judge(&self, url: &str, more: &[&str]) -> Output {
        let table = self.home.path().join("table");
        let args = ["eval", "--data", table.to_str().unwrap(), "--router", url, "--resamples", "50"];
        run(self.home.path(), &args.iter().chain(more).copied().collect::<Vec<_>>())
    }
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&out(output)).unwrap_or_else(|_| panic!("{}\n{}", out(output), err(output)))
}

#[test]
fn our_own_gateway_is_judged_as_any_router_is() {
    let bench = Bench::new();
    let config = bench.home.path().join("pointsman.yaml");
    let gateway = Gateway::start(&mut pointsman(bench.home.path()), &["--config", config.to_str().unwrap()]);
    let output = bench.judge(&gateway.url("/v1"), &["--json"]);
    assert!(output.status.success(), "{}", err(&output));
    let report = report(&output);
    assert_eq!((report["asked"].as_u64(), report["prompts"].as_u64()), (Some(20), Some(20)), "{report}");
    let chosen: u64 =
        report["chosen"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(chosen, 20);
    assert_eq!(report["best_single"], "dear");
    let quality = report["quality"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&quality) && report["above_zero_hull_ci"][1].is_number(), "{report}");
    let text = out(&bench.judge(&gateway.url("/v1"), &[]));
    assert!(text.contains("20 of 20 prompts judged") && text.contains("points above random mixes"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_counted_and_a_key_is_sent_from_its_variable() {
    let upstream = Upstream::start(Script::new([Act::say("hi")])).await;
    let bench = Bench::new();
    let table = bench.home.path().join("table");
    let mut command = pointsman(bench.home.path());
    command.args(["eval", "--data", table.to_str().unwrap(), "--json", "--router", &upstream.openai_url()]);
    command.args(["--router-key", "ROUTER_KEY", "--router-model", "pick", "--router-concurrency", "2"]);
    command
        .env("ROUTER_KEY", "sk-router")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let output = tokio::task::spawn_blocking(move || finish(command.spawn().unwrap())).await.unwrap();
    // Nothing could be looked up: that is a fault of the work.
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let report = report(&output);
    assert_eq!((report["asked"].as_u64(), report["prompts"].as_u64()), (Some(20), Some(0)));
    let unknown: u64 =
        report["unknown"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(unknown, 20, "{report}");
    assert_eq!(upstream.calls(), 20);
    let last = upstream.last();
    assert_eq!(last.header("authorization"), Some("Bearer sk-router"));
    let body = last.json();
    assert_eq!((body["model"].as_str(), body["max_tokens"].as_u64()), (Some("pick"), Some(1)));
}

#[test]
fn a_router_that_is_not_there_is_said_and_not_asked_to_the_end() {
    let bench = Bench::new();
    let output = bench.judge(&refused_url(), &["--router-timeout", "2", "--router-concurrency", "32"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("0 of 20 prompts judged"), "{}", out(&output));
    assert!(out(&output).contains("were not answered"), "{}", out(&output));
    let keyless = bench.judge("http://127.0.0.1:1/v1", &["--router-key", "NOT_SET_HERE"]);
    assert!(err(&keyless).contains("NOT_SET_HERE is not set"), "{}", err(&keyless));
}

#[test]
fn a_frame_of_routerbench_is_judged_as_it_is_published() {
    let home = tempfile::tempdir().unwrap();
    let mut frame =
        String::from("sample_id,prompt,eval_name,weak,strong,weak|total_cost,strong|total_cost\n");
    for at in 0..60 {
        let (kind, weak) = if at % 2 == 0 { ("Add", 1) } else { ("Prove", u8::from(at % 5 == 0)) };
        writeln!(frame, "t.{at},\"['{kind} number {at} and {}']\",set,{weak},1.0,0.0001,0.002", at * at)
            .unwrap();
    }
    let file = home.path().join("routerbench_0shot.csv");
    std::fs::write(&file, frame).unwrap();
    let output = run(
        home.path(),
        &["eval", "--data", file.to_str().unwrap(), "--cv", "2", "--resamples", "20", "--json"],
    );
    assert!(output.status.success(), "{}", err(&output));
    let report = report(&output);
    assert_eq!((report["data"].as_str(), report["prompts"].as_u64()), (Some("routerbench_0shot"), Some(60)));
    assert!(report["routers"]["knn"]["aiq"].is_number());
    let wrong = run(home.path(), &["eval", "--data", file.to_str().unwrap(), "--format", "parquet"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("twinrouterbench"), "{}", err(&wrong));
}
