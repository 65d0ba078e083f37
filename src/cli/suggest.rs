//! `crew suggest`: proposes something else to a run that asks.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Propose something else to a run that asks for approval, in `--text`.
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
    decide::run(&args.decide, Action::Suggest, context)
}
