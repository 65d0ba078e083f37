//! Gates of a workflow: fields, writers, and the condition that opens them.

use crate::base::flow::{Condition, FieldType};

use super::condition::read_when;
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
