//! `crew verify`: whether a run's files are whole.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{SCHEMA, VerifyDocument};
use super::report::Result;
use crate::base::limits;
use crate::client::find::find_run;
use crate::ledger::Ledger;
use crate::store::{RunDir, artifact, log, mailbox};

/// Check that a run's files are whole: every line of its log, its snapshot, mailboxes and artifacts.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or its log cannot be read at all.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = find_run(&workspace.project()?, &args.run)?;
    let dir = workspace.dir.run(number);
    let found = log::verify(dir.events())?;
    let mut problems: Vec<String> = found.damage.iter().map(ToString::to_string).collect();
    if found.lines > 0 {
        problems.extend(projections(&dir)?);
    }
    let ok = problems.is_empty();
    let torn_bytes = found.torn.as_ref().map_or(0, |torn| torn.bytes);
    if context.json {
        let lines = found.lines;
        let schema_version = SCHEMA;
        context.write_json(&VerifyDocument { schema_version, ok, lines, torn_bytes, problems })?;
        return Ok(if ok { Exit::Ok } else { Exit::Io });
    }
    for problem in &problems {
        writeln!(context.out, "{problem}")?;
    }
    if torn_bytes > 0 {
        let note = "an interrupted write left bytes at the end of the log";
        writeln!(context.out, "{note} ({torn_bytes}); the next command moves them away")?;
    }
    let verdict = if ok { "whole" } else { "not whole" };
    writeln!(context.out, "run #{number} is {verdict}: {} events", found.lines)?;
    Ok(if ok { Exit::Ok } else { Exit::Io })
}

/// What is wrong with the files beside the log.
fn projections(dir: &RunDir) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let whole = Ledger::open_whole(dir.clone())?;
    let opened = Ledger::open(dir.clone())?;
    if opened.state() != whole.state() {
        let path = dir.snapshot();
        problems.push(format!("`{path}` does not stand for the log; remove it"));
    }
    for file in mailbox::verify(dir)? {
        for line in file.damaged {
            problems.push(format!("`{}` line {}: {}", file.path, line.line, line.why));
        }
    }
    for (name, known) in &whole.state().artifacts {
        let path = dir.artifact(name);
        match artifact::read(dir, name, limits::ARTIFACT_BYTES_MAX) {
            Ok(content) if blake3::hash(&content.head).to_hex().as_str() == known.hash => {}
            Ok(_) => problems.push(format!("`{path}` is not what `{}` stored", known.task)),
            Err(error) => {
                let why = std::error::Error::source(&error).map(ToString::to_string);
                problems.push(format!("{error}: {}", why.unwrap_or_default()));
            }
        }
    }
    Ok(problems)
}
