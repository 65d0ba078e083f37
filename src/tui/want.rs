//! What is looked at and has to be loaded: files, diffs, output of commands, the past.
//!
//! A view derives its wants from the model each time; nothing remembers that something was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::library::{WorkflowItem, WorkflowPage};
use super::screen::runs::projects::ProjectRuns;
use super::world::RunView;
use crate::base::{RunNumber, TaskId, Time};
use crate::client::briefing::Briefing;
use crate::client::pager::{self, Anchor, Hits, Reading};
use crate::client::patch::Patch;
use crate::client::started::Started;

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
    /// A part of what an attempt printed.
    Transcript {
        /// Whose output.
        source: Source,
        /// Which part; what was loaded of another part is shown until it is there.
        anchor: Anchor,
    },
    /// Where a text stands in what an attempt printed.
    Found {
        /// Whose output.
        source: Source,
        /// The text.
        text: String,
    },
    /// How an attempt was started and ended.
    Attempt(AttemptRef),
    /// What a command of crew prints that changes nothing.
    Output(Vec<String>),
    /// Which workflow files there are.
    Workflows,
    /// What is in a workflow file.
    Workflow(String),
    /// What a person should know who decides.
    Briefing {
        /// The run.
        run: RunNumber,
        /// The decision.
        id: String,
    },
    /// What was changed, line by line.
    Patch {
        /// The run.
        run: RunNumber,
        /// One of its tasks; absent for all of its work.
        task: Option<TaskId>,
    },
    /// The runs of all projects.
    Projects,
    /// A run as it was after an event.
    Past {
        /// The run.
        run: RunNumber,
        /// Number of the event.
        seq: u64,
    },
}

/// An attempt of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptRef {
    /// The run.
    pub run: RunNumber,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub number: u32,
    /// The program that plays it; absent where only the log tells it.
    pub runtime: Option<String>,
}

/// What an attempt prints, read in one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The attempt.
    pub attempt: AttemptRef,
    /// How it is read.
    pub reading: Reading,
}

impl Want {
    /// What it is a part of: one part stands for another until that is loaded.
    #[must_use]
    pub fn subject(&self) -> Self {
        match self {
            Self::Transcript { source, .. } => {
                Self::Transcript { source: source.clone(), anchor: Anchor::End }
            }
            Self::Prompt { .. }
            | Self::Found { .. }
            | Self::Attempt(_)
            | Self::Output(_)
            | Self::Workflows
            | Self::Projects
            | Self::Workflow(_)
            | Self::Briefing { .. }
            | Self::Patch { .. }
            | Self::Past { .. } => self.clone(),
        }
    }

    /// The run whose events may change it.
    pub fn run(&self) -> Option<RunNumber> {
        match self {
            Self::Prompt { run, .. }
            | Self::Briefing { run, .. }
            | Self::Patch { run, .. }
            | Self::Past { run, .. } => Some(*run),
            Self::Transcript { source, .. } | Self::Found { source, .. } => {
                Some(source.attempt.run)
            }
            Self::Attempt(attempt) => Some(attempt.run),
            Self::Output(_) | Self::Workflows | Self::Workflow(_) | Self::Projects => None,
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
    /// The runs of all projects.
    Projects(Arc<Vec<ProjectRuns>>),
    /// What a person should know who decides.
    Briefing(Arc<Briefing>),
    /// What was changed.
    Patch(Arc<Patch>),
    /// A run as it was.
    Past(Arc<RunView>),
    /// A part of what an attempt printed.
    Transcript(Arc<pager::Page>),
    /// Where a text stands in it.
    Found(Arc<Hits>),
    /// How an attempt was started and ended.
    Attempt(Arc<AttemptFacts>),
}

/// How an attempt was started and ended, as far as files and log tell it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptFacts {
    /// The program that played it; empty for a command.
    pub runtime: String,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Over which transport, held to what, with whose account.
    pub started: Option<Started>,
    /// When it was started, where the log was read for it.
    pub started_at: Option<Time>,
    /// How it ended, in a few words; absent while it goes on.
    pub ended: Option<String>,
    /// The end of its standard error.
    pub errors: String,
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

    /// The runs of all projects.
    pub fn projects(&self) -> Option<Result<&[ProjectRuns], &str>> {
        match self.0.get(&Want::Projects)? {
            Ok(Loaded::Projects(projects)) => Some(Ok(projects)),
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

    /// What an attempt printed, as much of it as is loaded.
    pub fn transcript(&self, source: &Source) -> Option<Result<&pager::Page, &str>> {
        let want = Want::Transcript { source: source.clone(), anchor: Anchor::End };
        match self.0.get(&want)? {
            Ok(Loaded::Transcript(page)) => Some(Ok(page)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Where a text stands in what an attempt printed.
    pub fn hits(&self, source: &Source, text: &str) -> Option<&Hits> {
        let want = Want::Found { source: source.clone(), text: text.to_owned() };
        match self.0.get(&want)? {
            Ok(Loaded::Found(hits)) => Some(hits),
            Ok(_) | Err(_) => None,
        }
    }

    /// How an attempt was started and ended.
    pub fn attempt(&self, attempt: &AttemptRef) -> Option<&AttemptFacts> {
        match self.0.get(&Want::Attempt(attempt.clone()))? {
            Ok(Loaded::Attempt(facts)) => Some(facts),
            Ok(_) | Err(_) => None,
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

    /// What a person should know who decides.
    pub fn briefing(&self, run: RunNumber, id: &str) -> Option<Result<&Briefing, &str>> {
        match self.0.get(&Want::Briefing { run, id: id.to_owned() })? {
            Ok(Loaded::Briefing(briefing)) => Some(Ok(briefing)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// What a run has changed, or one of its tasks.
    pub fn patch(
        &self,
        run: RunNumber,
        task: Option<&TaskId>,
    ) -> Option<Result<&Arc<Patch>, &str>> {
        match self.0.get(&Want::Patch { run, task: task.cloned() })? {
            Ok(Loaded::Patch(patch)) => Some(Ok(patch)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
