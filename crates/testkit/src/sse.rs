//! Reading a stream of events the simple way, to check what a client would see.

use serde_json::Value;

/// The data of each event, in order; lines of one event are joined by newlines. Comments are left out.
#[must_use]
pub fn data(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
    text.split("\n\n")
        .filter_map(|event| {
            let lines: Vec<_> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|line| line.strip_prefix(' ').unwrap_or(line))
                .collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        })
        .collect()
}

/// The events that are JSON.
#[must_use]
pub fn json(body: &[u8]) -> Vec<Value> {
    data(body).iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// The text of a streamed chat completion: all `delta.content` of its first choice.
#[must_use]
pub fn text(body: &[u8]) -> String {
    json(body).iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

/// Whether the stream ends with `[DONE]`.
#[must_use]
pub fn is_done(body: &[u8]) -> bool {
    data(body).last().is_some_and(|last| last == "[DONE]")
}

/// The message of the error event that ends the stream.
#[must_use]
pub fn error(body: &[u8]) -> Option<String> {
    json(body).last()?["error"]["message"].as_str().map(ToOwned::to_owned)
}
