//! `crew status`: a run on one screen, or the runs that live or need somebody.

use std::io::{IsTerminal, Write};

use super::context::Context;
use super::exit::Exit;
use super::json::{RunsDocument, StatusDocument};
use super::report::Result;
use super::ringer::Ringer;
use super::screen;
use super::style::Style;
use crate::base::RunNumber;
use crate::client::radar::conflicts;
use crate::client::{Follower, Listed, Workspace, rows, view};
use crate::event::StatusKind;
use crate::snapshot::{Class, ConflictRow, RunRow};
use crate::store::LogReader;

/// Newest runs among which failed ones still count as news.
const NEWS: usize = 20;
/// Milliseconds between two looks at the clock of a watched run.
const TICK_MS: u64 = 1_000;
/// Clears a terminal and puts the cursor into its first corner.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Show a run on one screen, or the runs that live or need somebody.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: Option<String>,
    /// Stay and show every change until the run ends.
    #[arg(short, long, requires = "run")]
    pub watch: bool,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    if let (Some(wanted), true, false) = (&args.run, context.json, args.watch) {
        // Scripts ask often: nothing is read that the document does not need.
        let (project, ledger) = context.run_quickly(wanted)?;
        let mut view = view(&ledger, context.now);
        view.conflicts = conflicts(&project, ledger.state());
        context.write_json(&StatusDocument::from(&view))?;
        return context.check_health(&ledger, Exit::of_status(&ledger.state().status));
    }
    let workspace = context.workspace()?;
    match &args.run {
        None => list(&workspace, context),
        Some(wanted) if args.watch => watch(wanted, &workspace, context),
        Some(wanted) => {
            let (_, ledger) = context.run(&workspace, wanted)?;
            let mut view = view(&ledger, context.now);
            view.conflicts = conflicts(&workspace.dir, ledger.state());
            let style = Style::of(context, &workspace.config);
            screen::run(&view, &style, &mut context.out)?;
            context.check_health(&ledger, Exit::of_status(&ledger.state().status))
        }
    }
}

fn watch(wanted: &str, workspace: &Workspace, context: &mut Context) -> Result<Exit> {
    let (_, mut ledger) = context.run(workspace, wanted)?;
    let follower = Follower::new([ledger.dir().events()]);
    let clears = std::io::stdout().is_terminal() && !context.json;
    let mut ringer = Ringer::of(context, &workspace.config);
    if ringer.is_on() {
        // What stands already is on the screen.
        let known = ledger.state().seq;
        let mut whole = LogReader::open(ledger.dir().events());
        whole.catch_up(|record| {
            if record.seq <= known {
                ringer.take(&record, true);
            }
        })?;
    }
    let mut shown = 0;
    loop {
        context.now = (context.clock)();
        let is_new = ledger.state().seq > shown;
        if is_new || clears {
            shown = ledger.state().seq;
            let mut view = view(&ledger, context.now);
            view.conflicts = conflicts(&workspace.dir, ledger.state());
            if context.json {
                context.write_json(&StatusDocument::from(&view))?;
            } else {
                let style = Style::of(context, &workspace.config);
                context.out.write_all(if clears { CLEAR.as_bytes() } else { b"" })?;
                screen::run(&view, &style, &mut context.out)?;
                writeln!(context.out)?;
            }
            context.out.flush()?;
        }
        if ledger.state().status.is_terminal() || ledger.health().damage.is_some() {
            return context.check_health(&ledger, Exit::of_status(&ledger.state().status));
        }
        context.look_after(workspace)?;
        follower.wait(if clears { TICK_MS } else { u64::MAX });
        ledger.refresh_with(|record| ringer.take(record, false))?;
        ringer.ring(&mut context.out)?;
    }
}

/// The runs that live or need somebody, attention first.
fn list(workspace: &Workspace, context: &mut Context) -> Result<Exit> {
    let project = workspace.project()?;
    let all = project.runs()?;
    let newest = all.iter().rev().take(NEWS);
    let mut numbers: Vec<_> = project.open_runs().filter(|run| all.contains(run)).collect();
    numbers.extend(newest);
    numbers.sort_unstable();
    numbers.dedup();
    let (mut runs, exit) = readable(rows::rows(&project, &numbers, context.now), context)?;
    runs.retain(|run| !run.status.is_terminal() || run.status == StatusKind::Failed);
    runs.sort_by_key(|run| (run.class(), std::cmp::Reverse(run.number)));
    if context.json {
        context.write_json(&RunsDocument::new(&runs))?;
    } else if runs.is_empty() {
        let hint =
            if all.is_empty() { "`crew run GOAL` starts one" } else { "`crew ls` lists all" };
        context.say(&format!("no run is going on and none needs you; {hint}"))?;
    } else {
        let style = Style::of(context, &workspace.config);
        screen::runs(&runs, context.now, &style, &mut context.out)?;
        for (run, found) in pairs(workspace, &runs) {
            screen::conflict(Some(run), &found, &style, &mut context.out)?;
        }
        let needy = runs.iter().filter(|run| run.class() == Class::NeedsYou).count();
        if needy > 0 {
            let noun = if needy == 1 { "run waits" } else { "runs wait" };
            context.say(&format!("{needy} {noun} for you; `crew brief` tells for what"))?;
        }
    }
    Ok(exit)
}

/// Runs whose work would conflict, each pair once.
fn pairs(workspace: &Workspace, runs: &[RunRow]) -> Vec<(RunNumber, ConflictRow)> {
    let with_work: Vec<RunNumber> =
        runs.iter().filter(|run| run.worktree.path.is_some()).map(|run| run.number).collect();
    let mut pairs = Vec::new();
    // Alone nothing conflicts, and nothing more is read.
    for &run in with_work.iter().filter(|_| with_work.len() > 1) {
        if let Ok(ledger) = workspace.run(run) {
            let found = conflicts(&workspace.dir, ledger.state());
            pairs.extend(found.into_iter().filter(|row| row.run > run).map(|row| (run, row)));
        }
    }
    pairs
}

/// The rows that could be read; what could not is reported.
pub(super) fn readable(listed: Vec<Listed>, context: &mut Context) -> Result<(Vec<RunRow>, Exit)> {
    let mut exit = Exit::Ok;
    let mut runs = Vec::with_capacity(listed.len());
    for entry in listed {
        if let Some(damage) = &entry.damage {
            context.report_damage(entry.number, damage)?;
            exit = Exit::Io;
        }
        match entry.row {
            Ok(row) => runs.push(row),
            // Its number was taken and its log is not there yet.
            Err(error) if error.is_missing() => {}
            Err(error) => {
                let error = super::CliError::from(error);
                error.write(context.json, &mut context.err)?;
                exit = Exit::Io;
            }
        }
    }
    Ok((runs, exit))
}
