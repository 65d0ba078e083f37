//! Private keys in PEM: lines between a beginning and an end, one of which may be missing.

use super::{Found, REDACTED};

const KIND: &str = "private key";
/// Longest private key that is looked for.
const KEY_MAX: usize = 64 << 10;

/// A private key that begins or ends with the hyphens at `at`.
pub(super) fn at(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let rest = &bytes[at..];
    if rest.starts_with(b"-----BEGIN ") && is_private(rest) {
        let body = &rest[11..rest.len().min(KEY_MAX)];
        let to = match find(body, b"-----END") {
            Some(end) => at + 11 + end,
            // Whoever only speaks of keys has none behind the words.
            None => at + 11 + head_end(body) + key_end(&text[at + 11 + head_end(body)..]).0,
        };
        return Some(Found { from: at + 5, to, kind: KIND });
    }
    if rest.starts_with(b"-----END ") && is_private(rest) {
        let from = begin_of(bytes, at);
        // Nothing to take away: the key itself is gone already.
        return (from < at).then_some(Found { from, to: at, kind: KIND });
    }
    None
}

/// Where the lines of a key end that began before this text, and whether they are known to end there.
pub(super) fn key_end(text: &str) -> (usize, bool) {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let end = rest.find('\n').unwrap_or(rest.len());
        let escaped = rest[..end].find("\\n").map(|at| (at, at + 2));
        let (length, next) = escaped.unwrap_or((end, rest.len().min(end + 1)));
        let line = &rest[..length];
        if line.contains("-----END") {
            return (at + line.find("-----END").unwrap_or(0), true);
        }
        if !is_key_line(line) {
            return (at, true);
        }
        at += next;
    }
    (text.len(), false)
}

/// Whether a line may stand in a private key: also behind a number or the sign of a difference.
fn is_key_line(line: &str) -> bool {
    let is_prefix = |c: char| c.is_ascii_digit() || " \t+-|>:→│".contains(c);
    let is_key = |line: &str| line.bytes().all(is_base64);
    let line = line.trim().trim_end_matches("\\r");
    let heads = ["Proc-Type:", "DEK-Info:", "Comment:", "Version:"];
    let bare = line.trim_start_matches(is_prefix);
    is_key(line) || is_key(bare) || heads.iter().any(|head| bare.starts_with(head))
}

/// Behind the hyphens that end the first line.
fn head_end(body: &[u8]) -> usize {
    find(&body[..body.len().min(60)], b"-----").map_or(body.len(), |at| at + 5)
}

fn is_private(rest: &[u8]) -> bool {
    let head = &rest[..rest.len().min(60)];
    let head = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    find(head, b"PRIVATE KEY").is_some()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Where the lines of a key begin that ends at `end`: long ones of base 64, and a shorter one at last.
fn begin_of(bytes: &[u8], end: usize) -> usize {
    let mut from = end;
    let mut is_last = true;
    while let Some((start, line)) = line_before(bytes, from) {
        if bytes[start..from].is_empty() {
            break;
        }
        let is_key = !line.is_empty() && line.iter().all(|byte| is_base64(*byte));
        if !(is_key && (is_last || line.len() >= 16)) || line.ends_with(REDACTED.as_bytes()) {
            break;
        }
        from = start;
        is_last = false;
    }
    from
}

/// The line that ends, with its newline, before `end`, and where it begins; newlines may be escaped.
fn line_before(bytes: &[u8], end: usize) -> Option<(usize, &[u8])> {
    let mut to = end;
    for newline in [&b"\n"[..], b"\\n"] {
        if bytes[..to].ends_with(newline) {
            to -= newline.len();
            break;
        }
    }
    if to == end {
        return None;
    }
    for ending in [&b"\r"[..], b"\\r"] {
        if bytes[..to].ends_with(ending) {
            to -= ending.len();
            break;
        }
    }
    let mut start = to;
    while start > 0 && is_base64(bytes[start - 1]) {
        start -= 1;
    }
    // The letter of an escape is no part of the line behind it.
    let is_escaped = start > 0 && bytes[start - 1] == b'\\' && start < to;
    let is_begin = start == 0 || bytes[start - 1] == b'\n';
    if is_escaped {
        return Some((start + 1, &bytes[start + 1..to]));
    }
    is_begin.then(|| (start, &bytes[start..to]))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
