//! `crew stop`: ends runs.

use clap::Args as ClapArgs;

use super::given::{Told, Version, Wait};
use super::target::Target;
use super::{CliError, Context, Exit, Result, ask, every};
use crate::base::{RunNumber, text};
use crate::client::Workspace;
use crate::engine::Command;

/// End a run: its agents are stopped, nothing is merged.
///
/// It asks the agents to end, then kills what is left of them, and waits until they are gone. The worktree and its
/// branch stay as they are; `crew reopen RUN` goes on with the run.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    #[arg(required_unless_present = "all")]
    run: Option<String>,
    /// End every run of the project that has not ended; asks first.
    #[arg(long, conflicts_with_all = ["run", "expect_version"])]
    all: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    version: Version,
}

/// Runs the verb.
///
/// # Errors
/// Refused, no such run, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    if let Some(wanted) = &args.run {
        let run = Target::find_run(&workspace, wanted)?;
        let version = args.version.expect_version;
        let told = match args.wait.give(context, &workspace, run, Command::Stop, version) {
            Err(error) if error.code == "read_only" => {
                return kill(context, &workspace, run, error);
            }
            told => told?,
        };
        super::given::tell(context, &told.given, &line(&told))?;
        return Ok(args.wait.exit(&told));
    }
    let runs = every::that_take(context, &workspace, &Command::Stop)?;
    if !runs.is_empty() {
        let question = format!("stop {}?", every::named(&runs));
        if !ask::confirm(context, &question)? {
            context.say("nothing was stopped")?;
            return Ok(Exit::Refused);
        }
    }
    every::give(context, &workspace, &runs, &Command::Stop, &args.wait, line)
}

/// A run that can only be read: nothing is recorded, but its agents end.
fn kill(
    context: &mut Context,
    workspace: &Workspace,
    run: RunNumber,
    error: CliError,
) -> Result<Exit> {
    let ledger = workspace.run(run)?;
    if ledger.health().copy_of.is_some() {
        // They are the agents of the original.
        return Err(error);
    }
    let count = (context.kill)(&ledger);
    context.say(&format!("{} told to stop; that is not on record", text::count(count, "agent")))?;
    Err(error)
}

fn line(told: &Told) -> String {
    let number = told.given.run;
    if told.is_at_rest {
        format!("run #{number} is stopped; `crew reopen {number}` goes on with it")
    } else {
        let left = text::count(told.given.live, "agent");
        format!("run #{number} is stopped; {left} still ending, `crew status {number}` shows it")
    }
}
