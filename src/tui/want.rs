//! What is looked at and has to be loaded: files, diffs, output of commands, the past.
//!
//! A view derives its wants from the model each time; nothing remembers that something was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::library::{WorkflowItem, WorkflowPage};
use super::world::RunView;
use crate::base::{RunNumber, TaskId};

/// Something that is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// The prompt of an attempt.
    Prompt {
        /// The run.
        run: RunNumber,
        /// The task.
        task: TaskId,
        /// Number of the attempt.
        attempt: u32,
    },
    /// What a command of crew prints that changes nothing.
    Output(Vec<String>),
    /// Which workflow files there are.
    Workflows,
    /// What is in a workflow file.
    Workflow(String),
    /// A run as it was after an event.
    Past {
        /// The run.
        run: RunNumber,
        /// Number of the event.
        seq: u64,
    },
}

impl Want {
    /// The run whose events may change it.
    pub fn run(&self) -> Option<RunNumber> {
        match self {
            Self::Prompt { run, .. } | Self::Past { run, .. } => Some(*run),
            Self::Output(_) | Self::Workflows | Self::Workflow(_) => None,
        }
    }
}

/// What was loaded.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// Text of a file.
    Text(Arc<str>),
    /// What a command printed, and its exit code.
    Output(Arc<Output>),
    /// Workflow files.
    Workflows(Arc<Vec<WorkflowItem>>),
    /// A workflow file.
    Workflow(Arc<WorkflowPage>),
    /// A run as it was.
    Past(Arc<RunView>),
}

/// What a command printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; absent when it could not be started.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// All that was loaded of what is wanted; absent means that it is still on its way.
#[derive(Debug, Clone, Default)]
pub struct Loads(pub BTreeMap<Want, Result<Loaded, String>>);

impl Loads {
    /// Text that was loaded; the error says why it is not there.
    pub fn text(&self, want: &Want) -> Option<Result<&str, &str>> {
        match self.0.get(want)? {
            Ok(Loaded::Text(text)) => Some(Ok(text)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Output of a command.
    pub fn output(&self, want: &Want) -> Option<Result<&Output, &str>> {
        match self.0.get(want)? {
            Ok(Loaded::Output(output)) => Some(Ok(output)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The workflow files.
    pub fn workflows(&self) -> Option<Result<&[WorkflowItem], &str>> {
        match self.0.get(&Want::Workflows)? {
            Ok(Loaded::Workflows(items)) => Some(Ok(items)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// A workflow file.
    pub fn workflow(&self, name: &str) -> Option<Result<&WorkflowPage, &str>> {
        match self.0.get(&Want::Workflow(name.to_owned()))? {
            Ok(Loaded::Workflow(page)) => Some(Ok(page)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// A run as it was.
    pub fn past(&self, run: RunNumber, seq: u64) -> Option<Result<&RunView, &str>> {
        match self.0.get(&Want::Past { run, seq })? {
            Ok(Loaded::Past(view)) => Some(Ok(view)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
