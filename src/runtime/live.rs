//! Attempts whose programs take input while they work: what they are told, and what they ask.
//!
//! Orders go down through `live.jsonl`, notes come up through `notes.jsonl`. Both are read from their
//! beginning by whoever drives the run, so that nothing depends on who wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use camino::Utf8Path;
use serde_json::Value;
use tokio::sync::Notify;

use super::mail;
use super::supervisor::{Key, Supervisor};
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::path::{PathContext, PathError};
use crate::base::{limits, redact};
use crate::engine::{Command, Input, State};
use crate::event::attempt::Question;
use crate::event::body::MessageDelivered;
use crate::event::message::{Message, MessageKind, MessagePriority};
use crate::plan::graph::TaskIx;
use crate::store::watch::Watch;
use crate::store::{Appended, AttemptDir};

/// The live attempts of a run that take input.
#[derive(Debug)]
pub(super) struct LiveTurns {
    turns: BTreeMap<Key, LiveTurn>,
    watch: Option<Watch>,
    changed: Arc<Notify>,
}

/// What is known of one of them.
#[derive(Debug, Default)]
struct LiveTurn {
    /// How far its notes were read.
    read: Appended,
    /// Names of the orders that it was given, and of messages that stood in its prompt.
    written: BTreeSet<String>,
    /// Requests that have no answer yet, in order: name and question.
    requests: Vec<(String, Question)>,
}

impl LiveTurns {
    pub(super) fn new() -> Self {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        // A hint only: the slow poll sees everything.
        let watch = Watch::files([""; 0], move || notify.notify_one()).ok();
        Self { turns: BTreeMap::new(), watch, changed }
    }

    /// Notified when a program has said something.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// An attempt begins whose prompt holds these messages.
    pub(super) fn begin(&mut self, key: Key, dir: &AttemptDir, messages: &[String]) {
        if dir.live().exists() {
            self.turn(key, dir).written.extend(messages.iter().cloned());
        }
    }

    fn turn(&mut self, key: Key, dir: &AttemptDir) -> &mut LiveTurn {
        self.turns.entry(key).or_insert_with(|| {
            if let Some(watch) = &mut self.watch {
                // It is looked at from time to time all the same.
                drop(watch.add(&dir.notes()));
            }
            LiveTurn { written: written(&dir.live()), ..LiveTurn::default() }
        })
    }
}

impl Supervisor {
    /// Takes in what programs have said since the last look; it comes before everything else that is known.
    pub(super) fn look_at_live(&mut self) {
        let state = self.ledger.state();
        let keys: Vec<Key> = state.live().map(|(task, live)| (task, live.number)).collect();
        let mut turns = std::mem::replace(&mut self.live_turns, LiveTurns::none());
        let gone: Vec<Key> =
            turns.turns.keys().filter(|key| !keys.contains(key)).copied().collect();
        for key in gone {
            turns.turns.remove(&key);
            if let Some(watch) = &mut turns.watch {
                watch.remove(&self.attempt(key).notes());
            }
        }
        let mut facts = Vec::new();
        for key in keys {
            let dir = self.attempt(key);
            if !turns.turns.contains_key(&key) && !dir.live().exists() {
                continue;
            }
            let turn = turns.turn(key, &dir);
            for note in turn.read_on(&dir.notes()) {
                facts.extend(turn.take_in(state, key, note));
            }
            facts.extend(turn.next_question(state, key));
        }
        self.live_turns = turns;
        self.inputs.splice(0..0, facts);
    }

    /// Writes down what programs at work are to be told.
    pub(super) fn tell_live(&mut self) {
        let mut turns = std::mem::replace(&mut self.live_turns, LiveTurns::none());
        let state = self.ledger.state();
        for (key, turn) in &mut turns.turns {
            let live = state.tasks[key.0].status.as_live();
            if live.is_none_or(|live| live.number != key.1 || live.stopping.is_some()) {
                continue;
            }
            let path = self.attempt(*key).live();
            for order in turn.wanted(state, key.0) {
                match append(&path, &order) {
                    Ok(()) => drop(turn.written.insert(name_of(&order))),
                    // It is still wanted in the next turn.
                    Err(error) => {
                        tracing::error!(error = %super::error_chain(&error), "an agent cannot be told");
                    }
                }
            }
        }
        self.live_turns = turns;
    }
}

impl LiveTurns {
    fn none() -> Self {
        Self { turns: BTreeMap::new(), watch: None, changed: Arc::default() }
    }
}

impl LiveTurn {
    /// Whole lines that were added since the last look.
    fn read_on(&mut self, path: &Utf8Path) -> Vec<Note> {
        let mut notes = Vec::new();
        // What cannot be read now is read at the next look.
        drop(self.read.look(path, limits::USAGE_LOOK_BYTES, |line| {
            let value = serde_json::from_slice::<Value>(line).ok();
            notes.extend(value.and_then(|value| Note::read(&value)));
        }));
        notes
    }

    /// What a note means for the run.
    fn take_in(&mut self, state: &State, key: Key, note: Note) -> Option<Input> {
        let task = state.task_id(key.0);
        match note {
            Note::Delivered { id, .. } if id.starts_with(SILENCE) => None,
            Note::Delivered { id, .. } => {
                let delivered = MessageDelivered { ids: vec![id], task, attempt: key.1 };
                Some(Input::Fact(delivered.into()))
            }
            Note::Asked { id, text, choices } => {
                self.requests.push((id, question(&text, &choices)));
                None
            }
            Note::Answered { id, late, .. } => {
                let at = self.requests.iter().position(|(known, _)| *known == id)?;
                let (_, question) = self.requests.remove(at);
                let is_open = known(state, key.0, &question) == Known::Asked;
                // The answer comes with the next attempt, as for every question.
                let park = Command::Park { task, attempt: key.1 };
                (late && is_open).then_some(Input::Spoken(park))
            }
            Note::Refused { id, why } => {
                tracing::warn!(%task, message = id, why, "the program did not take a message");
                None
            }
            Note::Session { .. } | Note::Failed { .. } => None,
        }
    }

    /// The request that a person is to be asked now; one at a time.
    fn next_question(&self, state: &State, key: Key) -> Option<Input> {
        let (_, question) = self.requests.first()?;
        let open = state.tasks[key.0].asked.as_ref().filter(|asked| asked.answer.is_none());
        if open.is_some() || known(state, key.0, question) != Known::No {
            return None;
        }
        let (task, attempt, question) = (state.task_id(key.0), key.1, question.clone());
        Some(Input::Spoken(Command::Ask { task, attempt, question }))
    }

    /// What is to be told and was not yet: answers first, the program waits for them.
    fn wanted(&self, state: &State, task: TaskIx) -> Vec<Order> {
        let answers = self.requests.iter().filter_map(|(id, question)| {
            let Known::Answered(answer) = known(state, task, question) else { return None };
            Some(Order { id: id.clone(), kind: OrderKind::Answer, text: answer.to_owned() })
        });
        let messages = mail::pressing(state, task).into_iter().map(|message| Order {
            id: message.id.clone(),
            kind: kind_of(message),
            text: mail::spoken(message),
        });
        answers
            .chain(nudge(state, task))
            .chain(messages)
            .filter(|order| !self.written.contains(&name_of(order)))
            .collect()
    }
}

/// Names of what crew itself says to an agent that has fallen silent.
const SILENCE: &str = "silence/";

/// What an agent is told that has fallen silent: once for each silence, before it is begun anew.
fn nudge(state: &State, task: TaskIx) -> Option<Order> {
    let since = state.tasks[task].status.as_live()?.silent_since?;
    let text = "Nothing was heard of you for a long time. Go on with your task, or end your turn and say what is in the way.";
    Some(Order {
        id: format!("{SILENCE}{}", since.0),
        kind: OrderKind::Interrupt,
        text: text.to_owned(),
    })
}

/// What is known of a question.
#[derive(Debug, PartialEq, Eq)]
enum Known<'a> {
    /// Nobody was asked.
    No,
    /// A person is asked.
    Asked,
    /// A person has answered.
    Answered(&'a str),
}

/// What is known of this question of a task.
///
/// An answer that came when the program had been sent away holds for its next attempt.
fn known<'a>(state: &'a State, task: TaskIx, question: &Question) -> Known<'a> {
    let entry = &state.tasks[task];
    if let Some(asked) = entry.asked.as_ref().filter(|asked| asked.question == *question) {
        return asked.answer.as_deref().map_or(Known::Asked, Known::Answered);
    }
    let earlier = entry.answer.as_ref().filter(|(asked, _)| *asked == question.text);
    earlier.map_or(Known::No, |(_, answer)| Known::Answered(answer))
}

/// A request of a program as it may go on record.
fn question(text: &str, choices: &[String]) -> Question {
    let text = redact::middle_cut(text, limits::MESSAGE_BYTES_MAX);
    let choices = choices.iter().map(|choice| redact::redact(choice).into_owned()).collect();
    Question { text: redact::redact(&text).into_owned(), choices }
}

fn kind_of(message: &Message) -> OrderKind {
    match (message.kind, message.priority) {
        (MessageKind::FollowUp, _) => OrderKind::FollowUp,
        (_, MessagePriority::Urgent) => OrderKind::Interrupt,
        _ => OrderKind::Steer,
    }
}

/// Messages and requests are named by different people.
fn name_of(order: &Order) -> String {
    match order.kind {
        OrderKind::Answer => format!("answer/{}", order.id),
        OrderKind::Steer | OrderKind::FollowUp | OrderKind::Interrupt => order.id.clone(),
    }
}

/// Names of the orders that an earlier supervisor wrote.
fn written(path: &Utf8Path) -> BTreeSet<String> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| serde_json::from_slice::<Order>(line).ok())
        .map(|order| name_of(&order))
        .collect()
}

/// Makes the file in which an attempt is told things.
///
/// # Errors
/// It cannot be made.
pub(super) fn create(dir: &AttemptDir) -> Result<(), PathError> {
    open(&dir.live()).map(drop)
}

fn append(path: &Utf8Path, order: &Order) -> Result<(), PathError> {
    let mut file = open(path)?;
    let mut line = serde_json::to_vec(order).at("cannot write", path)?;
    line.push(b'\n');
    // A line that an earlier supervisor did not finish must not swallow this one.
    let is_whole = std::fs::read(path).at("cannot read", path)?.last().is_none_or(|b| *b == b'\n');
    if !is_whole {
        line.insert(0, b'\n');
    }
    file.write_all(&line).at("cannot write", path)
}

fn open(path: &Utf8Path) -> Result<File, PathError> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).at("cannot open", path)
}
