//! The laws that fuzzing looks for violations of, on generated input: the same functions, a fixed effort, no nightly.

#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "laws may stop a test")]
#[path = "laws/mod.rs"]
mod laws;

use proptest::prelude::*;

/// Bytes that look like a stream of events more often than chance would have it.
fn stream_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("data: ".to_owned()),
        4 => Just("\n".to_owned()),
        2 => Just("\n\n".to_owned()),
        2 => Just("\r\n".to_owned()),
        2 => Just("\r".to_owned()),
        1 => Just(": comment".to_owned()),
        1 => Just("event: x".to_owned()),
        1 => Just("id:7".to_owned()),
        1 => Just("\u{feff}".to_owned()),
        1 => Just("[DONE]".to_owned()),
        2 => "[a-z:é☃ ]{0,12}",
    ];
    let text = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![9 => text, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

/// JSON text in the spellings of this crate's formats, sometimes damaged.
fn json_like() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.50e+2".to_owned()),
        Just("-0".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just(r#""text""#.to_owned()),
        Just(r#""user""#.to_owned()),
        Just(r#""assistant""#.to_owned()),
        Just(r#""tool""#.to_owned()),
        Just(r#""image_url""#.to_owned()),
        Just(r#""data:image/png;base64,AA""#.to_owned()),
        Just(r#""\ud83d\ude00 \ud800 \" \\""#.to_owned()),
        Just(r#""{\"a\": 1}""#.to_owned()),
        "\"[a-zé☃ ]{0,20}\"",
    ];
    let key = prop_oneof![
        Just(r#""model""#),
        Just(r#""mod\u0065l""#),
        Just(r#""pointsman""#),
        Just(r#""messages""#),
        Just(r#""role""#),
        Just(r#""content""#),
        Just(r#""type""#),
        Just(r#""text""#),
        Just(r#""tool_calls""#),
        Just(r#""tool_call_id""#),
        Just(r#""function""#),
        Just(r#""arguments""#),
        Just(r#""tools""#),
        Just(r#""tool_choice""#),
        Just(r#""name""#),
        Just(r#""stop""#),
        Just(r#""stream""#),
        Just(r#""stream_options""#),
        Just(r#""include_usage""#),
        Just(r#""x""#),
    ];
    let gap = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
    let value = scalar.prop_recursive(5, 48, 5, move |inner| {
        let member = (key.clone(), gap.clone(), inner.clone())
            .prop_map(|(key, gap, value)| format!("{gap}{key}{gap}:{gap}{value}{gap}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    let damage = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (value, damage).prop_map(|(text, damage)| {
        let mut text = text.into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(text.len());
            text.splice(at..=at, [byte]);
        }
        text
    })
}

/// A chat request that is well formed at the top.
fn request_like() -> impl Strategy<Value = Vec<u8>> {
    let part = |kind: &'static str| json_like().prop_map(move |value| (kind, value));
    let member = prop_oneof![
        Just(("messages", br#"[{"role":"user","content":"a\n\u00e9"}]"#.to_vec())),
        Just(("model", b"\"m\"".to_vec())),
        Just(("pointsman", b"{ \"prefer\": 1 }".to_vec())),
        Just(("stream_options", b"{}".to_vec())),
        Just(("stream_options", br#"{"include_usage":false,"x":1}"#.to_vec())),
        Just(("stream_options", b"null".to_vec())),
        part("x"),
        part("tools"),
        json_like().prop_map(|item| ("messages", [b"[", item.as_slice(), b"]"].concat())),
    ];
    prop::collection::vec((member, "[ \n]{0,2}"), 0..7).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|((key, value), gap)| {
                [format!("{gap}\"{key}\":{gap}").as_bytes(), value, gap.as_bytes()].concat()
            })
            .collect();
        [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
    })
}

/// Events of Anthropic's in any order, some damaged.
fn messages_stream_like() -> impl Strategy<Value = Vec<u8>> {
    let data = prop_oneof![
        Just(r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3}}}"#.to_owned()),
        (0..3, prop::sample::select(vec!["text", "tool_use", "thinking", "new"])).prop_map(|(index, kind)| format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"{kind}","id":"t","name":"f","input":{{"a":1}}}}}}"#
        )),
        (0..3, "[a-z☃]{0,5}").prop_map(|(index, text)| format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"text_delta","text":"{text}\n"}}}}"#
        )),
        (0..3, "[a-z]{0,3}").prop_map(|(index, text)| format!(
            r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":"{text}"}}}}"#
        )),
        (0..3).prop_map(|index| format!(r#"{{"type":"content_block_stop","index":{index}}}"#)),
        Just(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#.to_owned()),
        Just(r#"{"type":"message_stop"}"#.to_owned()),
        Just(r#"{"type":"ping"}"#.to_owned()),
        Just(r#"{"type":"error","error":{"type":"t","message":"m"}}"#.to_owned()),
        Just(r#"{"type":"con"#.to_owned()),
    ];
    let ends = prop::sample::select(vec!["\n\n", "\r\n\r\n", "\r\r", "\n"]);
    let event = (data, ends).prop_map(|(data, end)| format!("event: e\ndata: {data}{end}"));
    prop::collection::vec(event, 0..14).prop_map(|events| events.concat().into_bytes())
}

/// Events of agents of either version in any order, some of them cards, some damaged.
fn agent_stream_like() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-z☃]{0,5}";
    let state = prop::sample::select(vec![
        "TASK_STATE_WORKING",
        "TASK_STATE_COMPLETED",
        "TASK_STATE_INPUT_REQUIRED",
        "TASK_STATE_FAILED",
        "working",
        "completed",
        "auth-required",
        "rejected",
        "asleep",
    ]);
    let result = prop_oneof![
        text.prop_map(|text| format!(
            r#"{{"message":{{"messageId":"m","role":"ROLE_AGENT","parts":[{{"text":"{text}"}},{{"data":[1]}}]}}}}"#
        )),
        text.prop_map(|text| format!(
            r#"{{"kind":"message","messageId":"m","role":"agent","parts":[{{"kind":"text","text":"{text}"}}]}}"#
        )),
        (text, any::<bool>(), 0..2).prop_map(|(text, append, id)| format!(
            r#"{{"artifactUpdate":{{"taskId":"t","contextId":"c","append":{append},"artifact":{{"artifactId":"{id}","parts":[{{"text":"{text}"}}]}}}}}}"#
        )),
        (text, any::<bool>(), 0..2).prop_map(|(text, append, id)| format!(
            r#"{{"kind":"artifact-update","taskId":"t","contextId":"c","append":{append},"artifact":{{"artifactId":"{id}","parts":[{{"kind":"text","text":"{text}"}},{{"kind":"file","file":{{"uri":"u"}}}}]}}}}"#
        )),
        state.clone().prop_map(|state| format!(
            r#"{{"statusUpdate":{{"taskId":"t","contextId":"c","status":{{"state":"{state}","timestamp":"noon"}}}}}}"#
        )),
        state.clone().prop_map(|state| format!(
            r#"{{"kind":"status-update","taskId":"t","contextId":"c","final":false,"status":{{"state":"{state}"}}}}"#
        )),
        state.prop_map(|state| format!(
            r#"{{"task":{{"id":"t","contextId":"c","status":{{"state":"{state}"}},"artifacts":[{{"artifactId":"0","parts":[{{"raw":"AAEC"}},{{"text":"x"}}]}}]}}}}"#
        )),
    ];
    let data = prop_oneof![
        8 => result.prop_map(|result| format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)),
        1 => Just(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"m"}}"#.to_owned()),
        1 => Just(r#"{"jsonrpc":"2.0","id":1}"#.to_owned()),
        1 => Just(r#"{"jsonr"#.to_owned()),
    ];
    let ends = prop::sample::select(vec!["\n\n", "\r\n\r\n", "\r\r", "\n"]);
    let event = (data, ends).prop_map(|(data, end)| format!("data: {data}{end}"));
    prop::collection::vec(event, 0..14).prop_map(|events| events.concat().into_bytes())
}

/// What looks like an agent card or the answer to a message.
fn card_like() -> impl Strategy<Value = Vec<u8>> {
    let value = json_like();
    let key = prop::sample::select(vec![
        "name",
        "description",
        "version",
        "capabilities",
        "skills",
        "supportedInterfaces",
        "protocolVersion",
        "additionalInterfaces",
        "securitySchemes",
        "signatures",
        "preferredTransport",
        "result",
    ]);
    prop::collection::vec((key, value), 0..5).prop_map(|members| {
        let mut card = br#"{"name":"n","url":"http://h","protocolVersion":"0.3""#.to_vec();
        for (key, value) in members {
            card.extend_from_slice(format!(r#","{key}":"#).as_bytes());
            card.extend_from_slice(&value);
        }
        card.push(b'}');
        card
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_way_of_cutting_a_stream_gives_the_same_events(
        body in stream_like(),
        cuts in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        laws::sse(&body, &cuts);
    }

    #[test]
    fn json_is_judged_as_serde_json_judges_it(body in json_like()) {
        laws::head(&body);
    }

    #[test]
    fn a_splice_changes_what_it_says_and_nothing_else(body in request_like()) {
        laws::head(&body);
    }

    #[test]
    fn a_translated_stream_is_whole_or_says_that_it_is_not(
        body in messages_stream_like(),
        cuts in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        laws::anthropic_stream(&body, &cuts);
    }

    #[test]
    fn a_translated_stream_survives_any_bytes(body in stream_like(), cuts in prop::collection::vec(any::<u8>(), 0..8)) {
        laws::anthropic_stream(&body, &cuts);
    }

    #[test]
    fn an_agents_stream_is_whole_or_says_that_it_is_not(
        body in prop_oneof![4 => agent_stream_like(), 1 => stream_like(), 2 => card_like()],
        cuts in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        laws::a2a(&body, &cuts);
    }
}
