use super::tools::call_id;
use super::*;
use crate::head::RequestHead;

fn translated(body: &str) -> (serde_json::Value, Vec<String>) {
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    let options = Options { model: "m", default_max_tokens: 9, json_schema: false };
    let request = request(body.as_bytes(), &head, &options).unwrap();
    let lossy = request.lossy.fields().map(Into::into).collect();
    (serde_json::from_slice(&request.body).unwrap(), lossy)
}

#[test]
fn the_clients_limit_goes_before_the_default() {
    let limit = |field: &str| {
        translated(&format!(r#"{{{field}"messages":[{{"role":"user","content":"q"}}]}}"#)).0["max_tokens"]
            .clone()
    };
    assert_eq!(limit(""), 9);
    assert_eq!(limit(r#""max_tokens":5,"#), 5);
    assert_eq!(limit(r#""max_tokens":5,"max_completion_tokens":7,"#), 7);
}

#[test]
fn every_stop_reason_has_a_finish_reason() {
    for (reason, name, weaker) in [
        ("end_turn", "stop", false),
        ("stop_sequence", "stop", false),
        ("max_tokens", "length", false),
        ("model_context_window_exceeded", "length", false),
        ("tool_use", "tool_calls", false),
        ("refusal", "content_filter", false),
        ("pause_turn", "stop", true),
        ("something_new", "stop", true),
    ] {
        let (finish, lost) = finish(reason);
        assert_eq!((finish.name(), lost), (name, weaker), "{reason}");
    }
}

#[test]
fn call_ids_stay_paired() {
    assert_eq!(call_id("call_A-9"), "call_A-9");
    assert_eq!(call_id("functions.f:0"), "functions_f_0");
    assert_eq!(call_id("é"), "_");
    assert_eq!(call_id(""), "call");
}

#[test]
fn tool_arguments_survive_there_and_back() {
    let arguments = r#"{"n": 1.0e2, "s": "a\"b\\\u00e9", "deep": [[]]}"#;
    let quoted = serde_json::to_string(arguments).unwrap();
    let body = format!(
        r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":{quoted}}}}}]}}]}}"#
    );
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    let options = Options { model: "m", default_max_tokens: 9, json_schema: false };
    let request = request(body.as_bytes(), &head, &options).unwrap();
    let turns = crate::View::parse(&request.body).unwrap().get("messages").unwrap();
    let content = turns.elements().nth(1).unwrap().get("content").unwrap();
    let reply =
        [br#"{"type":"message","content":"#, content.raw(), br#","stop_reason":"tool_use"}"#].concat();
    let answer: serde_json::Value = serde_json::from_slice(&answer(&reply, "m", 0).unwrap().body).unwrap();
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], arguments);
}

#[test]
fn a_choice_without_tools_is_reported_unless_it_asks_for_nothing() {
    let lossy = |choice: &str| {
        translated(&format!(r#"{{"messages":[{{"role":"user","content":"q"}}],"tool_choice":{choice}}}"#)).1
    };
    assert_eq!(lossy("\"required\""), ["tool_choice"]);
    assert!(lossy("\"auto\"").is_empty() && lossy("\"none\"").is_empty() && lossy("null").is_empty());
}

#[test]
fn counts_left_out_by_a_later_event_keep_their_value() {
    let mut counts = Counts::default();
    assert!(counts.usage().is_none());
    for usage in
        [r#"{"input_tokens":3,"cache_read_input_tokens":7,"output_tokens":1}"#, r#"{"output_tokens":5}"#]
    {
        counts.update(View::parse(usage.as_bytes()).unwrap());
    }
    let usage = counts.usage().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens), (10, 5, Some(7)));
}
