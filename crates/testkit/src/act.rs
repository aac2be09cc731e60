//! What an upstream does with a call.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// What is done with one call after the other. The last act is repeated.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) acts: Vec<Act>,
    pub(crate) models: Vec<String>,
}

/// What is done with one call. By default: an answer in the dialect that the path asks for, streamed where the body
/// says so, with usage.
#[derive(Clone, Debug)]
pub struct Act {
    pub(crate) kind: Kind,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) head_after: Duration,
    pub(crate) pace: Duration,
    pub(crate) then: Then,
}

/// What becomes of the connection behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Rest,
    Close,
    Hang,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A good answer of these words.
    Words { words: Vec<String>, cut_after: Option<usize>, finish: bool, usage: bool },
    /// This status and body.
    Body { status: u16, content_type: String, body: Bytes },
    /// These pieces, each one HTTP chunk; without the closing chunk if not `whole`.
    Chunks { content_type: String, chunks: Vec<Bytes>, whole: bool },
    /// Nothing comes.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// These bytes in place of an HTTP response.
    Garbage(Bytes),
}

impl Script {
    /// One act after the other; the last one is repeated.
    #[must_use]
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: acts.into_iter().collect(), models: vec!["model-a".into(), "model-b".into()] }
    }

    /// What `/v1/models` lists.
    #[must_use]
    pub fn models(mut self, models: &[&str]) -> Self {
        self.models = models.iter().map(|model| (*model).to_owned()).collect();
        self
    }
}

impl From<Act> for Script {
    fn from(act: Act) -> Self {
        Self::new([act])
    }
}

impl Act {
    /// A good answer. A stream sends one event a word.
    #[must_use]
    pub fn say(text: &str) -> Self {
        let words = text.split_inclusive(' ').map(ToOwned::to_owned).collect();
        Self::of(Kind::Words { words, cut_after: None, finish: true, usage: true })
    }

    /// A good answer of so many words.
    #[must_use]
    pub fn words(count: usize) -> Self {
        Self::say(&vec!["word"; count].join(" "))
    }

    /// An answer that breaks off: a stream after so many words, a whole answer in the middle of its body.
    #[must_use]
    pub fn cut_after(words: usize) -> Self {
        let text = (0..words + 5).map(|word| format!("w{word} ")).collect();
        Self::of(Kind::Words { words: text, cut_after: Some(words), finish: true, usage: true })
    }

    /// An answer whose stream ends cleanly, but without `finish_reason` and `[DONE]`.
    #[must_use]
    pub fn no_finish(text: &str) -> Self {
        let words = text.split_inclusive(' ').map(ToOwned::to_owned).collect();
        Self::of(Kind::Words { words, cut_after: None, finish: false, usage: true })
    }

    /// The same without usage.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        if let Kind::Words { usage, .. } = &mut self.kind {
            *usage = false;
        }
        self
    }

    /// An error status with an envelope in OpenAI's form.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::error(status, &format!("upstream says {status}"), "upstream_code")
    }

    /// An error status with this message and code.
    #[must_use]
    pub fn error(status: u16, message: &str, code: &str) -> Self {
        let body =
            json!({"error": {"message": message, "type": "error_type", "param": "messages", "code": code}});
        Self::body(status, "application/json", body.to_string())
    }

    /// This status, content type and body.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::of(Kind::Body { status, content_type: content_type.to_owned(), body: body.into() })
    }

    /// A page with status 200.
    #[must_use]
    pub fn html() -> Self {
        Self::body(200, "text/html", "<!doctype html><html><body>Welcome to the proxy</body></html>")
    }

    /// Half a JSON object with status 200.
    #[must_use]
    pub fn broken_json() -> Self {
        Self::body(200, "application/json", r#"{"id":"x","choices":[{"index":0,"mess"#)
    }

    /// A stream of exactly these pieces, each one HTTP chunk.
    #[must_use]
    pub fn chunks<C: Into<Bytes>>(chunks: impl IntoIterator<Item = C>) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self::of(Kind::Chunks { content_type: "text/event-stream".into(), chunks, whole: true })
    }

    /// The same, broken off behind the last piece.
    #[must_use]
    pub fn chunks_cut<C: Into<Bytes>>(chunks: impl IntoIterator<Item = C>) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self::of(Kind::Chunks { content_type: "text/event-stream".into(), chunks, whole: false })
    }

    /// Nothing comes, and the connection stays open.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    /// The connection is closed when the request has been read.
    #[must_use]
    pub fn close() -> Self {
        Self::of(Kind::Close)
    }

    /// Something that is not HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        Self::of(Kind::Garbage(Bytes::from_static(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")))
    }

    /// The same with a header on the response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a wait before the head.
    #[must_use]
    pub fn head_after(mut self, wait: Duration) -> Self {
        self.head_after = wait;
        self
    }

    /// The same with a pause before each event but the first.
    #[must_use]
    pub fn pace(mut self, pause: Duration) -> Self {
        self.pace = pause;
        self
    }

    /// The same; a little later the connection is closed, without a word of that in the answer.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.then = Then::Close;
        self
    }

    /// The same; a streamed body is never closed behind its last event.
    #[must_use]
    pub fn then_hang(mut self) -> Self {
        self.then = Then::Hang;
        self
    }

    fn of(kind: Kind) -> Self {
        Self { kind, headers: Vec::new(), head_after: Duration::ZERO, pace: Duration::ZERO, then: Then::Rest }
    }
}

/// The pieces of a streamed answer, one event each, and whether the stream is closed properly.
pub(crate) fn events(kind: &Kind, anthropic: bool, request: &Value) -> (Vec<Bytes>, bool) {
    let Kind::Words { words, cut_after, finish, usage } = kind else { panic!("no words: {kind:?}") };
    let model = request["model"].as_str().unwrap_or("none");
    let told = cut_after.unwrap_or(words.len());
    let output = words.len();
    let mut events: Vec<String> = Vec::new();
    if anthropic {
        let event = |kind: &str, data: Value| format!("event: {kind}\ndata: {data}\n\n");
        events.push(event(
            "message_start",
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
                "model": model, "content": [], "usage": {"input_tokens": 11, "output_tokens": 1}}}),
        ));
        let block = json!({"type": "text", "text": ""});
        events.push(event(
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
        ));
        events.extend(words.iter().take(told).map(|word| {
            let delta = json!({"type": "text_delta", "text": word});
            event("content_block_delta", json!({"type": "content_block_delta", "index": 0, "delta": delta}))
        }));
        if cut_after.is_none() && *finish {
            events.push(event("content_block_stop", json!({"type": "content_block_stop", "index": 0})));
            events.push(event(
                "message_delta",
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                    "usage": {"output_tokens": output}}),
            ));
            events.push(event("message_stop", json!({"type": "message_stop"})));
        }
    } else {
        let chunk = |delta: Value, finish: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
            json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model,
                "choices": [choice]})
        };
        events.extend(words.iter().take(told).enumerate().map(|(index, word)| {
            let delta = match index {
                0 => json!({"role": "assistant", "content": word}),
                _ => json!({"content": word}),
            };
            format!("data: {}\n\n", chunk(delta, Value::Null))
        }));
        if cut_after.is_none() && *finish {
            events.push(format!("data: {}\n\n", chunk(json!({}), json!("stop"))));
            if *usage && request["stream_options"]["include_usage"] == true {
                let usage = openai_usage(output);
                let last = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1,
                    "model": model, "choices": [], "usage": usage});
                events.push(format!("data: {last}\n\n"));
            }
            events.push("data: [DONE]\n\n".into());
        }
    }
    (events.into_iter().map(Bytes::from).collect(), cut_after.is_none())
}

/// A whole answer.
pub(crate) fn whole(kind: &Kind, anthropic: bool, request: &Value) -> (Bytes, bool) {
    let Kind::Words { words, cut_after, usage, .. } = kind else { panic!("no words: {kind:?}") };
    let model = request["model"].as_str().unwrap_or("none");
    let (text, output) = (words.concat(), words.len());
    let mut answer = if anthropic {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model,
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 11, "output_tokens": output}})
    } else if request["messages"].is_null() {
        json!({"object": "list", "model": model, "usage": {"prompt_tokens": 11, "total_tokens": 11},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}]})
    } else {
        json!({"id": "c1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": openai_usage(output)})
    };
    if !usage {
        answer.as_object_mut().unwrap().remove("usage");
    }
    (answer.to_string().into(), cut_after.is_none())
}

fn openai_usage(output: usize) -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": output, "total_tokens": 11 + output})
}
