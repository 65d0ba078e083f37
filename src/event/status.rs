//! Statuses of runs and results of tasks, with their reasons: the closed words of the log.

use serde::{Deserialize, Serialize};

use crate::base::{TaskId, Time};

/// Status of a run; its data lives inside its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// Exists, not authorised yet.
    Draft,
    /// Authorised; waits for a slot, for other runs or for a moment.
    Queued {
        /// Resumed runs go before new ones of the same priority.
        resumed: bool,
        /// Not before this moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Time>,
    },
    /// At least one task can make progress.
    Running,
    /// Only someone outside can move it.
    Waiting {
        /// What for.
        wait: Wait,
    },
    /// Paused by a person.
    Paused,
    /// Needs attention; can be resumed.
    Blocked {
        /// Why.
        reason: BlockedReason,
        /// The evidence in one line.
        detail: String,
    },
    /// The completion route is executing.
    Merging,
    /// Success.
    Done {
        /// What became of the work.
        outcome: Outcome,
    },
    /// Unrecoverable.
    Failed {
        /// Why.
        reason: FailedReason,
        /// The evidence in one line.
        detail: String,
    },
    /// Ended by a person.
    Cancelled {
        /// How.
        reason: CancelReason,
    },
    /// Tombstone.
    Archived {
        /// The status before.
        last: Box<Status>,
    },
}

/// A [`Status`] without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as the variants of `Status`")]
pub enum StatusKind {
    Draft,
    Queued,
    Running,
    Waiting,
    Paused,
    Blocked,
    Merging,
    Done,
    Failed,
    Cancelled,
    Archived,
}

impl StatusKind {
    /// Every status, in the order of the specification.
    pub const ALL: [Self; 11] = [
        Self::Draft,
        Self::Queued,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Blocked,
        Self::Merging,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Archived,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::Merging => "merging",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Archived => "archived",
        }
    }

    /// Whether nothing more happens without a new decision of a person to reopen or retry.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled | Self::Archived)
    }

    /// Whether a run in this status counts against the project's limit of runs.
    pub fn holds_slot(self) -> bool {
        matches!(self, Self::Running | Self::Merging)
    }

    /// Whether a supervisor lives for a run in this status.
    pub fn needs_supervisor(self) -> bool {
        matches!(self, Self::Running | Self::Merging | Self::Waiting)
    }
}

impl Status {
    /// The status without its data.
    pub fn kind(&self) -> StatusKind {
        match self {
            Self::Draft => StatusKind::Draft,
            Self::Queued { .. } => StatusKind::Queued,
            Self::Running => StatusKind::Running,
            Self::Waiting { .. } => StatusKind::Waiting,
            Self::Paused => StatusKind::Paused,
            Self::Blocked { .. } => StatusKind::Blocked,
            Self::Merging => StatusKind::Merging,
            Self::Done { .. } => StatusKind::Done,
            Self::Failed { .. } => StatusKind::Failed,
            Self::Cancelled { .. } => StatusKind::Cancelled,
            Self::Archived { .. } => StatusKind::Archived,
        }
    }

    /// Whether the run has ended.
    pub fn is_terminal(&self) -> bool {
        self.kind().is_terminal()
    }

    /// Whether the run goes on without anybody's word: it is at work, or waits for a slot, a moment or
    /// other runs.
    pub fn goes_on_by_itself(&self) -> bool {
        match self {
            Self::Queued { .. } | Self::Running | Self::Merging => true,
            Self::Waiting { wait } => matches!(wait, Wait::Limit { .. } | Wait::Children),
            Self::Draft
            | Self::Paused
            | Self::Blocked { .. }
            | Self::Done { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Archived { .. } => false,
        }
    }

    /// The reason as one word, for a blocked, failed or cancelled run.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Blocked { reason, .. } => Some(word(reason)),
            Self::Failed { reason, .. } => Some(word(reason)),
            Self::Cancelled { reason } => Some(word(reason)),
            Self::Archived { last } => last.reason(),
            Self::Draft
            | Self::Queued { .. }
            | Self::Running
            | Self::Waiting { .. }
            | Self::Paused
            | Self::Merging
            | Self::Done { .. } => None,
        }
    }

    /// The evidence in one line, for a blocked or failed run, and for one that needs a login.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Blocked { detail, .. }
            | Self::Failed { detail, .. }
            | Self::Waiting { wait: Wait::Auth { detail } } => Some(detail),
            Self::Archived { last } => last.detail(),
            Self::Draft
            | Self::Queued { .. }
            | Self::Running
            | Self::Waiting { .. }
            | Self::Paused
            | Self::Merging
            | Self::Done { .. }
            | Self::Cancelled { .. } => None,
        }
    }
}

/// The word that a data-less variant is written as.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// What a waiting run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Wait {
    /// A person must write a gate.
    Gate,
    /// A person must answer a task's question.
    Question {
        /// The task that asked first.
        task: TaskId,
    },
    /// Somebody must log in.
    Auth {
        /// Which program, and how.
        #[serde(default)]
        detail: String,
    },
    /// A person must decide what becomes of the branch.
    Merge {
        /// The branch that holds the work.
        branch: String,
        /// What went wrong at the last try.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<MergeTrouble>,
    },
    /// A usage limit must reset.
    Limit {
        /// When the run goes on by itself.
        wake_at: Time,
    },
    /// Child runs must end.
    Children,
}

impl Wait {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Question { .. } => "question",
            Self::Auth { .. } => "auth",
            Self::Merge { .. } => "merge",
            Self::Limit { .. } => "limit",
            Self::Children => "children",
        }
    }
}

/// What went wrong when a merge was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeTrouble {
    /// Conflict, dirty checkout, hook or push refused.
    Error,
    /// The process that merged died.
    Interrupted,
}

/// Why a run is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 5.1")]
pub enum BlockedReason {
    HumanRejected,
    MaxIterations,
    Stalled,
    TaskTimeout,
    AgentCrash,
    SessionLost,
    ContractViolation,
    AgentBlocked,
    ValidationExhausted,
    BudgetSteps,
    BudgetTime,
    BudgetTokens,
    BudgetCost,
    DependencyFailed,
    WorkflowInvalid,
    GateError,
    DeadLoop,
    AuthFailed,
    WorktreeError,
    OutputLimit,
}

impl BlockedReason {
    /// Whether older tools call this a timeout.
    pub fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::BudgetSteps
                | Self::BudgetTime
                | Self::BudgetTokens
                | Self::BudgetCost
                | Self::TaskTimeout
        )
    }
}

/// Why a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 5.1")]
pub enum FailedReason {
    PathPolicy,
    AgentFailed,
    ProviderTerminal,
    RetriesExhausted,
}

/// How a run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 5.1")]
pub enum CancelReason {
    Stopped,
    Rejected,
    Discarded,
    Superseded,
    Parent,
}

/// What became of the work of a run that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 5.1")]
pub enum Outcome {
    Merged,
    PrOpened,
    Delivered,
    NoChanges,
}

/// What a settled task proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskResult {
    /// There is evidence: a verdict, or a command with exit code 0.
    Pass,
    /// There is evidence against it.
    Fail,
    /// It says that it is done; nothing proves it.
    Unverified,
}

/// A row of the table of transitions (SPEC section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the rows are documented in `engine/transitions.rs`")]
pub enum Rule {
    T01,
    T02,
    T03,
    T04,
    T05,
    T06,
    T07,
    T08,
    T09,
    T10,
    T11,
    T11b,
    T12,
    T13,
    T13b,
    T13c,
    T14,
    T14b,
    T15,
    T16,
    T17,
    T18,
    T19,
    T20,
    T21,
    T22,
    T23,
    T24,
    T24b,
    T25,
    T26,
    T27,
    T28,
    T28b,
    T29,
    T30,
    T31,
    T32,
    T33,
    T34,
    T34b,
    T35,
    T36,
    T37,
    T38,
    T38b,
    T39,
    T40,
}
