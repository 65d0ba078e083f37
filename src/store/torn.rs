//! Torn or damaged: what the first broken line of a log means, and where a torn tail is kept.
//!
//! An interrupted write leaves the lines of one batch in any state: missing, cut, full of zeros.
//! So a broken line is a torn tail as long as nothing behind it was written by a later write; a
//! later write proves that the broken one had been finished and synced, and then broke.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Seek, SeekFrom};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cursor::Cursor;
use super::files;
use super::layout::RunDir;
use super::log::{self, Torn};
use crate::base::path::{PathContext, PathError};
use crate::base::{Time, limits};
use crate::event::{Hash, LineError};

/// What a broken line means.
pub(super) enum Verdict {
    /// An interrupted write: the rest of the log can be moved away.
    Torn { bytes: u64, reason: String },
    /// A complete line of a newer format.
    Newer(u32),
    /// Something that no interrupted write leaves behind.
    Damaged(String),
}

/// How every line begins. Inside texts the quotes are escaped, so no text looks like it.
const LINE_START: &[u8] = b"{\"seq\":";

/// Judges the broken line behind `cursor`; `why` is absent when it has no newline.
pub(super) fn judge(
    line: &[u8],
    why: Option<LineError>,
    cursor: Cursor,
    rest: &mut impl BufRead,
) -> io::Result<Verdict> {
    let reason = match why {
        Some(wrong @ (LineError::Number { .. } | LineError::Chain)) => {
            return Ok(Verdict::Damaged(wrong.to_string()));
        }
        Some(LineError::Syntax(why)) => {
            if let Some(verdict) = judge_well_formed(line, cursor, &why) {
                return Ok(verdict);
            }
            why
        }
        None if line.len() > limits::LOG_LINE_BYTES_MAX => "the line is too long".to_owned(),
        None => "the line is not finished".to_owned(),
    };
    let due = cursor.chain.seq + 1;
    let mut bytes = line.len() as u64;
    if let Some(later) = later_write(line, due) {
        return Ok(Verdict::Damaged(damaged(&reason, later)));
    }
    let mut next = Vec::new();
    loop {
        next.clear();
        let got = log::read_line(rest, &mut next)?;
        if got == 0 {
            return Ok(Verdict::Torn { bytes, reason });
        }
        bytes += got;
        if let Some(later) = later_write(&next, due) {
            return Ok(Verdict::Damaged(damaged(&reason, later)));
        }
    }
}

/// Keeps a torn tail in a file of its own and cuts it from the log; returns that file's length.
///
/// The copy is on disk before the log is cut. It is appended to what an earlier, interrupted
/// attempt at the same line has left, so that no byte is ever lost.
pub(super) fn move_away(
    mut log: &File,
    torn: &Torn,
    run: &RunDir,
    seq: u64,
) -> Result<u64, PathError> {
    let path = run.torn(seq);
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    let mut kept = files::open(&path, "cannot write", &mut options)?;
    log.seek(SeekFrom::Start(torn.offset)).at("cannot read", run.events())?;
    io::copy(&mut log, &mut kept).at("cannot write", &path)?;
    kept.sync_all().at("cannot sync", &path)?;
    files::sync_dir(run.path())?;
    log.set_len(torn.offset).at("cannot cut the torn tail of", run.events())?;
    kept.metadata().map(|meta| meta.len()).at("cannot read", &path)
}

/// The envelope of a line.
#[derive(Deserialize)]
#[expect(dead_code, reason = "a line without these fields is no line")]
struct Head<'a> {
    seq: u64,
    at: Time,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    epoch: u32,
    batch: u64,
    #[serde(borrow)]
    data: &'a RawValue,
    prev: Hash,
}

/// A complete envelope whose content cannot be read was not torn; it may be newer.
fn judge_well_formed(line: &[u8], cursor: Cursor, why: &str) -> Option<Verdict> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let head: Head<'_> = serde_json::from_slice(line).ok()?;
    let said = match head.kind.as_ref() {
        "run.created" => {
            serde_json::from_str(head.data.get()).map_or(0, |Format { format }| format)
        }
        _ => 0,
    };
    let format = cursor.format.max(said);
    Some(if format > limits::LOG_FORMAT {
        Verdict::Newer(format)
    } else {
        Verdict::Damaged(why.to_owned())
    })
}

/// The number of a line in `bytes` that a later write than the one of line `due` has written.
fn later_write(bytes: &[u8], due: u64) -> Option<u64> {
    let mut from = 0;
    while let Some(found) = find(&bytes[from..], LINE_START) {
        from += found;
        let mut heads =
            serde_json::Deserializer::from_slice(&bytes[from..]).into_iter::<Head<'_>>();
        if let Some(Ok(head)) = heads.next()
            && head.batch > due
        {
            return Some(head.seq);
        }
        from += LINE_START.len();
    }
    None
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn damaged(reason: &str, later: u64) -> String {
    format!("{reason} (event {later} behind it was written later)")
}
