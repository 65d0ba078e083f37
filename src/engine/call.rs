//! What agents and people call: writes, messages, questions, the end of a turn (SPEC sections 10, 11).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::decide::{find, next_step, refusal};
use super::input::Refusal;
use super::state::State;
use super::write::{Caller, check_write, is_written, live_attempt};
use crate::base::TaskId;
use crate::event::attempt::Question;
use crate::event::body::{
    MessageAcked, MessageRetracted, MessageSent, QuestionAsked, QuestionParked,
};
use crate::event::gate::{GateWritten, StoreWrite, TurnOutcome, TurnReported};
use crate::event::message::Message;
use crate::event::{Body, StatusKind};

/// Writes into a store; the same words of the same turn again are nothing new.
pub(super) fn write_gate(
    state: &State,
    gate: &str,
    data: &Map<String, Value>,
    by: &Caller,
) -> Result<Vec<Body>, Refusal> {
    let write = check_write(state, gate, data, by)?;
    let is_repeated = match by {
        Caller::Agent { task, attempt } => state
            .task_ix(task)
            .is_some_and(|task| state.tasks[task].wrote.get(&write.store) == Some(attempt)),
        Caller::Human(_) | Caller::Runtime => true,
    };
    if is_repeated && is_written(state, &write) {
        return Ok(Vec::new());
    }
    let (by, attempt) = (by.actor(), by.attempt());
    Ok(vec![GateWritten { gate: gate.to_owned(), by, attempt, write }.into()])
}

/// Sends a message, with the writes that belong to it.
pub(super) fn send(
    state: &State,
    message: &Message,
    gates: &BTreeMap<String, Map<String, Value>>,
    by: &Caller,
) -> Result<Vec<Body>, Refusal> {
    if state.status.kind() == StatusKind::Archived {
        return Err(refusal(state, "send", "not archived"));
    }
    let known = state.messages.iter().find(|entry| entry.message.id == message.id);
    if let Some(known) = known.map(|entry| &entry.message) {
        let is_same =
            (&known.from, &known.to, &known.text) == (&message.from, &message.to, &message.text);
        let reason = format!("another message is called `{}`", message.id);
        let hint = "leave the name out, and it gets one of its own".to_owned();
        let other = Refusal { code: "conflict", reason, hint };
        return if is_same { Ok(Vec::new()) } else { Err(other) };
    }
    if let Caller::Agent { task, attempt } = by {
        live_attempt(state, task, *attempt)?;
    }
    if !matches!(message.to.as_str(), "run" | "human") {
        let id = message.to.parse::<TaskId>().map_err(|error| Refusal {
            code: "not_found",
            reason: error.to_string(),
            hint: "write to a task, to `run` or to `human`".to_owned(),
        })?;
        check_addressee(state, &id)?;
        if let Caller::Agent { task, .. } = by {
            check_channel(state, task, &id)?;
        }
    }
    let mut writes = Vec::new();
    for (gate, data) in gates {
        let write = check_write(state, gate, data, by)?;
        check_agreement(&writes, gate, &write)?;
        writes.push(write);
    }
    let attempt = by.attempt().filter(|_| !writes.is_empty());
    Ok(vec![MessageSent { message: message.clone(), writes, attempt }.into()])
}

/// Two writes of one message into one store must not say different things.
fn check_agreement(known: &[StoreWrite], gate: &str, write: &StoreWrite) -> Result<(), Refusal> {
    let same = known.iter().filter(|other| other.store == write.store);
    let mut entries = same.flat_map(|other| &other.entries);
    let differs = entries.find(|other| {
        let twin = write.entries.iter().find(|e| e.field == other.field && e.key == other.key);
        twin.is_some_and(|entry| entry.value != other.value)
    });
    match differs {
        None => Ok(()),
        Some(entry) => {
            let field = &entry.field;
            let reason =
                format!("the message writes `{field}` of gate `{gate}` twice, differently");
            let hint = "one value counts".to_owned();
            Err(Refusal { code: "contract", reason, hint })
        }
    }
}

/// A message goes to a task, or to a step with several: then all of its slots get it.
fn check_addressee(state: &State, id: &TaskId) -> Result<(), Refusal> {
    if id.slot().is_none() && state.step_ix(id.step()).is_some() {
        return Ok(());
    }
    find(state, id).map(|_| ())
}

/// Agents write only along the channels of their workflow.
fn check_channel(state: &State, from: &TaskId, to: &TaskId) -> Result<(), Refusal> {
    let plan = state.plan();
    let reachable: Vec<&str> = plan
        .channels
        .iter()
        .filter(|channel| plan.steps[channel.from].id == *from.step())
        .map(|channel| plan.steps[channel.to].id.as_str())
        .collect();
    // `lead` reads along with everybody where there is one.
    if reachable.contains(&to.step().as_str()) || to.step().as_str() == "lead" {
        return Ok(());
    }
    let mut names = vec!["run", "human"];
    names.extend(reachable);
    names.dedup();
    let reason = format!("no channel leads from `{}` to `{}`", from.step(), to.step());
    let hint = format!("`{}` may write to {}", from.step(), names.join(", "));
    Err(Refusal { code: "forbidden", reason, hint })
}

/// Takes a message back that nobody was given yet.
pub(super) fn retract(state: &State, id: &str) -> Result<Vec<Body>, Refusal> {
    let Some(entry) = state.messages.iter().find(|entry| entry.message.id == id) else {
        let reason = format!("run #{} has no message `{id}`", state.created.number);
        let hint = format!("`crew inbox {}` lists them", state.created.number);
        return Err(Refusal { code: "not_found", reason, hint });
    };
    if let Some((task, attempt)) = entry.delivered.first() {
        let reason = format!("attempt {attempt} of `{task}` has it already");
        return Err(Refusal::state(reason, format!("send `{task}` another message")));
    }
    if entry.dead.is_some() {
        return Ok(Vec::new());
    }
    Ok(vec![MessageRetracted { id: id.to_owned() }.into()])
}

/// The receiver has read messages; reading them again is nothing new.
pub(super) fn ack(state: &State, ids: &[String], task: &TaskId, attempt: u32) -> Vec<Body> {
    let by = (task.clone(), attempt);
    let is_new = |id: &&String| {
        let mut found = state.messages.iter();
        found.any(|entry| entry.message.id == **id && !entry.acked.contains(&by))
    };
    let ids: Vec<String> = ids.iter().filter(is_new).cloned().collect();
    if ids.is_empty() {
        return Vec::new();
    }
    vec![MessageAcked { ids, task: task.clone(), attempt }.into()]
}

/// An agent asks; asking the same again is the same question.
pub(super) fn ask(
    state: &State,
    task: &TaskId,
    attempt: u32,
    question: &Question,
) -> Result<Vec<Body>, Refusal> {
    let (_, live) = live_attempt(state, task, attempt)?;
    if live.stale {
        let reason = format!("the work has gone on without attempt {attempt} of `{task}`");
        let hint = "end the turn".to_owned();
        return Err(Refusal { code: "stale_epoch", reason, hint });
    }
    let known = state.task_ix(task).and_then(|task| state.tasks[task].asked.as_ref());
    match known {
        // Asked again by a later attempt, it is the same question, and this attempt waits for it now.
        Some(asked) if asked.question == *question => {
            let waits = live.is_held() || asked.parked || asked.answer.is_some();
            let again = || QuestionAsked { task: task.clone(), question: question.clone() }.into();
            Ok(if waits { Vec::new() } else { vec![again()] })
        }
        Some(asked) if asked.answer.is_none() => {
            let reason = format!(
                "`{task}` has asked already: {}",
                crate::base::text::one_line(&asked.question.text, 120)
            );
            Err(Refusal::state(reason, "wait for its answer, or end the turn"))
        }
        Some(_) | None => {
            Ok(vec![QuestionAsked { task: task.clone(), question: question.clone() }.into()])
        }
    }
}

/// The agent ends its turn without the answer.
pub(super) fn park(state: &State, task: &TaskId, attempt: u32) -> Result<Vec<Body>, Refusal> {
    live_attempt(state, task, attempt)?;
    let known = state.task_ix(task).and_then(|task| state.tasks[task].asked.as_ref());
    match known {
        Some(asked) if !asked.parked && asked.answer.is_none() => {
            Ok(vec![QuestionParked { task: task.clone() }.into()])
        }
        Some(_) | None => Ok(Vec::new()),
    }
}

/// An agent says how its turn ends; it may say it better, but not differently.
pub(super) fn report(
    state: &State,
    task: &TaskId,
    attempt: u32,
    outcome: TurnOutcome,
    text: &str,
) -> Result<Vec<Body>, Refusal> {
    live_attempt(state, task, attempt)?;
    let said = state.task_ix(task).and_then(|task| state.tasks[task].said.as_ref());
    if let Some((number, known, _)) = said
        && *number == attempt
        && *known != outcome
    {
        let reason = format!("`{task}` has said already how this turn ends");
        return Err(Refusal { code: "contract", reason, hint: next_step(state) });
    }
    let (task, text) = (task.clone(), text.to_owned());
    Ok(vec![TurnReported { task, attempt, outcome, text }.into()])
}
