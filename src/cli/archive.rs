//! `crew archive`: puts a run away.

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::target::Target;
use super::{Context, Exit, Result};
use crate::client::give;
use crate::engine::Command;

/// Put a run away that has ended, is blocked or is a draft.
///
/// It stays readable, and nothing more can happen to it. Its worktree and branch are left alone.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    #[command(flatten)]
    version: Version,
}

/// Runs the verb.
///
/// # Errors
/// Refused, no such run, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = Target::find_run(&workspace, &args.run)?;
    let version = args.version.expect_version;
    let given = give(&workspace, number, Command::Archive, version, context.now)?;
    let line = format!("run #{number} is archived; `crew show {number}` still shows it");
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}
