//! `crew pause`: interrupts runs so that they can go on later.

use clap::Args as ClapArgs;

use super::given::{Told, Version, Wait};
use super::target::Target;
use super::{Context, Exit, Result, every};
use crate::base::text;
use crate::engine::Command;

/// Interrupt a run; `crew resume` goes on with it.
///
/// Its agents are asked to end, then made to, and their tasks start again where the run goes on. Clocks and budgets
/// stand still meanwhile.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    #[arg(required_unless_present = "all")]
    run: Option<String>,
    /// Interrupt every run of the project that is queued, running or waiting.
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
        let told = args.wait.give(context, &workspace, run, Command::Pause, version)?;
        super::given::tell(context, &told.given, &line(&told))?;
        return Ok(args.wait.exit(&told));
    }
    let runs = every::that_take(context, &workspace, &Command::Pause)?;
    every::give(context, &workspace, &runs, &Command::Pause, &args.wait, line)
}

fn line(told: &Told) -> String {
    let number = told.given.run;
    if told.is_at_rest {
        format!("run #{number} is paused; `crew resume {number}` goes on with it")
    } else {
        let left = text::count(told.given.live, "agent");
        format!("run #{number} is paused; {left} still ending, `crew status {number}` shows it")
    }
}
