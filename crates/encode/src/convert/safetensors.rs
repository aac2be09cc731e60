//! Reads the safetensors format: eight bytes of length, a JSON header, the values in row order.

use std::collections::HashMap;

use serde::Deserialize;

use super::ConvertError;

/// The tensors of a file, by name. Only `F32` ones can be taken.
pub(super) struct Tensors<'a> {
    entries: HashMap<String, Entry>,
    values: &'a [u8],
}

/// One tensor.
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    dtype: String,
    #[serde(default)]
    shape: Vec<usize>,
    #[serde(default)]
    data_offsets: (usize, usize),
}

impl<'a> Tensors<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// The bytes are not a safetensors file.
    pub(super) fn parse(file: &'a [u8]) -> Result<Self, ConvertError> {
        let (length, rest) = file.split_first_chunk::<8>().ok_or(ConvertError::Kind)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| ConvertError::Kind)?;
        let (header, values) = rest.split_at_checked(length).ok_or(ConvertError::Kind)?;
        let entries = serde_json::from_slice(header).map_err(|_| ConvertError::Kind)?;
        Ok(Self { entries, values })
    }

    /// A tensor of finite values of this rank.
    ///
    /// # Errors
    /// It is not there, or not as it must be.
    pub(super) fn take(&self, name: &str, rank: usize) -> Result<Tensor, ConvertError> {
        let bad = |what| ConvertError::Tensor { name: name.to_owned(), what };
        let entry = self.entries.get(name).ok_or_else(|| bad("is missing"))?;
        if entry.dtype != "F32" || entry.shape.len() != rank {
            return Err(bad("has another type or rank"));
        }
        let (begin, end) = entry.data_offsets;
        let bytes = self.values.get(begin..end).ok_or_else(|| bad("lies outside the file"))?;
        let (values, rest) = bytes.as_chunks::<4>();
        let count = entry.shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
        if count != Some(values.len()) || !rest.is_empty() {
            return Err(bad("has another length than its shape says"));
        }
        let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(bad("holds a value that is not finite"));
        }
        Ok(Tensor { shape: entry.shape.clone(), values })
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }
}
