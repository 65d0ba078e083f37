//! What may happen in a run: a closed enum, one data struct for each type of event.
// Long because the list of all events and their data are read together.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::attempt::{AttemptEnded, AttemptStarted, Question};
use super::child::{ChildCreated, ChildEnded, ChildrenProposed, ChildrenRefused, ChildrenReleased};
use super::created::RunCreated;
use super::decision::{DecisionMade, DecisionOpened, DecisionShown};
use super::gate::{
    ChannelsFired, EvidenceRecorded, GateWritten, StoreWrite, TurnReported, VerificationAsked,
};
use super::merge::{MergeBuilt, MergeFinished, MergeStarted, MergeStopping};
use super::message::Message;
use super::pass::{PassFinished, PassesAdded};
use super::policy::{BudgetChanged, BudgetWarned, RiskAccepted};
use super::status::{Rule, Status, TaskResult};
use super::takeover::{TaskHandedBack, TaskTaken};
use super::tree::{TreeConflicted, TreeMerged, TreePrepared};
use crate::base::{ArtifactName, StepId, TaskId, Time};
use crate::plan::AddedStep;
use crate::plan::paths::{NOT_ALLOWED, OUTSIDE};

macro_rules! bodies {
    ($($kind:literal => $name:ident,)*) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body {
            $(#[doc = concat!("`", $kind, "`")] $name($name),)*
            /// An event of a newer version: kept, skipped, and it forbids writing.
            Unknown {
                /// Its type.
                kind: String,
                /// Its data as it stands in the log.
                data: String,
            },
        }

        impl Body {
            /// Every type that this version knows.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// The type as it is written in the log.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$name(_) => $kind,)*
                    Self::Unknown { kind, .. } => kind,
                }
            }

            /// Reads the data of an event of this type.
            ///
            /// # Errors
            /// The data of a known type does not have its fields.
            pub fn parse(kind: &str, data: &RawValue) -> Result<Self, serde_json::Error> {
                match kind {
                    $($kind => serde_json::from_str(data.get()).map(Self::$name),)*
                    _ => Ok(Self::Unknown { kind: kind.to_owned(), data: data.get().to_owned() }),
                }
            }
        }

        impl Serialize for Body {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(data) => data.serialize(serializer),)*
                    Self::Unknown { data, .. } => {
                        RawValue::from_string(data.clone())
                            .map_err(serde::ser::Error::custom)?
                            .serialize(serializer)
                    }
                }
            }
        }

        $(impl From<$name> for Body {
            fn from(data: $name) -> Self {
                Self::$name(data)
            }
        })*
    };
}

bodies! {
    "run.created" => RunCreated,
    "run.transitioned" => RunTransitioned,
    "run.noted" => RunNoted,
    "supervisor.started" => SupervisorStarted,
    "worktree.created" => WorktreeCreated,
    "plan.expanded" => PlanExpanded,
    "children.proposed" => ChildrenProposed,
    "child.created" => ChildCreated,
    "children.released" => ChildrenReleased,
    "children.refused" => ChildrenRefused,
    "child.ended" => ChildEnded,
    "task.activated" => TaskActivated,
    "channels.fired" => ChannelsFired,
    "gate.written" => GateWritten,
    "evidence.recorded" => EvidenceRecorded,
    "verification.asked" => VerificationAsked,
    "risk.accepted" => RiskAccepted,
    "budget.changed" => BudgetChanged,
    "budget.warned" => BudgetWarned,
    "decision.opened" => DecisionOpened,
    "decision.shown" => DecisionShown,
    "decision.made" => DecisionMade,
    "task.readied" => TaskReadied,
    "task.settled" => TaskSettled,
    "task.taken" => TaskTaken,
    "task.handed_back" => TaskHandedBack,
    "attempt.started" => AttemptStarted,
    "attempt.stopping" => AttemptStopping,
    "attempt.ended" => AttemptEnded,
    "check.finished" => CheckFinished,
    "tree.prepared" => TreePrepared,
    "tree.merged" => TreeMerged,
    "tree.conflicted" => TreeConflicted,
    "pass.finished" => PassFinished,
    "passes.added" => PassesAdded,
    "heartbeat.changed" => HeartbeatChanged,
    "attention.raised" => AttentionRaised,
    "question.asked" => QuestionAsked,
    "question.parked" => QuestionParked,
    "question.withdrawn" => QuestionWithdrawn,
    "turn.reported" => TurnReported,
    "merge.started" => MergeStarted,
    "merge.built" => MergeBuilt,
    "merge.stopping" => MergeStopping,
    "merge.finished" => MergeFinished,
    "artifact.stored" => ArtifactStored,
    "message.sent" => MessageSent,
    "message.delivered" => MessageDelivered,
    "message.acked" => MessageAcked,
    "message.retracted" => MessageRetracted,
    "message.dead" => MessageDead,
    "command.refused" => CommandRefused,
    "log.truncated" => LogTruncated,
}

/// The run went from one status to another by a row of the table of transitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunTransitioned {
    /// The row.
    pub rule: Rule,
    /// The new status.
    pub to: Status,
    /// What the person said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Something worth knowing that changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunNoted {
    /// One line for people.
    pub text: String,
}

/// A supervisor took the run over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupervisorStarted {
    /// Its process.
    pub pid: u32,
    /// Version of crew.
    pub version: String,
    /// Name of the machine.
    pub host: String,
}

/// The run's worktree exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorktreeCreated {
    /// Its folder.
    pub path: Utf8PathBuf,
    /// Its branch.
    pub branch: String,
    /// The commit it starts from.
    pub commit: String,
    /// Tree of that commit, where it is not the one that the run was created with: others that it comes
    /// after have brought their work in since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
}

/// Tasks that a step proposed were checked and added to the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanExpanded {
    /// The step that proposed them.
    pub step: StepId,
    /// The new steps.
    pub added: Vec<AddedStep>,
}

/// Everything that steps depend on is done: their tasks are to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskActivated {
    /// The steps that were activated in one go.
    pub steps: Vec<StepId>,
}

/// A task is to be tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReadied {
    /// The task.
    pub task: TaskId,
    /// Why.
    pub cause: ReadyCause,
    /// Not before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// What the next attempt is told went wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// Another program plays the task from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Another model does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
}

/// Which of the models of a task is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelChoice {
    /// Its place: 0 is what the step asks for, then come the fallback models of its agent.
    pub place: u32,
    /// Why it is not the first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Why a task is to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyCause {
    /// The attempt failed and the step allows another.
    Retry,
    /// The attempt crashed.
    Crash,
    /// It took too long or fell silent; once.
    Timeout,
    /// It was interrupted by a pause; nothing is charged.
    Interrupted,
    /// It never started; nothing is charged.
    Revoked,
    /// The agent ended without what its step demands; once.
    Contract,
    /// A person asked for it.
    Human,
    /// Its question was answered.
    Answer,
    /// A command of its gates was red.
    Validation,
    /// Its loop goes on.
    Pass,
    /// The finished work was red.
    Final,
    /// The tree has changed since it voted.
    Outdated,
    /// A usage limit was reached, or the provider is too busy.
    Limit,
    /// Another model takes over.
    Fallback,
    /// The conversation no longer fitted: a new session goes on.
    Overflow,
    /// The session that it was to go on with is not known: a new one goes on.
    Session,
}

/// A task reached its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSettled {
    /// The task.
    pub task: TaskId,
    /// How it settled.
    pub status: Settled,
    /// What it proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskResult>,
    /// Why, when it is not done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The run is blocked with this reason when nothing else can move: a person can resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<super::status::BlockedReason>,
}

/// How a task settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 5.3")]
pub enum Settled {
    Done,
    Failed,
    Skipped,
    TimedOut,
}

/// A live attempt is to be stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptStopping {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Why.
    pub why: String,
}

/// The runtime looked at what an attempt left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckFinished {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Commit of the run's branch after the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Tree of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Files that the attempt changed.
    #[serde(default)]
    pub files: u32,
    /// What it changed although it may only read; the first paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<String>,
    /// Reference that keeps those changes; the tree is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// What it touched although nobody may; the first paths. Nothing was committed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<DeniedPath>,
    /// All of these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub denied_count: u32,
    /// Files with a conflict that is not resolved; the first ones. Nothing was committed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// What went wrong with the check itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CheckFinished {
    /// What was touched although nobody may, in words; nothing when that is nothing.
    pub fn denied_words(&self) -> String {
        if self.denied.is_empty() {
            return String::new();
        }
        let named = self.denied.iter().map(|hit| match hit.pattern.as_str() {
            NOT_ALLOWED | OUTSIDE => format!("{:?} ({})", hit.path, hit.pattern),
            pattern => format!("{:?} (denied by `{pattern}`)", hit.path),
        });
        let mut words = format!("it touched {}", named.collect::<Vec<_>>().join(", "));
        let more = (self.denied_count as usize).saturating_sub(self.denied.len());
        if more > 0 {
            words = format!("{words} and {more} more");
        }
        words
    }
}

/// A path that was touched and may not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedPath {
    /// Its name relative to the top of the worktree; of a link also where it leads.
    pub path: String,
    /// The pattern that denies it.
    pub pattern: String,
}

/// A live attempt's heartbeat went to another level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatChanged {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// The new level.
    pub level: HeartbeatLevel,
    /// Milliseconds since the last beat.
    pub age_ms: u64,
}

/// How old a heartbeat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 13")]
pub enum HeartbeatLevel {
    #[default]
    Healthy,
    Warn,
    Stale,
    Dead,
}

/// Something about a live attempt needs a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttentionRaised {
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// What it is.
    pub kind: Attention,
    /// The evidence.
    pub detail: String,
}

/// What needs a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Nothing was printed since the start.
    FirstOutput,
    /// Nothing was printed for long.
    Silence,
    /// It has done nothing for long but try the same call again.
    Retries,
}

/// A task parked itself with a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionAsked {
    /// The task.
    pub task: TaskId,
    /// What is asked.
    pub question: Question,
}

/// Nobody answered while the agent held its turn: the answer starts its next attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionParked {
    /// The task.
    pub task: TaskId,
}

/// A question needs no answer any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionWithdrawn {
    /// The task.
    pub task: TaskId,
    /// Why.
    pub why: String,
}

/// A file was stored under `artifacts/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactStored {
    /// Its name.
    pub name: ArtifactName,
    /// The task that made it.
    pub task: TaskId,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, 64 hexadecimal digits.
    pub hash: String,
}

/// A message was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageSent {
    /// The whole message.
    pub message: Message,
    /// What it writes into stores before it is delivered, all or nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<StoreWrite>,
    /// Number of the writer's attempt, when it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// Messages were put into the prompt of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageDelivered {
    /// Their ids.
    pub ids: Vec<String>,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
}

/// The receiver says that it has read messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageAcked {
    /// Their ids.
    pub ids: Vec<String>,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
}

/// The sender took a message back before anybody had it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRetracted {
    /// Its id.
    pub id: String,
}

/// Messages will never be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageDead {
    /// Their ids.
    pub ids: Vec<String>,
    /// Why.
    pub why: String,
}

/// A command was refused and changed nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRefused {
    /// What was asked for.
    pub command: String,
    /// One word.
    pub code: String,
    /// Why.
    pub reason: String,
}

/// A torn tail was cut off and kept beside the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogTruncated {
    /// Bytes that were cut.
    pub bytes: u64,
    /// File that holds them, in the run's folder.
    pub file: String,
}
