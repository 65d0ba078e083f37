//! What moves work from step to step: writes into stores, evidence of commands, firings of channels.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::Actor;
use crate::base::{StepId, TaskId};

/// Values were written into a gate's store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateWritten {
    /// The gate that the writer named.
    pub gate: String,
    /// Who wrote.
    pub by: Actor,
    /// Number of the writer's attempt, for agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What was written, checked and stamped.
    pub write: StoreWrite,
}

/// A checked write into one store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreWrite {
    /// The store.
    pub store: String,
    /// Its changed entries; never empty.
    pub entries: Vec<StoreEntry>,
}

/// One changed entry of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreEntry {
    /// The field.
    pub field: String,
    /// Whose entry of a map field it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its new value.
    pub value: Value,
}

/// A command of the workflow was run on the current tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRecorded {
    /// Name of the command.
    pub name: String,
    /// The tree that it ran on.
    pub tree: String,
    /// Its exit code; absent when a signal or the timeout ended it, or it could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// The end of its output, when it was not green.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
    /// Whether the result of an earlier pass over the same tree was taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
}

/// An agent wants to know what a command of the workflow says about the current tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationAsked {
    /// The task.
    pub task: TaskId,
    /// Number of its attempt.
    pub attempt: u32,
    /// Name of the command.
    pub name: String,
}

/// Channels fired: steps are activated, and with a cycle what lies behind them starts anew.
///
/// One line is the whole transition: counter, epoch, cleared stores, stale steps, activation, feedback.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelsFired {
    /// The channels; none when a person sent the work back.
    pub channels: Vec<String>,
    /// The steps that are activated; none when all targets are at work already.
    pub steps: Vec<StepId>,
    /// Whether a step that was settled before is activated: the counter and the epoch go up by one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cycle: bool,
    /// Stores that are emptied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<String>,
    /// Steps whose results count no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StepId>,
    /// Everything that the writers of the gates had to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feedback: String,
    /// Messages whose firing this was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
}

/// An agent said how its turn ends, by a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnReported {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// What it said.
    pub outcome: TurnOutcome,
    /// Its summary or reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// How an agent says that its turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The work is done.
    Done,
    /// It cannot go on.
    Blocked,
    /// The task failed.
    Failed,
}
