//! Staying with a run: what is finished scrolls up, one live region stands below it.
//!
//! Without a terminal the same lines are printed plainly. The run goes on whatever happens here.

use std::collections::BTreeSet;
use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::live_region::{Answer, LiveRegion};
use super::report::{CliError, Result};
use super::ringer::Ringer;
use super::wakes::{Keys, Wakes};
use crate::base::{RunNumber, Time, time};
use crate::client::Workspace;
use crate::clock::Clock;
use crate::engine::Command;
use crate::event::{Body, Record, Status, Wait};
use crate::ledger::Ledger;
use crate::snapshot::{DecisionRow, RunRow, SupervisorRow, story};

/// Milliseconds between two looks at a run that says nothing; also the pace of the visible clocks.
const PACE_MS: u64 = 1_000;
/// Milliseconds between two looks where nothing tells of changes.
const LOOK_MS: u64 = 250;

/// Follows a run until it rests, and reports how it ended; events up to `told` the person has seen.
///
/// # Errors
/// The run cannot be read any more, or nobody reads what is printed.
pub fn follow_after(
    workspace: &Workspace,
    number: RunNumber,
    told: u64,
    context: &mut Context,
) -> Result<Exit> {
    let ledger = workspace.run(number)?;
    let wakes = Wakes::on(&ledger.dir().events())?;
    let wants_region = context.is_interactive() && context.out_is_terminal && !context.quiet;
    let region = if wants_region { LiveRegion::open() } else { None };
    let follower = Follower {
        ringer: Ringer::of(context, &workspace.config),
        workspace,
        ledger,
        region,
        wakes,
        clock: Clock::start(),
        seen: 0,
        skipped: told,
        told: BTreeSet::new(),
    };
    follower.run(context)
}

struct Follower<'a> {
    workspace: &'a Workspace,
    ledger: Ledger,
    region: Option<LiveRegion>,
    wakes: Wakes,
    clock: Clock,
    seen: u64,
    /// Events up to this one were printed before.
    skipped: u64,
    told: BTreeSet<&'static str>,
    ringer: Ringer,
}

impl Follower<'_> {
    fn run(mut self, context: &mut Context) -> Result<Exit> {
        self.tell_new(context)?;
        loop {
            if self.is_over() {
                return self.finish(context);
            }
            let answer = self.wait()?;
            match answer {
                Answer::Go => {}
                Answer::Detach => return self.detach(context),
                Answer::Stop => self.stop(context)?,
            }
            self.tell_new(context)?;
            self.look_after(context);
        }
    }

    /// Whether there is nothing more to see without a new command.
    fn is_over(&self) -> bool {
        let state = self.ledger.state();
        !state.status.goes_on_by_itself() && state.live_count() == 0
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    /// Takes in what is new and prints it; redraws the live region.
    fn tell_new(&mut self, context: &mut Context) -> Result<()> {
        let mut lines = Vec::new();
        let start = self.ledger.state().created_at;
        let mut last = self.skipped;
        if self.seen == 0 {
            // The first look: what happened before this process opened the run.
            let mut whole = crate::store::LogReader::open(self.ledger.dir().events());
            whole.catch_up(|record| {
                self.ringer.take(&record, record.seq <= self.skipped);
                if record.seq > self.skipped {
                    lines.extend(told(&record, start));
                }
                last = last.max(record.seq);
            })?;
        }
        // The run goes on between two looks: nothing is told twice, and nothing is left out.
        self.ledger.refresh_with(|record| {
            if record.seq > last {
                self.ringer.take(record, false);
                lines.extend(told(record, start));
            }
        })?;
        self.seen = self.ledger.state().seq;
        if !context.quiet && !context.json {
            for line in lines {
                match &mut self.region {
                    Some(region) => region.print(&line)?,
                    None => writeln!(context.out, "{line}")?,
                }
            }
            context.out.flush()?;
        }
        if let Some(region) = &mut self.region {
            let now = self.clock.now();
            region.draw(&crate::client::vitals::view(&self.ledger, now))?;
        }
        self.ringer.ring(&mut context.out)?;
        Ok(())
    }

    /// Waits for a change, a key, or the pace of the clocks.
    fn wait(&mut self) -> Result<Answer> {
        let keys = if self.region.is_some() { Keys::Terminal } else { Keys::None };
        let pace = if self.wakes.is_watching() { PACE_MS } else { LOOK_MS };
        self.wakes.wait(keys, pace)?;
        if self.wakes.take_interrupt() {
            return Ok(Answer::Detach);
        }
        match &mut self.region {
            Some(region) => Ok(region.answer()?),
            None => Ok(Answer::Go),
        }
    }

    /// A run whose supervisor died is given a new one, as any crew command would.
    fn look_after(&mut self, context: &mut Context) {
        let needs = self.ledger.state().status.kind().needs_supervisor();
        if needs
            && !crate::launch::is_supervised(self.ledger.dir()).unwrap_or(true)
            && self.ledger.refresh().is_ok()
            && self.ledger.state().status.kind().needs_supervisor()
        {
            let number = self.ledger.state().created.number;
            if let Err(error) = crate::client::wake(self.workspace, number, self.clock.now())
                && self.told.insert("wake")
            {
                drop(context.say(&format!("warning: nobody drives the run: {error}")));
            }
        }
    }

    fn stop(&mut self, context: &mut Context) -> Result<()> {
        let number = self.ledger.state().created.number;
        let now = self.now();
        crate::client::give(self.workspace, number, Command::Stop, None, now)
            .map_err(CliError::from)?;
        context.say("stopping…")?;
        Ok(())
    }

    fn detach(mut self, context: &mut Context) -> Result<Exit> {
        drop(self.region.take());
        let number = self.ledger.state().created.number;
        context.say(&format!(
            "the run goes on; `crew status {number}` shows it, `crew logs -f {number}` follows it, `crew stop {number}` ends it"
        ))?;
        Ok(Exit::Interrupted)
    }

    fn finish(mut self, context: &mut Context) -> Result<Exit> {
        drop(self.region.take());
        let state = self.ledger.state();
        let exit = Exit::of_status(&state.status);
        if context.json {
            let row = RunRow::of(state, SupervisorRow::default(), self.clock.now());
            let document =
                serde_json::json!({"schema_version": crate::base::limits::JSON_SCHEMA, "run": row});
            context.write_json(&document)?;
            return Ok(exit);
        }
        if !context.quiet {
            writeln!(context.out)?;
            for line in last_words(&self.ledger) {
                writeln!(context.out, "{line}")?;
            }
        }
        Ok(exit)
    }
}

/// An event as one line, with the time since the run began; small steps are left out.
fn told(record: &Record, start: Time) -> Option<String> {
    let line = story::line(record);
    let is_shown = line.is_major && !matches!(record.body, Body::CommandRefused(_));
    if !is_shown {
        return None;
    }
    let at = time::human_ms(record.at.since_ms(start));
    let who = line.task.map_or_else(|| "run".to_owned(), |task| task.to_string());
    Some(format!("{at:>7}  {who:<14} {}", line.text))
}

/// How the run ended, where its work is, and what to type next.
fn last_words(ledger: &Ledger) -> Vec<String> {
    let state = ledger.state();
    let number = state.created.number;
    let row = RunRow::of(state, SupervisorRow::default(), state.updated_at);
    let mut lines = vec![format!(
        "run {} is {} after {}",
        state.reference(),
        row.status_words(),
        time::human_ms(state.updated_at.since_ms(state.created_at))
    )];
    if let Some(detail) = state.status.detail() {
        lines.push(format!("  {detail}"));
    }
    if !state.artifacts.is_empty() {
        let names: Vec<&str> =
            state.artifacts.keys().map(crate::base::ArtifactName::as_str).collect();
        lines.push(format!("  artifacts: {} (`crew artifacts {number}`)", names.join(", ")));
    }
    if matches!(state.status, Status::Done { .. }) && state.merge.is_some() {
        lines.push(format!("  {}", super::merge::told(state)));
    } else if let Some(worktree) = &state.worktree
        && state.start_of_work().is_some_and(|(commit, _)| commit != worktree.commit)
    {
        lines.push(format!("  the work is on branch `{}`", worktree.branch));
        lines.push(format!("  see it:  crew diff {number}"));
        let waits = matches!(&state.status, Status::Waiting { wait: Wait::Merge { .. } });
        if waits {
            lines.push(format!("  take it: crew merge {number}"));
        }
    }
    let next = match &state.status {
        Status::Blocked { .. } | Status::Failed { .. } => Some(format!("crew why {number}")),
        Status::Paused | Status::Waiting { wait: Wait::Auth { .. } } => {
            Some(format!("crew resume {number}"))
        }
        Status::Waiting { wait } if !matches!(wait, Wait::Merge { .. }) => {
            let rows = DecisionRow::all(state, state.updated_at);
            rows.first().map(|row| row.command(number))
        }
        Status::Draft
        | Status::Queued { .. }
        | Status::Running
        | Status::Merging
        | Status::Waiting { .. }
        | Status::Done { .. }
        | Status::Cancelled { .. }
        | Status::Archived { .. } => None,
    };
    lines.extend(next.map(|next| format!("  next: {next}")));
    lines
}
