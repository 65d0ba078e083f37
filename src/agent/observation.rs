//! What an agent did, in one vocabulary for all programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Time;
pub use crate::base::failure::ErrorKind;

/// One thing that an agent's output says.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The program named its session; with this id it can be resumed.
    Session {
        /// The program's own id.
        id: String,
    },
    /// The model that answers, as the program names it.
    Model {
        /// Its name.
        name: String,
    },
    /// A complete piece of text to the reader; never half a sentence of a stream.
    Text {
        /// The text.
        text: String,
    },
    /// Reasoning that the program shows.
    Thinking {
        /// The text.
        text: String,
    },
    /// A tool call began.
    ToolStart {
        /// Joins it with its end.
        id: String,
        /// Name of the tool.
        name: String,
        /// One line: the command, the file.
        detail: String,
    },
    /// A tool call ended.
    ToolEnd {
        /// The id of its start.
        id: String,
        /// Whether it worked.
        ok: bool,
        /// One line about what came back.
        detail: String,
    },
    /// Tokens and cost since the last report of usage.
    Usage(Usage),
    /// The same for one model, from a program that tells its models apart.
    UsageOf {
        /// The model, as the program names it.
        model: String,
        /// Its part.
        usage: Usage,
    },
    /// The tokens that are told for this turn are not all of them.
    UsageIsPart,
    /// The agent asks and cannot go on without an answer.
    Question {
        /// The question.
        text: String,
        /// Proposed answers; empty when any text will do.
        choices: Vec<String>,
    },
    /// The program may not use a tool; it goes on without.
    Denied {
        /// Name of the tool.
        tool: String,
        /// Why, in the program's words.
        reason: String,
    },
    /// A call failed and the program tries it again by itself.
    Retry {
        /// What kind of failure it was.
        kind: ErrorKind,
        /// The program's own words.
        text: String,
    },
    /// The program or its provider failed.
    Error {
        /// What kind of failure it is.
        kind: ErrorKind,
        /// Whether the same call may work later.
        retryable: bool,
        /// When a limit ends, where the provider says so.
        reset_at: Option<Time>,
        /// The program's own words.
        text: String,
    },
    /// The turn's final answer.
    Result {
        /// The answer.
        text: String,
        /// What the program thinks of it.
        status: ResultStatus,
    },
    /// The agent wants to write a gate; the runtime decides whether it may.
    GateWrite {
        /// The gate.
        gate: String,
        /// The fields to set.
        values: BTreeMap<String, Value>,
    },
    /// The agent wants to send a message; the runtime decides whether it may.
    Message {
        /// The address: a task, `run` or `human`.
        to: String,
        /// The text.
        text: String,
    },
    /// The agent hands over a file.
    Artifact {
        /// Name of the artifact, as the agent gave it.
        name: String,
        /// Its content.
        text: String,
    },
    /// The agent says how its task stands, by protocol instead of by a line in its text.
    Marker {
        /// How it stands.
        state: TaskState,
        /// Why it is blocked, or a summary.
        reason: Option<String>,
    },
    /// The program has a message that came while it works.
    Delivered {
        /// Name of the message.
        id: String,
        /// What it says.
        text: String,
    },
    /// The program did not take a message that came while it works.
    Undelivered {
        /// Name of the message.
        id: String,
        /// What was in the way.
        why: String,
    },
    /// The program asks in the middle of its turn, and waits.
    Request {
        /// What it wants to do, or to know.
        text: String,
        /// The answers; empty when any text will do.
        choices: Vec<String>,
    },
    /// What the program was told when it asked.
    Answer {
        /// The answer.
        text: String,
        /// Nobody answered in time.
        late: bool,
    },
    /// A line that no rule knows: kept and shown, never an error.
    Raw {
        /// The line, cut when it is very long.
        line: String,
    },
}

impl Observation {
    /// Whether the program only tries a call again after this, when it did `before` or not.
    pub fn is_retrying(&self, before: bool) -> bool {
        match self {
            Self::Text { .. }
            | Self::Thinking { .. }
            | Self::ToolStart { .. }
            | Self::ToolEnd { .. }
            | Self::Question { .. }
            | Self::Result { .. }
            | Self::GateWrite { .. }
            | Self::Message { .. }
            | Self::Artifact { .. }
            | Self::Delivered { .. }
            | Self::Request { .. }
            | Self::Answer { .. }
            | Self::Marker { .. } => false,
            Self::Retry { .. } => true,
            Self::Session { .. }
            | Self::Model { .. }
            | Self::Usage(_)
            | Self::UsageOf { .. }
            | Self::UsageIsPart
            | Self::Denied { .. }
            | Self::Undelivered { .. }
            | Self::Error { .. }
            | Self::Raw { .. } => before,
        }
    }
}

/// Tokens and cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens read that no cache held.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens read from a cache.
    pub cache_tokens: u64,
    /// Cost; `None` is unknown and stays so.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Tokens of all kinds.
    pub fn tokens(&self) -> u64 {
        let read = self.input_tokens.saturating_add(self.cache_tokens);
        read.saturating_add(self.output_tokens)
    }

    /// Adds another report; a known cost plus an unknown one is the known one.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_tokens = self.cache_tokens.saturating_add(other.cache_tokens);
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (Some(mine), Some(more)) => Some(mine + more),
            (mine, more) => mine.or(more),
        };
    }
}

/// What the program thinks of its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// It finished its turn.
    #[default]
    Ok,
    /// It gave up.
    Error,
}

/// How an agent says its task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskState {
    /// Nothing is left to do.
    Done,
    /// Another pass is needed.
    Continue,
    /// Somebody else must act first.
    Blocked,
}

impl TaskState {
    /// The state that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Done, Self::Continue, Self::Blocked]
            .into_iter()
            .find(|state| state.word().eq_ignore_ascii_case(word))
    }

    /// The word for it in marker lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Continue => "CONTINUE",
            Self::Blocked => "BLOCKED",
        }
    }
}

/// What a verifying agent concludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The work is good.
    Pass,
    /// It is not.
    Fail,
}

impl Verdict {
    /// The verdict that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pass, Self::Fail]
            .into_iter()
            .find(|verdict| verdict.word().eq_ignore_ascii_case(word))
    }

    /// The word for it in verdict lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
        }
    }
}
