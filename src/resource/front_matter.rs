//! Splits `---` fences and reads the lines between them: YAML, or pi-crew's flat `key: value`.
//!
//! The whole block is tried as YAML first. When that fails each top-level key is read alone, so that one odd line
//! (`description: fix: the *parser*`) neither breaks the file nor hides the other findings. Keys whose value is
//! free text keep everything behind the colon, also what YAML would take for a comment.
//! This is the only file that names the YAML library.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::diagnostic::Findings;
use super::value::{Entry, Node, Pos, Value, same_key};

/// Keys whose value is prose: a ` #` in it is no comment, and what is not YAML is read as it stands.
const PROSE: [&str; 5] = ["description", "triggers", "usewhen", "avoidwhen", "title"];
/// Nesting of front matter; deeper YAML is refused before it can exhaust the stack.
const DEPTH_MAX: usize = 32;
/// YAML aliases in one block; more is an alias bomb, refused before it unfolds.
const ALIASES_MAX: usize = 32;
/// YAML nodes in one block; a workflow has some hundreds.
const NODES_MAX: usize = 100_000;

/// A resource file, split.
pub(super) struct Document<'a> {
    /// The keys of the front matter; empty when there is none.
    pub(super) head: Vec<Entry>,
    /// Everything behind the front matter.
    pub(super) body: &'a str,
    /// Line of the body's first line.
    pub(super) body_line: u32,
}

/// The text with `\n` line ends and without a byte order mark.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n").into()
    } else {
        text.into()
    }
}

/// Splits and reads a normalised file. A file without a fence is only a body.
pub(super) fn read<'a>(text: &'a str, findings: &mut Findings) -> Document<'a> {
    let whole = Document { head: Vec::new(), body: text, body_line: 1 };
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
        return whole;
    };
    let start = first.len();
    let mut at = start;
    for (number, line) in (2_u32..).zip(lines) {
        if line.trim_end() == "---" {
            return Document {
                head: read_block(&text[start..at], 2, findings),
                body: &text[at + line.len()..],
                body_line: number + 1,
            };
        }
        at += line.len();
    }
    findings.error(
        Pos::START,
        "the front matter is not closed",
        "write a line `---` behind the last key",
    );
    whole
}

/// Reads `key: value` lines that begin at `first_line` of the file.
pub(super) fn read_block(text: &str, first_line: u32, findings: &mut Findings) -> Vec<Entry> {
    let mut entries = match yaml_map(text, first_line) {
        Ok(entries) => entries,
        Err(_) => read_key_by_key(text, first_line, findings),
    };
    for entry in &mut entries {
        if PROSE.contains(&same_key(&entry.key).as_str()) {
            restore_prose(entry, text, first_line);
        }
    }
    entries
}

/// The key of a line like `key: value` that begins in its first column, and the value.
pub(super) fn key_line(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let is_value = value.is_empty() || value.starts_with([' ', '\t', '\n']);
    (is_key && is_value).then(|| (key, value.trim()))
}

fn read_key_by_key(text: &str, first_line: u32, findings: &mut Findings) -> Vec<Entry> {
    let mut blocks: Vec<(u32, String)> = Vec::new();
    for (line_number, line) in (first_line..).zip(text.lines()) {
        let is_comment = line.starts_with('#');
        let continues = line.trim().is_empty() || line.starts_with([' ', '\t', '-', ']', '}']);
        if key_line(line).is_some() {
            blocks.push((line_number, line.to_owned()));
        } else if let Some((_, block)) = blocks.last_mut().filter(|_| continues || is_comment) {
            block.push('\n');
            block.push_str(line);
        } else if !continues && !is_comment {
            findings.warning(
                Pos::line(line_number),
                format!("`{}` is not a `key: value` line", shorten(line)),
                "remove the line or give it a key",
            );
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (line_number, block) in blocks {
        let Some(entry) = read_key(block.trim_end(), line_number, findings) else {
            continue;
        };
        if let Some(earlier) = entries.iter().position(|e| e.key == entry.key) {
            findings.warning(
                entry.pos,
                format!("`{}` is written twice; the last one counts", entry.key),
                format!("remove the one in line {}", entries[earlier].pos.line),
            );
            entries.remove(earlier);
        }
        entries.push(entry);
    }
    entries
}

/// Reads one key with its lines: as YAML, else flat.
fn read_key(block: &str, line: u32, findings: &mut Findings) -> Option<Entry> {
    let problem = match yaml_map(block, line) {
        Ok(mut entries) if entries.len() == 1 => return entries.pop(),
        Ok(_) => None,
        Err(problem) => Some(problem),
    };
    let first = block.lines().next().unwrap_or_default();
    let (key, value) = key_line(first)?;
    let is_prose = PROSE.contains(&same_key(key).as_str());
    let is_one_line = block.lines().skip(1).all(|l| l.trim().is_empty() || l.starts_with('#'));
    let is_flow = value.starts_with(['{', '[']);
    if let Some((pos, message)) = problem
        && !is_prose
        && (is_flow || !is_one_line)
    {
        findings.error(
            pos,
            format!("`{key}` is not valid YAML: {message}"),
            "mend the brackets, quotes and indentation of this value",
        );
        return None;
    }
    let mut flat = value.to_owned();
    if !is_one_line {
        for more in block.lines().skip(1).map(str::trim).filter(|l| !l.is_empty()) {
            flat.push(' ');
            flat.push_str(more);
        }
    }
    let pos = Pos { line, column: column_of_value(first) };
    Some(Entry {
        key: key.to_owned(),
        pos: Pos::line(line),
        node: Node::new(flat_value(&flat), pos),
    })
}

/// A flat value: text, without the quotes when it stands in a pair of them.
fn flat_value(text: &str) -> Value {
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .filter(|inner| !inner.contains(['"', '\'']));
    match unquoted.unwrap_or(text) {
        "" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => Value::Text(text.to_owned()),
    }
}

/// Puts back what YAML cut from a plain one-line text as a comment.
fn restore_prose(entry: &mut Entry, text: &str, first_line: u32) {
    let Value::Text(value) = &entry.node.value else {
        return;
    };
    let index = entry.pos.line.saturating_sub(first_line);
    let line = text.lines().nth(usize::try_from(index).unwrap_or(usize::MAX));
    let Some((_, whole)) = line.and_then(key_line) else {
        return;
    };
    let is_plain = !whole.starts_with(['"', '\'', '[', '{', '|', '>', '&', '!']);
    if is_plain && whole.len() > value.len() && whole.starts_with(value.as_str()) {
        entry.node.value = Value::Text(whole.to_owned());
    }
}

fn column_of_value(line: &str) -> u32 {
    let value = line.split_once(':').map_or("", |(_, value)| value.trim());
    let before = line.find(value).filter(|_| !value.is_empty());
    let chars = before.map_or(0, |at| line[..at].chars().count());
    u32::try_from(chars).unwrap_or(u32::MAX).saturating_add(1)
}

fn shorten(line: &str) -> String {
    crate::base::text::one_line(line, 40)
}

/// Reads a block as one YAML map; the error says where and what.
fn yaml_map(text: &str, first_line: u32) -> Result<Vec<Entry>, (Pos, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::diagnostic::Diagnostic;

    fn head(text: &str) -> (Vec<(String, serde_json::Value)>, Vec<Diagnostic>) {
        let mut findings = Findings::new("f.md".into());
        let entries = read_block(text, 2, &mut findings);
        let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect();
        (pairs, findings.finish())
    }

    #[test]
    fn yaml_keeps_its_places() {
        let mut findings = Findings::new("f.md".into());
        let text = "name: x\ngates:\n  votes: { when: { check: a } }\nversion: 1.0\n";
        let entries = read_block(text, 2, &mut findings);
        assert_eq!(entries[0].node.pos, Pos { line: 2, column: 7 });
        let Value::Map(gates) = &entries[1].node.value else { panic!("{entries:?}") };
        assert_eq!(gates[0].pos, Pos { line: 4, column: 3 });
        assert_eq!(gates[0].node.pos, Pos { line: 4, column: 10 });
        assert_eq!(entries[2].node.as_text().as_deref(), Some("1.0"));
        assert!(findings.finish().is_empty());
    }

    #[test]
    fn what_is_not_yaml_is_read_flat() {
        let (pairs, findings) = head(
            "name: fixer\ndescription: Fix: the *parser* # not a comment\ntools: *\nmodel: \"half\nskills: a, \"b, c\"\n",
        );
        let text = |index: usize| pairs[index].1.as_str().unwrap_or_default();
        assert_eq!(text(1), "Fix: the *parser* # not a comment");
        assert_eq!((text(2), text(3)), ("*", "\"half"));
        assert_eq!(text(4), "a, \"b, c\"");
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn prose_keeps_what_yaml_calls_a_comment() {
        let (pairs, _) = head("description: Fix bug #3 # fast\nname: x # a comment\n");
        assert_eq!(pairs[0].1, "Fix bug #3 # fast");
        assert_eq!(pairs[1].1, "x");
    }

    #[test]
    fn one_broken_key_does_not_hide_the_others() {
        let (pairs, findings) =
            head("name: x\ngates: { a: [ }\nend: done\nchannels:\n  - { a\nx\n");
        assert_eq!(pairs.len(), 2, "{pairs:?}");
        assert_eq!(findings.len(), 3, "{findings:#?}");
        assert_eq!(findings[0].line, 3);
        assert!(findings[0].message.contains("`gates` is not valid YAML"));
    }

    #[test]
    fn a_key_written_twice_is_told() {
        let (pairs, findings) = head("name: x\nname: y\n");
        assert_eq!(pairs, [("name".to_owned(), "y".into())]);
        assert_eq!(findings[0].line, 3);
    }

    #[test]
    fn fences_are_split_whatever_the_line_ends() {
        for text in ["---\nname: x\n---\nbody\n", "\u{feff}---\r\nname: x\r\n--- \r\nbody\r\n"] {
            let text = normalise(text);
            let mut findings = Findings::new("f.md".into());
            let document = read(&text, &mut findings);
            assert_eq!((document.body, document.body_line), ("body\n", 4));
            assert_eq!(document.head.len(), 1);
        }
    }

    #[test]
    fn an_open_fence_is_an_error_and_no_fence_is_none() {
        let mut findings = Findings::new("f.md".into());
        assert!(read("---\nname: x\n", &mut findings).head.is_empty());
        assert_eq!(read("just text", &mut findings).body, "just text");
        assert_eq!(findings.finish().len(), 1);
    }

    #[test]
    fn deep_nesting_and_alias_bombs_are_refused() {
        let deep = format!("a: {}{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(!head(&deep).1.is_empty());
        let mut bomb = "a: &a [x, x]\n".to_owned();
        for (from, to) in ('a'..'z').zip('b'..='z') {
            bomb.push_str(&format!("{to}: &{to} [*{from}, *{from}, *{from}, *{from}]\n"));
        }
        let (pairs, _) = head(&bomb);
        let longest = pairs.iter().map(|(_, value)| value.to_string().len()).max();
        assert!(longest < Some(100), "nothing was unfolded: {longest:?}");
    }
}
