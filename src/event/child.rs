//! Runs that a run starts: proposed, created as drafts, released together, ended.

use serde::{Deserialize, Serialize};

use super::attempt::Usage;
use super::status::{Outcome, StatusKind};
use crate::base::{RunNumber, TaskId};
use crate::plan::ChildPlan;

/// A task proposed runs of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildrenProposed {
    /// The task.
    pub task: TaskId,
    /// Number of its attempt.
    pub attempt: u32,
    /// Proposals of this run, from 1.
    pub round: u32,
    /// The runs, each behind those that it comes after.
    pub runs: Vec<ChildPlan>,
}

/// A proposed run exists, as a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildCreated {
    /// The proposal.
    pub round: u32,
    /// What the run is called in it.
    pub key: String,
    /// Its number.
    pub number: RunNumber,
}

/// All drafts of a proposal may start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildrenReleased {
    /// The proposal.
    pub round: u32,
}

/// The runs of a proposal cannot be created: none of them starts, and their task has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildrenRefused {
    /// The proposal.
    pub round: u32,
    /// Everything that is in the way.
    pub why: String,
}

/// A child run has ended, or will never exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildEnded {
    /// The proposal.
    pub round: u32,
    /// What the run is called in it.
    pub key: String,
    /// How it ended.
    pub end: ChildEnd,
}

/// How a child run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildEnd {
    /// Its last status.
    pub status: StatusKind,
    /// Why, when it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What became of its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The branch that holds its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What its last task said, or why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Tokens and money that it used, with the runs that it started.
    #[serde(default, skip_serializing_if = "Usage::is_empty")]
    pub usage: Usage,
    /// Milliseconds that it was at work, with the runs that it started.
    #[serde(default)]
    pub active_ms: u64,
}
