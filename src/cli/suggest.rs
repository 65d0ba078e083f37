//! `crew suggest`: proposes something else to a run that asks.

use super::{Context, Exit, Result, decide};
use crate::engine::BudgetChange;
use crate::event::decision::Action;

/// Propose something else to a draft: a text for its agents in `--text`, another budget, or both.
///
/// It stays a draft, its risks are looked at again, and it asks anew.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    decide: decide::Decide,
    #[command(flatten)]
    most: super::budget::Most,
}

/// Runs the verb.
///
/// # Errors
/// As [`decide::run`].
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let budget = BudgetChange { set: args.most.budget(), ..BudgetChange::default() };
    decide::run_with(&args.decide, Action::Suggest, budget, context)
}
