//! Work in the background of a supervisor: making the worktree, committing what an attempt left.

use std::time::Duration;

use camino::Utf8Path;
use tokio_util::sync::CancellationToken;

use super::attempts::short;
use super::evidence::Job;
use super::path_jobs::PathJob;
use super::paths::PathCheckError;
use super::supervisor::{Key, Supervisor, Wake};
use super::{snapshot_tree, worktree};
use crate::base::flow::Access;
use crate::engine::{Effect, Input, WorktreeState};
use crate::event::body::CheckFinished;
use crate::event::gate::EvidenceRecorded;
use crate::event::{Hash, Status, StatusKind, Wait};
use crate::store::salvage::Source;

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
            Effect::CreateChildren { round } => self.create_children(effect, round),
            Effect::Spawn { .. }
            | Effect::Stop { .. }
            | Effect::TendChildren
            | Effect::EndChildren => {}
        }
    }

    /// How something is named that is put away because of `why`.
    fn source(&self, worktree: &Utf8Path, why: String) -> Source {
        let state = self.ledger.state();
        Source {
            name: state.created.slug.clone(),
            run: Some(state.created.number),
            at: self.clock.now(),
            by: why,
            worktree: worktree.to_owned(),
            branch: None,
            known: None,
            start: state.worktree.as_ref().map(|made| made.commit.clone()),
        }
    }

    /// Makes the own tree of a reader, then its attempt is started.
    pub(super) fn prepare_tree(&self, key: Key) {
        let state = self.ledger.state();
        let Some(worktree) = state.worktree.clone() else { return };
        let (root, id) = (state.created.root.clone(), state.task_id(key.0));
        let path = snapshot_tree::path_of(&worktree.path, &id);
        let source = self.source(&path, format!("attempt {} of {id}", key.1));
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let made = snapshot_tree::prepare(&root, &worktree.commit, &source);
            let made = made.map_err(|error| short(&super::error_chain(&error)));
            drop(sender.send(Wake::TreeMade(key, made)));
        });
    }

    /// Once nobody works in them any more, the trees of readers go.
    pub(super) fn drop_trees(&mut self) {
        let state = self.ledger.state();
        let is_over = state.status.is_terminal()
            || matches!(state.status, Status::Waiting { wait: Wait::Merge { .. } });
        if !is_over || state.live_count() > 0 || !std::mem::take(&mut self.has_trees) {
            return;
        }
        let Some(worktree) = state.worktree.clone() else { return };
        let root = state.created.root.clone();
        let source = self.source(&worktree.path, "the end of the run".to_owned());
        let done = Effect::EnsureWorktree;
        self.jobs.insert(done.clone());
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            if let Err(error) = snapshot_tree::remove_all(&root, &worktree.path, &source) {
                tracing::warn!(error = %super::error_chain(&error), "a reader's tree stays");
            }
            drop(sender.send(Wake::Done(done, Vec::new())));
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
        if self.ledger.state().status.kind() != StatusKind::Running
            && let Some(stop) = self.making.take()
        {
            stop.cancel();
        }
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
        let worktree = state.worktree.clone();
        let id = state.task_id(task);
        let message = format!(
            "{id}: attempt {attempt}\n\n{}\n\nCrew-Run: {}\nCrew-Task: {id}",
            state.tasks[task].summary,
            state.reference(),
        );
        let is_reader = state.step_of(task).access != Access::Write;
        let tree = self.desk().folder_of(task);
        let source = self.source(&tree, format!("the check of {id}, attempt {attempt}"));
        let paths = self.path_job((task, attempt));
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let mut check = CheckFinished {
                task: id,
                attempt,
                commit: None,
                tree: None,
                files: 0,
                strays: Vec::new(),
                kept: None,
                denied: Vec::new(),
                denied_count: 0,
                error: None,
            };
            let mended = worktree.as_ref().map_or(Ok(()), worktree::mend);
            let done = mended.map_err(PathCheckError::from).and_then(|()| match worktree {
                Some(worktree) if is_reader => {
                    read_only(&mut check, &paths, &source, &worktree.commit)
                }
                worktree => written(&mut check, &paths, worktree.as_ref(), &message),
            });
            if let Err(error) = done {
                check.error = Some(short(&super::error_chain(&error)));
            }
            drop(sender.send(Wake::Done(effect, vec![Input::CheckFinished(check)])));
        });
    }
}

/// Looks at what a reader left; what nobody may touch stays where it is.
fn read_only(
    check: &mut CheckFinished,
    paths: &PathJob,
    source: &Source,
    commit: &str,
) -> Result<(), PathCheckError> {
    paths.look_at_strays(check, &snapshot_tree::changed(&source.worktree, commit)?);
    if check.denied.is_empty() {
        let strays = snapshot_tree::put_away(commit, source)?;
        check.files = u32::try_from(strays.count).unwrap_or(u32::MAX);
        check.kept = strays.kept;
        check.strays = strays.paths;
    }
    Ok(())
}

/// Looks at what a writer touched, and commits it when all of that may be touched.
fn written(
    check: &mut CheckFinished,
    paths: &PathJob,
    worktree: Option<&WorktreeState>,
    message: &str,
) -> Result<(), PathCheckError> {
    paths.look(check)?;
    if !check.denied.is_empty() {
        return Ok(());
    }
    if let Some(worktree) = worktree {
        let done = worktree::commit(worktree, message)?;
        check.commit = Some(done.commit);
        check.tree = Some(done.tree);
        check.files = done.files;
    }
    paths.done();
    Ok(())
}
