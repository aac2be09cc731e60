//! The characters inside JSON strings: decoding, measuring, writing.

use std::borrow::Cow;

use super::cursor::plain_run;

/// Decodes the inside of a JSON string that a cursor has accepted. Borrowed when nothing is escaped. Half of a
/// surrogate pair, which JSON's grammar allows, becomes U+FFFD, as do bytes that are not UTF-8.
pub fn decode(raw: &[u8]) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw) else {
        return String::from_utf8_lossy(raw);
    };
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut escape = Some(first);
    while let Some(at) = escape {
        text.push_str(&String::from_utf8_lossy(rest.get(..at).unwrap_or_default()));
        let (character, length) = unescape(rest.get(at..).unwrap_or_default());
        text.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
        escape = memchr::memchr(b'\\', rest);
    }
    text.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(text)
}

/// The length in bytes that [`decode`] would give, without decoding.
pub fn decoded_len(raw: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (character, taken) = unescape(rest.get(at..).unwrap_or_default());
        length += at + character.len_utf8();
        rest = rest.get(at + taken..).unwrap_or_default();
    }
    length + rest.len()
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_run(rest);
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        let Some(&special) = rest.get(plain) else { break };
        match special {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control @ 0..0x20 => {
                let hex = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[hex(control >> 4), hex(control & 15)]);
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    out.push(b'"');
}

/// The character that the escape at the front stands for, and the bytes it takes.
fn unescape(raw: &[u8]) -> (char, usize) {
    match raw.get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => unescape_unicode(raw),
        Some(&plain) if plain.is_ascii() => (char::from(plain), 2),
        _ => (char::REPLACEMENT_CHARACTER, 2.min(raw.len().max(1))),
    }
}

fn unescape_unicode(raw: &[u8]) -> (char, usize) {
    let Some(unit) = code_unit(raw) else {
        return (char::REPLACEMENT_CHARACTER, 6.min(raw.len().max(1)));
    };
    if let 0xD800..0xDC00 = unit
        && let Some(low @ 0xDC00..0xE000) = raw.get(6..).and_then(code_unit)
    {
        let scalar = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}

/// The UTF-16 code unit of a `\uXXXX` at the front.
fn code_unit(raw: &[u8]) -> Option<u32> {
    let hex = raw.strip_prefix(b"\\u")?.get(..4)?;
    hex.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
}
