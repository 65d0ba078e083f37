//! `crew timeline`: a run's story.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::json::{SCHEMA, TimelineDocument, TimelineEntry};
use super::report::{CliError, Result};
use super::style::Style;
use crate::base::time::human_ms;
use crate::client::find::find_run;
use crate::snapshot::story;
use crate::store::LogReader;

/// Tell a run's story, one line for each thing that happened.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or its log cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = find_run(&workspace.project()?, &args.run)?;
    let mut entries: Vec<TimelineEntry> = Vec::new();
    let mut start = None;
    let found = LogReader::open(workspace.dir.run(number).events()).catch_up(|record| {
        let start = *start.get_or_insert(record.at);
        let line = story::line(&record);
        if line.is_major {
            entries.push(TimelineEntry {
                seq: record.seq,
                at: record.at,
                offset_ms: record.at.since_ms(start),
                kind: record.body.kind().to_owned(),
                task: line.task.map(|task| task.to_string()),
                text: line.text,
            });
        }
    });
    if context.json {
        context.write_json(&TimelineDocument { schema_version: SCHEMA, entries })?;
    } else {
        write(&entries, &Style::of(context, &workspace.config), &mut context.out)?;
    }
    // A broken log is told as far as it is whole.
    found.map(|_| Exit::Ok).map_err(CliError::from)
}

fn write(entries: &[TimelineEntry], style: &Style, out: &mut dyn Write) -> Result<()> {
    let tasks = entries.iter().filter_map(|entry| entry.task.as_ref());
    let width = tasks.map(|task| super::style::columns(task)).max().unwrap_or(0);
    for entry in entries {
        let offset = style.dim(&format!("+{:<8}", human_ms(entry.offset_ms)));
        let task = entry.task.as_deref().unwrap_or_default();
        let pad = " ".repeat(width.saturating_sub(super::style::columns(task)));
        let text = style.text(&entry.text);
        writeln!(out, "{}  {offset}  {task}{pad}  {text}", style.moment(entry.at))?;
    }
    Ok(())
}
