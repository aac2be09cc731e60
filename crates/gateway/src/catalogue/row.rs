//! The catalogue's file form: tab-separated rows under a header that tells sources and dates.

use super::{Entry, Mode, Price, by_name, nano_per_million};
use std::cmp::Ordering;

/// Why a catalogue cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// A row that does not follow the columns.
    #[error(
        "line {line} of the price catalogue has a bad {column}; build it again with tools/prices/build.py"
    )]
    Row {
        /// Counted from 1.
        line: usize,
        /// The column's name.
        column: &'static str,
    },
    /// A row that does not come after the one before it.
    #[error(
        "line {line} of the price catalogue is out of order or twice there; build it again with tools/prices/build.py"
    )]
    Order {
        /// Counted from 1.
        line: usize,
    },
    /// No `#as_of` line.
    #[error("the price catalogue does not say of what day it is; build it again with tools/prices/build.py")]
    NoDate,
}

/// The catalogue's date and its entries, in the order of [`by_name`].
pub(super) fn parse(text: &'static str) -> Result<(&'static str, Vec<Entry>), CatalogueError> {
    let mut as_of = None;
    let mut sources: Vec<(&str, &'static str)> = Vec::new();
    // Rows are about 66 bytes long.
    let mut entries: Vec<Entry> = Vec::with_capacity(text.len() / 60);
    for (index, line) in text.lines().enumerate() {
        if let Some(head) = line.strip_prefix('#') {
            let mut fields = head.split('\t');
            match (fields.next(), fields.next(), fields.next(), fields.next()) {
                (Some("as_of"), Some(day), None, None) => as_of = Some(day),
                (Some("source"), Some(letter), Some(_), Some(day)) => sources.push((letter, day)),
                _ => {}
            }
            continue;
        }
        let line_number = index + 1;
        let entry =
            row(line, &sources).map_err(|column| CatalogueError::Row { line: line_number, column })?;
        if entries.last().is_some_and(|last| by_name(last, &entry) != Ordering::Less) {
            return Err(CatalogueError::Order { line: line_number });
        }
        entries.push(entry);
    }
    entries.shrink_to_fit();
    Ok((as_of.ok_or(CatalogueError::NoDate)?, entries))
}

/// One row, or the name of the column that is at fault.
fn row(line: &'static str, sources: &[(&str, &'static str)]) -> Result<Entry, &'static str> {
    let mut fields = line.split('\t');
    let mut next = |column| fields.next().ok_or(column);
    let model = next("model").and_then(|name| if name.is_empty() { Err("model") } else { Ok(name) })?;
    let provider =
        next("provider").and_then(|name| if name.is_empty() { Err("provider") } else { Ok(name) })?;
    let input = amount(next("input")?, "input")?;
    let output = amount(next("output")?, "output")?;
    let cached_input = amount(next("cached_input")?, "cached_input")?;
    let cache_write = amount(next("cache_write")?, "cache_write")?;
    let context = tokens(next("context")?, "context")?;
    let max_output = tokens(next("max_output")?, "max_output")?;
    let [tools, vision, reasoning] = flags(next("flags")?).ok_or("flags")?;
    let mode = match next("mode")? {
        "c" => Mode::Chat,
        "e" => Mode::Embedding,
        "o" => Mode::Other,
        _ => return Err("mode"),
    };
    let letter = next("source")?;
    let as_of = sources.iter().find(|(known, _)| *known == letter).ok_or("source")?.1;
    if fields.next().is_some() {
        return Err("number of columns");
    }
    let price = match (input, output, cached_input, cache_write) {
        (Some(input), Some(output), cached_input, cache_write) => {
            Some(Price { input, output, cached_input, cache_write })
        }
        (None, None, None, None) => None,
        // Half a price would be taken for a whole one.
        _ => return Err("price"),
    };
    Ok(Entry { provider, model, price, context, max_output, tools, vision, reasoning, mode, as_of })
}

fn amount(field: &str, column: &'static str) -> Result<Option<u64>, &'static str> {
    if field.is_empty() { Ok(None) } else { nano_per_million(field).map(Some).map_err(|_| column) }
}

fn tokens(field: &str, column: &'static str) -> Result<Option<u32>, &'static str> {
    if field.is_empty() { Ok(None) } else { field.parse().map(Some).map_err(|_| column) }
}

fn flags(field: &str) -> Option<[Option<bool>; 3]> {
    let flag = |byte: u8| match byte {
        b'+' => Some(Some(true)),
        b'-' => Some(Some(false)),
        b'?' => Some(None),
        _ => None,
    };
    let &[tools, vision, reasoning] = field.as_bytes() else { return None };
    Some([flag(tools)?, flag(vision)?, flag(reasoning)?])
}
