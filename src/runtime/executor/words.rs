//! What a supervisor and `crew host` on another machine tell each other: one JSON value a line.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// What a supervisor asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Who is there, and does it see this locked file?
    Hello {
        /// A file that the supervisor holds the lock of.
        probe: Utf8PathBuf,
    },
    /// Start this attempt, if it was not started yet, and follow it.
    Start {
        /// The attempt's folder.
        dir: Utf8PathBuf,
        /// Its whole environment.
        env: Vec<(String, String)>,
    },
    /// Follow this attempt; one that has not begun is not to begin.
    Follow {
        /// The attempt's folder.
        dir: Utf8PathBuf,
    },
    /// Ask its shim to stop.
    Stop {
        /// The attempt's folder.
        dir: Utf8PathBuf,
    },
    /// End everything that carries this mark.
    Kill {
        /// The mark.
        mark: String,
        /// Milliseconds before it is killed.
        grace_ms: u64,
    },
}

/// What the other machine answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It is there.
    Hello {
        /// The version of crew there.
        version: String,
        /// The name of the machine.
        host: String,
        /// Why no attempt can run there.
        problem: Option<String>,
    },
    /// The shim of an attempt was started, or had been.
    Started {
        /// The attempt's folder.
        dir: Utf8PathBuf,
    },
    /// It cannot be started.
    NotStarted {
        /// The attempt's folder.
        dir: Utf8PathBuf,
        /// Why.
        why: String,
    },
    /// Its shim is gone.
    Over {
        /// The attempt's folder.
        dir: Utf8PathBuf,
    },
    /// Nothing can be said of it now.
    Unknown {
        /// The attempt's folder.
        dir: Utf8PathBuf,
        /// Why.
        why: String,
    },
    /// Everything with this mark is gone.
    Killed {
        /// The mark.
        mark: String,
        /// Processes that were there.
        count: usize,
    },
}

impl Ask {
    /// As one line.
    pub(super) fn line(&self) -> Vec<u8> {
        line(self)
    }
}

impl Answer {
    /// As one line.
    pub(super) fn line(&self) -> Vec<u8> {
        line(self)
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // Texts and numbers alone: nothing in it can fail to be written.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
