//! `crew why`: why a run or a task is in its state.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{SCHEMA, WhyDocument};
use super::report::Result;
use super::style::Style;
use crate::base::text;
use crate::base::time::human_ms;
use crate::client::{explain, find_task, split_task, view};

/// Explain why a run or a task is in its state, and what resolves it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run, or one of its tasks: `5`, `5/review/1`.
    #[arg(value_name = "RUN[/TASK]")]
    pub subject: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or task, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (run, task) = split_task(&args.subject);
    let (_, ledger) = context.run(&workspace, run)?;
    let task = task.map(|task| find_task(ledger.state(), task)).transpose()?;
    let why = explain(&ledger, task.as_ref(), context.now);
    let view = view(&ledger, context.now);
    let row = task.as_ref().and_then(|task| view.tasks.iter().find(|row| row.id == *task));
    let (subject, status, class) = match row {
        Some(row) => (format!("{}/{}", view.run.reference, row.id), row.status, row.class),
        None => (view.run.reference.clone(), view.run.status.as_str(), view.run.class()),
    };
    if context.json {
        context.write_json(&WhyDocument {
            schema_version: SCHEMA,
            subject,
            status,
            headline: &why.headline,
            evidence: &why.evidence,
            command: why.command.as_deref(),
        })?;
        return context.check_health(&ledger, Exit::Ok);
    }
    let style = Style::of(context, &workspace.config);
    let out = &mut context.out;
    let words = style.paint(class, &status.replace('_', " "));
    writeln!(out, "{} {}  {words}", style.glyph(class), style.bold(&subject))?;
    writeln!(out, "  {}", text::one_line(&style.text(&why.headline), 600))?;
    for evidence in &why.evidence {
        let what = if evidence.source == "heartbeat" { "last beat " } else { "" };
        let age = evidence.age_ms.map(|ms| format!(", {what}{} ago", human_ms(ms)));
        let age = age.unwrap_or_default();
        let said = text::one_line(&style.text(&evidence.text), 400);
        writeln!(out, "  {} {said}{age}", style.dim(&format!("{:<9}", evidence.source)))?;
    }
    if let Some(command) = &why.command {
        writeln!(out, "  {} {}", style.dim("next     "), style.text(command))?;
    }
    context.check_health(&ledger, Exit::Ok)
}
