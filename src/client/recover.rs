//! Any command that opens a project sees to it that its runs are driven (SPEC section 14).

use super::workspace::Workspace;
use crate::base::{RunNumber, Time};
use crate::launch::{QueueError, QueueReport, run_queue};
use crate::store::{Project, ProjectDir, ProjectError};

/// Why runs could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Whether some open run should be driven and is not, or waits for a slot; reads little and starts nothing.
///
/// # Errors
/// The project's files cannot be read.
pub fn is_needed(dir: &ProjectDir, now: Time) -> Result<bool, ProjectError> {
    let project = Project::open(dir.clone())?;
    let open: Vec<RunNumber> = project.open_runs().collect();
    let rows = super::rows::rows(&project, &open, now);
    Ok(rows
        .into_iter()
        .filter_map(|listed| listed.row.ok())
        .any(|row| row.status.needs_supervisor() && !row.supervisor.live))
}

/// Runs the queue: supervisors that are missing are started.
///
/// # Errors
/// The project's files cannot be read or locked.
pub fn recover(workspace: &Workspace, now: Time) -> Result<QueueReport, RecoverError> {
    Ok(run_queue(&workspace.dir, workspace.config.limits.runs, now)?)
}
