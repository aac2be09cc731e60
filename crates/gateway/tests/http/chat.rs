//! Requests that go well: what reaches the target, what comes back, and what is recorded.

use crate::common::{Gateway, ask, stream, two_models};
use pointsman_testkit::{Act, Script, Upstream, post, sse};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_named_model_gets_the_body_as_it_was_sent() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let body = br#"{ "model":"small","temperature": 1.50e0, "x_unknown" : {"a":[1,2.0]},"messages":[{"role":"user","content":"caf\u00e9"}] }"#;
    let answer = post(&format!("{}/v1/chat/completions", gateway.url), body.to_vec()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(up.last().body.as_ref(), body);
    assert_eq!(answer.header("x-pointsman-target"), Some("small"));
    assert_eq!(answer.header("x-pointsman-attempts"), Some("1"));
    assert!(answer.header("x-pointsman-overhead-us").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_is_replaced_and_the_own_member_cut_out_and_nothing_else() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let body = br#"{"model":"auto","pointsman":{"prefer":"cost"},"seed": 1.0,"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = post(&format!("{}/v1/chat/completions", gateway.url), body.to_vec()).await;
    assert_eq!(answer.json()["model"], "small");
    let sent = br#"{"model":"small","seed": 1.0,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(up.last().body.as_ref(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_keeps_every_byte_but_the_models_name() {
    let odd = br#"{ "id":"x" ,"model" : "small-2024" , "choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9"},"finish_reason":"stop","new_field":1.10}],"usage":{"prompt_tokens":3,"completion_tokens":1e0} }"#;
    let up = Upstream::start(Act::body(200, "application/json", odd.to_vec())).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let answer = gateway.chat(&ask("small")).await;
    let expected = String::from_utf8(odd.to_vec()).unwrap().replace("\"small-2024\"", "\"small\"");
    assert_eq!(answer.text(), expected);
    up.follow(Act::body(200, "application/json", expected.clone().into_bytes()));
    assert_eq!(gateway.chat(&ask("small")).await.text(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_every_byte_but_the_models_name() {
    let events = [
        ": comment\r\n\r\n",
        "data: {\"id\":1, \"model\":\"other\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\r\n\r\n",
        "data:{\"model\":\"other\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"odd\": 1.0}\n\n",
        "data: [DONE]\n\n",
    ];
    let up = Upstream::start(Act::chunks(events)).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let answer = gateway.chat(&stream("large")).await;
    assert!(answer.complete);
    assert_eq!(answer.text(), events.concat().replace("\"other\"", "\"large\""));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let outcome = &gateway.record(&answer).await["outcome"];
    assert_eq!(outcome["status"], "ok");
    assert_eq!(outcome["usage"]["source"], "estimated");
    assert_eq!(outcome["finish"], "stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_explains_the_answer_and_its_money() {
    let up = Upstream::start(Act::say("Paris it is.")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let answer = gateway.chat(&ask("auto")).await;
    let record = gateway.record(&answer).await;
    let target = answer.header("x-pointsman-target").unwrap();
    assert_eq!(record["decision"]["ranking"][0]["target"], target);
    assert_eq!(record["decision"]["estimates"]["list"].as_array().unwrap().len(), 2);
    let usage = &record["outcome"]["usage"];
    assert_eq!((usage["input"].as_u64(), usage["source"].as_str()), (Some(11), Some("reported")));
    let output = usage["output"].as_u64().unwrap();
    let (input_price, output_price) = if target == "small" { (100, 400) } else { (2_500, 10_000) };
    let cost = 11 * input_price + output * output_price;
    assert_eq!(record["outcome"]["cost"], cost);
    assert_eq!(record["outcome"]["baseline_cost"], 11 * 2_500 + output * 10_000);
    let header: f64 = answer.header("x-pointsman-cost-usd").unwrap().parse().unwrap();
    assert!((header - cost as f64 / 1e9).abs() < 1e-12);
    assert!(answer.header("x-pointsman-saved-usd").is_some());
    assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
    assert!(record.get("prompt").is_none());
    assert!(record["decision"]["signals"].get("vector").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_calls_nobody_and_shows_every_candidate() {
    let up = Upstream::start(Act::say("never")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let answer =
        gateway.send("POST", "/v1/route", &[("x-pointsman-prefer", "cost")], ask("auto").to_string()).await;
    let explained = answer.json();
    assert_eq!(explained["target"], "small");
    assert_eq!(explained["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(explained["candidates"][0]["provisional"], true);
    assert_eq!((up.calls(), gateway.requests()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_stays_with_its_model_and_a_tool_result_too() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let turn = |prefer: &str, messages: Value| json!({"model": "auto", "pointsman": {"prefer": prefer}, "messages": messages});
    let first = gateway.chat(&turn("quality", json!([{"role": "user", "content": "hello"}]))).await;
    assert_eq!(first.header("x-pointsman-target"), Some("large"));
    let more = json!([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "1+1?"}]);
    let second = gateway.chat(&turn("cost", more)).await;
    assert_eq!(second.header("x-pointsman-target"), Some("large"));
    assert_eq!(gateway.record(&second).await["decision"]["ranking"][0]["reason"], "session");
    let other = gateway.chat(&turn("cost", json!([{"role": "user", "content": "another opening"}]))).await;
    assert_eq!(other.header("x-pointsman-target"), Some("small"));
    let body = turn("cost", json!([{"role": "user", "content": "x"}])).to_string();
    let named = [("x-session-id", "s1"), ("x-pointsman-prefer", "quality")];
    let quality = turn("quality", json!([{"role": "user", "content": "x"}])).to_string();
    let began = gateway.send("POST", "/v1/chat/completions", &named, quality).await;
    let went_on = gateway.send("POST", "/v1/chat/completions", &named, body).await;
    assert_eq!(began.header("x-pointsman-target"), went_on.header("x-pointsman-target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_names_its_model_goes_there_and_the_conversation_stays_with_it() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let turn = async |headers: &[(&str, &str)], model: &str, messages: Value| {
        let body = json!({"model": model, "pointsman": {"prefer": "cost"}, "messages": messages});
        let answer = gateway.send("POST", "/v1/chat/completions", headers, body.to_string()).await;
        answer.header("x-pointsman-target").unwrap().to_owned()
    };
    let one = json!([{"role": "user", "content": "hello"}]);
    let named = [("x-session-id", "s1")];
    assert_eq!(turn(&named, "large", one.clone()).await, "large");
    assert_eq!(turn(&named, "auto", one.clone()).await, "large");
    assert_eq!(turn(&named, "small", one.clone()).await, "small", "a name is never overruled");
    assert_eq!(turn(&named, "auto", one.clone()).await, "small");
    // The same for a conversation that is known by its opening.
    assert_eq!(turn(&[], "large", one).await, "large");
    let more = json!([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "more"}]);
    assert_eq!(turn(&[], "auto", more).await, "large");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_known_again_after_a_restart() {
    let up = Upstream::start(Act::say("ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = crate::common::two_models(&up.openai_url());
    let send = |gateway: &Gateway, prefer: &'static str| {
        let mut body = ask("auto");
        body["pointsman"] = json!({"prefer": prefer});
        let url = format!("{}/v1/chat/completions", gateway.url);
        async move {
            pointsman_testkit::request("POST", &url, &[("x-session-id", "kept")], body.to_string().as_bytes())
                .await
        }
    };
    let before = Gateway::start_in(&yaml, folder.path().to_owned(), None).await;
    assert_eq!(send(&before, "quality").await.header("x-pointsman-target"), Some("large"));
    assert!(before.stop().await);
    let after = Gateway::start_in(&yaml, folder.path().to_owned(), None).await;
    assert_eq!(send(&after, "cost").await.header("x-pointsman-target"), Some("large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_go_to_the_named_target_only() {
    let up = Upstream::start(Act::say("x")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let embed = |model: &str| json!({"model": model, "input": ["a", "b"]}).to_string();
    let answer = gateway.send("POST", "/v1/embeddings", &[], embed("small")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["data"].is_array());
    assert_eq!(up.last().path, "/v1/embeddings");
    let refused = gateway.send("POST", "/v1/embeddings", &[], embed("auto")).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (400, Some("not_routable")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_asked_for_what_it_can_do_and_vectors_claim_no_savings() {
    let up = Upstream::start(Act::say("x")).await;
    let yaml = format!(
        "providers:\n  up: {{base_url: '{}', models: [gpt-4o, text-embedding-3-small, house-8b]}}\ntargets:\n  \
         - {{id: told, provider: up, mode: embedding, price: {{input: 0.1, output: 0.1}}}}\n",
        up.openai_url()
    );
    let gateway = Gateway::start(&yaml).await;
    let code = |answer: &pointsman_testkit::Answer| {
        assert_eq!(answer.status, 400, "{}", answer.text());
        answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    };
    for vectors in ["text-embedding-3-small", "told"] {
        let answer = gateway.chat(&ask(vectors)).await;
        assert_eq!(code(&answer), "wrong_kind_of_model");
        assert!(answer.text().contains("/v1/embeddings"), "{}", answer.text());
        let dry = gateway.send("POST", "/v1/route", &[], ask(vectors).to_string()).await;
        assert_eq!(code(&dry), "wrong_kind_of_model");
    }
    let embed = async |model: &str| {
        gateway.send("POST", "/v1/embeddings", &[], json!({"model": model, "input": "a"}).to_string()).await
    };
    let answer = embed("gpt-4o").await;
    assert_eq!(code(&answer), "wrong_kind_of_model");
    assert!(answer.text().contains("text-embedding-3-small"), "names one that can: {}", answer.text());
    assert_eq!((up.calls(), gateway.requests()), (0, 0));
    // A name that tells nothing, on a server that may well make vectors with it.
    assert_eq!(embed("house-8b").await.status, 200);
    let answer = embed("text-embedding-3-small").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-pointsman-cost-usd").is_some());
    assert_eq!(answer.header("x-pointsman-saved-usd"), None);
    let record = gateway.record(&answer).await;
    assert_eq!(record["outcome"].get("baseline_cost").filter(|cost| !cost.is_null()), None, "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_starts_with_auto_and_one_model_can_be_asked_for() {
    let up = Upstream::start(Script::new([Act::say("x")])).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let list = gateway.send("GET", "/v1/models", &[], "").await.json();
    let ids: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["auto", "small", "large"]);
    assert_eq!(gateway.send("GET", "/v1/models/large", &[], "").await.json()["id"], "large");
    assert_eq!(gateway.send("GET", "/v1/models/none", &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anthropic_upstream_answers_chat_streams_and_tells_what_was_lost() {
    let up = Upstream::start(Act::say("Paris it is")).await;
    let yaml = format!(
        "providers:\n  a: {{kind: anthropic, base_url: '{}', api_key: 'env:UPSTREAM_KEY'}}\ntargets:\n  - {{id: claude, provider: a, price: {{input: 3, output: 15}}}}\n",
        up.url()
    );
    let gateway = Gateway::start(&yaml).await;
    let mut body = ask("auto");
    body["seed"] = json!(7);
    let answer = gateway.chat(&body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json()["choices"][0]["message"]["content"].as_str().map(str::trim),
        Some("Paris it is")
    );
    assert_eq!(answer.json()["model"], "claude");
    assert_eq!(answer.header("x-pointsman-lossy"), Some("seed"));
    assert_eq!(up.last().path, "/v1/messages");
    assert!(up.last().json()["max_tokens"].is_u64());
    let streamed = gateway.chat(&stream("claude")).await;
    assert_eq!(sse::text(&streamed.body).trim(), "Paris it is");
    assert!(sse::is_done(&streamed.body));
    assert_eq!(gateway.record(&streamed).await["outcome"]["usage"]["source"], "reported");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_choose_and_those_of_the_prompt_never_leave() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let config = two_models(&up.openai_url())
        .replace("large, provider: up,", "large, provider: up, tags: [eu],")
        .replace("auto: {", "auto: {prefer: cost, selector: constraints, flags_in_prompt: true, ");
    let gateway = Gateway::start(&config).await;
    let asked = |text: &str| json!({"model": "auto", "messages": [{"role": "user", "content": text}]});
    let answer = gateway.chat(&asked("[flag: cheapest=3] What is the capital of France?")).await;
    assert_eq!(up.last().json()["messages"][0]["content"], "What is the capital of France?");
    let goal = &gateway.record(&answer).await["decision"]["goal"];
    assert_eq!(goal["flags"]["cheap"], 3.0);
    let eu = |headers: &'static [(&'static str, &'static str)]| {
        gateway.send("POST", "/v1/chat/completions", headers, asked("hello").to_string())
    };
    assert_eq!(eu(&[]).await.header("x-pointsman-target"), Some("small"));
    assert_eq!(eu(&[("x-pointsman-flags", "tag=eu")]).await.header("x-pointsman-target"), Some("large"));
    let nobody = eu(&[("x-pointsman-flags", "tag=mars")]).await;
    assert!(nobody.status == 400 && nobody.text().contains("mars"), "{}", nobody.text());
    assert_eq!(eu(&[("x-pointsman-flags", "smallest")]).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drawn_by_chance_says_so_and_may_be_forbidden() {
    let up = Upstream::start(Act::say("Paris.")).await;
    let gateway = Gateway::start(&two_models(&up.openai_url()).replace("explore: 0", "explore: 1")).await;
    let first = |record: &Value| record["decision"]["ranking"][0].clone();
    let drawn = first(&gateway.record(&gateway.chat(&ask("auto")).await).await);
    assert_eq!((drawn["reason"].as_str(), drawn["propensity"].as_f64()), (Some("explored"), Some(0.5)));
    let mut body = ask("auto");
    body["pointsman"] = json!({"explore": false});
    let chosen = first(&gateway.record(&gateway.chat(&body).await).await);
    assert_eq!(chosen["propensity"], 1.0);
    assert_ne!(chosen["reason"], "explored");
}
