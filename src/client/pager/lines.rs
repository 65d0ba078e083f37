//! Finding and reading lines in the middle of a file.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use camino::Utf8Path;

use crate::base::limits;
use crate::base::path::{PathContext, PathError};
use crate::store::files;

/// Bytes of one look backwards.
const BLOCK_BYTES: u64 = 64 << 10;

/// The file, when it is there.
pub(super) fn open(path: &Utf8Path) -> Result<Option<File>, PathError> {
    match files::open_read(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes of the file.
pub(super) fn size(file: &File, path: &Utf8Path) -> Result<u64, PathError> {
    Ok(file.metadata().at("cannot read", path)?.len())
}

/// Where the line begins that holds the byte before `place`; a line without end begins anywhere.
pub(super) fn start_of_line(file: &File, place: u64, path: &Utf8Path) -> Result<u64, PathError> {
    let floor = place.saturating_sub(limits::OUTPUT_LINE_BYTES_MAX as u64);
    let mut end = place;
    while end > floor {
        let start = end.saturating_sub(BLOCK_BYTES).max(floor);
        let block = bytes(file, start, end, path)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(if floor == 0 { 0 } else { place })
}

/// The bytes between two places, as far as they are there.
pub(super) fn bytes(
    file: &File,
    start: u64,
    end: u64,
    path: &Utf8Path,
) -> Result<Vec<u8>, PathError> {
    let wanted = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
    let mut block = vec![0; wanted];
    let mut got = 0;
    while got < block.len() {
        match file.read_at(&mut block[got..], start + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).at("cannot read", path),
        }
    }
    block.truncate(got);
    Ok(block)
}
