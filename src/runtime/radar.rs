//! Looks with the conflict radar whenever the work of the run has changed, and tells what is new once.

use super::supervisor::{Supervisor, Wake};
use crate::base::text;
use crate::engine::Input;
use crate::event::body::RunNoted;
use crate::launch::radar::{self, Pair};

/// Files that are named in a note.
const NAMED: usize = 5;

impl Supervisor {
    /// Starts a look when the newest commit is another than at the last one. Nobody waits for it.
    pub(super) fn watch_radar(&mut self) {
        let commit = self.ledger.state().worktree.as_ref().map(|made| made.commit.clone());
        if commit.is_none() || commit == self.radar_at {
            return;
        }
        self.radar_at = commit;
        let (project, sender) = (self.project.clone(), self.sender.clone());
        let number = self.ledger.state().created.number;
        self.tracker.spawn_blocking(move || match radar::look(&project, number) {
            Ok(new) if new.is_empty() => {}
            Ok(new) => drop(sender.send(Wake::Conflicts(new))),
            Err(error) => {
                tracing::debug!(error = %super::error_chain(&error), "the conflict radar sees nothing");
            }
        });
    }

    /// Puts conflicts on record that nobody knew.
    pub(super) fn note_conflicts(&mut self, found: Vec<Pair>) {
        for pair in found {
            let named: Vec<String> =
                pair.files.iter().take(NAMED).map(|file| format!("`{file}`")).collect();
            let more = pair.files.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let note = format!(
                "its work and that of run #{} would conflict in {}{more}",
                pair.run,
                named.join(", ")
            );
            let note = RunNoted { text: text::printable(&note) };
            self.inputs.push(Input::Fact(note.into()));
        }
    }
}
