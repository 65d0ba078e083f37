//! Reads the keys of one map by name and type, and tells what is left over.

use crate::base::text::did_you_mean;
use crate::base::time::parse_ms;

use super::diagnostic::Findings;
use super::value::{At, Entry, Name, Node, Pos, Value, same_key, split_commas};

/// Which skills a role, step or agent asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skills {
    /// `false`: none, also not those of the role.
    Off,
    /// These besides those of the role.
    Names(Vec<String>),
}

impl Skills {
    /// The names; none when skills are off.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Off => &[],
            Self::Names(names) => names,
        }
    }
}

/// The keys of one map; each is taken once.
pub(super) struct Fields<'a> {
    what: &'a str,
    entries: Vec<Entry>,
    known: Vec<&'static str>,
    findings: &'a mut Findings,
}

impl<'a> Fields<'a> {
    /// `what` names the map in messages: `a step`, `a gate`.
    pub(super) fn new(what: &'a str, entries: Vec<Entry>, findings: &'a mut Findings) -> Self {
        Self { what, entries, known: Vec::new(), findings }
    }

    /// The findings, for what the typed readers cannot say.
    pub(super) fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// Takes a key whatever its value is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry> {
        self.known.push(key);
        let wanted = same_key(key);
        let index = self.entries.iter().position(|e| same_key(&e.key) == wanted)?;
        Some(self.entries.remove(index))
    }

    /// The node of a key; an empty value counts as absent.
    pub(super) fn node(&mut self, key: &'static str) -> Option<Node> {
        let node = self.take(key)?.node;
        (node.value != Value::Null).then_some(node)
    }

    /// A text; numbers and truth values are taken as they were written.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Name> {
        let node = self.node(key)?;
        let Some(text) = node.as_text() else {
            self.mismatch(key, "a text", &node);
            return None;
        };
        let text = text.trim().to_owned();
        (!text.is_empty()).then(|| At::new(text, node.pos))
    }

    /// A text, where `false` means none.
    pub(super) fn text_or_off(&mut self, key: &'static str) -> Option<Name> {
        self.text(key).filter(|text| **text != "false")
    }

    /// A text without its place.
    pub(super) fn plain(&mut self, key: &'static str) -> Option<String> {
        self.text(key).map(|text| text.value)
    }

    /// A list of texts: a YAML list, or a comma list in one text. `false` is the empty list.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<Name>> {
        let node = self.node(key)?;
        self.list_of(key, &node)
    }

    /// A list of texts without places.
    pub(super) fn plain_list(&mut self, key: &'static str) -> Option<Vec<String>> {
        Some(values(self.list(key)?))
    }

    /// Reads a node as a list of texts.
    pub(super) fn list_of(&mut self, key: &str, node: &Node) -> Option<Vec<Name>> {
        match &node.value {
            Value::Bool(false) | Value::Null => Some(Vec::new()),
            Value::Text(text) => {
                Some(split_commas(text).into_iter().map(|item| At::new(item, node.pos)).collect())
            }
            Value::Number(_, text) => Some(vec![At::new(text.clone(), node.pos)]),
            Value::List(items) => {
                let mut names = Vec::new();
                for item in items {
                    match item.as_text() {
                        Some(text) => names.push(At::new(text.trim().to_owned(), item.pos)),
                        None => self.mismatch(key, "a list of texts", item),
                    }
                }
                Some(names)
            }
            Value::Bool(true) | Value::Map(_) => {
                self.mismatch(key, "a list like `a, b`", node);
                None
            }
        }
    }

    /// Skills: a list, or `false` for none.
    pub(super) fn skills(&mut self, key: &'static str) -> Option<Skills> {
        let node = self.node(key)?;
        if node.as_bool() == Some(false) {
            return Some(Skills::Off);
        }
        self.list_of(key, &node).map(|names| Skills::Names(values(names)))
    }

    /// Where the value of a key stands; the beginning of the file when there is none.
    pub(super) fn pos_of(&self, key: &str) -> Pos {
        let wanted = same_key(key);
        let entry = self.entries.iter().find(|e| same_key(&e.key) == wanted);
        entry.map_or(Pos::START, |entry| entry.node.pos)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        let value = node.as_bool();
        if value.is_none() {
            self.mismatch(key, "`true` or `false`", &node);
        }
        value
    }

    /// A whole number from `min` on.
    pub(super) fn number(&mut self, key: &'static str, min: u32) -> Option<u32> {
        let node = self.node(key)?;
        let number = node.as_text().and_then(|text| text.trim().parse::<u32>().ok());
        let number = number.filter(|&number| number >= min);
        if number.is_none() {
            self.mismatch(key, &format!("a whole number from {min}"), &node);
        }
        number
    }

    /// A number that may have a fraction, not negative.
    pub(super) fn amount(&mut self, key: &'static str) -> Option<f64> {
        let node = self.node(key)?;
        let number = node.as_text().and_then(|text| text.trim().parse::<f64>().ok());
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            self.mismatch(key, "a number from 0", &node);
        }
        number
    }

    /// A length of time like `20m`, in milliseconds.
    pub(super) fn duration_ms(&mut self, key: &'static str) -> Option<u64> {
        let node = self.node(key)?;
        let length = node.as_text().and_then(|text| parse_ms(&text).ok());
        if length.is_none() {
            self.mismatch(key, "a duration like `90s`, `20m` or `1h 30m`", &node);
        }
        length
    }

    /// One of a closed set of words.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let text = node.as_text().unwrap_or_default().to_lowercase();
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let fix = match did_you_mean(&text, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? allowed are {}", quoted(&allowed)),
            None => format!("allowed are {}", quoted(&allowed)),
        };
        self.findings.error(node.pos, format!("`{key}` cannot be {}", shown(&node)), fix);
        None
    }

    /// The entries of a map value.
    pub(super) fn map(&mut self, key: &'static str) -> Option<At<Vec<Entry>>> {
        let node = self.node(key)?;
        if let Value::Map(entries) = node.value {
            return Some(At::new(entries, node.pos));
        }
        self.mismatch(key, "a map like `{ key: value }`", &node);
        None
    }

    /// Says that a value is not what its key wants.
    pub(super) fn mismatch(&mut self, key: &str, wanted: &str, node: &Node) {
        self.findings.error(
            node.pos,
            format!("`{key}` cannot be {}", shown(node)),
            format!("write {wanted}"),
        );
    }

    /// Accepts keys of other programs; at most one line tells that they have no effect here.
    pub(super) fn foreign(&mut self, keys: &[&'static str]) {
        let (mut found, mut first) = (Vec::new(), None);
        for key in keys {
            if let Some(entry) = self.take(key) {
                first.get_or_insert(entry.pos);
                found.push(entry.key);
            }
            self.known.pop();
        }
        if let Some(pos) = first {
            let names: Vec<&str> = found.iter().map(String::as_str).collect();
            self.findings.info(pos, format!("no effect here: {}", quoted(&names)), "");
        }
    }

    /// Warns about every key nobody took.
    pub(super) fn finish(self) {
        for entry in &self.entries {
            let fix = match did_you_mean(&entry.key, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys are {}", quoted(&self.known)),
            };
            self.findings.warning(
                entry.pos,
                format!("`{}` is no key of {}", entry.key, self.what),
                fix,
            );
        }
    }
}

/// Drops the places of names.
pub(super) fn values(names: Vec<Name>) -> Vec<String> {
    names.into_iter().map(|name| name.value).collect()
}

/// Words in back quotes, for messages.
pub(super) fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// A value as messages show it.
pub(super) fn shown(node: &Node) -> String {
    match node.as_text() {
        Some(text) if !text.is_empty() => {
            format!("`{}`", crate::base::text::one_line(&text, 40))
        }
        _ => node.kind().to_owned(),
    }
}

/// Checks a name that a file declares.
pub(super) fn check_declared(name: &str, pos: Pos, findings: &mut Findings) -> bool {
    match crate::base::id::check_name(name) {
        Ok(()) => true,
        Err(error) => {
            findings.error(pos, error.to_string(), "choose a name like `code-review`");
            false
        }
    }
}
