//! `crew why`: why a run, a task or a gate is in its state.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{SCHEMA, WhyDocument};
use super::report::Result;
use super::style::Style;
use crate::base::time::human_ms;
use crate::base::{Time, text};
use crate::client::radar::conflicts;
use crate::client::{FindError, explain, find_gate, find_task, split_task, view};
use crate::engine::{Evidence, Explanation, explain_gate};
use crate::ledger::Ledger;
use crate::snapshot::{Class, ConflictRow, StatusView};

/// Explain why a run, a task or a gate is in its state, and what resolves it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run, or one of its tasks or gates: `5`, `5/review/1`, `5/review-votes-gate`.
    #[arg(value_name = "RUN[/TASK|/GATE]")]
    pub subject: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, task or gate, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (run, inside) = split_task(&args.subject);
    let (_, ledger) = context.run(&workspace, run)?;
    let view = view(&ledger, context.now);
    let found = match inside {
        None => {
            let (status, class) = (view.run.status.as_str(), view.run.class());
            let mut why = explain(&ledger, None, context.now);
            why.evidence.extend(conflicts(&workspace.dir, ledger.state()).iter().map(clash));
            (view.run.reference.clone(), status, class, why)
        }
        Some(name) => inside_of(&ledger, &view, name, context.now)?,
    };
    let (subject, status, class, why) = found;
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

/// A run whose work would conflict, as evidence.
fn clash(found: &ConflictRow) -> Evidence {
    let files = found.files.join(", ");
    let text = format!("its work would conflict with that of run #{} in {files}", found.run);
    Evidence { source: "radar", text, age_ms: None }
}

/// What explains a task or a gate: its full name, its status, how much it needs a look, and why.
fn inside_of(
    ledger: &Ledger,
    view: &StatusView,
    name: &str,
    now: Time,
) -> Result<(String, &'static str, Class, Explanation)> {
    let state = ledger.state();
    let subject = format!("{}/{name}", view.run.reference);
    let task = match find_task(state, name) {
        Ok(task) => task,
        Err(no_task) => {
            let Some(row) = view.gates.iter().find(|row| row.id == name) else {
                return Err(match find_gate(state, name) {
                    Err(error @ FindError::NoSuchGate { near: Some(_), .. }) => error.into(),
                    _ => no_task.into(),
                });
            };
            let why = explain_gate(state, now, name).ok_or(no_task)?;
            return Ok((subject, row.word(), row.class(), why));
        }
    };
    let row = view.tasks.iter().find(|row| row.id == task);
    let (status, class) =
        row.map_or((view.run.status.as_str(), view.run.class()), |row| (row.status, row.class));
    Ok((subject, status, class, explain(ledger, Some(&task), now)))
}
