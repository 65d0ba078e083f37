//! The command line: one file for each verb. The listing of this folder is the command reference.
//!
//! A verb is an `Args` struct, whose doc comments are its help text, and a `run` function that
//! writes to the output it is given and returns an exit code. stdout is data, stderr is talk.

pub mod agent;
pub mod answer;
pub mod archive;
pub mod args;
mod ask;
pub mod completions;
pub mod config;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod dry_run;
mod every;
pub mod exit;
pub mod follow;
mod given;
pub mod graph;
pub mod init;
pub mod intent;
mod live_region;
pub mod man;
pub mod pause;
pub mod recommend;
pub mod reopen;
pub mod report;
pub mod resource;
pub mod resume;
pub mod retry;
pub mod run;
pub mod runtime;
pub mod send;
pub mod skill;
pub mod stop;
mod table;
pub mod target;
pub mod team;
pub mod trust;
pub mod trust_check;
pub mod workflow;

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
