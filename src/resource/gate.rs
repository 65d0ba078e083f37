//! Gates of a workflow: fields, writers, and the condition that opens them.

use serde_json::Value as Json;

use crate::base::StepId;
use crate::base::flow::{CheckOp, Condition, FieldType};
use crate::base::limits::{CONDITION_DEPTH_MAX, CONDITION_NODES_MAX};

use super::diagnostic::Findings;
use super::fields::{Fields, check_declared};
use super::value::{At, Entry, Name, Node, Pos, Value};

/// One gate as its file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct GateDecl {
    /// Name of the gate.
    pub id: String,
    /// Where it stands.
    pub pos: Pos,
    /// What it guards, in one line.
    pub description: String,
    /// The store that it reads: its own, or one that it shares.
    pub store: String,
    /// Fields of the store in the order of the file; empty means that any JSON object is accepted.
    pub fields: Vec<(String, FieldType)>,
    /// Roles and steps that may write, `human`, `runtime`.
    pub writers: Vec<Name>,
    /// Whether its store is cleared when a cycle passes it.
    pub reset_on_cycle: bool,
    /// When it is open.
    pub when: At<Condition>,
    /// What a person sees when asked about it.
    pub show: Vec<String>,
    /// Autonomy level from which the runtime gives the human's approval itself.
    pub required_level: Option<u32>,
}

impl GateDecl {
    /// Whether a person writes this gate.
    pub fn is_human(&self) -> bool {
        self.writers.iter().any(|writer| writer.as_str() == "human")
    }

    /// Type of a field of its store.
    pub fn field(&self, name: &str) -> Option<&FieldType> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, kind)| kind)
    }
}

/// Reads `gates`: a map by name, or a list of maps with `id`.
pub(super) fn read_all(node: Node, findings: &mut Findings) -> Vec<GateDecl> {
    let mut gates = Vec::new();
    for (id, entries) in named_maps("gates", node, findings) {
        gates.extend(read(&id, entries, findings));
    }
    gates
}

/// A list of maps with `id`, or a map by name, as pairs of name and entries; `id` may be empty in a list.
pub(super) fn named_maps(
    key: &str,
    node: Node,
    findings: &mut Findings,
) -> Vec<(Name, Vec<Entry>)> {
    let pos = node.pos;
    let mut found = Vec::new();
    let mut add = |id: Name, node: Node, findings: &mut Findings| match node.value.into_map() {
        Ok(entries) => found.push((id, entries)),
        Err(value) => findings.error(
            node.pos,
            format!("an entry of `{key}` is {}", value.kind()),
            "write a map like `{ key: value }`",
        ),
    };
    match node.value {
        Value::Map(entries) => {
            for entry in entries {
                add(At::new(entry.key, entry.pos), entry.node, findings);
            }
        }
        Value::List(items) => {
            for mut item in items {
                let id = take_id(&mut item.value);
                let id = id.unwrap_or_else(|| At::new(String::new(), item.pos));
                add(id, item, findings);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(..) | Value::Text(_) => findings.error(
            pos,
            format!("`{key}` is neither a map nor a list"),
            "write a map by name",
        ),
    }
    found
}

fn take_id(item: &mut Value) -> Option<Name> {
    let Value::Map(entries) = item else {
        return None;
    };
    let index = entries.iter().position(|entry| entry.key == "id")?;
    let node = entries.remove(index).node;
    Some(At::new(node.as_text()?, node.pos))
}

fn read(id: &Name, entries: Vec<Entry>, findings: &mut Findings) -> Option<GateDecl> {
    if !check_declared(id, id.pos, findings) {
        return None;
    }
    let mut fields = Fields::new("a gate", entries, findings);
    let when = fields.node("when");
    let field_types = fields.map("fields").map(|map| map.value).unwrap_or_default();
    let gate = GateDecl {
        id: id.value.clone(),
        pos: id.pos,
        description: fields.plain("description").unwrap_or_default(),
        store: fields.plain("store").unwrap_or_else(|| id.value.clone()),
        fields: Vec::new(),
        writers: fields.list("writers").unwrap_or_default(),
        reset_on_cycle: fields.flag("resetOnCycle").unwrap_or(false),
        // Closed for ever, should the condition be missing or wrong: the error below refuses the file anyway.
        when: At::new(Condition::Any(Vec::new()), id.pos),
        show: fields.plain_list("show").unwrap_or_default(),
        required_level: fields.number("requiredLevel", 0),
    };
    fields.finish();
    check_declared(&gate.store, id.pos, findings);
    let types = field_types
        .into_iter()
        .filter_map(|entry| Some((entry.key.clone(), field_type(&entry, findings)?)))
        .collect();
    if when.is_none() {
        findings.error(
            id.pos,
            format!("gate `{}` has no condition", id.value),
            "add `when: { check: <field> }`",
        );
    }
    let when = when.and_then(|node| read_when(&node, findings));
    Some(GateDecl { fields: types, when: when.unwrap_or(gate.when), ..gate })
}

/// Reads `string`, `bool`, `number`, `text`, `[a, b]`, `{map: [a, b]}`, `{map: text}`.
fn field_type(entry: &Entry, findings: &mut Findings) -> Option<FieldType> {
    let found = match &entry.node.value {
        Value::Text(word) => match word.as_str() {
            "string" => Some(FieldType::String),
            "bool" | "boolean" => Some(FieldType::Bool),
            "number" => Some(FieldType::Number),
            "text" => Some(FieldType::Text),
            _ => None,
        },
        Value::List(items) => words_of(items).map(FieldType::OneOf),
        Value::Map(inner) => match inner.as_slice() {
            [only] if only.key == "map" => match &only.node.value {
                Value::List(items) => words_of(items).map(FieldType::MapOf),
                Value::Text(word) if matches!(word.as_str(), "text" | "string") => {
                    Some(FieldType::MapText)
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(..)
                | Value::Text(_)
                | Value::Map(_) => None,
            },
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(..) => None,
    };
    if found.is_none() {
        findings.error(
            entry.node.pos,
            format!("`{}` has no type that a field can have", entry.key),
            "write `string`, `bool`, `number`, `text`, `[a, b]`, `{map: [a, b]}` or `{map: text}`",
        );
    }
    found
}

fn words_of(items: &[Node]) -> Option<Vec<String>> {
    let words: Option<Vec<String>> = items.iter().map(|item| item.as_text()).collect();
    words.filter(|words| !words.is_empty() && words.iter().all(|word| !word.is_empty()))
}

fn read_when(node: &Node, findings: &mut Findings) -> Option<At<Condition>> {
    let mut reader = ConditionReader { findings, nodes: 0 };
    let condition = reader.read(node, 1)?;
    Some(At::new(condition, node.pos))
}

struct ConditionReader<'a> {
    findings: &'a mut Findings,
    nodes: usize,
}

/// The keys that say what a condition is.
const CONDITION_KINDS: [&str; 6] = ["check", "count", "all", "any", "done", "exec"];

impl ConditionReader<'_> {
    fn wrong<T>(&mut self, pos: Pos, message: impl Into<String>, fix: &str) -> Option<T> {
        self.findings.error(pos, message, fix);
        None
    }

    fn read(&mut self, node: &Node, depth: usize) -> Option<Condition> {
        self.nodes += 1;
        if depth > CONDITION_DEPTH_MAX {
            let message = format!("the condition is nested deeper than {CONDITION_DEPTH_MAX}");
            return self.wrong(node.pos, message, "split it into several gates");
        }
        if self.nodes > CONDITION_NODES_MAX {
            let message = format!("the condition has more than {CONDITION_NODES_MAX} parts");
            return self.wrong(node.pos, message, "split it into several gates");
        }
        let Value::Map(entries) = &node.value else {
            let message = format!("a condition cannot be {}", node.kind());
            return self.wrong(node.pos, message, "write `{ check: field, eq: value }`");
        };
        let get = |key: &str| entries.iter().find(|entry| entry.key == key);
        if let Some(kind) = get("type") {
            let kind = kind.node.as_text().unwrap_or_default();
            return self.long(node, entries, &kind, depth);
        }
        let kinds: Vec<&Entry> = CONDITION_KINDS.iter().filter_map(|kind| get(kind)).collect();
        let [subject] = kinds.as_slice() else {
            let message = "a condition needs exactly one of `check`, `count`, `all`, `any`, `done` and `exec`";
            return self.wrong(node.pos, message, "write `{ check: field, eq: value }`");
        };
        let allowed: &[&str] = match subject.key.as_str() {
            "check" => &["eq", "ne", "op"],
            "count" => &["eq", "min"],
            _ => &[],
        };
        self.check_keys(entries, &subject.key, allowed);
        match subject.key.as_str() {
            "check" => self.check(node, entries, &subject.node),
            "count" => self.count(node, entries, &subject.node),
            "done" => self.done(&subject.node),
            "exec" => self.exec(&subject.node),
            kind => self.group(&subject.node, kind == "all", depth),
        }
    }

    /// The long form: `{type: check, field: f, op: ==, value: v}`.
    fn long(
        &mut self,
        node: &Node,
        entries: &[Entry],
        kind: &str,
        depth: usize,
    ) -> Option<Condition> {
        let get = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| entries.iter().find(|e| e.key == *key));
            found.map(|entry| &entry.node)
        };
        let subject = match kind {
            "check" | "count" => get(&["field", "check", "count"]),
            "all" | "any" => get(&["conditions", "of", "all", "any"]),
            "done" => get(&["step", "done"]),
            "exec" => get(&["name", "exec", "command"]),
            _ => {
                let message = format!("`{kind}` is no type of condition");
                return self.wrong(
                    node.pos,
                    message,
                    "write one of `check`, `count`, `all`, `any`, `done` and `exec`",
                );
            }
        };
        let Some(subject) = subject else {
            let message = format!("the condition of type `{kind}` says nothing to look at");
            return self.wrong(
                node.pos,
                message,
                "add `field:`, `conditions:`, `step:` or `name:`",
            );
        };
        match kind {
            "check" => self.check(node, entries, subject),
            "count" => self.count(node, entries, subject),
            "done" => self.done(subject),
            "exec" => self.exec(subject),
            kind => self.group(subject, kind == "all", depth),
        }
    }

    fn check_keys(&mut self, entries: &[Entry], kind: &str, allowed: &[&str]) {
        for entry in entries {
            if entry.key != kind && !allowed.contains(&entry.key.as_str()) {
                self.findings.error(
                    entry.pos,
                    format!("`{}` is no key of a `{kind}` condition", entry.key),
                    format!("remove `{}`", entry.key),
                );
            }
        }
    }

    fn field(&mut self, subject: &Node) -> Option<String> {
        match subject.as_text().filter(|text| !text.is_empty()) {
            Some(field) => Some(field),
            None => {
                self.wrong(subject.pos, "the condition names no field", "name a field of the store")
            }
        }
    }

    fn check(&mut self, node: &Node, entries: &[Entry], subject: &Node) -> Option<Condition> {
        let field = self.field(subject)?;
        let get = |key: &str| entries.iter().find(|entry| entry.key == key);
        let json = |key: &str| get(key).map(|entry| entry.node.to_json());
        let word = get("op").and_then(|op| op.node.as_text()).unwrap_or_default();
        let value = json("value");
        let op = match (word.as_str(), json("eq"), json("ne")) {
            ("" | "exists", None, None) => CheckOp::Exists,
            ("", Some(value), None) => CheckOp::Eq(value),
            ("", None, Some(value)) => CheckOp::Ne(value),
            ("eq" | "==" | "=" | "equals", None, None) => CheckOp::Eq(value.unwrap_or(Json::Null)),
            ("ne" | "!=" | "not_equals", None, None) => CheckOp::Ne(value.unwrap_or(Json::Null)),
            _ => {
                return self.wrong(
                    node.pos,
                    format!("the check of `{field}` has no clear operator"),
                    "write one of `eq: value`, `ne: value` or nothing for existence",
                );
            }
        };
        Some(Condition::Check { field, op })
    }

    fn count(&mut self, node: &Node, entries: &[Entry], subject: &Node) -> Option<Condition> {
        let field = self.field(subject)?;
        let get =
            |keys: &[&str]| keys.iter().find_map(|key| entries.iter().find(|e| e.key == *key));
        let Some(eq) = get(&["eq", "value", "matchValue"]) else {
            return self.wrong(
                node.pos,
                format!("the count of `{field}` has no `eq`"),
                "add `eq: value`",
            );
        };
        let min = get(&["min"]).map_or(Some(1), |entry| entry.node.as_text()?.parse::<u32>().ok());
        let Some(min) = min.filter(|min| *min >= 1) else {
            return self.wrong(
                node.pos,
                format!("the count of `{field}` needs a `min` of at least 1"),
                "write `min: 1` or more",
            );
        };
        Some(Condition::Count { field, eq: eq.node.to_json(), min })
    }

    fn done(&mut self, subject: &Node) -> Option<Condition> {
        let text = subject.as_text().unwrap_or_default();
        match text.parse::<StepId>() {
            Ok(step) => Some(Condition::Done(step)),
            Err(error) => self.wrong(subject.pos, error.to_string(), "name a step"),
        }
    }

    fn exec(&mut self, subject: &Node) -> Option<Condition> {
        match subject.as_text().filter(|text| !text.is_empty()) {
            Some(name) => Some(Condition::Exec(name)),
            None => self.wrong(
                subject.pos,
                "the condition names no command",
                "name a validation command",
            ),
        }
    }

    fn group(&mut self, subject: &Node, is_all: bool, depth: usize) -> Option<Condition> {
        let Value::List(items) = &subject.value else {
            return self.wrong(
                subject.pos,
                format!("the parts of the condition are {}", subject.kind()),
                "write a list of conditions",
            );
        };
        let mut parts = Vec::new();
        let mut is_whole = true;
        for item in items {
            match self.read(item, depth + 1) {
                Some(part) => parts.push(part),
                None => is_whole = false,
            }
        }
        if !is_whole {
            return None;
        }
        Some(if is_all { Condition::All(parts) } else { Condition::Any(parts) })
    }
}
