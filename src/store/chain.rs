//! The chain of a log before a place, followed without reading what the lines say.

use std::io::{BufRead, BufReader, Read};
use std::str::FromStr;

use camino::Utf8Path;

use super::cursor::Cursor;
use super::files;
use crate::event::Hash;

/// What stands behind the hash at the end of a line.
const CLOSING: &[u8] = b"\"}";
/// Digits of a hash.
const DIGITS: usize = 32;

/// Whether every line before `cursor` still is the one that was written.
///
/// Each line ends with the hash of the one before it, so no line has to be parsed. A line of another
/// form counts as broken: whoever then reads the whole log learns what is wrong with it, if anything.
pub fn is_unbroken(path: &Utf8Path, cursor: &Cursor) -> bool {
    let Ok(file) = files::open_read(path) else { return false };
    let mut input = BufReader::with_capacity(256 << 10, file.take(cursor.offset));
    let mut line = Vec::new();
    let mut hash = Hash::default();
    let mut lines = 0;
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => return lines == cursor.chain.seq && hash == cursor.chain.hash,
            Ok(_) if line.pop() == Some(b'\n') && named(&line) == Some(hash) => {}
            Ok(_) | Err(_) => return false,
        }
        hash = Hash::of(&line);
        lines += 1;
    }
}

/// The hash that a line names for the one before it.
fn named(line: &[u8]) -> Option<Hash> {
    let line = line.strip_suffix(CLOSING)?;
    let digits = line.get(line.len().checked_sub(DIGITS)?..)?;
    Hash::from_str(std::str::from_utf8(digits).ok()?).ok()
}
