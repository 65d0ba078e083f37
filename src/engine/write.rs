//! Who may write what into a gate's store, and what exactly is written.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::input::Refusal;
use super::state::{LiveAttempt, State};
use super::verify::check_escalation;
use crate::base::flow::FieldType;
use crate::base::{TaskId, limits};
use crate::event::Actor;
use crate::event::gate::{StoreEntry, StoreWrite};
use crate::plan::Plan;
use crate::plan::graph::{GatePlan, StepPlan};

/// Who writes or calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A person, by user name.
    Human(String),
    /// The attempt of a task.
    Agent {
        /// The task.
        task: TaskId,
        /// Number of the attempt.
        attempt: u32,
    },
    /// The runtime itself.
    Runtime,
}

impl Caller {
    /// As the log names it.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Human(user) => Actor::Human(user.clone()),
            Self::Agent { task, .. } => Actor::Agent(task.clone()),
            Self::Runtime => Actor::Supervisor,
        }
    }

    /// Number of the attempt, for agents.
    pub fn attempt(&self) -> Option<u32> {
        if let Self::Agent { attempt, .. } = self { Some(*attempt) } else { None }
    }
}

/// What a writer wants in a gate, addressed by the gate's name or the store's.
struct Target<'a> {
    name: &'a str,
    gates: Vec<&'a GatePlan>,
}

impl<'a> Target<'a> {
    fn find(state: &'a State, name: &'a str) -> Result<Self, Refusal> {
        let gates = &state.plan().gates;
        let exact: Vec<&GatePlan> = gates.iter().filter(|gate| gate.id == name).collect();
        let found = if exact.is_empty() {
            gates.iter().filter(|gate| gate.store == name).collect()
        } else {
            exact
        };
        if found.is_empty() {
            let names = gates.iter().map(|gate| gate.id.as_str());
            let hint = match crate::base::text::did_you_mean(name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`crew gate list {}` shows all", state.created.number),
            };
            let reason = format!("run #{} has no gate `{name}`", state.created.number);
            return Err(Refusal { code: "not_found", reason, hint });
        }
        Ok(Self { name, gates: found })
    }

    fn store(&self) -> &'a str {
        &self.gates[0].store
    }

    fn writers(&self) -> BTreeSet<&'a str> {
        self.gates.iter().flat_map(|gate| gate.writers.iter().map(String::as_str)).collect()
    }

    fn field(&self, name: &str) -> Option<&'a FieldType> {
        let fields = self.gates.iter().flat_map(|gate| &gate.fields);
        fields.filter(|(field, _)| field == name).map(|(_, kind)| kind).next()
    }

    fn field_names(&self) -> Vec<&'a str> {
        self.gates.iter().flat_map(|gate| &gate.fields).map(|(name, _)| name.as_str()).collect()
    }
}

/// Checks a write and stamps it; nothing is left to check when it is applied.
///
/// # Errors
/// The gate, the field or the value does not exist, or the writer may not write it now.
pub(super) fn check_write(
    state: &State,
    gate: &str,
    data: &Map<String, Value>,
    by: &Caller,
) -> Result<StoreWrite, Refusal> {
    let target = Target::find(state, gate)?;
    authorise(state, &target, by)?;
    if data.is_empty() {
        return Err(refused("nothing is written", "give `field=value`"));
    }
    for field in data.keys() {
        check_owner(state, &target, field, by)?;
    }
    let mut entries = Vec::new();
    for (field, value) in data {
        check_field(&target, field, value, by, &mut entries)?;
    }
    let size: usize = entries.iter().map(|entry| entry.value.to_string().len()).sum();
    if size > limits::GATE_BYTES_MAX {
        let reason = format!("{size} bytes are more than a gate takes");
        return Err(refused(reason, "store long texts as an artifact and write its name"));
    }
    let write = StoreWrite { store: target.store().to_owned(), entries };
    check_contract(state, &target, &write, by)?;
    check_escalation(state, &write, by)?;
    Ok(write)
}

fn refused(reason: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal { code: "forbidden", reason: reason.into(), hint: hint.into() }
}

fn authorise(state: &State, target: &Target<'_>, by: &Caller) -> Result<(), Refusal> {
    if state.status.is_terminal() {
        let reason = format!("the run is {}", state.status.kind().as_str());
        return Err(Refusal::state(reason, super::decide::next_step(state)));
    }
    let writers = target.writers();
    let names: Vec<&str> = writers.iter().copied().collect();
    let who_may = match names.as_slice() {
        [] => "nobody may".to_owned(),
        names => format!("{} may", names.join(", ")),
    };
    let forbidden = |who: String| {
        Err(refused(
            format!("{who} may not write gate `{}`; {who_may}", target.name),
            String::new(),
        ))
    };
    match by {
        Caller::Human(_) if !writers.contains("human") => forbidden("a person".to_owned()),
        Caller::Runtime if !writers.contains("runtime") => forbidden("the runtime".to_owned()),
        Caller::Human(_) | Caller::Runtime => Ok(()),
        Caller::Agent { task, attempt } => {
            let (step, live) = live_attempt(state, task, *attempt)?;
            if !target.gates.iter().any(|gate| is_writer(state, gate, by)) {
                return forbidden(format!("`{task}` (role `{}`)", step.role));
            }
            let cleared = state.stores.get(target.store()).map_or(0, |store| store.cleared_seq);
            if live.stale || live.seq < cleared {
                let reason = format!(
                    "attempt {attempt} of `{task}` started before gate `{}` was reset in epoch {}",
                    target.name, state.epoch
                );
                let hint = "end the turn; the work has gone on without it".to_owned();
                return Err(Refusal { code: "stale_epoch", reason, hint });
            }
            Ok(())
        }
    }
}

/// Whether a writer is one of this gate's: a role or step of the name `human` makes nobody a person.
fn is_writer(state: &State, gate: &GatePlan, by: &Caller) -> bool {
    let has = |name: &str| gate.writers.iter().any(|writer| writer == name);
    match by {
        Caller::Human(_) => has("human"),
        Caller::Runtime => has("runtime"),
        Caller::Agent { task, .. } => state.step_ix(task.step()).is_some_and(|step| {
            let step = &state.plan().steps[step];
            let names = [step.role.as_str(), step.id.as_str()];
            names.into_iter().any(|name| !matches!(name, "human" | "runtime") && has(name))
        }),
    }
}

/// A field that another gate of the same store declares or asks about belongs to that gate's writers too.
fn check_owner(
    state: &State,
    target: &Target<'_>,
    field: &str,
    by: &Caller,
) -> Result<(), Refusal> {
    let gates = state.plan().gates.iter().filter(|gate| gate.store == target.store());
    let mut owners = gates.filter(|gate| {
        let declares = gate.fields.iter().any(|(name, _)| name == field);
        declares || gate.when.asks_about(field)
    });
    match owners.find(|gate| !is_writer(state, gate, by)) {
        None => Ok(()),
        Some(owner) => {
            let may = owner.writers.join(", ");
            let reason =
                format!("field `{field}` belongs to gate `{}`; {may} may write it", owner.id);
            Err(refused(reason, String::new()))
        }
    }
}

/// The step and the live attempt behind a call of an agent.
///
/// # Errors
/// The attempt does not live any more.
pub fn live_attempt<'a>(
    state: &'a State,
    task: &TaskId,
    attempt: u32,
) -> Result<(&'a StepPlan, &'a LiveAttempt), Refusal> {
    let found = state.task_ix(task).and_then(|ix| {
        let live = state.tasks[ix].status.as_live()?;
        (live.number == attempt).then(|| (state.step_of(ix), live))
    });
    found.ok_or_else(|| {
        let reason = format!("attempt {attempt} of `{task}` is over");
        Refusal { code: "state", reason, hint: "end the turn".to_owned() }
    })
}

fn check_field(
    target: &Target<'_>,
    field: &str,
    value: &Value,
    by: &Caller,
    entries: &mut Vec<StoreEntry>,
) -> Result<(), Refusal> {
    let names = target.field_names();
    let Some(kind) = target.field(field) else {
        if names.is_empty() {
            entries.push(StoreEntry { field: field.to_owned(), key: None, value: value.clone() });
            return Ok(());
        }
        let reason =
            format!("gate `{}` has no field `{field}`; it has {}", target.name, names.join(", "));
        let near = crate::base::text::did_you_mean(field, names);
        let hint = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
        return Err(refused(reason, hint));
    };
    let own = match by {
        Caller::Agent { task, .. } => task.to_string(),
        Caller::Human(_) => "human".to_owned(),
        Caller::Runtime => "runtime".to_owned(),
    };
    let (key, value) = match (kind.is_map(), value) {
        (false, value) => (None, value),
        (true, Value::Object(map)) => match map.iter().next() {
            Some((key, value)) if map.len() == 1 && *key == own => (Some(own), value),
            _ => {
                let reason = format!("`{own}` may write only its own entry of `{field}`");
                return Err(refused(reason, format!("write `{field}=<value>`")));
            }
        },
        (true, value) => (Some(own), value),
    };
    if !kind.accepts_entry(value) {
        let shown = crate::base::text::one_line(&value.to_string(), 60);
        let reason = format!("field `{field}` of gate `{}` cannot be {shown}", target.name);
        return Err(refused(reason, format!("it takes {kind}")));
    }
    entries.push(StoreEntry { field: field.to_owned(), key, value: value.clone() });
    Ok(())
}

/// A verdict is given once in a turn; saying the same again is no second one.
fn check_contract(
    state: &State,
    target: &Target<'_>,
    write: &StoreWrite,
    by: &Caller,
) -> Result<(), Refusal> {
    let Caller::Agent { task, attempt } = by else { return Ok(()) };
    let (step, _) = live_attempt(state, task, *attempt)?;
    let is_bound = step.contract.as_ref().is_some_and(|name| {
        name == target.store() || target.gates.iter().any(|gate| gate.id == *name)
    });
    let is_second = state
        .task_ix(task)
        .is_some_and(|ix| state.tasks[ix].wrote.get(target.store()) == Some(attempt));
    if is_bound && is_second && !is_written(state, write) {
        let reason = format!(
            "`{task}` has written `{}` in this turn already, with another value",
            target.name
        );
        let hint = "one verdict counts a turn, the first".to_owned();
        return Err(Refusal { code: "contract", reason, hint });
    }
    Ok(())
}

/// Whether the store holds exactly this already.
pub(super) fn is_written(state: &State, write: &StoreWrite) -> bool {
    let Some(store) = state.stores.get(&write.store) else { return false };
    write.entries.iter().all(|entry| {
        let found = store.data.get(&entry.field);
        let found = match &entry.key {
            None => found,
            Some(key) => found.and_then(|map| map.get(key)),
        };
        found == Some(&entry.value)
    })
}

/// The declared type of a field of a gate or store.
pub fn field_type<'a>(plan: &'a Plan, gate: &str, field: &str) -> Option<&'a FieldType> {
    let gates = plan.gates.iter();
    let named = gates.filter(|known| known.id == gate || known.store == gate);
    named.flat_map(|gate| &gate.fields).find(|(name, _)| name == field).map(|(_, kind)| kind)
}

/// The value that a word on a command line means: `true` is a boolean where the field is one.
pub fn typed(kind: Option<&FieldType>, word: &str) -> Value {
    match kind {
        Some(FieldType::Bool | FieldType::Number) | None => {
            serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned()))
        }
        Some(
            FieldType::String
            | FieldType::Text
            | FieldType::OneOf(_)
            | FieldType::MapOf(_)
            | FieldType::MapText,
        ) => Value::String(word.to_owned()),
    }
}
