//! Writing events.

/// Appends one event. `data` may have several lines, however they end; an empty one is an event with empty data. A
/// line break in `name` would end the field, so the name stops there.
pub fn write_event(name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend(name.bytes().take_while(|byte| !matches!(byte, b'\n' | b'\r')));
        out.push(b'\n');
    }
    let mut rest = data;
    loop {
        out.extend_from_slice(b"data: ");
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        out.extend_from_slice(line);
        out.push(b'\n');
        let after = rest.get(line.len()..).unwrap_or_default();
        rest = match after.strip_prefix(b"\r\n").or_else(|| after.get(1..)) {
            Some(next) => next,
            None => break,
        };
    }
    out.push(b'\n');
}

/// Appends a comment, which clients ignore: a sign of life.
pub fn write_comment(text: &str, out: &mut Vec<u8>) {
    for line in text.split(['\n', '\r']) {
        out.extend_from_slice(b": ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
}
