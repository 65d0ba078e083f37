//! Looks whether a question holds the agent's turn: then its time stands still, and its slot is free.

use camino::Utf8PathBuf;
use rustix::fs::{FileType, FlockOperation, flock, fstat};
use rustix::stdio::stdin;

use crate::base::Time;
use crate::store::{AttemptDir, FileLock};

/// What is known of the questions of an attempt.
#[derive(Debug)]
pub(super) struct Hold {
    lock: Utf8PathBuf,
    /// Milliseconds that one question may hold the turn.
    limit_ms: u64,
    looked_at: Time,
    /// Since when the turn is held.
    since: Option<Time>,
    /// The shim's standard input is the lock of a slot.
    has_slot: bool,
    gave_slot: bool,
}

impl Hold {
    pub(super) fn new(dir: &AttemptDir, limit_ms: u64, now: Time) -> Self {
        let is_file = fstat(stdin())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        Self {
            lock: dir.ask_lock(),
            limit_ms,
            looked_at: now,
            since: None,
            has_slot: is_file,
            gave_slot: false,
        }
    }

    /// Milliseconds since the last look during which the turn was held. What happened between two looks
    /// is not known: the whole time counts in favour of the agent.
    pub(super) fn look(&mut self, now: Time) -> u64 {
        let passed = now.since_ms(self.looked_at);
        let was_held = self.since.is_some();
        let start = self.since.unwrap_or(self.looked_at);
        let is_held = self.limit_ms > 0 && FileLock::is_shared(&self.lock).unwrap_or(false);
        self.looked_at = now;
        // A process that holds it for longer than it may is not waiting for an answer.
        let is_overdue = now.since_ms(start) > self.limit_ms.saturating_add(passed);
        self.since = is_held.then_some(start);
        let counts = (is_held || was_held) && !is_overdue;
        self.pass_slot(is_held && !is_overdue);
        if counts { passed } else { 0 }
    }

    /// Whether the turn was held at the last look.
    pub(super) fn is_held(&self) -> bool {
        self.since.is_some()
    }

    /// Gives the slot back while the turn is held, and takes it again when it goes on. Somebody else may
    /// have it then: the attempt goes on without one, and tries again with the next look.
    fn pass_slot(&mut self, is_held: bool) {
        if !self.has_slot || self.gave_slot == is_held {
            return;
        }
        let operation =
            if is_held { FlockOperation::Unlock } else { FlockOperation::NonBlockingLockExclusive };
        if flock(stdin(), operation).is_ok() {
            self.gave_slot = is_held;
        }
    }
}
