//! `crew diff`: what a run has changed.

use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use super::style::Style;
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::client::diff::{self, DiffError, FileChange, Range};
use crate::client::{find_task, split_task};
use crate::engine::State;
use crate::snapshot::Class;
use crate::store::git::git_raw;

/// Print what a run has changed, against the commit that its work started from.
///
/// Only what is committed counts; crew commits at the end of every attempt that writes. It works for runs that have
/// ended, also after their branch is gone.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run, or one of its tasks: `5`, `5/coding`.
    #[arg(value_name = "RUN[/TASK]")]
    run: String,
    /// One task: what its attempts have committed.
    task: Option<String>,
    /// The files with their numbers of lines.
    #[arg(long, conflicts_with = "name_only")]
    stat: bool,
    /// The names of the files.
    #[arg(long)]
    name_only: bool,
}

#[derive(Serialize)]
struct DiffJson<'a> {
    schema_version: u32,
    run: RunJson<'a>,
    task: Option<String>,
    base: &'a str,
    head: &'a str,
    note: Option<&'a str>,
    commits: &'a [Range],
    files: Vec<FileChange>,
}

#[derive(Serialize)]
struct RunJson<'a> {
    number: u32,
    #[serde(rename = "ref")]
    reference: String,
    branch: Option<&'a str>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or task, or nothing is left of its work.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (wanted, task) = split_task(&args.run);
    let (_, ledger) = context.run(&workspace, wanted)?;
    let state = ledger.state();
    let task = args.task.as_deref().or(task);
    let task = task.map(|task| find_task(state, task)).transpose()?;
    let work = diff::work(state).map_err(|error| refused(state, &error))?;
    let ranges = match &task {
        None => vec![Range { from: work.base.clone(), to: work.head.clone() }],
        Some(task) => diff::of_task(&ledger, task).map_err(|error| refused(state, &error))?,
    };
    if context.json {
        let mut files = Vec::new();
        for range in &ranges {
            files.extend(diff::files(state, range).map_err(|error| refused(state, &error.into()))?);
        }
        let document = DiffJson {
            schema_version: JSON_SCHEMA,
            run: RunJson {
                number: state.created.number.0,
                reference: state.reference(),
                branch: state.worktree.as_ref().map(|made| made.branch.as_str()),
            },
            task: task.map(|task| task.to_string()),
            base: &work.base,
            head: &work.head,
            note: work.note.as_deref(),
            commits: &ranges,
            files,
        };
        context.write_json(&document)?;
        return Ok(Exit::Ok);
    }
    if let Some(note) = &work.note {
        context.say(&format!("note: {note}"))?;
    }
    let style = Style::of(context, &workspace.config);
    let mut is_empty = true;
    for range in &ranges {
        is_empty &= print(args, context, &style, state, range)?;
    }
    if is_empty {
        context.say("nothing is changed")?;
    }
    Ok(Exit::Ok)
}

/// Prints the whole work of a run.
///
/// # Errors
/// As [`run`].
pub fn show(number: crate::base::RunNumber, context: &mut Context) -> Result<()> {
    let args = Args { run: number.to_string(), task: None, stat: false, name_only: false };
    run(&args, context).map(drop)
}

/// Prints one range; whether it was empty.
fn print(
    args: &Args,
    context: &mut Context,
    style: &Style,
    state: &State,
    range: &Range,
) -> Result<bool> {
    let form = match (args.stat, args.name_only) {
        (true, _) => "--stat",
        (_, true) => "--name-only",
        (false, false) => "--patch",
    };
    let command = ["diff", form, "--no-color", "--no-ext-diff", &range.from, &range.to, "--"];
    let raw = git_raw(&state.created.root, &command, &[])
        .map_err(|error| refused(state, &error.into()))?;
    if !context.out_is_terminal {
        // As git says it, to the last byte: it may become a patch.
        context.out.write_all(&raw)?;
        return Ok(raw.is_empty());
    }
    for line in String::from_utf8_lossy(&raw).lines() {
        let line = text::printable(line);
        let painted = if args.stat || args.name_only { line } else { painted(style, &line) };
        writeln!(context.out, "{painted}")?;
    }
    Ok(raw.is_empty())
}

fn painted(style: &Style, line: &str) -> String {
    let is_head = ["diff ", "index ", "--- ", "+++ ", "new file", "deleted file"];
    if is_head.iter().any(|start| line.starts_with(start)) {
        return style.bold(line);
    }
    match line.as_bytes().first() {
        Some(b'+') => style.paint(Class::Done, line),
        Some(b'-') => style.paint(Class::Failed, line),
        Some(b'@') => style.paint(Class::Running, line),
        _ => line.to_owned(),
    }
}

fn refused(state: &State, error: &DiffError) -> CliError {
    let number = state.created.number;
    match error {
        DiffError::InPlace(_) => CliError::from_chain(Exit::Refused, "state", error)
            .hinted("`git diff` shows what is changed there"),
        DiffError::NotYet(_) => CliError::from_chain(Exit::Refused, "state", error)
            .hinted(format!("`crew status {number}` shows what it waits for")),
        DiffError::Gone(_) => CliError::from_chain(Exit::Refused, "gone", error)
            .hinted(format!("`crew logs {number}` still shows what was done")),
        DiffError::Git(_) => CliError::from_chain(Exit::Io, "git", error),
        DiffError::Log(_) => CliError::from_chain(Exit::Io, "io", error),
    }
}
