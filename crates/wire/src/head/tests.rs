use bytes::Bytes;

use super::*;

fn parse(body: &str) -> RequestHead {
    RequestHead::parse(body.as_bytes()).unwrap()
}

fn refused(body: &str) -> String {
    RequestHead::parse(body.as_bytes()).unwrap_err().to_string()
}

fn spliced(body: &str, edits: &Edits<'_>) -> String {
    let out = splice(&Bytes::copy_from_slice(body.as_bytes()), &parse(body), edits);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn every_value_is_found_where_it_stands() {
    let body = r#" {"model" : "gpt","stream":true,"messages":[1],"tools":[{},{}],"tool_choice":"auto","n":2,
        "response_format":{"type":"json_schema"},"max_tokens":10,"max_completion_tokens":20,"user":"u",
        "metadata":{"a":1},"input":"i","stream_options":{"include_usage":true},"pointsman":{"prefer":1},"x":0.10} "#;
    let head = parse(body);
    let at = |span: Option<Span>| std::str::from_utf8(span.unwrap().of(body.as_bytes())).unwrap();
    assert_eq!(head.model(body.as_bytes()).unwrap(), "gpt");
    assert!(head.stream);
    assert_eq!(at(head.messages), "[1]");
    assert_eq!(at(head.tool_choice), "\"auto\"");
    assert_eq!(at(head.user), "\"u\"");
    assert_eq!(at(head.metadata), "{\"a\":1}");
    assert_eq!(at(head.input), "\"i\"");
    assert_eq!(at(head.stream_options), "{\"include_usage\":true}");
    assert_eq!(at(head.pointsman.map(|own| own.value)), "{\"prefer\":1}");
    assert_eq!(head.include_usage, Some(true));
    assert_eq!(head.max_output_tokens, Some(20));
    assert_eq!(head.n, Some(2));
    assert_eq!(head.members, 15);
    assert_eq!(head.tool_count(body.as_bytes()), 2);
    assert_eq!(head.response_format(body.as_bytes()).unwrap(), "json_schema");
    assert_eq!(head.member(body.as_bytes(), "x").unwrap().raw(), b"0.10");
}

#[test]
fn an_escaped_key_is_the_same_key() {
    let body = r#"{"mod\u0065l":"a"}"#;
    assert_eq!(parse(body).model(body.as_bytes()).unwrap(), "a");
    assert_eq!(spliced(body, &Edits { model: Some("b"), ..Edits::default() }), r#"{"mod\u0065l":"b"}"#);
}

#[test]
fn a_bad_body_is_refused_with_its_place() {
    assert_eq!(refused(""), "the body is empty: send a JSON object");
    assert_eq!(refused("  \n"), "the body is empty: send a JSON object");
    assert_eq!(refused("[1]"), "the body must be a JSON object");
    assert_eq!(refused("\u{feff}{}"), "the body starts with a byte order mark: send it without");
    assert_eq!(
        refused("{\"model\":\"a\"} x"),
        "the body is not valid JSON: unexpected text after the value at line 1, column 15 (byte 14)"
    );
    assert_eq!(
        refused("{\"model\":\n \"a\""),
        "the body is not valid JSON: the text ends inside a value at line 2, column 5 (byte 14)"
    );
    let error = RequestHead::parse(b"{\"a\":\"\xff\"}").unwrap_err();
    assert_eq!(error, HeadError::Utf8(Place { byte: 6, line: 1, column: 7 }));
}

#[test]
fn ten_thousand_nested_arrays_are_refused_with_their_place() {
    let body = format!("{{\"messages\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(
        refused(&body),
        "the body is not valid JSON: nested deeper than 128 levels at line 1, column 140 (byte 139)"
    );
}

#[test]
fn a_field_acted_on_must_stand_once() {
    assert_eq!(
        refused(r#"{"model":"a","model":"b"}"#),
        "`model` is given twice, again at line 1, column 14 (byte 13): send it once"
    );
    assert!(refused(r#"{"model":"a","\u006dodel":"b"}"#).starts_with("`model` is given twice"));
    assert!(refused(r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#).contains("twice"));
    let body = r#"{"model":"a","seed":1,"seed":2}"#;
    assert_eq!(
        spliced(body, &Edits { model: Some("b"), ..Edits::default() }),
        body.replace("\"a\"", "\"b\"")
    );
}

#[test]
fn a_key_that_some_servers_would_take_for_the_model_is_refused() {
    let error = RequestHead::parse(br#"{"model":"a","Model":"b"}"#).unwrap_err();
    assert_eq!(error.param(), Some("model"));
    assert!(error.to_string().starts_with("`Model` at line 1, column 14"));
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    for (body, field) in [
        (r#"{"model":5}"#, "model"),
        (r#"{"model":null}"#, "model"),
        (r#"{"stream":"yes"}"#, "stream"),
        (r#"{"stream_options":[]}"#, "stream_options"),
        (r#"{"stream_options":{"include_usage":1}}"#, "include_usage"),
        (r#"{"messages":{}}"#, "messages"),
        (r#"{"pointsman":true}"#, "pointsman"),
    ] {
        let error = RequestHead::parse(body.as_bytes()).unwrap_err();
        assert!(matches!(error, HeadError::WrongKind { .. }), "{body}");
        assert_eq!(error.param(), Some(field));
        assert!(error.place().is_some());
    }
    // What is not JSON is told so first.
    assert!(matches!(RequestHead::parse(br#"{"model":nul}"#), Err(HeadError::Json(_))));
}

#[test]
fn null_flags_are_as_good_as_none() {
    let head = parse(r#"{"stream":null,"stream_options":null}"#);
    assert!(!head.stream && head.include_usage.is_none());
}

#[test]
fn nothing_to_change_copies_nothing() {
    let body = Bytes::from_static(br#"{"model":"a","stream_options":{"include_usage":true}}"#);
    let head = RequestHead::parse(&body).unwrap();
    let edits = Edits { model: Some("a"), cut_pointsman: true, include_usage: true };
    assert_eq!(splice(&body, &head, &edits).as_ptr(), body.as_ptr());
}

#[test]
fn the_pointsman_member_is_cut_with_one_comma_wherever_it_stands() {
    let cut = |body: &str| spliced(body, &Edits { cut_pointsman: true, ..Edits::default() });
    assert_eq!(cut(r#"{ "pointsman" : {"a":[1,2]} , "x" : 1 }"#), r#"{  "x" : 1 }"#);
    assert_eq!(cut(r#"{"x":1 , "pointsman":{} ,"y":2}"#), r#"{"x":1 , "y":2}"#);
    assert_eq!(cut(r#"{"x":1, "pointsman":{}}"#), r#"{"x":1}"#);
    assert_eq!(cut(r#"{"pointsman":{}}"#), "{}");
}

#[test]
fn usage_is_asked_for_in_every_state_of_the_options() {
    let ask = |body: &str| spliced(body, &Edits { include_usage: true, cut_pointsman: true, model: None });
    assert_eq!(ask(r#"{"a":1}"#), r#"{"stream_options":{"include_usage":true},"a":1}"#);
    assert_eq!(ask("{}"), r#"{"stream_options":{"include_usage":true}}"#);
    assert_eq!(ask(r#"{"pointsman":{}}"#), r#"{"stream_options":{"include_usage":true}}"#);
    assert_eq!(ask(r#"{"stream_options":null}"#), r#"{"stream_options":{"include_usage":true}}"#);
    assert_eq!(ask(r#"{"stream_options":{ }}"#), r#"{"stream_options":{"include_usage":true }}"#);
    assert_eq!(ask(r#"{"stream_options":{"x":1}}"#), r#"{"stream_options":{"include_usage":true,"x":1}}"#);
    assert_eq!(
        ask(r#"{"stream_options":{"include_usage":false}}"#),
        r#"{"stream_options":{"include_usage":true}}"#
    );
    assert_eq!(
        ask(r#"{"stream_options":{"include_usage":null}}"#),
        r#"{"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn a_missing_model_is_added() {
    let edits = Edits { model: Some("m"), include_usage: true, cut_pointsman: true };
    assert_eq!(
        spliced(r#"{"a":1,"pointsman":{}}"#, &edits),
        r#"{"model":"m","stream_options":{"include_usage":true},"a":1}"#
    );
}

#[test]
fn all_else_keeps_its_spelling() {
    let body = "{ \"model\" :\t\"auto\",\r\n \"temperature\": 0.70, \"seed\": 12345678901234567890123, \"é\": \"\\u00e9\",\"pointsman\":{}}";
    let expected = "{ \"model\" :\t\"m\",\r\n \"temperature\": 0.70, \"seed\": 12345678901234567890123, \"é\": \"\\u00e9\"}";
    assert_eq!(
        spliced(body, &Edits { model: Some("m"), cut_pointsman: true, include_usage: false }),
        expected
    );
}
