//! Makes a fresh folder ready for commands: submodules filled, files copied, setup commands run.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::evidence::Job;
use super::{copies, submodules};
use crate::base::{limits, text};
use crate::clock::Clock;
use crate::plan::graph::CommandPlan;

/// The setup commands of one folder.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    /// The project that the folder belongs to.
    pub(super) root: &'a Utf8Path,
    /// The folder.
    pub(super) folder: &'a Utf8PathBuf,
    /// The commands, in order.
    pub(super) commands: &'a [String],
    /// Their environment, as it is in the run's own folder.
    pub(super) env: &'a [(String, String)],
    /// Marks all their processes.
    pub(super) mark: String,
    /// From the first signal of a stop to SIGKILL.
    pub(super) grace: Duration,
}

/// A setup command that failed.
#[derive(Debug)]
pub(super) struct SetupFailure {
    /// The command, as it may be shown.
    pub(super) command: String,
    /// How it ended.
    pub(super) how: String,
    /// The end of what it printed.
    pub(super) tail: String,
}

impl Setup<'_> {
    /// Runs the commands until one fails; nothing when it was stopped.
    pub(super) async fn run(
        &self,
        clock: Clock,
        stop: &CancellationToken,
    ) -> Option<Result<(), SetupFailure>> {
        let mut env = self.env.to_vec();
        env.retain(|(name, _)| name != "CREW_WORKTREE");
        env.push(("CREW_WORKTREE".to_owned(), self.folder.to_string()));
        env.push(("CREW_ROOT".to_owned(), self.root.to_string()));
        for (at, command) in self.commands.iter().enumerate() {
            let job = Job {
                name: format!("setup-{at}"),
                command: CommandPlan { command: command.clone(), timeout_ms: limits::SETUP_MS },
                folder: self.folder.clone(),
                tree: String::new(),
                env: env.clone(),
                mark: self.mark.clone(),
                grace: self.grace,
            };
            let found = Box::pin(job.run(clock, stop.clone())).await?;
            let how = match found.code {
                Some(0) => continue,
                Some(code) => format!("exited with code {code}"),
                None => "did not end by itself".to_owned(),
            };
            tracing::error!(command, how, tail = found.tail, "setup failed");
            let command = text::one_line(command, limits::SETUP_SHOWN_CHARS);
            return Some(Err(SetupFailure { command, how, tail: found.tail }));
        }
        Some(Ok(()))
    }
}

/// Fills the submodules of a folder and copies the files that it is to have; says what is not there.
pub(super) fn fill(
    root: &Utf8Path,
    folder: &Utf8Path,
    copy: &[String],
) -> Result<Vec<String>, String> {
    let mut notes: Vec<String> = submodules::fill(root, folder).into_iter().collect();
    if !copy.is_empty() {
        let copied = copies::copy(root, folder, copy);
        notes.extend(copied.map_err(|error| text::error_chain(&error))?);
    }
    Ok(notes)
}
