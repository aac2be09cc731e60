use std::sync::Arc;

use pointsman_encode::{Encoder, Features, StaticTable, Text};
use pointsman_kernel::{Candidates, Estimates, Signals, Target};

use super::NAMES;
use crate::artifact::Artifact;
use crate::evaluate::facts;
use crate::train::{TrainOptions, tests::table, train};

#[test]
fn an_artifact_holds_them_and_one_of_them_gives_its_reasons() {
    let (_folder, table) = table(120, false, 3);
    let of = |served_only: bool| {
        let options = TrainOptions { served_only, ..TrainOptions::default() };
        train(std::slice::from_ref(&table), StaticTable::embedded(), &options, &mut |_| {}).unwrap()
    };
    let (served, summary) = of(true);
    assert!(NAMES.iter().all(|name| !served.names().contains(name)));
    assert!(!summary.to_string().contains("experimental"));
    let (all, summary) = of(false);
    assert!(
        summary.to_string().contains("experimental, not in the mixture: clusters, logistic"),
        "{summary}"
    );
    let artifact = Artifact::load(&all.to_bytes()).unwrap();
    let text = Text::new("Translate the words house and river into French, please, number 7", None);
    let signals = Signals {
        vector: StaticTable::embedded().encode(&text).unwrap().to_vec(),
        features: Features::of(&text).as_slice().to_vec(),
        ..Signals::default()
    };
    let targets: Vec<Arc<Target>> =
        ["cheap", "dear", "stranger"].iter().map(|name| Arc::new(Target::named(name))).collect();
    let facts = facts(artifact.hash(), artifact.encoder());
    let candidates = Candidates::of(&targets, &signals, &facts);
    for name in NAMES {
        for signals in [&signals, &Signals::default()] {
            let mut out = Estimates::default();
            artifact.estimator(Some(name)).unwrap().estimate(signals, &facts, &candidates, &mut out);
            let [cheap, dear, stranger] = &out.list[..] else { panic!("{name}: {out:?}") };
            assert!((0.0..=1.0).contains(&cheap.quality.mean) && dear.quality.sd > 0.0, "{name}: {out:?}");
            assert!(stranger.source.provisional && stranger.source.because.is_empty());
        }
        let mut out = Estimates::default();
        artifact.estimator(Some(name)).unwrap().estimate(&signals, &facts, &candidates, &mut out);
        let because = &out.list[0].source.because;
        assert_eq!(because.is_empty(), name != "llmrank", "{name}: {because:?}");
        assert!(because.len() <= 5 && because.iter().all(|part| part.quality.abs() < 1.0));
        let told = serde_json::to_value(&out).unwrap();
        assert_eq!(
            serde_json::from_value::<Estimates>(told).unwrap(),
            out,
            "what is logged is what was said"
        );
    }
}
