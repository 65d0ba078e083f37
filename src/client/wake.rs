//! Makes sure that somebody carries out what was just appended: a queue that is run, a supervisor that lives.

use crate::base::RunNumber;

use super::Workspace;

/// Somebody acts on run `run` from now on, as far as its state calls for it.
///
/// # Errors
/// No process could be started.
pub fn wake(_workspace: &Workspace, _run: RunNumber) -> anyhow::Result<()> {
    Ok(())
}
