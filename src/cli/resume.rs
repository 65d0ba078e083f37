//! `crew resume`: goes on with a run that was interrupted or needs attention.

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::risky::give_risky;
use super::target::Target;
use super::{Context, Exit, Result};
use crate::client::message::{TO_RUN, from_person};
use crate::engine::{BudgetChange, Command};
use crate::plan::policy::Budget;

/// Go on with a run that is paused or blocked, or that waits for a login or a limit.
///
/// Tasks that were interrupted, and the one that blocked the run, start again. The counters of its cycles begin anew.
/// A run whose budget is used up goes on when you add to it.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    /// Tell the agents this.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Give every loop of the run this many more passes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    add_steps: Option<u32>,
    #[command(flatten)]
    more: super::budget::More,
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
    let from = workspace.human();
    let text = args.text.as_deref();
    let message = text.map(|text| from_person(&from, TO_RUN, text, context.now)).transpose()?;
    let add_steps = args.add_steps.unwrap_or(0);
    let command = Command::Resume { message, add_steps };
    let (budget, version) = (
        BudgetChange {
            add: Budget { steps: args.add_steps, ..args.more.budget() },
            ..BudgetChange::default()
        },
        args.version.expect_version,
    );
    let given = give_risky(context, &workspace, number, command, budget, version)?;
    let line = format!(
        "run #{number} goes on and is {}; `crew status {number}` shows it",
        given.status.kind().as_str()
    );
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}
