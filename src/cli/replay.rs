//! `crew replay`: a run as it was at an earlier moment.

use super::context::Context;
use super::exit::Exit;
use super::json::StatusDocument;
use super::report::{CliError, Result};
use super::screen;
use super::style::Style;
use crate::client::find::find_run;
use crate::ledger::Ledger;
use crate::snapshot::{Live, StatusView, SupervisorRow};

/// Show a run as it was at an earlier moment.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
    /// After this event; `crew events RUN` shows their numbers.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    pub at: u64,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or event, or the log cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = find_run(&workspace.project()?, &args.run)?;
    let ledger = Ledger::open_at(workspace.dir.run(number), args.at)?;
    let state = ledger.state();
    if state.seq < args.at {
        let missing =
            format!("run #{number} has no event {}; its last one is {}", args.at, state.seq);
        return Err(CliError::new(Exit::NotFound, "not_found", missing));
    }
    if context.json {
        // What was seen of its processes then is not on record.
        let view = StatusView::of(state, &Live::default(), state.updated_at);
        context.write_json(&StatusDocument::from(&view))?;
    } else {
        // A run that moved then had a supervisor, or it would be shown as stuck.
        let supervisor = SupervisorRow { live: state.status.kind().needs_supervisor(), pid: None };
        let live = Live { supervisor, ..Live::default() };
        let view = StatusView::of(state, &live, state.updated_at);
        let at = format!("as of event {}, {}", state.seq, state.updated_at);
        context.say(&at)?;
        context.now = state.updated_at;
        let style = Style::of(context, &workspace.config);
        screen::run(&view, &style, &mut context.out)?;
    }
    context.check_health(&ledger, Exit::Ok)
}
