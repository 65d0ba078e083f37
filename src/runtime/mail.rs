//! Which messages go into the prompt of an attempt, and how they read there.

use std::fmt::Write;

use crate::engine::{MessageState, State};
use crate::event::{Actor, EndReason, Message};
use crate::plan::graph::TaskIx;
use crate::plan::prompt::Mail;

/// Messages to a task, to its step or to the whole run that the task has not got yet, by name.
///
/// What went into an attempt that broke off goes into the next one again: twice, but never lost.
pub(super) fn waiting(state: &State, task: TaskIx) -> Vec<(String, Mail)> {
    let id = state.task_id(task);
    let (address, own) = (id.to_string(), Actor::Agent(id.clone()).to_string());
    let last = state.tasks[task].last.as_deref();
    let broken = last
        .filter(|end| end.reason != EndReason::Exited || end.signal.is_some())
        .map(|end| end.attempt);
    let is_for_it = |message: &Message| match message.to.as_str() {
        "run" => message.from != own,
        to => to == address || to == id.step().as_str(),
    };
    let is_given = |entry: &MessageState| {
        let given = entry.delivered.iter().rev().find(|(to, _)| *to == id);
        given.is_some_and(|(_, attempt)| Some(*attempt) != broken)
    };
    let is_read = |entry: &MessageState| entry.acked.iter().any(|(by, _)| *by == id);
    let entries = state.messages.iter().filter(|entry| {
        entry.dead.is_none() && is_for_it(&entry.message) && !is_given(entry) && !is_read(entry)
    });
    entries.map(|entry| (entry.message.id.clone(), mail(&entry.message))).collect()
}

/// A message as its receiver reads it, with its name: one that comes twice is known again.
fn mail(message: &Message) -> Mail {
    let is_person = matches!(message.from.parse(), Ok(Actor::Human(_)));
    let mut text = format!("[{}] {}", message.id, message.text);
    if let Some(data) = &message.data {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\n\ndata: {data}");
    }
    Mail { agent: (!is_person).then(|| message.from.clone()), text }
}
