//! `schedules.json`: what has been seen to of each schedule. Lost, it is made again from the runs.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};

use super::{Workspace, created};
use crate::base::path::PathError;
use crate::schedule::Known;
use crate::store::files::{self, Durability};
use crate::store::{ProjectDir, ProjectError};

/// Version of the file; a newer one is not touched.
const SCHEMA_VERSION: u32 = 1;
/// Bytes of the file: room for thousands of schedules.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What has been seen to, by name of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    schema_version: u32,
    /// By name.
    pub schedules: BTreeMap<String, Known>,
}

/// Why it cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A newer version of crew keeps it.
    #[error("`{path}` was written by a newer version of crew (schema version {version})")]
    Newer {
        /// The file.
        path: camino::Utf8PathBuf,
        /// Its version.
        version: u32,
    },
}

impl Memory {
    /// Reads the file; a lost or broken one is made again from what the runs say about their schedules.
    ///
    /// # Errors
    /// It cannot be read, or a newer version of crew wrote it.
    pub fn read(workspace: &Workspace) -> Result<Self, MemoryError> {
        let path = workspace.dir.schedules_json();
        let text = match files::read_text_capped(&path, FILE_BYTES_MAX) {
            Ok(text) => text,
            // Bytes that are no text are as good as none.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
                String::new()
            }
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(memory) if memory.schema_version > SCHEMA_VERSION => {
                Err(MemoryError::Newer { path, version: memory.schema_version })
            }
            Ok(memory) => Ok(memory),
            Err(_) => Self::of_runs(workspace),
        }
    }

    fn of_runs(workspace: &Workspace) -> Result<Self, MemoryError> {
        let mut schedules = BTreeMap::new();
        for number in workspace.project()?.runs().map_err(ProjectError::from)? {
            let Some(link) = created(workspace, number).and_then(|run| run.flags.schedule) else {
                continue;
            };
            // The words of its times are not known any more: it begins anew, but never again for these.
            let known = Known {
                timing: String::new(),
                anchor: link.due,
                last: Some(link.due),
                run: Some(number),
                note: String::new(),
            };
            schedules.insert(link.name, known);
        }
        Ok(Self { schema_version: SCHEMA_VERSION, schedules })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The old one stays.
    pub fn write(&self, dir: &ProjectDir) -> Result<(), MemoryError> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        files::write_atomic(dir.schedules_json(), text.as_bytes(), Durability::Synced)?;
        Ok(())
    }
}
