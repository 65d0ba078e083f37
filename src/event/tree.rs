//! Trees of their own that tasks work in, and what becomes of the work in them.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::base::{StepId, TaskId};
use crate::plan::graph::StepPlan;

/// The own tree of a task stands where its next attempt begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreePrepared {
    /// The task.
    pub task: TaskId,
    /// Its folder.
    pub path: Utf8PathBuf,
    /// Its branch; absent for a task that may only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit of the run that it starts from.
    pub commit: String,
}

/// The branch of a task was merged into the branch of the run, or why it could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeMerged {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt that made the work.
    pub attempt: u32,
    /// Commit of the run's branch after the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Tree of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Files that the merge changed in the run's tree.
    #[serde(default)]
    pub files: u32,
    /// The step that resolved the conflict and brought the work in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<StepId>,
    /// What was in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The branch of a task does not fit to the branch of the run: a step that resolves it was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TreeConflicted {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt that made the work.
    pub attempt: u32,
    /// Newest commit of the task's branch.
    pub commit: String,
    /// Newest commit of the run's branch.
    pub onto: String,
    /// Files in conflict; the first ones.
    pub files: Vec<String>,
    /// The new step. It works in the tree of the task.
    pub added: StepPlan,
}
