//! The command line: one file for each verb. The listing of this folder is the command reference.
//!
//! A verb is an `Args` struct, whose doc comments are its help text, and a `run` function that
//! writes to the output it is given and returns an exit code. stdout is data, stderr is talk.

pub mod args;
pub mod context;
pub mod dry_run;
pub mod exit;
pub mod follow;
pub mod report;
pub mod run;
pub mod trust_check;

pub use args::{Cli, Verb};
pub use context::Context;
pub use exit::Exit;
pub use report::{CliError, Result};

/// Says what of the configuration was ignored.
pub(crate) fn warnings(workspace: &crate::client::Workspace, context: &mut Context) -> Result<()> {
    for problem in &workspace.warnings {
        context.say(&format!("warning: {problem}"))?;
    }
    Ok(())
}
