//! Work in the background of a supervisor: making the worktree, committing what an attempt left.

use std::time::Duration;

use camino::Utf8Path;
use tokio_util::sync::CancellationToken;

use super::attempts::short;
use super::evidence::Job;
use super::path_jobs::PathJob;
use super::paths::PathCheckError;
use super::supervisor::{Supervisor, Wake};
use super::{own_tree, snapshot_tree, worktree};
use crate::base::flow::Access;
use crate::base::limits;
use crate::engine::{CheckingAttempt, Effect, Input, WorktreeState};
use crate::event::body::CheckFinished;
use crate::event::gate::EvidenceRecorded;
use crate::event::{Hash, StatusKind};
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
            Effect::BringIn { task, attempt } => self.bring_in(task, attempt),
            Effect::BeginMerge => self.begin_merge(effect),
            Effect::Merge => self.take_over_work(effect),
            Effect::ResolveMerge => self.resolve_merge(effect),
            Effect::Spawn { .. }
            | Effect::Stop { .. }
            | Effect::TendChildren
            | Effect::EndChildren => {}
        }
    }

    /// How something is named that is put away because of `why`.
    pub(super) fn source(&self, worktree: &Utf8Path, why: String) -> Source {
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
        let worktree = self.made_for(task);
        let id = state.task_id(task);
        let merge = state.has_own_branch(task).then(|| {
            let ended = state.tasks[task].status.as_checking();
            let ended = ended.is_some_and(CheckingAttempt::has_ended_well);
            let known = state.own_tree(task).map(|own| own.conflicts.clone()).unwrap_or_default();
            let run = state.worktree.as_ref().map(|made| made.branch.clone()).unwrap_or_default();
            (run, known, ended)
        });
        let by_person = state.tasks[task].status.as_checking().is_some_and(|found| found.by_person);
        let whose = if by_person { "by hand after attempt" } else { "attempt" };
        let message = format!(
            "{id}: {whose} {attempt}\n\n{}\n\nCrew-Run: {}\nCrew-Task: {id}",
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
                conflicts: Vec::new(),
                error: None,
            };
            let mended = worktree.as_ref().map_or(Ok(()), worktree::mend);
            let done = mended.map_err(PathCheckError::from).and_then(|()| match worktree {
                Some(worktree) if is_reader => {
                    read_only(&mut check, &paths, &source, &worktree.commit)
                }
                worktree => written(&mut check, &paths, worktree.as_ref(), merge, &message),
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
    merge: Option<(String, Vec<String>, bool)>,
    message: &str,
) -> Result<(), PathCheckError> {
    paths.look(check)?;
    if !check.denied.is_empty() {
        return Ok(());
    }
    if let (Some(made), Some((run, known, has_ended))) = (worktree, merge) {
        let mut files = own_tree::unresolved(&made.path, &run, &known, has_ended)?;
        if !files.is_empty() {
            // They stay as they are: the next attempt goes on there.
            files.truncate(limits::CHANGED_SHOWN_MAX);
            check.conflicts = files;
            return Ok(());
        }
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
