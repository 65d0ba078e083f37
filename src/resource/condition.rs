//! Conditions of gates: the short form `{check: f, eq: v}` and the long one `{type: check, field: f, op:, value:}`.

use serde_json::Value as Json;

use crate::base::StepId;
use crate::base::flow::{CheckOp, Condition};
use crate::base::limits::{CONDITION_DEPTH_MAX, CONDITION_NODES_MAX};

use super::diagnostic::Findings;
use super::value::{At, Entry, Node, Pos, Value};

/// Reads the condition of a gate, within its limits.
pub(super) fn read_when(node: &Node, findings: &mut Findings) -> Option<At<Condition>> {
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
            ("", None, None) if value.is_none() => CheckOp::Exists,
            ("exists", None, None) => CheckOp::Exists,
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
