//! Starting the supervisor of a run, and telling whether one lives.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::base::RunNumber;
use crate::base::path::{PathContext, PathError};
use crate::store::{FileLock, ProjectDir, RunDir};

/// What a supervisor prints once it holds its lock.
pub const CONFIRMED: &str = "supervising";
/// What a supervisor prints when another one holds the lock.
pub const OTHER_LIVES: &str = "another supervisor lives";

/// Variables of an agent's attempt that its runs must not inherit.
pub(super) const ATTEMPT_VARIABLES: &[&str] =
    &["CREW_ATTEMPT", "CREW_TOKEN_FILE", "CREW_TASK", "CREW_SLOT", "CREW_RUN", "CREW_RUN_DIR"];

/// Why no process of a run could be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// It ended before it held its lock.
    #[error("the supervisor of run #{number} did not start: {said}")]
    Silent {
        /// The run.
        number: RunNumber,
        /// The last it said.
        said: String,
    },
    /// The process that creates child runs failed.
    #[error("the child runs of run #{number} could not be created: {said}")]
    Children {
        /// The parent.
        number: RunNumber,
        /// What it said.
        said: String,
    },
}

/// A supervisor that was started, or found alive.
#[derive(Debug)]
pub enum Started {
    /// This process started it and must reap it, unless it ends first.
    New(Child),
    /// Another one lives.
    Lives,
}

/// Whether a supervisor holds the run's `supervisor.lock`.
///
/// # Errors
/// The lock file cannot be opened.
pub fn is_supervised(run: &RunDir) -> Result<bool, PathError> {
    FileLock::is_held(&run.supervisor_lock())
}

/// Starts the run's supervisor unless one lives; returns when it holds its lock.
///
/// # Errors
/// The process cannot be started, or it ends before it holds its lock.
pub fn ensure_supervisor(project: &ProjectDir, number: RunNumber) -> Result<Started, LaunchError> {
    let run = project.run(number);
    if is_supervised(&run)? {
        return Ok(Started::Lives);
    }
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("crew")
        .arg("supervise")
        .args([project.root(), project.state(), project.worktrees()])
        .arg(number.to_string())
        .current_dir(project.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for name in ATTEMPT_VARIABLES {
        command.env_remove(name);
    }
    let mut child = command.spawn().at("cannot start the supervisor of", run.path())?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        reader.read_line(&mut said).at("cannot hear the supervisor of", run.path())?;
    }
    tracing::info!(run = %number, pid = child.id(), said = said.trim(), "supervisor");
    match said.trim() {
        CONFIRMED => Ok(Started::New(child)),
        OTHER_LIVES => Ok(Started::Lives),
        said => {
            // It is ending or has ended; its log file tells more.
            drop(child.wait());
            Err(LaunchError::Silent {
                number,
                said: format!("{said} (see `{}`)", run.supervisor_log()),
            })
        }
    }
}
