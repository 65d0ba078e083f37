//! Staying with a run: finished items scroll up, one live region below; plain lines without a terminal.

use super::context::Context;
use super::exit::Exit;
use super::report::Result;
use crate::base::RunNumber;
use crate::client::Workspace;

/// Follows a run until it rests, and reports how it ended.
///
/// # Errors
/// The run cannot be read any more, or nobody reads what is printed.
pub fn follow(workspace: &Workspace, number: RunNumber, context: &mut Context) -> Result<Exit> {
    let mut ledger = workspace.run(number)?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let _watch = crate::store::watch::Watch::files([ledger.dir().events()], move || {
        sender.send(()).unwrap_or_default()
    });
    let mut lines = Vec::new();
    loop {
        ledger.refresh_with(|record| lines.push(crate::snapshot::story::line(record).text))?;
        for line in lines.drain(..) {
            writeln!(context.out, "{line}")?;
        }
        context.out.flush()?;
        let kind = ledger.state().status.kind();
        if !matches!(
            kind,
            crate::event::StatusKind::Queued
                | crate::event::StatusKind::Running
                | crate::event::StatusKind::Merging
        ) {
            return Ok(Exit::of_status(&ledger.state().status));
        }
        let _ = receiver.recv_timeout(std::time::Duration::from_millis(500));
    }
}
