//! The only mutator of a state: one event in, one step on.
//!
//! Applying never fails and never panics: an event that names something unknown is skipped, so that
//! a log of another version still opens.

use super::state::{
    ArtifactState, CheckingAttempt, LiveAttempt, MessageState, State, StepState, TaskState,
    TaskStatus, WorktreeState,
};
use crate::base::{StepId, TaskId, Time};
use crate::event::body::{
    ArtifactStored, Attention, AttentionRaised, PlanExpanded, ReadyCause, Settled, TaskActivated,
    TaskReadied, TaskSettled,
};
use crate::event::{AttemptEnded, AttemptStarted, BlockedReason, Body, Record, Status, TaskResult};
use crate::plan::graph::{StepIx, TaskIx};

impl State {
    /// Takes one record of the log in.
    pub fn apply_record(&mut self, record: &Record) {
        debug_assert_eq!(record.seq, self.seq + 1, "records are applied in order");
        self.apply(record.at, &record.body);
    }

    /// Takes one event in; it gets the next number.
    pub(super) fn apply(&mut self, at: Time, body: &Body) {
        self.seq += 1;
        self.updated_at = self.updated_at.max(at);
        match body {
            Body::RunTransitioned(moved) => self.transitioned(at, &moved.to),
            Body::SupervisorStarted(_) => self.supervisors += 1,
            Body::WorktreeCreated(made) => {
                self.worktree = Some(WorktreeState {
                    path: made.path.clone(),
                    branch: made.branch.clone(),
                    commit: made.commit.clone(),
                    tree: self.worktree.as_ref().and_then(|old| old.tree.clone()),
                });
            }
            Body::PlanExpanded(expanded) => self.expand(expanded),
            Body::TaskActivated(activated) => self.activated(at, activated),
            Body::TaskReadied(readied) => self.readied(at, readied),
            Body::TaskSettled(settled) => self.settled(settled),
            Body::AttemptStarted(started) => self.attempt_started(at, started),
            Body::AttemptStopping(stopping) => {
                self.edit_live(&stopping.task, |live| live.stopping = Some(stopping.why.clone()));
            }
            Body::AttemptEnded(end) => self.attempt_ended(at, end),
            Body::CheckFinished(check) => {
                if let (Some(worktree), Some(commit)) = (&mut self.worktree, &check.commit) {
                    worktree.commit.clone_from(commit);
                    worktree.tree.clone_from(&check.tree);
                }
                self.edit_checking(&check.task, |checking| {
                    if checking.end.attempt == check.attempt {
                        checking.check = Some(check.clone());
                    }
                });
            }
            Body::HeartbeatChanged(beat) => {
                self.edit_live(&beat.task, |live| live.heartbeat = beat.level);
            }
            Body::AttentionRaised(attention) => self.attention(at, attention),
            Body::QuestionAsked(asked) => {
                if let Some(task) = self.task_ix(&asked.task) {
                    let question = asked.question.clone();
                    self.set_task(task, TaskStatus::WaitingInput { question, since: at });
                }
            }
            Body::QuestionAnswered(answered) => self.answered(&answered.task, &answered.text),
            Body::ArtifactStored(stored) => self.stored(at, stored),
            Body::MessageSent(sent) => {
                let message = sent.message.clone();
                self.messages.push(MessageState { message, delivered: Vec::new() });
            }
            Body::MessageDelivered(delivery) => {
                let to = (delivery.task.clone(), delivery.attempt);
                for entry in &mut self.messages {
                    let is_known = entry.delivered.iter().any(|(task, _)| *task == delivery.task);
                    if delivery.ids.contains(&entry.message.id) && !is_known {
                        entry.delivered.push(to.clone());
                    }
                }
            }
            Body::CommandRefused(_) => self.refused += 1,
            Body::RunCreated(_)
            | Body::RunNoted(_)
            | Body::LogTruncated(_)
            | Body::Unknown { .. } => {}
        }
    }

    fn transitioned(&mut self, at: Time, to: &Status) {
        self.status = to.clone();
        self.status_since = at;
        self.status_seq = self.seq;
    }

    /// Adds steps behind all others, so that no position changes.
    fn expand(&mut self, expanded: &PlanExpanded) {
        let Some(source) = self.step_ix(&expanded.step) else { return };
        let plan = self.plan().with_added(source, &expanded.added);
        self.steps[source].expanded = true;
        self.steps.resize(plan.steps.len(), StepState::default());
        self.tasks.resize(plan.task_count(), TaskState::default());
        self.expanded = Some(std::sync::Arc::new(plan));
        self.reindex();
    }

    /// Activates steps; one that was active before makes this a cycle (SPEC 7.3, F7).
    fn activated(&mut self, at: Time, activated: &TaskActivated) {
        let steps: Vec<StepIx> = activated.steps.iter().filter_map(|id| self.step_ix(id)).collect();
        if steps.iter().any(|&step| self.steps[step].activated > 0) {
            self.cycles += 1;
            self.epoch += 1;
            for &step in &steps {
                self.make_downstream_stale(step);
            }
        }
        for step in steps {
            self.steps[step].activated = self.epoch;
            self.steps[step].expanded = false;
            self.steps[step].feedback.clone_from(&activated.feedback);
            for task in self.tasks_of(step) {
                let entry = &mut self.tasks[task];
                (entry.retries, entry.crashes, entry.timeouts, entry.nudges) = (0, 0, 0, 0);
                entry.started_at = None;
                self.set_task(task, TaskStatus::Ready { since: at, not_before: None });
            }
            self.refresh_step(step);
        }
    }

    fn make_downstream_stale(&mut self, from: StepIx) {
        let mut open = self.index.dependents[from].clone();
        while let Some(step) = open.pop() {
            if self.steps[step].activated == 0 {
                continue;
            }
            self.steps[step].activated = 0;
            for task in self.tasks_of(step) {
                self.set_task(task, TaskStatus::Stale);
            }
            open.extend(self.index.dependents[step].clone());
        }
        // A stale step may be activated again: its tasks count as open from here on.
        for step in 0..self.steps.len() {
            if self.steps[step].activated == 0 && step != from {
                for task in self.tasks_of(step) {
                    if self.tasks[task].status == TaskStatus::Stale {
                        self.set_task(task, TaskStatus::Pending);
                    }
                }
                self.refresh_step(step);
            }
        }
    }

    fn readied(&mut self, at: Time, readied: &TaskReadied) {
        let Some(task) = self.task_ix(&readied.task) else {
            return;
        };
        let was_dead = self.tasks[task].status.is_dead();
        let entry = &mut self.tasks[task];
        entry.failure.clone_from(&readied.failure);
        if let Some(runtime) = &readied.runtime {
            // A session belongs to the program that opened it.
            entry.session =
                entry.session.take().filter(|_| entry.runtime.as_ref() == Some(runtime));
            entry.runtime = Some(runtime.clone());
        }
        match readied.cause {
            ReadyCause::Retry => entry.retries += 1,
            ReadyCause::Crash => entry.crashes += 1,
            ReadyCause::Timeout => entry.timeouts += 1,
            ReadyCause::Contract => entry.nudges += 1,
            ReadyCause::Human => {
                (entry.retries, entry.crashes, entry.timeouts, entry.nudges) = (0, 0, 0, 0);
            }
            ReadyCause::Interrupted | ReadyCause::Revoked | ReadyCause::Answer => {}
        }
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
    fn reopen_skipped(&mut self, from: StepIx) {
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

    fn answered(&mut self, id: &TaskId, text: &str) {
        let Some(task) = self.task_ix(id) else { return };
        if let TaskStatus::WaitingInput { question, .. } = &self.tasks[task].status {
            self.tasks[task].answer = Some((question.text.clone(), text.to_owned()));
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
        let status = match settled.status {
            Settled::Done => {
                TaskStatus::Done { result: settled.result.unwrap_or(TaskResult::Unverified) }
            }
            Settled::Failed => TaskStatus::Failed { why, blocks: settled.blocks },
            Settled::Skipped => TaskStatus::Skipped { why },
            Settled::TimedOut => TaskStatus::TimedOut { why },
        };
        self.set_task(task, status);
    }

    fn attempt_started(&mut self, at: Time, started: &AttemptStarted) {
        let Some(task) = self.task_ix(&started.task) else {
            return;
        };
        self.tasks[task].attempts = started.attempt;
        self.tasks[task].started_at.get_or_insert(at);
        let live = LiveAttempt {
            number: started.attempt,
            runtime: started.runtime.clone(),
            model: started.model.clone(),
            mark: started.mark.clone(),
            started_at: at,
            deadline_ms: started.deadline_ms,
            session: started.session.clone(),
            heartbeat: crate::event::body::HeartbeatLevel::Healthy,
            no_output: false,
            silent_since: None,
            stopping: None,
        };
        self.set_task(task, TaskStatus::Running(Box::new(live)));
        if self.active_since.is_none() {
            self.active_since = Some(at);
        }
    }

    fn attempt_ended(&mut self, at: Time, end: &AttemptEnded) {
        let Some(task) = self.task_ix(&end.task) else {
            return;
        };
        let TaskStatus::Running(live) = &self.tasks[task].status else {
            return;
        };
        if live.number != end.attempt {
            return;
        }
        let stopped = live.stopping.clone();
        let entry = &mut self.tasks[task];
        entry.ended_at = Some(end.ended_at);
        entry.active_ms += end.duration_ms;
        entry.usage.add(&end.usage);
        if !end.summary.is_empty() {
            entry.summary.clone_from(&end.summary);
        }
        if end.session.is_some() {
            entry.session.clone_from(&end.session);
        }
        entry.last = Some(Box::new(end.clone()));
        self.usage.add(&end.usage);
        let checking = CheckingAttempt { end: end.clone(), stopped, check: None };
        self.set_task(task, TaskStatus::Checking(Box::new(checking)));
        if self.index.live.is_empty()
            && let Some(since) = self.active_since.take()
        {
            // The end as the shim saw it: the time until somebody noticed is not work.
            self.active_ms += end.ended_at.min(at).since_ms(since);
        }
    }

    fn attention(&mut self, at: Time, attention: &AttentionRaised) {
        self.edit_live(&attention.task, |live| match attention.kind {
            Attention::FirstOutput => live.no_output = true,
            Attention::Silence => live.silent_since = Some(at),
        });
    }

    fn edit_live(&mut self, id: &TaskId, edit: impl FnOnce(&mut LiveAttempt)) {
        let Some(task) = self.task_ix(id) else { return };
        self.tasks[task].seq = self.seq;
        if let TaskStatus::Running(live) = &mut self.tasks[task].status {
            edit(live);
        }
    }

    fn edit_checking(&mut self, id: &TaskId, edit: impl FnOnce(&mut CheckingAttempt)) {
        let Some(task) = self.task_ix(id) else { return };
        self.tasks[task].seq = self.seq;
        if let TaskStatus::Checking(checking) = &mut self.tasks[task].status {
            edit(checking);
        }
    }

    /// Changes a task's status; the one place that keeps the index true.
    fn set_task(&mut self, task: TaskIx, status: TaskStatus) {
        let plan = self.shared_plan().clone();
        self.index.leave(&plan, &self.steps, task, &self.tasks[task].status);
        self.index.enter(&plan, &self.steps, task, &status);
        self.tasks[task].status = status;
        self.tasks[task].seq = self.seq;
    }

    fn refresh_step(&mut self, step: StepIx) {
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
