//! Running the `git` program: the only place that does.
//!
//! Every call is quiet, asks nothing, takes no optional locks, runs no hooks, and names its folder.

use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// Why a git command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program cannot be started.
    #[error("cannot start `git`")]
    Start(#[source] std::io::Error),
    /// It said no.
    #[error("`git {verb}` in `{dir}`: {said}")]
    Failed {
        /// The git verb.
        verb: String,
        /// Where it ran.
        dir: Utf8PathBuf,
        /// What it said.
        said: String,
    },
}

/// Who commits when the user has not told git a name.
const IDENTITY: [(&str, &str); 4] = [
    ("GIT_AUTHOR_NAME", "crew"),
    ("GIT_AUTHOR_EMAIL", "crew@localhost"),
    ("GIT_COMMITTER_NAME", "crew"),
    ("GIT_COMMITTER_EMAIL", "crew@localhost"),
];

/// Runs git in `dir` and returns its standard output without the last newline.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git(dir: &Utf8Path, args: &[&str]) -> Result<String, GitError> {
    run(dir, args, false)
}

/// Runs git as an author even where the user has set no identity.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_as_author(dir: &Utf8Path, args: &[&str]) -> Result<String, GitError> {
    run(dir, args, true)
}

fn run(dir: &Utf8Path, args: &[&str], needs_identity: bool) -> Result<String, GitError> {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=off", "-c", "gc.auto=0"])
        .args(args)
        .stdin(Stdio::null())
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    // A crew that was started by a git hook must not work on the hook's repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    if needs_identity && !has_identity(dir) {
        command.envs(IDENTITY);
    }
    let output = command.output().map_err(GitError::Start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(GitError::Failed {
        verb: args.iter().find(|arg| !arg.starts_with('-')).unwrap_or(&"").to_string(),
        dir: dir.to_owned(),
        said: crate::base::text::one_line(&said, 400),
    })
}

fn has_identity(dir: &Utf8Path) -> bool {
    run(dir, &["config", "user.email"], false).is_ok()
        && run(dir, &["config", "user.name"], false).is_ok()
}
