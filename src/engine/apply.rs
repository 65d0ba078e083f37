//! The only mutator of a state: one event in, one step on.
//!
//! Applying never fails and never panics: an event that names something unknown is skipped, so that
//! a log of another version still opens.

use std::collections::BTreeSet;

use super::facts::ChannelState;
use super::failure::is_over;
use super::merge::MergeState;
use super::state::{ArtifactState, State, StepState, TaskState, TaskStatus, WorktreeState};
use crate::base::{StepId, Time};
use crate::event::body::{
    ArtifactStored, PlanExpanded, ReadyCause, Settled, TaskActivated, TaskReadied, TaskSettled,
};
use crate::event::{BlockedReason, Body, Record, Rule, Status, TaskResult, Wait};
use crate::plan::graph::{StepIx, TaskIx};

impl State {
    /// Takes one record of the log in.
    pub fn apply_record(&mut self, record: &Record) {
        debug_assert_eq!(record.seq, self.seq + 1, "records are applied in order");
        self.apply(record.at, &record.body);
    }

    /// Takes one event in; it gets the next number.
    #[expect(clippy::too_many_lines, reason = "one arm for each event, so that none is forgotten")]
    pub(super) fn apply(&mut self, at: Time, body: &Body) {
        self.seq += 1;
        self.updated_at = self.updated_at.max(at);
        match body {
            Body::RunTransitioned(moved) => self.transitioned(at, moved.rule, &moved.to),
            Body::SupervisorStarted(_) => {
                self.supervisors += 1;
                self.orphan_merge();
            }
            Body::MergeStarted(started) => self.merge = Some(MergeState::begin(started, self.seq)),
            Body::MergeBuilt(built) => self.edit_merge(|merge| merge.built = Some(built.clone())),
            Body::MergeStopping(_) => self.edit_merge(|merge| merge.stopping = true),
            Body::MergeFinished(finished) => {
                self.edit_merge(|merge| merge.result = Some(finished.result.clone()));
            }
            Body::WorktreeCreated(made) => {
                let start = made.tree.clone().map(|tree| (made.commit.clone(), tree));
                self.worktree = Some(WorktreeState {
                    start,
                    path: made.path.clone(),
                    branch: made.branch.clone(),
                    commit: made.commit.clone(),
                    tree: self.worktree.as_ref().and_then(|old| old.tree.clone()),
                });
            }
            Body::PlanExpanded(expanded) => self.expand(expanded),
            Body::ChildrenProposed(proposed) => self.children_proposed(proposed),
            Body::ChildCreated(created) => self.child_created(created),
            Body::ChildrenReleased(released) => self.children_released(released),
            Body::ChildrenRefused(refused) => self.children_refused(refused),
            Body::ChildEnded(ended) => self.child_ended(ended),
            Body::TaskActivated(activated) => self.activated(at, activated),
            Body::TaskReadied(readied) => self.readied(at, readied),
            Body::TaskSettled(settled) => self.settled(settled),
            Body::TaskTaken(taken) => self.task_taken(at, taken),
            Body::TaskHandedBack(back) => self.task_handed_back(at, back),
            Body::AttemptStarted(started) => self.attempt_started(at, started),
            Body::AttemptStopping(stopping) => {
                self.edit_live(&stopping.task, |live| live.stopping = Some(stopping.why.clone()));
            }
            Body::AttemptEnded(end) => self.attempt_ended(at, end),
            Body::CheckFinished(check) => self.checked(check),
            Body::TreePrepared(made) => self.tree_prepared(made),
            Body::TreeMerged(merged) => self.tree_merged(merged),
            Body::TreeConflicted(found) => self.tree_conflicted(at, found),
            Body::PassFinished(finished) => self.passed(at, finished),
            Body::PassesAdded(added) => {
                self.passes_added = self.passes_added.saturating_add(added.passes);
            }
            Body::HeartbeatChanged(beat) => {
                self.edit_live(&beat.task, |live| live.heartbeat = beat.level);
            }
            Body::AttentionRaised(attention) => self.attention(at, attention),
            Body::QuestionAsked(asked) => self.asked(at, asked),
            Body::QuestionParked(parked) => self.parked(at, &parked.task),
            Body::QuestionWithdrawn(gone) => self.withdrawn(at, &gone.task, &gone.why),
            Body::TurnReported(turn) => {
                if let Some(task) = self.task_ix(&turn.task) {
                    self.tasks[task].said = Some((turn.attempt, turn.outcome, turn.text.clone()));
                    self.tasks[task].seq = self.seq;
                }
            }
            Body::GateWritten(written) => self.gate_written(at, written),
            Body::EvidenceRecorded(found) => self.evidence(at, found),
            Body::VerificationAsked(asked) => self.verification_asked(asked),
            Body::ChannelsFired(fired) => self.fired(at, fired),
            Body::DecisionOpened(opened) => self.decision_opened(at, opened),
            Body::DecisionShown(shown) => {
                let entry = self.decisions.iter_mut().find(|entry| entry.opened.id == shown.id);
                if let Some(entry) = entry {
                    entry.nonces.push(shown.nonce_hash.clone());
                }
            }
            Body::DecisionMade(made) => self.decision_made(at, made),
            Body::RiskAccepted(accepted) => self.accepted.extend(accepted.risks.iter().cloned()),
            Body::BudgetChanged(changed) => self.budget_changed(changed),
            Body::BudgetWarned(warned) => self.warned.push(warned.kind),
            Body::ArtifactStored(stored) => self.stored(at, stored),
            Body::MessageSent(sent) => self.message_sent(at, sent),
            Body::MessageDelivered(delivery) => {
                let to = (delivery.task.clone(), delivery.attempt);
                for entry in &mut self.messages {
                    let is_known = entry.delivered.contains(&to);
                    if delivery.ids.contains(&entry.message.id) && !is_known {
                        entry.delivered.push(to.clone());
                    }
                }
            }
            Body::MessageAcked(ack) => {
                let by = (ack.task.clone(), ack.attempt);
                for entry in &mut self.messages {
                    if ack.ids.contains(&entry.message.id) && !entry.acked.contains(&by) {
                        entry.acked.push(by.clone());
                    }
                }
            }
            Body::MessageRetracted(gone) => {
                self.message_dead(std::slice::from_ref(&gone.id), "its sender took it back");
            }
            Body::MessageDead(gone) => self.message_dead(&gone.ids, &gone.why),
            Body::CommandRefused(_) => self.refused += 1,
            Body::RunCreated(_)
            | Body::RunNoted(_)
            | Body::LogTruncated(_)
            | Body::Unknown { .. } => {}
        }
        self.look_at_edges();
        self.look_at_clock(at);
    }

    fn transitioned(&mut self, at: Time, rule: Rule, to: &Status) {
        self.hibernated = rule == Rule::T15;
        if self.hibernated {
            // It waits as before, for the same thing and since the same moment.
            return;
        }
        if rule == Rule::T17 {
            self.shift_delays(at.since_ms(self.status_since));
        }
        let waited = if let Status::Waiting { wait: Wait::Limit { wake_at } } = &self.status {
            Some(*wake_at).filter(|wake_at| is_over(*wake_at, self.status_since, at))
        } else {
            None
        };
        self.status = to.clone();
        self.status_since = at;
        self.status_seq = self.seq;
        if let Some(wake_at) = waited.filter(|_| rule == Rule::T13) {
            self.wake_limited(wake_at);
        }
        if matches!(rule, Rule::T17 | Rule::T34 | Rule::T37) {
            self.zero_cycles();
        }
        if matches!(rule, Rule::T31 | Rule::T34 | Rule::T34b | Rule::T37) {
            self.final_reds = 0;
            // What was in the way of a command may be mended: red is no longer known, green stays.
            for trees in self.evidence.values_mut() {
                trees.retain(|_, found| found.is_green());
            }
        }
    }

    /// Adds steps behind all others, so that no position changes.
    fn expand(&mut self, expanded: &PlanExpanded) {
        let Some(source) = self.step_ix(&expanded.step) else { return };
        self.supersede_added(source);
        let plan = self.plan().with_added(source, &expanded.added);
        let first = self.steps.len();
        self.steps[source].expanded = true;
        self.steps[source].expanded_seq = self.seq;
        self.steps[source].added = u32::try_from(expanded.added.len()).unwrap_or(u32::MAX);
        self.steps.resize(plan.steps.len(), StepState::default());
        let held_by = plan.steps[source].approve.then_some(source);
        for step in &mut self.steps[first..] {
            (step.added_by, step.held_by) = (Some(source), held_by);
        }
        if !self.channels.is_empty() {
            self.channels.resize(plan.channels.len(), ChannelState::default());
        }
        self.tasks.resize(plan.task_count(), TaskState::default());
        self.expanded = Some(std::sync::Arc::new(plan));
        self.reindex();
    }

    /// What an earlier plan of the same step added is done no more, and nothing waits for it.
    fn supersede_added(&mut self, source: StepIx) {
        let old: BTreeSet<StepIx> = (0..self.steps.len())
            .filter(|&step| self.steps[step].added_by == Some(source))
            .collect();
        if old.is_empty() {
            return;
        }
        let (plan, kept) = self.plan().without(source, &old);
        let mut kept = kept.into_iter();
        self.channels.retain(|_| kept.next().unwrap_or(true));
        self.expanded = Some(std::sync::Arc::new(plan));
        self.reindex();
        for &step in &old {
            self.steps[step].activated = 0;
            for task in self.tasks_of(step) {
                self.tasks[task].asked = None;
                self.end_hold(self.updated_at, task);
                if let Some(live) = self.tasks[task].status.as_live_mut() {
                    live.stale = true;
                } else if !self.tasks[task].status.is_settled() {
                    let why =
                        format!("a newer plan of `{}` took its place", self.step_name(source));
                    self.set_task(task, TaskStatus::Skipped { why });
                }
                self.tasks[task].seq = self.seq;
            }
        }
    }

    /// Activates steps whose dependencies are done.
    fn activated(&mut self, at: Time, activated: &TaskActivated) {
        for id in &activated.steps {
            if let Some(step) = self.step_ix(id) {
                self.activate(at, step, "");
            }
        }
    }

    /// Makes all tasks of a step ready; an attempt that a cycle has gone past ends first.
    pub(super) fn activate(&mut self, at: Time, step: StepIx, feedback: &str) {
        self.abandon_children(step);
        let entry = &mut self.steps[step];
        entry.activated = self.epoch;
        entry.activations += 1;
        entry.expanded = false;
        entry.approved = None;
        feedback.clone_into(&mut entry.feedback);
        let was_dead = self.index.steps[step].dead > 0;
        for task in self.tasks_of(step) {
            let entry = &mut self.tasks[task];
            (entry.retries, entry.crashes, entry.timeouts, entry.nudges) = (0, 0, 0, 0);
            entry.started_at = None;
            (entry.asked, entry.carries) = (None, None);
            entry.trouble = super::failure::Trouble::default();
            (entry.passes, entry.forgiven) = (0, 0);
            entry.history.clear();
            self.end_hold(at, task);
            if self.tasks[task].status.as_live().is_none() {
                self.set_task(task, TaskStatus::Ready { since: at, not_before: None });
            }
        }
        self.refresh_step(step);
        if was_dead {
            self.reopen_skipped(step);
        }
    }

    fn readied(&mut self, at: Time, readied: &TaskReadied) {
        let Some(task) = self.task_ix(&readied.task) else {
            return;
        };
        *self.counts.again.entry(readied.cause).or_default() += 1;
        let was_dead = self.tasks[task].status.is_dead();
        let failure = self.failure(readied.cause, &readied.failure, at);
        let entry = &mut self.tasks[task];
        entry.failure.clone_from(&readied.failure);
        if let Some(runtime) = &readied.runtime {
            // A session belongs to the program that opened it.
            entry.session =
                entry.session.take().filter(|_| entry.runtime.as_ref() == Some(runtime));
            entry.runtime = Some(runtime.clone());
        }
        if let Some(failure) = failure {
            entry.failed_with(failure);
        }
        entry.trouble.readied(readied);
        if entry.trouble.needs_recap {
            entry.session = None;
        }
        match readied.cause {
            ReadyCause::Retry | ReadyCause::Validation => entry.retries += 1,
            ReadyCause::Crash => entry.crashes += 1,
            ReadyCause::Timeout => entry.timeouts += 1,
            ReadyCause::Contract => entry.nudges += 1,
            ReadyCause::Human => {
                // Whoever says so may know better than the provider did.
                self.limited.clear();
                (entry.retries, entry.crashes, entry.timeouts, entry.nudges) = (0, 0, 0, 0);
                entry.failures.clear();
                entry.forgiven = entry.history.len();
            }
            ReadyCause::Answer => entry.asked = None,
            ReadyCause::Final => self.final_reds += 1,
            ReadyCause::Interrupted
            | ReadyCause::Revoked
            | ReadyCause::Pass
            | ReadyCause::Outdated
            | ReadyCause::Limit
            | ReadyCause::Fallback
            | ReadyCause::Overflow
            | ReadyCause::Session => {}
        }
        entry.carries = match readied.cause {
            // What it wrote before it was cut short it need not write again.
            ReadyCause::Crash
            | ReadyCause::Timeout
            | ReadyCause::Interrupted
            | ReadyCause::Limit
            | ReadyCause::Fallback
            | ReadyCause::Overflow
            | ReadyCause::Session
            | ReadyCause::Revoked => entry.carries.or(Some(entry.attempts)),
            ReadyCause::Retry
            | ReadyCause::Validation
            | ReadyCause::Contract
            | ReadyCause::Human
            | ReadyCause::Answer
            | ReadyCause::Pass
            | ReadyCause::Final
            | ReadyCause::Outdated => None,
        };
        let not_before = readied.not_before.filter(|moment| *moment > at);
        self.set_task(task, TaskStatus::Ready { since: at, not_before });
        let step = self.index.step_of[task];
        self.steps[step].activated = self.epoch;
        self.refresh_step(step);
        if was_dead {
            self.reopen_skipped(step);
        }
    }

    /// What was skipped because of a step can be done again when the step is tried again.
    pub(super) fn reopen_skipped(&mut self, from: StepIx) {
        let mut open = self.index.dependents[from].clone();
        while let Some(step) = open.pop() {
            let mut reopened = false;
            for task in self.tasks_of(step) {
                if matches!(self.tasks[task].status, TaskStatus::Skipped { .. }) {
                    self.set_task(task, TaskStatus::Pending);
                    reopened = true;
                }
            }
            if reopened {
                self.steps[step].activated = 0;
                self.refresh_step(step);
                open.extend(self.index.dependents[step].clone());
            }
        }
    }

    fn stored(&mut self, at: Time, stored: &ArtifactStored) {
        let artifact = ArtifactState {
            task: stored.task.clone(),
            bytes: stored.bytes,
            hash: stored.hash.clone(),
            at,
        };
        self.artifacts.insert(stored.name.clone(), artifact);
    }

    fn settled(&mut self, settled: &TaskSettled) {
        let Some(task) = self.task_ix(&settled.task) else {
            return;
        };
        let why = settled.why.clone();
        if let Some(asked) = self.tasks[task].asked.take()
            && let Some(answer) = asked.answer
        {
            self.tasks[task].answer = Some((asked.question.text, answer));
        }
        let status = match settled.status {
            Settled::Done => {
                TaskStatus::Done { result: settled.result.unwrap_or(TaskResult::Unverified) }
            }
            Settled::Failed => TaskStatus::Failed { why, blocks: settled.blocks },
            Settled::Skipped => TaskStatus::Skipped { why },
            Settled::TimedOut => TaskStatus::TimedOut { why },
        };
        self.set_task(task, status);
        if settled.status != Settled::Done {
            self.abandon_children(self.index.step_of[task]);
        }
    }

    /// Changes a task's status; the one place that keeps the index true.
    pub(super) fn set_task(&mut self, task: TaskIx, status: TaskStatus) {
        let plan = self.shared_plan().clone();
        self.index.leave(&plan, &self.steps, task, &self.tasks[task].status);
        self.index.enter(&plan, &self.steps, task, &status);
        self.tasks[task].status = status;
        self.tasks[task].seq = self.seq;
    }

    pub(super) fn refresh_step(&mut self, step: StepIx) {
        let plan = self.shared_plan().clone();
        self.index.refresh(&plan, &self.steps, step);
    }

    /// Names of steps by position.
    pub(super) fn step_name(&self, step: StepIx) -> StepId {
        self.plan().steps[step].id.clone()
    }

    /// The reason that a run with blocking tasks is blocked with, and the task it comes from.
    pub(super) fn first_blocking(&self) -> Option<(TaskIx, BlockedReason)> {
        self.index
            .blocking
            .iter()
            .filter_map(|&task| Some((task, self.tasks[task].status.blocks()?)))
            .min_by_key(|(task, _)| self.tasks[*task].seq)
    }

    /// Name of a step before this one that can never be done.
    pub(super) fn first_dead_dependency(&self, step: StepIx) -> Option<StepId> {
        let sources = self.plan().channels.iter().filter(|c| c.depends_on && c.to == step);
        let mut dead = sources.filter(|channel| self.index.steps[channel.from].dead > 0);
        dead.next().map(|channel| self.step_name(channel.from))
    }

    /// The task that failed first, for good.
    pub(super) fn first_failed(&self) -> Option<TaskIx> {
        let failed = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| matches!(task.status, TaskStatus::Failed { blocks: None, .. }));
        failed.min_by_key(|(_, task)| task.seq).map(|(ix, _)| ix)
    }
}
