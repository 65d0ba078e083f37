//! Commands that may make a run riskier: the person at the terminal is asked, scripts say `--yes`.

use super::{Context, Result, ask};
use crate::base::RunNumber;
use crate::client::{CommandError, Given, Workspace, give};
use crate::engine::{BudgetChange, Command};
use crate::ledger::CommitError;

/// The command with a change of the budget, and with the person's word that its risks are accepted.
pub fn with(command: Command, budget: BudgetChange, accepts_risks: bool) -> Command {
    if budget == BudgetChange::default() && !accepts_risks {
        return command;
    }
    Command::With { command: Box::new(command), budget, accepts_risks }
}

/// Gives a command; when it would make the run riskier the person is asked first.
///
/// # Errors
/// As [`give`]; nobody accepts the risks.
pub fn give_risky(
    context: &mut Context,
    workspace: &Workspace,
    run: RunNumber,
    command: Command,
    budget: BudgetChange,
    version: Option<u64>,
) -> Result<Given> {
    let asked = with(command.clone(), budget, context.yes);
    match give(workspace, run, asked, version, context.now) {
        Err(CommandError::Commit(CommitError::Refused(refusal)))
            if refusal.code == "risk" && context.is_interactive() && !context.yes =>
        {
            context.say(&refusal.reason)?;
            if !ask::confirm(context, "go on all the same?")? {
                return Err(CommitError::Refused(refusal).into());
            }
            Ok(give(workspace, run, with(command, budget, true), version, context.now)?)
        }
        given => Ok(given?),
    }
}
