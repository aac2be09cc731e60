use std::path::PathBuf;

use super::*;
use crate::Installed;
use crate::convert::tests::Tiny;
use crate::manifest::listed;

fn tiny() -> SentenceEncoder {
    SentenceEncoder::new("tiny", Tiny::new().model(), &RuntimeChoice::Rten).unwrap()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_have_norm_one_and_nothing_gives_nothing() {
    let tiny = tiny();
    let vector = tiny.encode(&Text::new("What is the capital of Portugal?", None)).unwrap();
    assert_eq!((vector.len(), tiny.dimensions()), (8, 8));
    assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
    assert!(tiny.encode(&Text::new(" \n\t", None)).unwrap().is_zero());
}

/// The tokeniser's file of the original carries a padding and a cut to 128, which would make every short prompt cost as
/// much as a long one, and cut long ones without a word.
#[test]
fn nothing_is_padded_and_a_long_text_keeps_both_ends() {
    let tiny = tiny();
    let count = |text: &str| tiny.tokens(&Text::new(text, None)).len();
    assert_eq!(count("hello"), 3);
    assert_eq!(count(&"word ".repeat(200)), 202);
    assert_eq!(count(&"word ".repeat(254)), 256);
    assert_eq!(count(&"word ".repeat(255)), MAX_TOKENS);
    assert_eq!(count(&"word ".repeat(100_000)), MAX_TOKENS);

    let long = |middle: &str, end: &str| {
        let text = format!("{}{}{end}", "word ".repeat(400), middle.repeat(400));
        tiny.encode(&Text::new(&text, None)).unwrap()
    };
    let asked = "what was the profit of the second year?";
    assert_ne!(long("stone ", asked), long("stone ", "who wrote the letter from the island?"));
    let (start, end) = ("word ".repeat(300), " word".repeat(300));
    let with = |middle: &str| tiny.encode(&Text::new(&format!("{start}{middle}{end}"), None)).unwrap();
    assert_eq!(with("river"), with("mountain"));
}

#[test]
fn many_texts_at_once_get_the_vectors_they_get_alone() {
    let tiny = tiny();
    let turns: Vec<String> = (1..40).map(|count| "a long way to go ".repeat(count)).collect();
    let texts: Vec<Text<'_>> = turns.iter().map(|turn| Text::new(turn, None)).collect();
    let alone: Vec<Vector> = texts.iter().map(|text| tiny.encode(text).unwrap()).collect();
    assert_eq!(tiny.encode_all(&texts).unwrap(), alone);
    assert!(tiny.encode_all(&[]).unwrap().is_empty());
}

#[test]
fn other_weights_have_another_fingerprint() {
    let one = tiny();
    let mut other = Tiny::new();
    other.tensors.get_mut("encoder.layer.0.output.dense.weight").unwrap().1[5] += 1.0;
    let other = SentenceEncoder::new("tiny", other.model(), &RuntimeChoice::Rten).unwrap();
    assert!(one.fingerprint().starts_with("tiny:"), "{}", one.fingerprint());
    assert_ne!(one.fingerprint(), other.fingerprint());
}

#[test]
fn a_file_that_is_no_model_and_a_library_that_is_none_are_refused() {
    let refused = SentenceEncoder::new("tiny", b"not a model".to_vec(), &RuntimeChoice::Rten).unwrap_err();
    assert!(refused.to_string().contains("rten"), "{refused}");
    let mut short = Tiny::new().model();
    short.truncate(short.len() / 2);
    assert!(SentenceEncoder::new("tiny", short, &RuntimeChoice::Rten).is_err());
    let nowhere = RuntimeChoice::OnnxRuntime(PathBuf::from("/nowhere/libonnxruntime.so"));
    let refused = SentenceEncoder::new("tiny", Tiny::new().model(), &nowhere).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/libonnxruntime.so"), "{refused}");
}

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    tokens: usize,
    vector: Vec<f32>,
}

/// The real encoder, out of `$POINTSMAN_WEIGHTS` (the published weights) or `$POINTSMAN_HOME/encoders`.
fn minilm() -> Option<Vec<u8>> {
    let listed = listed().iter().find(|encoder| encoder.name == "minilm-int8").unwrap();
    if let Some(folder) = std::env::var_os("POINTSMAN_WEIGHTS") {
        let weights = std::fs::read(PathBuf::from(folder).join(&listed.weights.file)).unwrap();
        let home = tempfile::tempdir().unwrap();
        let path = Installed::in_home(home.path()).install(listed, &weights).unwrap();
        let model = std::fs::read(path).unwrap();
        assert_eq!(model.len() as u64, listed.model.bytes);
        return Some(model);
    }
    let home = PathBuf::from(std::env::var_os("POINTSMAN_HOME")?);
    std::fs::read(Installed::in_home(&home).path(listed)).ok()
}

/// Vectors of the floats are goldens, written by `tools/minilm`.
fn parity(choice: &RuntimeChoice) {
    let Some(model) = minilm() else {
        eprintln!(
            "skipped: the weights of minilm-int8 are neither in POINTSMAN_WEIGHTS nor in POINTSMAN_HOME"
        );
        return;
    };
    let encoder = SentenceEncoder::new("minilm-int8", model, choice).unwrap();
    assert_eq!(encoder.dimensions(), 384);
    let goldens = include_str!("../../goldens/minilm.jsonl").lines();
    let mut cosines = Vec::new();
    for golden in goldens.map(|line| serde_json::from_str::<Golden>(line).unwrap()) {
        let text = Text::new(&golden.text, None);
        assert_eq!(encoder.tokens(&text).len(), golden.tokens, "for {:?}", golden.text);
        cosines.push(cosine(&encoder.encode(&text).unwrap(), &golden.vector));
    }
    let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
    assert!(cosines.len() == 20 && mean >= 0.99, "mean cosine {mean} of {cosines:?}");
    assert!(cosines.iter().all(|cosine| *cosine > 0.97), "{cosines:?}");
}

#[test]
fn eight_bits_keep_the_directions_of_the_floats() {
    parity(&RuntimeChoice::Rten);
}

#[test]
fn so_they_do_over_onnxruntime() {
    match std::env::var_os(crate::installed::LIBRARY_VARIABLE) {
        Some(library) => parity(&RuntimeChoice::OnnxRuntime(library.into())),
        None => eprintln!("skipped: ORT_DYLIB_PATH names no onnxruntime library"),
    }
}

/// An output with large weights whose activation is always nothing: with one scale for the whole matrix it would take
/// the others' precision, with a scale for each output it changes nothing.
#[test]
fn an_outlier_costs_the_other_outputs_nothing() {
    let with_row = |size: f32| {
        let mut tiny = Tiny::new();
        let at = "encoder.layer.0.intermediate.dense";
        let weights = &mut tiny.tensors.get_mut(&format!("{at}.weight")).unwrap().1;
        weights.iter_mut().take(8).for_each(|weight| *weight = size);
        tiny.tensors.get_mut(&format!("{at}.bias")).unwrap().1[0] = -1e4;
        let tiny = SentenceEncoder::new("tiny", tiny.model(), &RuntimeChoice::Rten).unwrap();
        tiny.encode(&Text::new("a river runs through it", None)).unwrap()
    };
    assert_eq!(with_row(0.0), with_row(100.0));
}
