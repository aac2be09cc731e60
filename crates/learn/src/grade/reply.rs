//! Where in a reply the answer stands: models explain, count up to it, and wrap it.

/// What is put before the answer by those who were asked to mark it.
const MARK: &str = "answer:";

/// What a reply marks as its answer: what follows the last `Answer:` on its line (or the next line that says
/// something), else what stands in the last `\boxed{}`.
pub(super) fn marked(reply: &str) -> Option<&str> {
    let lower = reply.to_ascii_lowercase();
    if let Some(at) = lower.rfind(MARK) {
        let after = reply.get(at + MARK.len()..)?;
        let line = after.lines().map(bare).find(|line| !line.is_empty());
        return Some(line.unwrap_or_default());
    }
    let at = reply.rfind("\\boxed{")?;
    let inner = reply.get(at + "\\boxed{".len()..)?;
    let mut open = 1_usize;
    for (index, letter) in inner.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return inner.get(..index).map(str::trim);
        }
    }
    None
}

/// A line without what wraps it: spaces, emphasis, quotes, code marks, a full stop behind.
pub(super) fn bare(text: &str) -> &str {
    const WRAPPING: [char; 9] = ['*', '_', '`', '"', '\'', '“', '”', '‘', '’'];
    let mut text = text.trim();
    loop {
        let next = text.trim_matches(|letter: char| letter.is_whitespace() || WRAPPING.contains(&letter));
        let next = next.strip_suffix('.').unwrap_or(next);
        if next.len() == text.len() {
            return text;
        }
        text = next;
    }
}

/// The content of the last fenced block, else all of it.
pub(super) fn unfenced(reply: &str) -> &str {
    let mut parts = reply.split("```");
    let Some(before) = parts.next() else { return reply };
    let mut last = None;
    // Parts alternate between outside and inside; one that is never closed counts too.
    while let Some(inside) = parts.next() {
        last = Some(inside);
        if parts.next().is_none() {
            break;
        }
    }
    match last {
        None => before,
        // The first line names the language.
        Some(block) => block.split_once('\n').map_or(block, |(first, rest)| {
            if first.trim().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
                rest
            } else {
                block
            }
        }),
    }
}
