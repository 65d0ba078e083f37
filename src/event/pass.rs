//! Passes of a loop: each is an attempt that came to its end, with what was there then.

use serde::{Deserialize, Serialize};

use crate::base::TaskId;
use crate::base::flow::words;

words! {
    /// How an agent says that its task stands.
    Said {
        /// The work is done.
        Done = "done",
        /// Another pass is needed.
        Continue = "continue",
        /// It cannot go on.
        Blocked = "blocked",
        /// It said two different things.
        Conflict = "conflict",
    }
}

/// A pass of a loop came to its end: the checkpoint of the loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassFinished {
    /// The task.
    pub task: TaskId,
    /// Number of its attempt.
    pub attempt: u32,
    /// Number of the pass, from 1.
    pub pass: u32,
    /// Passes that the loop had at that time.
    pub limit: u32,
    /// How the agent said that its task stands; nothing said means another pass.
    pub said: Said,
    /// Commit of the run's branch; absent in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Tree of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// What the validation said about this tree; absent when it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<PassValidation>,
}

/// What a command said about the tree of a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassValidation {
    /// Its name.
    pub name: String,
    /// Its exit code; absent when it did not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// A hash of its output without times, numbers and paths, when it was not green.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub print: String,
}

impl PassFinished {
    /// Whether the validation ran and was green.
    pub fn is_green(&self) -> bool {
        self.validation.as_ref().is_some_and(|found| found.code == Some(0))
    }
}

/// A person allowed the loops of a run more passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassesAdded {
    /// How many more for each loop.
    pub passes: u32,
}
