//! A small tree of values with positions: what front matter and step headers are read into.

use std::ops::Deref;

use serde_json::Value as Json;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Pos {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The beginning of a line.
    pub fn line(line: u32) -> Self {
        Self { line, column: 1 }
    }
}

/// A value with the place it was written at.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub pos: Pos,
}

impl<T> At<T> {
    /// Puts a value to its place.
    pub fn new(value: T, pos: Pos) -> Self {
        Self { value, pos }
    }
}

/// The place is no part of the meaning.
impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A name that a file mentions, with its place.
pub type Name = At<String>;

/// One value of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number, and how it was written.
    Number(serde_json::Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A value with its place.
pub(super) type Node = At<Value>;

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) pos: Pos,
    pub(super) node: Node,
}

impl Value {
    /// The entries of a map; anything else comes back as it was.
    pub(super) fn into_map(self) -> Result<Vec<Entry>, Self> {
        match self {
            Self::Map(entries) => Ok(entries),
            Self::Null | Self::Bool(_) | Self::Number(..) | Self::Text(_) | Self::List(_) => {
                Err(self)
            }
        }
    }

    /// The value as one text; lists and maps are none.
    pub(super) fn as_text(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(_, raw) => Some(raw.clone()),
            Self::Text(text) => Some(text.clone()),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The value as `true` or `false`, in the spellings of YAML 1.1 too.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self.as_text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// What the value is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Number(..) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(number, _) => Json::Number(number.clone()),
            Self::Text(text) => Json::String(text.clone()),
            Self::List(nodes) => nodes.iter().map(|node| node.to_json()).collect(),
            Self::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
            }
        }
    }
}

/// The key without case, `-` and `_`: `max_concurrency`, `max-concurrency` and `maxConcurrency` are one key.
pub(super) fn same_key(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// Splits a comma list; items may stand in quotes, which may hold commas.
pub(super) fn split_commas(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            // A quote opens only at the beginning of an item; elsewhere it is an apostrophe.
            None if matches!(c, '"' | '\'') && item.trim().is_empty() => {
                item.clear();
                quote = Some(c);
            }
            None if c == ',' => items.push(std::mem::take(&mut item)),
            Some(_) | None => item.push(c),
        }
    }
    items.push(item);
    if quote.is_some() {
        // The quote was never closed, so it is text and the commas count.
        items = text.split(',').map(str::to_owned).collect();
    }
    items.retain_mut(|item| {
        *item = item.trim().to_owned();
        !item.is_empty()
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comma_lists_honour_quotes() {
        assert_eq!(split_commas("read, \"a, b\" , 'c', it's,, "), ["read", "a, b", "c", "it's"]);
        assert_eq!(split_commas("\"a, b"), ["\"a", "b"]);
        assert!(split_commas("  ").is_empty());
    }

    #[test]
    fn spellings_of_a_key_are_one_key() {
        for key in ["maxConcurrency", "max_concurrency", "max-concurrency"] {
            assert_eq!(same_key(key), "maxconcurrency");
        }
    }
}
