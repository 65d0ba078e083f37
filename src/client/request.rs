//! What a person asks for when a run is to be started, and why it cannot be.

use std::collections::BTreeMap;

use super::plan::PlanError;
use crate::base::RunNumber;
use crate::base::flow::Permission;
use crate::base::path::PathError;
use crate::event::{Actor, ParentLink, Priority, ScheduleLink};
use crate::launch::QueueError;
use crate::ledger::OpenError;
use crate::plan::Risk;
use crate::plan::policy::Budget;
use crate::store::ProjectError;
use crate::store::git::GitError;

/// What a person asks for.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// What is to be done.
    pub goal: String,
    /// `-t`.
    pub team: Option<String>,
    /// `-w`.
    pub workflow: Option<String>,
    /// `--role`: this role of the team alone.
    pub role: Option<String>,
    /// `--agent`: this agent alone.
    pub agent: Option<String>,
    /// `-a`.
    pub runtime: Option<String>,
    /// `-m`.
    pub model: Option<String>,
    /// `--permission`, in place of what the configuration says.
    pub permission: Option<Permission>,
    /// `--in-place`.
    pub in_place: bool,
    /// `--after`.
    pub after: Vec<RunNumber>,
    /// `--priority`.
    pub priority: Priority,
    /// `--validate`.
    pub validate: Option<String>,
    /// `--param`.
    pub params: BTreeMap<String, String>,
    /// Arguments added to the command line of runtimes.
    pub runtime_args: BTreeMap<String, Vec<String>>,
    /// The run that proposed this one, which begins as a draft then.
    pub parent: Option<ParentLink>,
    /// Who asks, when it is not the person at this terminal.
    pub by: Option<Actor>,
    /// `--draft`.
    pub draft: bool,
    /// `--max-steps` and the like, in place of what workflow and configuration say.
    pub budget: Budget,
    /// What the run that proposed this one has left to use up.
    pub left: Budget,
    /// Risks that were accepted for the run that proposed this one.
    pub accepted: Vec<Risk>,
    /// The schedule that asks: of a name and a time there is one run, and of a name one that is not over.
    pub schedule: Option<ScheduleLink>,
}

/// Why a run cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Team, workflow, programs or parameters are in the way.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The goal is empty or too long.
    #[error("{0}")]
    Goal(String),
    /// A crew inside a crew inside a crew.
    #[error("this crew is nested {depth} deep already; `limits.max_depth` is {max}")]
    Depth {
        /// How deep it would be.
        depth: u32,
        /// The limit.
        max: u32,
    },
    /// A run that it should come after does not exist.
    #[error("run #{0}, which it should come after, does not exist")]
    NoSuchRun(RunNumber),
    /// There is nowhere to work.
    #[error("the repository is bare, so every run needs a worktree, and there can be none")]
    Bare,
    /// A branch has the name that begins those of all runs.
    #[error("the branch `crew` is in the way of the branches of runs, which are called `crew/…`")]
    BranchInTheWay,
    /// Git says no.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The run's files.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The run that proposed it waits for it no longer.
    #[error("run #{parent} does not wait for its run `{key}` any more")]
    Unwanted {
        /// What the run is called in its proposal.
        key: String,
        /// The run that proposed it.
        parent: RunNumber,
    },
    /// The plan of an imported run was made by others, and nobody here has trusted what it executes.
    #[error("run #{0} was imported; its plan is not run here")]
    Imported(RunNumber),
    /// The last run of a schedule is not over.
    #[error("run #{run} of schedule `{name}` is {status}")]
    Overlaps {
        /// The schedule.
        name: String,
        /// Its run.
        run: RunNumber,
        /// What that is.
        status: &'static str,
    },
    /// The queue could not be run.
    #[error(transparent)]
    Queue(#[from] QueueError),
}
