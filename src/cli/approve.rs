//! `crew approve`: says yes to what a run asks.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Say yes to what a run asks: open a gate, let proposed tasks be added.
///
/// On a terminal the decision is shown first and you are asked. A script looks with `crew decisions RUN` and
/// decides exactly that with `--nonce`; `--yes` decides without a look.
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
    decide::run(&args.decide, Action::Approve, context)
}
