//! Conversations a line, or single utterances.

use std::collections::BTreeSet;
use std::path::Path;

use pointsman_kernel::agents::Registry;
use serde::Deserialize;

use super::{AgentFileError, lines};
use crate::agents::dialogues::{Dialogue, Said};
use crate::table::Split;

/// What labels are called in this registry: a rewording of the registry puts a digit at the end of every name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewording(pub char);

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    dialogue_id: Option<String>,
    #[serde(default, alias = "involved")]
    services: Vec<String>,
    #[serde(default)]
    turns: Vec<TurnLine>,
    #[serde(default, alias = "query")]
    text: Option<String>,
    #[serde(default, alias = "tool")]
    intent: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    split: Option<String>,
}

#[derive(Deserialize)]
struct TurnLine {
    #[serde(default)]
    speaker: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    labels: Option<Vec<Vec<String>>>,
    #[serde(default)]
    agents: Option<Vec<String>>,
}

/// The dialogues of a file, or of a folder's `dialogues.jsonl` or `utterances.jsonl`, that belong to a part.
///
/// An utterance (`text`, `intent`, `domain`) is a dialogue of one turn, about its domain or its intent, whichever is
/// registered, and about nobody where neither is.
///
/// # Errors
/// [`AgentFileError`]; a dialogue's label that names nobody of the registry among them, unless `lenient`.
pub fn read_dialogues(
    path: &Path,
    split: Split,
    registry: &Registry,
    rewording: Option<Rewording>,
    lenient: bool,
) -> Result<Vec<Dialogue>, AgentFileError> {
    let rows = lines::<Line>(path, &["dialogues.jsonl", "utterances.jsonl", "queries.jsonl"])?;
    let undivided = rows.iter().all(|(_, row)| row.split.is_none());
    let wanted = |row: &Line| match split {
        Split::All => true,
        Split::Train if undivided => true,
        part => row.split.as_deref() == Some(&part.to_string()),
    };
    let named = |name: &str| match rewording {
        Some(Rewording(digit)) => format!("{name}{digit}"),
        None => name.to_owned(),
    };
    let registered = |name: &str| registry.place(&named(name).as_str().into()).is_some();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::new();
    for (line, row) in rows.into_iter().filter(|(_, row)| wanted(row)) {
        let id = row.dialogue_id.clone().unwrap_or_else(|| format!("line {line}"));
        if let Some(text) = row.text {
            let skill = row.intent.clone().unwrap_or_default();
            let about = [row.domain, row.intent].into_iter().flatten().find(|name| registered(name));
            let labels = about.map(|name| (named(&name), skill)).into_iter().collect();
            out.push(Dialogue {
                id,
                agents: Vec::new(),
                turns: vec![Said { user: text, system: String::new(), labels }],
            });
            continue;
        }
        let mut dialogue =
            Dialogue { id, agents: row.services.iter().map(|name| named(name)).collect(), turns: Vec::new() };
        let mut before = String::new();
        for turn in row.turns {
            let Some(user) = turn.user.or_else(|| {
                let is_user = turn
                    .speaker
                    .as_deref()
                    .is_some_and(|who| who.eq_ignore_ascii_case("u") || who.eq_ignore_ascii_case("user"));
                is_user.then(|| turn.text.clone().unwrap_or_default())
            }) else {
                before = turn.text.unwrap_or_default();
                continue;
            };
            let labels = turn.labels.unwrap_or_default().into_iter().map(|label| {
                let mut words = label.into_iter();
                (words.next().unwrap_or_default(), words.next().unwrap_or_default())
            });
            let agents = turn.agents.unwrap_or_default().into_iter().map(|agent| (agent, String::new()));
            let (known, other): (Vec<_>, Vec<_>) =
                labels.chain(agents).partition(|(agent, _)| registered(agent));
            unknown.extend(other.into_iter().map(|(agent, _)| agent));
            let labels = known.into_iter().map(|(agent, skill)| (named(&agent), skill)).collect();
            dialogue.turns.push(Said { user, system: std::mem::take(&mut before), labels });
        }
        if dialogue.turns.is_empty() {
            let what = "no user turn; write `turns` of `speaker` U or S with `text`, or `user`".to_owned();
            return Err(AgentFileError::At { file: path.to_owned(), line, what });
        }
        out.push(dialogue);
    }
    if !unknown.is_empty() && !lenient {
        let names = unknown.into_iter().take(5).collect::<Vec<_>>().join(", ");
        return Err(AgentFileError::Unknown { file: path.to_owned(), names });
    }
    Ok(out)
}
