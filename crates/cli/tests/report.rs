//! `report` over a ledger that a gateway is writing: requests drawn by chance, scores given, a verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::path::Path;

use common::{Gateway, err, out, pointsman, run};
use pointsman_testkit::post;
use serde_json::{Value, json};

/// Half of the choices by chance, so that a few hundred requests are enough. Quality first, so that routing alone sends
/// this prompt to the large one.
const CONFIG: &str = "providers:
  simulated: {kind: scripted}
targets:
  - {id: small, provider: simulated, profile: Meta-Llama-3.1-8B-Instruct, price: {input: 0.1, output: 0.4}}
  - {id: large, provider: simulated, profile: gpt-4o-2024-08-06, price: {input: 2.5, output: 10}}
routes:
  auto: {prefer: quality, do_no_harm: off, explore: 0.5}
  strict: {targets: [small, large], prefer: quality, do_no_harm: off, explore: 0.5}
";
const REQUESTS: usize = 300;

/// Sends a prompt and says which decision was made and who answered.
async fn ask(gateway: &Gateway, model: &str) -> (String, String) {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Prove that there is no largest prime."}]});
    let answer = post(&gateway.url("/v1/chat/completions"), body.to_string().into_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let header = |name| answer.header(name).unwrap().to_owned();
    (header("x-pointsman-decision"), header("x-pointsman-target"))
}

fn report(home: &Path, args: &[&str]) -> Value {
    let ended = run(home, &[&["report", "--json"][..], args].concat());
    assert!(ended.status.success(), "{}", err(&ended));
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_routing_is_worth_from_what_was_drawn_and_scored() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.yaml");
    std::fs::write(&path, CONFIG).unwrap();
    let gateway = Gateway::start(&mut pointsman(home.path()), &["--config", path.to_str().unwrap()]);
    let mut sent = Vec::new();
    for _ in 0..REQUESTS {
        for route in ["auto", "strict"] {
            sent.push((route, ask(&gateway, route).await));
        }
    }
    // A target by its name is no choice of a route.
    ask(&gateway, "small").await;

    // Before anything is scored: costs alone. The ledger is behind by a batch at most.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let costs = report(home.path(), &["--route", "auto"]);
    let auto = &costs["routes"][0];
    assert_eq!((&auto["requests"], &auto["verdict"]), (&json!(REQUESTS), &json!("too_few")), "{auto:#}");
    assert_eq!(auto["constants"][1]["target"], "small");
    assert!(auto["constants"][1]["quality"].is_null());
    assert!(auto["constants"][1]["cost_usd"]["difference"]["lo"].as_f64().unwrap() > 0.0, "{auto:#}");
    let said = out(&run(home.path(), &["report"]));
    assert!(said.contains("too few scores") && said.contains("cost alone is known"), "{said}");

    for (route, (decision, target)) in &sent {
        // On `auto` both are always right; on `strict` the small one never is.
        let score = u8::from(*route == "auto" || target == "large");
        let body = json!({"decision_id": decision, "score": score}).to_string().into_bytes();
        assert_eq!(post(&gateway.url("/v1/feedback"), body).await.status, 200);
    }
    let found = report(home.path(), &["--equal-within", "0.05"]);
    let verdicts: Vec<_> =
        (0..2).map(|at| (&found["routes"][at]["route"], &found["routes"][at]["verdict"])).collect();
    assert_eq!(
        verdicts,
        [
            (&json!("auto"), &json!({"do_not_route": "small"})),
            (&json!("strict"), &json!({"do_not_route": "large"}))
        ],
        "{found:#}"
    );
    let small = &found["routes"][1]["constants"][1];
    assert_eq!((&small["target"], &small["quality"]["constant"]), (&json!("small"), &json!(0.0)));
    assert_eq!(found["routes"][1]["constants"][0]["quality"]["difference"]["hi"], 0.0);
    assert!(found["routes"][0]["baseline_usd"].as_f64() > found["routes"][0]["paid_usd"].as_f64());

    let said = out(&run(home.path(), &["report", "--equal-within", "0.05"]));
    assert!(said.contains("do not route, use small") && said.contains("do not route, use large"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    assert_eq!(report(home.path(), &["--tenant", "nobody"])["routes"], json!([]));
    assert_eq!(report(home.path(), &["--since", "1h"])["routes"][0]["requests"], json!(REQUESTS));
}

#[test]
fn what_cannot_be_read_is_named_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(home.path(), &["report"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("ledger.db") && err(&ended).contains("pointsman serve"), "{}", err(&ended));
    let text = home.path().join("notes.txt");
    std::fs::write(&text, "not a ledger, but long enough to be taken for one at a glance".repeat(20))
        .unwrap();
    let ended = run(home.path(), &["report", "--ledger", text.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("is not a pointsman ledger"), "{}", err(&ended));
    for wrong in [["--since", "soon"], ["--equal-within", "2"]] {
        assert_eq!(run(home.path(), &["report", wrong[0], wrong[1]]).status.code(), Some(2), "{wrong:?}");
    }
}
