//! What wakes the engine: facts from the runtime and commands from people and agents.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::budget::BudgetChange;
use super::trees::Conflict;
use super::write::Caller;
use crate::base::{RunNumber, TaskId, Time};
use crate::event::attempt::Question;
use crate::event::body::{CheckFinished, SupervisorStarted, WorktreeCreated};
use crate::event::child::{ChildCreated, ChildEnded, ChildrenRefused};
use crate::event::decision::Action;
use crate::event::gate::{EvidenceRecorded, TurnOutcome};
use crate::event::merge::{MergeBuilt, MergeFinished};
use crate::event::message::Message;
use crate::event::takeover::{TaskHandedBack, TaskTaken};
use crate::event::tree::TreeMerged;
use crate::event::{Actor, AttemptEnded, Body};

/// What wakes the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Time moved, or somebody else appended.
    Wake,
    /// A supervisor took the run over.
    SupervisorStarted(SupervisorStarted),
    /// An attempt ended.
    AttemptEnded(AttemptEnded),
    /// The runtime looked at what an attempt left behind.
    CheckFinished(CheckFinished),
    /// The branch of a task was merged, or could not be.
    TreeMerged(TreeMerged),
    /// The branch of a task does not fit to the run's.
    TreeConflicted(Conflict),
    /// The worktree exists.
    WorktreeCreated(WorktreeCreated),
    /// The worktree could not be made.
    WorktreeFailed(String),
    /// A command of the workflow ran on the current tree.
    Evidence(EvidenceRecorded),
    /// A proposed run exists.
    ChildCreated(ChildCreated),
    /// The runs of a proposal cannot be created.
    ChildrenRefused(ChildrenRefused),
    /// A child run has ended.
    ChildEnded(ChildEnded),
    /// A try to take the work over begins.
    MergeStarted,
    /// Its result is made and judged.
    MergeBuilt(MergeBuilt),
    /// What became of it.
    MergeFinished(MergeFinished),
    /// Whoever had taken a task over is gone, with everything of the session that this mark names.
    TakerGone {
        /// The end of that session.
        back: TaskHandedBack,
        /// The session.
        mark: String,
    },
    /// What an agent's output asked for: refused, it is on record, and the rest goes on.
    Spoken(Command),
    /// Something to record that changes no status: artifacts, deliveries, notes.
    Fact(Body),
    /// A wish.
    Command(Command),
}

/// A run that this one comes after ended without having done its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The evidence in one line.
    pub detail: String,
    /// Somebody cancelled it: then nobody wants this run either.
    pub is_cancelled: bool,
}

/// What a person or an agent wishes.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The queue found a free slot.
    Promote {
        /// How the runs it depends on ended: `None` while one is still going.
        dependencies: Option<Result<(), Unmet>>,
    },
    /// The run that proposed this one lets it start.
    Release {
        /// That run.
        parent: RunNumber,
    },
    /// The run that proposed this one has ended, or waits for it no longer.
    EndWithParent {
        /// That run.
        parent: RunNumber,
    },
    /// Interrupt and wait.
    Pause,
    /// A person's command with more than its words.
    With {
        /// The command.
        command: Box<Command>,
        /// How it changes what the run may use up.
        budget: BudgetChange,
        /// The person accepts that it makes the run riskier.
        accepts_risks: bool,
    },
    /// Go on.
    Resume {
        /// What the interrupted tasks are told.
        message: Option<Message>,
        /// Passes that every loop gets in addition.
        add_steps: u32,
    },
    /// End it.
    Stop,
    /// Try one task again.
    RetryTask {
        /// Which.
        task: TaskId,
        /// Another program for it.
        runtime: Option<String>,
        /// What it is told.
        message: Option<Message>,
    },
    /// Work again on a run that has ended.
    Reopen {
        /// What is to be done now.
        message: Option<Message>,
    },
    /// A person takes a task over in a terminal.
    Take {
        /// The task, who takes it and with what.
        taken: TaskTaken,
        /// The session of somebody who is gone, which this one follows.
        over: Option<String>,
    },
    /// The person gives it back.
    HandBack {
        /// How it goes on, and what became of the session.
        back: TaskHandedBack,
        /// The session.
        mark: String,
    },
    /// Put away.
    Archive,
    /// What was put away with its worktree comes back with it.
    Unarchive,
    /// A person decides.
    Decide {
        /// A decision, a gate or a task; nothing means the only one that fits.
        target: Option<String>,
        /// What is decided.
        action: Action,
        /// The reason, the answer, the instructions.
        text: String,
        /// How the person shows that they saw it.
        proof: Proof,
        /// Who.
        by: Actor,
        /// The branch that gets the work, for a merge; nothing: the usual one.
        into: Option<String>,
    },
    /// A person looks at a decision and is given the nonce that decides it.
    Show {
        /// The decision.
        id: String,
        /// BLAKE3 of the nonce, in hexadecimal digits.
        nonce_hash: String,
    },
    /// Write into a gate's store.
    WriteGate {
        /// The gate, or its store.
        gate: String,
        /// Fields and values.
        data: Map<String, Value>,
        /// Who writes.
        by: Caller,
    },
    /// Put a message into a mailbox.
    Send {
        /// The whole message.
        message: Message,
        /// What it writes into gates before it is delivered, all or nothing.
        gates: BTreeMap<String, Map<String, Value>>,
        /// Who sends.
        by: Caller,
    },
    /// Take a message back before anybody has it.
    Retract {
        /// The message.
        id: String,
    },
    /// The receiver has read messages.
    Ack {
        /// The messages.
        ids: Vec<String>,
        /// The task.
        task: TaskId,
        /// Number of its attempt.
        attempt: u32,
    },
    /// An agent asks a person.
    Ask {
        /// The task.
        task: TaskId,
        /// Number of its attempt.
        attempt: u32,
        /// What it asks.
        question: Question,
    },
    /// The agent waits for the answer no longer: it comes with the next attempt.
    Park {
        /// The task.
        task: TaskId,
        /// Number of its attempt.
        attempt: u32,
    },
    /// An agent lets a command run on the current tree.
    Verify {
        /// The task.
        task: TaskId,
        /// Number of its attempt.
        attempt: u32,
        /// Name of the command.
        name: String,
    },
    /// An agent says how its turn ends.
    Report {
        /// The task.
        task: TaskId,
        /// Number of its attempt.
        attempt: u32,
        /// What it says.
        outcome: TurnOutcome,
        /// Its summary or reason.
        text: String,
    },
}

/// How somebody shows that they saw what they decide; hashes are BLAKE3 in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The hash of a nonce that was shown.
    Nonce(String),
    /// The hash of a nonce that is minted and consumed in one hold of the lock.
    Minted(String),
}

impl Command {
    /// The verb as people type it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::With { command, .. } => command.verb(),
            Self::Promote { .. } => "promote",
            Self::Release { .. } => "release",
            Self::EndWithParent { .. } => "end-with-parent",
            Self::Pause => "pause",
            Self::Resume { .. } => "resume",
            Self::Stop => "stop",
            Self::RetryTask { .. } => "retry",
            Self::Reopen { .. } => "reopen",
            Self::Take { .. } => "attach",
            Self::HandBack { .. } => "hand back",
            Self::Archive => "archive",
            Self::Unarchive => "undo",
            Self::Decide { action, .. } => action.as_str(),
            Self::Show { .. } => "decisions",
            Self::WriteGate { .. } => "write-gate",
            Self::Send { .. } => "send",
            Self::Retract { .. } => "retract",
            Self::Ack { .. } => "ack",
            Self::Ask { .. } => "ask",
            Self::Park { .. } => "park",
            Self::Verify { .. } => "verify",
            Self::Report { outcome: TurnOutcome::Done, .. } => "done",
            Self::Report { outcome: TurnOutcome::Blocked, .. } => "block",
            Self::Report { outcome: TurnOutcome::Failed, .. } => "fail",
        }
    }

    /// What the command changes, for `--expect-version`.
    pub fn subject(&self) -> Subject {
        match self {
            Self::With { command, .. } => command.subject(),
            Self::Take { taken: TaskTaken { task, .. }, .. }
            | Self::HandBack { back: TaskHandedBack { task, .. }, .. }
            | Self::RetryTask { task, .. }
            | Self::Ack { task, .. }
            | Self::Ask { task, .. }
            | Self::Park { task, .. }
            | Self::Verify { task, .. }
            | Self::Report { task, .. } => Subject::Task(task.clone()),
            Self::WriteGate { gate, .. } => Subject::Gate(gate.clone()),
            Self::Decide { target: Some(name), .. } | Self::Show { id: name, .. } => {
                Subject::Decision(name.clone())
            }
            Self::Promote { .. }
            | Self::Release { .. }
            | Self::EndWithParent { .. }
            | Self::Pause
            | Self::Resume { .. }
            | Self::Stop
            | Self::Reopen { .. }
            | Self::Archive
            | Self::Unarchive
            | Self::Decide { target: None, .. }
            | Self::Retract { .. }
            | Self::Send { .. } => Subject::Run,
        }
    }
}

/// What a version is the version of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The run's status.
    Run,
    /// One task.
    Task(TaskId),
    /// A gate's store.
    Gate(String),
    /// A decision, or what it is about.
    Decision(String),
}

impl Subject {
    /// Number of the event that changed it last; 0 when it does not exist.
    pub fn version(&self, state: &super::State) -> u64 {
        let store_of = |name: &str| {
            let found = state.plan().gates.iter().find(|gate| gate.id == name);
            found.map_or_else(|| name.to_owned(), |gate| gate.store.clone())
        };
        let gate = |name: &str| state.stores.get(&store_of(name)).map_or(0, |store| store.seq);
        let task = |id: &TaskId| state.task_ix(id).map_or(0, |task| state.tasks[task].seq);
        match self {
            Self::Run => state.status_seq,
            Self::Task(id) => task(id),
            Self::Gate(name) => gate(name),
            Self::Decision(name) => {
                let found = state
                    .decisions
                    .iter()
                    .rev()
                    .find(|entry| entry.opened.id == *name || entry.opened.subject == *name);
                let made = found.and_then(|entry| entry.verdict.as_ref()).map(|made| made.seq);
                found.map_or(0, |entry| made.unwrap_or(entry.opened.version))
            }
        }
    }
}

/// A command that is not allowed now, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// One word: `state`, `not_found`, `forbidden`, `conflict`, `superseded`, `expired`, `ambiguous`,
    /// `escalate`, `contract`, `stale_epoch`, `stale_version`, `not_due`, `risk`, `budget`.
    pub code: &'static str,
    /// What is in the way.
    pub reason: String,
    /// What to do instead.
    pub hint: String,
}

impl Refusal {
    /// The run or task is in a status that does not allow it.
    pub fn state(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: "state", reason: reason.into(), hint: hint.into() }
    }

    /// The command must wait for a moment or a slot.
    pub fn not_due(reason: impl Into<String>) -> Self {
        Self { code: "not_due", reason: reason.into(), hint: String::new() }
    }
}

/// The next moment that matters, if any.
pub(super) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
