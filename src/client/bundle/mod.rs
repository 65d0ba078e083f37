//! Bundles: a run as one file that can be looked at elsewhere. Entry points: [`export`] and [`import`].
//!
//! A bundle is a gzipped tar: first the manifest with size and BLAKE3 of every file, then the files. Its texts are
//! redacted. An imported run is only looked at: the engine refuses everything, nothing drives it, and what ties a run to
//! its project (worktree, branch, other runs) stays behind.

mod archive;
mod export;
mod import;
mod legacy;
mod manifest;
mod rewrite;

pub use export::{Exported, export};
pub use import::{Imported, import};

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::path::PathError;
use crate::base::{ArtifactName, TaskId};
use crate::ledger::OpenError;
use crate::store::{LogError, ProjectError};

/// The files of an attempt that go into a bundle; never tokens, locks, pids or the configuration of servers.
const ATTEMPT_FILES: &[&str] =
    &["command.json", "exit.json", "prompt.md", "proposal.json", "stderr.log", "stdout.jsonl"];
/// Those that can be left out: what the agent printed.
const OUTPUT_FILES: &[&str] = &["stderr.log", "stdout.jsonl"];
/// The log.
const EVENTS: &str = "events.jsonl";

/// Why a run was not exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is not a bundle that can be taken in.
    #[error("`{file}` cannot be imported: {why}")]
    Invalid {
        /// The file.
        file: Utf8PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is something already.
    #[error("`{0}` exists already")]
    Exists(Utf8PathBuf),
    /// The run is larger than a bundle may be.
    #[error("{0}")]
    TooLarge(String),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The run.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl BundleError {
    fn invalid(file: &Utf8Path, why: impl Into<String>) -> Self {
        Self::Invalid { file: file.to_owned(), why: why.into() }
    }
}

/// Whether a bundle may hold a file of this name: the whole list, so that no name leads anywhere else.
fn is_known(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [EVENTS] => true,
        ["artifacts", name] => name.parse::<ArtifactName>().is_ok(),
        ["tasks", task, attempt, file] => {
            let task = task.rsplit_once('.').map_or((*task).to_owned(), |(step, slot)| {
                if slot.bytes().all(|byte| byte.is_ascii_digit()) {
                    format!("{step}/{slot}")
                } else {
                    (*task).to_owned()
                }
            });
            let number =
                attempt.parse::<u32>().ok().filter(|number| number.to_string() == *attempt);
            task.parse::<TaskId>().is_ok() && number.is_some() && ATTEMPT_FILES.contains(file)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_a_run_may_be_in_a_bundle() {
        for path in [
            "events.jsonl",
            "artifacts/plan.md",
            "tasks/review.2/1/stdout.jsonl",
            "tasks/a.b/12/prompt.md",
        ] {
            assert!(is_known(path), "{path}");
        }
        for path in [
            "/etc/passwd",
            "../events.jsonl",
            "artifacts/../events.jsonl",
            "artifacts/..",
            "artifacts/",
            "artifacts/a/b",
            "./events.jsonl",
            "tasks/review.2/01/stdout.jsonl",
            "tasks/review.2/1/token",
            "tasks/../1/prompt.md",
            "run.lock",
            "",
        ] {
            assert!(!is_known(path), "{path}");
        }
    }
}
