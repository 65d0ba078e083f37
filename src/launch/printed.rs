//! What an attempt prints, as it was started: its program may be another one by now, or speak otherwise.

use serde::Deserialize;

use super::Programs;
use crate::agent::OutputFormat;
use crate::base::limits;
use crate::store::{AttemptDir, files};

/// The part of `command.json` that tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Printed {
    /// Name of the runtime; none for a command.
    #[serde(default)]
    pub runtime: Option<String>,
    /// The word for what it prints.
    #[serde(default)]
    output: Option<String>,
}

impl Printed {
    /// What an attempt was started with; nothing before it was, or when its file is gone.
    pub fn of(dir: &AttemptDir) -> Option<Self> {
        let bytes = files::read_capped(dir.command(), limits::STATE_FILE_BYTES_MAX).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The format, where it was written down.
    pub fn format(&self) -> Option<OutputFormat> {
        let word = self.output.as_deref()?;
        OutputFormat::ALL.into_iter().find(|format| format.word() == word)
    }
}

impl Programs {
    /// What an attempt prints: as it was started, else as its runtime does now; a runtime that is gone, and a
    /// plain command, print text.
    pub fn format_of(&self, dir: &AttemptDir, runtime: &str) -> OutputFormat {
        let own = Printed::of(dir).and_then(|printed| printed.format());
        own.or_else(|| Some(self.get(runtime).ok()?.output)).unwrap_or(OutputFormat::Text)
    }
}
