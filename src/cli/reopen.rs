//! `crew reopen`: works again on a run that has ended.

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::risky::give_risky;
use super::target::Target;
use super::{Context, Exit, Result};
use crate::client::message::{TO_RUN, from_person};
use crate::engine::{BudgetChange, Command};

/// Work again on a run that is done or was stopped.
///
/// What was cut short is ready again. A run that is done does its writing step again, with the text as feedback.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    /// Say what is to be done now.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
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
    let command = Command::Reopen { message };
    let (budget, version) = (BudgetChange::default(), args.version.expect_version);
    let given = give_risky(context, &workspace, number, command, budget, version)?;
    let line = format!(
        "run #{number} is open again and {}; `crew status {number}` shows it",
        given.status.kind().as_str()
    );
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}
