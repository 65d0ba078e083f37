//! Starting, watching, stopping and recovering the attempts of a run.

use camino::{Utf8Path, Utf8PathBuf};

use super::attempt_files::{ExitFile, ShimFile};
use super::brief::{BriefError, attempt_dir, clean};
use super::calls::Calls;
use super::changes;
use super::executor::{End, Watched};
use super::harvest::{Harvest, harvest, without_record};
use super::meter::measure_lost;
use super::process::Pid;
use super::supervisor::{Key, Supervisor, Wake};
use super::worktree;
use crate::agent::OutputFormat;
use crate::base::flow::{Access, MemoryScope};
use crate::base::{ErrorKind, PathError, limits};
use crate::engine::{Effect, Input, WorktreeState};
use crate::event::body::{ArtifactStored, MessageDelivered};
use crate::event::{AttemptEnded, EndReason};
use crate::plan::graph::TaskIx;
use crate::store::layout::memory_folder;
use crate::store::{AttemptDir, artifact};

/// Bytes of output up to which an ended attempt is read at once; more is read in the background.
const INLINE_BYTES: u64 = 1 << 20;

impl Supervisor {
    /// Starts the shim of an attempt, unless this process did that before.
    pub(super) fn spawn(&mut self, key: Key) {
        if !self.spawned.insert(key) {
            return;
        }
        let Some(live) = self.live(key) else { return };
        if self.lacks_worktree() {
            // Failing, it blocks the run, and the attempt is revoked.
            self.spawned.remove(&key);
            return self.start_job(Effect::EnsureWorktree);
        }
        if self.desk().has_own_tree(key.0) && self.trees.get(&key) != Some(&true) {
            self.spawned.remove(&key);
            if self.trees.insert(key, false).is_none() {
                self.has_trees = true;
                self.prepare_tree(key);
            }
            return;
        }
        if self.lists_paths(key.0) && self.listings.get(&key) != Some(&true) {
            self.spawned.remove(&key);
            if self.listings.insert(key, false).is_none() {
                self.list_paths(key);
            }
            return;
        }
        let dir = self.attempt(key);
        let brief = match self.desk().prepare(key.0, &live) {
            Ok(brief) => brief,
            Err(BriefError::Io(error)) if is_full(&error) => return self.start_later(key),
            Err(error) => return self.not_started(key, &super::error_chain(&error)),
        };
        let slot = self.held.pop().flatten();
        match self.executor.start(&dir, &brief.command, brief.env, slot) {
            Ok(watched) => self.watch(key, watched),
            Err(error) if is_full(&error) => return self.start_later(key),
            Err(error) => return self.not_started(key, &super::error_chain(&error)),
        }
        self.live_turns.begin(key, &dir, &brief.messages);
        if !brief.messages.is_empty() {
            let task = self.ledger.state().task_id(key.0);
            let delivered = MessageDelivered { ids: brief.messages, task, attempt: key.1 };
            self.inputs.push(Input::Fact(delivered.into()));
        }
    }

    /// The own tree of a task is ready: the next turn starts its attempt.
    pub(super) fn tree_made(&mut self, key: Key, made: Result<Vec<Input>, String>) {
        self.trees.insert(key, true);
        match made {
            Ok(facts) => self.inputs.extend(facts),
            Err(why) => {
                if self.live(key).is_some() && self.spawned.insert(key) {
                    self.not_started(key, &format!("its tree cannot be made: {why}"));
                }
            }
        }
    }

    /// What the attempt may not touch is listed: the next turn starts it.
    pub(super) fn listed(&mut self, key: Key, listed: Result<(), Option<String>>) {
        self.listings.insert(key, true);
        let Err(why) = listed else { return };
        let Some(why) = why else {
            self.listings.remove(&key);
            return self.start_later(key);
        };
        if self.live(key).is_some() && self.spawned.insert(key) {
            self.without_worktree(key, &why);
        }
    }

    /// The disk is full: nothing is wrong with the attempt, it waits until there is room.
    fn start_later(&mut self, key: Key) {
        tracing::warn!(task = %self.ledger.state().task_id(key.0), "the disk is full; starting it later");
        self.spawned.remove(&key);
        self.retries_spawn = true;
    }

    /// The run is blocked, and the attempt, which never began, is not charged.
    fn without_worktree(&mut self, key: Key, why: &str) {
        let end = self.end_without_record(key, EndReason::Revoked);
        self.inputs.push(Input::WorktreeFailed(short(why)));
        self.inputs.push(Input::AttemptEnded(end));
        self.poke();
    }

    fn live(&self, key: Key) -> Option<crate::engine::LiveAttempt> {
        let found = self.ledger.state().tasks.get(key.0)?.status.as_live()?;
        (found.number == key.1).then(|| found.clone())
    }

    pub(super) fn attempt(&self, key: Key) -> AttemptDir {
        attempt_dir(self.ledger.dir(), self.ledger.state(), key.0, key.1)
    }

    fn not_started(&mut self, key: Key, why: &str) {
        tracing::warn!(task = %self.ledger.state().task_id(key.0), attempt = key.1, why, "not started");
        let mut end = self.end_without_record(key, EndReason::SpawnFailed);
        why.clone_into(&mut end.failure);
        self.inputs.push(Input::AttemptEnded(end));
        // The loop must turn once more to take this in.
        self.poke();
    }

    pub(super) fn end_without_record(&self, key: Key, reason: EndReason) -> AttemptEnded {
        let now = self.clock.now();
        let started = self.live(key).map_or(now, |live| live.started_at);
        // What never ran took no time, however late that is noticed.
        let ended = if reason == EndReason::Revoked { started } else { now };
        without_record(&self.ledger.state().task_id(key.0), key.1, reason, started, ended)
    }

    fn poke(&self) {
        // An empty job result: nothing to take in but the wake-up itself.
        let none = Effect::Stop { task: usize::MAX, attempt: 0 };
        drop(self.sender.send(Wake::Done(none, Vec::new())));
    }

    /// Waits for the end of a shim.
    pub(super) fn watch(&mut self, key: Key, watched: Watched) {
        self.shims.insert(key, watched.shim.clone());
        let sender = self.sender.clone();
        self.tracker.spawn(async move {
            let wake = match watched.end().await {
                Ok(End::Over) => Wake::ShimEnded(key),
                Ok(End::NotStarted(why)) => Wake::NotStarted(key, Some(why)),
                Ok(End::Revoked) => Wake::NotStarted(key, None),
                Err(error) => {
                    tracing::error!(%error, "a shim cannot be watched");
                    Wake::ShimEnded(key)
                }
            };
            drop(sender.send(wake));
        });
    }

    /// Follows a shim of this machine that has told its number by now.
    pub(super) fn shim_found(&mut self, key: Key, pid: Pid) {
        let watched = self.executor.adopt(pid);
        self.watch(key, watched);
    }

    /// An attempt elsewhere never began, and why; nothing: it was told to stop before.
    pub(super) fn away_not_started(&mut self, key: Key, why: Option<&str>) {
        self.shims.remove(&key);
        match why {
            Some(why) if self.live(key).is_some() => self.not_started(key, why),
            Some(_) => {}
            None => {
                let end = self.end_without_record(key, EndReason::Revoked);
                self.inputs.push(Input::AttemptEnded(end));
            }
        }
    }

    /// Asks a live attempt to stop; one that never started is revoked.
    ///
    /// A shim that has not told its number yet is asked in the turn after it has.
    pub(super) fn stop(&mut self, key: Key) {
        if let Some(shim) = self.shims.get(&key) {
            if !self.stopping.insert(key) {
                return;
            }
            if let Err(error) = self.executor.stop(shim) {
                tracing::error!(%error, "an attempt cannot be stopped");
                self.stopping.remove(&key);
            }
        } else if self.spawned.insert(key) {
            let end = self.end_without_record(key, EndReason::Revoked);
            self.inputs.push(Input::AttemptEnded(end));
            self.poke();
        }
    }

    /// A shim is gone: its record tells how, and without one the attempt is lost.
    pub(super) fn shim_ended(&mut self, key: Key) {
        self.shims.remove(&key);
        let dir = self.attempt(key);
        let format = self.desk().format_at(key.0, key.1);
        match ExitFile::read(&dir) {
            Ok(Some(exit)) if exit.stdout_bytes <= INLINE_BYTES => {
                self.take_in(key, &dir, &exit, format);
            }
            Ok(Some(exit)) => self.take_in_later(key, dir, exit, format),
            Ok(None) => self.lost(key, &dir),
            Err(error) => {
                tracing::error!(error = %super::error_chain(&error), "the record of an attempt is unreadable");
                self.lost(key, &dir);
            }
        }
    }

    fn take_in(&mut self, key: Key, dir: &AttemptDir, exit: &ExitFile, format: OutputFormat) {
        let task = self.ledger.state().task_id(key.0);
        match harvest(dir, exit, &task, key.1, format, &self.counting(key.0)) {
            Ok(harvest) => {
                let inputs = self.inputs_of(key, harvest);
                self.inputs.extend(inputs);
            }
            Err(error) => {
                tracing::error!(error = %super::error_chain(&error), "output is unreadable");
                self.lost(key, dir);
            }
        }
    }

    /// Much output is read beside the loop, which must stay quick.
    fn take_in_later(&mut self, key: Key, dir: AttemptDir, exit: ExitFile, format: OutputFormat) {
        let task = self.ledger.state().task_id(key.0);
        let sender = self.sender.clone();
        let reading = Effect::Spawn { task: key.0, attempt: key.1 };
        self.jobs.insert(reading.clone());
        let (storing, counting) = (self.artifact_target(key), self.counting(key.0));
        let mut unread = self.end_without_record(key, EndReason::Lost);
        self.tracker.spawn_blocking(move || {
            let inputs = match harvest(&dir, &exit, &task, key.1, format, &counting) {
                Ok(found) => storing.inputs_of(found),
                Err(error) => {
                    unread.failure = short(&super::error_chain(&error));
                    vec![Input::AttemptEnded(unread)]
                }
            };
            drop(sender.send(Wake::Done(reading, inputs)));
        });
    }

    fn inputs_of(&self, key: Key, found: Harvest) -> Vec<Input> {
        self.artifact_target(key).inputs_of(found)
    }

    /// How a person logs in to the program of an attempt, where that is known.
    fn login_with(&self, key: Key) -> String {
        let spec = self.live(key).and_then(|live| self.programs.get(&live.runtime).ok());
        spec.map(|spec| spec.login_with.clone()).unwrap_or_default()
    }

    fn artifact_target(&self, key: Key) -> ArtifactTarget {
        let desk = self.desk();
        ArtifactTarget {
            run: desk.dir.clone(),
            folder: desk.folder_of(key.0),
            output: desk.state.step_of(key.0).output.clone(),
            can_write: desk.state.step_of(key.0).access == crate::base::flow::Access::Write,
            calls: Calls::of(desk.state, self.clock),
            login_with: self.login_with(key),
        }
    }

    /// The shim is gone without a record: whatever it left alive is killed, by its mark.
    ///
    /// That may take the whole grace period, so it is done beside the loop.
    pub(super) fn lost(&mut self, key: Key, dir: &AttemptDir) {
        let Some(live) = self.live(key) else { return };
        let job = Effect::Stop { task: key.0, attempt: key.1 };
        if !self.jobs.insert(job.clone()) {
            return;
        }
        let state = self.ledger.state();
        let grace = std::time::Duration::from_millis(state.created.limits.grace_ms);
        let (task, tree) = (state.task_id(key.0), self.tree_of(key.0));
        let (format, counting) = (self.desk().format_at(key.0, key.1), self.counting(key.0));
        let (clock, sender, dir) = (self.clock, self.sender.clone(), dir.clone());
        let executor = self.executor.clone();
        self.tracker.spawn(async move {
            let killed = executor.kill(&dir, &live.mark, grace).await;
            let looking = tokio::task::spawn_blocking(move || {
                // The files of its output are made right before the agent is started.
                let never_ran = matches!(ShimFile::read(&dir), Ok(None)) && !dir.stdout().exists();
                let reason = if never_ran { EndReason::Revoked } else { EndReason::Lost };
                let mut end = without_record(&task, key.1, reason, live.started_at, clock.now());
                end.leftovers = u32::try_from(killed).unwrap_or(u32::MAX);
                measure_lost(&dir, format, counting, live.started_at, &mut end);
                // Looked at when nobody is left who could change it.
                if let Some(changes) = tree.changes(&dir) {
                    end.changed = Some(!changes.is_empty());
                    end.failure = short(&changes::shown(&changes));
                }
                drop(sender.send(Wake::Done(job, vec![Input::AttemptEnded(end)])));
            });
            drop(looking.await);
        });
    }

    /// What tells whether an attempt of this task changed files.
    fn tree_of(&self, task: TaskIx) -> Tree {
        let state = self.ledger.state();
        if let Some(made) = self.made_for(task) {
            return Tree::Git(made);
        }
        // Who may only read shares the folder with people, whose changes say nothing about the task.
        if state.step_of(task).access != Access::Write {
            return Tree::Unknown;
        }
        let root = state.created.root.clone();
        let local = root.join(memory_folder(MemoryScope::Local));
        let own = [self.project.state(), self.project.worktrees()].map(Utf8Path::to_owned);
        Tree::Plain { root, skipped: own.into_iter().chain([local]).collect() }
    }
}

/// The files that an attempt worked on.
enum Tree {
    /// The run's worktree, which crew commits.
    Git(WorktreeState),
    /// The project's own folder, without what crew keeps in it.
    Plain { root: Utf8PathBuf, skipped: Vec<Utf8PathBuf> },
    /// Nothing that could be told apart from the work of others.
    Unknown,
}

impl Tree {
    /// What the attempt in `dir` changed, when that can be told.
    fn changes(&self, dir: &AttemptDir) -> Option<Vec<String>> {
        match self {
            Self::Git(made) => worktree::changes(&made.path, &made.commit).ok(),
            // The shim is told what to start right before the agent can do anything.
            Self::Plain { root, skipped } => changes::since(root, &dir.command(), skipped),
            Self::Unknown => None,
        }
    }
}

/// Where the results of an attempt are stored.
struct ArtifactTarget {
    run: crate::store::RunDir,
    folder: camino::Utf8PathBuf,
    output: Option<crate::base::ArtifactName>,
    can_write: bool,
    calls: Calls,
    /// How a person logs in to the program.
    login_with: String,
}

impl ArtifactTarget {
    /// The end of the attempt, after the artifacts that it made: those are on disk first.
    fn inputs_of(&self, found: Harvest) -> Vec<Input> {
        let mut inputs = Vec::new();
        let task = &found.end.task;
        for (name, text) in &found.artifacts {
            let Ok(name) = name.parse() else { continue };
            inputs.extend(self.store(task, &name, clean(text).as_bytes()));
        }
        let is_success = found.has_answered
            || (found.end.reason == EndReason::Exited && found.end.code == Some(0));
        // What the agent handed over under this very name is what it means.
        let is_given = |name: &crate::base::ArtifactName| {
            found.artifacts.iter().any(|(given, _)| given == name.as_str())
        };
        if let Some(name) = self.output.as_ref().filter(|name| is_success && !is_given(name)) {
            let file = camino::Utf8Path::new(name.as_str());
            let own = self.can_write && self.folder.join(file).is_file();
            let stored = if own {
                artifact::store_file(&self.run, name, &self.folder, file)
                    .map(|stored| fact(task, name, &stored))
                    .inspect_err(|error| tracing::warn!(%error, "artifact"))
                    .ok()
            } else if found.text.trim().is_empty() {
                None
            } else {
                self.store(task, name, clean(&found.text).as_bytes())
            };
            inputs.extend(stored);
        }
        inputs.extend(self.calls.inputs_of(&found));
        if !found.delivered.is_empty() {
            let (task, attempt) = (found.end.task.clone(), found.end.attempt);
            let delivered = MessageDelivered { ids: found.delivered, task, attempt };
            inputs.push(Input::Fact(delivered.into()));
        }
        let mut end = found.end;
        if let Some(fault) = &mut end.report.error
            && fault.kind == ErrorKind::Login
        {
            fault.hint.clone_from(&self.login_with);
        }
        inputs.push(Input::AttemptEnded(end));
        inputs
    }

    fn store(
        &self,
        task: &crate::base::TaskId,
        name: &crate::base::ArtifactName,
        bytes: &[u8],
    ) -> Option<Input> {
        artifact::store(&self.run, name, bytes)
            .map(|stored| fact(task, name, &stored))
            .inspect_err(|error| tracing::warn!(%error, "artifact"))
            .ok()
    }
}

fn fact(
    task: &crate::base::TaskId,
    name: &crate::base::ArtifactName,
    stored: &artifact::Stored,
) -> Input {
    Input::Fact(
        ArtifactStored {
            name: name.clone(),
            task: task.clone(),
            bytes: stored.bytes,
            hash: stored.hash.clone(),
        }
        .into(),
    )
}

pub(super) fn is_full(error: &PathError) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// Text that went wrong, short enough for the log.
pub(super) fn short(text: &str) -> String {
    crate::base::text::one_line(text, limits::SUMMARY_CHARS_MAX)
}
