//! The fold of attempts: their begin, their end, and what the runtime found afterwards.

use super::state::{CheckingAttempt, LiveAttempt, State, TaskStatus};
use super::task::Pass;
use crate::base::{TaskId, Time};
use crate::event::EndReason;
use crate::event::attempt::{AttemptEnded, AttemptStarted, SessionTotal};
use crate::event::body::{Attention, AttentionRaised, CheckFinished};
use crate::event::pass::PassFinished;

impl State {
    pub(super) fn checked(&mut self, check: &CheckFinished) {
        let own = self.task_ix(&check.task).filter(|&task| self.has_own_tree(task));
        match own {
            Some(task) => self.own_commit(task, check.commit.as_ref()),
            None => self.moved_to(check.commit.as_ref(), check.tree.as_ref()),
        }
        if !check.denied.is_empty() {
            self.denied = format!("{}: {}", check.task, check.denied_words());
        }
        self.edit_checking(&check.task, |checking| {
            if checking.end.attempt == check.attempt {
                checking.check = Some(check.clone());
            }
        });
        if own.is_none() {
            self.saw_own_work(&check.task, check.attempt);
        }
    }

    /// The branch of the run has a newer commit.
    pub(super) fn moved_to(&mut self, commit: Option<&String>, tree: Option<&String>) {
        if let (Some(worktree), Some(commit)) = (&mut self.worktree, commit) {
            worktree.commit.clone_from(commit);
            if worktree.tree.as_ref() != tree {
                worktree.tree = tree.cloned();
                self.tree_seq = self.seq;
            }
        }
    }

    /// A pass of a loop counts: what went wrong on the way to it is forgiven.
    pub(super) fn passed(&mut self, at: Time, finished: &PassFinished) {
        let Some(task) = self.task_ix(&finished.task) else { return };
        let seq = self.seq;
        let entry = &mut self.tasks[task];
        entry.passes = finished.pass;
        entry.passes_total += 1;
        entry.history.push(Pass { at, finished: finished.clone() });
        (entry.retries, entry.crashes, entry.timeouts, entry.nudges) = (0, 0, 0, 0);
        entry.trouble.worked();
        entry.seq = seq;
    }

    pub(super) fn attempt_started(&mut self, at: Time, started: &AttemptStarted) {
        let Some(task) = self.task_ix(&started.task) else {
            return;
        };
        self.count_start(task, &started.runtime, at);
        self.tasks[task].attempts = started.attempt;
        self.tasks[task].started_at.get_or_insert(at);
        self.tasks[task].tree = self.tree_key();
        self.tasks[task].asked_model = Some((started.model.clone(), started.model_why.clone()));
        let live = LiveAttempt {
            number: started.attempt,
            seq: self.seq,
            stale: false,
            runtime: started.runtime.clone(),
            model: started.model.clone(),
            model_why: started.model_why.clone(),
            mark: started.mark.clone(),
            started_at: at,
            deadline_ms: started.deadline_ms,
            session: started.session.clone(),
            heartbeat: crate::event::body::HeartbeatLevel::Healthy,
            no_output: false,
            silent_since: None,
            retrying: false,
            held_since: None,
            held_ms: 0,
            resumed_at: None,
            stopping: None,
        };
        self.set_task(task, TaskStatus::Running(Box::new(live)));
    }

    pub(super) fn attempt_ended(&mut self, at: Time, end: &AttemptEnded) {
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
        let is_stale = live.stale;
        let held_ms = live.held_ms_at(end.ended_at.min(at));
        let (runtime, model) = (live.runtime.clone(), live.model.clone());
        let is_resumed = live.session.is_some();
        let session = end.session.as_ref().or(live.session.as_ref()).cloned();
        self.note_model(at, &runtime, model.as_ref(), end);
        self.forget_verifications(&end.task, end.attempt);
        let active_ms = end.duration_ms.saturating_sub(held_ms);
        self.count_end(&runtime, end);
        let usage = self.spend(runtime.clone(), model.clone(), active_ms, end);
        let entry = &mut self.tasks[task];
        entry.ended_at = Some(end.ended_at);
        entry.active_ms += active_ms;
        entry.usage.add(&usage);
        if !end.summary.is_empty() {
            entry.summary.clone_from(&end.summary);
        }
        if end.session.is_some() {
            entry.session.clone_from(&end.session);
        }
        if let (Some(session), Some(usage)) = (session, end.report.session_total) {
            entry.session_total = Some(SessionTotal { session, usage });
        }
        entry.trouble.needs_recap = false;
        let never_ran = matches!(end.reason, EndReason::Revoked | EndReason::SpawnFailed);
        if !never_ran {
            entry.handed = None;
        }
        entry.last = Some(Box::new(end.clone()));
        self.usage.add(&usage);
        let is_active = self.steps[self.index.step_of[task]].activated > 0;
        let next = match (is_stale, is_active) {
            (false, _) => {
                let checking = CheckingAttempt {
                    end: end.clone(),
                    runtime,
                    model,
                    is_resumed,
                    stopped,
                    by_person: false,
                    check: None,
                    merged: None,
                    conflict: None,
                };
                TaskStatus::Checking(Box::new(checking))
            }
            // Its result counts no longer; what it left in the tree is committed with the next turn.
            (true, true) => TaskStatus::Ready { since: at, not_before: None },
            (true, false) => TaskStatus::Stale,
        };
        self.set_task(task, next);
        self.active_until = self.active_until.max(Some(end.ended_at.min(at)));
    }

    pub(super) fn attention(&mut self, at: Time, attention: &AttentionRaised) {
        self.edit_live(&attention.task, |live| match attention.kind {
            Attention::FirstOutput => live.no_output = true,
            Attention::Silence => live.silent_since = Some(at),
            Attention::Retries => live.retrying = true,
        });
    }

    pub(super) fn edit_live(&mut self, id: &TaskId, edit: impl FnOnce(&mut LiveAttempt)) {
        let Some(task) = self.task_ix(id) else { return };
        self.tasks[task].seq = self.seq;
        if let TaskStatus::Running(live) = &mut self.tasks[task].status {
            edit(live);
        }
    }

    pub(super) fn edit_checking(&mut self, id: &TaskId, edit: impl FnOnce(&mut CheckingAttempt)) {
        let Some(task) = self.task_ix(id) else { return };
        self.tasks[task].seq = self.seq;
        if let TaskStatus::Checking(checking) = &mut self.tasks[task].status {
            edit(checking);
        }
    }
}
