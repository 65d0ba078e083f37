//! Secrets that their place gives away: before the `@` of an address.

use super::{Found, REDACTED, run};

/// Least length of a name in an address that is a token and no name.
const TOKEN_LEAST: usize = 16;

/// Name and password of an address whose `://` is at `at`.
pub(super) fn credentials(bytes: &[u8], at: usize) -> Option<Found> {
    if !bytes[at..].starts_with(b"://") {
        return None;
    }
    let from = at + 3;
    let is_part = |byte: u8| {
        byte > b' '
            && !matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
    };
    let end = run(bytes, from, is_part);
    let to = from + bytes[from..end].iter().rposition(|byte| *byte == b'@')?;
    let who = &bytes[from..to];
    let colon = who.iter().position(|byte| *byte == b':');
    let from = colon.map_or(from, |colon| from + colon + 1);
    let value = &bytes[from..to];
    let is_secret = match colon {
        Some(_) => value.len() >= 3,
        None => value.len() >= TOKEN_LEAST && value.iter().any(u8::is_ascii_digit),
    };
    let is_form = matches!(value.first(), Some(b'$' | b'{' | b'*' | b'<' | b'['));
    let is_clean = value.windows(REDACTED.len()).any(|part| part == REDACTED.as_bytes());
    (is_secret && !is_form && !is_clean).then_some(Found {
        from,
        to,
        kind: "password in an address",
    })
}
