//! The part of the protocol buffers encoding that writing needs: varints, and fields with a length before them.

/// A message being written.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// An integer.
    pub(super) fn integer(&mut self, field: u32, value: u64) -> &mut Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    /// A float.
    pub(super) fn float(&mut self, field: u32, value: f32) -> &mut Self {
        self.varint(u64::from(field) << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A string, raw bytes or another message.
    pub(super) fn bytes(&mut self, field: u32, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// Several integers, each a field of its own: ONNX has the older syntax, in which none are packed.
    pub(super) fn integers(&mut self, field: u32, values: &[i64]) -> &mut Self {
        values.iter().for_each(|value| _ = self.integer(field, value.cast_unsigned()));
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's own description.
    #[test]
    fn fields_are_written_as_the_format_says() {
        let mut message = Message::default();
        message.integer(1, 150).bytes(2, "testing").integers(6, &[3, 270]).float(1, 1.0);
        let expected: &[&[u8]] = &[
            &[0x08, 0x96, 0x01],
            &[0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
            &[0x30, 0x03, 0x30, 0x8e, 0x02],
            &[0x0d, 0x00, 0x00, 0x80, 0x3f],
        ];
        assert_eq!(message.into_bytes(), expected.concat());
    }
}
