//! Conversions against files: each folder below `goldens/` is one case, with what goes in and what must come out.
//!
//! `UPDATE_GOLDENS=1 cargo test -p pointsman-wire --test goldens` rewrites what comes out; read the difference then.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a case may stop a test")]

use std::fmt::{Debug, Write};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pointsman_wire::a2a::{self, TaskStream, Thread, Version};
use pointsman_wire::anthropic::messages::{self, MessageStream, Options};
use pointsman_wire::json::{Kind, write_string};
use pointsman_wire::openai::chat::ChatStream;
use pointsman_wire::sse::Splitter;
use pointsman_wire::{RequestHead, View};

/// One folder, read and compared file by file.
struct Case {
    folder: PathBuf,
    options: Vec<u8>,
}

impl Case {
    fn input(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    fn option(&self, name: &str) -> Option<View<'_>> {
        View::trusted(&self.options).get(name)
    }

    fn flag(&self, name: &str) -> bool {
        self.option(name).and_then(|flag| flag.bool()).unwrap_or(false)
    }

    fn expect(&self, name: &str, actual: &[u8]) {
        let path = self.folder.join(name);
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&path, actual).unwrap();
            return;
        }
        let expected = fs::read(&path).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&expected), text(actual), "{} differs: see this file's head", path.display());
    }
}

fn cases(kind: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(kind);
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 4, "too few cases of {kind}");
    let options = |folder: &Path| fs::read(folder.join("options.json")).unwrap_or_else(|_| b"{}".to_vec());
    folders.into_iter().map(|folder| Case { options: options(&folder), folder }).collect()
}

/// Notes beside a translation: one line for each thing.
fn notes(lines: &[(&str, &dyn Debug)]) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in lines {
        writeln!(text, "{name}: {value:?}").unwrap();
    }
    text.into_bytes()
}

/// Indents JSON without touching the spelling of any value.
fn pretty(view: View<'_>, depth: usize, out: &mut Vec<u8>) {
    let line = |depth: usize, out: &mut Vec<u8>| out.extend(b"\n".iter().chain(&b" ".repeat(2 * depth)));
    let empty = view.members().next().is_none() && view.elements().next().is_none();
    match view.kind() {
        Kind::Object if !empty => {
            for (index, (key, value)) in view.members().enumerate() {
                out.push(if index == 0 { b'{' } else { b',' });
                line(depth + 1, out);
                write_string(&key, out);
                out.extend(b": ");
                pretty(value, depth + 1, out);
            }
            line(depth, out);
            out.push(b'}');
        }
        Kind::Array if !empty => {
            for (index, value) in view.elements().enumerate() {
                out.push(if index == 0 { b'[' } else { b',' });
                line(depth + 1, out);
                pretty(value, depth + 1, out);
            }
            line(depth, out);
            out.push(b']');
        }
        _ => out.extend(view.raw()),
    }
}

fn pretty_json(json: &[u8]) -> Vec<u8> {
    serde_json::from_slice::<serde_json::Value>(json).expect("what is written is JSON");
    let mut out = Vec::new();
    pretty(View::parse(json).unwrap(), 0, &mut out);
    out.push(b'\n');
    out
}

/// Splits a body into chunks of a size and passes it through a translation.
fn run(body: &[u8], size: usize, mut observe: impl FnMut(Bytes) -> Bytes) -> Vec<u8> {
    let mut splitter = Splitter::default();
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        for block in splitter.push(Bytes::copy_from_slice(chunk)) {
            out.extend(observe(block.unwrap()));
        }
    }
    if let Some(rest) = splitter.finish() {
        out.extend(observe(rest));
    }
    out
}

#[test]
fn chat_requests_become_messages_requests() {
    for case in cases("request") {
        let body = case.input("in.json");
        let head = RequestHead::parse(&body).unwrap();
        let json_schema = case.flag("json_schema");
        let options = Options { model: "claude-sonnet-4-5", default_max_tokens: 4096, json_schema };
        match messages::request(&body, &head, &options) {
            Ok(request) => {
                case.expect("out.json", &pretty_json(&request.body));
                let fields: Vec<&str> = request.lossy.fields().collect();
                case.expect("notes.txt", &notes(&[("lossy", &fields)]));
            }
            Err(error) => case.expect("notes.txt", format!("error: {error}\n").as_bytes()),
        }
    }
}

#[test]
fn messages_answers_become_chat_completions() {
    for case in cases("answer") {
        match messages::answer(&case.input("in.json"), "claude", 1_700_000_000) {
            Ok(answer) => {
                case.expect("out.json", &pretty_json(&answer.body));
                let fields: Vec<&str> = answer.lossy.fields().collect();
                let lines: [(&str, &dyn Debug); 4] = [
                    ("finish", &answer.finish),
                    ("usage", &answer.usage),
                    ("text_bytes", &answer.text_bytes),
                    ("lossy", &fields),
                ];
                case.expect("notes.txt", &notes(&lines));
            }
            Err(error) => case.expect("notes.txt", format!("error: {error}\n").as_bytes()),
        }
    }
}

#[test]
fn messages_streams_become_chat_streams() {
    for case in cases("stream") {
        let body = case.input("in.sse");
        for size in [usize::MAX, 1, 7, 64] {
            let mut stream = MessageStream::new("claude", 1_700_000_000, case.flag("include_usage"));
            let out = run(&body, size, |block| stream.observe(block));
            case.expect("out.sse", &out);
            let fields: Vec<&str> = stream.lossy().fields().collect();
            let lines: [(&str, &dyn Debug); 6] = [
                ("end", &stream.end()),
                ("finish", &stream.finish()),
                ("usage", &stream.usage()),
                ("text_bytes", &stream.text_bytes()),
                ("text_events", &stream.text_events()),
                ("lossy", &fields),
            ];
            case.expect("notes.txt", &notes(&lines));
        }
    }
}

#[test]
fn chat_streams_pass_with_nothing_changed_but_the_model() {
    for case in cases("chat") {
        let body = case.input("in.sse");
        for size in [usize::MAX, 1, 7, 64] {
            let served = case.option("served").and_then(|served| served.str());
            let mut stream = served.map_or_else(ChatStream::new, ChatStream::served_as);
            if case.flag("hide_usage") {
                stream = stream.hide_usage();
            }
            let out = run(&body, size, |block| stream.observe(block));
            case.expect("out.sse", &out);
            let lines: [(&str, &dyn Debug); 5] = [
                ("end", &stream.end()),
                ("finish", &stream.finish()),
                ("usage", &stream.usage()),
                ("text_bytes", &stream.text_bytes()),
                ("text_events", &stream.text_events()),
            ];
            case.expect("notes.txt", &notes(&lines));
        }
    }
}

fn version(case: &Case) -> Version {
    case.option("version").and_then(|version| Version::parse(&version.str()?)).unwrap_or(Version::V1)
}

#[test]
fn chat_requests_become_messages_to_agents() {
    for case in cases("a2a_request") {
        let body = case.input("in.json");
        let head = RequestHead::parse(&body).unwrap();
        let text = |name| case.option(name).and_then(|text| text.str()).map(|text| text.into_owned());
        let thread = Thread { context: text("context"), task: text("task") };
        let tenant = text("tenant");
        let options = a2a::Options {
            version: version(&case),
            stream: case.flag("stream"),
            message_id: "message-1",
            thread: &thread,
            tenant: tenant.as_deref(),
            transcript: case.flag("transcript"),
        };
        match a2a::request(&body, &head, &options) {
            Ok(request) => {
                case.expect("out.json", &pretty_json(&request.body));
                let fields: Vec<&str> = request.lossy.fields().collect();
                case.expect("notes.txt", &notes(&[("lossy", &fields)]));
            }
            Err(error) => case.expect("notes.txt", format!("error: {error}\n").as_bytes()),
        }
    }
}

#[test]
fn agents_streams_become_chat_streams_and_answers() {
    for case in cases("a2a_stream") {
        let body = case.input("in.sse");
        for size in [usize::MAX, 1, 7, 64] {
            let mut stream = TaskStream::new(version(&case), "agent", "chatcmpl-1", 1_700_000_000, false);
            let out = run(&body, size, |block| stream.observe(block));
            case.expect("out.sse", &out);
            let mut kept =
                TaskStream::new(version(&case), "agent", "chatcmpl-1", 1_700_000_000, false).keep();
            assert!(run(&body, size, |block| kept.observe(block)).is_empty());
            if let Some(whole) = kept.whole() {
                case.expect("out.json", &pretty_json(&whole));
            }
            let fields: Vec<&str> = stream.lossy().fields().collect();
            let lines: [(&str, &dyn Debug); 7] = [
                ("end", &stream.end()),
                ("finish", &stream.finish()),
                ("task", &stream.task()),
                ("task_end", &stream.task_end()),
                ("open_task", &stream.open_task()),
                ("text_bytes", &stream.text_bytes()),
                ("lossy", &fields),
            ];
            case.expect("notes.txt", &notes(&lines));
        }
    }
}

#[test]
fn agents_streams_pass_to_clients_of_either_version() {
    for case in cases("a2a_stream") {
        let body = case.input("in.sse");
        for (to, name) in [(Version::V1, "out.v1.sse"), (Version::V03, "out.v03.sse")] {
            for size in [usize::MAX, 1, 7] {
                let id = a2a::rpc::own_id("client");
                let mut passage = a2a::Passage::new((version(&case), to), id, false);
                case.expect(name, &run(&body, size, |block| passage.observe(block)));
            }
        }
    }
}

#[test]
fn cards_are_written_anew_for_who_calls_through_here() {
    for case in cases("a2a_card") {
        match a2a::card::Card::parse(&case.input("in.json")) {
            Ok(card) => {
                case.expect(
                    "out.json",
                    &pretty_json(&card.served_at("https://gw.example/a2a/weather", true)),
                );
                let lines: [(&str, &dyn Debug); 3] = [
                    ("interface", &card.interface()),
                    ("streams", &card.streams()),
                    ("signatures", &card.signatures()),
                ];
                case.expect("notes.txt", &notes(&lines));
            }
            Err(error) => case.expect("notes.txt", format!("error: {error}\n").as_bytes()),
        }
    }
}
