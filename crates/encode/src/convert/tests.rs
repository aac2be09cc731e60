use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A model of one layer, eight values wide, with two heads: made of waves, so that it is the same everywhere.
pub(crate) struct Tiny {
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

pub(crate) const SHAPE: Shape = Shape { heads: 2, tokens: 256, vocabulary: 30_522, epsilon: 1e-12 };
const WIDTH: usize = 8;
const INNER: usize = 16;

impl Tiny {
    pub(crate) fn new() -> Self {
        let mut tiny = Self { tensors: BTreeMap::new() };
        tiny.add("embeddings.word_embeddings.weight", &[SHAPE.vocabulary, WIDTH], 1.0);
        tiny.add("embeddings.position_embeddings.weight", &[512, WIDTH], 0.1);
        tiny.add("embeddings.token_type_embeddings.weight", &[2, WIDTH], 0.1);
        tiny.normalisation("embeddings.LayerNorm");
        let layer = "encoder.layer.0";
        for part in ["query", "key", "value"] {
            tiny.linear(&format!("{layer}.attention.self.{part}"), WIDTH, WIDTH);
        }
        tiny.linear(&format!("{layer}.attention.output.dense"), WIDTH, WIDTH);
        tiny.normalisation(&format!("{layer}.attention.output.LayerNorm"));
        tiny.linear(&format!("{layer}.intermediate.dense"), INNER, WIDTH);
        tiny.linear(&format!("{layer}.output.dense"), WIDTH, INNER);
        tiny.normalisation(&format!("{layer}.output.LayerNorm"));
        tiny
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs], 0.5);
        self.add(&format!("{name}.bias"), &[outputs], 0.1);
    }

    fn normalisation(&mut self, name: &str) {
        self.tensors.insert(format!("{name}.weight"), (vec![WIDTH], vec![1.0; WIDTH]));
        self.add(&format!("{name}.bias"), &[WIDTH], 0.1);
    }

    fn add(&mut self, name: &str, shape: &[usize], size: f32) {
        let count = shape.iter().product::<usize>();
        let start = name.bytes().map(f32::from).sum::<f32>();
        let values = (0..count).map(|at| size * ((at as f32) * 0.7 + start).sin()).collect();
        self.tensors.insert(name.to_owned(), (shape.to_vec(), values));
    }

    /// As a safetensors file.
    pub(crate) fn weights(&self) -> Vec<u8> {
        let (mut header, mut values) = (serde_json::Map::new(), Vec::new());
        for (name, (shape, floats)) in &self.tensors {
            let begin = values.len();
            values.extend(floats.iter().flat_map(|value| value.to_le_bytes()));
            let entry =
                serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, values.len()]});
            header.insert(name.clone(), entry);
        }
        header.insert("__metadata__".to_owned(), serde_json::json!({"format": "pt"}));
        let header = serde_json::to_vec(&header).unwrap();
        [(header.len() as u64).to_le_bytes().as_slice(), &header, &values].concat()
    }

    pub(crate) fn model(&self) -> Vec<u8> {
        to_int8(&self.weights(), &SHAPE, &[("licence", "none")]).unwrap()
    }
}

#[test]
fn the_same_weights_give_the_same_file() {
    assert_eq!(Tiny::new().model(), Tiny::new().model());
}

#[test]
fn faults_of_the_weights_are_named() {
    let fault = |change: &dyn Fn(&mut Tiny)| {
        let mut tiny = Tiny::new();
        change(&mut tiny);
        to_int8(&tiny.weights(), &SHAPE, &[]).unwrap_err().to_string()
    };
    let at = "encoder.layer.0.intermediate.dense";
    let missing = fault(&|tiny| _ = tiny.tensors.remove(&format!("{at}.bias")));
    assert!(missing.contains(&format!("`{at}.bias` is missing")), "{missing}");
    let infinite = fault(&|tiny| tiny.tensors.get_mut(&format!("{at}.weight")).unwrap().1[3] = f32::INFINITY);
    assert!(infinite.contains(at) && infinite.contains("not finite"), "{infinite}");
    let narrow = fault(&|tiny| {
        tiny.tensors.insert(format!("{at}.bias"), (vec![3], vec![0.0; 3]));
    });
    assert!(narrow.contains("another length"), "{narrow}");
    let few = fault(&|tiny| {
        tiny.tensors.insert("embeddings.word_embeddings.weight".to_owned(), (vec![10, 8], vec![0.0; 80]));
    });
    assert!(few.contains("10 tokens") && few.contains("30522"), "{few}");
    let heads = to_int8(&Tiny::new().weights(), &Shape { heads: 3, ..SHAPE }, &[]).unwrap_err();
    assert_eq!(heads, ConvertError::Heads { heads: 3 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_part_of_a_file_is_refused(cut in 0.0_f64..1.0) {
        let weights = Tiny::new().weights();
        let part = &weights[..(weights.len() as f64 * cut) as usize];
        prop_assert!(to_int8(part, &SHAPE, &[]).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(to_int8(&bytes, &SHAPE, &[]).is_err());
    }
}
