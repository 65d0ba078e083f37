//! Having child runs created: by a process of its own, as a supervisor reads no teams and workflows.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::start::{ATTEMPT_VARIABLES, LaunchError};
use crate::base::RunNumber;
use crate::base::path::PathContext;
use crate::store::ProjectDir;

/// What that process says, one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildLine {
    /// A run exists.
    Created {
        /// What it is called in its proposal.
        key: String,
        /// Its number.
        number: RunNumber,
    },
    /// The runs cannot be created as they were proposed.
    Refused {
        /// Everything that is in the way.
        why: String,
    },
}

/// Has the runs of a proposal created that do not exist yet; returns when the process has ended.
///
/// `depth` is the nesting of the new runs.
///
/// # Errors
/// The process cannot be started, or it failed for a reason that may pass.
pub fn create_children(
    project: &ProjectDir,
    parent: RunNumber,
    round: u32,
    depth: u32,
) -> Result<Vec<ChildLine>, LaunchError> {
    let run = project.run(parent);
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("crew")
        .arg("children")
        .args([project.root(), project.state(), project.worktrees()])
        .args([parent.to_string(), round.to_string()])
        .current_dir(project.root())
        .env("CREW_DEPTH", depth.to_string())
        .stdin(Stdio::null());
    for name in ATTEMPT_VARIABLES {
        command.env_remove(name);
    }
    let output = command.output().at("cannot create the child runs of", run.path())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(LaunchError::Children { number: parent, said });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
