//! What a person is asked in a state, and with which version of it in sight.

use super::super::facts::DecisionState;
use super::super::state::State;
use crate::base::flow::Expands;
use crate::base::{Time, limits};
use crate::event::body::MessageSent;
use crate::event::decision::{Action, DecisionKind, DecisionOpened};
use crate::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crate::event::{Body, Status, StatusKind, Wait};
use crate::plan::graph::{GatePlan, StepIx};
use crate::plan::risk::told;

/// Something that a person must decide now.
struct Ask {
    kind: DecisionKind,
    subject: String,
    version: u64,
    actions: Vec<Action>,
    text: String,
    choices: Vec<String>,
}

/// Everything that a person is to be asked in this state.
fn asks(state: &State) -> Vec<Ask> {
    let mut asks = Vec::new();
    if state.needs_approval() {
        asks.push(risk_ask(state));
    }
    if state.status.is_terminal() || state.status.kind() == StatusKind::Draft {
        return asks;
    }
    for task in state.asking() {
        asks.extend(question(state, task));
    }
    for (task, _) in state.live() {
        asks.extend(question(state, task));
    }
    for gate in state.human_gates() {
        asks.push(gate_ask(state, gate));
    }
    for step in state.unapproved() {
        let id = state.step_name(step);
        let is_rejected = state.steps[step].approved == Some(false);
        asks.push(Ask {
            kind: DecisionKind::Plan,
            subject: id.to_string(),
            version: state.steps[step].expanded_seq,
            actions: if is_rejected {
                vec![Action::Approve]
            } else {
                vec![Action::Approve, Action::Reject]
            },
            text: format!("`{id}` proposes {}", proposal(state, step)),
            choices: Vec::new(),
        });
    }
    if let Status::Waiting { wait: Wait::Merge { branch, .. } } = &state.status
        && !is_merge_decided(state)
    {
        asks.push(Ask {
            kind: DecisionKind::Merge,
            subject: String::new(),
            version: state.tree_seq.max(state.status_seq),
            actions: vec![Action::Merge, Action::Discard, Action::RequestChanges],
            text: super::work::text(state, branch),
            choices: Vec::new(),
        });
    }
    asks
}

/// Whether the run may start; what a person sees is its words and its budget.
fn risk_ask(state: &State) -> Ask {
    let risks = state.open_risks();
    let text = if risks.is_empty() {
        "it is a draft".to_owned()
    } else {
        format!("it needs your word before it starts: {}", told(&risks))
    };
    Ask {
        kind: DecisionKind::Risk,
        subject: String::new(),
        version: state.words_seq,
        actions: vec![Action::Approve, Action::Reject, Action::Suggest],
        text,
        choices: Vec::new(),
    }
}

/// Texts that people suggested for a draft and that its agents do not have as messages yet.
pub(in crate::engine) fn suggested(state: &State) -> Vec<Body> {
    let risk = |entry: &&DecisionState| entry.opened.kind == DecisionKind::Risk;
    let mut messages = Vec::new();
    for entry in state.decisions.iter().filter(risk) {
        let Some(made) = entry.verdict.as_ref().filter(|made| made.action == Action::Suggest)
        else {
            continue;
        };
        let id = format!("{}-suggested", entry.opened.id);
        if made.text.is_empty() || state.messages.iter().any(|known| known.message.id == id) {
            continue;
        }
        let message = Message {
            id,
            at: made.at,
            from: made.by.to_string(),
            to: "run".to_owned(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: made.text.clone(),
            data: None,
            reply_to: None,
        };
        messages.push(MessageSent { message, writes: Vec::new(), attempt: None }.into());
    }
    messages
}

/// Whether a person has said what becomes of the work since the run waits for that.
fn is_merge_decided(state: &State) -> bool {
    let last = state.last_decision(DecisionKind::Merge, "");
    last.and_then(|entry| entry.verdict.as_ref()).is_some_and(|made| made.seq > state.status_seq)
}

/// Whether a question is asked now, with what was shown when it was opened.
pub(super) fn is_current(state: &State, opened: &DecisionOpened) -> bool {
    if opened.kind == DecisionKind::Question {
        // Between two attempts its task neither lives nor waits, and the question stands all the same.
        let task = opened.subject.parse().ok().and_then(|id| state.task_ix(&id));
        let asked = task.and_then(|task| state.tasks[task].asked.as_ref());
        let is_open = asked.is_some_and(|a| a.answer.is_none() && a.seq == opened.version);
        return is_open && !state.status.is_terminal();
    }
    asks(state).iter().any(|ask| {
        ask.kind == opened.kind && ask.subject == opened.subject && ask.version == opened.version
    })
}

/// The question of a task, as long as nobody has answered it.
fn question(state: &State, task: usize) -> Option<Ask> {
    let asked = state.tasks[task].asked.as_ref().filter(|asked| asked.answer.is_none())?;
    Some(Ask {
        kind: DecisionKind::Question,
        subject: state.task_id(task).to_string(),
        version: asked.seq,
        actions: vec![Action::Answer],
        text: asked.question.text.clone(),
        choices: asked.question.choices.clone(),
    })
}

fn gate_ask(state: &State, gate: &GatePlan) -> Ask {
    let mut actions = vec![Action::Approve];
    if state.is_gate_rejected(gate).is_none() {
        actions.push(Action::Reject);
    }
    let text = if gate.description.is_empty() {
        format!("gate `{}` waits for you", gate.id)
    } else {
        gate.description.clone()
    };
    Ask {
        kind: DecisionKind::Gate,
        subject: gate.id.clone(),
        version: gate_version(state, gate),
        actions,
        text,
        choices: Vec::new(),
    }
}

/// What a person sees of a gate: its store, those it shows, and the tree.
fn gate_version(state: &State, gate: &GatePlan) -> u64 {
    let shown = gate.show.iter().filter_map(|item| item.strip_prefix("gate:"));
    let stores = shown.filter_map(|id| {
        let other = state.plan().gates.iter().find(|gate| gate.id == id)?;
        Some(other.store.as_str())
    });
    let written = stores.chain([gate.store.as_str()]).filter_map(|store| state.stores.get(store));
    written.map(|store| store.seq).max().unwrap_or(0).max(state.tree_seq)
}

fn proposal(state: &State, step: StepIx) -> String {
    let what = match state.plan().steps[step].expands {
        Some(Expands::Runs) => "run",
        Some(Expands::Adaptive) | None => "task",
    };
    crate::base::text::count(state.steps[step].added as usize, what)
}

/// Questions that must be asked now: new ones, and those whose subject changed since they were asked.
pub(in crate::engine) fn open(state: &State, now: Time) -> Vec<Body> {
    let next = state.decisions.len() + 1;
    let missing = asks(state).into_iter().filter(|ask| {
        let open = state.open_decision(ask.kind, &ask.subject);
        open.is_none_or(|entry| entry.opened.version != ask.version)
    });
    missing.zip(next..).map(|(ask, number)| opened(ask, number, now)).collect()
}

fn opened(ask: Ask, number: usize, now: Time) -> Body {
    DecisionOpened {
        id: format!("d{number}"),
        kind: ask.kind,
        subject: ask.subject,
        version: ask.version,
        actions: ask.actions,
        text: ask.text,
        choices: ask.choices,
        expires_at: now.plus_ms(limits::DECISION_MS),
    }
    .into()
}

/// Asks again what has expired without an answer.
pub(in crate::engine) fn renew(state: &State, now: Time) -> Vec<Body> {
    let next = state.decisions.len() + 1;
    let asked = state.decisions.iter().filter(|entry| state.is_asked(entry));
    let expired = asked.filter(|entry| entry.opened.expires_at <= now);
    expired
        .zip(next..)
        .map(|(entry, number)| {
            DecisionOpened {
                id: format!("d{number}"),
                expires_at: now.plus_ms(limits::DECISION_MS),
                ..entry.opened.clone()
            }
            .into()
        })
        .collect()
}
