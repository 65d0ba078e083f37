//! Slots of the whole machine: one lock file each, held by the shims of all projects.
//!
//! The kernel frees a slot when its holder dies, however it dies; nothing is counted anywhere.

use camino::Utf8PathBuf;

use crate::config::Environment;
use crate::store::FileLock;
use crate::store::files::create_private_dir;

/// The machine's slots.
#[derive(Debug)]
pub struct Slots {
    dir: Option<Utf8PathBuf>,
    limit: u32,
}

impl Slots {
    /// The slots of this user on this machine; at most `limit` attempts at once.
    pub fn new(env: &Environment, limit: u32) -> Self {
        let dir = env.runtime_dir().or_else(|| env.user_state_dir()).map(|dir| dir.join("slots"));
        // Without any folder of the user's there is nothing to meet other projects in.
        let dir = dir.filter(|dir| create_private_dir(dir).is_ok());
        Self { dir, limit }
    }

    /// For a run whose attempts are elsewhere: they take no slot of this machine.
    pub fn elsewhere() -> Self {
        Self { dir: None, limit: u32::MAX }
    }

    /// Takes up to `wanted` free slots; `None` stands for a slot that needs no lock.
    pub fn take(&self, wanted: u32) -> Vec<Option<FileLock>> {
        let Some(dir) = &self.dir else {
            return (0..wanted.min(self.limit)).map(|_| None).collect();
        };
        let mut taken = Vec::new();
        for slot in 0..self.limit {
            if taken.len() >= wanted as usize {
                break;
            }
            if let Ok(Some(lock)) = FileLock::try_exclusive(&dir.join(format!("{slot}.lock"))) {
                taken.push(Some(lock));
            }
        }
        taken
    }
}
