//! Running the `git` program: the only place that does.
//!
//! Every call is quiet, asks nothing, takes no optional locks, runs no hooks, and names its folder.

use std::io::Write;
use std::process::{Command, Output, Stdio};

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

/// Runs git with variables of its own and an input; returns its output as it is.
///
/// # Errors
/// Git is missing, or it says no.
pub fn git_with(
    dir: &Utf8Path,
    args: &[&str],
    env: &[(&str, &str)],
    input: &[u8],
) -> Result<Vec<u8>, GitError> {
    let mut command = command(dir, args);
    command.envs(env.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(GitError::Start)?;
    let mut stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A git that has seen enough closes its end.
            drop(stdin.as_mut().map(|stdin| stdin.write_all(input)));
        });
        child.wait_with_output()
    });
    let output = output.map_err(GitError::Start)?;
    if output.status.success() { Ok(output.stdout) } else { Err(failed(dir, args, &output)) }
}

/// What names an author where the user has set no identity; nothing where one is set.
pub fn identity(dir: &Utf8Path) -> &'static [(&'static str, &'static str)] {
    if has_identity(dir) { &[] } else { &IDENTITY }
}

fn run(dir: &Utf8Path, args: &[&str], needs_identity: bool) -> Result<String, GitError> {
    let mut command = command(dir, args);
    command.stdin(Stdio::null());
    if needs_identity {
        command.envs(identity(dir).iter().copied());
    }
    let output = command.output().map_err(GitError::Start)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    Err(failed(dir, args, &output))
}

fn command(dir: &Utf8Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=off", "-c", "gc.auto=0"])
        .args(args)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C");
    // A crew that was started by a git hook must not work on the hook's repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
}

fn failed(dir: &Utf8Path, args: &[&str], output: &Output) -> GitError {
    let said = String::from_utf8_lossy(&output.stderr);
    GitError::Failed {
        verb: args.iter().find(|arg| !arg.starts_with('-')).unwrap_or(&"").to_string(),
        dir: dir.to_owned(),
        said: crate::base::text::one_line(&said, 400),
    }
}

fn has_identity(dir: &Utf8Path) -> bool {
    run(dir, &["config", "user.email"], false).is_ok()
        && run(dir, &["config", "user.name"], false).is_ok()
}
