//! BERT's forward pass as an ONNX graph: weights in eight bits, what flows between them quantised as it comes
//! (`DynamicQuantizeLinear`, `MatMulInteger`), attention and normalisation in floats.
//!
//! The graph takes one text, `[1, n]` token ids without padding, and gives the last hidden states, `[1, n, width]`: no
//! attention mask is needed, and a text's vector cannot depend on its neighbours in a batch, as it would where a batch
//! shares one scale. Fused operators of the run times (Gelu, integer product to float) are written in the form that both
//! recognise.

use super::onnx::{Attribute, Element, Graph};
use super::quantise;
use super::safetensors::{Tensor, Tensors};
use super::{ConvertError, Shape};

/// Weights use 7 of 8 bits: on processors without dot products of bytes, both run times add pairs of products in 16 bits,
/// and larger weights would overflow there, and give other vectors than here.
const WEIGHT_TOP: i8 = 63;
/// Embeddings are only looked up.
const EMBEDDING_TOP: i8 = 127;

/// A graph being written from tensors.
pub(super) struct Bert<'a> {
    tensors: &'a Tensors<'a>,
    shape: &'a Shape,
    width: usize,
    graph: Graph,
    no_zero_point: String,
}

/// A value in eight bits, with its scale and zero point.
type Quantised = [String; 3];

impl<'a> Bert<'a> {
    /// Writes the whole graph.
    ///
    /// # Errors
    /// A tensor is missing or of another shape.
    pub(super) fn write(tensors: &'a Tensors<'a>, shape: &'a Shape) -> Result<Graph, ConvertError> {
        let width = match tensors.take("embeddings.LayerNorm.weight", 1)?.shape.as_slice() {
            [width] if *width > 0 && shape.heads > 0 && width % shape.heads == 0 => *width,
            _ => return Err(ConvertError::Heads { heads: shape.heads }),
        };
        let mut graph = Graph::default();
        let no_zero_point = graph.constant(Element::Int8, &[], &[0]);
        let mut bert = Self { tensors, shape, width, graph, no_zero_point };
        let tokens = Err("tokens");
        bert.graph.input("ids", Element::Int64, &[Ok(1), tokens]);
        let mut x = bert.embeddings()?;
        let mut layer = 0;
        while tensors.has(&format!("encoder.layer.{layer}.output.dense.weight")) {
            x = bert.layer(&x, &format!("encoder.layer.{layer}"))?;
            layer += 1;
        }
        let hidden = bert.graph.node("Identity", &[&x], &[]);
        bert.graph.output(&hidden, Element::Float, &[Ok(1), tokens, Ok(width as u64)]);
        Ok(bert.graph)
    }

    fn embeddings(&mut self) -> Result<String, ConvertError> {
        let words = self.matrix("embeddings.word_embeddings.weight", self.width)?;
        let vocabulary = words.values.len() / self.width;
        if vocabulary < self.shape.vocabulary {
            return Err(ConvertError::Vocabulary { found: vocabulary, expected: self.shape.vocabulary });
        }
        let words = quantise::rows(&words.values, self.width, EMBEDDING_TOP);
        let bytes: Vec<u8> = words.values.iter().map(|value| value.cast_unsigned()).collect();
        let table = self.graph.constant(Element::Int8, &[vocabulary, self.width], &bytes);
        let scales = self.graph.floats(&[vocabulary, 1], &words.scales);
        let positions = self.positions()?;

        let g = &mut self.graph;
        let row = g.node("Gather", &[&table, "ids"], &[]);
        let row = g.node("Cast", &[&row], &[("to", Attribute::Integer(Element::Float as i64))]);
        let scale = g.node("Gather", &[&scales, "ids"], &[]);
        let word = g.node("Mul", &[&row, &scale], &[]);
        let count =
            g.node("Shape", &["ids"], &[("start", Attribute::Integer(1)), ("end", Attribute::Integer(2))]);
        let (zero, axis) = (g.integers(&[0]), g.integers(&[0]));
        let place = g.node("Slice", &[&positions, &zero, &count, &axis], &[]);
        let sum = g.node("Add", &[&word, &place], &[]);
        self.normalised(&sum, "embeddings.LayerNorm")
    }

    /// A row for each place, with the row of the first text type added: there is only one text.
    fn positions(&mut self) -> Result<String, ConvertError> {
        let places = self.matrix("embeddings.position_embeddings.weight", self.width)?;
        let kinds = self.matrix("embeddings.token_type_embeddings.weight", self.width)?;
        let longest = places.values.len() / self.width;
        if longest < self.shape.tokens || kinds.values.is_empty() {
            return Err(ConvertError::Places { found: longest, expected: self.shape.tokens });
        }
        let kind = kinds.values.iter().take(self.width).cycle();
        let sums: Vec<f32> = places
            .values
            .iter()
            .take(self.shape.tokens * self.width)
            .zip(kind)
            .map(|(place, kind)| place + kind)
            .collect();
        Ok(self.graph.floats(&[self.shape.tokens, self.width], &sums))
    }

    fn layer(&mut self, x: &str, at: &str) -> Result<String, ConvertError> {
        let attended = self.attention(x, at)?;
        let attended = self.quantised(&attended);
        let changed = self.linear(&attended, &[&format!("{at}.attention.output.dense")], 1.0)?;
        let sum = self.graph.node("Add", &[&changed, x], &[]);
        let x = self.normalised(&sum, &format!("{at}.attention.output.LayerNorm"))?;
        let read = self.quantised(&x);
        let inner = self.linear(&read, &[&format!("{at}.intermediate.dense")], 1.0)?;
        let inner = self.gelu(&inner);
        let inner = self.quantised(&inner);
        let changed = self.linear(&inner, &[&format!("{at}.output.dense")], 1.0)?;
        let sum = self.graph.node("Add", &[&changed, &x], &[]);
        self.normalised(&sum, &format!("{at}.output.LayerNorm"))
    }

    fn attention(&mut self, x: &str, at: &str) -> Result<String, ConvertError> {
        let (width, heads) = (self.width as i64, self.shape.heads as i64);
        let read = self.quantised(x);
        let parts = ["query", "key", "value"].map(|part| format!("{at}.attention.self.{part}"));
        // Queries are divided by the root of a head's width here, once, rather than products at every run.
        let scale = ((width / heads) as f32).sqrt().recip();
        let all = self.linear(&read, &parts.each_ref().map(String::as_str), scale)?;
        let g = &mut self.graph;
        let (equal, by_head) = (g.integers(&[width; 3]), g.integers(&[0, 0, heads, width / heads]));
        let joined = g.integers(&[0, 0, width]);
        let parts: [String; 3] = g.nodes("Split", &[&all, &equal], &[("axis", Attribute::Integer(2))]);
        let [query, key, value] = parts.map(|part| g.node("Reshape", &[&part, &by_head], &[]));
        let turned = |g: &mut Graph, value: &str, order: &[i64]| {
            g.node("Transpose", &[value], &[("perm", Attribute::Integers(order))])
        };
        let query = turned(g, &query, &[0, 2, 1, 3]);
        let key = turned(g, &key, &[0, 2, 3, 1]);
        let value = turned(g, &value, &[0, 2, 1, 3]);
        let scores = g.node("MatMul", &[&query, &key], &[]);
        let shares = g.node("Softmax", &[&scores], &[("axis", Attribute::Integer(-1))]);
        let read = g.node("MatMul", &[&shares, &value], &[]);
        let read = turned(g, &read, &[0, 2, 1, 3]);
        Ok(g.node("Reshape", &[&read, &joined], &[]))
    }

    fn quantised(&mut self, x: &str) -> Quantised {
        self.graph.nodes("DynamicQuantizeLinear", &[x], &[])
    }

    /// `x` times one or several weights beside each other, plus bias; what comes of the first is scaled by `first`.
    fn linear(&mut self, x: &Quantised, names: &[&str], first: f32) -> Result<String, ConvertError> {
        let (mut values, mut scales, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        let mut inputs = 0;
        for (at, name) in names.iter().enumerate() {
            let weight = self.tensors.take(&format!("{name}.weight"), 2)?;
            inputs = weight.shape.last().copied().unwrap_or(0);
            let offset = self.vector(&format!("{name}.bias"), weight.shape.first().copied().unwrap_or(0))?;
            let rows = quantise::rows(&weight.values, inputs, WEIGHT_TOP);
            let factor = if at == 0 { first } else { 1.0 };
            values.extend(rows.values);
            scales.extend(rows.scales.iter().map(|scale| scale * factor));
            bias.extend(offset.iter().map(|value| value * factor));
        }
        let outputs = bias.len();
        if values.len() != inputs * outputs || values.is_empty() {
            let name = names.first().copied().unwrap_or_default().to_owned();
            return Err(ConvertError::Tensor { name, what: "does not fit its neighbours" });
        }
        let weight =
            self.graph.constant(Element::Int8, &[inputs, outputs], &quantise::transposed(&values, inputs));
        let scales = self.graph.floats(&[outputs], &scales);
        let bias = self.graph.floats(&[outputs], &bias);
        let [value, scale, zero] = x;
        let g = &mut self.graph;
        let product = g.node("MatMulInteger", &[value, &weight, zero, &self.no_zero_point], &[]);
        let product = g.node("Cast", &[&product], &[("to", Attribute::Integer(Element::Float as i64))]);
        let scale = g.node("Mul", &[scale, &scales], &[]);
        let product = g.node("Mul", &[&product, &scale], &[]);
        Ok(g.node("Add", &[&product, &bias], &[]))
    }

    fn normalised(&mut self, x: &str, name: &str) -> Result<String, ConvertError> {
        let gain = self.vector(&format!("{name}.weight"), self.width)?;
        let bias = self.vector(&format!("{name}.bias"), self.width)?;
        let gain = self.graph.floats(&[self.width], &gain);
        let bias = self.graph.floats(&[self.width], &bias);
        let options = [("axis", Attribute::Integer(-1)), ("epsilon", Attribute::Float(self.shape.epsilon))];
        Ok(self.graph.node("LayerNormalization", &[x, &gain, &bias], &options))
    }

    fn gelu(&mut self, x: &str) -> String {
        let g = &mut self.graph;
        let [root, one, half] = [std::f32::consts::SQRT_2, 1.0, 0.5].map(|value| g.floats(&[], &[value]));
        let inner = g.node("Div", &[x, &root], &[]);
        let inner = g.node("Erf", &[&inner], &[]);
        let inner = g.node("Add", &[&inner, &one], &[]);
        let product = g.node("Mul", &[x, &inner], &[]);
        g.node("Mul", &[&product, &half], &[])
    }

    fn matrix(&self, name: &str, width: usize) -> Result<Tensor, ConvertError> {
        let tensor = self.tensors.take(name, 2)?;
        if tensor.shape.last() != Some(&width) {
            return Err(ConvertError::Tensor { name: name.to_owned(), what: "has another width" });
        }
        Ok(tensor)
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ConvertError> {
        let tensor = self.tensors.take(name, 1)?;
        if tensor.values.len() != length {
            return Err(ConvertError::Tensor { name: name.to_owned(), what: "has another length" });
        }
        Ok(tensor.values)
    }
}
