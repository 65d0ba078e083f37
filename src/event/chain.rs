//! The hash that chains the lines of a log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// First 128 bits of the BLAKE3 hash of a line without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hash([u8; 16]);

impl Hash {
    /// Hashes the bytes of one line, without its newline.
    pub fn of(line: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(line).as_bytes()[..16]);
        Self(short)
    }

    /// Hands its hexadecimal digits over, without allocating.
    pub(super) fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; 32];
        for (at, byte) in self.0.iter().enumerate() {
            text[at * 2] = b"0123456789abcdef"[usize::from(byte >> 4)];
            text[at * 2 + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        take(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = "a hash is 32 hexadecimal digits";
        let bytes = text.as_bytes();
        if bytes.len() != 32 {
            return Err(bad);
        }
        let mut hash = [0; 16];
        for (at, pair) in bytes.chunks_exact(2).enumerate() {
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            hash[at] = digit(pair[0]).ok_or(bad)? << 4 | digit(pair[1]).ok_or(bad)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a log ends: the number and the hash of its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Chain {
    /// Number of the last line; 0 for an empty log.
    pub seq: u64,
    /// Hash of the last line; zero for an empty log.
    pub hash: Hash,
}
