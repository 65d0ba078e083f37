//! What an agent's output asked crew to do, as inputs of the engine: the same rules as for tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::brief::clean;
use super::harvest::Harvest;
use crate::agent::Call;
use crate::base::redact::redact_json;
use crate::base::{TaskId, limits, text};
use crate::clock::Clock;
use crate::engine::{Caller, Command, Input, State, field_type, typed};
use crate::event::attempt::Question;
use crate::event::gate::TurnOutcome;
use crate::event::message::{Delivery, MessagePriority};
use crate::event::{Actor, Message, MessageKind};
use crate::plan::Plan;

/// Turns the calls of an output into inputs.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    plan: Arc<Plan>,
    clock: Clock,
}

impl Calls {
    pub(super) fn of(state: &State, clock: Clock) -> Self {
        Self { plan: state.plan_arc(), clock }
    }

    /// The calls of one turn. Fields of one gate that were written one by one are one write.
    pub(super) fn inputs_of(&self, found: &Harvest) -> Vec<Input> {
        let (task, attempt) = (&found.end.task, found.end.attempt);
        let mut gates: Vec<(String, Map<String, Value>)> = Vec::new();
        let mut commands = Vec::new();
        for call in &found.calls {
            match call {
                Call::Gate { gate, values } => {
                    let values =
                        values.iter().map(|(field, value)| (field.clone(), redact_json(value)));
                    commands.push(write(gate, values.collect(), task, attempt));
                }
                Call::Field { gate, field, word } => {
                    let kind = field_type(&self.plan, gate, field);
                    let value = redact_json(&typed(kind, word));
                    match gates
                        .iter_mut()
                        .find(|(known, data)| known == gate && !data.contains_key(field))
                    {
                        Some((_, data)) => {
                            data.insert(field.clone(), value);
                        }
                        None => {
                            gates.push((gate.clone(), Map::from_iter([(field.clone(), value)])));
                        }
                    }
                }
                Call::Send { to, text } => commands.push(self.send(task, attempt, to, text)),
                Call::Ask(question) => commands.push(Command::Ask {
                    task: task.clone(),
                    attempt,
                    question: Question { text: clean(question), choices: Vec::new() },
                }),
                Call::Done(text) => commands.push(report(task, attempt, TurnOutcome::Done, text)),
                Call::Block(text) => {
                    commands.push(report(task, attempt, TurnOutcome::Blocked, text));
                }
                Call::Fail(text) => commands.push(report(task, attempt, TurnOutcome::Failed, text)),
            }
        }
        let written = gates.into_iter().map(|(gate, data)| write(&gate, data, task, attempt));
        written.chain(commands).map(Input::Spoken).collect()
    }

    fn send(&self, task: &TaskId, attempt: u32, to: &str, said: &str) -> Command {
        let by = Caller::Agent { task: task.clone(), attempt };
        let message = Message {
            id: format!("{:016x}", fastrand::u64(..)),
            at: self.clock.now(),
            from: Actor::Agent(task.clone()).to_string(),
            to: to.to_owned(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: text::middle_cut(&clean(said), limits::MESSAGE_BYTES_MAX).into_owned(),
            data: None,
            reply_to: None,
        };
        Command::Send { message, gates: BTreeMap::new(), by }
    }
}

fn write(gate: &str, data: Map<String, Value>, task: &TaskId, attempt: u32) -> Command {
    let by = Caller::Agent { task: task.clone(), attempt };
    Command::WriteGate { gate: gate.to_owned(), data, by }
}

fn report(task: &TaskId, attempt: u32, outcome: TurnOutcome, said: &str) -> Command {
    let text = text::middle_cut(&clean(said), limits::MESSAGE_BYTES_MAX).into_owned();
    Command::Report { task: task.clone(), attempt, outcome, text }
}
