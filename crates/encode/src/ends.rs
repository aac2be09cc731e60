//! Which tokens of a text count, where an encoder reads only so many: the first and the last.

use crate::{Text, WordPiece};

/// Appends the ids of a text's tokens, at most `per_end` from its start and as many from its end.
///
/// Where all of them fit into twice `per_end`, all are there, in order and once. The reason for two ends is given in
/// [`crate::text`].
pub(crate) fn encode(text: &Text<'_>, per_end: usize, ids: &mut Vec<u16>) {
    let words = WordPiece::embedded();
    let start = ids.len();
    let limit = if text.is_cut() { start + per_end } else { usize::MAX };
    words.encode(text.head(), limit, ids);
    let head = (ids.len() - start).min(per_end);
    words.encode(text.tail(), usize::MAX, ids);
    let surplus = (ids.len() - start).saturating_sub(head + per_end);
    ids.drain(start + head..start + head + surplus);
}
