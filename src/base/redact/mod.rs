//! Replaces keys and tokens in text before it is written or shown.
//!
//! Patterns, not a proof: they catch the forms in which common providers issue keys, values given to names that say
//! what they are, private keys, and every value that the process itself was given under such a name.

mod block;
mod known;
mod named;
mod place;
mod token;

pub use known::remember;
pub use named::is_secret_name;

use std::borrow::Cow;

use super::text;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Where a secret stands in a text, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its first byte.
    pub from: usize,
    /// The byte behind it.
    pub to: usize,
    /// What kind of secret it is.
    pub kind: &'static str,
}

/// The text with every recognised secret replaced.
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut kept = 0;
    for secret in found {
        out.push_str(&text[kept..secret.from]);
        out.push_str(REDACTED);
        kept = secret.to;
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// Every recognised secret of a text, in order, none inside another.
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(secret) = next(text, at) {
        // A key of which only the end is there begins before the place where that is seen.
        let from = secret.from.max(found.last().map_or(0, |last: &Found| last.to));
        at = secret.to.max(at + 1);
        if from < secret.to {
            found.push(Found { from, ..secret });
        }
    }
    known::add(text, &mut found);
    found
}

/// As [`text::one_line`], for what was not redacted yet: half a secret is none that could be recognised.
pub fn one_line(said: &str, max: usize) -> String {
    let clean = if said.len() > max { redact(said) } else { Cow::Borrowed(said) };
    text::one_line(&clean, max)
}

/// As [`text::middle_cut`], for what was not redacted yet.
pub fn middle_cut(said: &str, max: usize) -> Cow<'_, str> {
    if said.len() <= max {
        return Cow::Borrowed(said);
    }
    Cow::Owned(text::middle_cut(&redact(said), max).into_owned())
}

/// Where the lines of a private key end that began before this text, and whether they are known to end there.
pub fn key_end(text: &str) -> (usize, bool) {
    block::key_end(text)
}

/// The first secret that is announced at or behind `at`.
fn next(text: &str, mut at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let found = match bytes[at] {
            b'-' => block::at(text, at),
            b':' => place::credentials(bytes, at),
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                match (starts_word(bytes, at), at > 0 && bytes[at - 1] == b'_') {
                    (true, false) => token::at(bytes, at).or_else(|| named::at(bytes, at)),
                    // The rest of a name is not the whole of one.
                    (true, true) => token::at(bytes, at),
                    (false, _) => None,
                }
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        at += 1;
    }
    None
}

/// Whether a word begins here: also behind an escape such as `\n`, as JSON has it.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| bytes[at]) else { return true };
    let is_escape = matches!(before, b'n' | b'r' | b't') && at >= 2 && bytes[at - 2] == b'\\';
    is_escape || !before.is_ascii_alphanumeric()
}

/// Bytes from `from` on that are of a kind.
fn run(bytes: &[u8], from: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| is_part(**byte)).count()
}

/// The value with every text in it redacted, and what stands under a name that says it is secret.
pub fn redact_json(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(redact(text).into_owned()),
        Value::Array(items) => items.iter().map(redact_json).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let clean = match value.as_str() {
                    Some(text) if named::is_secret(key, text) => REDACTED.into(),
                    _ => redact_json(value),
                };
                (key.clone(), clean)
            })
            .collect(),
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
            (format!("first\\n{key}\\nthird"), "first\\n[redacted]\\nthird".to_owned()),
            ("API_KEY=abcdefgh12345".to_owned(), "API_KEY=[redacted]".to_owned()),
            (
                "\"password\": \"hunter2hunter2\"".to_owned(),
                "\"password\": \"[redacted]\"".to_owned(),
            ),
            (
                "Authorization: Bearer abcdefghijklmnop1234".to_owned(),
                "Authorization: Bearer [redacted]".to_owned(),
            ),
            (
                "postgres://app:s3cr3t@db:5432/x".to_owned(),
                "postgres://app:[redacted]@db:5432/x".to_owned(),
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

    #[test]
    fn a_name_in_json_says_what_its_value_is() {
        let value = serde_json::json!({"db": {"password": "p w 1!", "port": 5432, "user": "ada"}});
        let clean = serde_json::json!({"db": {"password": REDACTED, "port": 5432, "user": "ada"}});
        assert_eq!(redact_json(&value), clean);
    }

    #[test]
    fn half_a_private_key_is_not_shown_either() {
        let line = "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu";
        let begin = format!("see\n-----BEGIN RSA PRIVATE KEY-----\n{line}\n{line}");
        assert_eq!(redact(&begin), "see\n-----[redacted]");
        let numbered = format!("-----BEGIN PRIVATE KEY-----\n  2→{line}\n+{line}\nthe end");
        assert_eq!(redact(&numbered), "-----[redacted]the end");
        let spoken = "search for `-----BEGIN PRIVATE KEY-----` in it";
        assert_eq!(redact(spoken), "search for `-----[redacted]` in it");
        let end = format!("and so\n{line}\nQu==\n-----END RSA PRIVATE KEY-----\nthat");
        assert_eq!(redact(&end), "and so\n[redacted]-----END RSA PRIVATE KEY-----\nthat");
    }
}
