//! The two ends of a log, read without what lies between.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;

use camino::Utf8Path;
use serde::Deserialize;

use super::cursor::Cursor;
use super::log::{self, Damage, LogError};
use super::torn::{self, Verdict};
use crate::base::path::PathContext;
use crate::event::{Chain, Hash, Record};

/// Bytes of the first look at the end of a log; each further look takes four times as many.
const WINDOW_BYTES: u64 = 16 << 10;

/// Reads the first event; absent while there is none.
///
/// # Errors
/// There is no log, it cannot be read, or its first line is damaged.
pub fn first(path: impl AsRef<Utf8Path>) -> Result<Option<Record>, LogError> {
    let path = path.as_ref();
    let mut input = BufReader::with_capacity(16 << 10, log::open_log(path)?);
    let mut line = Vec::new();
    log::read_line(&mut input, &mut line).at("cannot read", path)?;
    let why = match line.split_last() {
        None => return Ok(None),
        Some((b'\n', text)) => match Record::read(text, Chain::default()) {
            Ok((record, _)) => return Ok(Some(record)),
            Err(why) => Some(why),
        },
        Some(_) => None,
    };
    let verdict = torn::judge(&line, why, Cursor::default(), &mut input);
    refuse(verdict.at("cannot read", path)?, path, Cursor::default()).map(|()| None)
}

/// Reads the last `count` events, oldest first, from the end backwards; a torn tail is skipped.
///
/// # Errors
/// As [`last_lines`].
pub fn last_records(path: impl AsRef<Utf8Path>, count: usize) -> Result<Vec<Record>, LogError> {
    Ok(last_lines(path, count)?.into_iter().map(|line| line.record).collect())
}

/// One event together with its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The event.
    pub record: Record,
    /// The line as it stands in the log, with its newline.
    pub bytes: Vec<u8>,
}

/// Reads the last `count` lines, oldest first, from the end backwards; a torn tail is skipped.
///
/// The chain is checked between these lines, not before them.
///
/// # Errors
/// There is no log, it cannot be read, or one of these lines is damaged.
pub fn last_lines(path: impl AsRef<Utf8Path>, count: usize) -> Result<Vec<Line>, LogError> {
    let path = path.as_ref();
    let file = log::open_log(path)?;
    let size = file.metadata().at("cannot read", path)?.len();
    let (mut window, mut lines) = (WINDOW_BYTES, count);
    loop {
        let start = size.saturating_sub(window);
        let (mut found, from) = window_lines(path, &file, start, size, lines)?;
        if found.len() >= count || from == 0 {
            found.drain(..found.len().saturating_sub(count));
            return Ok(found);
        }
        // A torn tail may have lines of its own, so more of them are looked at, too.
        (window, lines) = (window.saturating_mul(4), lines.saturating_mul(4));
    }
}

/// The place of a line by what it says itself.
#[derive(Deserialize)]
struct Place {
    seq: u64,
    prev: Hash,
}

/// The last events of the lines that begin behind `start`, and where the first of them begins.
fn window_lines(
    path: &Utf8Path,
    file: &File,
    start: u64,
    size: u64,
    lines: usize,
) -> Result<(Vec<Line>, u64), LogError> {
    let mut bytes = vec![0; usize::try_from(size - start).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, start).at("cannot read", path)?;
    let mut from = line_start(&bytes, start, lines);
    let first = start + from as u64;
    let mut found = Vec::new();
    let Some(mut cursor) = anchor(&bytes[from..], first) else {
        return Ok((found, first));
    };
    while from < bytes.len() {
        let length = bytes[from..].iter().position(|byte| *byte == b'\n');
        let (line, why) = match length {
            Some(length) => match Record::read(&bytes[from..from + length], cursor.chain) {
                Ok((record, chain)) => {
                    cursor.pass(&record, chain, length as u64 + 1);
                    let bytes = bytes[from..=from + length].to_vec();
                    found.push(Line { record, bytes });
                    from += length + 1;
                    continue;
                }
                Err(why) => (&bytes[from..=from + length], Some(why)),
            },
            None => (&bytes[from..], None),
        };
        let mut rest = &bytes[from + line.len()..];
        let verdict = torn::judge(line, why, cursor, &mut rest).at("cannot read", path)?;
        return refuse(verdict, path, cursor).map(|()| (found, first));
    }
    Ok((found, first))
}

/// Where the last `count` complete lines begin, as far as they lie in the window.
fn line_start(bytes: &[u8], start: u64, count: usize) -> usize {
    let newlines = bytes.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    // The last newline ends the last line, so the newline before `count` lines is one further.
    match newlines.map(|(at, _)| at).nth(count) {
        Some(at) => at + 1,
        None if start == 0 => 0,
        None => bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1),
    }
}

/// The cursor before the line that `bytes` begin with, as that line says itself.
fn anchor(bytes: &[u8], offset: u64) -> Option<Cursor> {
    if offset == 0 {
        return Some(Cursor::default());
    }
    let length = bytes.iter().position(|byte| *byte == b'\n')?;
    let place: Place = serde_json::from_slice(&bytes[..length]).ok()?;
    Some(Cursor {
        offset,
        chain: Chain { seq: place.seq.checked_sub(1)?, hash: place.prev },
        ..Cursor::default()
    })
}

/// Turns everything but a torn tail into an error.
fn refuse(verdict: Verdict, path: &Utf8Path, cursor: Cursor) -> Result<(), LogError> {
    match verdict {
        Verdict::Torn { .. } => Ok(()),
        Verdict::Newer(format) => Err(LogError::Newer { path: path.to_owned(), format }),
        Verdict::Damaged(why) => Err(LogError::Damaged(Damage {
            file: path.to_owned(),
            line: cursor.chain.seq + 1,
            offset: cursor.offset,
            why,
        })),
    }
}
