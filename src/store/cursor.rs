//! Where a reader stands in a log, and whether the log still is the one it read.

use std::fs::File;
use std::os::unix::fs::FileExt;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::files;
use crate::base::limits;
use crate::event::{Body, Chain, Hash, Record};

/// A place between two lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Bytes before this place.
    pub offset: u64,
    /// Where the line before this place begins.
    pub line: u64,
    /// Number and hash of the line before this place.
    pub chain: Chain,
    /// Version of the log: what its first line says, or more when an unknown event was read.
    pub format: u32,
}

/// How a log on disk relates to a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The log ends at the cursor.
    Current,
    /// The log goes on after the cursor for so many bytes.
    Behind(u64),
    /// The line before the cursor is not the one that was read.
    Foreign,
}

impl Cursor {
    /// Whether the log is of a newer version, which forbids writing.
    pub fn is_newer(&self) -> bool {
        self.format > limits::LOG_FORMAT
    }

    /// Compares the cursor with the log at `path`; a log that cannot be read is foreign.
    pub fn standing(&self, path: &Utf8Path) -> Standing {
        match files::open_read(path) {
            Ok(file) => self.standing_in(&file),
            Err(_) => Standing::Foreign,
        }
    }

    /// Compares the cursor with an open log.
    pub(super) fn standing_in(&self, file: &File) -> Standing {
        let Ok(size) = file.metadata().map(|meta| meta.len()) else {
            return Standing::Foreign;
        };
        match size.checked_sub(self.offset) {
            Some(more) if self.is_confirmed_by(file) => match more {
                0 => Standing::Current,
                more => Standing::Behind(more),
            },
            _ => Standing::Foreign,
        }
    }

    /// Moves over a line of `bytes` bytes, newline included.
    pub(super) fn pass(&mut self, record: &Record, chain: Chain, bytes: u64) {
        self.line = self.offset;
        self.offset += bytes;
        self.chain = chain;
        if let Body::RunCreated(created) = &record.body {
            self.format = self.format.max(created.format);
        } else if let Body::Unknown { .. } = &record.body {
            self.format = self.format.max(limits::LOG_FORMAT + 1);
        }
    }

    /// The last line's hash covers, through its chain, every byte before the cursor.
    fn is_confirmed_by(&self, file: &File) -> bool {
        if self.offset == 0 {
            return *self == Self::default();
        }
        let bytes = self.offset.checked_sub(self.line).map(usize::try_from);
        let Some(Ok(bytes @ 1..=limits::LOG_LINE_BYTES_MAX)) = bytes else {
            return false;
        };
        let mut line = vec![0; bytes];
        file.read_exact_at(&mut line, self.line).is_ok()
            && line
                .split_last()
                .is_some_and(|(end, text)| *end == b'\n' && Hash::of(text) == self.chain.hash)
    }
}
