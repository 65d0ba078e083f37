//! What became of attempts that lived when an earlier supervisor of their run ended.

use super::attempt_files::{ExitFile, ShimFile, revoke};
use super::supervisor::{Key, Supervisor, Wake, live_keys};
use crate::engine::Input;
use crate::event::EndReason;
use crate::store::{AttemptDir, FileLock};

impl Supervisor {
    /// Looks at every attempt that the log believes to live, by evidence (SPEC section 14).
    pub(super) fn recover(&mut self) {
        for key in live_keys(self.ledger.state()) {
            self.spawned.insert(key);
            let dir = self.attempt(key);
            if matches!(ExitFile::read(&dir), Ok(Some(_))) {
                self.shim_ended(key);
                continue;
            }
            if let Some(watched) = self.executor.adopt_there(&dir) {
                self.watch(key, watched);
            } else if dir.path().is_dir() {
                self.recover_one(key, &dir);
            } else {
                let end = self.end_without_record(key, EndReason::Revoked);
                self.inputs.push(Input::AttemptEnded(end));
            }
        }
    }

    /// A shim holds its lock for its whole life: held means adopt, free means that none will start.
    fn recover_one(&mut self, key: Key, dir: &AttemptDir) {
        match FileLock::try_exclusive(&dir.attempt_lock()) {
            Ok(Some(lock)) => {
                if let Err(error) = revoke(dir) {
                    tracing::error!(error = %super::error_chain(&error), "an attempt cannot be revoked");
                }
                drop(lock);
                // It may have ended between the look at its record and the lock.
                self.shim_ended(key);
            }
            Ok(None) => self.adopt(key, dir.clone()),
            Err(error) => {
                tracing::error!(error = %super::error_chain(&error), "an attempt cannot be looked at");
                self.lost(key, dir);
            }
        }
    }

    /// Follows a living shim; one that has not said its number yet is waited for.
    fn adopt(&mut self, key: Key, dir: AttemptDir) {
        if let Ok(Some(shim)) = ShimFile::read(&dir) {
            return self.shim_found(key, shim.shim);
        }
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let found = loop {
                if let Ok(Some(shim)) = ShimFile::read(&dir) {
                    break Wake::ShimFound(key, shim.shim);
                }
                // The lock is free as soon as the shim has ended, however it does.
                if !matches!(FileLock::is_held(&dir.attempt_lock()), Ok(true)) {
                    break Wake::ShimEnded(key);
                }
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            };
            drop(sender.send(found));
        });
    }
}
