//! `crew deadletter`: tasks that runs gave up on, and their way back.

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::retry;
use super::status::readable;
use super::style::Style;
use super::table::Table;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::time::human_ms;
use crate::base::{RunNumber, TaskId, Time};
use crate::client::rows;
use crate::engine::{State, TaskStatus};
use crate::event::StatusKind;
use crate::event::status::word;
use crate::snapshot::Class;

/// List the tasks that runs gave up on after their attempts died again and again, and try them once more.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List them over all runs that are not over or failed.
    List,
    /// Try one again; the same as `crew retry RUN/TASK`.
    Requeue(retry::Args),
}

#[derive(Serialize)]
struct ListJson {
    schema_version: u32,
    letters: Vec<Letter>,
}

/// A task that its run gave up on.
#[derive(Serialize)]
struct Letter {
    run: RunNumber,
    task: TaskId,
    /// Why the run is blocked because of it.
    reason: String,
    attempts: u32,
    why: String,
    at: Option<Time>,
    command: String,
}

/// Runs the verb.
///
/// # Errors
/// A run cannot be read, or the task cannot be tried again.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        Verb::List => list(context),
        Verb::Requeue(args) => retry::run(args, context),
    }
}

fn list(context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let project = workspace.project()?;
    let (runs, exit) = readable(rows::rows(&project, &project.runs()?, context.now), context)?;
    let mut letters = Vec::new();
    for run in runs {
        let may_have = !run.status.is_terminal() || run.status == StatusKind::Failed;
        if may_have {
            letters.extend(letters_of(workspace.run(run.number)?.state()));
        }
    }
    if context.json {
        context.write_json(&ListJson { schema_version: JSON_SCHEMA, letters })?;
        return Ok(exit);
    }
    if letters.is_empty() {
        context.say("no run has given up on a task")?;
        return Ok(exit);
    }
    let style = Style::of(context, &workspace.config);
    let mut table = Table::new(&["RUN", "TASK", "REASON", ">TRIES", ">AGE", "NEXT", "WHY"]);
    for letter in letters {
        let age = letter.at.map(|at| human_ms(context.now.since_ms(at))).unwrap_or_default();
        let run = format!("#{}", letter.run);
        let (task, tries) = (letter.task.to_string(), letter.attempts.to_string());
        let cells = vec![run, task, letter.reason, tries, age, letter.command, letter.why];
        table.row(Class::Failed, cells);
    }
    table.write(&style, &mut context.out)?;
    Ok(exit)
}

/// Tasks whose failure is not their own word: crashes, time limits, contracts that were not kept.
fn letters_of(state: &State) -> Vec<Letter> {
    let number = state.created.number;
    let reason = |status: &TaskStatus| match status {
        TaskStatus::Failed { blocks: Some(reason), .. } => Some(word(reason)),
        TaskStatus::TimedOut { .. } => Some("task_timeout".to_owned()),
        TaskStatus::Failed { blocks: None, .. }
        | TaskStatus::Pending
        | TaskStatus::Ready { .. }
        | TaskStatus::Running(_)
        | TaskStatus::Checking(_)
        | TaskStatus::WaitingInput { .. }
        | TaskStatus::Done { .. }
        | TaskStatus::Skipped { .. }
        | TaskStatus::Stale => None,
    };
    (0..state.tasks.len())
        .filter_map(|ix| {
            let entry = &state.tasks[ix];
            let task = state.task_id(ix);
            let is_over = state.status.is_terminal();
            let inside = if is_over { String::new() } else { format!("/{task}") };
            Some(Letter {
                run: number,
                reason: reason(&entry.status)?,
                attempts: entry.attempts,
                why: entry.status.why().unwrap_or_default().to_owned(),
                at: entry.ended_at,
                command: format!("crew retry {number}{inside}"),
                task,
            })
        })
        .collect()
}
