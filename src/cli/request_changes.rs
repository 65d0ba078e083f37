//! `crew request-changes`: sends the work of a run back that waits for its merge.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Send the work of a run back that waits for its merge, with what has to change in `--text`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    decide: decide::Decide,
}

/// Runs the verb.
///
/// # Errors
/// As [`decide::run`].
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    decide::run(&args.decide, Action::RequestChanges, context)
}
