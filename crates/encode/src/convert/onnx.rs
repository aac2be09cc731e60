//! Writes an ONNX file: nodes, constants, one input, one output. Only what [`super::bert`] needs of the format.
//!
//! Field numbers and element types are those of `onnx.proto` (IR version 8, operator set 17).

use super::protobuf::Message;

const IR_VERSION: u64 = 8;
const OPERATOR_SET: u64 = 17;

/// The element type of a constant or a value.
#[derive(Clone, Copy)]
pub(super) enum Element {
    Float = 1,
    Int8 = 3,
    Int64 = 7,
}

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Float(f32),
    Integer(i64),
    Integers(&'a [i64]),
}

/// A graph being written. Values are known by name; a node's outputs get names of their own.
#[derive(Default)]
pub(super) struct Graph {
    graph: Message,
    named: usize,
}

impl Graph {
    /// A value of the caller: `shape` holds lengths, and names for what is known only when it is run.
    pub(super) fn input(&mut self, name: &str, element: Element, shape: &[Result<u64, &str>]) {
        self.graph.bytes(11, value(name, element, shape));
    }

    /// What is given back.
    pub(super) fn output(&mut self, name: &str, element: Element, shape: &[Result<u64, &str>]) {
        self.graph.bytes(12, value(name, element, shape));
    }

    /// A constant; `bytes` are little endian, in row order.
    pub(super) fn constant(&mut self, element: Element, shape: &[usize], bytes: &[u8]) -> String {
        let name = self.name("c");
        let shape: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
        let mut tensor = Message::default();
        tensor.integers(1, &shape).integer(2, element as u64).bytes(8, &name).bytes(9, bytes);
        self.graph.bytes(5, tensor);
        name
    }

    /// A constant of floats.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Element::Float, shape, &bytes)
    }

    /// A constant list of integers.
    pub(super) fn integers(&mut self, values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Element::Int64, &[values.len()], &bytes)
    }

    /// A node with one output, whose name is given back.
    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        let [output] = self.nodes(kind, inputs, attributes);
        output
    }

    /// A node with several outputs.
    pub(super) fn nodes<const N: usize>(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> [String; N] {
        let outputs = std::array::from_fn(|_| self.name(kind));
        let mut node = Message::default();
        inputs.iter().for_each(|input| _ = node.bytes(1, input));
        outputs.iter().for_each(|output: &String| _ = node.bytes(2, output));
        node.bytes(4, kind);
        for (name, value) in attributes {
            node.bytes(5, attribute(name, value));
        }
        self.graph.bytes(1, node);
        outputs
    }

    /// The whole file, with remarks that a reader of the file can see.
    pub(super) fn finish(mut self, name: &str, remarks: &[(&str, &str)]) -> Vec<u8> {
        self.graph.bytes(2, name);
        let mut operators = Message::default();
        operators.bytes(1, "").integer(2, OPERATOR_SET);
        let mut model = Message::default();
        model.integer(1, IR_VERSION).bytes(2, "pointsman").bytes(7, self.graph).bytes(8, operators);
        for (key, value) in remarks {
            let mut entry = Message::default();
            entry.bytes(1, key).bytes(2, value);
            model.bytes(14, entry);
        }
        model.into_bytes()
    }

    fn name(&mut self, kind: &str) -> String {
        self.named += 1;
        format!("{kind}_{}", self.named)
    }
}

fn attribute(name: &str, value: &Attribute<'_>) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, name);
    match value {
        Attribute::Float(value) => attribute.float(2, *value).integer(20, 1),
        Attribute::Integer(value) => attribute.integer(3, value.cast_unsigned()).integer(20, 2),
        Attribute::Integers(values) => attribute.integers(8, values).integer(20, 7),
    };
    attribute
}

fn value(name: &str, element: Element, shape: &[Result<u64, &str>]) -> Message {
    let mut dimensions = Message::default();
    for length in shape {
        let mut dimension = Message::default();
        match length {
            Ok(length) => dimension.integer(1, *length),
            Err(name) => dimension.bytes(2, name),
        };
        dimensions.bytes(1, dimension);
    }
    let (mut tensor, mut kind, mut value) = (Message::default(), Message::default(), Message::default());
    tensor.integer(1, element as u64).bytes(2, dimensions);
    kind.bytes(1, tensor);
    value.bytes(1, name).bytes(2, kind);
    value
}
