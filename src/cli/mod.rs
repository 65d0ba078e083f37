//! The command line: one file for each verb. The listing of this folder is the command reference.
//!
//! A verb is an `Args` struct, whose doc comments are its help text, and a `run` function that
//! writes to the output it is given and returns an exit code. stdout is data, stderr is talk.

pub mod agent;
pub mod answer;
pub mod approve;
pub mod archive;
pub mod args;
pub mod artifacts;
mod ask;
pub mod attach;
pub mod brief;
pub mod budget;
pub mod chat;
pub mod completions;
pub mod config;
pub mod context;
pub mod dashboard;
pub mod deadletter;
pub mod decide;
pub mod decisions;
pub mod demo;
pub mod diff;
pub mod discard;
pub mod doctor;
pub mod draft;
pub mod dry_run;
pub mod events;
mod every;
pub mod exit;
pub mod export;
pub mod follow;
pub mod forget;
pub mod gate;
mod given;
pub mod goal;
pub mod graph;
pub mod import;
pub mod inbox;
pub mod init;
pub mod intent;
pub mod json;
mod list;
mod live_region;
pub mod logs;
pub mod ls;
pub mod mailbox;
pub mod man;
pub mod mcp;
pub mod merge;
pub mod metrics;
pub mod offer;
pub mod pause;
pub mod prune;
pub mod recommend;
pub mod reject;
pub mod removal;
pub mod reopen;
pub mod replay;
pub mod report;
pub mod request_changes;
pub mod resource;
pub mod resume;
pub mod retry;
mod ringer;
pub mod risky;
pub mod run;
pub mod runtime;
pub mod salvage;
pub mod scheduler;
pub mod screen;
pub mod send;
pub mod show;
pub mod showing;
pub mod skill;
pub mod status;
pub mod stop;
pub mod style;
pub mod suggest;
pub mod table;
pub mod target;
pub mod team;
pub mod timeline;
pub mod tool;
pub mod trust;
pub mod trust_check;
pub mod undo;
pub mod uninstall;
pub mod usage;
pub mod verify;
pub mod wait;
mod wakes;
pub mod why;
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
