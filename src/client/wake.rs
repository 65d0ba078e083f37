//! Makes sure that somebody carries out what was just appended: a queue that is run, a supervisor that lives.

use std::process::Child;

use super::Workspace;
use crate::base::{RunNumber, Time};
use crate::launch::{
    LaunchError, QueueError, Started, ensure_supervisor, is_supervised, run_queue,
};
use crate::ledger::OpenError;
use crate::store::{ProjectError, ProjectLock};

/// Why nobody acts on a run.
#[derive(Debug, thiserror::Error)]
pub enum WakeError {
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The run.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The supervisor.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

/// Makes the run one that is looked after, runs the queue, and starts a supervisor where one is due.
///
/// Returns the supervisors that this process started; one that goes on for long must reap them.
///
/// # Errors
/// The project's files cannot be changed, or no process could be started.
pub fn wake(workspace: &Workspace, run: RunNumber, now: Time) -> Result<Vec<Child>, WakeError> {
    {
        // A run that had ended is no longer among the open ones, which are all that the queue looks
        // at. Under the lock: its supervisor may be closing it right now.
        let lock = ProjectLock::take(&workspace.dir).map_err(ProjectError::from)?;
        let mut project = workspace.project()?;
        if !project.open_runs().any(|open| open == run) {
            project.set_open(&lock, [run])?;
        }
    }
    let mut children = run_queue(&workspace.dir, workspace.config.limits.runs, now)?.children;
    let ledger = workspace.run(run)?;
    if !ledger.state().is_at_rest() && !is_supervised(ledger.dir()).unwrap_or(false) {
        // The queue has tried as well; this says why it does not work.
        if let Started::New(child) = ensure_supervisor(&workspace.dir, run)? {
            children.push(child);
        }
    }
    Ok(children)
}
