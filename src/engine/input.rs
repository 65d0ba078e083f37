//! What wakes the engine: facts from the runtime and commands from people and agents.

use crate::base::{TaskId, Time};
use crate::event::body::{CheckFinished, SupervisorStarted, WorktreeCreated};
use crate::event::message::Message;
use crate::event::{AttemptEnded, Body};

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
    /// The worktree exists.
    WorktreeCreated(WorktreeCreated),
    /// The worktree could not be made.
    WorktreeFailed(String),
    /// Something to record that changes no status: artifacts, deliveries, notes.
    Fact(Body),
    /// A wish.
    Command(Command),
}

/// What a person or an agent wishes.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The queue found a free slot.
    Promote {
        /// How the runs it depends on ended: `None` while one is still going.
        dependencies: Option<Result<(), String>>,
    },
    /// Interrupt and wait.
    Pause,
    /// Go on.
    Resume {
        /// What the interrupted tasks are told.
        message: Option<Message>,
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
    /// Put away.
    Archive,
    /// Answer the question of a task.
    Answer {
        /// Which.
        task: TaskId,
        /// The answer.
        text: String,
    },
    /// Put a message into a mailbox.
    Send {
        /// The whole message.
        message: Message,
    },
}

impl Command {
    /// The verb as people type it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Promote { .. } => "promote",
            Self::Pause => "pause",
            Self::Resume { .. } => "resume",
            Self::Stop => "stop",
            Self::RetryTask { .. } => "retry",
            Self::Reopen { .. } => "reopen",
            Self::Archive => "archive",
            Self::Answer { .. } => "answer",
            Self::Send { .. } => "send",
        }
    }

    /// What the command changes, for `--expect-version`.
    pub fn subject(&self) -> Subject {
        match self {
            Self::RetryTask { task, .. } | Self::Answer { task, .. } => Subject::Task(task.clone()),
            Self::Promote { .. }
            | Self::Pause
            | Self::Resume { .. }
            | Self::Stop
            | Self::Reopen { .. }
            | Self::Archive
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
}

/// A command that is not allowed now, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// One word: `state`, `not_found`, `stale_version`, `not_due`.
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
