//! Values that this process knows to be secret, because it was given them under a name that says so.
//!
//! The one thing here that a process remembers: whoever reads or writes text cannot know the environment.

use std::sync::{PoisonError, RwLock};

use super::Found;

/// Shorter values are too likely to be ordinary words.
const LEAST: usize = 8;

static VALUES: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// From now on these values are replaced wherever they stand; also as JSON has them, and line by line.
pub fn remember<'a>(values: impl IntoIterator<Item = &'a str>) {
    let mut known = VALUES.write().unwrap_or_else(PoisonError::into_inner);
    for value in values {
        let value = value.trim();
        let quoted = serde_json::to_string(value).unwrap_or_default();
        let escaped = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        let lines = value.lines().map(str::trim).filter(|_| value.contains('\n'));
        for form in [value, escaped].into_iter().chain(lines) {
            if form.len() >= LEAST && !known.iter().any(|old| old == form) {
                known.push(form.to_owned());
            }
        }
    }
    // What holds another one is replaced as a whole.
    known.sort_by_key(|value| std::cmp::Reverse(value.len()));
}

/// Adds the places of known values to those that were found.
pub(super) fn add(text: &str, found: &mut Vec<Found>) {
    let known = VALUES.read().unwrap_or_else(PoisonError::into_inner);
    let before = found.len();
    for value in known.iter() {
        for (from, _) in text.match_indices(value.as_str()) {
            found.push(Found { from, to: from + value.len(), kind: "value of the environment" });
        }
    }
    if found.len() == before {
        return;
    }
    found.sort_by_key(|secret| (secret.from, std::cmp::Reverse(secret.to)));
    let mut merged: Vec<Found> = Vec::with_capacity(found.len());
    for secret in found.drain(..) {
        match merged.last_mut() {
            Some(last) if secret.from < last.to => last.to = last.to.max(secret.to),
            _ => merged.push(secret),
        }
    }
    *found = merged;
}

#[cfg(test)]
mod tests {
    use super::super::redact;
    use super::*;

    #[test]
    fn what_the_process_was_given_is_replaced_in_every_form() {
        remember(["correct-horse \"battery\"", "first line of it\nsecond line of it", "short"]);
        for (text, clean) in [
            ("x correct-horse \"battery\" y", "x [redacted] y"),
            ("{\"a\":\"correct-horse \\\"battery\\\"\"}", "{\"a\":\"[redacted]\"}"),
            ("password=correct-horse \"battery\"!", "password=[redacted]!"),
            ("only second line of it", "only [redacted]"),
            ("short", "short"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }
}
