//! `crew reject`: says no to what a run asks.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Say no to what a run asks, with the reason in `--text`.
///
/// A gate that was rejected blocks the run until somebody approves after all.
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
    decide::run(&args.decide, Action::Reject, context)
}
