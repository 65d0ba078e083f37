//! The command line: one file for each verb. The listing of this folder is the command reference.
//!
//! A verb is an `Args` struct, whose doc comments are its help text, and a `run` function that
//! writes to the output it is given and returns an exit code. stdout is data, stderr is talk.

pub mod args;
pub mod artifacts;
pub mod brief;
pub mod context;
pub mod dry_run;
pub mod events;
pub mod exit;
pub mod follow;
pub mod json;
pub mod logs;
pub mod ls;
pub mod replay;
pub mod report;
pub mod run;
pub mod screen;
pub mod show;
pub mod status;
pub mod style;
pub mod table;
pub mod timeline;
pub mod trust_check;
pub mod verify;
pub mod wait;
pub mod why;

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
