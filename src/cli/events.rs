//! `crew events`: a run's log.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use super::style::Style;
use crate::client::events::raw_lines;
use crate::client::find::find_run;
use crate::client::{Follower, Workspace};
use crate::event::Record;
use crate::snapshot::story;
use crate::store::{CatchUp, LogError, LogReader, RunDir, tail};

/// Print a run's event log.
///
/// With `--json` these are the lines of the log as they stand in it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
    /// Stay and print what comes, until the run ends.
    #[arg(short, long)]
    pub follow: bool,
    /// Only events after this one.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub since: u64,
    /// Only the last so many events.
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<usize>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or its log cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = find_run(&workspace.project()?, &args.run)?;
    let dir = workspace.dir.run(number);
    let mut printer = Printer::new(args, &workspace, context, &dir)?;
    if let (Some(last), false) = (args.last, args.follow) {
        let lines = tail::last_lines(dir.events(), last)?;
        for line in lines.iter().filter(|line| line.record.seq > args.since) {
            if context.json {
                context.out.write_all(&line.bytes)?;
            } else {
                printer.record(&line.record, context)?;
            }
        }
        return Ok(Exit::Ok);
    }
    let follower = args.follow.then(|| Follower::new([dir.events()]));
    let mut reader = LogReader::open(dir.events());
    loop {
        printer.print_new(&mut reader, context)?;
        context.out.flush()?;
        match &follower {
            Some(follower) if !printer.is_over => {
                context.look_after(&workspace)?;
                follower.wait(u64::MAX);
            }
            _ => return Ok(Exit::Ok),
        }
    }
}

struct Printer {
    style: Style,
    since: u64,
    /// The run has ended with the last event.
    is_over: bool,
}

impl Printer {
    fn new(args: &Args, workspace: &Workspace, context: &Context, dir: &RunDir) -> Result<Self> {
        let style = Style::of(context, &workspace.config);
        let mut since = args.since;
        if let Some(last) = args.last {
            let newest = tail::last_records(dir.events(), 1)?;
            let seq = newest.last().map_or(0, |record| record.seq);
            since = since.max(seq.saturating_sub(last as u64));
        }
        Ok(Self { style, since, is_over: false })
    }

    /// Prints what stands behind the reader, as far as it is whole.
    fn print_new(&mut self, reader: &mut LogReader, context: &mut Context) -> Result<()> {
        let from = reader.cursor();
        let mut failed = None;
        let json = context.json;
        let found = reader.catch_up(|record| {
            if let crate::event::Body::RunTransitioned(moved) = &record.body {
                self.is_over = moved.to.is_terminal();
            }
            if !json && failed.is_none() && record.seq > self.since {
                failed = self.record(&record, context).err();
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if json {
            let mut written = Ok(());
            raw_lines(reader.path(), from, reader.cursor(), |seq, line| {
                if seq > self.since {
                    written = context.out.write_all(line);
                }
                written.is_ok()
            })?;
            written?;
        }
        self.check(found, reader)
    }

    fn check(
        &mut self,
        found: std::result::Result<CatchUp, LogError>,
        reader: &mut LogReader,
    ) -> Result<()> {
        match found {
            Ok(_) => Ok(()),
            // A failed write was taken back after it was printed; what follows is printed anew.
            Err(LogError::Rewound(path)) => {
                self.since = self.since.max(reader.cursor().chain.seq.saturating_sub(1));
                *reader = LogReader::open(path);
                Ok(())
            }
            Err(error) => Err(CliError::from(error)),
        }
    }

    fn record(&self, record: &Record, context: &mut Context) -> Result<()> {
        let line = story::line(record);
        let subject = line.task.map_or_else(String::new, |task| format!("{task}: "));
        let text = format!("{subject}{}", line.text);
        let head = format!("{:>5}  {}", record.seq, self.style.moment(record.at));
        let kind = format!("{:<18}", record.body.kind());
        let actor = self.style.dim(&format!("{:<12}", record.actor.to_string()));
        let text = self.style.text(&text).into_owned();
        writeln!(context.out, "{head}  {kind}  {actor}  {text}")?;
        Ok(())
    }
}
