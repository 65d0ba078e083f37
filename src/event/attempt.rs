//! How an attempt starts and ends.

use serde::{Deserialize, Serialize};

use super::pass::Said;
use crate::base::{ErrorKind, TaskId, Time};

/// Tokens and money that agents used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens written.
    #[serde(default)]
    pub output_tokens: u64,
    /// Tokens read from the provider's cache.
    #[serde(default)]
    pub cache_tokens: u64,
    /// US dollars; absent when the program does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The part of it that follows from the prices of the configuration.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub computed_usd: f64,
    /// Attempts of which nobody knows what they cost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unpriced: u32,
    /// Attempts of which nobody knows the tokens, or not all of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_nothing(amount: &f64) -> bool {
    *amount <= 0.0
}

impl Usage {
    /// Adds another usage; a cost that only one side knows counts.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_tokens += other.cache_tokens;
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
        self.computed_usd += other.computed_usd;
        self.unpriced += other.unpriced;
        self.uncounted += other.uncounted;
    }

    /// Tokens that a budget counts: in and out, without those that a cache held.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An attempt was decided; its process is started after this line is on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptStarted {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The program that plays the agent.
    pub runtime: String,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why this model and not the one that its step asks for: `fallback after rate_limit on opus`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model_why: String,
    /// Marks every process of the attempt (`CREW_ATTEMPT`).
    pub mark: String,
    /// Milliseconds that the attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Session of the agent program that goes on, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// Why an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The program ended by itself, with a code or by a signal.
    Exited,
    /// It was told to stop.
    Stopped,
    /// It took longer than its step allows.
    Deadline,
    /// It wrote more than the output limit.
    OutputLimit,
    /// It could not be started.
    SpawnFailed,
    /// It and its shim were gone without a record.
    Lost,
    /// It was revoked before it started.
    Revoked,
}

/// An attempt ended: facts only, the task's fate is derived from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptEnded {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Why it ended.
    pub reason: EndReason,
    /// Exit code, when it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// When it ended, by the shim's clock.
    pub ended_at: Time,
    /// Milliseconds from start to end.
    pub duration_ms: u64,
    /// Bytes of standard output.
    #[serde(default)]
    pub output_bytes: u64,
    /// What the agent said, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What went wrong: error text, or the tail of standard error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// Session of the agent program, to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What the agent reported about its turn.
    #[serde(default, skip_serializing_if = "Report::is_empty")]
    pub report: Report,
    /// Tokens and money.
    #[serde(default, skip_serializing_if = "Usage::is_empty")]
    pub usage: Usage,
    /// Descendants that had to be killed after the agent was gone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leftovers: u32,
    /// Whether the worktree changed while the agent ran; absent when it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an agent reported about its turn, by markers in its output or by its tools.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Whether anything was said at all; nothing said is not success.
    #[serde(default)]
    pub spoke: bool,
    /// Verdict of a verifying step: `true` for PASS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<bool>,
    /// How it says that its task stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Said>,
    /// The agent says that it cannot go on, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// The agent says that the task failed, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The program says that its turn came to no good end, or does not say its end, whatever its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// The failure that ended the turn, when the program or its provider told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Tasks that it proposes, as the JSON text between the markers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// A question for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// The model that answered last, where the program names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What each model used, where several did; together they are the usage of the attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelUsage>,
    /// What the session has used until now, over all attempts that went on with it, where the program tells that sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_total: Option<Usage>,
}

/// What one model used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelUsage {
    /// Its name.
    pub model: String,
    /// Tokens and money.
    pub usage: Usage,
}

/// What a session of an agent program has used over all attempts that went on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionTotal {
    /// The program's own id.
    pub session: String,
    /// Tokens and money, as the program told them last.
    pub usage: Usage,
}

impl Report {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A failure of a program or its provider that ended a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of failure it is; decides what happens next.
    pub kind: ErrorKind,
    /// Whether the same call may work later.
    #[serde(default)]
    pub retryable: bool,
    /// When a limit ends, where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_at: Option<Time>,
    /// The program's own words, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How a person mends it, where that is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// A question that parks a task until somebody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// Answers to choose from; empty for free text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}
