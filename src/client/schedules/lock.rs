//! One scheduler for each project: who holds the lock, and since when.

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::base::path::PathError;
use crate::store::files::{self, Durability};
use crate::store::{FileLock, Project, ProjectDir, ProjectError};

/// Bytes of the file that says who holds the lock.
const ABOUT_BYTES_MAX: u64 = 4 << 10;

/// Who holds the lock.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    pid: u32,
    started_at: Time,
}

/// The lock of a project's scheduler, held.
#[derive(Debug)]
pub struct SchedulerLock {
    _lock: FileLock,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another scheduler serves `{root}`{about}")]
    Held {
        /// The project.
        root: camino::Utf8PathBuf,
        /// Which one, when it has said so.
        about: String,
    },
    /// The project's state cannot be made.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl SchedulerLock {
    /// Takes the lock of a project, and says so beside it.
    ///
    /// # Errors
    /// Another process has it, or the state of the project cannot be written.
    pub fn take(dir: &ProjectDir, now: Time) -> Result<Self, LockError> {
        Project::ensure(dir.clone())?;
        let Some(lock) = FileLock::try_exclusive(&dir.scheduler_lock())? else {
            let (root, about) = (dir.root().to_owned(), Self::holder(dir).unwrap_or_default());
            return Err(LockError::Held { root, about });
        };
        let about = About { pid: std::process::id(), started_at: now };
        let text = serde_json::to_string(&about).unwrap_or_default();
        files::write_atomic(dir.scheduler_json(), text.as_bytes(), Durability::Quick)?;
        Ok(Self { _lock: lock })
    }

    /// Who serves the project, when somebody does: ` (process 12, since …)`.
    pub fn holder(dir: &ProjectDir) -> Option<String> {
        if !FileLock::is_held(&dir.scheduler_lock()).unwrap_or(false) {
            return None;
        }
        let text = files::read_text_capped(dir.scheduler_json(), ABOUT_BYTES_MAX).ok();
        let about: Option<About> = text.and_then(|text| serde_json::from_str(&text).ok());
        Some(about.map_or_else(String::new, |about| {
            format!(" (process {}, since {})", about.pid, about.started_at)
        }))
    }
}
