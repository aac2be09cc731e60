//! Embeddings pass through; only the size of what is asked matters here.
//!
//! The request's head is a `RequestHead`, the answer's scan an `openai::chat::AnswerScan`: `model` and `usage` stand
//! where they stand in a chat answer.

use crate::head::RequestHead;
use crate::json::{Kind, View};

/// The size of an embeddings request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputSize {
    /// How many texts (or token lists) are to be embedded.
    pub inputs: usize,
    /// Bytes of all texts, as sent.
    pub text_bytes: usize,
    /// Tokens, where the client sent token numbers instead of text.
    pub tokens: usize,
}

/// Measures `input`: a string, an array of strings, an array of token numbers, or an array of such arrays.
pub fn input_size(head: &RequestHead, body: &[u8]) -> InputSize {
    let mut size = InputSize::default();
    let Some(input) = head.input.map(|span| View::trusted(span.of(body))) else { return size };
    if let Some(text) = input.str_raw() {
        return InputSize { inputs: 1, text_bytes: text.len(), tokens: 0 };
    }
    let mut loose_tokens = 0;
    for item in input.elements() {
        match item.kind() {
            Kind::String => {
                size.inputs += 1;
                size.text_bytes += item.str_raw().map_or(0, <[u8]>::len);
            }
            Kind::Array => {
                size.inputs += 1;
                size.tokens += item.elements().count();
            }
            _ => loose_tokens += 1,
        }
    }
    size.inputs += usize::from(loose_tokens > 0);
    size.tokens += loose_tokens;
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(body: &str) -> InputSize {
        input_size(&RequestHead::parse(body.as_bytes()).unwrap(), body.as_bytes())
    }

    #[test]
    fn every_form_of_input_is_measured() {
        assert_eq!(size(r#"{"input":"abc"}"#), InputSize { inputs: 1, text_bytes: 3, tokens: 0 });
        assert_eq!(size(r#"{"input":["abc","de"]}"#), InputSize { inputs: 2, text_bytes: 5, tokens: 0 });
        assert_eq!(size(r#"{"input":[1,2,3]}"#), InputSize { inputs: 1, text_bytes: 0, tokens: 3 });
        assert_eq!(size(r#"{"input":[[1,2],[3]]}"#), InputSize { inputs: 2, text_bytes: 0, tokens: 3 });
        assert_eq!(size(r#"{"model":"m"}"#), InputSize::default());
    }
}
