//! `crew answer`: answers the question of a task.

use clap::Args as ClapArgs;

use super::given::{Version, tell};
use super::target::{Target, task_id, text_of};
use super::{CliError, Context, Exit, Result, ask};
use crate::base::TaskId;
use crate::client::message::check_text;
use crate::client::{forbid_to_agents, give, mint};
use crate::engine::{Command, Proof, State, TaskStatus};
use crate::event::attempt::Question;
use crate::event::decision::Action;

/// Answer the question of a task.
///
/// Without TASK the only question of the run is answered. On a terminal the question is shown when there is no
/// `--text`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name; or `RUN/TASK`.
    run: String,
    /// The task that asked.
    task: Option<String>,
    /// The answer; `-` reads it from standard input.
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
    forbid_to_agents(&workspace.env, "answer")?;
    let Target { run, inside } = Target::find(&workspace, &args.run)?;
    let ledger = workspace.run(run)?;
    let task = match inside.as_ref().or(args.task.as_ref()) {
        Some(name) => task_id(name)?,
        None => the_only_one(ledger.state())?,
    };
    let text = match &args.text {
        Some(text) => text_of(std::slice::from_ref(text))?,
        None => asked(context, ledger.state(), &task)?,
    };
    let command = Command::Decide {
        target: Some(task.to_string()),
        action: Action::Answer,
        text: check_text(&text)?,
        proof: Proof::Minted(mint().1),
        by: workspace.human(),
    };
    let given = give(&workspace, run, command, args.version.expect_version, context.now)?;
    let status = given.status.kind().as_str();
    let line = format!(
        "task `{task}` has its answer, run #{run} is {status}; `crew status {run}` shows it"
    );
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}

fn the_only_one(state: &State) -> Result<TaskId> {
    let number = state.created.number;
    let asking: Vec<TaskId> = state.asking().map(|task| state.task_id(task)).collect();
    match asking.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(CliError::new(Exit::Refused, "state", format!("run #{number} asks nothing"))
            .hinted(format!("`crew why {number}` tells what it does"))),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|task| format!("`crew answer {number} {task} --text …`"))
                .collect();
            Err(CliError::refused(format!("run #{number} asks {} questions", several.len()))
                .hinted(names.join(", ")))
        }
    }
}

/// The answer, typed by the person who sees the question.
fn asked(context: &mut Context, state: &State, task: &TaskId) -> Result<String> {
    if !context.is_interactive() {
        return Err(CliError::usage("there is no answer").hinted("give it with `--text TEXT`"));
    }
    if let Some(question) = question_of(state, task) {
        let text = crate::base::text::printable(&question.text);
        writeln!(context.err, "{task} asks: {text}")?;
        for choice in &question.choices {
            writeln!(context.err, "  - {}", crate::base::text::printable(choice))?;
        }
    }
    ask::line(context, "answer: ")
}

fn question_of<'a>(state: &'a State, task: &TaskId) -> Option<&'a Question> {
    let status = &state.tasks[state.task_ix(task)?].status;
    let TaskStatus::WaitingInput { question, .. } = status else { return None };
    Some(question)
}
