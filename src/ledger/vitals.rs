//! Signs of life of an attempt, read from its files without asking anybody.

use std::io::{Read, Seek, SeekFrom};
use std::time::UNIX_EPOCH;

use camino::Utf8Path;

use crate::base::{Time, limits, redact, text};
use crate::engine::AttemptVitals;
use crate::event::Usage;
use crate::store::{AttemptDir, FileLock, PlaceFile, files};

/// What is seen of one attempt now.
pub fn attempt_vitals(attempt: &AttemptDir) -> AttemptVitals {
    // Short attempts have no heartbeat file yet: that their shim wrote its first record is a beat.
    let beat_at = touched(&attempt.heartbeat(), false).or(touched(&attempt.shim(), false));
    let stdout_at = touched(&attempt.stdout(), true);
    let stderr_at = touched(&attempt.stderr(), true);
    let place = PlaceFile::read(attempt);
    // The record that the shim writes when it has started the agent.
    let begun_at = place.as_ref().and_then(|_| touched(&attempt.shim(), false));
    let is_mute = stdout_at.is_none() && stderr_at.is_some();
    let stderr_tail = if is_mute { tail(&attempt.stderr()) } else { None };
    AttemptVitals {
        beat_at,
        stdout_at,
        output_at: stdout_at.max(stderr_at),
        tool_since: None,
        is_asking: FileLock::is_shared(&attempt.ask_lock()).unwrap_or(false),
        stderr_tail: stderr_tail.unwrap_or_default(),
        retrying: None,
        over_at: None,
        usage: Usage::default(),
        is_queued: place.as_ref().is_some_and(|place| place.waits) && begun_at.is_none(),
        place: place.map(|place| text::one_line(&place.told(), limits::SUMMARY_CHARS_MAX)),
        begun_at,
    }
}

/// When a file was changed last, if it exists and, where asked for, is not empty.
fn touched(path: &Utf8Path, needs_content: bool) -> Option<Time> {
    let file = path.metadata().ok()?;
    if needs_content && file.len() == 0 {
        return None;
    }
    let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Time(i64::try_from(since.as_millis()).ok()?))
}

/// The end of a file as one line that may be shown.
fn tail(path: &Utf8Path) -> Option<String> {
    let mut file = files::open_read(path).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(limits::STDERR_TAIL_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(limits::STDERR_TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    let said = redact::redact(&text::printable(&String::from_utf8_lossy(&bytes))).into_owned();
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    Some(text::one_line(last, limits::SUMMARY_CHARS_MAX))
}
