//! What is said of an answer afterwards: who may say it, once, and what is answered to nonsense.

use std::time::Duration;

use crate::common::{Gateway, ask, stream};
use pointsman_kernel::Scope;
use pointsman_store::Keys;
use pointsman_testkit::{Act, Answer, Upstream};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn give(gateway: &Gateway, headers: &[(&str, &str)], body: &Value) -> Answer {
    gateway.send("POST", "/v1/feedback", headers, body.to_string()).await
}

fn id(answer: &Answer) -> String {
    answer.header("x-pointsman-decision").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_is_kept_once_and_stands_in_the_decision() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let decision = id(&gateway.chat(&ask("auto")).await);
    // At once: the record need not be on the disk yet.
    let kept = give(&gateway, &[], &json!({"decision_id": decision, "score": 0.25})).await;
    assert_eq!((kept.status, kept.json()), (200, json!({"decision_id": decision, "score": 0.25})));
    let record = gateway.record_of(&decision).await;
    assert_eq!(record["feedback"]["score"], 0.25);
    assert!(record["feedback"]["at"].as_u64() > record["started"].as_u64(), "{record}");

    let again = give(&gateway, &[], &json!({"decision_id": decision, "label": "up"})).await;
    assert_eq!((again.status, &again.json()["error"]["code"]), (409, &json!("feedback_given")));
    assert_eq!(gateway.record_of(&decision).await["feedback"]["score"], 0.25);

    let streamed = id(&gateway.chat(&stream("auto")).await);
    let kept = give(&gateway, &[], &json!({"decision_id": streamed, "label": "up"})).await;
    assert_eq!((kept.status, &kept.json()["score"]), (200, &json!(1.0)), "{}", kept.text());
    assert_eq!(gateway.record_of(&streamed).await["feedback"]["label"], "up");
    let metrics = gateway.send("GET", "/metrics", &[], "").await.text();
    for line in [
        "pointsman_feedback_total{result=\"kept\"} 2",
        "pointsman_feedback_total{result=\"again\"} 1",
        "pointsman_feedback_score_total 1.25",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_survives_a_restart() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = crate::common::two_models(&up.openai_url());
    let first = Gateway::start_in(&yaml, folder.path().to_owned(), None).await;
    let (said, unsaid) = (id(&first.chat(&ask("auto")).await), id(&first.chat(&ask("small")).await));
    assert_eq!(give(&first, &[], &json!({"decision_id": said, "score": 1})).await.status, 200);
    assert!(first.stop().await);
    let second = Gateway::start_in(&yaml, folder.path().to_owned(), None).await;
    assert_eq!(second.record_of(&said).await["feedback"]["score"], 1.0);
    assert_eq!(give(&second, &[], &json!({"decision_id": said, "score": 0})).await.status, 409);
    assert_eq!(give(&second, &[], &json!({"decision_id": unsaid, "score": 0})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_named_and_nothing_of_it_is_kept() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let decision = id(&gateway.chat(&ask("auto")).await);
    for (body, status, param) in [
        (json!({"decision_id": decision, "score": 1.01}), 400, "score"),
        (json!({"decision_id": decision, "score": -0.01}), 400, "score"),
        (json!({"decision_id": decision, "score": null}), 400, "score"),
        (json!({"decision_id": decision, "label": "meh"}), 400, "label"),
        (json!({"decision_id": decision}), 400, "score"),
        (json!({"score": 1}), 400, "decision_id"),
        (json!({"decision_id": "dec_nobody", "score": 1}), 404, ""),
    ] {
        let answer = give(&gateway, &[], &body).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["param"].as_str().unwrap_or("")),
            (status, param),
            "{body}: {error}"
        );
    }
    for body in [b"{\"decision_id\":".to_vec(), vec![0xff, 0xfe], vec![b' '; 70 << 10]] {
        let answer = gateway.send("POST", "/v1/feedback", &[], body).await;
        assert!(answer.status == 400 || answer.status == 413, "{}", answer.text());
    }
    assert_eq!(gateway.send("GET", "/v1/feedback", &[], "").await.status, 405);
    assert!(gateway.record_of(&decision).await["feedback"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_that_asked_may_say_and_others_learn_nothing() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let before_keys = id(&gateway.chat(&ask("auto")).await);
    let keys = Keys::open(&pointsman_gateway::launch::keys_path(&gateway.home)).unwrap();
    let tenant = pointsman_kernel::Tenant::from("acme");
    let bearer = |name: &str, tenant| {
        format!("Bearer {}", keys.create(name, tenant, Scope::default()).unwrap().1.expose_secret())
    };
    let (mine, colleague) = (bearer("mine", Some(&tenant)), bearer("colleague", Some(&tenant)));
    let foreign = bearer("foreign", None);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let with = |key: &str| [("authorization".to_owned(), key.to_owned())];
    let send = async |path: &str, key: &str, body: Value| {
        let headers = with(key);
        let headers = headers.each_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        gateway.send("POST", path, &headers, body.to_string()).await
    };
    let decision = id(&send("/v1/chat/completions", &mine, ask("auto")).await);
    let said = json!({"decision_id": decision, "score": 1});
    assert_eq!(give(&gateway, &[], &said).await.status, 401);
    let nobody = send("/v1/feedback", &foreign, json!({"decision_id": "dec_nobody", "score": 1})).await;
    for other in [&foreign, &colleague] {
        let refused = send("/v1/feedback", other, said.clone()).await;
        assert_eq!(refused.status, 404, "{}", refused.text());
        // Word for word what an unknown id is answered, the id apart.
        assert_eq!(refused.text().replace(&decision, "X"), nobody.text().replace("dec_nobody", "X"));
    }
    assert_eq!(send("/v1/feedback", &mine, said).await.status, 200);
    let early = send("/v1/feedback", &mine, json!({"decision_id": before_keys, "score": 1})).await;
    assert_eq!(early.status, 404);
}
