//! `crew logs`: what a run's agents said and did.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use super::style::Style;
use crate::base::{TaskId, limits};
use crate::client::transcript::{Entry, Formats, Kind, TEXT, Transcript};
use crate::client::{Follower, attach, find_task, split_task};
use crate::launch::Printed;
use crate::ledger::Ledger;
use crate::snapshot::Class;

/// Bytes of an attempt's output that are shown without `--all`.
const TAIL_BYTES: u64 = 256 << 10;
/// The same of a terminal in which a person had a task: what it drew is little to read.
const SESSION_TAIL_BYTES: u64 = 16 << 10;

/// Print what a run's agents said and did, redacted.
///
/// Shows the newest part of long output; `--all` begins at its start.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run, or one of its tasks: `5`, `5/coding`.
    #[arg(value_name = "RUN[/TASK]")]
    pub run: String,
    /// The task; all tasks without it.
    pub task: Option<String>,
    /// Stay and print what comes, until nothing is at work any more.
    #[arg(short, long)]
    pub follow: bool,
    /// Print the lines as the agent printed them.
    #[arg(long)]
    pub raw: bool,
    /// This attempt instead of the last one.
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Begin at the start of the output.
    #[arg(long)]
    pub all: bool,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, task or attempt, or its output cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (wanted, task) = split_task(&args.run);
    let (_, mut ledger) = context.run(&workspace, wanted)?;
    let task = args.task.as_deref().or(task);
    let task = task.map(|task| find_task(ledger.state(), task)).transpose()?;
    let style = Style::of(context, &workspace.config);
    let mut printer = Printer {
        args,
        style,
        formats: Formats::of(&workspace.config),
        streams: Vec::new(),
        speaker: None,
    };
    let follower = args.follow.then(|| Follower::new([ledger.dir().events()]));
    let mut follower = follower;
    loop {
        // Looked at before the output: what ended before this has printed everything.
        let is_over = Exit::of_status(&ledger.state().status) != Exit::Running
            && ledger.state().live_count() == 0;
        printer.find_streams(&ledger, task.as_ref(), follower.as_mut())?;
        printer.print_new(context)?;
        let Some(follower) = follower.as_ref().filter(|_| !is_over) else { break };
        context.out.flush()?;
        context.look_after(&workspace)?;
        follower.wait(u64::MAX);
        ledger.refresh()?;
    }
    printer.finish(context)?;
    if printer.streams.is_empty() {
        match (&task, args.attempt) {
            (Some(task), Some(number)) => {
                let missing = format!("`{task}` has no attempt {number}");
                return Err(CliError::new(Exit::NotFound, "not_found", missing));
            }
            _ => context.say("nothing was started yet")?,
        }
    }
    context.check_health(&ledger, Exit::Ok)
}

/// One attempt's output.
struct Stream {
    task: TaskId,
    number: u32,
    runtime: String,
    transcript: Transcript,
    /// A terminal in which a person had the task shows everything in one.
    errors: Option<Transcript>,
}

struct Printer<'a> {
    args: &'a Args,
    style: Style,
    formats: Formats,
    streams: Vec<Stream>,
    /// The stream that printed last.
    speaker: Option<usize>,
}

impl Printer<'_> {
    /// Finds attempts that were not there at the last look, in the order of their start.
    fn find_streams(
        &mut self,
        ledger: &Ledger,
        wanted: Option<&TaskId>,
        mut follower: Option<&mut Follower>,
    ) -> Result<()> {
        let state = ledger.state();
        let mut found: Vec<usize> = (0..state.tasks.len())
            .filter(|&ix| wanted.is_none_or(|wanted| state.task_id(ix) == *wanted))
            .collect();
        found.sort_by_key(|&ix| state.tasks[ix].started_at);
        for ix in found {
            let (entry, task) = (&state.tasks[ix], state.task_id(ix));
            // Nothing of an agent came after a session that was the last.
            let is_last = state.taken(ix).is_some()
                || (entry.handed.is_some() && entry.status.as_live().is_none());
            if !is_last {
                self.find_sessions(ledger, &task, follower.as_deref_mut())?;
            }
            let number = self.args.attempt.unwrap_or(entry.attempts);
            let is_known = |stream: &Stream| {
                stream.errors.is_some() && stream.task == task && stream.number == number
            };
            if number == 0 || number > entry.attempts || self.streams.iter().any(is_known) {
                continue;
            }
            let live = entry.status.as_live().map(|live| live.runtime.as_str());
            let runtime = live.or(entry.runtime.as_deref()).unwrap_or(&state.step_of(ix).runtime);
            let dir = ledger.dir().attempt(&task, number);
            let format = self.formats.of_attempt(&dir, runtime);
            // An earlier attempt may have been played by another program.
            let own = Printed::of(&dir).and_then(|printed| printed.runtime);
            let mut stream = Stream {
                task,
                number,
                runtime: own.unwrap_or_else(|| runtime.to_owned()),
                transcript: Transcript::open(dir.stdout(), format),
                errors: Some(Transcript::open(dir.stderr(), TEXT)),
            };
            if !self.args.all && !self.args.raw {
                stream.transcript.skip_to_tail(TAIL_BYTES)?;
                if let Some(errors) = &mut stream.errors {
                    errors.skip_to_tail(limits::STDERR_TAIL_BYTES)?;
                }
            }
            if let Some(follower) = follower.as_deref_mut() {
                follower.add(&dir.stdout());
                follower.add(&dir.stderr());
            }
            self.streams.push(stream);
            if is_last {
                self.find_sessions(ledger, &state.task_id(ix), follower.as_deref_mut())?;
            }
        }
        Ok(())
    }

    /// Finds what terminals showed in which people had the task.
    fn find_sessions(
        &mut self,
        ledger: &Ledger,
        task: &TaskId,
        mut follower: Option<&mut Follower>,
    ) -> Result<()> {
        if self.args.attempt.is_some() {
            return Ok(());
        }
        for path in attach::sessions(ledger.dir(), task) {
            if self.streams.iter().any(|stream| stream.transcript.path() == path) {
                continue;
            }
            let mut transcript = Transcript::open(path.clone(), TEXT);
            if !self.args.all && !self.args.raw {
                transcript.skip_to_tail(SESSION_TAIL_BYTES)?;
            }
            if let Some(follower) = follower.as_deref_mut() {
                follower.add(&path);
            }
            let (task, runtime) = (task.clone(), String::new());
            self.streams.push(Stream { task, number: 0, runtime, transcript, errors: None });
        }
        Ok(())
    }

    fn print_new(&mut self, context: &mut Context) -> Result<()> {
        for at in 0..self.streams.len() {
            let mut lines = Lines::default();
            let stream = &mut self.streams[at];
            if self.args.raw {
                stream.transcript.read_raw(|line| lines.push(&line, context))?;
                if let Some(errors) = &mut stream.errors {
                    errors.read_raw(|line| lines.push(&line, context))?;
                }
            } else {
                let mut head = Some(header(stream, &self.style));
                if self.speaker == Some(at) {
                    head = None;
                }
                let style = &self.style;
                let is_session = stream.errors.is_none();
                let mut show = |entry: &Entry, is_error: bool| {
                    // A screen that is drawn again and again is mostly blank.
                    if is_session && entry.text.trim().is_empty() {
                        return;
                    }
                    if let Some(head) = head.take() {
                        lines.push(&head, context);
                    }
                    lines.push(&shown(entry, is_error, style), context);
                };
                stream.transcript.read(|entry| show(&entry, false))?;
                if let Some(errors) = &mut stream.errors {
                    errors.read(|entry| show(&entry, true))?;
                }
            }
            lines.finish(&mut self.speaker, at)?;
        }
        Ok(())
    }

    /// Prints last lines that have no end.
    fn finish(&mut self, context: &mut Context) -> Result<()> {
        for at in 0..self.streams.len() {
            let mut lines = Lines::default();
            let stream = &mut self.streams[at];
            let style = &self.style;
            if self.args.raw {
                stream.transcript.finish_raw(|line| lines.push(&line, context));
                if let Some(errors) = &mut stream.errors {
                    errors.finish_raw(|line| lines.push(&line, context));
                }
            } else {
                let mut head = (self.speaker != Some(at)).then(|| header(stream, style));
                let is_session = stream.errors.is_none();
                let mut show = |entry: &Entry, is_error: bool| {
                    // A screen that is drawn again and again is mostly blank.
                    if is_session && entry.text.trim().is_empty() {
                        return;
                    }
                    if let Some(head) = head.take() {
                        lines.push(&head, context);
                    }
                    lines.push(&shown(entry, is_error, style), context);
                };
                stream.transcript.finish(|entry| show(&entry, false));
                if let Some(errors) = &mut stream.errors {
                    errors.finish(|entry| show(&entry, true));
                }
            }
            lines.finish(&mut self.speaker, at)?;
        }
        Ok(())
    }
}

/// Writes lines and keeps the first error, because callbacks cannot fail.
#[derive(Default)]
struct Lines {
    written: bool,
    failed: Option<std::io::Error>,
}

impl Lines {
    fn push(&mut self, line: &str, context: &mut Context) {
        if self.failed.is_none() {
            self.written = true;
            self.failed = writeln!(context.out, "{line}").err();
        }
    }

    fn finish(self, speaker: &mut Option<usize>, at: usize) -> Result<()> {
        if self.written {
            *speaker = Some(at);
        }
        self.failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

fn header(stream: &Stream, style: &Style) -> String {
    if stream.errors.is_none() {
        return style.bold(&format!("── {} · a person had it", stream.task));
    }
    let runtime = if stream.runtime.is_empty() { "command" } else { &stream.runtime };
    style.bold(&format!("── {} · attempt {} · {runtime}", stream.task, stream.number))
}

/// An entry as lines of text.
fn shown(entry: &Entry, is_error: bool, style: &Style) -> String {
    let said = style.text(entry.text.trim_end_matches(' ')).into_owned();
    let title = style.text(&entry.title).into_owned();
    if is_error {
        return style.paint(Class::Failed, &said);
    }
    match entry.kind {
        Kind::Text | Kind::Raw | Kind::Result => said,
        Kind::Session => style.dim(&format!("session {said}")),
        Kind::Model => style.dim(&format!("model {said}")),
        Kind::Denied => format!("{} {title} was not allowed: {said}", style.glyph(Class::Failed)),
        Kind::Retry => style.dim(&format!("tries again after {title}: {said}")),
        Kind::Thinking => style.dim(&said),
        Kind::ToolStart => format!("{} {} {said}", style.glyph(Class::Running), style.bold(&title)),
        Kind::ToolOk => format!("  {} {said}", style.glyph(Class::Done)),
        Kind::ToolFailed => format!("  {} {said}", style.glyph(Class::Failed)),
        Kind::Question | Kind::Request => format!("{} asks: {said}", style.glyph(Class::NeedsYou)),
        Kind::Error => format!("{} {title}: {said}", style.glyph(Class::Failed)),
        Kind::Told => style.bold(&format!("is told: {said}")),
        Kind::Untold => {
            format!("{} message {title} was not taken: {said}", style.glyph(Class::Failed))
        }
        Kind::Answer => format!("  is answered: {said}"),
        Kind::Gate => format!("gate {title}: {said}"),
        Kind::Message => format!("message to {title}: {said}"),
        Kind::Artifact => format!("file {title}: {said}"),
        Kind::Marker => style.dim(format!("{title} {said}").trim_end()),
    }
}
