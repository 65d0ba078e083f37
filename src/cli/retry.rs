//! `crew retry`: tries one task again, or a whole run as a new one.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::given::{Version, tell};
use super::risky::give_risky;
use super::target::{Target, task_id};
use super::{CliError, Context, Exit, Result, draft};
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::client::message::from_person;
use crate::client::plan::version_notes;
use crate::client::start::prepare_retry;
use crate::client::{Workspace, forbid_to_agents};
use crate::engine::transitions::{from_words, row_of};
use crate::engine::{BudgetChange, Command, Refusal, State, Subject, TaskStatus};
use crate::event::{Rule, Status};
use crate::ledger::Ledger;

/// Try again: one task that failed or took too long, or a whole run as a new one.
///
/// With RUN/TASK the run goes on with that task; its count of attempts is kept. With RUN alone a new run is made from
/// one that is blocked, failed or was stopped: the same plan and goal, a fresh worktree, and a summary of what
/// happened.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The task, or the run: `5/coding`, `last/review/2`, `5`.
    #[arg(value_name = "RUN[/TASK]")]
    target: String,
    /// Let this program play the task from now on.
    #[arg(short = 'a', long, value_name = "NAME")]
    runtime: Option<String>,
    /// Tell the task's agent this.
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
    match inside {
        Some(inside) => retry_task(args, &workspace, run, &inside, context),
        None => retry_run(args, &workspace, run, context),
    }
}

fn retry_task(
    args: &Args,
    workspace: &Workspace,
    run: RunNumber,
    inside: &str,
    context: &mut Context,
) -> Result<Exit> {
    let task = task_id(inside)?;
    if let Some(name) = &args.runtime {
        super::runtime::check_name(workspace, name)?;
    }
    let from = workspace.human();
    let text = args.text.as_deref();
    let message = text.map(|text| from_person(&from, inside, text, context.now)).transpose()?;
    let command = Command::RetryTask { task: task.clone(), runtime: args.runtime.clone(), message };
    let budget = BudgetChange::default();
    let given = give_risky(context, workspace, run, command, budget, args.version.expect_version)?;
    let status = given.status.kind().as_str();
    let line = format!(
        "task `{task}` is tried again, run #{run} is {status}; `crew logs {run} {task} -f` follows it"
    );
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct NewRunJson {
    schema_version: u32,
    run: RunJson,
    retry_of: RunNumber,
}

#[derive(Serialize)]
struct RunJson {
    number: RunNumber,
    #[serde(rename = "ref")]
    reference: String,
    status: &'static str,
}

fn retry_run(
    args: &Args,
    workspace: &Workspace,
    old: RunNumber,
    context: &mut Context,
) -> Result<Exit> {
    if args.runtime.is_some() || args.text.is_some() {
        return Err(CliError::usage("`--runtime` and `--text` go with a task, `RUN/TASK`"));
    }
    forbid_to_agents(&workspace.env, "retry")?;
    let mut ledger = Ledger::open_checked(workspace.dir.run(old))?;
    let human = workspace.human();
    {
        let mut locked = ledger.lock()?;
        if let Some(version) = args.version.expect_version {
            locked.expect_version(context.now, &human, "retry", &Subject::Run, version)?;
        }
        if let Err(refusal) = check_status(locked.state()) {
            return Err(locked.refuse(context.now, &human, "retry", refusal).into());
        }
    }
    // What a damaged log says of plan and status is not what the run was.
    if let Some(damage) = &ledger.health().damage {
        return Err(CliError::new(Exit::Io, "damaged", damage.to_string())
            .hinted(format!("`crew verify {old}` tells more")));
    }
    super::trust_check::require(workspace, context)?;
    let prepared = prepare_retry(workspace, &ledger)?;
    for note in prepared.notes.iter().chain(&version_notes(workspace, [&*prepared.plan])) {
        context.say(&format!("note: {note}"))?;
    }
    let number = draft::create_run(workspace, prepared, context)?;
    if !context.json && draft::is_draft(workspace, number)? {
        return draft::ask(workspace, number, true, context);
    }
    let state = workspace.run(number)?;
    let (reference, status) = (state.state().reference(), state.state().status.kind().as_str());
    if context.json {
        let run = RunJson { number, reference, status };
        context.write_json(&NewRunJson { schema_version: JSON_SCHEMA, run, retry_of: old })?;
    } else {
        writeln!(context.out, "{number}")?;
        context.say(&format!(
            "run {reference} tries run #{old} again and is {status}; `crew status {number}` shows it"
        ))?;
    }
    Ok(if state.state().status == Status::Draft { Exit::Draft } else { Exit::Ok })
}

/// A new run is made from one that did not end well (T35); being put away does not matter.
fn check_status(state: &State) -> std::result::Result<(), Refusal> {
    let put_away =
        if let Status::Archived { last } = &state.status { Some(last.kind()) } else { None };
    let last = put_away.unwrap_or(state.status.kind());
    if row_of(Rule::T35).from.contains(&last) {
        return Ok(());
    }
    let (number, word) = (state.created.number, last.as_str());
    let allowed = from_words(Rule::T35);
    let failed = failed_tasks(state);
    let hint = match failed.as_slice() {
        [] => format!("`crew status {number}` shows it"),
        failed => failed.join(", "),
    };
    let reason = format!("run #{number} is {word}; `retry` needs a run that is {allowed}");
    Err(Refusal { code: "state", reason, hint })
}

/// The commands that try single tasks again.
fn failed_tasks(state: &State) -> Vec<String> {
    let number = state.created.number;
    (0..state.tasks.len())
        .filter(|&task| {
            let status = &state.tasks[task].status;
            matches!(status, TaskStatus::Failed { .. } | TaskStatus::TimedOut { .. })
        })
        .map(|task| format!("`crew retry {number}/{}`", state.task_id(task)))
        .collect()
}
