//! Reading a log: from a cursor on, without a lock, line by line.
//!
//! A reader never guesses: what it delivers is the unbroken chain from the first line on. Where
//! the chain ends it says why: the log ends, its tail is torn, or it is damaged.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};

use super::cursor::{Cursor, Standing};
use super::files;
use super::torn::{self, Verdict};
use crate::base::limits;
use crate::base::path::{PathContext, PathError};
use crate::event::{LineError, Record};

/// Bytes asked from the system at once.
const READ_BYTES: u64 = 256 << 10;

/// Why a log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// There is no log.
    #[error("there is no log at `{0}`")]
    Missing(Utf8PathBuf),
    /// A line inside the log is broken.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A newer version of crew wrote lines that this one cannot read or may not follow.
    #[error("`{path}` was written by a newer version of crew (log format {format})")]
    Newer {
        /// The log.
        path: Utf8PathBuf,
        /// Its format.
        format: u32,
    },
    /// The log no longer holds the last line that was read: a failed write was taken back.
    #[error("`{0}` changed behind the place it was read to; read it again from its start")]
    Rewound(Utf8PathBuf),
    /// The log has more lines than the writer knows.
    #[error("`{0}` has grown since it was read")]
    Grown(Utf8PathBuf),
    /// An event does not fit into a line.
    #[error("an event of {bytes} bytes does not fit into a line of `{path}` (at most {max})",
        max = limits::LOG_LINE_BYTES_MAX)]
    TooLong {
        /// The log.
        path: Utf8PathBuf,
        /// Bytes of the event's line.
        bytes: usize,
    },
}

/// A broken line that is not a torn tail; it is never cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}` is damaged at line {line} (byte {offset}): {why}")]
pub struct Damage {
    /// The log.
    pub file: Utf8PathBuf,
    /// Number of the line, from 1.
    pub line: u64,
    /// Where it begins.
    pub offset: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What an interrupted write left at the end of a log; readers ignore it, the next writer moves it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What one look at a log found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatchUp {
    /// Events delivered.
    pub records: u64,
    /// Bytes they have.
    pub bytes: u64,
    /// What stands behind them.
    pub torn: Option<Torn>,
    /// The log is of a newer version: it may be shown, and must not be written.
    pub newer: bool,
}

/// Reads a log and remembers where it stands; holds no file open in between.
#[derive(Debug, Clone)]
pub struct LogReader {
    path: Utf8PathBuf,
    cursor: Cursor,
}

impl LogReader {
    /// Reads the log at `path` from its start.
    pub fn open(path: impl Into<Utf8PathBuf>) -> Self {
        Self::at(path, Cursor::default())
    }

    /// Reads the log at `path` from `cursor` on.
    pub fn at(path: impl Into<Utf8PathBuf>, cursor: Cursor) -> Self {
        Self { path: path.into(), cursor }
    }

    /// The log.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Where the reader stands: behind the last event that it delivered.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Skips what the owner of this reader appended itself.
    pub fn advance(&mut self, to: Cursor) {
        debug_assert!(to.offset >= self.cursor.offset, "readers do not go backwards");
        self.cursor = to;
    }

    /// Delivers the events behind the cursor and moves it over them.
    ///
    /// # Errors
    /// The events before the broken place have been delivered, and the cursor stands before it.
    pub fn catch_up(&mut self, each: impl FnMut(Record)) -> Result<CatchUp, LogError> {
        self.catch_up_to(u64::MAX, each)
    }

    /// Delivers the events behind the cursor up to event `last`, and moves it over them.
    ///
    /// # Errors
    /// As [`LogReader::catch_up`].
    pub fn catch_up_to(
        &mut self,
        last: u64,
        mut each: impl FnMut(Record),
    ) -> Result<CatchUp, LogError> {
        let from = self.cursor;
        let torn = match self.read_on(last, &mut each) {
            // A writer may just have cut a torn tail under this reader: what is broken stays broken.
            Err(LogError::Damaged(_)) => self.read_on(last, &mut each)?,
            found => found?,
        };
        Ok(CatchUp {
            records: self.cursor.chain.seq - from.chain.seq,
            bytes: self.cursor.offset - from.offset,
            torn,
            newer: self.cursor.is_newer(),
        })
    }

    fn read_on(
        &mut self,
        last: u64,
        each: &mut impl FnMut(Record),
    ) -> Result<Option<Torn>, LogError> {
        let from = self.cursor.offset;
        let mut file = open_log(&self.path)?;
        let size = file.metadata().at("cannot read", &self.path)?.len();
        if size < from {
            return Err(LogError::Rewound(self.path.clone()));
        }
        if size == from {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(from)).at("cannot read", &self.path)?;
        let capacity = READ_BYTES.min((size - from).max(4_096));
        let capacity = usize::try_from(capacity).unwrap_or(4_096);
        self.read_lines(last, &mut BufReader::with_capacity(capacity, file), each)
    }

    /// Delivers complete lines until the last wanted one, or the log ends or its chain does.
    fn read_lines(
        &mut self,
        last: u64,
        input: &mut BufReader<File>,
        each: &mut impl FnMut(Record),
    ) -> Result<Option<Torn>, LogError> {
        let from = self.cursor.offset;
        let mut line = Vec::new();
        loop {
            if self.cursor.chain.seq >= last {
                return Ok(None);
            }
            line.clear();
            let bytes = read_line(input, &mut line).at("cannot read", &self.path)?;
            if bytes == 0 {
                return Ok(None);
            }
            let why = match line.split_last() {
                Some((b'\n', text)) => match Record::read(text, self.cursor.chain) {
                    Ok((record, chain)) => {
                        self.cursor.pass(&record, chain, bytes);
                        each(record);
                        continue;
                    }
                    Err(why) => Some(why),
                },
                _ => None,
            };
            // Without a confirmed line the offset itself may point into the middle of one.
            if self.cursor.offset == from
                && self.cursor.standing_in(input.get_ref()) == Standing::Foreign
            {
                return Err(LogError::Rewound(self.path.clone()));
            }
            return self.judge(&line, why, input).map(Some);
        }
    }

    /// Decides between a torn tail and damage, and refuses what is merely newer.
    fn judge(
        &self,
        line: &[u8],
        why: Option<LineError>,
        rest: &mut impl BufRead,
    ) -> Result<Torn, LogError> {
        let verdict = torn::judge(line, why, self.cursor, rest).at("cannot read", &self.path)?;
        match verdict {
            Verdict::Torn { bytes, reason } => {
                Ok(Torn { offset: self.cursor.offset, bytes, reason })
            }
            Verdict::Newer(format) => Err(LogError::Newer { path: self.path.clone(), format }),
            Verdict::Damaged(why) => Err(LogError::Damaged(Damage {
                file: self.path.clone(),
                line: self.cursor.chain.seq + 1,
                offset: self.cursor.offset,
                why,
            })),
        }
    }
}

/// What reading a whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Lines with an unbroken chain from the first on.
    pub lines: u64,
    /// What an interrupted write left behind them.
    pub torn: Option<Torn>,
    /// The first broken line.
    pub damage: Option<Damage>,
}

/// Reads a whole log and checks every line.
///
/// # Errors
/// The log cannot be read at all; broken lines are part of the result.
pub fn verify(path: impl Into<Utf8PathBuf>) -> Result<Verification, LogError> {
    let mut reader = LogReader::open(path);
    let (torn, damage) = match reader.catch_up(drop) {
        Ok(found) => (found.torn, None),
        Err(LogError::Damaged(damage)) => (None, Some(damage)),
        Err(error) => return Err(error),
    };
    Ok(Verification { lines: reader.cursor.chain.seq, torn, damage })
}

/// Opens a log for reading.
pub(super) fn open_log(path: &Utf8Path) -> Result<File, LogError> {
    files::open_read(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            LogError::Missing(path.to_owned())
        } else {
            LogError::Io(error)
        }
    })
}

/// Reads one line with its newline, or what fits of a longer one; returns the bytes read.
pub(super) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<u64> {
    let max = limits::LOG_LINE_BYTES_MAX as u64 + 1;
    let bytes = input.by_ref().take(max).read_until(b'\n', line)?;
    Ok(bytes as u64)
}
