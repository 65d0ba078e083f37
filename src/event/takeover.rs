//! A person takes a task over in a terminal, and hands it back.

use serde::{Deserialize, Serialize};

use super::record::Actor;
use crate::base::TaskId;

/// A person took a task over: its attempt ends, and none starts until it is handed back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskTaken {
    /// The task.
    pub task: TaskId,
    /// Who.
    pub by: Actor,
    /// The process that holds the terminal.
    pub pid: u32,
    /// Marks every process of the session (`CREW_ATTEMPT`).
    pub mark: String,
    /// The program that is opened: a runtime, or `shell`.
    pub program: String,
}

/// How a task goes on after a person had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandBack {
    /// Its agent goes on with what is there.
    GoOn,
    /// The person says that it is done.
    Done,
    /// Nothing was opened: the task had come to its end.
    Unused,
    /// The terminal or its process was gone.
    Lost,
}

/// A person's session in a task is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskHandedBack {
    /// The task.
    pub task: TaskId,
    /// How it goes on.
    pub how: HandBack,
    /// Exit code of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Signal that ended the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Files that changed meanwhile; the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// All of these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub file_count: u32,
    /// How long the person had it.
    #[serde(default)]
    pub duration_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl TaskHandedBack {
    /// How the program ended, in words; empty when that is not known.
    pub fn end_words(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => String::new(),
        }
    }

    /// What changed, in words.
    pub fn file_words(&self) -> String {
        if self.files.is_empty() {
            return "no file changed".to_owned();
        }
        let more = (self.file_count as usize).saturating_sub(self.files.len());
        let named = self.files.join(", ");
        if more == 0 {
            format!("changed: {named}")
        } else {
            format!("changed: {named} and {more} more")
        }
    }
}
