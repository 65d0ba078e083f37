//! Work in the background of a supervisor: making the worktree, committing what an attempt left.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempts::short;
use super::evidence::Job;
use super::supervisor::{Supervisor, Wake};
use super::worktree;
use crate::engine::{Effect, Input};
use crate::event::Hash;
use crate::event::body::{CheckFinished, WorktreeCreated};
use crate::event::gate::EvidenceRecorded;

impl Supervisor {
    /// Starts a job unless it is under way.
    pub(super) fn start_job(&mut self, effect: Effect) {
        if !self.jobs.insert(effect.clone()) {
            return;
        }
        match effect {
            Effect::EnsureWorktree => self.ensure_worktree(effect),
            Effect::Check { task, attempt } => self.check(effect, task, attempt),
            Effect::Evidence { ref name } => {
                let name = name.clone();
                self.gather_evidence(effect, name);
            }
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

    /// Runs a command of the workflow on the current tree.
    fn gather_evidence(&mut self, effect: Effect, name: String) {
        let state = self.ledger.state();
        let Some(command) = state.plan().commands.get(&name).cloned() else { return };
        let desk = self.desk();
        let uid = &state.created.uid;
        let job = Job {
            mark: Hash::of(format!("{uid}/evidence/{name}").as_bytes()).to_string(),
            tree: state.tree_key(),
            folder: desk.folder(),
            env: desk.command_environment(),
            grace: Duration::from_millis(state.created.limits.grace_ms),
            name: name.clone(),
            command,
        };
        // The same tree said it before, in an earlier round.
        let known = state.evidence.get(&name).and_then(|trees| trees.get(&job.tree));
        let cached = known.map(|known| EvidenceRecorded {
            name: job.name.clone(),
            tree: job.tree.clone(),
            code: known.code,
            duration_ms: 0,
            tail: known.tail.clone(),
            cached: true,
        });
        let (sender, clock) = (self.sender.clone(), self.clock);
        let stop = CancellationToken::new();
        self.evidence.insert(name, stop.clone());
        self.tracker.spawn(async move {
            let found = match cached {
                Some(found) => Some(found),
                None => Box::pin(job.run(clock, stop)).await,
            };
            let inputs = found.into_iter().map(Input::Evidence).collect();
            drop(sender.send(Wake::Done(effect, inputs)));
        });
    }

    /// Ends commands that nobody waits for any more: the run was stopped or paused, or work goes on.
    pub(super) fn end_unwanted_evidence(&mut self, wanted: &[Effect]) {
        let is_wanted = |name: &String| wanted.contains(&Effect::Evidence { name: name.clone() });
        self.evidence.retain(|name, stop| {
            let keep = is_wanted(name);
            if !keep {
                stop.cancel();
            }
            keep
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
