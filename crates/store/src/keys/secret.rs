//! A key's secret: `pm-` and 43 characters of the URL-safe base64 alphabet, 32 random bytes in all.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::error::StoreError;

pub(super) type Hash = [u8; 32];

const PREFIX: &str = "pm-";
const LENGTH: usize = PREFIX.len() + 43;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn fresh() -> Result<SecretString, StoreError> {
    let mut text = PREFIX.to_owned();
    spell(&random::<32>()?, &mut text);
    Ok(SecretString::from(text))
}

/// An id of `prefix` and 12 characters.
pub(super) fn fresh_id(prefix: &str) -> Result<String, StoreError> {
    let mut text = prefix.to_owned();
    spell(&random::<9>()?, &mut text);
    Ok(text)
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether it has a key's form: what has not need not be hashed.
pub(super) fn is_one(presented: &str) -> bool {
    presented.len() == LENGTH && presented.starts_with(PREFIX)
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    Ok(bytes)
}

/// Six bits a character, the last one filled up with zeros.
fn spell(bytes: &[u8], out: &mut String) {
    let mut bits = 0u32;
    let mut held = 0;
    let mut put = |six: u32| out.extend(ALPHABET.get((six & 63) as usize).map(|&byte| char::from(byte)));
    for &byte in bytes {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            put(bits >> held);
        }
    }
    if held > 0 {
        put(bits << (6 - held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelt_as_url_safe_base64_without_padding() {
        // RFC 4648, section 10, and the two characters that differ in the URL-safe alphabet.
        let vectors: [(&[u8], &str); 6] = [
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff], "-_8"),
            (b"", ""),
        ];
        for (bytes, spelt) in vectors {
            let mut out = String::new();
            spell(bytes, &mut out);
            assert_eq!(out, spelt);
        }
    }
}
