//! Gates: somebody can write what they wait for, and what they wait for can be written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::base::flow::{CheckOp, Condition, FieldType};
use crate::resource::diagnostic::Findings;
use crate::resource::fields::quoted;
use crate::resource::{GateDecl, Pos, WorkflowFile};

use super::unknown;

pub(super) fn check(file: &WorkflowFile, findings: &mut Findings) {
    let stores = stores(file);
    let ids = file.step_ids();
    for (index, gate) in file.gates.iter().enumerate() {
        if file.gates[..index].iter().any(|other| other.id == gate.id) {
            findings.error(
                gate.pos,
                format!("gate `{}` stands here twice", gate.id),
                "rename one of them",
            );
        }
        let is_used = file.channels.iter().any(|c| c.gates.iter().any(|name| **name == gate.id));
        if !is_used {
            findings.warning(
                gate.pos,
                format!("no channel uses gate `{}`", gate.id),
                "name it in a channel with `gate:`, or remove it",
            );
        }
        check_writers(file, gate, findings);
        check_shown(file, gate, findings);
        if let Some(store) = stores.get(gate.store.as_str()) {
            check_condition(gate, store, &ids, findings);
        }
    }
    for store in stores.values() {
        check_store(store, findings);
    }
    check_contracts(file, &stores, findings);
}

/// What all gates say about one store.
struct Store<'a> {
    name: &'a str,
    gates: Vec<&'a GateDecl>,
    fields: BTreeMap<&'a str, &'a FieldType>,
    writers: BTreeSet<&'a str>,
    /// How many tasks and people can write it.
    writer_count: u32,
}

fn stores(file: &WorkflowFile) -> BTreeMap<&str, Store<'_>> {
    let mut stores: BTreeMap<&str, Store<'_>> = BTreeMap::new();
    for gate in &file.gates {
        let store = stores.entry(&gate.store).or_insert_with(|| Store {
            name: &gate.store,
            gates: Vec::new(),
            fields: BTreeMap::new(),
            writers: BTreeSet::new(),
            writer_count: 0,
        });
        store.gates.push(gate);
        store.writers.extend(gate.writers.iter().map(|writer| writer.as_str()));
        for (field, kind) in &gate.fields {
            store.fields.entry(field).or_insert(kind);
        }
    }
    for store in stores.values_mut() {
        let others =
            ["human", "runtime"].iter().filter(|who| store.writers.contains(**who)).count();
        let tasks = file
            .steps
            .iter()
            .filter(|step| {
                store.writers.contains(step.id.as_str()) || store.writers.contains(step.role_name())
            })
            .map(crate::resource::StepDecl::slot_count);
        store.writer_count = u32::try_from(others).unwrap_or(0).saturating_add(tasks.sum());
    }
    stores
}

/// Every writer is a role that some step plays, a step, `human` or `runtime`.
fn check_writers(file: &WorkflowFile, gate: &GateDecl, findings: &mut Findings) {
    let mut known: BTreeSet<&str> = file.step_ids();
    known.extend(file.steps.iter().map(crate::resource::StepDecl::role_name));
    known.extend(["human", "runtime"]);
    for writer in &gate.writers {
        if !known.contains(writer.as_str()) {
            unknown("role or step", writer, writer.pos, known.iter().copied(), findings);
        }
    }
}

/// A store needs a writer when a condition reads it; one field has either people or agents as writers.
fn check_store(store: &Store<'_>, findings: &mut Findings) {
    let reads = |gate: &&&GateDecl| {
        let mut is_read = false;
        gate.when.walk(&mut |part| {
            is_read |= matches!(part, Condition::Check { .. } | Condition::Count { .. });
        });
        is_read
    };
    if let Some(gate) = store.gates.iter().find(reads).filter(|_| store.writers.is_empty()) {
        findings.error(
            gate.pos,
            format!("nobody can write gate `{}`", gate.id),
            "add `writers: [<role>]`, `[human]` or `[runtime]`",
        );
    }
    let has = |gate: &GateDecl, field: &str| gate.fields.is_empty() || gate.field(field).is_some();
    let by_agents = |gate: &&&GateDecl| {
        let is_agent =
            |writer: &&crate::resource::Name| !matches!(writer.as_str(), "human" | "runtime");
        gate.writers.iter().find(is_agent).is_some()
    };
    let mut told = false;
    for gate in store.gates.iter().filter(|gate| gate.is_human()) {
        for field in store.fields.keys().copied().chain(store.fields.is_empty().then_some("")) {
            let agents = store.gates.iter().find(|g| by_agents(g) && has(g, field));
            if let Some(other) = agents.filter(|_| has(gate, field) && !told) {
                told = true;
                let writer = gate.writers.iter().find(|writer| writer.as_str() == "human");
                findings.error(
                    writer.map_or(gate.pos, |writer| writer.pos),
                    format!(
                        "a person and an agent can both write {} (gates `{}` and `{}`)",
                        field_name(store.name, field),
                        gate.id,
                        other.id
                    ),
                    "give people a store of their own",
                );
            }
        }
    }
    for gate in &store.gates {
        for (field, kind) in &gate.fields {
            let first = store.fields.get(field.as_str());
            if first.is_some_and(|first| *first != kind) {
                findings.error(
                    gate.pos,
                    format!("field `{field}` of store `{}` has two types", store.name),
                    "declare it the same way in every gate of this store",
                );
            }
        }
    }
}

fn field_name(store: &str, field: &str) -> String {
    if field.is_empty() {
        format!("store `{store}`")
    } else {
        format!("field `{field}` of store `{store}`")
    }
}

/// Fields and values of a condition are declared ones, and enough writers exist.
fn check_condition(
    gate: &GateDecl,
    store: &Store<'_>,
    ids: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    let pos = gate.when.pos;
    gate.when.walk(&mut |part| match part {
        Condition::Check { field, op } => {
            let Some(kind) = declared(store, field, pos, findings) else {
                return;
            };
            let (CheckOp::Eq(value) | CheckOp::Ne(value)) = op else {
                return;
            };
            if !field.starts_with('/') && !kind.accepts(value) {
                wrong_value(field, value, kind, pos, findings);
            }
        }
        Condition::Count { field, eq, min } => {
            if let Some(kind) = declared(store, field, pos, findings)
                && !field.starts_with('/')
            {
                if !kind.is_map() {
                    findings.error(
                        pos,
                        format!(
                            "`count` needs a field with an entry per task; `{field}` is {kind}"
                        ),
                        "declare it as `{map: [a, b]}`, or use `check`",
                    );
                } else if !kind.accepts_entry(eq) {
                    wrong_value(field, eq, kind, pos, findings);
                }
            }
            if !store.writers.is_empty() && *min > store.writer_count {
                findings.error(
                    pos,
                    format!(
                        "gate `{}` waits for {min} entries and only {} can be written",
                        gate.id, store.writer_count
                    ),
                    "lower `min`, or give the writing step more `slots`",
                );
            }
        }
        Condition::Done(step) => {
            if !ids.contains(step.as_str()) {
                unknown("step", step.as_str(), pos, ids.iter().copied(), findings);
            }
        }
        Condition::All(_) | Condition::Any(_) | Condition::Exec(_) => {}
    });
}

/// The declared type of a field; a store without fields takes everything.
fn declared<'a>(
    store: &Store<'a>,
    field: &str,
    pos: Pos,
    findings: &mut Findings,
) -> Option<&'a FieldType> {
    let top = field.strip_prefix('/').map_or(field, |rest| rest.split('/').next().unwrap_or(rest));
    let found = store.fields.get(top).copied();
    if found.is_none() && !store.fields.is_empty() {
        let names: Vec<&str> = store.fields.keys().copied().collect();
        unknown("field", top, pos, names, findings);
    }
    found
}

fn wrong_value(field: &str, value: &Json, kind: &FieldType, pos: Pos, findings: &mut Findings) {
    findings.error(
        pos,
        format!("field `{field}` can never be `{value}`"),
        format!("it is declared as {kind}"),
    );
}

/// What a person is shown must exist.
fn check_shown(file: &WorkflowFile, gate: &GateDecl, findings: &mut Findings) {
    for item in &gate.show {
        let is_missing = item.strip_prefix("gate:").is_some_and(|id| file.gate(id).is_none());
        if is_missing {
            findings.warning(
                gate.pos,
                format!("gate `{}` shows `{item}`, which does not exist", gate.id),
                "name a gate of this file",
            );
        }
    }
}

/// A contract names a gate or store that its step may write.
fn check_contracts(
    file: &WorkflowFile,
    stores: &BTreeMap<&str, Store<'_>>,
    findings: &mut Findings,
) {
    for step in &file.steps {
        let Some(contract) = &step.contract else {
            continue;
        };
        let name = &contract.writes;
        let store = match file.gate(name) {
            Some(gate) => stores.get(gate.store.as_str()),
            None => stores.get(name.as_str()),
        };
        let Some(store) = store else {
            let mut names: Vec<&str> = file.gates.iter().map(|gate| gate.id.as_str()).collect();
            names.extend(stores.keys().filter(|store| file.gate(store).is_none()));
            unknown("gate", name, name.pos, names, findings);
            continue;
        };
        let may_write =
            store.writers.contains(step.id.as_str()) || store.writers.contains(step.role_name());
        if !may_write {
            let writers: Vec<&str> = store.writers.iter().copied().collect();
            findings.error(
                name.pos,
                format!("step `{}` must write `{}` and may not", step.id, name.value),
                format!(
                    "add `{}` to the writers, which are {}",
                    step.role_name(),
                    quoted(&writers)
                ),
            );
        }
    }
}
