//! Which rows are learnt from and which are judged on.
//!
//! Promise: no text that is judged on, in whatever case and spacing, is among those learnt from. Folds and left-out data
//! sets see to it; a split in the table that breaks it is refused with the prompts' ids.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{EvalError, EvalOptions};
use crate::table::{Split, Table};
use crate::train::rows::Encoded;

/// Pairs that a refusal names.
const NAMED: usize = 5;

/// Rows to learn from, and rows to judge on what was learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) seen: Vec<usize>,
    pub(super) held: Vec<usize>,
}

/// The cuts of an evaluation: of the `candidates`, the complete `rows` are judged on, each of them once.
pub(super) fn cuts(
    table: &Table,
    encoded: &[Encoded],
    (candidates, rows): (&[usize], &[usize]),
    options: &EvalOptions,
) -> Result<Vec<Cut>, EvalError> {
    if options.leave_out_datasets {
        return datasets(table, encoded, candidates, rows);
    }
    match options.folds {
        Some(folds) if folds < 2 => Err(EvalError::Folds(folds)),
        Some(folds) => Ok(in_folds(encoded, candidates, rows, folds)),
        None => {
            let seen = table.rows(Split::Train);
            if matches!(options.split, Split::Dev | Split::Test) {
                refuse_duplicates(table, encoded, &seen, rows, options.split)?;
            }
            Ok(vec![Cut { seen, held: rows.to_vec() }])
        }
    }
}

fn in_folds(encoded: &[Encoded], candidates: &[usize], rows: &[usize], folds: usize) -> Vec<Cut> {
    // Other bits than training's own folds are cut by.
    let fold_of = |row: &usize| ((encoded[*row].key >> 32) % folds as u64) as usize;
    let cut = |fold: usize| Cut {
        seen: candidates.iter().copied().filter(|row| fold_of(row) != fold).collect(),
        held: rows.iter().copied().filter(|row| fold_of(row) == fold).collect(),
    };
    (0..folds).map(cut).filter(|cut| !cut.held.is_empty()).collect()
}

/// Each data set in turn, learnt from the others; a text that stands in both is judged and not learnt from.
fn datasets(
    table: &Table,
    encoded: &[Encoded],
    candidates: &[usize],
    rows: &[usize],
) -> Result<Vec<Cut>, EvalError> {
    let name = |row: usize| table.prompts[row].dataset.as_deref().unwrap_or_default();
    let mut held: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for row in rows {
        held.entry(name(*row)).or_default().push(*row);
    }
    if candidates.iter().map(|row| name(*row)).collect::<HashSet<_>>().len() < 2 {
        return Err(EvalError::OneDataset { table: table.name.clone() });
    }
    let cut = |(dataset, held): (&str, Vec<usize>)| {
        let keys: HashSet<u64> = held.iter().map(|row| encoded[*row].key).collect();
        let other = |row: &usize| name(*row) != dataset && !keys.contains(&encoded[*row].key);
        Cut { seen: candidates.iter().copied().filter(other).collect(), held }
    };
    Ok(held.into_iter().map(cut).collect())
}

fn refuse_duplicates(
    table: &Table,
    encoded: &[Encoded],
    seen: &[usize],
    held: &[usize],
    split: Split,
) -> Result<(), EvalError> {
    let known: HashMap<u64, usize> = seen.iter().map(|row| (encoded[*row].key, *row)).collect();
    let held_rows: HashSet<usize> = held.iter().copied().collect();
    let pairs: Vec<(usize, usize)> = held
        .iter()
        .filter_map(|row| Some((*known.get(&encoded[*row].key)?, *row)))
        .filter(|(seen, _)| !held_rows.contains(seen))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let id = |row: usize| &table.prompts[row].id;
    let named = pairs.iter().take(NAMED).map(|(seen, held)| format!("{} = {}", id(*seen), id(*held)));
    let mut ids = named.collect::<Vec<_>>().join(", ");
    if pairs.len() > NAMED {
        ids.push_str(", ...");
    }
    Err(EvalError::Duplicates { file: table.prompts_file.clone(), split, count: pairs.len(), ids })
}

#[cfg(test)]
mod tests {
    use pointsman_encode::StaticTable;

    use super::*;
    use crate::train::rows::encode;

    fn table(prompts: &[(&str, &str)]) -> (tempfile::TempDir, Table, Vec<Encoded>) {
        let folder = tempfile::tempdir().unwrap();
        let row = |(at, (dataset, text)): (usize, &(&str, &str))| {
            format!("{{\"prompt_id\":\"p{at}\",\"prompt\":\"{text}\",\"dataset\":\"{dataset}\"}}\n")
        };
        let prompts: String = prompts.iter().enumerate().map(row).collect();
        std::fs::write(folder.path().join("prompts.jsonl"), prompts).unwrap();
        std::fs::write(folder.path().join("outcomes.csv"), "prompt_id,model,quality\np0,m,1\n").unwrap();
        let table = Table::read(folder.path()).unwrap();
        let encoded = encode(&table, StaticTable::embedded(), &mut |_| {}).unwrap();
        (folder, table, encoded)
    }

    #[test]
    fn each_data_set_is_judged_once_by_what_the_others_teach_and_shared_texts_are_not_learnt() {
        let prompts = [("a", "one"), ("a", "two"), ("b", "three"), ("b", "One "), ("c", "five")];
        let (_folder, table, encoded) = table(&prompts);
        let options = EvalOptions { leave_out_datasets: true, ..EvalOptions::default() };
        // Prompt 4 lacks an outcome: it is learnt from and not judged.
        let found = cuts(&table, &encoded, (&[0, 1, 2, 3, 4], &[0, 1, 2, 3]), &options).unwrap();
        let expected =
            [Cut { seen: vec![2, 4], held: vec![0, 1] }, Cut { seen: vec![1, 4], held: vec![2, 3] }];
        assert_eq!(found, expected);
        let one = cuts(&table, &encoded, (&[0, 1], &[0, 1]), &options).unwrap_err().to_string();
        assert!(one.contains("needs two data sets"), "{one}");
    }
}
