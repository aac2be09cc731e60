//! What must hold for any bytes. The fuzz targets and the property tests call the same functions.

use bytes::Bytes;
use pointsman_wire::anthropic::messages::{self, MessageStream, Options};
use pointsman_wire::json::{JsonFault, decode, decoded_len};
use pointsman_wire::messages::Conversation;
use pointsman_wire::openai::chat::{AnswerScan, ChatStream, StreamEnd};
use pointsman_wire::sse::{Splitter, SseError, events, write_event};
use pointsman_wire::{Edits, HeadError, JsonError, RequestHead, View, splice};
use serde::de::IgnoredAny;

/// An event by what it says: name, data, id, and whether a blank line ended it.
type Said = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, bool);

/// However a body is cut, it gives the same events, and the blocks joined are the body.
pub(crate) fn sse(body: &[u8], cuts: &[u8]) {
    let whole = [body.len()];
    for limit in [1 << 20, 16] {
        let (blocks, said, error) = split(body, whole, limit);
        let (cut_blocks, cut_said, cut_error) = split(body, sizes(cuts), limit);
        assert_eq!(said, cut_said);
        assert_eq!(error, cut_error);
        if error.is_none() {
            assert_eq!(blocks, body);
            assert_eq!(cut_blocks, body);
        } else {
            assert!(body.starts_with(&blocks) && body.starts_with(&cut_blocks));
        }
    }
    let mut written = Vec::new();
    write_event(Some("name"), body, &mut written);
    let read: Vec<_> = events(&written).collect();
    assert_eq!(read.len(), 1);
    let lines = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(String::from_utf8_lossy(read[0].data.as_ref().unwrap()), lines);
}

/// A body is accepted exactly where `serde_json` accepts it, apart from the stated rules; and a splice changes what it
/// says and nothing else.
pub(crate) fn head(body: &[u8]) {
    let reference = std::str::from_utf8(body).ok().map(serde_json::from_str::<IgnoredAny>);
    let valid = matches!(reference, Some(Ok(_)));
    match View::parse(body) {
        Ok(_) => assert!(valid || reference.is_none(), "accepted what serde_json refuses"),
        Err(JsonError { fault: JsonFault::TooDeep, .. }) => {}
        Err(error) => assert!(!valid, "refused what serde_json accepts: {error}"),
    }
    drop(AnswerScan::scan(body));
    let quoted = [b"\"", body, b"\""].concat();
    if let (true, Some(raw)) =
        (reference.is_some(), View::parse(&quoted).ok().and_then(|text| text.str_raw()))
    {
        assert_eq!(decoded_len(raw), decode(raw).len());
    }
    match RequestHead::parse(body) {
        Ok(head) => {
            assert!(valid);
            spliced(body, &head);
            read(body, &head);
        }
        Err(HeadError::Json(JsonError { fault: JsonFault::TooDeep, .. })) => {}
        Err(HeadError::Json(error)) => assert!(!valid, "refused what serde_json accepts: {error}"),
        Err(HeadError::Empty | HeadError::ByteOrderMark | HeadError::Utf8(_)) => assert!(!valid),
        Err(_) => {}
    }
}

/// A translated stream is well formed whatever came, ends with `[DONE]` only if it was whole, and does not depend on
/// how the body was cut.
pub(crate) fn anthropic_stream(body: &[u8], cuts: &[u8]) {
    let run = |sizes: &mut dyn Iterator<Item = usize>| {
        let mut stream = MessageStream::new("served", 1, true);
        let mut out = Vec::new();
        for block in blocks(body, sizes) {
            out.extend(stream.observe(block));
        }
        (out, stream)
    };
    let (out, stream) = run(&mut [body.len()].into_iter());
    let (cut_out, cut_stream) = run(&mut sizes(cuts));
    assert_eq!(out, cut_out);
    assert_eq!(stream.end(), cut_stream.end());
    let whole = matches!(stream.end(), StreamEnd::Complete { .. });
    let mut done = 0;
    for event in events(&out) {
        assert!(event.terminated && done == 0);
        let data = event.data.as_deref().unwrap();
        if data == b"[DONE]" {
            done += 1;
        } else {
            View::parse(data).expect("data is JSON");
        }
    }
    assert_eq!(done, usize::from(whole));
    // What is written is what the other side of this crate understands.
    let mut client = ChatStream::new();
    assert_eq!(client.observe(Bytes::copy_from_slice(&out)), out);
    match stream.end() {
        StreamEnd::Broken(_) => assert!(matches!(client.end(), StreamEnd::Broken(_))),
        StreamEnd::Error(_) => assert!(matches!(client.end(), StreamEnd::Error(_))),
        complete => {
            assert_eq!(client.end(), complete);
            assert_eq!(client.usage().is_some(), stream.usage().is_some());
        }
    }
    assert_eq!(client.text_bytes(), stream.text_bytes());
}

fn spliced(body: &[u8], head: &RequestHead) {
    let body = Bytes::copy_from_slice(body);
    let same = splice(&body, head, &Edits::default());
    assert_eq!(same.as_ptr(), body.as_ptr());
    let edits = Edits { model: Some("a \"model\"\n"), cut_pointsman: true, include_usage: true };
    let spliced = splice(&body, head, &edits);
    let again = RequestHead::parse(&spliced).expect("a spliced body parses");
    assert_eq!(again.model(&spliced).unwrap(), "a \"model\"\n");
    assert_eq!((again.pointsman, again.include_usage), (None, Some(true)));
    let others = |body: &Bytes| -> Vec<(String, Vec<u8>)> {
        let skip = |name: &str| ["model", "pointsman", "stream_options"].contains(&name);
        let start = body.iter().position(|byte| *byte == b'{').unwrap();
        let members = View::trusted(&body[start..]).members();
        members
            .filter(|(key, _)| !skip(key))
            .map(|(key, value)| (key.into_owned(), value.raw().to_vec()))
            .collect()
    };
    assert_eq!(others(&body), others(&spliced));
    let kept = Edits { cut_pointsman: false, ..edits };
    assert_eq!(splice(&spliced, &again, &kept).as_ptr(), spliced.as_ptr());
}

fn read(body: &[u8], head: &RequestHead) {
    let conversation = Conversation::read(head, body);
    assert_eq!(conversation.shape().messages, conversation.messages().len());
    drop(conversation.system_text());
    for message in conversation.messages() {
        assert!(message.text().len() <= message.text_bytes * 3 + message.parts.text);
        let excerpt = message.excerpt(5, 7);
        assert!(excerpt.len() <= 3 * (5 + 7) + message.parts.text.min(12) + 2, "{excerpt:?}");
    }
    let options = Options { model: "m", default_max_tokens: 1, json_schema: true };
    if let Ok(request) = messages::request(body, head, &options) {
        serde_json::from_slice::<IgnoredAny>(&request.body).expect("a translated request is JSON");
    }
}

fn split(
    body: &[u8],
    sizes: impl IntoIterator<Item = usize>,
    limit: usize,
) -> (Vec<u8>, Vec<Said>, Option<SseError>) {
    let mut splitter = Splitter::new(limit);
    let (mut joined, mut said, mut error) = (Vec::new(), Vec::new(), None);
    let mut note = |block: &[u8]| {
        joined.extend_from_slice(block);
        let own = |bytes: &[u8]| bytes.to_vec();
        for event in events(block) {
            let data = event.data.as_deref().map(own);
            said.push((event.name.map(own), data, event.id.map(own), event.terminated));
        }
    };
    for chunk in chunks(body, sizes) {
        for block in splitter.push(chunk) {
            match block {
                Ok(block) => note(&block),
                Err(fault) => error = Some(fault),
            }
        }
    }
    if error.is_none()
        && let Some(rest) = splitter.finish()
    {
        note(&rest);
    }
    (joined, said, error)
}

fn blocks(body: &[u8], sizes: &mut dyn Iterator<Item = usize>) -> Vec<Bytes> {
    let mut splitter = Splitter::default();
    let mut blocks: Vec<Bytes> =
        chunks(body, sizes).into_iter().flat_map(|chunk| splitter.push(chunk)).map(Result::unwrap).collect();
    blocks.extend(splitter.finish());
    blocks
}

fn chunks(body: &[u8], sizes: impl IntoIterator<Item = usize>) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    let mut rest = body;
    for size in sizes {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at(size.min(rest.len()));
        chunks.push(Bytes::copy_from_slice(chunk));
        rest = tail;
    }
    chunks.push(Bytes::copy_from_slice(rest));
    chunks
}

/// Sizes of chunks from any bytes, without end; empty chunks are among them.
fn sizes(cuts: &[u8]) -> impl Iterator<Item = usize> {
    let cycle = cuts.iter().map(|&cut| usize::from(cut % 9)).chain([1]);
    cycle.collect::<Vec<_>>().into_iter().cycle()
}

/// An agent's stream, translated or passed on, is well formed whatever came and does not depend on how it was cut; a
/// card is read or refused.
pub(crate) fn a2a(body: &[u8], cuts: &[u8]) {
    use pointsman_wire::a2a::{Method, Passage, TaskStream, Version, card::Card, rpc};
    for version in [Version::V1, Version::V03] {
        let run = |sizes: &mut dyn Iterator<Item = usize>| {
            let mut stream = TaskStream::new(version, "served", "id", 1, true);
            let mut out = Vec::new();
            for block in blocks(body, sizes) {
                out.extend(stream.observe(block));
            }
            (out, stream)
        };
        let (out, stream) = run(&mut [body.len()].into_iter());
        let (cut_out, cut_stream) = run(&mut sizes(cuts));
        assert_eq!(out, cut_out);
        assert_eq!(stream.end(), cut_stream.end());
        let done = events(&out).filter(|event| event.data.as_deref() == Some(b"[DONE]")).count();
        assert_eq!(done, usize::from(stream.done()));
        let mut client = ChatStream::new();
        assert_eq!(client.observe(Bytes::copy_from_slice(&out)), out);
        assert_eq!(client.text_bytes() > 0, stream.text_bytes() > 0);
        for to in [Version::V1, Version::V03] {
            let id = rpc::own_id("id");
            let run = |sizes: &mut dyn Iterator<Item = usize>| {
                let mut passage = Passage::new((version, to), id.clone(), false);
                let mut out = Vec::new();
                for block in blocks(body, sizes) {
                    out.extend(passage.observe(block));
                }
                (out, passage.end())
            };
            let (out, end) = run(&mut [body.len()].into_iter());
            assert_eq!((out.clone(), end), run(&mut sizes(cuts)));
            for event in events(&out) {
                View::parse(event.data.as_deref().unwrap()).expect("data is JSON");
            }
        }
        let mut whole = TaskStream::new(version, "served", "id", 1, true).keep();
        whole.observe_whole(Method::Send, body);
        if let Some(answer) = whole.whole() {
            serde_json::from_slice::<IgnoredAny>(&answer).expect("an answer is JSON");
        }
    }
    drop(rpc::Call::parse(body));
    drop(rpc::error(body));
    if let Ok(card) = Card::parse(body) {
        let served = card.served_at("http://gateway/a2a/x", true);
        let again = Card::parse(&served).expect("a card written anew is one");
        assert_eq!(again.interface().map(|interface| interface.url).as_deref(), Some("http://gateway/a2a/x"));
    }
}
