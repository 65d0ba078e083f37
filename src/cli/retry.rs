//! `crew retry RUN/TASK`: tries one task again.

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::target::{Target, task_id};
use super::{CliError, Context, Exit, Result};
use crate::client::give;
use crate::client::message::from_person;
use crate::engine::{Command, State, TaskStatus};

/// Try a task again that failed or took too long.
///
/// The run goes on with it; its count of attempts is kept.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The task: `5/coding`, `last/review/2`.
    #[arg(value_name = "RUN/TASK")]
    target: String,
    /// Let this program play it from now on.
    #[arg(short = 'a', long, value_name = "NAME")]
    runtime: Option<String>,
    /// Tell its agent this.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
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
    let Some(inside) = inside else {
        return Err(which_task(workspace.run(run)?.state()));
    };
    let task = task_id(&inside)?;
    if let Some(name) = &args.runtime {
        super::runtime::check_name(&workspace.config, name)?;
    }
    let from = workspace.human();
    let text = args.text.as_deref();
    let message = text.map(|text| from_person(&from, &inside, text, context.now)).transpose()?;
    let command = Command::RetryTask { task: task.clone(), runtime: args.runtime.clone(), message };
    let given = give(&workspace, run, command, args.version.expect_version, context.now)?;
    let status = given.status.kind().as_str();
    let line = format!(
        "task `{task}` is tried again, run #{run} is {status}; `crew logs {run} {task} -f` follows it"
    );
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}

fn which_task(state: &State) -> CliError {
    let number = state.created.number;
    let ended: Vec<String> = (0..state.tasks.len())
        .filter(|&task| {
            let status = &state.tasks[task].status;
            matches!(status, TaskStatus::Failed { .. } | TaskStatus::TimedOut { .. })
        })
        .map(|task| format!("`crew retry {number}/{}`", state.task_id(task)))
        .collect();
    let hint = match ended.as_slice() {
        [] => "none of its tasks failed or timed out".to_owned(),
        ended => ended.join(", "),
    };
    CliError::usage(format!("which task of run #{number}?")).hinted(hint)
}
