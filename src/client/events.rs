//! The lines of a log as they stand in it.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use camino::Utf8Path;

use crate::base::path::{PathContext, PathError};
use crate::store::{Cursor, files};

/// Shows the lines between two places of a log, each with its number, as long as `each` wants more.
///
/// Both places come from a reader of the log, so that only whole, chained lines lie between them.
///
/// # Errors
/// The log cannot be read.
pub fn raw_lines(
    path: &Utf8Path,
    from: Cursor,
    to: Cursor,
    mut each: impl FnMut(u64, &[u8]) -> bool,
) -> Result<(), PathError> {
    let mut file = files::open_read(path)?;
    file.seek(SeekFrom::Start(from.offset)).at("cannot read", path)?;
    let mut input = BufReader::new(file.take(to.offset.saturating_sub(from.offset)));
    let mut line = Vec::new();
    let mut seq = from.chain.seq;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).at("cannot read", path)? == 0 {
            return Ok(());
        }
        seq += 1;
        if !each(seq, &line) {
            return Ok(());
        }
    }
}
