//! Commands to every run of a project that takes them.

use super::context::Context;
use super::exit::Exit;
use super::given::{Told, Wait, tell_all};
use super::report::Result;
use crate::base::{RunNumber, text};
use crate::client::{Workspace, forbid_to_agents};
use crate::engine::{Command, Input, decide};
use crate::ledger::OpenError;
use crate::store::LogError;

/// The runs that would not refuse the command now; one that cannot be read does not keep the others.
///
/// # Errors
/// An agent asks, or the runs cannot be listed.
pub fn that_take(
    context: &mut Context,
    workspace: &Workspace,
    command: &Command,
) -> Result<Vec<RunNumber>> {
    forbid_to_agents(&workspace.env, command.verb())?;
    let input = Input::Command(command.clone());
    let mut found = Vec::new();
    for number in workspace.project()?.runs()? {
        match workspace.run(number) {
            Ok(ledger) if decide(ledger.state(), context.now, &input).is_ok() => found.push(number),
            // The second: the folder of a number whose process died before it wrote the log.
            Ok(_) | Err(OpenError::Log(LogError::Missing(_))) => {}
            Err(error) => context.say(&format!("warning: run #{number} is left alone: {error}"))?,
        }
    }
    Ok(found)
}

/// `2 runs (#3, #5)`.
pub fn named(runs: &[RunNumber]) -> String {
    let numbers: Vec<String> = runs.iter().map(|number| format!("#{number}")).collect();
    format!("{} ({})", text::count(runs.len(), "run"), numbers.join(", "))
}

/// Gives the command to all runs first, and only then waits for each of them.
///
/// # Errors
/// The first run that refuses; the others have been told all the same.
pub fn give(
    context: &mut Context,
    workspace: &Workspace,
    runs: &[RunNumber],
    command: &Command,
    wait: &Wait,
    line: fn(&Told) -> String,
) -> Result<Exit> {
    if runs.is_empty() {
        context.say(&format!("no run to {}", command.verb()))?;
    }
    let at_once = Wait { no_wait: true, ..wait.clone() };
    let mut all = Vec::new();
    let mut refused = None;
    for &run in runs {
        match at_once.give(context, workspace, run, command.clone(), None) {
            Ok(told) => all.push(told),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let mut exit = Exit::Ok;
    for told in &mut all {
        if !wait.no_wait {
            wait.until_rest(context, workspace, told)?;
        }
        if wait.exit(told) != Exit::Ok {
            exit = Exit::Running;
        }
    }
    if context.json {
        tell_all(context, &all)?;
    } else {
        for told in &all {
            context.say(&line(told))?;
        }
    }
    refused.map_or(Ok(exit), Err)
}
