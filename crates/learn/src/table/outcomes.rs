//! `outcomes.csv`: an answer a line.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use csv::StringRecord;

use super::{Cell, PromptRow, TableError};

const COLUMNS: [&str; 7] =
    ["prompt_id", "model", "quality", "cost_usd", "input_tokens", "output_tokens", "latency_s"];
/// Columns without which a row says nothing; the others may be left out altogether.
const NEEDED: [&str; 3] = ["prompt_id", "model", "quality"];

/// Where each of [`COLUMNS`] stands in the file.
type Places = [Option<usize>; COLUMNS.len()];

/// The models of a file in the order of their names, and a cell for each prompt and model, row by row.
pub(super) fn parse(
    file: &Path,
    bytes: &[u8],
    prompts: &[PromptRow],
) -> Result<(Vec<String>, Vec<Cell>), TableError> {
    let at = |line: u64, column: &str, what: String| TableError::At {
        file: file.to_owned(),
        line,
        column: column.to_owned(),
        what,
    };
    let row_of: HashMap<&str, usize> =
        prompts.iter().enumerate().map(|(row, p)| (p.id.as_str(), row)).collect();
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let header = reader.headers().map_err(|error| at(1, "1", words(&error)))?.clone();
    let places = COLUMNS.map(|name| header.iter().position(|column| column.trim() == name));
    for (name, place) in COLUMNS.iter().zip(places) {
        if place.is_none() && NEEDED.contains(name) {
            let what = format!("the column is missing; the first line must name {}", COLUMNS.join(","));
            return Err(at(1, name, what));
        }
    }

    let mut read: Vec<(usize, String, Cell, u64)> = Vec::new();
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                return Err(at(line, "1", words(&error)));
            }
        }
        let line = record.position().map_or(line, csv::Position::line);
        let id = field(&record, places, 0);
        let Some(row) = row_of.get(id) else {
            let what = format!("prompt `{id}` is not in the prompts file; add it there or take the row out");
            return Err(at(line, "prompt_id", what));
        };
        let model = field(&record, places, 1);
        if model.is_empty() {
            return Err(at(line, "model", "is empty; name the model that answered".to_owned()));
        }
        let cell = cell(&record, places).map_err(|(column, what)| at(line, column, what))?;
        read.push((*row, model.to_owned(), cell, line));
    }

    let models: Vec<String> = read
        .iter()
        .map(|(_, model, ..)| model.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let column_of: HashMap<&str, usize> = models.iter().enumerate().map(|(at, m)| (m.as_str(), at)).collect();
    let mut cells = vec![None; prompts.len() * models.len()];
    for (row, model, cell, line) in &read {
        let Some(column) = column_of.get(model.as_str()) else { continue };
        let Some(place) = cells.get_mut(row * models.len() + column) else { continue };
        if place.replace(*cell).is_some() {
            let id = prompts.get(*row).map_or("", |prompt| prompt.id.as_str());
            let what = format!("prompt `{id}` has two answers of `{model}`; keep one");
            return Err(at(*line, "prompt_id", what));
        }
    }
    if models.is_empty() {
        return Err(at(
            2,
            "1",
            "the file holds no answer; write one line for each prompt and model".to_owned(),
        ));
    }
    Ok((models.clone(), cells.into_iter().map(Option::unwrap_or_default).collect()))
}

fn field(record: &StringRecord, places: Places, column: usize) -> &str {
    places.get(column).copied().flatten().and_then(|at| record.get(at)).unwrap_or_default().trim()
}

fn cell(record: &StringRecord, places: Places) -> Result<Cell, (&'static str, String)> {
    let number = |at: usize| number(COLUMNS.get(at).copied().unwrap_or_default(), field(record, places, at));
    let quality = number(2)?;
    if let Some(quality) = quality
        && quality > 1.0
    {
        return Err((
            "quality",
            format!("{quality} is outside 0 to 1; divide grades by the best grade there is"),
        ));
    }
    Ok(Cell {
        quality: quality.map(|value| value as f32),
        cost_usd: number(3)?,
        input_tokens: number(4)?.map(|value| value as f32),
        output_tokens: number(5)?.map(|value| value as f32),
        latency_s: number(6)?.map(|value| value as f32),
    })
}

fn number(column: &'static str, text: &str) -> Result<Option<f64>, (&'static str, String)> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
        Ok(_) if column == "quality" => {
            Err((column, format!("`{text}` is outside 0 to 1; leave the field empty where it is unknown")))
        }
        Ok(_) => Err((
            column,
            format!("`{text}` is not a number from 0 up; leave the field empty where it is unknown"),
        )),
        Err(_) => {
            Err((column, format!("`{text}` is not a number; leave the field empty where it is unknown")))
        }
    }
}

fn words(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the first line has {expected_len}; every line needs as many commas")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8; save the file as UTF-8".to_owned(),
        _ => format!("{error}; check the line's quotes and commas"),
    }
}
