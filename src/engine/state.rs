//! The fold of a run's events.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::index::Index;
use crate::base::{ArtifactName, StepId, TaskId, Time};
use crate::event::attempt::Question;
use crate::event::body::{CheckFinished, HeartbeatLevel};
use crate::event::message::Message;
use crate::event::{
    AttemptEnded, BlockedReason, Body, Record, RunCreated, Status, TaskResult, Usage,
};
use crate::plan::Plan;
use crate::plan::graph::{StepIx, StepPlan, TaskIx};

/// What a run is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The first event: goal, plan, limits.
    pub created: Arc<RunCreated>,
    /// Number of the last event.
    pub seq: u64,
    /// Moment of the first event.
    pub created_at: Time,
    /// Moment of the last event.
    pub updated_at: Time,
    /// Status of the run.
    pub status: Status,
    /// Since when it has this status.
    pub status_since: Time,
    /// Number of the event that set the status.
    pub status_seq: u64,
    /// Passes through the cycles, from 1.
    pub epoch: u32,
    /// Firings that led back.
    pub cycles: u32,
    /// The plan with the steps that were added to it; absent while it is the frozen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expanded: Option<Arc<Plan>>,
    /// By position in the plan.
    pub steps: Vec<StepState>,
    /// By position: the slots of all steps in the order of the plan.
    pub tasks: Vec<TaskState>,
    /// The run's worktree, once it exists.
    pub worktree: Option<WorktreeState>,
    /// Used by all attempts together.
    pub usage: Usage,
    /// Milliseconds during which at least one attempt was live.
    pub active_ms: u64,
    /// Since when at least one attempt is live.
    pub active_since: Option<Time>,
    /// Messages in the order in which they were sent.
    pub messages: Vec<MessageState>,
    /// Artifacts by name.
    pub artifacts: BTreeMap<ArtifactName, ArtifactState>,
    /// Commands that were refused.
    pub refused: u64,
    /// Supervisors that drove the run.
    pub supervisors: u32,
    /// Sets and counters derived from the fields above.
    #[serde(skip)]
    pub(super) index: Index,
}

/// What is known of a step beyond its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepState {
    /// Epoch in which it was activated; 0 = not yet.
    #[serde(default)]
    pub activated: u32,
    /// Whether its proposal was added to the plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expanded: bool,
    /// Feedback that its tasks are given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feedback: String,
}

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskState {
    /// Where it stands.
    pub status: TaskStatus,
    /// Number of the last event about it.
    pub seq: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// Further attempts after failures, charged to the step's `retries`.
    #[serde(default)]
    pub retries: u32,
    /// Attempts that crashed since the last one that did not.
    #[serde(default)]
    pub crashes: u32,
    /// Restarts after a timeout or silence.
    #[serde(default)]
    pub timeouts: u32,
    /// Nudges after an attempt that did not do what its step demands.
    #[serde(default)]
    pub nudges: u32,
    /// Another program plays it than the plan says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Session of the agent program, to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What the next attempt is told went wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// Its last question, and what a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<(String, String)>,
    /// When the first attempt of this activation started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the last attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// Milliseconds of all its attempts.
    #[serde(default)]
    pub active_ms: u64,
    /// What its agent said last, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Used by its attempts.
    #[serde(default)]
    pub usage: Usage,
    /// How its last attempt ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Box<AttemptEnded>>,
}

/// Where a task stands; its data lives inside its variants.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TaskStatus {
    /// Its step is not activated.
    #[default]
    Pending,
    /// It can start as soon as there is a slot.
    Ready {
        /// Since when.
        since: Time,
        /// Not before this moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Time>,
    },
    /// An attempt is live.
    Running(Box<LiveAttempt>),
    /// The attempt ended and its result is being looked at.
    Checking(Box<CheckingAttempt>),
    /// It asked a question.
    WaitingInput {
        /// What it asked.
        question: Question,
        /// When.
        since: Time,
    },
    /// Settled well.
    Done {
        /// What it proved.
        result: TaskResult,
    },
    /// Settled badly.
    Failed {
        /// Why.
        why: String,
        /// The run is blocked with this reason, and a person can resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocks: Option<BlockedReason>,
    },
    /// Not done because something before it failed or the run was stopped.
    Skipped {
        /// Why.
        why: String,
    },
    /// It took too long, twice.
    TimedOut {
        /// Why.
        why: String,
    },
    /// Its result belongs to an earlier epoch.
    Stale,
}

/// An attempt that lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveAttempt {
    /// Its number.
    pub number: u32,
    /// The program.
    pub runtime: String,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Marks its processes.
    pub mark: String,
    /// When it was decided.
    pub started_at: Time,
    /// Milliseconds that it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Session that it goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Level of its heartbeat.
    #[serde(default)]
    pub heartbeat: HeartbeatLevel,
    /// Whether attention was raised because nothing was printed.
    #[serde(default)]
    pub no_output: bool,
    /// When attention was raised because it fell silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    /// Why it is being stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<String>,
}

/// An attempt whose result is being looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckingAttempt {
    /// How it ended.
    pub end: AttemptEnded,
    /// Why it was stopped, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What the runtime found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckFinished>,
}

/// The run's worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorktreeState {
    /// Its folder.
    pub path: Utf8PathBuf,
    /// Its branch.
    pub branch: String,
    /// Newest commit of the branch that crew knows.
    pub commit: String,
    /// Tree of that commit, once an attempt was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
}

/// A message and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageState {
    /// The message.
    pub message: Message,
    /// Tasks and attempts that it was given to; one to the run goes to each task once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<(TaskId, u32)>,
}

/// An artifact as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactState {
    /// The task that made it.
    pub task: TaskId,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content.
    pub hash: String,
    /// When it was stored.
    pub at: Time,
}

impl TaskStatus {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready { .. } => "ready",
            Self::Running(_) => "running",
            Self::Checking(_) => "checking",
            Self::WaitingInput { .. } => "waiting_input",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::TimedOut { .. } => "timed_out",
            Self::Stale => "stale",
        }
    }

    /// Whether nothing more happens to the task in this epoch by itself.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Done { .. }
            | Self::Failed { .. }
            | Self::Skipped { .. }
            | Self::TimedOut { .. }
            | Self::Stale => true,
            Self::Pending
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::WaitingInput { .. } => false,
        }
    }

    /// The live attempt of a running task.
    pub fn as_live(&self) -> Option<&LiveAttempt> {
        if let Self::Running(live) = self { Some(live) } else { None }
    }

    /// The ended attempt of a task that is being checked.
    pub fn as_checking(&self) -> Option<&CheckingAttempt> {
        if let Self::Checking(checking) = self { Some(checking) } else { None }
    }

    /// Whether what depends on the task can never be done.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Self::Failed { blocks: None, .. } | Self::Skipped { .. })
    }

    /// Why the run will be blocked on account of the task, when it will.
    pub fn blocks(&self) -> Option<BlockedReason> {
        match self {
            Self::Failed { blocks, .. } => *blocks,
            Self::TimedOut { .. } => Some(BlockedReason::TaskTimeout),
            Self::Pending
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::WaitingInput { .. }
            | Self::Done { .. }
            | Self::Skipped { .. }
            | Self::Stale => None,
        }
    }

    /// Why the task stands where it stands, for statuses that carry a reason.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed { why, .. } | Self::Skipped { why } | Self::TimedOut { why } => Some(why),
            Self::WaitingInput { question, .. } => Some(&question.text),
            Self::Pending
            | Self::Ready { .. }
            | Self::Running(_)
            | Self::Checking(_)
            | Self::Done { .. }
            | Self::Stale => None,
        }
    }
}

impl State {
    /// The state after the first event of a log, or nothing when that is not `run.created`.
    pub fn begin(record: &Record) -> Option<Self> {
        let Body::RunCreated(created) = &record.body else {
            return None;
        };
        let steps = created.plan.steps.len();
        let mut state = Self {
            created: Arc::new(created.clone()),
            seq: record.seq,
            created_at: record.at,
            updated_at: record.at,
            status: Status::Draft,
            status_since: record.at,
            status_seq: record.seq,
            epoch: 1,
            cycles: 0,
            expanded: None,
            steps: vec![StepState::default(); steps],
            tasks: vec![TaskState::default(); created.plan.task_count()],
            worktree: None,
            usage: Usage::default(),
            active_ms: 0,
            active_since: None,
            messages: Vec::new(),
            artifacts: BTreeMap::new(),
            refused: 0,
            supervisors: 0,
            index: Index::default(),
        };
        state.index = Index::of(&state);
        Some(state)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.shared_plan()
    }

    /// The plan, to be held while the state changes.
    pub(super) fn shared_plan(&self) -> &Arc<Plan> {
        self.expanded.as_ref().unwrap_or(&self.created.plan)
    }

    /// The step that a task plays.
    pub fn step_of(&self, task: TaskIx) -> &StepPlan {
        &self.plan().steps[self.index.step_of[task]]
    }

    /// Position of the step that a task plays.
    pub fn step_ix_of(&self, task: TaskIx) -> StepIx {
        self.index.step_of[task]
    }

    /// Positions of the tasks of a step.
    pub fn tasks_of(&self, step: StepIx) -> std::ops::Range<TaskIx> {
        let first = self.index.first_task[step];
        first..first + self.plan().steps[step].slots as usize
    }

    /// Name of a task.
    pub fn task_id(&self, task: TaskIx) -> TaskId {
        let step = self.index.step_of[task];
        let plan = &self.plan().steps[step];
        let slot = (plan.slots > 1)
            .then(|| u32::try_from(task - self.index.first_task[step] + 1).unwrap_or(u32::MAX));
        TaskId::new(plan.id.clone(), slot)
    }

    /// Position of the task with this name.
    pub fn task_ix(&self, id: &TaskId) -> Option<TaskIx> {
        let step = self.step_ix(id.step())?;
        let slots = self.plan().steps[step].slots;
        let slot = match (id.slot(), slots) {
            (None, 1) => 0,
            (Some(slot), slots) if slots > 1 && (1..=slots).contains(&slot) => slot - 1,
            _ => return None,
        };
        Some(self.index.first_task[step] + slot as usize)
    }

    /// Position of the step with this name.
    pub fn step_ix(&self, id: &StepId) -> Option<StepIx> {
        self.index.by_name.get(id).copied()
    }

    /// Tasks whose attempts live, in order.
    pub fn live(&self) -> impl Iterator<Item = (TaskIx, &LiveAttempt)> {
        self.index
            .live
            .iter()
            .filter_map(|&task| self.tasks[task].status.as_live().map(|live| (task, live)))
    }

    /// Number of live attempts.
    pub fn live_count(&self) -> usize {
        self.index.live.len()
    }

    /// Number of tasks that are ready, due or not.
    pub fn ready_count(&self) -> usize {
        self.index.ready.len() + self.index.delayed.len()
    }

    /// Tasks that asked a question, in order.
    pub fn asking(&self) -> impl Iterator<Item = TaskIx> {
        self.index.asking.iter().copied()
    }

    /// Whether all tasks of a step are done.
    pub fn is_step_done(&self, step: StepIx) -> bool {
        self.index.steps[step].done == self.plan().steps[step].slots
    }

    /// Milliseconds during which at least one attempt was live, until `now`.
    pub fn active_ms_at(&self, now: Time) -> u64 {
        self.active_ms + self.active_since.map_or(0, |since| now.since_ms(since))
    }

    /// The run's name: `project#number`.
    pub fn reference(&self) -> String {
        format!("{}#{}", self.created.project, self.created.number)
    }

    /// Whether this state's derived sets equal those that its facts give; the oracle of the tests.
    pub fn is_consistent(&self) -> bool {
        self.index == Index::of(self)
    }

    /// Derives the sets and counters again, after the facts were read from a checkpoint.
    pub(super) fn reindex(&mut self) {
        self.index = Index::of(self);
    }
}
