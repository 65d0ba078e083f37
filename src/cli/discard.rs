//! `crew discard`: throws away the work of a run that waits for its merge.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Throw away the work of a run that waits for its merge.
///
/// The run ends as cancelled; its branch stays until you delete it.
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
    decide::run(&args.decide, Action::Discard, context)
}
