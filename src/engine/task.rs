//! A task and its attempts, as far as the engine knows them.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::facts::Asked;
use super::failure::Trouble;
use crate::base::{StepId, Time};
use crate::event::attempt::{Question, SessionTotal};
use crate::event::body::{CheckFinished, HeartbeatLevel};
use crate::event::gate::TurnOutcome;
use crate::event::pass::PassFinished;
use crate::event::takeover::TaskHandedBack;
use crate::event::tree::TreeMerged;
use crate::event::{AttemptEnded, BlockedReason, TaskResult, Usage};

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskState {
    /// Where it stands.
    pub status: TaskStatus,
    /// Number of the last event about it.
    pub seq: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// Further attempts after failures, charged to the step's `retries`.
    #[serde(default)]
    pub retries: u32,
    /// Attempts that crashed since the last one that did not.
    #[serde(default)]
    pub crashes: u32,
    /// Restarts after a timeout or silence.
    #[serde(default)]
    pub timeouts: u32,
    /// Nudges after an attempt that did not do what its step demands.
    #[serde(default)]
    pub nudges: u32,
    /// Passes of its loop since its step was activated; attempts that broke off are none.
    #[serde(default)]
    pub passes: u32,
    /// The same over the whole life of the run.
    #[serde(default)]
    pub passes_total: u32,
    /// These passes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Pass>,
    /// Passes before a person's last word: they say nothing about going round in circles.
    #[serde(default)]
    pub forgiven: usize,
    /// Its last failures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// The tree that its last attempt saw: that at its start, for a writer that at its end.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Another program plays it than the plan says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Session of the agent program, to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What a session of its had used when it told that last; whoever goes on with it counts from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_total: Option<SessionTotal>,
    /// What the next attempt is told went wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// The model that its last attempt asked for, and why it is not the one of its step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_model: Option<(Option<String>, String)>,
    /// What went wrong with its models and their providers.
    #[serde(default, skip_serializing_if = "Trouble::is_none")]
    pub trouble: Trouble,
    /// Its question, until the answer was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Stores that it wrote, with the attempt that did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wrote: BTreeMap<String, u32>,
    /// First attempt whose writes count for the next one as well: it was cut short after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries: Option<u32>,
    /// How its agent said that the turn ends, by a tool call: attempt, outcome, text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<(u32, TurnOutcome, String)>,
    /// Its last question, and what a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<(String, String)>,
    /// When the first attempt of this activation started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the last attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Milliseconds of all its attempts.
    #[serde(default)]
    pub active_ms: u64,
    /// What its agent said last, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Used by its attempts.
    #[serde(default)]
    pub usage: Usage,
    /// Its own tree, once it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnTree>,
    /// How a person handed it back, until an attempt was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed: Option<Box<TaskHandedBack>>,
    /// How its last attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Box<AttemptEnded>>,
}

/// A pass of a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// When it was looked at.
    pub at: Time,
    /// What was there then.
    pub finished: PassFinished,
}

/// A failure, as it is compared with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Time,
    /// A hash of its words without times, numbers and paths.
    pub print: String,
    /// The tree that a command was red on; empty for other failures.
    pub tree: String,
}

/// Where a task stands; its data lives inside its variants.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TaskStatus {
    /// Its step is not activated.
    #[default]
    Pending,
    /// It can start as soon as there is a slot.
    Ready {
        /// Since when.
        since: Time,
        /// Not before this moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Time>,
    },
    /// An attempt is live.
    Running(Box<LiveAttempt>),
    /// The attempt ended and its result is being looked at.
    Checking(Box<CheckingAttempt>),
    /// It asked a question.
    WaitingInput {
        /// What it asked.
        question: Question,
        /// When.
        since: Time,
    },
    /// Settled well.
    Done {
        /// What it proved.
        result: TaskResult,
    },
    /// Settled badly.
    Failed {
        /// Why.
        why: String,
        /// The run is blocked with this reason, and a person can resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocks: Option<BlockedReason>,
    },
    /// Not done because something before it failed or the run was stopped.
    Skipped {
        /// Why.
        why: String,
    },
    /// It took too long, twice.
    TimedOut {
        /// Why.
        why: String,
    },
    /// Its result belongs to an earlier epoch.
    Stale,
}

/// An attempt that lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveAttempt {
    /// Its number.
    pub number: u32,
    /// Number of the event that started it.
    #[serde(default)]
    pub seq: u64,
    /// A cycle has gone past it: its result will not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The program.
    pub runtime: String,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why this model and not the one that its step asks for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model_why: String,
    /// Marks its processes.
    pub mark: String,
    /// When it was decided.
    pub started_at: Time,
    /// Milliseconds that it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Session that it goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Level of its heartbeat.
    #[serde(default)]
    pub heartbeat: HeartbeatLevel,
    /// Whether attention was raised because nothing was printed.
    #[serde(default)]
    pub no_output: bool,
    /// When attention was raised because it fell silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    /// Whether attention was raised because it only tries the same call again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retrying: bool,
    /// Since when it waits for a person's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Time>,
    /// Milliseconds that it waited for earlier answers.
    #[serde(default)]
    pub held_ms: u64,
    /// When it went on after it had waited last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<Time>,
    /// Why it is being stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<String>,
}

/// An attempt whose result is being looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckingAttempt {
    /// How it ended.
    pub end: AttemptEnded,
    /// The program that played it.
    #[serde(default)]
    pub runtime: String,
    /// The model that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether it went on with a session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_resumed: bool,
    /// Why it was stopped, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// It was the turn of a person who had taken the task over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_person: bool,
    /// What the runtime found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckFinished>,
    /// What became of the branch of a task with a tree of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<TreeMerged>,
    /// The step that must resolve a conflict first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<StepId>,
}

/// The own tree of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTree {
    /// Its folder.
    pub path: Utf8PathBuf,
    /// Its branch; absent for a task that may only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit of the run that it started from.
    pub base: String,
    /// Newest commit of it that crew knows.
    pub commit: String,
    /// Files in conflict with the run's branch; the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

impl TaskStatus {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready { .. } => "ready",
            Self::Running(_) => "running",
            Self::Checking(_) => "checking",
            Self::WaitingInput { .. } => "waiting_input",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::TimedOut { .. } => "timed_out",
            Self::Stale => "stale",
        }
    }

    /// Whether nothing more happens to the task in this epoch by itself; a stale one may begin again.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Skipped { .. }
            | Self::TimedOut { .. } => true,
            Self::Pending
            | Self::Stale
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::WaitingInput { .. } => false,
        }
    }

    /// The live attempt of a running task.
    pub fn as_live(&self) -> Option<&LiveAttempt> {
        if let Self::Running(live) = self { Some(live) } else { None }
    }

    /// The live attempt of a running task, to be changed.
    pub(super) fn as_live_mut(&mut self) -> Option<&mut LiveAttempt> {
        if let Self::Running(live) = self { Some(live) } else { None }
    }

    /// The ended attempt of a task that is being checked.
    pub fn as_checking(&self) -> Option<&CheckingAttempt> {
        if let Self::Checking(checking) = self { Some(checking) } else { None }
    }

    /// Whether what depends on the task can never be done.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Self::Failed { blocks: None, .. } | Self::Skipped { .. })
    }

    /// Why the run will be blocked on account of the task, when it will.
    pub fn blocks(&self) -> Option<BlockedReason> {
        match self {
            Self::Failed { blocks, .. } => *blocks,
            Self::TimedOut { .. } => Some(BlockedReason::TaskTimeout),
            Self::Pending
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::WaitingInput { .. }
            | Self::Done { .. }
            | Self::Skipped { .. }
            | Self::Stale => None,
        }
    }

    /// Why the task stands where it stands, for statuses that carry a reason.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed { why, .. } | Self::Skipped { why } | Self::TimedOut { why } => Some(why),
            Self::WaitingInput { question, .. } => Some(&question.text),
            Self::Pending
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::Done { .. }
            | Self::Stale => None,
        }
    }
}
