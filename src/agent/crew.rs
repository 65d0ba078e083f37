//! The `crew` format: one JSON object a line, for programs written to be played by crew.
//!
//! The same type is written by the rehearsal agent and read here, so the two cannot drift apart.
//! `docs/runtimes.md` describes it for the authors of such programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::observation::{ErrorKind, Observation, ResultStatus, TaskState, Usage};
use crate::base::Time;

/// One line of the `crew` format. Fields that are not named here are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the observation of the same name")]
pub enum Line {
    Session {
        id: String,
    },
    Text {
        text: String,
    },
    Thinking {
        text: String,
    },
    ToolStart {
        id: String,
        name: String,
        #[serde(default)]
        detail: String,
    },
    ToolEnd {
        id: String,
        #[serde(default = "yes")]
        ok: bool,
        #[serde(default)]
        detail: String,
    },
    Usage(Usage),
    Question {
        text: String,
        #[serde(default)]
        choices: Vec<String>,
    },
    Error {
        #[serde(default = "other")]
        kind: ErrorKind,
        #[serde(default)]
        retryable: bool,
        #[serde(default)]
        reset_at: Option<Time>,
        #[serde(default)]
        text: String,
    },
    Result {
        #[serde(default)]
        text: String,
        #[serde(default)]
        status: ResultStatus,
    },
    Gate {
        gate: String,
        #[serde(default)]
        values: BTreeMap<String, Value>,
    },
    Message {
        to: String,
        text: String,
    },
    Artifact {
        name: String,
        text: String,
    },
    State {
        state: TaskState,
        #[serde(default)]
        reason: Option<String>,
    },
}

fn yes() -> bool {
    true
}

fn other() -> ErrorKind {
    ErrorKind::Other
}

impl From<Line> for Observation {
    fn from(line: Line) -> Self {
        match line {
            Line::Session { id } => Self::Session { id },
            Line::Text { text } => Self::Text { text },
            Line::Thinking { text } => Self::Thinking { text },
            Line::ToolStart { id, name, detail } => Self::ToolStart { id, name, detail },
            Line::ToolEnd { id, ok, detail } => Self::ToolEnd { id, ok, detail },
            Line::Usage(usage) => Self::Usage(usage),
            Line::Question { text, choices } => Self::Question { text, choices },
            Line::Error { kind, retryable, reset_at, text } => {
                Self::Error { kind, retryable, reset_at, text }
            }
            Line::Result { text, status } => Self::Result { text, status },
            Line::Gate { gate, values } => Self::GateWrite { gate, values },
            Line::Message { to, text } => Self::Message { to, text },
            Line::Artifact { name, text } => Self::Artifact { name, text },
            Line::State { state, reason } => Self::Marker { state, reason },
        }
    }
}

/// Reads one line; `None` when it is not one of this format.
pub(super) fn decode(line: &[u8]) -> Option<Observation> {
    // Only objects are tried: a bare number or string is valid JSON and still not ours.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice::<Line>(line).ok().map(Into::into)
}
