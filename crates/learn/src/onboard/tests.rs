use std::path::Path;
use std::sync::Arc;

use pointsman_encode::StaticTable;
use pointsman_kernel::{Candidates, Estimates, Signals, Target};

use super::*;
use crate::artifact::Artifact;
use crate::evaluate::{facts, signals};
use crate::table::{Split, Table};
use crate::train::rows::encode_one;
use crate::train::{TrainOptions, train};

const ENTIRE: usize = 160;

/// A prompt, and whether it is hard.
fn prompt(at: usize) -> (String, bool) {
    let hard = at.is_multiple_of(2);
    let text = if hard {
        format!("Prove by induction that the sum of the first {at} cubes is a square of a triangular number")
    } else {
        format!("Name a colour that goes well with shade {at}, please")
    };
    (text, hard)
}

/// Models weak, middle and strong, and `new` on the first `answers` prompts: like strong, but a little worse.
fn table(folder: &Path, prompts: usize, answers: usize, with_known: bool) -> Table {
    let mut lines = String::new();
    let mut outcomes =
        String::from("prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s\n");
    for at in 0..prompts {
        let (text, hard) = prompt(at);
        lines += &format!("{{\"prompt_id\": \"p{at}\", \"prompt\": \"{text}\", \"split\": \"train\"}}\n");
        let known = [
            ("weak", !hard && at % 10 != 1, 50),
            ("middle", !hard || at % 8 == 0, 100),
            ("strong", !hard || at % 8 != 0, 200),
        ];
        for (model, right, tokens) in known.iter().filter(|_| with_known) {
            outcomes += &format!("p{at},{model},{},0.001,20,{tokens},1\n", u8::from(*right));
        }
        if at < answers {
            outcomes += &format!("p{at},new,{},0.002,20,400,1\n", u8::from(!hard || at % 4 == 0));
        }
    }
    std::fs::write(folder.join("prompts.jsonl"), lines).unwrap();
    std::fs::write(folder.join("outcomes.csv"), outcomes).unwrap();
    Table::read(folder).unwrap()
}

fn trained() -> Artifact {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), ENTIRE, 0, true);
    train(&[table], StaticTable::embedded(), &TrainOptions::default(), &mut |_| {}).unwrap().0
}

fn added(artifact: &Artifact, answers: usize) -> (Artifact, Vec<Placed>) {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path(), answers, answers, false);
    place(artifact, &table, Split::All, None, StaticTable::embedded(), &mut |_| {}).unwrap()
}

fn estimates(artifact: &Artifact, at: usize, names: &[&str]) -> Estimates {
    let row = crate::table::PromptRow { text: prompt(at).0, turns: 1, ..Default::default() };
    let encoded = encode_one(&row, StaticTable::embedded()).unwrap();
    let signals: Signals = signals(&encoded, encoded.tokens);
    let kept = names.iter().map(|name| Arc::new(Target::named(name).priced(1.0, 2.0))).collect();
    let candidates = Candidates { kept, ..Candidates::default() };
    let mut out = Estimates::default();
    let estimator = artifact.estimator(None).unwrap();
    estimator.estimate(&signals, &facts("a", "e"), &candidates, &mut out);
    out
}

#[test]
fn a_new_model_is_placed_among_those_it_resembles_and_marked() {
    let artifact = trained();
    let (with, placed) = added(&artifact, 40);
    assert_eq!((placed[0].model.as_str(), placed[0].answers), ("new", 40));
    assert!(placed[0].brier < placed[0].brier_of_mean, "{placed:?}");
    assert_eq!(with.model("new").unwrap().rows, 40);
    assert_eq!(with.models().len(), artifact.models().len() + 1);
    let (hard, easy) = (estimates(&with, 1000, &["weak", "new"]), estimates(&with, 1001, &["weak", "new"]));
    let quality = |of: &Estimates, at: usize| of.list[at].quality.mean;
    assert!(quality(&easy, 1) > quality(&hard, 1) + 0.15, "it minds hard prompts: {hard:?} {easy:?}");
    assert!(quality(&hard, 1) > quality(&hard, 0), "it is better than the weak one");
    assert!(hard.list[1].source.provisional && !hard.list[0].source.provisional);
    assert!(hard.list[1].quality.sd > hard.list[0].quality.sd);
    assert!(hard.list[1].usual.is_some());
    // Its answers are twice the longest of the others'.
    assert!(hard.list[1].output_tokens.mean > 1.5 * hard.list[0].output_tokens.mean);
}

#[test]
fn what_was_trained_stays_as_it_was_and_the_file_comes_back() {
    let artifact = trained();
    let (with, _) = added(&artifact, 30);
    assert_ne!(with.hash(), artifact.hash());
    for at in [1000, 1001] {
        let names = ["weak", "middle", "strong"];
        assert_eq!(estimates(&artifact, at, &names), estimates(&with, at, &names));
    }
    let again = Artifact::load(&with.to_bytes()).unwrap();
    assert_eq!(again.hash(), with.hash());
    assert_eq!(estimates(&again, 1000, &["new"]), estimates(&with, 1000, &["new"]));
    let mut bytes = with.to_bytes();
    bytes.truncate(bytes.len() - 3);
    assert!(Artifact::load(&bytes).is_err());
}

#[test]
fn enough_answers_make_it_known_and_replace_what_was_there() {
    let artifact = trained();
    let (few, _) = added(&artifact, 30);
    let (many, placed) = added(&few, 120);
    assert!(placed[0].again);
    assert_eq!(many.models().len(), artifact.models().len() + 1);
    let estimate = &estimates(&many, 1000, &["new"]).list[0];
    assert!(!estimate.source.provisional);
    assert!(estimate.quality.sd < estimates(&few, 1000, &["new"]).list[0].quality.sd);
}

#[test]
fn tables_that_place_nobody_are_refused_with_what_to_do() {
    let artifact = trained();
    let refused = |answers: usize, with_known: bool, models: Option<&[String]>| {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path(), 40, answers, with_known);
        place(&artifact, &table, Split::All, models, StaticTable::embedded(), &mut |_| {}).unwrap_err()
    };
    assert!(matches!(refused(0, true, None), OnboardError::Nobody { .. }));
    assert!(matches!(refused(9, false, None), OnboardError::TooFew { count: 9, .. }));
    assert!(matches!(refused(20, true, Some(&["weak".into()])), OnboardError::Learned { .. }));
    assert!(matches!(refused(20, true, Some(&["other".into()])), OnboardError::Unknown { .. }));
}
