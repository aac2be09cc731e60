//! RouterBench's data frame: a prompt a row, for each model its grade and the cost of its answer.
//!
//! Columns: `sample_id`, `prompt`, `eval_name`, and for each model `MODEL`, `MODEL|model_response`, `MODEL|total_cost`. It is
//! published as a pickle of pandas; a `.csv` or `.jsonl` of it is read here. A prompt is written as Python prints a list of
//! texts: the turns of it, of which the last is the question and all are read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Answer, Cell, Content, PromptRow, cost, fault, files, first_line, grade, lines};
use crate::table::{TableError, unpacked};

const COST: &str = "|total_cost";

/// One row as both writings have it.
struct Row<'a> {
    file: &'a Path,
    line: usize,
    values: Map<String, Value>,
}

/// The file in a folder that looks like it.
pub(super) fn file_in(folder: &Path) -> Option<PathBuf> {
    let mut all = files(folder, &[".csv", ".jsonl", ".json", ".pkl", ".pickle"]).into_iter();
    all.find(|file| is_pickle(file) || first_line(file).contains(COST))
}

pub(super) fn read(path: &Path) -> Result<Content, TableError> {
    let file = if path.is_dir() { file_in(path) } else { Some(path.to_owned()) };
    let Some(file) = file.filter(|file| file.is_file()) else {
        return Err(TableError::Form { path: path.to_owned() });
    };
    if is_pickle(&file) {
        return Err(TableError::Pickle { file });
    }
    let bytes = unpacked(&file)?;
    let name = file.to_string_lossy().to_lowercase();
    let rows = if name.trim_end_matches(".zst").ends_with(".csv") {
        table_rows(&file, &bytes)?
    } else {
        json_rows(&file, &bytes)?
    };
    let (mut prompts, mut answers) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for row in &rows {
        let prompt = row.prompt()?;
        if !seen.insert(prompt.id.clone()) {
            let what = format!("prompt `{}` was there before; keep one of them", prompt.id);
            return Err(row.fault("sample_id", what));
        }
        row.answers(prompts.len(), &mut answers)?;
        prompts.push(prompt);
    }
    Ok(Content { prompts, answers, bytes, scorer: None })
}

impl Row<'_> {
    fn fault(&self, column: &str, what: impl Into<String>) -> TableError {
        fault(self.file, self.line, column, what)
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(parts) => {
                let texts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                Some(texts.join("\n\n"))
            }
            _ => None,
        }
    }

    fn prompt(&self) -> Result<PromptRow, TableError> {
        let need = |key: &str| {
            let what = format!(
                "there is no {key}; a row of RouterBench has sample_id, prompt, and a grade for each model"
            );
            self.text(key).filter(|text| !text.is_empty()).ok_or_else(|| self.fault(key, what))
        };
        let (id, written) = (need("sample_id")?, need("prompt")?);
        let turns = match self.values.get("prompt") {
            Some(Value::Array(turns)) => turns.len(),
            _ => 1,
        };
        let (text, turns) = match python_list(&written) {
            Some(list) => (list.join("\n\n"), list.len()),
            None => (written, turns),
        };
        Ok(PromptRow {
            id,
            turns: turns as u32,
            text,
            dataset: self.text("eval_name"),
            ..PromptRow::default()
        })
    }

    /// The grade and cost of every model that has a column of costs.
    fn answers(&self, row: usize, answers: &mut Vec<Answer>) -> Result<(), TableError> {
        for (key, value) in &self.values {
            let Some(model) = key.strip_suffix(COST) else { continue };
            let quality = self.number(model, self.values.get(model))?;
            let cost_usd = self.number(key, Some(value))?;
            let cell = Cell {
                quality: quality.map(|value| grade(self.file, self.line, model, value)).transpose()?,
                cost_usd: cost_usd.map(|value| cost(self.file, self.line, key, value)).transpose()?,
                ..Cell::default()
            };
            answers.push((row, model.to_owned(), cell));
        }
        Ok(())
    }

    fn number(&self, column: &str, value: Option<&Value>) -> Result<Option<f64>, TableError> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(right)) => Ok(Some(f64::from(u8::from(*right)))),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) => match text.trim() {
                "" | "nan" | "NaN" => Ok(None),
                "True" | "true" => Ok(Some(1.0)),
                "False" | "false" => Ok(Some(0.0)),
                other => other.parse().map(Some).map_err(|_| {
                    self.fault(
                        column,
                        format!("`{other}` is not a number; leave it empty where it is unknown"),
                    )
                }),
            },
            Some(_) => Err(self.fault(column, "is not a number; leave it empty where it is unknown")),
        }
    }
}

fn is_pickle(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "pkl" || extension == "pickle")
}

fn table_rows<'a>(file: &'a Path, bytes: &[u8]) -> Result<Vec<Row<'a>>, TableError> {
    let mut reader = csv::Reader::from_reader(bytes);
    let told = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line) as usize;
        fault(file, line, "1", format!("{error}; check the line's quotes and commas"))
    };
    let header = reader.headers().map_err(told)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(told)?;
        let line = record.position().map_or(1, csv::Position::line) as usize;
        let values = header.iter().zip(&record).map(|(key, text)| (key.to_owned(), Value::from(text)));
        rows.push(Row { file, line, values: values.collect() });
    }
    Ok(rows)
}

fn json_rows<'a>(file: &'a Path, bytes: &[u8]) -> Result<Vec<Row<'a>>, TableError> {
    let read = |(line, text): (usize, &[u8])| match serde_json::from_slice(text) {
        Ok(Value::Object(values)) => Ok(Row { file, line, values }),
        Ok(_) => {
            Err(fault(file, line, "1", "is no object; write the frame with orient=\"records\", lines=True"))
        }
        Err(error) => Err(fault(file, line, &error.column().max(1).to_string(), error.to_string())),
    };
    lines(bytes).map(read).collect()
}

/// The texts of a list as Python prints it; nothing where it is none.
fn python_list(written: &str) -> Option<Vec<String>> {
    let mut rest = written.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (mut text, mut end) = (String::new(), None);
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                end = Some(at + 1);
                break;
            }
            if letter != '\\' {
                text.push(letter);
                continue;
            }
            match letters.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                kind @ ('x' | 'u' | 'U') => {
                    let digits = match kind {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let code: String = letters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                    text.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                other => text.push(other),
            }
        }
        texts.push(text);
        rest = rest.get(end?..)?.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    (!texts.is_empty()).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::python_list;

    #[test]
    fn lists_are_read_as_python_prints_them() {
        let list = |text: &str| python_list(text);
        assert_eq!(list(r"['one\n\'two\'', ".to_owned().as_str()), None);
        assert_eq!(list(r#"['it\'s\n\xe9', "it's"]"#), Some(vec!["it's\n\u{e9}".into(), "it's".into()]));
        assert_eq!(list("plain text"), None);
        assert_eq!(list("[1, 2]"), None);
    }
}
