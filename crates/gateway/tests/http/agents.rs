//! Agents behind the gateway: as models of chat completions, and at `/a2a/{agent}`.

use std::time::{Duration, Instant};

use pointsman_gateway::launch::keys_path;
use pointsman_kernel::Scope;
use pointsman_store::Keys;
use pointsman_testkit::{Act, Agent, Answer, Deed, Manner, Upstream, refused_url, sse};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::common::{Gateway, ask, stream};

async fn gateway(agent: &Agent, more: &str) -> Gateway {
    let yaml = format!(
        "agents:\n  helper: {{card: '{}', price: {{per_call: 0.25}}{more}}}\ntimeouts: {{connect: 1s, head: 1s, idle: 1s}}\n",
        agent.url()
    );
    let gateway = Gateway::start(&yaml).await;
    let began = Instant::now();
    while gateway.app.live.snapshot().registry.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(5), "the card did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gateway
}

/// Waits, five seconds at most, until the models listed are as wanted.
async fn until(gateway: &Gateway, wanted: impl Fn(&[String]) -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if wanted(&listed(gateway, &[]).await) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

async fn listed(gateway: &Gateway, headers: &[(&str, &str)]) -> Vec<String> {
    let list = gateway.send("GET", "/v1/models", headers, "").await.json();
    let models = list["data"].as_array().cloned().unwrap_or_default();
    models.iter().filter_map(|model| Some(model["id"].as_str()?.to_owned())).collect()
}

fn rpc(method: &str, params: Value) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": "q-1", "method": method, "params": params}).to_string().into_bytes()
}

fn message(more: Value) -> Value {
    let mut message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello there"}]});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "message": message })
}

async fn call(gateway: &Gateway, method: &str, params: Value) -> Answer {
    gateway.send("POST", "/a2a/helper", &[], rpc(method, params)).await
}

#[tokio::test]
async fn an_agent_is_asked_for_as_a_model_and_its_decision_and_outcome_are_recorded() {
    let agent = Agent::start(Deed::work("sunny today")).await;
    let gateway = gateway(&agent, "").await;
    let answer = gateway.chat(&ask("helper")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "sunny today");
    assert_eq!(answer.json()["model"], "helper");
    assert_eq!(answer.header("x-pointsman-target"), Some("helper"));
    assert_eq!(answer.header("x-pointsman-cost-usd"), Some("0.25"));
    let record = gateway.record(&answer).await;
    assert_eq!(record["outcome"]["status"], "ok");
    assert_eq!(record["attempts"].as_array().unwrap().len(), 1);

    let answer = gateway.chat(&stream("helper")).await;
    assert_eq!(sse::text(&answer.body), "sunny today");
    assert!(sse::is_done(&answer.body));
    assert_eq!(gateway.record(&answer).await["outcome"]["status"], "ok");
    assert_eq!(gateway.requests(), 2);
    assert_eq!(agent.calls("SendStreamingMessage").len(), 2);
}

#[tokio::test]
async fn a_conversation_is_kept_with_the_agent_and_a_question_is_answered_in_it() {
    let agent = Agent::start(Deed::Ask("which city?".to_owned())).await;
    let gateway = gateway(&agent, "").await;
    let say = async |session: &str| {
        let headers = [("x-session-id", session)];
        let answer = gateway.send("POST", "/v1/chat/completions", &headers, ask("helper").to_string()).await;
        answer.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(say("s").await, "which city?");
    assert!(say("s").await.starts_with("got: "));
    assert_eq!(say("other").await, "which city?");
}

#[tokio::test]
async fn an_agent_is_one_of_the_targets_of_a_route_that_names_its_tag() {
    let agent = Agent::start(Deed::work("x")).await;
    let up = Upstream::start(Act::say("from a model")).await;
    let yaml = format!(
        "providers: {{up: {{base_url: '{}', models: [small]}}}}\nagents: {{helper: {{card: '{}', tags: [staff]}}}}\nroutes: {{staff: {{tags: [staff]}}}}\n",
        up.openai_url(),
        agent.url()
    );
    let gateway = Gateway::start(&yaml).await;
    assert!(until(&gateway, |known| known.contains(&"helper".to_owned())).await);
    let answer = gateway.chat(&ask("auto")).await;
    assert_eq!(answer.header("x-pointsman-target"), Some("small"));
    let answer = gateway.chat(&ask("staff")).await;
    assert_eq!(answer.header("x-pointsman-target"), Some("helper"), "{}", answer.text());
}

#[tokio::test]
async fn faults_of_agents_are_clear_errors_with_one_outcome_each() {
    let cases = [
        (Deed::Fail("out of paper".to_owned()), 502, "upstream_error", "out of paper"),
        (Deed::Reject("not my job".to_owned()), 400, "agent_rejected", "not my job"),
        (Deed::Garbage, 502, "upstream_protocol", "helper answered"),
        (Deed::Silent, 504, "upstream_timeout", "in time"),
        (Deed::Hang, 504, "upstream_timeout", "stopped"),
    ];
    for (deed, status, code, words) in cases {
        let agent = Agent::start(deed.clone()).await;
        let gateway = gateway(&agent, "").await;
        for body in [ask("helper"), stream("helper")] {
            let answer = gateway.chat(&body).await;
            assert_eq!(answer.status, status, "{deed:?}: {}", answer.text());
            let error = &answer.json()["error"];
            assert_eq!(error["code"], code, "{deed:?}");
            assert!(error["message"].as_str().unwrap().contains(words), "{deed:?}: {error}");
            let record = gateway.record(&answer).await;
            assert_eq!(record["outcome"]["status"], "failed");
            assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
        }
        assert_eq!(gateway.requests(), 2, "{deed:?}");
    }
}

#[tokio::test]
async fn faults_are_told_in_json_rpc_to_who_speaks_it() {
    let cases = [
        (Deed::Error(-32005, "no images".to_owned()), -32005, "CONTENT_TYPE_NOT_SUPPORTED"),
        (Deed::Garbage, -32006, "INVALID_AGENT_RESPONSE"),
        (Deed::Silent, -32603, "AGENT_TIMEOUT"),
    ];
    for (deed, code, reason) in cases {
        let agent = Agent::start(deed.clone()).await;
        let gateway = gateway(&agent, "").await;
        for method in ["SendMessage", "SendStreamingMessage"] {
            let answer = call(&gateway, method, message(json!({}))).await;
            assert_eq!(answer.status, 200);
            let error = answer.json();
            assert_eq!(error["id"], "q-1");
            assert_eq!(error["error"]["code"], code, "{deed:?} {method}: {error}");
            let info = &error["error"]["data"][0];
            assert_eq!(info["reason"], reason);
            assert_eq!(info["metadata"]["decision_id"].as_str(), answer.header("x-pointsman-decision"));
            assert_eq!(gateway.record(&answer).await["outcome"]["status"], "failed");
        }
        assert_eq!(gateway.requests(), 2);
    }
    let agent = Agent::start(Deed::Cut).await;
    let gateway = gateway(&agent, "").await;
    let answer = call(&gateway, "SendStreamingMessage", message(json!({}))).await;
    let last = answer.text().trim().rsplit("data: ").next().unwrap().to_owned();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!("q-1"), &json!(-32603)), "{}", answer.text());
    assert_eq!(gateway.record(&answer).await["outcome"]["status"], "cut");
}

#[tokio::test]
async fn calls_pass_in_both_versions_with_one_outcome_each() {
    for old in [false, true] {
        let mut manner = Manner::from(Deed::Ask("which city?".to_owned()));
        manner.old = old;
        let agent = Agent::start(manner).await;
        let gateway = gateway(&agent, "").await;
        let answer = call(&gateway, "SendMessage", message(json!({}))).await.json();
        assert_eq!(answer["result"]["task"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{answer}");
        let answer = call(&gateway, "GetTask", json!({"id": "task-1"})).await.json();
        assert_eq!(answer["result"]["id"], "task-1");
        let answer = call(&gateway, "tasks/get", json!({"id": "task-1"})).await.json();
        assert_eq!(answer["result"]["status"]["state"], "input-required");
        let part = json!({"kind": "text", "text": "Oslo"});
        let old_message = json!({"message": {"kind": "message", "messageId": "m2", "role": "user", "taskId": "task-1", "parts": [part]}});
        let answer = call(&gateway, "message/send", old_message).await.json();
        assert_eq!(answer["result"]["artifacts"][0]["parts"][0]["text"], "got: Oslo", "{answer}");
        let answer = call(&gateway, "tasks/cancel", json!({"id": "task-1"})).await.json();
        assert_eq!(answer["result"]["status"]["state"], "canceled");
        let answer = call(&gateway, "SendStreamingMessage", message(json!({}))).await;
        assert!(answer.text().contains("TASK_STATE_INPUT_REQUIRED"), "{}", answer.text());
        let record = gateway.record(&answer).await;
        assert_eq!(
            (&record["outcome"]["status"], &record["outcome"]["target"]),
            (&json!("ok"), &json!("helper"))
        );
        assert_eq!(gateway.requests(), 6);
    }
}

#[tokio::test]
async fn what_is_not_passed_on_is_refused_in_the_protocols_words() {
    let agent = Agent::start(Deed::work("x")).await;
    let gateway = gateway(&agent, "").await;
    let mut pushing = message(json!({}));
    pushing["configuration"] = json!({"taskPushNotificationConfig": {"url": "http://x"}});
    let mut pushing_old = message(json!({}));
    pushing_old["configuration"] = json!({"pushNotificationConfig": {"url": "http://x"}});
    let cases = [
        ("CreateTaskPushNotificationConfig", json!({}), -32003),
        ("tasks/pushNotificationConfig/set", json!({}), -32003),
        ("SendMessage", pushing, -32003),
        ("message/stream", pushing_old, -32003),
        ("ListTasks", json!({}), -32004),
        ("GetExtendedAgentCard", json!({}), -32004),
        ("agent/dance", json!({}), -32601),
    ];
    for (method, params, code) in cases {
        let answer = call(&gateway, method, params).await;
        assert_eq!(answer.json()["error"]["code"], code, "{method}: {}", answer.text());
    }
    let headers = [("a2a-version", "0.5")];
    let answer = gateway.send("POST", "/a2a/helper", &headers, rpc("SendMessage", message(json!({})))).await;
    assert_eq!(answer.json()["error"]["code"], -32009);
    let answer = gateway.send("POST", "/a2a/helper", &[], "nonsense").await;
    assert_eq!(answer.json()["error"]["code"], -32700);
    let answer = gateway.send("POST", "/a2a/nobody", &[], rpc("GetTask", json!({"id": "1"}))).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!(-32600)));
    assert_eq!(gateway.requests(), 0);
    assert!(agent.calls("SendMessage").is_empty());
}

#[tokio::test]
async fn the_card_served_leads_back_here_in_both_versions() {
    for old in [false, true] {
        let mut manner = Manner::from(Deed::work("x"));
        manner.old = old;
        let agent = Agent::start(manner).await;
        let gateway = gateway(&agent, "").await;
        for file in ["agent-card.json", "agent.json"] {
            let answer = gateway.send("GET", &format!("/a2a/helper/.well-known/{file}"), &[], "").await;
            let card = answer.json();
            let own = format!("{}/a2a/helper", gateway.url);
            assert_eq!(card["name"], "Test agent", "{card}");
            assert_eq!((&card["url"], &card["supportedInterfaces"][0]["url"]), (&json!(own), &json!(own)));
            assert_eq!(card["capabilities"]["pushNotifications"], false);
            assert!(!answer.text().contains(&agent.url()), "{card}");
        }
    }
}

#[tokio::test]
async fn keys_are_checked_and_scoped_and_tasks_are_their_tenants() {
    let agent = Agent::start(Deed::Ask("which city?".to_owned())).await;
    let gateway = gateway(&agent, "").await;
    let keys = Keys::open(&keys_path(&gateway.home)).unwrap();
    let make = |name: &str, targets: Option<Vec<String>>| {
        let (_, secret) = keys.create(name, None, Scope { targets, ..Scope::default() }).unwrap();
        format!("Bearer {}", secret.expose_secret())
    };
    let (one, two) = (make("one", None), make("two", Some(vec!["help*".into()])));
    let none = make("three", Some(vec!["other".into()]));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let send = async |key: Option<&str>, body: Vec<u8>| {
        let headers: Vec<(&str, &str)> = key.map(|key| ("authorization", key)).into_iter().collect();
        gateway.send("POST", "/a2a/helper", &headers, body).await
    };
    let body = || rpc("SendMessage", message(json!({})));
    let answer = send(None, body()).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(answer.json()["error"]["data"][0]["reason"], "UNAUTHENTICATED");
    assert_eq!(send(Some(&none), body()).await.status, 403);
    let card = "/a2a/helper/.well-known/agent-card.json";
    assert_eq!(gateway.send("GET", card, &[], "").await.status, 401);
    assert_eq!(gateway.send("GET", card, &[("authorization", &none)], "").await.status, 403);
    let keyed = gateway.send("GET", card, &[("authorization", &one)], "").await.json();
    assert_eq!(keyed["securitySchemes"]["key"]["httpAuthSecurityScheme"]["scheme"], "Bearer");
    assert!(send(Some(&one), body()).await.json()["result"]["task"].is_object());
    // The agent was not given the client's key.
    assert!(agent.calls("SendMessage")[0].header("authorization").is_none());
    let look = || rpc("GetTask", json!({"id": "task-1"}));
    assert!(send(Some(&one), look()).await.json()["result"].is_object());
    assert_eq!(send(Some(&two), look()).await.json()["error"]["code"], -32001);
    assert_eq!(listed(&gateway, &[("authorization", &none)]).await, ["auto"]);
}

#[tokio::test]
async fn a_card_that_goes_or_lies_leaves_the_last_one_and_a_changed_one_counts() {
    let agent = Agent::start(Deed::work("first")).await;
    let gateway = gateway(&agent, ", refresh: 1s").await;
    let trouble = || gateway.app.live.snapshot().agents["helper"].trouble();
    for card in [(404, String::new()), (200, "{\"name\": 3}".to_owned()), (200, "x".repeat(2 << 20))] {
        agent.become_(Manner::from(Deed::work("still here")).with_card(card.0, card.1));
        let began = Instant::now();
        while trouble().is_none() && began.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(trouble().unwrap().contains("older card"), "{:?}", trouble());
        let answer = gateway.chat(&ask("helper")).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "still here");
        agent.become_(Deed::work("well again"));
        let began = Instant::now();
        while trouble().is_some() && began.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(trouble(), None);
    }
    // Another agent at the same place: the next call is in its version.
    agent.become_(Manner::from(Deed::work("older now")).old());
    let began = Instant::now();
    let mut said = Value::Null;
    while said != "older now" && began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        said = gateway.chat(&ask("helper")).await.json()["choices"][0]["message"]["content"].clone();
    }
    assert_eq!(said, "older now");
    assert_eq!(gateway.app.live.snapshot().registry.len(), 1);
}

#[tokio::test]
async fn an_agent_whose_card_never_came_is_named_in_the_refusal_and_taken_up_when_it_comes() {
    let url = refused_url();
    let url = url.trim_end_matches("/v1");
    let gateway = Gateway::start(&format!("agents: {{helper: {{card: '{url}'}}}}\n")).await;
    let answer = gateway.chat(&ask("helper")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("agent `helper`") && answer.text().contains("card"), "{}", answer.text());
    let answer = gateway.send("POST", "/a2a/helper", &[], rpc("GetTask", json!({"id": "1"}))).await;
    assert_eq!((answer.status, &answer.json()["error"]["data"][0]["reason"]), (503, &json!("UNAVAILABLE")));
}

#[tokio::test]
async fn an_agent_is_known_to_the_first_stage_by_its_card_and_the_configuration() {
    let agent = Agent::start(Deed::work("x")).await;
    let gateway =
        gateway(&agent, ", examples: [own example], slots: [{name: place}], scopes: [public]").await;
    let snapshot = gateway.app.live.snapshot();
    let entry = snapshot.registry.get(&"helper".into()).unwrap();
    assert_eq!(entry.description, "Does as it is told");
    assert_eq!(entry.skills[0].name, "testing");
    assert_eq!(entry.examples, ["own example", "test me"]);
    assert_eq!(
        (entry.categories.as_slice(), entry.scopes.as_slice()),
        (&["test".to_owned()][..], &["public".to_owned()][..])
    );
    assert_eq!(entry.required_slots[0].name, "place");
    assert_eq!(snapshot.agents["helper"].signature.name(), "unsigned");
}
