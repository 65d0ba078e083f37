//! `place.json` of an attempt that runs on another machine: where, under which name, and what waits there.

use serde::{Deserialize, Serialize};

use super::files::{Durability, read_text_capped, write_atomic};
use super::layout::AttemptDir;
use crate::base::{PathError, Site, limits};

/// What the supervisor knows of an attempt elsewhere. Only it writes this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceFile {
    /// Where it runs.
    pub site: Site,
    /// The name of its job there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// It waits in the queue there and has not begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// What is to be said of it, such as why it waits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

impl PlaceFile {
    /// Reads it; nothing for an attempt on this machine, or when it cannot be read.
    pub fn read(dir: &AttemptDir) -> Option<Self> {
        let text = read_text_capped(dir.place(), limits::PLACE_BYTES_MAX).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes it; what follows from it may begin when this has returned.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, dir: &AttemptDir) -> Result<(), PathError> {
        let durability = if self.job.is_some() { Durability::Synced } else { Durability::Quick };
        let text = serde_json::to_vec(self).unwrap_or_default();
        write_atomic(dir.place(), &text, durability)
    }

    /// Where it is and what is said of it, in one line.
    pub fn told(&self) -> String {
        let site = match &self.job {
            Some(job) => format!("Slurm job {job}"),
            None => self.site.to_string(),
        };
        if self.said.is_empty() { site } else { format!("{site}: {}", self.said) }
    }
}
