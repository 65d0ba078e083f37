//! `crew inbox`: messages with what became of them, and what waits for a person.

use serde::Serialize;

use super::status::readable;
use super::style::Style;
use super::table::Table;
use super::{Context, Exit, Result, screen};
use crate::base::limits::JSON_SCHEMA;
use crate::base::time::human_ms;
use crate::base::{RunNumber, text};
use crate::client::{Workspace, rows};
use crate::ledger::Ledger;
use crate::snapshot::{Class, DecisionRow, MessageRow, RunRow};

/// Messages that are shown of each run, the newest.
const SHOWN: usize = 50;

/// Show messages with what became of them, and what waits for you.
///
/// Without RUN: what agents of all runs wrote to people, and everything that is asked. With RUN: all messages of that
/// run, each with whether it was given to an attempt, read, or will never arrive.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: Option<String>,
    /// Only messages to this address: a task, `run` or `human`.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Show at most so many messages of a run, the newest.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = SHOWN)]
    last: usize,
}

#[derive(Serialize)]
struct InboxJson {
    schema_version: u32,
    messages: Vec<MessageJson>,
    decisions: Vec<DecisionJson>,
}

#[derive(Serialize)]
struct MessageJson {
    run: RunNumber,
    #[serde(flatten)]
    row: MessageRow,
}

#[derive(Serialize)]
struct DecisionJson {
    run: RunNumber,
    #[serde(flatten)]
    row: DecisionRow,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (found, exit) = match &args.run {
        Some(wanted) => {
            let (_, ledger) = context.run(&workspace, wanted)?;
            let exit = context.check_health(&ledger, Exit::Ok)?;
            (vec![of_run(&ledger, args, args.to.as_deref(), context)], exit)
        }
        None => everywhere(args, &workspace, context)?,
    };
    if context.json {
        let mut document =
            InboxJson { schema_version: JSON_SCHEMA, messages: Vec::new(), decisions: Vec::new() };
        for (run, messages, decisions) in found {
            let run = run.number;
            document.messages.extend(messages.into_iter().map(|row| MessageJson { run, row }));
            document.decisions.extend(decisions.into_iter().map(|row| DecisionJson { run, row }));
        }
        context.write_json(&document)?;
        return Ok(exit);
    }
    if found.iter().all(|(_, messages, decisions)| messages.is_empty() && decisions.is_empty()) {
        context.say("there are no messages, and nothing waits for you")?;
        return Ok(exit);
    }
    let style = Style::of(context, &workspace.config);
    let now = context.now;
    let out = &mut context.out;
    for (run, _, decisions) in &found {
        screen::decisions(run, decisions, &style, out)?;
    }
    let mut table = Table::new(&["RUN", "ID", "FROM", "TO", ">AGE", "STATE", "TEXT"]);
    let mut is_empty = true;
    for (run, messages, _) in &found {
        for row in messages {
            is_empty = false;
            let message = &row.message;
            table.row(
                if message.to == "human" { Class::NeedsYou } else { Class::Idle },
                vec![
                    format!("#{}", run.number),
                    message.id.clone(),
                    message.from.clone(),
                    message.to.clone(),
                    human_ms(now.since_ms(message.at)),
                    row.receipt(),
                    text::one_line(&text::printable(&message.text), 400),
                ],
            );
        }
    }
    if !is_empty {
        table.write(&style, out)?;
    }
    Ok(exit)
}

type Found = (RunRow, Vec<MessageRow>, Vec<DecisionRow>);

fn of_run(ledger: &Ledger, args: &Args, to: Option<&str>, context: &Context) -> Found {
    let state = ledger.state();
    let view = crate::client::view(ledger, context.now);
    let mut messages = MessageRow::all(state);
    messages.retain(|row| to.is_none_or(|to| row.message.to == to));
    let skip = messages.len().saturating_sub(args.last);
    (view.run, messages.split_off(skip), view.decisions)
}

/// Runs that are not over, and those whose agents wrote to people.
fn everywhere(
    args: &Args,
    workspace: &Workspace,
    context: &mut Context,
) -> Result<(Vec<Found>, Exit)> {
    let project = workspace.project()?;
    let (runs, exit) = readable(rows::rows(&project, &project.runs()?, context.now), context)?;
    let mut found = Vec::new();
    for run in runs {
        let has_mail = workspace.dir.run(run.number).mailbox_of("human").exists();
        if run.decisions > 0 || has_mail || !run.status.is_terminal() {
            let ledger = workspace.run(run.number)?;
            let to = args.to.as_deref().unwrap_or("human");
            found.push(of_run(&ledger, args, Some(to), context));
        }
    }
    Ok((found, exit))
}
