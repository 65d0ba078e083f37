//! The fold of a run's events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::children::ChildState;
use super::counts::Counts;
use super::facts::{ChannelState, CommandEvidence, DecisionState, StoreState};
use super::index::Index;
use super::merge::MergeState;
use super::models::Limited;
pub use super::spending::Spending;
use super::takeover::Taken;
pub use super::task::{CheckingAttempt, LiveAttempt, OwnTree, TaskState, TaskStatus};
use super::verify::Verification;
use crate::base::{ArtifactName, StepId, TaskId, Time};
use crate::event::message::Message;
use crate::event::policy::BudgetKind;
use crate::event::{Body, Record, RunCreated, Status, Usage};
use crate::plan::graph::{StepIx, StepPlan, TaskIx};
use crate::plan::policy::Budget;
use crate::plan::{Plan, Risk};

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
    /// Since when at least one attempt is live that does not wait for a person's answer.
    pub active_since: Option<Time>,
    /// When the last of the attempts that ended since then did so, as their shims saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_until: Option<Time>,
    /// Models that programs do not know: the program, and the model that it was asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_models: BTreeSet<(String, String)>,
    /// Models that have a limit, with its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limited: Vec<Limited>,
    /// What the attempts used, by task, program, model and day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spendings: Vec<Spending>,
    /// What happened, for metrics.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub counts: Counts,
    /// What may be used up.
    #[serde(default)]
    pub budget: Budget,
    /// Limits that people were told about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned: Vec<BudgetKind>,
    /// Risks that nobody has to accept any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Risk>,
    /// Number of the event with the last words of a person to the agents, or with the last change of the budget.
    #[serde(default)]
    pub words_seq: u64,
    /// Number of the event that last changed the tree.
    #[serde(default)]
    pub tree_seq: u64,
    /// Stores of the gates, once they were written or emptied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stores: BTreeMap<String, StoreState>,
    /// By position in the plan; those of dependencies stay empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<ChannelState>,
    /// What the commands of the workflow said, by name and tree.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, BTreeMap<String, CommandEvidence>>,
    /// Commands that agents asked for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verifications: BTreeMap<String, Verification>,
    /// Decisions in the order in which they were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<DecisionState>,
    /// Runs that this run proposed, in the order of the proposals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChildState>,
    /// The last try to take the work over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeState>,
    /// Tasks that people have taken over, by position.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<TaskIx, Taken>,
    /// What an attempt touched although nobody may: the run has failed, or does as soon as it is running.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub denied: String,
    /// Passes that people have added to every loop.
    #[serde(default)]
    pub passes_added: u32,
    /// How often the finished work was red since a person's last word.
    #[serde(default)]
    pub final_reds: u32,
    /// Nobody has answered for long; the reminder was given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hibernated: bool,
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
    /// Activations over the whole run.
    #[serde(default)]
    pub activations: u32,
    /// Whether its proposal was taken in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expanded: bool,
    /// Number of the event that took it in.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expanded_seq: u64,
    /// Tasks or runs that it proposed.
    #[serde(default)]
    pub added: u32,
    /// What a person said about its proposal, when its step needs that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// The step that added it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<StepIx>,
    /// The step that proposed it, when its proposal needs a person's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<StepIx>,
    /// The task whose tree it works in, to resolve a conflict there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolves: Option<TaskIx>,
    /// Feedback that its tasks are given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub feedback: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
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
    /// Commit and tree that the work started from, where they are not those that the run was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<(String, String)>,
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
    /// Tasks and attempts that said they have read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acked: Vec<(TaskId, u32)>,
    /// Why nobody will get it: taken back by its sender, or its target is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<String>,
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

impl State {
    /// The state after the first event of a log, or nothing when that is not a run whose plan holds together.
    pub fn begin(record: &Record) -> Option<Self> {
        let Body::RunCreated(created) = &record.body else {
            return None;
        };
        if !created.plan.is_sound() {
            return None;
        }
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
            active_until: None,
            unknown_models: BTreeSet::new(),
            limited: Vec::new(),
            spendings: Vec::new(),
            counts: Counts::default(),
            budget: created.policy.budget,
            warned: Vec::new(),
            accepted: Vec::new(),
            words_seq: record.seq,
            tree_seq: 0,
            stores: BTreeMap::new(),
            channels: vec![ChannelState::default(); declared_channels(&created.plan)],
            evidence: BTreeMap::new(),
            verifications: BTreeMap::new(),
            decisions: Vec::new(),
            children: Vec::new(),
            merge: None,
            taken: BTreeMap::new(),
            denied: String::new(),
            passes_added: 0,
            final_reds: 0,
            hibernated: false,
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

    /// The plan, shared.
    pub fn plan_arc(&self) -> Arc<Plan> {
        Arc::clone(self.shared_plan())
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

    /// Whether an attempt lives, or one that has ended is looked at.
    pub fn is_at_work_now(&self) -> bool {
        !self.index.live.is_empty() || !self.index.checking.is_empty()
    }

    /// Number of tasks that are ready, due or not.
    pub fn ready_count(&self) -> usize {
        self.index.ready.len() + self.index.delayed.len()
    }

    /// Tasks that asked a question, in order.
    pub fn asking(&self) -> impl Iterator<Item = TaskIx> {
        self.index.asking.iter().copied()
    }

    /// Whether all tasks of a step are done, and all runs that it started have ended.
    pub fn is_step_done(&self, step: StepIx) -> bool {
        self.index.steps[step].is_done(self.plan().steps[step].slots)
    }

    /// Milliseconds during which at least one attempt was live, until `now`.
    pub fn active_ms_at(&self, now: Time) -> u64 {
        self.active_ms + self.active_since.map_or(0, |since| now.since_ms(since))
    }

    /// Commit and tree that the run's work started from; nothing without git.
    pub fn start_of_work(&self) -> Option<(&str, &str)> {
        let start = self.worktree.as_ref().and_then(|worktree| worktree.start.as_ref());
        let first =
            || self.created.git.as_ref().map(|git| (git.commit.as_str(), git.tree.as_str()));
        start.map(|(commit, tree)| (commit.as_str(), tree.as_str())).or_else(first)
    }

    /// Forgets every place that the log names: whoever wrote it may have meant places of others.
    ///
    /// The run is looked at, in its own folder, and nothing else.
    pub fn disown(&mut self, folder: &Utf8Path) {
        let created = Arc::make_mut(&mut self.created);
        created.git = None;
        folder.clone_into(&mut created.root);
        self.worktree = None;
        for task in &mut self.tasks {
            task.own = None;
        }
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

/// Places for the state of channels: none in a plan without declared ones.
fn declared_channels(plan: &Plan) -> usize {
    let has_declared = plan.channels.iter().any(|channel| !channel.depends_on);
    if has_declared { plan.channels.len() } else { 0 }
}
