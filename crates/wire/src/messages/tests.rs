use super::*;

fn with<T>(messages: &str, read: impl FnOnce(&Conversation<'_>) -> T) -> T {
    let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    read(&Conversation::read(&head, body.as_bytes()))
}

#[test]
fn roles_texts_and_parts_are_read() {
    let messages = r#"[{"role":"system","content":"Be\nbrief."},{"content":[{"type":"text","text":"a"},
        {"type":"image_url","image_url":{"url":"x"}},{"type":"input_audio"},{"type":"file"},{"type":"odd"},
        {"text":"b"}],"role":"user"},{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},
        {"role":"tool","tool_call_id":"c","content":"12"},{"role":"developer","content":"More."}]"#;
    with(messages, |conversation| {
        let shape = conversation.shape();
        let parts = Parts { text: 5, image: 1, audio: 1, file: 1, other: 1 };
        assert_eq!(
            (shape.messages, shape.user_turns, shape.assistant_turns, shape.tool_results),
            (5, 1, 1, 1)
        );
        assert_eq!(shape.parts, parts);
        assert_eq!(shape.text_bytes, 10 + 1 + 1 + 2 + 5);
        assert_eq!(conversation.system_text().unwrap(), "Be\nbrief.\nMore.");
        assert_eq!(conversation.first_user().unwrap().text(), "a\nb");
        let calls = conversation.messages()[2].tool_calls.unwrap();
        assert_eq!(calls.elements().count(), 1);
        assert!(conversation.messages()[3].tool_call_id.unwrap().is_str("c"));
    });
}

#[test]
fn the_turn_to_be_answered_is_told_from_one_that_continues() {
    let user = r#"{"role":"user","content":"q"}"#;
    let tool = r#"{"role":"tool","tool_call_id":"c","content":"r"}"#;
    with(&format!("[{user}]"), |conversation| assert!(!conversation.answers_tool()));
    with(&format!("[{user},{tool}]"), |conversation| assert!(conversation.answers_tool()));
    with(&format!("[{user},{tool},{user}]"), |conversation| assert!(!conversation.answers_tool()));
}

#[test]
fn the_last_user_turn_is_not_the_first() {
    with(r#"[{"role":"user","content":"one"},{"role":"user","content":"two"}]"#, |conversation| {
        assert_eq!(conversation.first_user().unwrap().text(), "one");
        assert_eq!(conversation.last_user().unwrap().text(), "two");
    });
}

#[test]
fn text_without_escapes_is_borrowed() {
    with(r#"[{"role":"user","content":"plain é"}]"#, |conversation| {
        assert!(matches!(conversation.messages()[0].text(), Cow::Borrowed("plain é")));
    });
}

#[test]
fn an_excerpt_is_bounded_and_cut_between_characters() {
    with(r#"[{"role":"user","content":"short"}]"#, |conversation| {
        assert_eq!(conversation.messages()[0].excerpt(3, 2), "short");
        assert_eq!(conversation.messages()[0].excerpt(2, 2), "sh\nrt");
    });
    let content = r"ab\u00e9\\n☃☃\n\u2603xyz";
    with(&format!(r#"[{{"role":"user","content":"{content}"}}]"#), |conversation| {
        let message = &conversation.messages()[0];
        let whole = message.text();
        for head in 0..content.len() {
            for tail in 0..content.len() - head {
                let excerpt = message.excerpt(head, tail);
                let (start, end) =
                    excerpt.split_at(excerpt.len() - excerpt.len().min(tail_len(&whole, &excerpt)));
                assert!(whole.starts_with(start.trim_end_matches('\n')), "{head} {tail} {excerpt:?}");
                assert!(whole.ends_with(end), "{head} {tail} {excerpt:?}");
                assert!(!excerpt.contains('\u{fffd}'), "{head} {tail} {excerpt:?}");
            }
        }
    });
}

/// How much of the excerpt's end is an end of the whole.
fn tail_len(whole: &str, excerpt: &str) -> usize {
    let ends = |length: &usize| excerpt.get(excerpt.len() - length..).is_some_and(|end| whole.ends_with(end));
    (0..=excerpt.len()).filter(ends).max().unwrap_or(0)
}

#[test]
fn an_excerpt_of_many_parts_takes_from_both_ends() {
    let parts: Vec<String> = (0..9).map(|part| format!(r#"{{"type":"text","text":"part{part}"}}"#)).collect();
    with(&format!(r#"[{{"role":"user","content":[{}]}}]"#, parts.join(",")), |conversation| {
        assert_eq!(conversation.messages()[0].excerpt(7, 7), "part0\npa\nt7\npart8");
    });
}

#[test]
fn odd_messages_are_read_as_far_as_they_make_sense() {
    with(
        r#"[1,{},{"role":5,"content":7},{"role":"user","content":[1,"x",{"type":"text","text":3}]}]"#,
        |conversation| {
            assert_eq!(conversation.messages().len(), 4);
            assert_eq!(conversation.messages()[3].parts, Parts { text: 1, other: 2, ..Parts::default() });
            assert_eq!(conversation.messages()[3].text(), "");
        },
    );
}
