//! The prompts to profile on, from JSON lines, CSV, plain lines or the program's own anchors.
//!
//! Every fault names file and line and is found before anything is called.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use pointsman_learn::anchors::ANCHORS;
use pointsman_learn::grade::Grader;
use serde_json::{Map, Value, json};

/// The word that stands for the program's own prompts.
const OWN: &str = "anchors";
/// What a prompt may have beside its text.
const MEMBERS: [&str; 7] = ["prompt_id", "prompt", "answer", "grader", "dataset", "domain", "split"];

/// One prompt.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) id: String,
    /// A text or chat messages, as they were given.
    pub(crate) prompt: Value,
    pub(crate) answer: Option<Value>,
    pub(crate) grader: Arc<Grader>,
    /// What goes into the table unchanged: dataset, domain, split.
    pub(crate) notes: Map<String, Value>,
}

impl Prompt {
    /// Chat messages.
    pub(crate) fn messages(&self) -> Value {
        match &self.prompt {
            Value::String(text) => json!([{"role": "user", "content": text}]),
            messages => messages.clone(),
        }
    }

    /// What is asked, as a judge reads it.
    pub(crate) fn task(&self) -> String {
        match &self.prompt {
            Value::String(text) => text.clone(),
            messages => {
                let turn = |message: &Value| {
                    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
                    let content = message.get("content").unwrap_or(&Value::Null);
                    let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
                    format!("{role}: {text}")
                };
                messages
                    .as_array()
                    .map(|turns| turns.iter().map(turn).collect::<Vec<_>>().join("\n\n"))
                    .unwrap_or_default()
            }
        }
    }
}

/// Reads them; `grader` is for prompts that name none.
///
/// # Errors
/// The first fault, with file and line.
pub(crate) fn read(from: &str, grader: Option<&str>) -> anyhow::Result<Vec<Prompt>> {
    let common = grader.map(word).transpose()?;
    let rows = if from == OWN {
        lines(OWN, ANCHORS)?
    } else {
        let text = std::fs::read_to_string(from).with_context(|| {
            format!("{from} cannot be read as text; give a file of prompts, or `{OWN}` for the program's own")
        })?;
        match Path::new(from).extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "json" | "ndjson") => lines(from, &text)?,
            Some("csv") => table(from, &text)?,
            _ => plain(&text),
        }
    };
    if rows.is_empty() {
        bail!("{from}: holds no prompt");
    }
    let mut seen = HashSet::new();
    let mut prompts = Vec::with_capacity(rows.len());
    for (line, row) in rows {
        let prompt = prompt(row, common.as_ref()).with_context(|| format!("{from}:{line}"))?;
        if !seen.insert(prompt.id.clone()) {
            bail!(
                "{from}:{line}: prompt `{}` was there before; give each prompt an id of its own",
                prompt.id
            );
        }
        prompts.push(prompt);
    }
    Ok(prompts)
}

fn prompt(mut row: Map<String, Value>, common: Option<&Arc<Grader>>) -> anyhow::Result<Prompt> {
    let id = match row.remove("prompt_id") {
        Some(Value::String(id)) if !id.is_empty() => id,
        Some(Value::Number(id)) => id.to_string(),
        _ => bail!("`prompt_id` is missing; give each prompt an id"),
    };
    let text = row.remove("prompt").unwrap_or_default();
    check(&text)?;
    let answer = row.remove("answer").filter(|answer| !answer.is_null());
    let grader = match (row.remove("grader").filter(|grader| !grader.is_null()), common) {
        (Some(Value::String(word)), _) if word.starts_with("json-schema:") => self::word(&word)?,
        (Some(own), _) => Arc::new(Grader::from_json(&own)?),
        (None, Some(common)) => Arc::clone(common),
        (None, None) => bail!("names no `grader`; add one, or give one for all with --grader"),
    };
    grader.suits(answer.as_ref())?;
    row.retain(|name, value| MEMBERS.contains(&name.as_str()) && !value.is_null());
    if let Some(split) = row.get("split")
        && !matches!(split.as_str(), Some("train" | "dev" | "test"))
    {
        bail!("`split` is train, dev or test, not {split}");
    }
    Ok(Prompt { id, prompt: text, answer, grader, notes: row })
}

/// A text that says something, or messages with a user's turn.
fn check(prompt: &Value) -> anyhow::Result<()> {
    match prompt {
        Value::String(text) if !text.trim().is_empty() => Ok(()),
        Value::Array(turns) => {
            let role = |turn: &Value| turn.get("role").and_then(Value::as_str).map(str::to_owned);
            let roles: Option<Vec<String>> = turns.iter().map(role).collect();
            match roles {
                Some(roles) if roles.iter().any(|role| role == "user") => Ok(()),
                _ => bail!("`prompt` is a list, but not of chat messages with a user's turn"),
            }
        }
        _ => bail!("`prompt` is missing or empty; it is a text or a list of chat messages"),
    }
}

/// A grader by a word; a schema's file is read.
fn word(word: &str) -> anyhow::Result<Arc<Grader>> {
    if let Some(file) = word.strip_prefix("json-schema:") {
        let text = std::fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
        let schema: Value = serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))?;
        let grader = Grader::from_json(&json!({"json-schema": {"schema": schema}}));
        return Ok(Arc::new(grader.with_context(|| file.to_owned())?));
    }
    Ok(Arc::new(Grader::from_word(word)?))
}

type Row = (usize, Map<String, Value>);

fn lines(from: &str, text: &str) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (at, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row: Map<String, Value> = serde_json::from_str(line).map_err(|fault| {
            let what = fault.to_string();
            let what = what.split(" at line ").next().unwrap_or_default().to_owned();
            anyhow::anyhow!(
                "{from}:{}:{}: {what}; a line is an object with prompt_id and prompt",
                at + 1,
                fault.column()
            )
        })?;
        rows.push((at + 1, row));
    }
    Ok(rows)
}

fn table(from: &str, text: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().with_context(|| format!("{from}:1"))?.clone();
    if !header.iter().any(|name| name.trim() == "prompt") {
        bail!(
            "{from}:1: no column is called prompt; the first line names the columns: {}",
            MEMBERS.join(",")
        );
    }
    let mut rows = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.with_context(|| from.to_owned())?;
        let line = record.position().map_or(at + 2, |place| place.line() as usize);
        let fields = header.iter().zip(&record).filter(|(_, field)| !field.is_empty());
        let mut row: Map<String, Value> =
            fields.map(|(name, field)| (name.trim().to_owned(), Value::from(field))).collect();
        row.entry("prompt_id").or_insert_with(|| Value::from(format!("p{:04}", at + 1)));
        if let Some(Value::String(grader)) = row.get("grader")
            && grader.starts_with('{')
        {
            let grader = serde_json::from_str(grader)
                .with_context(|| format!("{from}:{line}: `grader` is not JSON"))?;
            row.insert("grader".to_owned(), grader);
        }
        rows.push((line, row));
    }
    Ok(rows)
}

fn plain(text: &str) -> Vec<Row> {
    let said = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    said.map(|(at, line)| {
        let row = [("prompt_id", format!("p{:04}", at + 1)), ("prompt", line.trim().to_owned())];
        (at + 1, row.map(|(name, value)| (name.to_owned(), Value::from(value))).into_iter().collect())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_file(name: &str, text: &str, grader: Option<&str>) -> anyhow::Result<Vec<Prompt>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        read(file.to_str().unwrap(), grader)
    }

    #[test]
    fn all_three_forms_and_the_anchors_are_read() {
        let lines = "{\"prompt_id\": \"a\", \"prompt\": \"1+1?\", \"answer\": 2, \"grader\": \"numeric\"}\n\n\
            {\"prompt_id\": \"b\", \"prompt\": [{\"role\": \"user\", \"content\": \"x\"}], \"answer\": \"y\", \"domain\": \"d\"}\n";
        let read_lines = read_file("p.jsonl", lines, Some("exact")).unwrap();
        assert_eq!((read_lines[0].grader.name(), read_lines[1].grader.name()), ("numeric", "exact"));
        assert_eq!(read_lines[1].notes["domain"], "d");
        let csv = "prompt,answer,grader\n\"1, 2\nor 3?\",2,numeric\nsay a,,\"{\"\"regex\"\": {\"\"matches\"\": \"\"^a\"\"}}\"\n";
        let rows = read_file("p.csv", csv, None).unwrap();
        assert_eq!((rows[0].id.as_str(), rows[1].grader.name()), ("p0001", "regex"));
        assert_eq!(read_file("p.txt", "one\n\ntwo\n", Some("judge")).unwrap().len(), 2);
        assert_eq!(read(OWN, None).unwrap().len(), 64);
    }

    #[test]
    fn faults_name_the_place_and_what_to_do() {
        for (name, text, grader, part) in [
            ("p.jsonl", "{\"prompt_id\": \"a\", \"prompt\": \"x\"", None, "p.jsonl:1:"),
            ("p.jsonl", "\n{\"prompt_id\": \"a\", \"prompt\": \"x\"}", None, "p.jsonl:2: names no `grader`"),
            ("p.jsonl", "{\"prompt\": \"x\"}", Some("exact"), "`prompt_id` is missing"),
            ("p.jsonl", "{\"prompt_id\": \"a\", \"prompt\": []}", Some("judge"), "user's turn"),
            (
                "p.jsonl",
                "{\"prompt_id\": \"a\", \"prompt\": \"x\"}",
                Some("exact"),
                "needs the prompt's `answer`",
            ),
            (
                "p.jsonl",
                "{\"prompt_id\": \"a\", \"prompt\": \"x\", \"grader\": \"exakt\"}",
                None,
                "no grader `exakt`",
            ),
            ("p.csv", "question\nx\n", Some("judge"), "p.csv:1: no column is called prompt"),
            ("p.csv", "prompt,prompt_id\nx,1\ny,1\n", Some("judge"), "p.csv:3: prompt `1` was there before"),
            ("p.txt", "\n", Some("judge"), "holds no prompt"),
        ] {
            let said = format!("{:#}", read_file(name, text, grader).unwrap_err());
            assert!(said.contains(part), "{said}");
        }
        assert!(format!("{:#}", read("nowhere.txt", None).unwrap_err()).contains("nowhere.txt"));
    }
}
