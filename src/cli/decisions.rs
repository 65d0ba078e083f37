//! `crew decisions`: what a run asks, shown, each with the nonce that decides it.

use serde::Serialize;

use super::target::Target;
use super::{Context, Exit, Result, showing};
use crate::base::limits::JSON_SCHEMA;
use crate::client::{Shown, forbid_to_agents, shown_by};
use crate::snapshot::{DecisionRow, RunRow};

/// Show what a run asks, each with a nonce that decides just what was shown.
///
/// `crew approve RUN NAME --nonce NONCE` (or `reject`, `answer`, …) uses it. A nonce is printed once, holds for one
/// decision, and counts no longer when what was shown changes: then look again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    /// Only this one: a gate, a task, or a decision (`d1`).
    #[arg(value_name = "GATE|TASK|DECISION")]
    subject: Option<String>,
}

#[derive(Serialize)]
struct DecisionsJson<'a> {
    schema_version: u32,
    run: &'a RunRow,
    decisions: Vec<DecisionJson>,
}

#[derive(Serialize)]
struct DecisionJson {
    #[serde(flatten)]
    row: DecisionRow,
    /// Decides it; nothing for what cannot be decided by nonce.
    nonce: Option<String>,
    /// What the gate shows.
    shows: Vec<Shown>,
    /// Commands that decide it.
    commands: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or decision, or it cannot be written that somebody looked.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "decisions")?;
    let Target { run, inside } = Target::find(&workspace, &args.run)?;
    let mut ledger = workspace.run(run)?;
    let wanted = inside.as_ref().or(args.subject.as_ref());
    let is_wanted =
        |row: &DecisionRow| wanted.is_none_or(|name| row.id == *name || row.subject == *name);
    let asked: Vec<DecisionRow> =
        DecisionRow::all(ledger.state(), context.now).into_iter().filter(is_wanted).collect();
    if let (Some(name), true) = (wanted, asked.is_empty()) {
        // The engine knows why there is nothing to show; the refusal goes on record.
        showing::show(&workspace, &mut ledger, name, context)?;
    }
    let mut shown = Vec::new();
    for row in asked {
        let (nonce, row) = if row.expires_at.is_some() {
            let (nonce, row) = showing::show(&workspace, &mut ledger, &row.id, context)?;
            (Some(nonce), row)
        } else {
            (None, row)
        };
        let commands = row.commands(run);
        shown.push(DecisionJson { shows: shown_by(&ledger, &row), nonce, row, commands });
    }
    let view = crate::client::view(&ledger, context.now);
    if context.json {
        let document =
            DecisionsJson { schema_version: JSON_SCHEMA, run: &view.run, decisions: shown };
        context.write_json(&document)?;
        return context.check_health(&ledger, Exit::Ok);
    }
    if shown.is_empty() {
        let words = view.run.status_words();
        context.say(&format!("run #{run} is {words} and asks nothing"))?;
    }
    for (at, entry) in shown.iter().enumerate() {
        if at > 0 {
            writeln!(context.out)?;
        }
        let text = showing::text(&ledger, &entry.row, &workspace, context);
        write!(context.out, "{text}")?;
        for command in &entry.commands {
            let nonce = match &entry.nonce {
                Some(nonce) if command.starts_with("crew ") => format!(" --nonce {nonce}"),
                _ => String::new(),
            };
            writeln!(context.out, "  {command}{nonce}")?;
        }
    }
    context.check_health(&ledger, Exit::Ok)
}
