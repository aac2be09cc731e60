//! A streamed Messages answer as a stream of chat completion chunks.
//!
//! Each event becomes at most one chunk, at once; only the chunk with `finish_reason` waits for `message_stop`, so that
//! a stream which is cut never looks finished. `[DONE]` follows it and comes from nowhere else.

use bytes::Bytes;

use super::{Counts, finish};
use crate::anthropic::error;
use crate::json::{Object, View, decoded_len};
use crate::lossy::Lossy;
use crate::neutral::{ApiError, Finish, Usage};
use crate::openai;
use crate::openai::chat::{Chunks, StreamEnd, StreamFault};
use crate::sse;

/// The state of one stream in translation.
#[derive(Clone, Debug)]
pub struct MessageStream {
    chunks: Chunks,
    started: bool,
    /// The content blocks that are open, by their index.
    blocks: Vec<(u64, Block)>,
    calls: u64,
    counts: Counts,
    finish: Option<Finish>,
    ended: Option<Ended>,
    text_bytes: usize,
    text_events: usize,
    lossy: Lossy,
}

#[derive(Clone, Debug)]
enum Ended {
    Stopped,
    Error(ApiError),
    Fault(StreamFault),
}

#[derive(Clone, Debug)]
enum Block {
    Text,
    /// A call: its place among the calls, what `content_block_start` gave as input, and whether any text of it came.
    Call {
        place: u64,
        input: Vec<u8>,
        told: bool,
    },
    Dropped,
}

impl MessageStream {
    /// A stream for a client that calls the model `served`; `created` is the time in seconds since 1970;
    /// `include_usage` is what the client asked for.
    pub fn new(served: impl Into<String>, created: u64, include_usage: bool) -> Self {
        Self {
            chunks: Chunks::new(served, "", created, include_usage),
            started: false,
            blocks: Vec::new(),
            calls: 0,
            counts: Counts::default(),
            finish: None,
            ended: None,
            text_bytes: 0,
            text_events: 0,
            lossy: Lossy::new(),
        }
    }

    /// Takes a block of whole events and returns the chunks to send, often none. Once the stream has ended, by itself
    /// or by a fault, all further events are ignored.
    pub fn observe(&mut self, block: Bytes) -> Bytes {
        let mut out = Vec::new();
        for event in sse::events(&block) {
            let Some(data) = &event.data else { continue };
            if self.ended.is_some() {
                break;
            }
            match View::parse(data) {
                Ok(view) => self.event(view, data, &mut out),
                Err(fault) => {
                    self.ended = Some(Ended::Fault(StreamFault::of_data(fault, event.terminated)));
                }
            }
        }
        Bytes::from(out)
    }

    /// How the stream ended, once its body has. After [`StreamEnd::Error`] an error event has been sent; after
    /// [`StreamEnd::Broken`] it is for the gateway to send one.
    pub fn end(&self) -> StreamEnd {
        match &self.ended {
            Some(Ended::Stopped) => StreamEnd::Complete { done: true },
            Some(Ended::Error(error)) => StreamEnd::Error(error.clone()),
            Some(Ended::Fault(fault)) => StreamEnd::Broken(*fault),
            None => StreamEnd::Broken(StreamFault::Cut),
        }
    }

    /// The usage so far, if any was reported.
    pub fn usage(&self) -> Option<Usage> {
        self.counts.usage()
    }

    /// How the answer ended.
    pub fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// Bytes of generated text so far, thinking and tool arguments included.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Events so far that carried generated text. The first one is the first token.
    pub fn text_events(&self) -> usize {
        self.text_events
    }

    /// Whether `[DONE]` was sent.
    pub fn done(&self) -> bool {
        matches!(self.ended, Some(Ended::Stopped))
    }

    /// Whether nothing more will be sent: reading further is no use.
    pub fn stopped(&self) -> bool {
        self.ended.is_some()
    }

    /// What was lost so far.
    pub fn lossy(&self) -> &Lossy {
        &self.lossy
    }

    fn event(&mut self, view: View<'_>, data: &[u8], out: &mut Vec<u8>) {
        let kind = view.get("type").and_then(|kind| kind.str());
        match kind.as_deref() {
            Some("message_start") => self.message_start(view, out),
            Some("content_block_start") => self.block_start(view, out),
            Some("content_block_delta") => self.block_delta(view, out),
            Some("content_block_stop") => self.block_stop(view, out),
            Some("message_delta") => self.message_delta(view),
            Some("message_stop") => self.message_stop(out),
            Some("ping") => sse::write_comment("ping", out),
            Some("error") => {
                let error = error::parse(data).unwrap_or_default();
                out.extend_from_slice(&openai::error::to_event(&error));
                self.ended = Some(Ended::Error(error));
            }
            // New kinds of events may come at any time, says Anthropic.
            _ => {}
        }
    }

    fn message_start(&mut self, view: View<'_>, out: &mut Vec<u8>) {
        let Some(message) = view.get("message") else { return };
        if let Some(id) = message.get("id").and_then(|id| id.str()) {
            self.chunks.id = id.into_owned();
        }
        if let Some(usage) = message.get("usage") {
            self.counts.update(usage);
        }
        self.start(out);
    }

    /// The first chunk tells the role. Servers that leave out `message_start` get it with the first content.
    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            self.chunks.delta(out, |delta| {
                delta.string("role", "assistant").string("content", "");
            });
        }
    }

    fn block_start(&mut self, view: View<'_>, out: &mut Vec<u8>) {
        let (Some(index), Some(block)) = (index(view), view.get("content_block")) else { return };
        self.start(out);
        let kind = block.get("type").and_then(|kind| kind.str());
        let opened = match kind.as_deref() {
            Some("text") => {
                self.text("content", block.get("text"), out);
                Block::Text
            }
            Some("thinking") => {
                self.text("reasoning_content", block.get("thinking"), out);
                Block::Text
            }
            Some("tool_use") => {
                let place = self.calls;
                self.calls += 1;
                let text = |name| block.get(name).and_then(|text: View<'_>| text.str()).unwrap_or_default();
                self.text_bytes += text("name").len();
                self.text_events += 1;
                self.call(out, place, |call| {
                    call.string("id", &text("id")).string("type", "function");
                    Object::new(call.key("function"))
                        .string("name", &text("name"))
                        .string("arguments", "")
                        .end();
                });
                let input = block.get("input").map_or(b"{}".as_slice(), |input| input.raw());
                Block::Call { place, input: input.to_vec(), told: false }
            }
            _ => {
                self.lossy.drop_field(format!("content[{index}]"));
                Block::Dropped
            }
        };
        self.blocks.retain(|(open, _)| *open != index);
        self.blocks.push((index, opened));
    }

    fn block_delta(&mut self, view: View<'_>, out: &mut Vec<u8>) {
        let (Some(index), Some(delta)) = (index(view), view.get("delta")) else { return };
        self.start(out);
        let kind = delta.get("type").and_then(|kind| kind.str());
        match kind.as_deref() {
            Some("text_delta") => self.text("content", delta.get("text"), out),
            Some("thinking_delta") => self.text("reasoning_content", delta.get("thinking"), out),
            Some("input_json_delta") => {
                let partial = delta
                    .get("partial_json")
                    .filter(|text| text.str_raw().is_some_and(|raw| !raw.is_empty()));
                let open = self.blocks.iter_mut().find(|(open, _)| *open == index).map(|(_, block)| block);
                match (open, partial) {
                    (Some(Block::Call { place, told, .. }), Some(partial)) => {
                        *told = true;
                        let place = *place;
                        self.arguments(place, partial, out);
                    }
                    (Some(_), _) => {}
                    (None, _) => self.ended = Some(Ended::Fault(StreamFault::UnknownBlock(index))),
                }
            }
            Some("signature_delta") => self.lossy.drop_field(format!("content[{index}].signature")),
            Some("citations_delta") => self.lossy.drop_field(format!("content[{index}].citations")),
            _ => self.lossy.drop_field(format!("content[{index}]")),
        }
    }

    /// A call of which no text came has its arguments from the block's start: `{}`, or all of them at once.
    fn block_stop(&mut self, view: View<'_>, out: &mut Vec<u8>) {
        let Some(index) = index(view) else { return };
        let found = self.blocks.iter().position(|(open, _)| *open == index);
        let Some((_, block)) = found.map(|at| self.blocks.swap_remove(at)) else { return };
        if let Block::Call { place, input, told: false } = block {
            let mut quoted = Vec::new();
            crate::json::write_string(&String::from_utf8_lossy(&input), &mut quoted);
            self.arguments(place, View::trusted(&quoted), out);
        }
    }

    fn message_delta(&mut self, view: View<'_>) {
        if let Some(usage) = view.get("usage") {
            self.counts.update(usage);
        }
        let Some(delta) = view.get("delta") else { return };
        if let Some(reason) = delta.get("stop_reason").and_then(|reason| reason.str()) {
            let (finish, weaker) = finish(&reason);
            self.finish = Some(finish);
            if weaker {
                self.lossy.drop_field("stop_reason");
            }
        }
        if delta.get("stop_sequence").is_some_and(|sequence| !sequence.is_null()) {
            self.lossy.drop_field("stop_sequence");
        }
    }

    fn message_stop(&mut self, out: &mut Vec<u8>) {
        let Some(finish) = self.finish.clone() else {
            self.ended = Some(Ended::Fault(StreamFault::Cut));
            return;
        };
        self.ended = Some(Ended::Stopped);
        self.chunks.stop(out, &finish, self.counts.usage().as_ref());
    }

    fn text(&mut self, name: &str, text: Option<View<'_>>, out: &mut Vec<u8>) {
        let Some(text) = text.filter(|text| text.str_raw().is_some_and(|raw| !raw.is_empty())) else {
            return;
        };
        self.text_bytes += text.str_raw().map_or(0, decoded_len);
        self.text_events += 1;
        self.chunks.delta(out, |delta| {
            delta.raw(name, text.raw());
        });
    }

    fn arguments(&mut self, place: u64, text: View<'_>, out: &mut Vec<u8>) {
        self.text_bytes += text.str_raw().map_or(0, decoded_len);
        self.text_events += 1;
        self.call(out, place, |call| Object::new(call.key("function")).raw("arguments", text.raw()).end());
    }

    fn call(&self, out: &mut Vec<u8>, place: u64, write: impl FnOnce(&mut Object<'_>)) {
        self.chunks.delta(out, |delta| {
            let calls = delta.key("tool_calls");
            calls.push(b'[');
            let mut call = Object::new(calls);
            call.number("index", place);
            write(&mut call);
            call.end();
            calls.push(b']');
        });
    }
}

fn index(view: View<'_>) -> Option<u64> {
    view.get("index")?.u64()
}
