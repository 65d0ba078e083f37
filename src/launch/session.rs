//! A person's session in a task, as the front ends ask for it and the runtime opens it.

use camino::{Utf8Path, Utf8PathBuf};

use super::Programs;
use crate::base::path::PathError;
use crate::config::Environment;
use crate::engine::State;
use crate::store::RunDir;

/// What is wanted: a task of a run, in a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What the run is.
    pub state: &'a State,
    /// Its files.
    pub dir: &'a RunDir,
    /// What plays its agents.
    pub programs: &'a Programs,
    /// The variables of this process.
    pub env: &'a Environment,
    /// Variables that every agent gets besides the allow list.
    pub passed: &'a [String],
    /// The crew program.
    pub crew: &'a Utf8Path,
    /// Position of the task.
    pub task: usize,
    /// Marks every process of the session.
    pub mark: &'a str,
    /// A shell, even where the program has a session of its own.
    pub shell: bool,
}

/// What is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Name of the runtime, or `shell`.
    pub program: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The working folder.
    pub cwd: Utf8PathBuf,
    /// All variables.
    pub env: Vec<(String, String)>,
    /// Marks every process of the session.
    pub mark: String,
    /// Milliseconds that whatever the program leaves behind has to end by itself.
    pub grace_ms: u64,
    /// It goes on with the session of the task's last attempt.
    pub resumes: bool,
    /// What is done here does not stay: the task may only read.
    pub reads_only: bool,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionEnd {
    /// Exit code of the program.
    pub code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// The terminal was closed, or this process was told to end.
    pub closed: bool,
}

/// Why no session can be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Nobody knows how.
    #[error("{reason}")]
    Unknown {
        /// What is in the way.
        reason: String,
        /// What to do instead.
        hint: String,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// What opens sessions.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// Says what would be opened.
    pub plan: fn(&Wanted<'_>) -> Result<Session, SessionError>,
    /// Opens it in the terminal of this process, keeps what it shows in a file, and waits for its end.
    pub open: fn(&Session, &Utf8Path) -> Result<SessionEnd, SessionError>,
    /// Ends every process of a session whose own is gone.
    pub end: fn(mark: &str, grace_ms: u64) -> usize,
    /// The files that changed since the last attempt, or where no git tells it since a file was written.
    pub changes: fn(&Wanted<'_>, since: &Utf8Path) -> Vec<String>,
}
