//! Parses one configuration file: checked values with their lines, and everything that is wrong, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::Utf8Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::model::Hook;
use super::problem::{Place, Problem};
use super::value::{Kind, Value, quoted};
use crate::base::text;

/// Path of a key; a name with dots is one element.
pub(super) type KeyPath = Vec<String>;

/// A configuration file as it stands.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Values by key, with line and column of the key.
    pub(super) values: BTreeMap<KeyPath, (Value, Place)>,
    /// The `[[hooks]]`, with the place of each.
    pub(super) hooks: Vec<(Hook, Place)>,
    /// Faults that make the file invalid.
    pub(super) errors: Vec<Problem>,
    /// Faults that do not.
    pub(super) warnings: Vec<Problem>,
}

/// Parses the text of the file at `path`.
pub(super) fn parse(path: &Utf8Path, source: &str) -> Document {
    // A byte order mark is not TOML, and editors hide it.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let (table, faults) = DeTable::parse_recoverable(source);
    let mut reader =
        Reader { path, source, bad_lines: BTreeSet::new(), document: Document::default() };
    let mut faults: Vec<_> =
        faults.iter().map(|fault| (fault.span().unwrap_or(0..0), fault.message())).collect();
    faults.sort_by_key(|(span, _)| span.start);
    for (span, message) in faults {
        reader.syntax(span, message);
    }
    reader.table(&mut Vec::new(), table.get_ref());
    let mut document = reader.document;
    document.errors.sort_by(|a, b| a.place.cmp(&b.place));
    document.warnings.sort_by(|a, b| a.place.cmp(&b.place));
    document
}

/// A path as TOML writes it: bare where that is possible.
pub(super) fn dotted(path: &[String]) -> String {
    let is_bare = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let names: Vec<String> =
        path.iter().map(|name| if is_bare(name) { name.clone() } else { quoted(name) }).collect();
    names.join(".")
}

struct Reader<'a> {
    path: &'a Utf8Path,
    source: &'a str,
    /// Lines with broken TOML: what the parser made of them is a guess.
    bad_lines: BTreeSet<usize>,
    document: Document,
}

impl Reader<'_> {
    fn place(&self, at: usize) -> Place {
        let (line, column) = line_column(self.source, at);
        Place::File { path: self.path.to_owned(), line, column }
    }

    fn syntax(&mut self, span: Range<usize>, message: &str) {
        let (line, _) = line_column(self.source, span.start);
        // One fault often is reported several times over; the first on a line is the one to mend.
        if !self.bad_lines.insert(line) {
            return;
        }
        let found = self.source.get(span.clone()).unwrap_or_default();
        let found = text::one_line(found, 60);
        let (what, hint) = if found.is_empty() && message.starts_with("string values must") {
            ("a value is missing".to_owned(), Some("write `key = value`".to_owned()))
        } else if message.starts_with("string values must")
            || message.starts_with("invalid boolean")
        {
            (
                format!("`{found}` is not a TOML value"),
                Some(format!("put texts in quotes: {}", quoted(&found))),
            )
        } else if message.starts_with("key with no value") {
            ("this is not a key with a value".to_owned(), Some("write `key = value`".to_owned()))
        } else if message.starts_with("duplicate key") {
            (
                format!("`{found}` stands here for the second time"),
                Some("remove one of the two".to_owned()),
            )
        } else {
            (format!("broken TOML: {message}"), None)
        };
        let mut problem = Problem::new(self.place(span.start), what);
        problem.hint = hint;
        self.document.errors.push(problem);
    }

    fn error(&mut self, at: usize, what: String, hint: String) {
        if !self.bad_lines.contains(&line_column(self.source, at).0) {
            let problem = Problem::new(self.place(at), what).hinted(hint);
            self.document.errors.push(problem);
        }
    }

    fn table(&mut self, path: &mut KeyPath, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = name.span().start;
            path.push(name.get_ref().to_string());
            self.entry(path, at, value);
            path.pop();
        }
    }

    fn entry(&mut self, path: &mut KeyPath, at: usize, value: &Spanned<DeValue<'_>>) {
        if path.len() == 1 && path[0] == "hooks" {
            self.hooks(at, value);
        } else if let Some(key) = keys::find(path) {
            match key.kind.of_toml(value.get_ref()) {
                Ok(checked) => self.keep(path, at, checked),
                Err(found) => {
                    let name = path.last().cloned().unwrap_or_default();
                    let what =
                        format!("`{}` must be {}, not {found}", dotted(path), key.kind.expected());
                    let hint = format!("write `{} = {}`", dotted(&[name]), key.example);
                    self.error(value.span().start, what, hint);
                }
            }
        } else if keys::is_table(path) {
            if let DeValue::Table(table) = value.get_ref() {
                self.table(path, table);
            } else {
                let what = format!("`{}` must be a table", dotted(path));
                let hint = format!("write `[{}]` and its keys below", dotted(path));
                self.error(at, what, hint);
            }
        } else {
            self.unknown(path, at);
        }
    }

    fn keep(&mut self, path: &KeyPath, at: usize, value: Value) {
        if !self.bad_lines.contains(&line_column(self.source, at).0) {
            let place = self.place(at);
            self.document.values.insert(path.clone(), (value, place));
        }
    }

    fn unknown(&mut self, path: &[String], at: usize) {
        if !self.bad_lines.is_empty() {
            // A broken line moves what follows it into other tables; the names would be wrong only for that.
            return;
        }
        let (name, table) =
            path.split_last().map_or(("", path), |(name, table)| (name.as_str(), table));
        let what = if table.is_empty() {
            format!("unknown key or table `{name}`")
        } else {
            format!("unknown key `{name}` in `[{}]`", dotted(table))
        };
        let hint = match keys::guess(path) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known here: {}", keys::names_in(table).join(", ")),
        };
        let problem = Problem::new(self.place(at), what).hinted(hint);
        self.document.warnings.push(problem);
    }

    fn hooks(&mut self, at: usize, value: &Spanned<DeValue<'_>>) {
        const HINT: &str = "write `[[hooks]]`, `on = \"run.done\"` and `command = \"…\"`";
        let DeValue::Array(items) = value.get_ref() else {
            return self.error(at, "`hooks` must be a list of tables".to_owned(), HINT.to_owned());
        };
        for item in items {
            let at = item.span().start;
            let DeValue::Table(table) = item.get_ref() else {
                self.error(at, "`hooks` must be a list of tables".to_owned(), HINT.to_owned());
                continue;
            };
            let (mut on, mut command) = (None, None);
            for (name, value) in table {
                let kind = match name.get_ref().as_ref() {
                    "on" => Kind::Words,
                    "command" => Kind::Text,
                    _ => {
                        let path = ["hooks".to_owned(), name.get_ref().to_string()];
                        self.unknown(&path, name.span().start);
                        continue;
                    }
                };
                match kind.of_toml(value.get_ref()) {
                    Ok(Value::List(types)) => on = Some(types),
                    Ok(Value::Text(text)) => command = Some(text),
                    Ok(_) => {}
                    Err(found) => {
                        let what = format!(
                            "`{}` of a hook must be {}, not {found}",
                            name.get_ref(),
                            kind.expected()
                        );
                        self.error(value.span().start, what, HINT.to_owned());
                    }
                }
            }
            let has = |name: &str| table.keys().any(|key| key.get_ref() == name);
            for name in ["on", "command"] {
                if !has(name) {
                    self.error(at, format!("this hook has no `{name}`"), HINT.to_owned());
                }
            }
            if let (Some(on), Some(command)) = (on, command) {
                let place = self.place(at);
                self.document.hooks.push((Hook { on, command }, place));
            }
        }
    }
}

/// Line and column of a byte, both from 1; columns count characters.
fn line_column(source: &str, at: usize) -> (usize, usize) {
    let before = &source[..source.floor_char_boundary(at.min(source.len()))];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: &str) -> String {
        let document = parse("c.toml".as_ref(), source);
        let line = |kind: &str, problem: &Problem| {
            let hint = problem.hint.as_deref().unwrap_or("-");
            format!("{kind} {problem} | {hint}\n")
        };
        let errors = document.errors.iter().map(|problem| line("error", problem));
        let warnings = document.warnings.iter().map(|problem| line("warning", problem));
        errors.chain(warnings).collect()
    }

    #[test]
    fn every_fault_of_a_file_is_named_at_once_with_its_place_and_fix() {
        let source = "\
[limits]
agents = \"three\"
runs = 0
grace = \"soon\"
agnets = 2
max_output = \"1 parsec\"

[defaults]
intent = [1]
agents = 3
permission = \"ful\"

[limts]
x = 1

[ui]
ascii = \"yes\"

[runtimes.mine]
command = \"mine --fast\"

[worktree]
copy = [\"../secrets\"]

[paths]
deny = [\"a{\"]

[[hooks]]
on = \"run.done\"
";
        assert_eq!(
            said(source),
            "\
error c.toml:2:10: `limits.agents` must be a whole number from 1 to 10000, not the text `three` | write `agents = 3`
error c.toml:3:8: `limits.runs` must be a whole number from 1 to 10000, not `0` | write `runs = 4`
error c.toml:4:9: `limits.grace` must be a duration like `\"90s\"`, `\"20m\"` or `\"1h 30m\"`, not the text `soon` | write `grace = \"5s\"`
error c.toml:6:14: `limits.max_output` must be a size like `\"500MB\"` or `\"1GiB\"`, not the text `1 parsec` | write `max_output = \"1GiB\"`
error c.toml:9:10: `defaults.intent` must be a list of texts, not a list with an integer | write `intent = [\"fix\", \"add\"]`
error c.toml:11:14: `defaults.permission` must be one of `ask`, `write`, `edit`, `full`, not the text `ful` (did you mean `full`?) | write `permission = \"write\"`
error c.toml:17:9: `ui.ascii` must be `true` or `false`, not the text `yes` | write `ascii = true`
error c.toml:20:11: `runtimes.mine.command` must be a list: the program and its arguments, not the text `mine --fast` | write `command = [\"mytool\", \"--headless\"]`
error c.toml:23:8: `worktree.copy` must be a list of paths inside the project, not the text `../secrets` | write `copy = [\".env.example\"]`
error c.toml:26:8: `paths.deny` must be a list of path patterns relative to the project, not the text `a{` | write `deny = [\"**/.env\"]`
error c.toml:28:1: this hook has no `command` | write `[[hooks]]`, `on = \"run.done\"` and `command = \"…\"`
warning c.toml:5:1: unknown key `agnets` in `[limits]` | did you mean `agents`?
warning c.toml:10:1: unknown key `agents` in `[defaults]` | did you mean `agents` in `[limits]`?
warning c.toml:13:2: unknown key or table `limts` | did you mean `limits`?
"
        );
    }

    #[test]
    fn broken_toml_is_reported_once_a_line_and_the_rest_is_still_checked() {
        let source = "\
[limits]
agents = three
runs =
grace = 5s
silence = \"10m
machine = \"x\"
runs 4
a = [1, 2
";
        assert_eq!(
            said(source),
            "\
error c.toml:2:10: `three` is not a TOML value | put texts in quotes: \"three\"
error c.toml:3:7: a value is missing | write `key = value`
error c.toml:4:9: `5s` is not a TOML value | put texts in quotes: \"5s\"
error c.toml:5:15: broken TOML: invalid basic string, expected `\"` | -
error c.toml:6:11: `limits.machine` must be a whole number from 1 to 10000, not the text `x` | write `machine = 8`
error c.toml:7:6: this is not a key with a value | write `key = value`
error c.toml:8:10: broken TOML: unclosed array, expected `]` | -
"
        );
        assert_eq!(
            said("[ui]\nascii = true\nascii = false\n"),
            "error c.toml:3:1: `ascii` stands here for the second time | remove one of the two\n"
        );
    }

    #[test]
    fn names_with_dots_are_one_name() {
        let document = parse("c.toml".as_ref(), "[prices.\"some-model-4.5\"]\ninput = 3\n");
        let (path, (value, _)) = document.values.first_key_value().unwrap();
        assert_eq!(dotted(path), "prices.\"some-model-4.5\".input");
        assert_eq!(value, &Value::Amount(3.0));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_column("a\näöü = 1", 9), (2, 5));
    }
}
