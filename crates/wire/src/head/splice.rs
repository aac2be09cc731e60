//! Replacing a few values of a body while every other byte stays as it was sent.

use bytes::Bytes;

use super::RequestHead;
use crate::json::{Span, write_string};

/// What to change in a body. The default changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edits<'a> {
    /// The `model` to send. Added if the body has none.
    pub model: Option<&'a str>,
    /// Cut the `pointsman` member out.
    pub cut_pointsman: bool,
    /// Make `stream_options.include_usage` true.
    pub include_usage: bool,
}

/// Applies `edits` to the body that `head` was parsed from. When nothing changes the same bytes come back, not a copy.
pub fn splice(body: &Bytes, head: &RequestHead, edits: &Edits<'_>) -> Bytes {
    let mut patches: Vec<(Span, Vec<u8>)> = Vec::new();
    let cut = if edits.cut_pointsman { head.pointsman.map(|member| member.cut) } else { None };
    let left = head.members - usize::from(cut.is_some());
    let mut front = Vec::new();

    if let Some(wanted) = edits.model {
        match head.model {
            Some(own) if own.is(body, wanted) => {}
            Some(own) => patches.push((own.quoted(), quoted(wanted))),
            None => front_member(&mut front, "model", &quoted(wanted)),
        }
    }
    if edits.include_usage && head.include_usage != Some(true) {
        const OPTIONS: &[u8] = b"{\"include_usage\":true}";
        match (head.stream_options, head.stream_options_open, head.include_usage_at) {
            (None, ..) => front_member(&mut front, "stream_options", OPTIONS),
            (Some(_), _, Some(flag)) => patches.push((flag, b"true".to_vec())),
            (Some(_), Some((open, any)), None) => {
                let comma: &[u8] = if any { b"," } else { b"" };
                patches.push((Span { start: open, end: open }, [b"\"include_usage\":true", comma].concat()));
            }
            (Some(null), None, None) => patches.push((null, OPTIONS.to_vec())),
        }
    }
    if !front.is_empty() {
        if left > 0 {
            front.push(b',');
        }
        patches.push((Span { start: head.open, end: head.open }, front));
    }
    if let Some(cut) = cut {
        patches.push((cut, Vec::new()));
    }
    patch(body, &mut patches)
}

/// Replaces spans, which must not overlap, in any order.
pub(crate) fn patch(body: &Bytes, patches: &mut [(Span, Vec<u8>)]) -> Bytes {
    if patches.is_empty() {
        return body.clone();
    }
    patches.sort_by_key(|(span, _)| (span.start, span.end));
    let added: usize = patches.iter().map(|(_, text)| text.len()).sum();
    let mut out = Vec::with_capacity(body.len() + added);
    let mut kept = 0;
    for (span, text) in patches.iter() {
        out.extend_from_slice(body.get(kept..span.start).unwrap_or_default());
        out.extend_from_slice(text);
        kept = span.end;
    }
    out.extend_from_slice(body.get(kept..).unwrap_or_default());
    Bytes::from(out)
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    out
}

fn front_member(front: &mut Vec<u8>, name: &str, value: &[u8]) {
    if !front.is_empty() {
        front.push(b',');
    }
    write_string(name, front);
    front.push(b':');
    front.extend_from_slice(value);
}
