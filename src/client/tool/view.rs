//! What an agent may see of its run: channels, gates, tasks, its own place, its mail.

use serde_json::{Map, Value, json};

use super::error::ToolError;
use super::identity::Identity;
use super::request::Reply;
use crate::base::text;
use crate::engine::{MessageState, Refusal, State};
use crate::event::Actor;
use crate::plan::StepPlan;
use crate::plan::graph::GatePlan;
use crate::snapshot::ChildRow;

/// All channels, those that the caller can write along first named as such.
pub(super) fn channels(state: &State, who: &Identity) -> Reply {
    let plan = state.plan();
    let mut lines = Vec::new();
    let rows: Vec<Value> = plan
        .channels
        .iter()
        .map(|channel| {
            let (from, to) = (&plan.steps[channel.from].id, &plan.steps[channel.to].id);
            let closed: Vec<String> = channel
                .gates
                .iter()
                .map(|gate| (gate, state.gate(gate)))
                .filter(|(_, verdict)| !verdict.open)
                .map(|(gate, verdict)| format!("`{gate}`: {}", verdict.reason))
                .collect();
            let is_own = from == who.task.step();
            let gates = match channel.gates.as_slice() {
                [] => String::new(),
                gates if closed.is_empty() => format!(", {} open", gates.join(", ")),
                _ => format!(", closed ({})", closed.join("; ")),
            };
            let mark = if is_own { " (you may write along it)" } else { "" };
            lines.push(format!("{from} -> {to}{gates}{mark}"));
            json!({
                "id": channel.id, "from": from.as_str(), "to": to.as_str(), "gates": channel.gates,
                "open": closed.is_empty(), "fire": channel.fire, "cyclic": channel.cyclic,
                "yours": is_own,
            })
        })
        .collect();
    Reply::new(json!({"channels": rows}), or_none(&lines, "this workflow has no channels"))
}

/// All gates.
pub(super) fn gates(state: &State, who: &Identity) -> Reply {
    let gates = &state.plan().gates;
    let rows: Vec<Value> = gates.iter().map(|gate| gate_row(state, who, gate)).collect();
    let lines: Vec<String> = gates.iter().map(|gate| gate_lines(state, who, gate)).collect();
    Reply::new(json!({"gates": rows}), or_none(&lines, "this workflow has no gates"))
}

/// One gate with its store.
pub(super) fn gate(state: &State, who: &Identity, name: &str) -> Result<Reply, ToolError> {
    let gates = &state.plan().gates;
    let found = gates.iter().find(|gate| gate.id == name);
    let Some(gate) = found.or_else(|| gates.iter().find(|gate| gate.store == name)) else {
        let near = text::did_you_mean(name, gates.iter().map(|gate| gate.id.as_str()));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`crew tool gates` lists them".to_owned(),
        };
        let reason = format!("{} has no gate `{name}`", state.reference());
        return Err(Refusal { code: "not_found", reason, hint }.into());
    };
    let mut row = gate_row(state, who, gate);
    let store = state.stores.get(&gate.store);
    let data = store.map(|store| store.data.clone()).unwrap_or_default();
    let mut lines = vec![gate_lines(state, who, gate)];
    lines.extend(data.iter().map(|(field, value)| format!("  {field} = {}", shown(value))));
    row["data"] = Value::Object(data);
    row["origins"] = store.map_or(Value::Null, |store| json!(store.origins));
    Ok(Reply::new(row, lines.join("\n")))
}

/// Whether a gate is open after a write.
pub(super) fn verdict(state: &State, gate: &GatePlan) -> Value {
    let verdict = state.evaluate(gate);
    json!({"id": gate.id, "open": verdict.open, "reason": verdict.reason})
}

/// The same in one line.
pub(super) fn verdict_line(row: &Value) -> String {
    let id = row["id"].as_str().unwrap_or_default();
    match row["reason"].as_str() {
        Some("") | None => format!("written; gate `{id}` is open"),
        Some(reason) => format!("written; gate `{id}` is closed: {reason}"),
    }
}

fn gate_row(state: &State, who: &Identity, gate: &GatePlan) -> Value {
    let mut row = verdict(state, gate);
    let fields: Map<String, Value> = gate
        .fields
        .iter()
        .map(|(name, kind)| (name.clone(), Value::String(kind.to_string())))
        .collect();
    row["description"] = json!(gate.description);
    row["store"] = json!(gate.store);
    row["fields"] = Value::Object(fields);
    row["writers"] = json!(gate.writers);
    row["may_write"] = json!(may_write(state, who, gate));
    row
}

fn gate_lines(state: &State, who: &Identity, gate: &GatePlan) -> String {
    let verdict = state.evaluate(gate);
    let state_word =
        if verdict.open { "open".to_owned() } else { format!("closed: {}", verdict.reason) };
    let fields: Vec<String> =
        gate.fields.iter().map(|(name, kind)| format!("{name} ({kind})")).collect();
    let you = if may_write(state, who, gate) { ", you may write it" } else { "" };
    let writers = gate.writers.join(", ");
    format!("{} is {state_word}\n  fields: {}; writers: {writers}{you}", gate.id, fields.join(", "))
}

fn may_write(state: &State, who: &Identity, gate: &GatePlan) -> bool {
    own_step(state, who).is_some_and(|step| {
        gate.writers.iter().any(|name| *name == step.role || *name == step.id.as_str())
    })
}

fn own_step<'a>(state: &'a State, who: &Identity) -> Option<&'a StepPlan> {
    state.task_ix(&who.task).map(|task| state.step_of(task))
}

/// The other tasks, and to whom the caller may write.
pub(super) fn peers(state: &State, who: &Identity) -> Reply {
    let plan = state.plan();
    let own = plan.step_ix(who.task.step().as_str());
    let is_reachable = |step: usize| {
        plan.channels.iter().any(|channel| Some(channel.from) == own && channel.to == step)
            || plan.steps[step].id.as_str() == "lead"
    };
    let others = (0..state.tasks.len()).filter(|&task| state.task_id(task) != who.task);
    let mut lines = Vec::new();
    let rows: Vec<Value> = others
        .map(|task| {
            let (id, step) = (state.task_id(task), state.step_of(task));
            let status = state.tasks[task].status.as_str();
            let may = is_reachable(state.step_ix_of(task));
            let mark = if may { ", you may write to it" } else { "" };
            lines.push(format!("{id}: {}, {status}{mark}", step.role));
            json!({"task": id.to_string(), "role": step.role, "status": status, "may_send": may})
        })
        .collect();
    lines.push("run, human: you may always write to them".to_owned());
    Reply::new(json!({"peers": rows, "always": ["run", "human"]}), lines.join("\n"))
}

/// The run, and the caller's place in it.
pub(super) fn status(state: &State, who: &Identity) -> Reply {
    let unread = messages(state, who, false).len();
    let step = own_step(state, who);
    let role = step.map_or("", |step| step.role.as_str());
    let contract = step.and_then(|step| step.contract.as_deref());
    let children = ChildRow::all(state);
    let json = json!({
        "run": state.reference(), "goal": state.created.goal,
        "status": state.status.kind().as_str(), "epoch": state.epoch,
        "task": who.task.to_string(), "attempt": who.attempt, "role": role,
        "contract": contract, "unread": unread, "children": children,
    });
    let mut text = format!(
        "{} is {}, epoch {}\nyou are attempt {} of `{}`, role {role}; {unread} unread messages",
        state.reference(),
        state.status.kind().as_str(),
        state.epoch,
        who.attempt,
        who.task
    );
    for child in &children {
        text.push('\n');
        text.push_str(&child.told());
    }
    Reply::new(json, text)
}

/// Mail for the caller: to its task, its step or the whole run, its own left out.
pub(super) fn messages(state: &State, who: &Identity, all: bool) -> Vec<MessageState> {
    let (task, step) = (who.task.to_string(), who.task.step().as_str());
    let own = who.actor().to_string();
    let entries = state.messages.iter().filter(|entry| {
        let to = entry.message.to.as_str();
        let is_read = entry.acked.iter().any(|(task, _)| *task == who.task);
        (to == task || to == step || (to == "run" && entry.message.from != own))
            && entry.dead.is_none()
            && (all || !is_read)
    });
    entries.cloned().collect()
}

/// Mail as it is read: what agents wrote is data, and quoted.
pub(super) fn inbox(found: &[MessageState]) -> Reply {
    let rows: Vec<Value> = found
        .iter()
        .map(|entry| {
            let is_person = is_person(&entry.message.from);
            json!({"message": entry.message, "from_person": is_person})
        })
        .collect();
    let lines: Vec<String> = found
        .iter()
        .map(|entry| {
            let message = &entry.message;
            let body = if is_person(&message.from) {
                message.text.clone()
            } else {
                let quoted: Vec<String> =
                    message.text.lines().map(|line| format!("> {line}")).collect();
                quoted.join("\n")
            };
            let data = message.data.as_ref().map(|data| format!("\ndata: {data}"));
            format!(
                "[{}] from {} to {}:\n{body}{}",
                message.id,
                message.from,
                message.to,
                data.unwrap_or_default()
            )
        })
        .collect();
    Reply::new(json!({"messages": rows}), or_none(&lines, "no messages"))
}

fn is_person(from: &str) -> bool {
    matches!(from.parse(), Ok(Actor::Human(_)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

fn or_none(lines: &[String], none: &str) -> String {
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}
