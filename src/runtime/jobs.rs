//! Work in the background of a supervisor: making the worktree, committing what an attempt left.

use super::attempts::short;
use super::supervisor::{Supervisor, Wake};
use super::worktree;
use crate::engine::{Effect, Input};
use crate::event::body::{CheckFinished, WorktreeCreated};

impl Supervisor {
    /// Starts a job unless it is under way.
    pub(super) fn start_job(&mut self, effect: Effect) {
        if !self.jobs.insert(effect.clone()) {
            return;
        }
        match effect {
            Effect::EnsureWorktree => self.ensure_worktree(effect),
            Effect::Check { task, attempt } => self.check(effect, task, attempt),
            Effect::Spawn { .. } | Effect::Stop { .. } => {}
        }
    }

    fn ensure_worktree(&self, effect: Effect) {
        let created = self.ledger.state().created.clone();
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let Some(base) = &created.git else { return };
            let input = match worktree::ensure(&created.root, base) {
                Ok(()) => Input::WorktreeCreated(WorktreeCreated {
                    path: base.worktree.clone(),
                    branch: base.branch.clone(),
                    commit: base.commit.clone(),
                }),
                Err(error) => Input::WorktreeFailed(short(&super::error_chain(&error))),
            };
            drop(sender.send(Wake::Done(effect, vec![input])));
        });
    }

    fn check(&self, effect: Effect, task: usize, attempt: u32) {
        let state = self.ledger.state();
        let Some(worktree) = state.worktree.clone() else { return };
        let id = state.task_id(task);
        let message = format!(
            "{id}: attempt {attempt}\n\n{}\n\nCrew-Run: {}\nCrew-Task: {id}",
            state.tasks[task].summary,
            state.reference(),
        );
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let mut check = CheckFinished {
                task: id,
                attempt,
                commit: None,
                tree: None,
                files: 0,
                error: None,
            };
            match worktree::commit(&worktree, &message) {
                Ok(done) => {
                    check.commit = Some(done.commit);
                    check.tree = Some(done.tree);
                    check.files = done.files;
                }
                Err(error) => check.error = Some(short(&super::error_chain(&error))),
            }
            drop(sender.send(Wake::Done(effect, vec![Input::CheckFinished(check)])));
        });
    }
}
