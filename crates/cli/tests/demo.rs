//! The demo shows what the ledger has and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::path::Path;

use common::{err, out, run};
use pointsman_store::{Query, SqliteStore, Store, Summary, Sums};

const CONFIG: &str = include_str!("../src/demo.yaml");

/// The demo's text, and the ledger it left, oldest record first.
fn demo(home: &Path, config: Option<&Path>) -> (String, Vec<Summary>, Sums) {
    let state = home.join("demo");
    let mut args = vec!["demo", "--once", "--home", state.to_str().unwrap()];
    args.extend(config.map(|path| ["--config", path.to_str().unwrap()]).into_iter().flatten());
    let ended = run(home, &args);
    assert!(ended.status.success(), "{}{}", out(&ended), err(&ended));
    let store = SqliteStore::read_only(&state.join("ledger.db")).unwrap();
    let mut records = store.recent(&Query::default(), 1_000).unwrap();
    records.sort_by_key(|record| record.started);
    (out(&ended), records, store.totals(&Query::default()).unwrap().all())
}

fn rows(text: &str) -> Vec<&str> {
    let numbered = |line: &&str| line.get(..2).is_some_and(|n| n.trim().parse::<u32>().is_ok());
    text.lines().filter(numbered).collect()
}

#[test]
fn every_row_and_the_sums_are_the_ledgers() {
    let home = tempfile::tempdir().unwrap();
    let (text, records, sums) = demo(home.path(), None);
    let rows = rows(&text);
    assert!(rows.len() >= 12, "{text}");
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        let tokens = format!("{}+{}", record.input_tokens, record.output_tokens);
        let cost = format!("${:.6}", record.cost.unwrap().usd());
        let target = record.target.as_ref().unwrap().to_string();
        for figure in [&tokens, &cost, &target] {
            assert!(row.contains(figure.as_str()), "{figure} is not in: {row}");
        }
    }
    assert!(text.contains(&format!("paid ${:.6}", sums.compared_cost.usd())), "{text}");
    assert!(text.contains(&format!("would have cost ${:.6}", sums.baseline_cost.usd())), "{text}");
    assert!(text.contains(&format!("${:.6} saved", sums.saved_nano() as f64 / 1e9)), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn the_tour_shows_more_than_one_model_a_stream_and_a_fallback() {
    let home = tempfile::tempdir().unwrap();
    let (text, records, _) = demo(home.path(), None);
    let mut targets: Vec<_> = records.iter().filter_map(|record| record.target.clone()).collect();
    targets.sort_unstable();
    targets.dedup();
    assert!(targets.len() >= 3, "{targets:?}");
    assert!(records.iter().any(|record| record.stream) && text.contains("stream"));
    assert!(text.contains(": 503"), "{text}");
    assert!(text.contains("simulated"), "{text}");
}

#[test]
fn a_changed_price_changes_the_table() {
    let home = tempfile::tempdir().unwrap();
    let (before, _, sums) = demo(home.path(), None);
    let dearer = CONFIG.replace("price: {input: 3, output: 15}", "price: {input: 30, output: 150}");
    assert_ne!(dearer, CONFIG);
    let path = home.path().join("dearer.yaml");
    std::fs::write(&path, dearer).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (after, _, changed) = demo(other.path(), Some(&path));
    assert_ne!(rows(&before), rows(&after));
    // The baseline is the model whose price was changed.
    assert!(
        changed.baseline_cost.0 > 5 * sums.baseline_cost.0,
        "{} and {}",
        sums.baseline_cost,
        changed.baseline_cost
    );
}

#[test]
fn the_demos_own_configuration_is_printed_and_has_no_fault() {
    let home = tempfile::tempdir().unwrap();
    let printed = run(home.path(), &["demo", "--print-config"]);
    assert_eq!(out(&printed), CONFIG);
    let path = home.path().join("demo.yaml");
    std::fs::write(&path, CONFIG).unwrap();
    let checked = run(home.path(), &["check", path.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", out(&checked));
}
