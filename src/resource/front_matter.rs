//! Splits `---` fences and reads the lines between them: YAML, or pi-crew's flat `key: value`.
//!
//! The whole block is tried as YAML first. When that fails each top-level key is read alone, so that one odd line
//! (`description: fix: the *parser*`) neither breaks the file nor hides the other findings. Keys whose value is
//! free text keep everything behind the colon, also what YAML would take for a comment.

use std::borrow::Cow;

use super::diagnostic::Findings;
use super::value::{Entry, Node, Pos, Value, same_key};
use super::yaml::yaml_map;

/// Keys whose value is prose: a ` #` in it is no comment, and what is not YAML is read as it stands.
const PROSE: [&str; 5] = ["description", "triggers", "usewhen", "avoidwhen", "title"];

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
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let unfold = names.windows(2).map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            format!("{to}: &{to} [*{from}, *{from}, *{from}, *{from}]\n")
        });
        let bomb = format!("a: &a [x, x]\n{}", unfold.collect::<String>());
        let (pairs, _) = head(&bomb);
        let longest = pairs.iter().map(|(_, value)| value.to_string().len()).max();
        assert!(longest < Some(100), "nothing was unfolded: {longest:?}");
    }
}
