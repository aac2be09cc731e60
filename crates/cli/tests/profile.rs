//! `profile` as a process: its table, its cap, its death and what comes after.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use common::{AT_MOST, err, finish, out, pointsman, run};
use pointsman_testkit::{Act, Script, Upstream, refused_url};
use serde_json::{Value, json};

/// Prompts with the answer 4, in a folder with a configuration.
struct Bench {
    home: tempfile::TempDir,
}

impl Bench {
    fn new(prompts: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut lines = String::new();
        for at in 0..prompts {
            let prompt = format!("What is {} - {}?", at + 4, at);
            writeln!(lines, "{}", json!({"prompt_id": format!("p{at}"), "prompt": prompt, "answer": 4}))
                .unwrap();
        }
        std::fs::write(home.path().join("prompts.jsonl"), lines).unwrap();
        Self { home }
    }

    /// Targets of OpenAI-like providers at a price of 1 and 10 dollars.
    fn targets(&self, providers: &[(&str, String)]) {
        let mut text = String::from("providers:\n");
        for (name, url) in providers {
            writeln!(text, "  {name}: {{base_url: \"{url}\", discover: false}}").unwrap();
        }
        text.push_str("targets:\n");
        for (name, _) in providers {
            writeln!(text, "  - {{id: {name}-model, provider: {name}, price: {{input: 1, output: 10}}}}")
                .unwrap();
        }
        std::fs::write(self.path("pointsman.yaml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let own = ["profile", "--config", "pointsman.yaml", "--prompts", "prompts.jsonl", "--out", "table"];
        let mut args: Vec<String> = own.iter().chain(more).map(ToString::to_string).collect();
        if !more.contains(&"--grader") {
            args.extend(["--grader".into(), "numeric".into()]);
        }
        args
    }

    fn start(&self, more: &[&str]) -> Child {
        let mut command = pointsman(self.home.path());
        command.current_dir(self.home.path()).args(self.args(more));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, more: &[&str]) -> Output {
        finish(self.start(more))
    }

    /// The grades as the table has them.
    fn grades(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("table/outcomes.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned()).collect()
    }

    /// Lines of this kind in the journal.
    fn journal(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("table/journal.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line.get(kind).cloned()).collect()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

async fn calls(upstream: &Upstream, count: usize) {
    let deadline = Instant::now() + AT_MOST;
    while upstream.calls() < count {
        assert!(Instant::now() < deadline, "only {} calls came", upstream.calls());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn a_profile_over_scripted_targets_is_trained_on_and_judged_at_once() {
    let bench = Bench::new(60);
    std::fs::write(
        bench.path("pointsman.yaml"),
        "providers: {lab: {kind: scripted}}\ntargets:\n\
         \x20 - {id: good, provider: lab, price: {input: 1, output: 10}, scripted: {answer: \"It is 4.\"}}\n\
         \x20 - {id: poor, provider: lab, price: {input: 0.1, output: 1}, scripted: {answer: \"It is 5.\"}}\n",
    )
    .unwrap();
    let made = bench.run(&[]);
    assert_eq!(code(&made), 0, "{}{}", out(&made), err(&made));
    assert!(err(&made).contains("60 prompts, 2 targets: good, poor"), "{}", err(&made));
    assert!(err(&made).contains("120 calls, about $"), "{}", err(&made));
    assert!(out(&made).contains("good") && out(&made).contains("1.000"), "{}", out(&made));
    let grades = bench.grades();
    assert_eq!(grades.iter().filter(|grade| *grade == "1").count(), 60);
    assert_eq!(grades.iter().filter(|grade| *grade == "0").count(), 60);

    let table = bench.path("table");
    let (table, artifact) = (table.to_str().unwrap(), bench.path("my.artifact"));
    let artifact = artifact.to_str().unwrap();
    let trained = run(bench.home.path(), &["train", "--data", table, "--out", artifact]);
    assert!(trained.status.success(), "{}", err(&trained));
    let judged = run(bench.home.path(), &["eval", "--data", table, "--artifact", artifact, "--json"]);
    assert!(judged.status.success(), "{}", err(&judged));
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(report["baselines"]["best_single"]["model"], "good");

    let again = bench.run(&[]);
    assert_eq!(code(&again), 1);
    assert!(err(&again).contains("--resume"), "a profile is not written over: {}", err(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_profile_is_resumed_and_nothing_is_paid_twice() {
    let upstream = Upstream::start(Act::say("4").head_after(Duration::from_millis(20))).await;
    let bench = Bench::new(40);
    bench.targets(&[("a", upstream.openai_url())]);
    let mut child = bench.start(&["--concurrency", "3"]);
    calls(&upstream, 12).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before = bench.journal("answered").len();
    assert!((5..40).contains(&before), "{before} answers were on disk");

    let done = tokio::task::spawn_blocking(move || (bench.run(&["--resume"]), bench)).await.unwrap();
    let (resumed, bench) = done;
    assert_eq!(code(&resumed), 0, "{}", err(&resumed));
    assert_eq!(bench.grades(), vec!["1"; 40]);
    let answered = bench.journal("answered");
    let different: HashSet<_> = answered.iter().map(|line| line["call"].to_string()).collect();
    assert_eq!((answered.len(), different.len()), (40, 40), "an answer was paid for twice");
    // Only what was on its way when the process died was asked again.
    assert!(upstream.calls() <= 40 + 3, "{} calls", upstream.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_in_the_middle_leaves_empty_cells_and_is_asked_for_those_alone() {
    let steady = Upstream::start(Act::say("4")).await;
    let dying = Upstream::start(Script::new(std::iter::repeat_n(Act::say("4"), 6).chain([Act::error(
        401,
        "key revoked",
        "invalid_api_key",
    )])))
    .await;
    let bench = Bench::new(20);
    bench.targets(&[("a", steady.openai_url()), ("b", dying.openai_url())]);
    let (first, bench) =
        tokio::task::spawn_blocking(move || (bench.run(&["--concurrency", "1"]), bench)).await.unwrap();
    assert_eq!(code(&first), 1, "{}", err(&first));
    assert!(err(&first).contains("14 of 40 grades are missing"), "{}", err(&first));
    assert!(err(&first).contains("refused the gateway's key"), "{}", err(&first));
    assert_eq!(bench.grades().iter().filter(|grade| grade.is_empty()).count(), 14);
    assert!(dying.calls() < 6 + 14, "a target that fails each time is given up: {}", dying.calls());

    dying.follow(Act::say("5"));
    let (second, bench) =
        tokio::task::spawn_blocking(move || (bench.run(&["--resume"]), bench)).await.unwrap();
    assert_eq!(code(&second), 0, "{}", err(&second));
    assert_eq!((steady.calls(), dying.calls()), (20, 14));
    assert_eq!(bench.grades().iter().filter(|grade| *grade == "0").count(), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_and_broken_answers_are_tried_again_and_an_old_api_is_asked_by_the_old_name() {
    let upstream = Upstream::start(Script::new([
        Act::error(400, "Unsupported parameter", "unsupported_parameter"),
        Act::status(429).with_header("retry-after", "0"),
        Act::broken_json(),
        Act::say("4"),
        Act::status(500),
        Act::say("4"),
    ]))
    .await;
    let bench = Bench::new(3);
    bench.targets(&[("a", upstream.openai_url())]);
    let (made, bench) =
        tokio::task::spawn_blocking(move || (bench.run(&["--concurrency", "1"]), bench)).await.unwrap();
    assert_eq!(code(&made), 0, "{}", err(&made));
    assert_eq!(bench.grades(), vec!["1"; 3]);
    let received = upstream.received();
    assert!(received[0].json()["max_completion_tokens"].is_u64());
    assert!(
        received[1].json()["max_tokens"].is_u64() && received[1].json()["max_completion_tokens"].is_null()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_is_kept_before_the_first_call_and_with_calls_in_flight() {
    let upstream = Upstream::start(Act::words(100).head_after(Duration::from_millis(5))).await;
    let bench = Bench::new(50);
    bench.targets(&[("a", upstream.openai_url())]);
    // 100 words at 10 dollars a million: a tenth of a cent a call.
    let (refused, bench) =
        tokio::task::spawn_blocking(move || (bench.run(&["--spend-at-most", "0.001"]), bench)).await.unwrap();
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("more than --spend-at-most"), "{}", err(&refused));
    assert_eq!(upstream.calls(), 0);

    let args =
        ["--resume", "--yes", "--spend-at-most", "0.3", "--max-output-tokens", "200", "--concurrency", "8"];
    // It writes more than it is told to, which nobody could know before: 1.5 cents a call.
    upstream.follow(Act::words(1500));
    let (capped, bench) = tokio::task::spawn_blocking(move || (bench.run(&args), bench)).await.unwrap();
    assert_eq!(code(&capped), 1, "{}", err(&capped));
    assert!(err(&capped).contains("the cap is reached"), "{}", err(&capped));
    let spent: u64 =
        bench.journal("answered").iter().map(|line| line["answer"]["cost"].as_u64().unwrap()).sum();
    assert!(spent <= 300_000_000 && spent > 250_000_000, "{spent} nano-dollars");

    let unpriced = std::fs::read_to_string(bench.path("pointsman.yaml"))
        .unwrap()
        .replace(", price: {input: 1, output: 10}", "");
    std::fs::write(bench.path("pointsman.yaml"), unpriced).unwrap();
    let said = bench.run(&["--resume", "--spend-at-most", "9"]);
    assert!(err(&said).contains("no price is known"), "{}", err(&said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_is_asked_in_both_orders_and_its_nonsense_leaves_the_answer_ungraded() {
    let answers = Upstream::start(Act::say("4")).await;
    let judge = Upstream::start(Script::new([
        Act::say("The first is better. [[A>>B]]"),
        Act::say("[[B>A]]"),
        Act::say("I like both."),
        Act::say("[[A=B]]"),
        Act::say("[[A=B]]"),
        Act::say("Bananas."),
    ]))
    .await;
    let bench = Bench::new(3);
    bench.targets(&[("a", answers.openai_url()), ("j", judge.openai_url())]);
    let prompts = std::fs::read_to_string(bench.path("prompts.jsonl"))
        .unwrap()
        .replace("\"answer\":4", "\"answer\":\"four\"");
    std::fs::write(bench.path("prompts.jsonl"), prompts).unwrap();
    let args = ["--grader", "judge", "--judge", "j-model", "--concurrency", "1"];
    let (made, bench) = tokio::task::spawn_blocking(move || (bench.run(&args), bench)).await.unwrap();
    assert_eq!(code(&made), 1, "{}", err(&made));
    // Much better first, worse as second: the mean of 1 and 0.75. Nonsense once is asked again; twice is no grade.
    assert_eq!(bench.grades(), ["0.875", "0.5", ""]);
    assert!(err(&made).contains("prompt `p2`: the judge gave no verdict, twice"), "{}", err(&made));
    assert_eq!(judge.calls(), 7 + 2);
    let asked = judge.received()[0].json()["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(asked.contains("What is 4 - 0?") && asked.contains("four"), "{asked}");
}

#[test]
fn wrong_usage_and_faults_are_found_before_anything_is_called() {
    let bench = Bench::new(2);
    bench.targets(&[("a", refused_url())]);
    for (args, part) in [
        (&["--grader", "exakt"][..], "there is no grader `exakt`"),
        (&["--targets", "nobody"], "there is no target `nobody`"),
        (&["--grader", "judge"], "name a target with --judge"),
        (&["--grader", "json-schema:none.json"], "none.json"),
    ] {
        let said = bench.run(args);
        assert_eq!(code(&said), 1, "{args:?}");
        assert!(err(&said).contains(part), "{}", err(&said));
        assert!(!Path::new(&bench.path("table/journal.jsonl")).exists(), "{args:?}");
    }
    assert_eq!(code(&bench.run(&["--concurrency", "0"])), 2);
    let dear =
        std::fs::read_to_string(bench.path("pointsman.yaml")).unwrap().replace("output: 10", "output: 10000");
    std::fs::write(bench.path("pointsman.yaml"), dear).unwrap();
    let unasked = bench.run(&["--targets", "a-model"]);
    assert_eq!(code(&unasked), 2, "{}", err(&unasked));
    assert!(err(&unasked).contains("Say so with --yes"), "{}", err(&unasked));
}
