//! Values behind a name that says they are secret: assignments, JSON, headers, `.netrc`.

use super::{Found, REDACTED, run};

const KIND: &str = "named secret";

/// Words at the end of a name whose value is a secret.
const LAST: &[&str] = &["password", "passwd", "passphrase", "pwd", "apikey", "passcode"];
/// Those whose value is one when it looks like one: in programs the words mean many things.
const LAST_WEAK: &[&str] = &["secret", "secrets", "token", "credential", "credentials", "auth"];
/// The word before `key` that makes it a secret.
const KEYS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "account",
    "auth",
    "signing",
    "encryption",
    "shared",
    "master",
    "deploy",
    "service",
    "license",
];
/// Words behind a name that is one of the environment.
const LAST_OF_VARIABLE: &[&str] = &["pass", "key", "cookie", "pat", "dsn"];
/// Longest name that is looked at.
const NAME_MAX: usize = 80;
/// Longest value in quotes.
const QUOTED_MAX: usize = 4096;
/// Schemes that stand before what is secret in a header.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "apikey", "bot", "negotiate", "digest"];

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// The value has to look like a secret.
    Weak,
    /// Any value that is no code.
    Strong,
    /// Any value: the name of a variable of the environment, set.
    Variable,
}

/// Whether a variable of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    // A place, a number or a switch is none.
    let is_about =
        ["file", "path", "dir", "sock", "url", "uri", "id", "name", "type", "ttl", "max"];
    if is_about.contains(&last.as_str()) && !name.eq_ignore_ascii_case("AWS_ACCESS_KEY_ID") {
        return false;
    }
    let is_one = |word: &String| {
        let word = word.as_str();
        LAST.contains(&word) || LAST_WEAK.contains(&word) || LAST_OF_VARIABLE.contains(&word)
    };
    words.iter().any(is_one)
}

/// Whether the value under this key is a secret, where values are whole texts.
pub(super) fn is_secret(key: &str, value: &str) -> bool {
    let Some(sure) = sureness(key.as_bytes(), false) else { return false };
    value != REDACTED && value.len() >= 6 && is_plausible(value.as_bytes(), sure, true)
}

/// A secret whose name begins at `at`.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Found> {
    let end = run(bytes, at, is_name);
    let name = &bytes[at..end];
    if name.len() > NAME_MAX {
        return None;
    }
    if name.eq_ignore_ascii_case(b"bearer") {
        return bearer(bytes, end);
    }
    if matches!(name, b"password" | b"passwd") && matches!(bytes.get(end), Some(b' ' | b'\t')) {
        let found = netrc(bytes, at, end);
        if found.is_some() {
            return found;
        }
    }
    let behind = separated(bytes, end)?;
    let value = spaces(bytes, behind);
    if name.eq_ignore_ascii_case(b"cookie") || name.eq_ignore_ascii_case(b"set-cookie") {
        let found = cookie(bytes, value);
        return found.filter(|_| bytes[behind - 1] == b':');
    }
    if name.eq_ignore_ascii_case(b"authorization")
        || name.eq_ignore_ascii_case(b"proxy-authorization")
    {
        return header(bytes, value);
    }
    let is_set = bytes[end] == b'=' && behind == end + 1;
    if name == b"sig" && is_set && at > 0 && matches!(bytes[at - 1], b'?' | b'&') {
        let to = run(bytes, value, |byte| is_value(byte) && byte != b'&');
        return (to - value >= 16).then_some(Found {
            from: value,
            to,
            kind: "signature of an address",
        });
    }
    let sure = sureness(name, is_set && value == behind)?;
    let (from, to, is_quoted) = extent(bytes, value);
    let text = &bytes[from..to];
    let least = if is_quoted || sure == Sure::Variable { 6 } else { 8 };
    let is_call = !is_quoted && bytes.get(to) == Some(&b'(');
    let is_one = text.len() >= least && !is_call && is_plausible(text, sure, is_quoted);
    is_one.then_some(Found { from, to, kind: KIND })
}

/// How sure it is that what stands behind this name is secret.
fn sureness(name: &[u8], is_set: bool) -> Option<Sure> {
    let name = std::str::from_utf8(name).ok()?;
    let words = words(name);
    let last = words.last()?.as_str();
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    let is_variable =
        is_set && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let is_key = last == "key" && before.is_some_and(|word| KEYS.contains(&word));
    let is_base = last == "base" && before == Some("key");
    if LAST.contains(&last) || is_key || is_base || (last == "secret" && before == Some("client")) {
        return Some(if is_variable { Sure::Variable } else { Sure::Strong });
    }
    if LAST_WEAK.contains(&last) {
        return Some(if is_variable { Sure::Variable } else { Sure::Weak });
    }
    (is_variable && LAST_OF_VARIABLE.contains(&last)).then_some(Sure::Weak)
}

/// The words of a name in lower case: `clientSecret`, `X-Api-Key`, `db.password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let is_break = matches!(c, '_' | '-' | '.');
        if (is_break || (was_lower && c.is_ascii_uppercase()))
            && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if !is_break && let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Behind the sign that stands between a name and its value, when there is one.
fn separated(bytes: &[u8], end: usize) -> Option<usize> {
    let at = run(bytes, end, |byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b']'));
    let at = spaces(bytes, at);
    let next = bytes.get(at + 1).copied().unwrap_or(b' ');
    match bytes.get(at)? {
        b'=' if next == b'>' => Some(at + 2),
        b'=' if next != b'=' && next != b'~' => Some(at + 1),
        b':' if next == b'=' => Some(at + 2),
        b':' if next != b':' => Some(at + 1),
        _ => None,
    }
}

fn spaces(bytes: &[u8], at: usize) -> usize {
    run(bytes, at, |byte| matches!(byte, b' ' | b'\t'))
}

/// Where a value begins and ends, and whether it stands in quotes.
fn extent(bytes: &[u8], at: usize) -> (usize, usize, bool) {
    let open = run(bytes, at, |byte| byte == b'\\');
    if let Some(quote @ (b'"' | b'\'' | b'`')) = bytes.get(open) {
        let from = open + 1;
        let slashes = open - at;
        let mut to = from;
        while to < bytes.len() && to - from <= QUOTED_MAX && bytes[to] != b'\n' {
            if bytes[to] == *quote {
                let before =
                    bytes[from..to].iter().rev().take_while(|byte| **byte == b'\\').count();
                if before == slashes {
                    return (from, to - slashes, true);
                }
            }
            to += 1;
        }
        // The other quote is missing: the value is what a word would be.
        return (from, run(bytes, from, is_value), false);
    }
    (at, run(bytes, at, is_value), false)
}

/// Whether a value can be a secret: no code, no variable, no place for one.
fn is_plausible(value: &[u8], sure: Sure, is_quoted: bool) -> bool {
    let Some(first) = value.first() else { return false };
    let is_form = matches!(first, b'$' | b'<' | b'{' | b'%' | b'*' | b'[' | b'(' | b'&' | b'/');
    // Base 64 may begin with a slash, and paths have more of them.
    let is_path = *first == b'/' && value[1..].contains(&b'/') && sure != Sure::Strong;
    if is_form && (*first != b'/' || is_path) {
        return false;
    }
    let has = |what: &[u8]| value.windows(what.len()).any(|part| part == what);
    if has(REDACTED.as_bytes()) || has(b"::") || has(b"${") {
        return false;
    }
    let has_digit = value.iter().any(u8::is_ascii_digit);
    let has_letter = value.iter().any(u8::is_ascii_alphabetic);
    match sure {
        Sure::Variable | Sure::Strong => is_quoted || has_digit || !is_code(value),
        Sure::Weak => {
            let is_word = !value.iter().any(|byte| matches!(byte, b' ' | b'.' | b'_'));
            value.len() >= 12 && has_digit && has_letter && is_word
        }
    }
}

/// Whether it could be a name or a path in a program.
fn is_code(value: &[u8]) -> bool {
    let has_upper = value[1..].iter().any(u8::is_ascii_uppercase);
    let is_name =
        value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    is_name && (has_upper || value.contains(&b'_') || value.contains(&b'.'))
}

/// What follows `Bearer`.
fn bearer(bytes: &[u8], end: usize) -> Option<Found> {
    (bytes.get(end) == Some(&b' ')).then_some(())?;
    let from = end + 1;
    let to = run(bytes, from, |b| is_name(b) || matches!(b, b'/' | b'+' | b'=' | b'~'));
    (to - from >= 16).then_some(Found { from, to, kind: "bearer token" })
}

/// What a header says behind its scheme.
fn header(bytes: &[u8], at: usize) -> Option<Found> {
    let at = run(bytes, at, |byte| matches!(byte, b'\\' | b'"' | b'\'' | b'['));
    let end = run(bytes, at, |byte| byte.is_ascii_alphabetic());
    let word = String::from_utf8_lossy(&bytes[at..end]).to_ascii_lowercase();
    let has_scheme = SCHEMES.contains(&word.as_str()) && bytes.get(end) == Some(&b' ');
    let from = if has_scheme { spaces(bytes, end) } else { at };
    let to = run(bytes, from, is_value);
    let text = &bytes[from..to];
    let is_one = if has_scheme {
        text.len() >= 8 && is_plausible(text, Sure::Strong, true)
    } else {
        text.len() >= 16 && text.iter().any(u8::is_ascii_digit)
    };
    is_one.then_some(Found { from, to, kind: "authorization" })
}

/// All cookies of a header.
fn cookie(bytes: &[u8], at: usize) -> Option<Found> {
    let from = run(bytes, at, |byte| matches!(byte, b'\\' | b'"' | b'\''));
    let to = run(bytes, from, |b| !matches!(b, b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'`'));
    let value = &bytes[from..to];
    let first = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_one = value.len() >= 8 && first.contains(&b'=');
    is_one.then_some(Found { from, to, kind: "cookie" })
}

/// `login ada password x`, or such a line alone.
fn netrc(bytes: &[u8], at: usize, end: usize) -> Option<Found> {
    let start =
        bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let before = String::from_utf8_lossy(&bytes[start..at]);
    let from = spaces(bytes, end);
    let to = run(bytes, from, |byte| byte > b' ' && byte != b'"' && byte != b'\\');
    let value = &bytes[from..to];
    let is_named = before.contains("login ") || before.contains("machine ");
    let rest = bytes[to..].iter().take_while(|byte| **byte != b'\n');
    let is_alone = before.trim().is_empty() && rest.into_iter().all(u8::is_ascii_whitespace);
    let is_secret =
        value.len() >= 6 && value.iter().any(u8::is_ascii_digit) || (is_named && value.len() >= 4);
    let is_one = (is_named || is_alone) && is_secret && value != REDACTED.as_bytes();
    is_one.then_some(Found { from, to, kind: "password of .netrc" })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// What a value has that stands in no quotes.
fn is_value(byte: u8) -> bool {
    byte > b' '
        && !matches!(
            byte,
            b'"' | b'\''
                | b'`'
                | b','
                | b';'
                | b'&'
                | b'|'
                | b'<'
                | b'>'
                | b'('
                | b')'
                | b'['
                | b']'
                | b'}'
                | b'\\'
        )
}
