use std::fmt::Write as _;
use std::fs;

use pointsman_encode::StaticTable;
use pointsman_kernel::rng::Rng;

use super::{TrainError, TrainOptions, rows, train};
use crate::table::{PromptRow, Split, Table};

/// Two kinds of prompt and three models: `cheap` can translate, `dear` can do everything, `odd` neither. `shuffled` gives
/// every model its own answers of other prompts.
pub(crate) fn table(rows: usize, shuffled: bool, seed: u64) -> (tempfile::TempDir, Table) {
    const WORDS: [&str; 12] = [
        "house", "river", "garden", "window", "music", "winter", "bread", "letter", "horse", "summer",
        "paper", "stone",
    ];
    let mut rng = Rng::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut prompts = String::new();
    let mut outcomes = "prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s\n".to_owned();
    let kinds: Vec<bool> = (0..rows).map(|_| rng.uniform() < 0.5).collect();
    let mut judged = kinds.clone();
    if shuffled {
        for at in (1..rows).rev() {
            judged.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
        }
    }
    for (row, (easy, judged)) in kinds.iter().zip(&judged).enumerate() {
        let mut word = || WORDS[(rng.next_u64() % WORDS.len() as u64) as usize];
        let (a, b) = (word(), word());
        let text = if *easy {
            format!("Translate the words {a} and {b} into French, please, number {row}")
        } else {
            format!("Solve the equation ${row} x^2 + 3x = 17$ for the {a}, then integrate over the {b}")
        };
        let split = if row % 4 == 0 { "dev" } else { "train" };
        writeln!(prompts, "{{\"prompt_id\":\"p{row}\",\"prompt\":\"{text}\",\"split\":\"{split}\"}}")
            .unwrap();
        let chances = if *judged { [0.9, 0.95, 0.4] } else { [0.2, 0.9, 0.3] };
        for ((model, chance), price) in ["cheap", "dear", "odd"].iter().zip(chances).zip([1e-6, 20e-6, 5e-6])
        {
            let right = u8::from(rng.uniform() < chance);
            let (input, output) = (20 + row % 7, 100 + row % 50);
            let cost = price * (input + 4 * output) as f64;
            writeln!(outcomes, "p{row},{model},{right},{cost},{input},{output},").unwrap();
        }
    }
    fs::write(folder.path().join("prompts.jsonl"), prompts).unwrap();
    fs::write(folder.path().join("outcomes.csv"), outcomes).unwrap();
    let table = Table::read(folder.path()).unwrap();
    (folder, table)
}

fn gains(table: &Table) -> Vec<(String, f64)> {
    let (_, summary) =
        train(std::slice::from_ref(table), StaticTable::embedded(), &TrainOptions::default(), &mut |_| {})
            .unwrap();
    let heads = &summary.tables[0].heads;
    heads.iter().map(|head| (head.name.clone(), head.gain_over_zero)).collect()
}

#[test]
fn where_prompts_differ_every_learned_head_beats_the_constants() {
    let (_folder, table) = table(400, false, 1);
    let gains = gains(&table);
    let constant = gains.iter().find(|(name, _)| name == "constant").unwrap().1;
    for (name, gain) in gains.iter().filter(|(name, _)| name != "constant") {
        assert!(*gain > 3.0 && *gain > constant + 2.0, "{name}: {gain} against {constant}");
    }
}

#[test]
fn where_labels_are_shuffled_no_head_claims_more_than_luck() {
    let (_folder, table) = table(400, true, 2);
    for (name, gain) in gains(&table) {
        assert!(gain < 1.5, "{name} claims {gain} on shuffled labels");
    }
}

#[test]
fn one_seed_gives_one_artifact_and_prices_come_out_of_costs() {
    let (_folder, table) = table(120, false, 3);
    let make = || {
        let tables = std::slice::from_ref(&table);
        train(tables, StaticTable::embedded(), &TrainOptions::default(), &mut |_| {}).unwrap().0
    };
    let artifact = make();
    assert_eq!(artifact.hash(), make().hash());
    let price = artifact.model("dear").unwrap().price.unwrap();
    assert!((price.input.usd_per_million() - 20.0).abs() < 0.01, "{price:?}");
    assert!((price.output.usd_per_million() - 80.0).abs() < 0.01, "{price:?}");
    assert_eq!(artifact.notes().prompts, 90);
}

#[test]
fn progress_reaches_its_end() {
    let (_folder, table) = table(120, false, 4);
    let mut last = (0, 0);
    let mut report = |progress: super::Progress<'_>| {
        assert!(progress.done <= progress.total);
        last = (progress.done, progress.total);
    };
    train(std::slice::from_ref(&table), StaticTable::embedded(), &TrainOptions::default(), &mut report)
        .unwrap();
    assert_eq!(last.0, last.1);
}

#[test]
fn tables_that_teach_nothing_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |rows: usize, models: &[&str], cost: &str| {
        let prompts: String =
            (0..rows).map(|row| format!("{{\"prompt_id\":\"{row}\",\"prompt\":\"x {row}\"}}\n")).collect();
        let lines =
            (0..rows).flat_map(|row| models.iter().map(move |model| format!("{row},{model},1,{cost}\n")));
        fs::write(folder.path().join("prompts.jsonl"), prompts).unwrap();
        let outcomes = format!("prompt_id,model,quality,cost_usd\n{}", lines.collect::<String>());
        fs::write(folder.path().join("outcomes.csv"), outcomes).unwrap();
        Table::read(folder.path()).unwrap()
    };
    let fault = |table: Table, options: TrainOptions| {
        train(&[table], StaticTable::embedded(), &options, &mut |_| {}).unwrap_err()
    };
    let one = fault(write(30, &["a"], "0.1"), TrainOptions::default());
    assert!(
        matches!(one, TrainError::OneModel { count: 1, .. }) && one.to_string().contains("outcomes.csv"),
        "{one}"
    );
    let costless = fault(write(30, &["a", "b"], ""), TrainOptions::default());
    assert!(costless.to_string().contains("outcomes.csv: column cost_usd is empty"), "{costless}");
    let few = fault(write(5, &["a", "b"], "0.1"), TrainOptions::default());
    assert!(matches!(few, TrainError::TooFew { rows: 5, .. }), "{few}");
    let models = Some(vec!["a".to_owned(), "z".to_owned()]);
    let unknown = fault(write(30, &["a", "b"], "0.1"), TrainOptions { models, ..TrainOptions::default() });
    assert!(unknown.to_string().starts_with("model `z` is in no table; the tables have a, b"), "{unknown}");
    let nothing = train(&[], StaticTable::embedded(), &TrainOptions::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(nothing, TrainError::NoTable));
}

#[test]
fn a_prompt_from_elsewhere_is_unlike_and_the_tables_own_are_not() {
    let (_folder, table) = table(400, false, 3);
    let encoder = StaticTable::embedded();
    let (artifact, _) =
        train(std::slice::from_ref(&table), encoder, &TrainOptions::default(), &mut |_| {}).unwrap();
    let unlike = |prompt: PromptRow| {
        let encoded = rows::encode_one(&prompt, encoder).unwrap();
        let view = artifact.body.input.of(&encoded.vector, &encoded.features, &encoded.words);
        artifact.body.likeness.unlike(&view).unwrap()
    };
    // Not learnt from: the rows of the other split.
    let own: Vec<f64> =
        table.rows(Split::Dev).into_iter().map(|row| unlike(table.prompts[row].clone())).collect();
    let taken_in = own.iter().filter(|unlike| **unlike == 0.0).count();
    assert!(taken_in * 10 >= own.len() * 8, "{taken_in} of {}", own.len());
    for text in [
        "Write a limerick about a lighthouse keeper who is afraid of the dark.",
        "def quicksort(xs):\n    # TODO\n    pass\n\nImplement this and add unit tests.",
        "Our Kubernetes ingress answers 502 after the certificate was renewed. Where do I look?",
    ] {
        let unlike = unlike(PromptRow { text: text.to_owned(), ..PromptRow::default() });
        assert!(unlike > 0.9, "{unlike}: {text}");
    }
}
