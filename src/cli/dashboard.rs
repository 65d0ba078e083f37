//! `crew` alone: the dashboard on a terminal, `crew status` otherwise.

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::{RunNumber, text};
use crate::client::Workspace;

/// Opens the dashboard where there is a terminal, and tells the status where there is none.
///
/// # Errors
/// The project cannot be opened, or the terminal is gone.
pub fn run(context: &mut Context) -> Result<Exit> {
    if !is_possible(context) {
        return super::status::run(&super::status::Args::default(), context);
    }
    let workspace = context.workspace()?;
    open(workspace, None, context)?;
    Ok(Exit::Ok)
}

/// Whether the dashboard can be opened: both ends are terminals, and nobody wants data.
pub fn is_possible(context: &Context) -> bool {
    let is_terminal = context.is_interactive() && context.out_is_terminal;
    is_terminal && !context.quiet && context.env.get("TERM") != Some("dumb")
}

/// Opens the dashboard and tells, when it is closed, what goes on.
///
/// # Errors
/// The terminal is gone, or cannot do what is needed.
pub fn open(workspace: Workspace, run: Option<RunNumber>, context: &mut Context) -> Result<()> {
    for warning in &workspace.warnings {
        context.say(&format!("warning: {warning}"))?;
    }
    let live = (context.dashboard)(workspace, run, context.recovers).map_err(|error| {
        CliError::new(Exit::Io, "io", format!("the dashboard cannot go on: {error}"))
            .hinted("`crew status` shows the same without a screen")
    })?;
    if live > 0 {
        let runs = text::count(live, "run");
        let verb = if live == 1 { "keeps" } else { "keep" };
        context.say(&format!("{runs} {verb} going; `crew` returns, `crew stop` ends them"))?;
    }
    Ok(())
}
