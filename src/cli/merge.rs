//! `crew merge`: says how finished work is taken over; crew does not merge in this version.

use super::target::Target;
use super::{CliError, Context, Exit, Result, decide};
use crate::client::forbid_to_agents;
use crate::event::{Status, Wait};

/// Take finished work over. Not in this version: git does it, and this says how.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    decide: decide::Decide,
}

/// Runs the verb.
///
/// # Errors
/// Always; the hint says how the work is taken over.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "merge")?;
    let run = Target::find(&workspace, &args.decide.run)?.run;
    let ledger = workspace.run(run)?;
    let state = ledger.state();
    let refused = |reason: String| CliError::new(Exit::Refused, "state", reason);
    let Status::Waiting { wait: Wait::Merge { branch, .. } } = &state.status else {
        let word = state.status.kind().as_str();
        return Err(refused(format!("run #{run} is {word}; there is nothing to merge"))
            .hinted(format!("`crew status {run}` shows it")));
    };
    Err(refused(format!(
        "crew does not merge in this version; branch `{branch}` has the work of run #{run}"
    ))
    .hinted(format!("`git merge {branch}` takes it over, then `crew stop {run}` ends the run"))
    .hinted(format!("`crew discard {run}` throws it away")))
}
