//! `crew answer`: answers the question of a task.

use super::{Context, Exit, Result, decide};
use crate::event::decision::Action;

/// Answer the question of a task.
///
/// On a terminal the question is shown and you are asked for the answer. A script looks with `crew decisions RUN`
/// and answers exactly that with `--nonce`; `--yes` answers without a look.
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
    decide::run(&args.decide, Action::Answer, context)
}
