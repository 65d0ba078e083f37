//! The `text` format: whatever a program prints is what it says.

use super::observation::Observation;
use crate::base::{limits, redact, text};

/// Reads one line. Colours and other terminal codes are dropped: they mean nothing in a record.
pub(super) fn decode(line: &[u8]) -> Observation {
    let line = String::from_utf8_lossy(line);
    let plain = text::printable(&without_sequences(&line));
    Observation::Text { text: redact::middle_cut(&plain, limits::RESULT_BYTES_MAX).into_owned() }
}

/// Leaves out `ESC [ … letter`; other control characters are left to the caller.
fn without_sequences(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| matches!(c, '@'..='~'));
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain
}
