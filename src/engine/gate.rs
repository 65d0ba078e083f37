//! When a gate is open: the conditions of SPEC 7.2, with a reason for every closed one.
//!
//! What cannot be evaluated is closed, never open.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::StoreState;
use super::state::State;
use crate::base::flow::{CheckOp, Condition};
use crate::plan::graph::GatePlan;

/// Deepest nesting of conditions that is evaluated.
const DEPTH_MAX: usize = 8;
/// Most conditions of one gate that are evaluated.
const NODES_MAX: usize = 64;

/// Whether a gate is open, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateVerdict {
    /// Whether it is open.
    pub open: bool,
    /// What is missing; empty when it is open.
    pub reason: String,
    /// Whether something went wrong: a part cannot be evaluated, or a command failed.
    pub is_broken: bool,
    /// How far the first count in the condition is.
    pub tally: Option<Tally>,
}

/// How far a count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Entries that count.
    pub have: u32,
    /// How many are needed.
    pub need: u32,
    /// Entries that say something else.
    pub against: u32,
}

impl GateVerdict {
    fn of(open: bool, reason: impl FnOnce() -> String) -> Self {
        let reason = if open { String::new() } else { reason() };
        Self { open, reason, is_broken: false, tally: None }
    }

    /// Closed because it cannot be evaluated, or because a command failed.
    fn broken(reason: impl Into<String>) -> Self {
        Self { open: false, reason: reason.into(), is_broken: true, tally: None }
    }

    /// What the parts of a condition say beside being open.
    fn with(mut self, parts: &[Self]) -> Self {
        self.is_broken = !self.open && parts.iter().any(|part| part.is_broken);
        self.tally = parts.iter().find_map(|part| part.tally);
        self
    }
}

impl State {
    /// Whether the gate with this name is open; a gate that does not exist is closed.
    pub fn gate(&self, id: &str) -> GateVerdict {
        match self.plan().gates.iter().find(|gate| gate.id == id) {
            Some(gate) => self.evaluate(gate),
            None => GateVerdict::broken(format!("there is no gate `{id}`")),
        }
    }

    /// What stands in the stores, by gate and field, as words for prompts.
    pub fn gate_values(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let gates = self.plan().gates.iter();
        let with_data = gates.filter_map(|gate| Some((gate, self.stores.get(&gate.store)?)));
        with_data
            .map(|(gate, store)| {
                let fields = store.data.iter().map(|(field, value)| (field.clone(), words(value)));
                (gate.id.clone(), fields.collect())
            })
            .collect()
    }

    /// Whether a gate of the plan is open.
    pub fn evaluate(&self, gate: &GatePlan) -> GateVerdict {
        let mut nodes = 0;
        gate.when.walk(&mut |_| nodes += 1);
        if nodes > NODES_MAX {
            let text =
                format!("its condition has {nodes} parts; {NODES_MAX} are evaluated at most");
            return GateVerdict::broken(text);
        }
        self.evaluate_with(gate, self.stores.get(&gate.store))
    }

    /// Whether a gate would be open if this stood in its store.
    pub(super) fn evaluate_with(&self, gate: &GatePlan, store: Option<&StoreState>) -> GateVerdict {
        Evaluation { state: self, gate, store }.condition(&gate.when, 1)
    }
}

struct Evaluation<'a> {
    state: &'a State,
    gate: &'a GatePlan,
    store: Option<&'a StoreState>,
}

impl Evaluation<'_> {
    fn condition(&self, condition: &Condition, depth: usize) -> GateVerdict {
        if depth > DEPTH_MAX {
            return GateVerdict::broken(format!("its condition is nested deeper than {DEPTH_MAX}"));
        }
        match condition {
            Condition::Check { field, op } => self.check(field, op),
            Condition::Count { field, eq, min } => self.count(field, eq, *min),
            Condition::All(parts) => {
                let verdicts: Vec<GateVerdict> =
                    parts.iter().map(|part| self.condition(part, depth + 1)).collect();
                let closed = verdicts.iter().filter(|verdict| !verdict.open);
                let reasons: Vec<&str> = closed.map(|verdict| verdict.reason.as_str()).collect();
                GateVerdict::of(reasons.is_empty(), || reasons.join("; ")).with(&verdicts)
            }
            Condition::Any(parts) => {
                let verdicts: Vec<GateVerdict> =
                    parts.iter().map(|part| self.condition(part, depth + 1)).collect();
                let open = verdicts.iter().any(|verdict| verdict.open);
                GateVerdict::of(open, || match verdicts.as_slice() {
                    [] => "nothing can open it".to_owned(),
                    verdicts => {
                        let reasons: Vec<&str> =
                            verdicts.iter().map(|verdict| verdict.reason.as_str()).collect();
                        reasons.join(", or ")
                    }
                })
                .with(&verdicts)
            }
            Condition::Done(step) => match self.state.step_ix(step) {
                None => GateVerdict::broken(format!("there is no step `{step}`")),
                Some(ix) => GateVerdict::of(self.state.is_step_done(ix), || {
                    format!("step `{step}` is not done")
                }),
            },
            Condition::Exec(name) => self.exec(name),
        }
    }

    fn value(&self, field: &str) -> Option<&Value> {
        let data = &self.store?.data;
        let Some(pointer) = field.strip_prefix('/') else {
            return data.get(field);
        };
        // A pointer into the store: its first part names the field.
        let unescape = |part: &str| part.replace("~1", "/").replace("~0", "~");
        match pointer.split_once('/') {
            None => data.get(&unescape(pointer)),
            Some((first, rest)) => data.get(&unescape(first))?.pointer(&format!("/{rest}")),
        }
    }

    fn check(&self, field: &str, op: &CheckOp) -> GateVerdict {
        let value = self.value(field);
        match op {
            CheckOp::Exists => {
                let exists =
                    value.is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
                GateVerdict::of(exists, || format!("`{field}` is not written"))
            }
            CheckOp::Eq(wanted) => {
                let open = value.is_some_and(|value| equal(value, wanted));
                GateVerdict::of(open, || match value {
                    None => format!("`{field}` is not written; it must be {}", short(wanted)),
                    Some(value) => format!("`{field}` is {}, not {}", short(value), short(wanted)),
                })
            }
            CheckOp::Ne(unwanted) => {
                let open = value.is_none_or(|value| !equal(value, unwanted));
                GateVerdict::of(open, || format!("`{field}` is {}", short(unwanted)))
            }
        }
    }

    fn count(&self, field: &str, eq: &Value, min: u32) -> GateVerdict {
        let min = min.max(1) as usize;
        let entries = self.value(field).and_then(Value::as_object);
        let (old, current): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .flatten()
            .partition(|(task, _)| self.state.is_outdated_vote(&self.gate.store, field, task));
        let count = current.iter().filter(|(_, value)| equal(value, eq)).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let against = number(current.len() - count);
        let tally = Tally { have: number(count), need: number(min), against };
        let verdict = GateVerdict::of(count >= min, || {
            let mut reason = format!("{count} of {min} `{field}` are {}", short(eq));
            let mut others: Vec<String> = current
                .iter()
                .filter(|(_, value)| !equal(value, eq))
                .map(|(task, value)| format!("{task} says {}", short(value)))
                .collect();
            others.extend(old.iter().map(|(task, _)| format!("{task} voted on an older tree")));
            let silent: Vec<String> = self
                .writers()
                .into_iter()
                .filter(|task| entries.is_none_or(|map| !map.contains_key(task)))
                .collect();
            if !others.is_empty() {
                reason = format!("{reason}: {}", others.join(", "));
            }
            if !silent.is_empty() {
                let verb = if silent.len() == 1 { "has" } else { "have" };
                let colon = if others.is_empty() { ":" } else { ";" };
                reason = format!("{reason}{colon} {} {verb} not voted", silent.join(", "));
            }
            reason
        });
        GateVerdict { tally: Some(tally), ..verdict }
    }

    /// The tasks that may write the gate.
    fn writers(&self) -> Vec<String> {
        let plan = self.state.plan();
        let may = |name: &str| self.gate.writers.iter().any(|writer| writer == name);
        let steps = plan.steps.iter().filter(|step| may(&step.role) || may(step.id.as_str()));
        steps.flat_map(|step| plan.tasks_of(step)).map(|task| task.to_string()).collect()
    }

    fn exec(&self, name: &str) -> GateVerdict {
        if !self.state.plan().commands.contains_key(name) {
            return GateVerdict::broken(format!("no command `{name}` is configured"));
        }
        match self.state.evidence_of(name) {
            None => GateVerdict::of(false, || format!("`{name}` has not run on the current tree")),
            Some(found) if found.is_green() => GateVerdict::of(true, String::new),
            Some(found) => GateVerdict::broken(match found.code {
                Some(code) => format!("`{name}` exited with code {code}"),
                None => format!("`{name}` did not end by itself"),
            }),
        }
    }
}

/// Equal as JSON: no coercion, but 1 and 1.0 are one number.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A value as a prompt shows it: texts as they are, entries of a map line by line.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(entries) => {
            let lines: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}: {}", words(value))).collect();
            lines.join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    }
}

/// A value as one short word.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => crate::base::text::one_line(text, 60),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            crate::base::text::one_line(&value.to_string(), 60)
        }
    }
}
