//! `crew send`: writes to a task, to a whole run, or to its people.

use std::collections::BTreeMap;

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::target::{Target, text_of};
use super::{Context, Exit, Result};
use crate::client::give;
use crate::client::message::{TO_RUN, from_person};
use crate::engine::{Caller, Command};

/// Write a message to a run or to one of its tasks.
///
/// It goes into the prompt of the next attempt. Texts are limited to 64 KiB; keys and tokens in them are removed.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run, or one of its tasks: `5`, `5/coding`, `last/review/2`.
    #[arg(value_name = "RUN[/TASK]")]
    target: String,
    /// The message; `-` reads it from standard input.
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
    #[command(flatten)]
    version: Version,
}

/// Runs the verb.
///
/// # Errors
/// Refused, no such run or task, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let Target { run, inside } = Target::find(&workspace, &args.target)?;
    let to = inside.as_deref().unwrap_or(TO_RUN);
    let text = text_of(&args.text)?;
    let message = from_person(&workspace.human(), to, &text, context.now)?;
    let id = message.id.clone();
    let by = Caller::Human(workspace.env.user().unwrap_or("unknown").to_owned());
    let command = Command::Send { message, gates: BTreeMap::new(), by };
    let given = give(&workspace, run, command, args.version.expect_version, context.now)?;
    let whom =
        inside.map_or_else(|| format!("run #{run}"), |task| format!("`{task}` of run #{run}"));
    tell(context, &given, &format!("message {id} is sent to {whom}"))?;
    Ok(Exit::Ok)
}
