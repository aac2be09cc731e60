//! Flags in the prompt: `[flag: fastest]` at the beginning of a user turn.
//!
//! Read only where a route allows it, since whoever writes into the prompt then has a say; for the same reason weights
//! alone are read, never limits. What is read is cut out of the body, in every user turn, so that no target sees it and a
//! conversation opens alike at every turn; the flags of the last user turn count. What only looks like a flag stays.

use bytes::Bytes;
use pointsman_kernel::Flags;
use pointsman_wire::head::RequestHead;
use pointsman_wire::json::{Kind, Span, View};

/// The longest flag, in bytes.
const LONGEST: usize = 200;
const OPEN: &[u8] = b"[flag:";

/// The flags of the last user turn and the body without any; nothing where no turn has one.
pub(crate) fn take(head: &RequestHead, body: &Bytes) -> Option<(Flags, Bytes)> {
    let messages = View::trusted(head.messages?.of(body));
    let mut cuts: Vec<Span> = Vec::new();
    let mut last = Flags::default();
    for message in messages.elements().filter(|m| m.get("role").is_some_and(|role| role.is_str("user"))) {
        last = Flags::default();
        let Some(text) = message.get("content").and_then(|content| opening_text(&content)) else { continue };
        let mut rest = text;
        while let Some((flags, left)) = leading(rest) {
            last = last.and(&flags);
            rest = left;
        }
        if rest.len() < text.len() {
            // Both lie in the body, so their addresses tell the place.
            let start = (text.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
            cuts.push(Span { start, end: start + (text.len() - rest.len()) });
        }
    }
    if cuts.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let mut kept = 0;
    for cut in cuts {
        out.extend_from_slice(body.get(kept..cut.start)?);
        kept = cut.end;
    }
    out.extend_from_slice(body.get(kept..)?);
    Some((last, out.into()))
}

/// The escaped text that a turn opens with.
fn opening_text<'a>(content: &View<'a>) -> Option<&'a [u8]> {
    if content.kind() == Kind::Array {
        let is_text = |part: &View<'a>| part.get("type").is_some_and(|kind| kind.is_str("text"));
        return content.elements().find(is_text)?.get("text")?.str_raw();
    }
    content.str_raw()
}

/// A flag at the beginning of an escaped text, and what follows it.
fn leading(text: &[u8]) -> Option<(Flags, &[u8])> {
    let inner = text.trim_ascii_start();
    let named = inner.get(..OPEN.len())?.eq_ignore_ascii_case(OPEN);
    let inner = inner.get(OPEN.len()..).filter(|_| named)?;
    let end = inner.iter().take(LONGEST).position(|byte| *byte == b']')?;
    let words = std::str::from_utf8(inner.get(..end)?).ok()?;
    let flags = Flags::parse(words).ok().filter(|flags| flags.weighs() && !flags.limits())?;
    Some((flags, inner.get(end + 1..)?.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(body: &'static str) -> Option<(Flags, String)> {
        let body = Bytes::from_static(body.as_bytes());
        let (flags, left) = take(&RequestHead::parse(&body).unwrap(), &body)?;
        RequestHead::parse(&left).unwrap();
        Some((flags, String::from_utf8(left.to_vec()).unwrap()))
    }

    #[test]
    fn flags_are_read_of_the_last_turn_and_cut_out_of_all() {
        let body = r#"{"messages":[{"role":"user","content":"[Flag: cheapest] one"},{"role":"assistant","content":"[flag: fastest] no"},
            {"role":"user","content":[{"type":"text","text":" [flag: fastest=2][flag:concise]\u00e9"}]}],"model":"auto"}"#;
        let (flags, left) = taken(body).unwrap();
        assert_eq!((flags.cheap, flags.fast, flags.concise), (0.0, 2.0, 1.0));
        let expected = r#"{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"[flag: fastest] no"},
            {"role":"user","content":[{"type":"text","text":"\u00e9"}]}],"model":"auto"}"#;
        assert_eq!(left, expected);
    }

    #[test]
    fn what_is_no_flag_or_a_limit_stays() {
        for text in [
            "[flag: Norway] red",
            "[flag: max_cost_usd=1] x",
            "[flag: fastest",
            "a [flag: fastest]",
            "[flag:]",
        ] {
            let body = format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"{text}"}}]}}"#);
            assert!(taken(body.leak()).is_none(), "{text}");
        }
        assert!(
            taken(r#"{"model":"auto","messages":[{"role":"user","content":null},{"role":"user"}]}"#)
                .is_none()
        );
    }
}
