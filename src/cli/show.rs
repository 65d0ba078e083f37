//! `crew show`: what a run is.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{FileDocument, SCHEMA, ShowDocument};
use super::report::Result;
use super::screen;
use super::style::Style;
use crate::agent::rehearsal;
use crate::base::text;
use crate::client::started::Started;
use crate::client::view;
use crate::ledger::Ledger;
use crate::snapshot::{TaskRow, outline};

/// Show what a run is: its goal, plan, tasks and files.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (_, ledger) = context.run(&workspace, &args.run)?;
    let view = view(&ledger, context.now);
    let plan = ledger.state().plan();
    if context.json {
        context.write_json(&ShowDocument {
            schema_version: SCHEMA,
            version: view.version,
            run: &view.run,
            plan,
            tasks: &view.tasks,
            files: files(&ledger),
            programs: Started::all(&ledger, &workspace.config),
            gates: &view.gates,
            decisions: &view.decisions,
            children: &view.children,
        })?;
        return context.check_health(&ledger, Exit::Ok);
    }
    let style = Style::of(context, &workspace.config);
    let out = &mut context.out;
    screen::head(&view, &style, out)?;
    writeln!(out, "\n{}", style.bold("goal"))?;
    for line in text::printable(&view.run.goal).lines() {
        writeln!(out, "  {}", style.text(line))?;
    }
    writeln!(out, "\n{}", style.bold("plan"))?;
    for line in outline(plan) {
        writeln!(out, "  {}", style.text(&line))?;
    }
    writeln!(out, "\n{}", style.bold("tasks"))?;
    screen::tasks(&view.tasks, view.now, &style, out)?;
    models(&view.tasks, &style, out)?;
    programs(&Started::all(&ledger, &workspace.config), &style, out)?;
    if !view.children.is_empty() {
        writeln!(out, "\n{}", style.bold("runs that it started"))?;
        screen::children(&view.children, &style, out)?;
    }
    if !view.gates.is_empty() {
        writeln!(out, "\n{}", style.bold("gates"))?;
        screen::gates(&view.gates, &style, out)?;
    }
    if !view.decisions.is_empty() {
        writeln!(out, "\n{}", style.bold("waits for you"))?;
        screen::decisions(&view.run, &view.decisions, &style, out)?;
    }
    writeln!(out, "\n{}", style.bold("files"))?;
    for file in files(&ledger) {
        writeln!(out, "  {} {}", style.dim(&format!("{:<11}", file.what)), file.path)?;
    }
    context.check_health(&ledger, Exit::Ok)
}

/// Which models were asked for and which answered, for tasks of which that is known.
fn models(tasks: &[TaskRow], style: &Style, out: &mut dyn Write) -> std::io::Result<()> {
    let known = |task: &&TaskRow| task.model_asked.is_some() || task.model_used.is_some();
    let mut rows = tasks.iter().filter(known).peekable();
    if rows.peek().is_some() {
        writeln!(out, "\n{}", style.bold("models"))?;
    }
    for task in rows {
        let asked = task.model_asked.as_deref().map(|name| format!("asks for {name}"));
        let why = task.model_why.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        let used = task.model_used.as_deref().map(|name| format!("{name} answered"));
        let told: Vec<String> =
            asked.map(|asked| format!("{asked}{why}")).into_iter().chain(used).collect();
        writeln!(
            out,
            "  {} {}",
            style.dim(&task.id.to_string()),
            style.text(&text::printable(&told.join(", ")))
        )?;
    }
    Ok(())
}

/// How the programs were started; the rehearsal agent says nothing that matters.
fn programs(all: &[Started], style: &Style, out: &mut dyn Write) -> std::io::Result<()> {
    let mut told = all.iter().filter(|one| one.runtime != rehearsal::NAME).peekable();
    if told.peek().is_some() {
        writeln!(out, "\n{}", style.bold("programs"))?;
    }
    for one in told {
        writeln!(
            out,
            "  {} {}",
            style.dim(&one.task.to_string()),
            style.text(&text::printable(&one.words()))
        )?;
    }
    Ok(())
}

/// Where the things of a run are, as far as they exist.
fn files(ledger: &Ledger) -> Vec<FileDocument> {
    let dir = ledger.dir();
    let mut files = vec![("log", dir.events())];
    let worktree = ledger.state().worktree.as_ref().filter(|tree| tree.path.exists());
    files.extend(worktree.map(|tree| ("worktree", tree.path.clone())));
    let own = ledger.state().own_branches().filter(|tree| tree.path.exists());
    files.extend(own.map(|tree| ("own tree", tree.path.clone())));
    for (what, path) in [("artifacts", dir.artifacts()), ("mailboxes", dir.mailbox())] {
        if path.exists() {
            files.push((what, path));
        }
    }
    files.into_iter().map(|(what, path)| FileDocument { what, path: path.into_string() }).collect()
}
