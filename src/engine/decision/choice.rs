//! What a yes or a no writes into the store of a gate.

use serde_json::{Map, Value};

use super::super::facts::DecisionState;
use super::super::input::Refusal;
use super::super::state::State;
use super::super::write::is_written;
use super::verdict::{Wish, refused};
use crate::base::flow::{CheckOp, Condition, FieldType};
use crate::event::decision::{Action, DecisionKind};
use crate::event::gate::{StoreEntry, StoreWrite};
use crate::plan::graph::GatePlan;

/// What a decision writes into its gate's store.
pub(super) fn write_of(
    state: &State,
    entry: &DecisionState,
    wish: &Wish<'_>,
) -> Result<Option<StoreWrite>, Refusal> {
    if entry.opened.kind != DecisionKind::Gate {
        return Ok(None);
    }
    let Some(gate) = state.plan().gates.iter().find(|gate| gate.id == entry.opened.subject) else {
        return Ok(None);
    };
    let mut data = Map::new();
    let is_approval = wish.action == Action::Approve;
    if is_approval && !opening(gate, &gate.when, &mut data) {
        let reason = format!("gate `{}` has no value that a yes alone could write", gate.id);
        let hint = format!("`crew gate write {} {} field=value`", state.created.number, gate.id);
        return Err(refused(reason, hint));
    }
    if !is_approval {
        closing(gate, &mut data);
    }
    // The reason goes where it decides nothing; that of an earlier decision is not this one's.
    let mut texts = gate.fields.iter().filter(|(_, kind)| *kind == FieldType::Text);
    if let Some((field, _)) = texts.find(|(field, _)| !gate.when.asks_about(field)) {
        let before = state.stores.get(&gate.store).and_then(|store| store.data.get(field));
        if before.is_some() || !wish.text.is_empty() {
            data.insert(field.clone(), wish.text.into());
        }
    }
    let entries = entries(gate, data);
    let write = StoreWrite { store: gate.store.clone(), entries };
    Ok((!write.entries.is_empty()).then_some(write))
}

/// Whether a person has given the yes that a gate asks for; what is still missing is not theirs.
pub(super) fn is_yes_given(state: &State, gate: &GatePlan) -> bool {
    let mut data = Map::new();
    if !opening(gate, &gate.when, &mut data) {
        return false;
    }
    is_written(state, &StoreWrite { store: gate.store.clone(), entries: entries(gate, data) })
}

fn entries(gate: &GatePlan, data: Map<String, Value>) -> Vec<StoreEntry> {
    data.into_iter()
        .map(|(field, value)| {
            let is_map = gate.fields.iter().any(|(name, kind)| *name == field && kind.is_map());
            StoreEntry { field, key: is_map.then(|| "human".to_owned()), value }
        })
        .collect()
}

/// The values that make a condition true, as far as a yes can write them.
fn opening(gate: &GatePlan, condition: &Condition, data: &mut Map<String, Value>) -> bool {
    let kind =
        |field: &str| gate.fields.iter().find(|(name, _)| name == field).map(|(_, kind)| kind);
    match condition {
        Condition::Check { field, .. } if field.starts_with('/') => false,
        Condition::Check { field, op: CheckOp::Eq(value) } => {
            data.insert(field.clone(), value.clone());
            true
        }
        Condition::Check { field, op: CheckOp::Exists } => {
            let value = match kind(field) {
                Some(FieldType::Bool) => Value::Bool(true),
                Some(FieldType::OneOf(words)) if words.len() == 1 => words[0].clone().into(),
                _ => return false,
            };
            data.insert(field.clone(), value);
            true
        }
        Condition::Check { .. } => false,
        Condition::Count { field, eq, min } => {
            if *min <= 1 {
                data.insert(field.clone(), eq.clone());
            }
            *min <= 1
        }
        Condition::All(parts) => parts.iter().all(|part| opening(gate, part, data)),
        Condition::Any(parts) => parts.iter().any(|part| {
            let mut own = Map::new();
            let found = opening(gate, part, &mut own);
            if found {
                data.append(&mut own);
            }
            found
        }),
        // Nothing that a person writes: it opens by itself or keeps the gate closed.
        Condition::Done(_) | Condition::Exec(_) => true,
    }
}

/// The values that say no: the other truth, or the only other word.
fn closing(gate: &GatePlan, data: &mut Map<String, Value>) {
    gate.when.walk(&mut |part| {
        let Condition::Check { field, op: CheckOp::Eq(wanted) } = part else { return };
        let kind = gate.fields.iter().find(|(name, _)| name == field).map(|(_, kind)| kind);
        match (kind, wanted) {
            (Some(FieldType::Bool), Value::Bool(yes)) => {
                data.insert(field.clone(), Value::Bool(!yes));
            }
            (Some(FieldType::OneOf(words)), Value::String(yes)) => {
                let others: Vec<&String> = words.iter().filter(|word| *word != yes).collect();
                if let [only] = others.as_slice() {
                    data.insert(field.clone(), (*only).clone().into());
                }
            }
            _ => {}
        }
    });
}
