//! Projections of a run that its supervisor keeps for readers: checkpoint, plan, mailboxes.
//!
//! All of them can be deleted; whoever needs them makes them again from the log.

use super::supervisor::Supervisor;
use crate::event::{Body, Record};
use crate::ledger::Ledger;
use crate::store::files::{Durability, write_atomic};
use crate::store::mailbox;

/// Writes `snapshot.json`; a failure costs the next reader time and nothing else.
pub(super) fn write_checkpoint(ledger: &mut Ledger) {
    if !ledger.is_checkpoint_due() {
        return;
    }
    let row = crate::snapshot::RunRow::stored(ledger.state());
    ledger.write_checkpoint(&row);
}

impl Supervisor {
    /// Writes `workflow.json`, `supervisor.json` and what is missing of the mailboxes.
    pub(super) fn write_projections(&self) {
        let state = self.ledger.state();
        let dir = self.ledger.dir();
        let plan = serde_json::to_vec_pretty(state.plan()).unwrap_or_default();
        let about = serde_json::json!({
            "pid": std::process::id(),
            "start": super::process::start_time(std::process::id()),
            "boot_id": super::process::boot_id(),
            "host": rustix::system::uname().nodename().to_string_lossy(),
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.clock.now().to_string(),
        });
        let about = about.to_string();
        for (path, bytes) in [(dir.workflow(), plan), (dir.supervisor_json(), about.into_bytes())] {
            if let Err(error) = write_atomic(&path, &bytes, Durability::Quick) {
                tracing::warn!(error = %super::error_chain(&error), "projection");
            }
        }
        let all: Vec<_> = state.messages.iter().map(|entry| entry.message.clone()).collect();
        if !all.is_empty()
            && let Err(error) = mailbox::rebuild(dir, &all)
        {
            tracing::warn!(error = %super::error_chain(&error), "mailboxes");
        }
    }

    /// Puts new messages into the mailbox files.
    pub(super) fn project_messages(&self, records: &[Record]) {
        let new: Vec<_> = records
            .iter()
            .filter_map(|record| {
                let Body::MessageSent(sent) = &record.body else { return None };
                Some(sent.message.clone())
            })
            .collect();
        if !new.is_empty()
            && let Err(error) = mailbox::append(self.ledger.dir(), &new)
        {
            tracing::warn!(error = %super::error_chain(&error), "mailboxes");
        }
    }
}
