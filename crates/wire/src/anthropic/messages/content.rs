//! The parts of a message: texts, images, documents.

use std::borrow::Cow;

use crate::json::{Kind, Object, View, write_string};
use crate::lossy::Lossy;

/// Writes the parts of `content` as blocks, each followed by a comma, and returns how many there are. Empty texts are
/// left out, because Anthropic refuses them and they say nothing. `path` names the message.
pub(super) fn write_content(content: View<'_>, path: &str, out: &mut Vec<u8>, lossy: &mut Lossy) -> usize {
    if let Some(text) = content.str_raw() {
        return usize::from(write_text(text, None, out));
    }
    let mut written = 0;
    for (index, part) in content.elements().enumerate() {
        let place = || format!("{path}.content[{index}]");
        let kind = part.get("type").and_then(|kind| kind.str());
        let cache = part.get("cache_control").filter(|cache| cache.kind() == Kind::Object);
        let text = |name| part.get(name).and_then(|text: View<'_>| text.str_raw());
        let done = match kind.as_deref() {
            Some("text" | "input_text") | None => text("text").map(|text| write_text(text, cache, out)),
            Some("refusal") => text("refusal").map(|text| write_text(text, cache, out)),
            Some("image_url") => write_image(part, cache, &place, out, lossy),
            Some("file") => write_file(part, cache, out),
            _ => None,
        };
        match done {
            Some(wrote) => written += usize::from(wrote),
            None => lossy.drop_field(place()),
        }
    }
    written
}

/// A text block from a still escaped text; `false` if it is empty.
pub(super) fn write_text(escaped: &[u8], cache: Option<View<'_>>, out: &mut Vec<u8>) -> bool {
    if escaped.is_empty() {
        return false;
    }
    let mut block = Object::new(out);
    let text = block.string("type", "text").key("text");
    text.push(b'"');
    text.extend_from_slice(escaped);
    text.push(b'"');
    end_block(block, cache);
    out.push(b',');
    true
}

fn write_image(
    part: View<'_>,
    cache: Option<View<'_>>,
    place: &dyn Fn() -> String,
    out: &mut Vec<u8>,
    lossy: &mut Lossy,
) -> Option<bool> {
    let image = part.get("image_url")?;
    // Some clients send the URL without the object around it.
    let url = image.get("url").or(Some(image))?.str()?;
    let mut source = Vec::new();
    match data_url(&url) {
        Some((media_type, data)) => write_base64(media_type, data, &mut source),
        None if url.starts_with("http://") || url.starts_with("https://") => {
            Object::new(&mut source).string("type", "url").string("url", &url).end();
        }
        None => return None,
    }
    if image.get("detail").is_some_and(|detail| !detail.is_null() && !detail.is_str("auto")) {
        lossy.drop_field(format!("{}.image_url.detail", place()));
    }
    let mut block = Object::new(out);
    block.string("type", "image").raw("source", &source);
    end_block(block, cache);
    out.push(b',');
    Some(true)
}

/// A file sent inline. Files by id are the provider's own and cannot follow.
fn write_file(part: View<'_>, cache: Option<View<'_>>, out: &mut Vec<u8>) -> Option<bool> {
    let file = part.get("file")?;
    let inline = file.get("file_data")?.str()?;
    let (media_type, data) = data_url(&inline).filter(|(media_type, _)| *media_type == "application/pdf")?;
    let mut source = Vec::new();
    write_base64(media_type, data, &mut source);
    let mut block = Object::new(out);
    block.string("type", "document").raw("source", &source);
    if let Some(name) = file.get("filename").filter(|name| name.kind() == Kind::String) {
        block.raw("title", name.raw());
    }
    end_block(block, cache);
    out.push(b',');
    Some(true)
}

fn end_block(mut block: Object<'_>, cache: Option<View<'_>>) {
    if let Some(cache) = cache {
        block.raw("cache_control", cache.raw());
    }
    block.end();
}

fn write_base64(media_type: &str, data: &str, source: &mut Vec<u8>) {
    // An image can be megabytes: written by hand so that only the data is copied.
    source.extend_from_slice(b"{\"type\":\"base64\",\"media_type\":");
    write_string(media_type, source);
    source.extend_from_slice(b",\"data\":");
    write_string(data, source);
    source.push(b'}');
}

/// Media type and data of a base64 `data:` URL (RFC 2397).
fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let (media_type, parameters) = head.split_once(';')?;
    let base64 = parameters.split(';').any(|parameter| parameter.eq_ignore_ascii_case("base64"));
    base64.then_some((media_type, data))
}

/// The text of a content in one piece.
pub(super) fn plain_text(content: View<'_>) -> Cow<'_, str> {
    if let Some(text) = content.str() {
        return text;
    }
    content.elements().filter_map(|part| part.get("text")?.str()).collect::<Vec<_>>().join("\n").into()
}
