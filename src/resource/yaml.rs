//! Reads YAML into our values with their places. This is the only file that names the YAML library.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::value::{Entry, Node, Pos, Value};

/// Nesting of front matter; deeper YAML is refused before it can exhaust the stack.
const DEPTH_MAX: usize = 32;
/// YAML aliases in one block; more is an alias bomb, refused before it unfolds.
const ALIASES_MAX: usize = 32;
/// YAML nodes in one block; a workflow has some hundreds.
const NODES_MAX: usize = 100_000;

/// Reads a block as one YAML map; the error says where and what.
pub(super) fn yaml_map(text: &str, first_line: u32) -> Result<Vec<Entry>, (Pos, String)> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_blank) {
        return Ok(Vec::new());
    }
    let mut options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX, max_aliases: ALIASES_MAX, max_nodes: NODES_MAX },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    options.alias_limits.max_total_replayed_events = NODES_MAX;
    let source = Source { text, first_line };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => match source.node(raw).value {
            Value::Map(entries) => Ok(entries),
            Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => {
                Err((Pos::line(first_line), "not `key: value` lines".to_owned()))
            }
        },
        Err(error) => {
            let pos =
                error.location().map_or(Pos::line(first_line), |location| source.pos(location));
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            // The place is told by the finding itself.
            let message = message.split(" at line ").next().unwrap_or(message);
            Err((pos, message.to_owned()))
        }
    }
}

/// The text that positions of the YAML library refer to.
struct Source<'a> {
    text: &'a str,
    first_line: u32,
}

impl Source<'_> {
    fn pos(&self, location: serde_saphyr::Location) -> Pos {
        let line = u32::try_from(location.line()).unwrap_or(u32::MAX);
        Pos {
            line: self.first_line.saturating_add(line.saturating_sub(1)),
            column: u32::try_from(location.column()).unwrap_or(u32::MAX).max(1),
        }
    }

    /// The scalar as it was written: `1.0` is a version, not the number 1.
    fn written(&self, location: serde_saphyr::Location) -> Option<String> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        let raw = self.text.get(start..end)?.trim();
        (!raw.is_empty()).then(|| raw.to_owned())
    }

    fn node(&self, raw: Spanned<Raw>) -> Node {
        let location = raw.referenced;
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Number(number) => {
                let written = self.written(location).unwrap_or_else(|| number.to_string());
                Value::Number(number, written)
            }
            Raw::Text(text) => Value::Text(text),
            Raw::List(items) => {
                Value::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        pos: self.pos(key.referenced),
                        key: key.value,
                        node: self.node(value),
                    })
                    .collect(),
            ),
        };
        Node::new(value, self.pos(location))
    }
}

/// What the YAML library reports, with its own positions.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(serde_json::Number::from_f64(value)
            .map_or_else(|| Raw::Text(value.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
