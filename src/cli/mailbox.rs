//! `crew mailbox`: whether the mailbox files of a run say what its log says.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::target::Target;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::client::forbid_to_agents;
use crate::event::Message;
use crate::ledger::Ledger;
use crate::store::mailbox;

/// Check the mailbox files of a run, and make them again from its log.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check every mailbox file of a run against its log; exit code 8 when something is wrong.
    Verify {
        /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
        run: String,
        /// Make the files again from the log, which has every message.
        #[arg(long)]
        fix: bool,
    },
}

#[derive(Serialize)]
struct VerifyJson<'a> {
    schema_version: u32,
    ok: bool,
    fixed: bool,
    messages: usize,
    problems: &'a [String],
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or its files cannot be read or written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let Verb::Verify { run, fix } = &args.verb;
    let workspace = context.workspace()?;
    if *fix {
        forbid_to_agents(&workspace.env, "mailbox verify --fix")?;
    }
    let number = Target::find_run(&workspace, run)?;
    let mut ledger = Ledger::open_whole(workspace.dir.run(number))?;
    let (problems, count) = if *fix {
        // Nobody appends while the files are made again.
        let locked = ledger.lock()?;
        let all: Vec<Message> =
            locked.state().messages.iter().map(|entry| entry.message.clone()).collect();
        let problems = problems(&mailbox::verify(locked.dir())?, &all);
        if !problems.is_empty() {
            mailbox::rebuild(locked.dir(), &all)?;
        }
        (problems, all.len())
    } else {
        let all: Vec<Message> =
            ledger.state().messages.iter().map(|entry| entry.message.clone()).collect();
        (problems(&mailbox::verify(ledger.dir())?, &all), all.len())
    };
    let (ok, fixed) = (problems.is_empty(), *fix && !problems.is_empty());
    let exit = if ok || fixed { Exit::Ok } else { Exit::Io };
    if context.json {
        let (schema_version, problems) = (JSON_SCHEMA, problems.as_slice());
        context.write_json(&VerifyJson { schema_version, ok, fixed, messages: count, problems })?;
        return Ok(exit);
    }
    for problem in &problems {
        writeln!(context.out, "{problem}")?;
    }
    let count = text::count(count, "message");
    let verdict = match (ok, fixed) {
        (true, _) => format!("the mailboxes of run #{number} are whole: {count}"),
        (_, true) => format!("the mailboxes of run #{number} were made again: {count}"),
        (false, false) => {
            format!(
                "the mailboxes of run #{number} are not whole; `crew mailbox verify {number} --fix` makes them again"
            )
        }
    };
    writeln!(context.out, "{verdict}")?;
    Ok(exit)
}

/// What the files say otherwise than the log.
fn problems(files: &[mailbox::MailboxFile], all: &[Message]) -> Vec<String> {
    let mut problems = Vec::new();
    let log: BTreeMap<&str, &Message> =
        all.iter().map(|message| (message.id.as_str(), message)).collect();
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        for line in &file.damaged {
            problems.push(format!("`{}` line {}: {}", file.path, line.line, line.why));
        }
        for message in &file.messages {
            if log.get(message.id.as_str()) != Some(&message) {
                problems.push(format!("`{}`: message {} is not the log's", file.path, message.id));
            } else if !found.insert(&message.id) {
                problems
                    .push(format!("`{}`: message {} stands there twice", file.path, message.id));
            }
        }
    }
    for message in all.iter().filter(|message| !found.contains(message.id.as_str())) {
        problems.push(format!("message {} to {} is in no file", message.id, message.to));
    }
    problems
}
