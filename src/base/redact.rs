//! Replaces keys and tokens in text before it is written or shown.
//!
//! Patterns, not a proof: they catch the forms in which common providers issue keys, and values
//! given to names that say what they are.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Beginnings of tokens, with the least number of token characters that must follow.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-ant-", 16),
    ("sk-proj-", 16),
    ("sk-", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("AKIA", 16),
    ("AIza", 30),
    ("npm_", 30),
    ("hf_", 20),
    ("eyJhbGciOi", 20),
];

/// Names whose value after `=` or `:` is a secret.
const NAMES: &[&str] = &[
    "api_key",
    "apikey",
    "api-key",
    "access_token",
    "auth_token",
    "secret_key",
    "password",
    "passwd",
    "private_key",
];

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'=')
}

/// The text with every recognised secret replaced.
pub fn redact(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        let starts_word = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let found = if starts_word && bytes[at].is_ascii_alphabetic() {
            secret_at(bytes, at)
        } else {
            None
        };
        if let Some((from, to)) = found {
            let out = out.get_or_insert_default();
            out.push_str(&text[kept..from]);
            out.push_str(REDACTED);
            kept = to;
            at = to;
        } else {
            at += 1;
        }
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[kept..]);
            Cow::Owned(out)
        }
    }
}

/// The byte range of a secret that is announced at `at`.
fn secret_at(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = &bytes[at..];
    let run = |from: usize| from + bytes[from..].iter().take_while(|b| is_token(**b)).count();
    for (prefix, min) in PREFIXES {
        if rest.starts_with(prefix.as_bytes()) {
            let end = run(at + prefix.len());
            if end - at - prefix.len() >= *min {
                return Some((at, end));
            }
        }
    }
    if rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"bearer ") {
        let end = run(at + 7);
        return (end - at - 7 >= 16).then_some((at + 7, end));
    }
    if rest.starts_with(b"BEGIN ") {
        let head: String = rest.iter().take(60).map(|b| char::from(*b)).collect();
        if head.contains("PRIVATE KEY-----") {
            let text = std::str::from_utf8(rest).ok()?;
            let end = text.find("-----END").map_or(bytes.len(), |found| at + found);
            return Some((at, end));
        }
    }
    for name in NAMES {
        let Some(tail) = rest.get(name.len()..) else {
            continue;
        };
        if rest[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            let skip =
                tail.iter().take_while(|b| matches!(b, b'"' | b'\'' | b' ' | b'=' | b':')).count();
            let separated = tail[..skip].iter().any(|b| matches!(b, b'=' | b':'));
            let from = at + name.len() + skip;
            let end = run(from);
            if separated && end - from >= 8 {
                return Some((from, end));
            }
        }
    }
    None
}

/// The value with every text in it redacted.
pub fn redact_json(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(redact(text).into_owned()),
        Value::Array(items) => items.iter().map(redact_json).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), redact_json(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_keys_and_named_values_are_replaced() {
        let key = format!("sk-ant-{}", "a1".repeat(20));
        for (text, clean) in [
            (format!("use {key}, please"), "use [redacted], please".to_owned()),
            ("API_KEY=abcdefgh12345".to_owned(), "API_KEY=[redacted]".to_owned()),
            (
                "\"password\": \"hunter2hunter2\"".to_owned(),
                "\"password\": \"[redacted]\"".to_owned(),
            ),
            (
                "Authorization: Bearer abcdefghijklmnop1234".to_owned(),
                "Authorization: Bearer [redacted]".to_owned(),
            ),
        ] {
            assert_eq!(redact(&text), clean);
        }
    }

    #[test]
    fn ordinary_text_is_borrowed_unchanged() {
        for text in [
            "add a password field",
            "task-1 sk-short",
            "ask-me-anything-about-this-topic",
            "naïve ünïcode",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
