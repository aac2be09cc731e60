//! The prompts of the tour: easy and hard ones, at several preferences, one streamed, one that goes on with another.

use serde_json::json;

/// One request of the tour.
pub(super) struct Step {
    /// What is asked.
    pub(super) prompt: &'static str,
    /// The preference it asks for; the route's own where there is none.
    pub(super) prefer: Option<&'static str>,
    /// Whether a stream is asked for.
    pub(super) stream: bool,
    /// The conversation it belongs to.
    pub(super) session: Option<&'static str>,
}

const fn step(prompt: &'static str) -> Step {
    Step { prompt, prefer: None, stream: false, session: None }
}

/// In the order in which they are sent.
pub(super) const STEPS: [Step; 13] = [
    Step {
        session: Some("tour"),
        ..step("Write a short birthday message for a colleague who likes sailing.")
    },
    Step { session: Some("tour"), ..step("Now make it rhyme.") },
    step("What is the capital of Portugal?"),
    step("Translate into French: the library opens at nine."),
    step("Is 91 a prime number? Answer yes or no, then give one reason."),
    step("Sort these by size, smallest first: a hydrogen atom, a virus, a proton, a red blood cell."),
    Step { stream: true, ..step("Explain to a ten-year-old why the sky is blue, in four sentences.") },
    step(
        "Five people sit in a row. Ana is not at an end, Ben sits left of Cai, Dee is next to Ana, and Eli is at the \
         right end. In which seats can Ben be? Show the cases.",
    ),
    Step {
        prefer: Some("cost"),
        ..step("Prove that the sum of two odd integers is even, and that the converse does not hold.")
    },
    Step {
        prefer: Some("quality"),
        ..step(
            "Write a Rust function that merges overlapping half-open intervals in place, in O(n log n), and argue why \
             it terminates and never loses a point.",
        )
    },
    Step {
        prefer: Some("quality"),
        ..step(
            "A tank is filled by two pipes in 6 and 9 hours and drained by a third in 12. All three are open from the \
             start, and the drain is shut when the tank is half full. When is it full?",
        )
    },
    Step {
        prefer: Some("0.8"),
        ..step(
            "Design a schema for a ledger that survives a crash in the middle of a write: name the invariants, the \
             recovery procedure, and what a reader may see while a batch is being flushed.",
        )
    },
    step("Thanks, that is all for today."),
];

impl Step {
    /// The chat body.
    ///
    /// # Errors
    /// Never: it is made of text.
    pub(super) fn body(&self) -> anyhow::Result<Vec<u8>> {
        let mut body = json!({"model": "auto", "messages": [{"role": "user", "content": self.prompt}]});
        if let Some(members) = body.as_object_mut() {
            if self.stream {
                members.insert("stream".to_owned(), json!(true));
            }
            if let Some(prefer) = self.prefer {
                let value = prefer.parse::<f64>().map_or_else(|_| json!(prefer), |weight| json!(weight));
                members.insert("pointsman".to_owned(), json!({"prefer": value}));
            }
        }
        Ok(serde_json::to_vec(&body)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_has_a_stream_a_conversation_and_several_preferences() {
        assert!(STEPS.iter().any(|step| step.stream));
        assert!(STEPS.iter().filter(|step| step.session.is_some()).count() > 1);
        let mut preferences: Vec<_> = STEPS.iter().map(|step| step.prefer).collect();
        preferences.sort_unstable();
        preferences.dedup();
        assert!(preferences.len() >= 4);
    }

    #[test]
    fn words_stay_words_and_numbers_numbers() {
        let body = String::from_utf8(Step { prefer: Some("0.8"), ..step("x") }.body().unwrap()).unwrap();
        assert!(body.contains("\"prefer\":0.8"), "{body}");
        let body = String::from_utf8(Step { prefer: Some("cost"), ..step("x") }.body().unwrap()).unwrap();
        assert!(body.contains("\"prefer\":\"cost\""), "{body}");
    }
}
