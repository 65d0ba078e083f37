//! Looking into JSON whose form another program decides.

use serde_json::Value;

use crate::base::redact;

/// Characters of a line about a tool call.
pub(super) const DETAIL_CHARS_MAX: usize = 200;

/// The text under a path of keys.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The text under a path of keys, or an empty one.
pub(super) fn text_or_empty(value: &Value, path: &str) -> String {
    text(value, path).unwrap_or_default().to_owned()
}

/// The whole number under a path of keys; 0 when there is none.
pub(super) fn count(value: &Value, path: &str) -> u64 {
    at(value, path).and_then(Value::as_u64).unwrap_or(0)
}

/// The number under a path of keys.
pub(super) fn number(value: &Value, path: &str) -> Option<f64> {
    at(value, path)?.as_f64()
}

/// The value under a path of keys with dots between.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

/// The elements of a list, or none.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// One line about the input of a tool: its command or file when it has one, else all of it.
pub(super) fn detail(input: &Value) -> String {
    const TELLING: [&str; 9] = [
        "command",
        "file_path",
        "path",
        "filePath",
        "pattern",
        "query",
        "url",
        "description",
        "summary",
    ];
    let telling = TELLING.iter().find_map(|key| match input.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            Some(words?.join(" "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    });
    let whole = || match input {
        Value::Null => String::new(),
        Value::Object(map) if map.is_empty() => String::new(),
        Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => input.to_string(),
    };
    redact::one_line(&telling.unwrap_or_else(whole), DETAIL_CHARS_MAX)
}

/// One line about what a tool gave back: a text, or blocks of text.
pub(super) fn outcome(content: &Value) -> String {
    redact::one_line(&blocks(content), DETAIL_CHARS_MAX)
}

/// A text, or the texts of a list of blocks.
pub(super) fn blocks(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks.iter().filter_map(|block| text(block, "text")).collect();
            texts.join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
