//! The process that drives one run: one owner of its state, one input at a time.
//!
//! Order is always: append (synced), apply, act. What is to be done is derived from the state after
//! every turn, so nothing is lost when this process dies at any point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::brief::Desk;
use super::children::ChildRuns;
use super::executor::{Executor, Shim};
use super::live::LiveTurns;
use super::merge::{Try, TryEnd};
use super::meter::Meter;
use super::process::Pid;
use super::slots::Slots;
use super::told::Teller;
use crate::base::{Time, limits};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::engine::{Effect, Input, State, Vitals, deadline, react};
use crate::event::body::SupervisorStarted;
use crate::event::{Actor, StatusKind};
use crate::launch::Programs;
use crate::ledger::{CommitError, Ledger, OpenError, attempt_vitals};
use crate::plan::graph::TaskIx;
use crate::store::{FileLock, ProjectDir, RunDir, watch::Watch};

/// One attempt by its task's position and its number.
pub(super) type Key = (TaskIx, u32);

/// What wakes the supervisor from outside its own turn.
#[derive(Debug)]
pub(super) enum Wake {
    /// The shim of an attempt is gone.
    ShimEnded(Key),
    /// A shim that an earlier supervisor started has told its number.
    ShimFound(Key, Pid),
    /// An attempt elsewhere never began, and why; nothing: it was told to stop before.
    NotStarted(Key, Option<String>),
    /// The own tree of a task is ready, with what is to be recorded of it, or why it is not.
    TreeMade(Key, Result<Vec<Input>, String>),
    /// The result of a merge is made, or there is none.
    Merge(TryEnd),
    /// What no attempt may touch was listed for this one, or why it cannot be; nothing: the disk is full.
    Listed(Key, Result<(), Option<String>>),
    /// Other runs whose work conflicts with this run's.
    Conflicts(Vec<crate::launch::radar::Pair>),
    /// A background job has its result.
    Done(Effect, Vec<Input>),
}

/// The supervisor of one run.
pub struct Supervisor {
    pub(super) project: ProjectDir,
    pub(super) ledger: Ledger,
    pub(super) clock: Clock,
    pub(super) env: Environment,
    pub(super) config: Config,
    pub(super) programs: Programs,
    pub(super) executor: Executor,
    pub(super) crew: Utf8PathBuf,
    pub(super) slots: Slots,
    pub(super) held: Vec<Option<FileLock>>,
    /// Shims that are being watched.
    pub(super) shims: BTreeMap<Key, Shim>,
    /// Attempts that this process has started or found; none is started twice.
    pub(super) spawned: BTreeSet<Key>,
    pub(super) stopping: BTreeSet<Key>,
    /// Attempts whose own tree is being made (`false`) or is ready.
    pub(super) trees: BTreeMap<Key, bool>,
    /// Attempts for which what they may not touch is being listed (`false`) or was.
    pub(super) listings: BTreeMap<Key, bool>,
    /// Tasks may have trees of their own.
    pub(super) has_trees: bool,
    /// What live attempts have printed.
    pub(super) meters: BTreeMap<Key, Meter>,
    /// Live attempts whose programs take input.
    pub(super) live_turns: LiveTurns,
    /// Background jobs under way.
    pub(super) jobs: BTreeSet<Effect>,
    /// Commands of the workflow that run on the tree, with what stops them.
    pub(super) evidence: BTreeMap<String, CancellationToken>,
    /// Stops the making of the run's worktree.
    pub(super) making: Option<CancellationToken>,
    /// The commit with which the conflict radar looked last.
    pub(super) radar_at: Option<String>,
    /// The try to take the work over that is under way.
    pub(super) merge: Try,
    pub(super) sender: mpsc::UnboundedSender<Wake>,
    pub(super) inputs: Vec<Input>,
    /// Supervisors of other runs that this process started.
    pub(super) children: Vec<std::process::Child>,
    /// What is known of runs that this run proposed.
    pub(super) child_runs: ChildRuns,
    pub(super) had_slot: bool,
    /// Whether the machine had fewer slots at the last turn than the run could use.
    pub(super) is_starved: bool,
    /// An attempt could not be started because the disk is full.
    pub(super) retries_spawn: bool,
    /// Tells people; none when nobody wants to be told.
    pub(super) teller: Option<Teller>,
    /// Everything that runs beside the loop.
    pub(super) tracker: tokio_util::task::TaskTracker,
}

/// Why a supervisor ended before its run was at rest.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The log cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log cannot be written for a reason that will not pass.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Supervisor {
    /// Drives the run until nobody has to drive it any more.
    ///
    /// # Errors
    /// The log cannot be read or written any more.
    pub async fn run(
        mut self,
        lock: FileLock,
        mut receiver: mpsc::UnboundedReceiver<Wake>,
    ) -> Result<(), SupervisorError> {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        // A hint only: without it the slow poll still sees everything.
        let watch = Watch::files([self.ledger.dir().events()], move || notify.notify_one())
            .inspect_err(|error| tracing::warn!(%error, "no file notifications"));
        let child_changed = self.child_runs.changed();
        let live_changed = self.live_turns.changed();
        let mut lock = Some(lock);
        self.take_over()?;
        loop {
            let wake_at = self.turn();
            if self.can_rest() {
                if self.try_rest(&mut lock)? {
                    drop(watch);
                    if let Some(teller) = self.teller.take() {
                        teller.finish().await;
                    }
                    return Ok(());
                }
                // Somebody moved the run on in that moment: the state is the newest already, so that no
                // notification about it would end the wait below.
                continue;
            }
            let now = self.clock.now();
            let safety = now.plus_ms(limits::SAFETY_POLL_MS);
            let until = wake_at.map_or(safety, |moment| moment.min(safety)).since_ms(now);
            let mut timer = std::pin::pin!(tokio::time::sleep(Duration::from_millis(until)));
            loop {
                tokio::select! {
                    wake = receiver.recv() => if let Some(wake) = wake { self.wake(wake) },
                    // Most notifications are about what this process itself has just appended.
                    () = changed.notified() => if self.ledger.is_current() { continue },
                    () = child_changed.notified() => {}
                    () = live_changed.notified() => {}
                    () = &mut timer => {}
                }
                break;
            }
            while let Ok(wake) = receiver.try_recv() {
                self.wake(wake);
            }
        }
    }

    /// Says that this process drives the run, and what became of attempts that lived before.
    fn take_over(&mut self) -> Result<(), SupervisorError> {
        let host = super::process::host();
        let started = SupervisorStarted {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host,
        };
        self.inputs.push(Input::SupervisorStarted(started));
        self.ledger.refresh()?;
        self.recover();
        Ok(())
    }

    /// One turn: commit what came in, act on what follows. Returns the next deadline.
    fn turn(&mut self) -> Option<Time> {
        self.children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        let now = self.clock.now();
        self.look_at_live();
        let inputs = std::mem::take(&mut self.inputs);
        self.look_at_output(now);
        if let Err(error) = self.commit(now, &inputs) {
            // Disk full or the like: nothing is half-applied. Facts are kept and tried again.
            tracing::error!(error = %super::error_chain(&error), "nothing could be written; trying again");
            self.inputs = inputs;
            self.act(false);
            return Some(now.plus_ms(limits::WRITE_RETRY_MS));
        }
        self.act(true);
        self.look_at_taken();
        if let Some(teller) = &mut self.teller {
            teller.look(self.ledger.state().seq);
        }
        let mut seen = vitals(self.ledger.state(), self.ledger.dir(), now);
        self.add_output(&mut seen, now);
        // Only a machine that had too few slots is worth another look: everything else wakes by itself.
        seen.machine_slots = if self.is_starved { 0 } else { u32::MAX };
        let due = deadline(self.ledger.state(), &seen, now);
        let retry = self.retries_spawn.then(|| now.plus_ms(limits::WRITE_RETRY_MS));
        due.into_iter().chain(retry).min()
    }

    fn commit(&mut self, now: Time, inputs: &[Input]) -> Result<(), CommitError> {
        let mut output = Vitals::default();
        self.add_output(&mut output, now);
        let mut locked = self.ledger.lock()?;
        // Only now is the state the newest: whoever resumed the run or freed a place is in it.
        let state = locked.state();
        let (wanted, staying) = slots_wanted(state, inputs);
        self.held.truncate(wanted);
        let missing = u32::try_from(wanted - self.held.len()).unwrap_or(u32::MAX);
        self.held.extend(self.slots.take(missing));
        self.is_starved = self.held.len() < wanted;
        let mut vitals = vitals(state, locked.dir(), now);
        for (task, seen) in output.attempts {
            let found = vitals.attempts.entry(task).or_insert(seen.clone());
            found.usage = seen.usage;
            (found.retrying, found.over_at) = (seen.retrying, seen.over_at);
        }
        vitals.machine_slots = u32::try_from(staying + self.held.len()).unwrap_or(u32::MAX);
        let mut all = inputs.to_vec();
        all.push(Input::Wake);
        let records = locked.commit(now, &vitals, &Actor::Supervisor, &all)?;
        drop(locked);
        if !records.is_empty() {
            tracing::debug!(count = records.len(), last = self.ledger.state().seq, "appended");
            self.project_messages(&records);
        }
        super::project::write_checkpoint(&mut self.ledger);
        Ok(())
    }

    pub(super) fn desk(&self) -> Desk<'_> {
        Desk {
            state: self.ledger.state(),
            dir: self.ledger.dir(),
            programs: &self.programs,
            env: &self.env,
            passed: &self.config.defaults.env,
            crew: &self.crew,
        }
    }

    /// Does what the state on disk calls for; while nothing can be written that is only to stop.
    fn act(&mut self, can_write: bool) {
        self.retries_spawn = false;
        let wanted = react(self.ledger.state());
        self.end_unwanted_evidence(&wanted);
        self.end_unwanted_merge(&wanted);
        for effect in wanted {
            match effect {
                Effect::Stop { task, attempt } => self.stop((task, attempt)),
                _ if !can_write => {}
                Effect::Spawn { task, attempt } => self.spawn((task, attempt)),
                Effect::EnsureWorktree
                | Effect::Check { .. }
                | Effect::Evidence { .. }
                | Effect::BeginMerge
                | Effect::Merge
                | Effect::ResolveMerge
                | Effect::CreateChildren { .. } => self.start_job(effect),
                Effect::BringIn { task, attempt } => self.bring_in(task, attempt),
                Effect::TendChildren => self.tend_children(),
                Effect::EndChildren => self.end_children(),
            }
        }
        if can_write {
            self.tell_live();
            self.watch_radar();
        }
        self.held.clear();
        self.drop_trees();
        let has_slot = self.ledger.state().holds_slot();
        if self.had_slot && !has_slot {
            self.run_queue();
        }
        self.had_slot = has_slot;
    }

    fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::ShimEnded(key) => self.shim_ended(key),
            Wake::ShimFound(key, pid) => self.shim_found(key, pid),
            Wake::NotStarted(key, why) => self.away_not_started(key, why.as_deref()),
            Wake::TreeMade(key, made) => self.tree_made(key, made),
            Wake::Merge(end) => self.merge_ended(end),
            Wake::Listed(key, listed) => self.listed(key, listed),
            Wake::Conflicts(found) => self.note_conflicts(found),
            Wake::Done(effect, inputs) => {
                self.jobs.remove(&effect);
                if matches!(effect, Effect::CreateChildren { .. }) {
                    self.count_try(&inputs);
                }
                self.inputs.extend(inputs);
            }
        }
    }

    fn can_rest(&self) -> bool {
        self.inputs.is_empty()
            && self.jobs.is_empty()
            && self.trees.values().chain(self.listings.values()).all(|ready| *ready)
            && self.ledger.state().is_at_rest()
    }

    /// Ends only under `run.lock`, after catching up: a command that was appended meanwhile is served.
    fn try_rest(&mut self, lock: &mut Option<FileLock>) -> Result<bool, SupervisorError> {
        let locked = self.ledger.lock()?;
        let is_over = locked.state().is_at_rest();
        if is_over {
            // Before another supervisor can come, which would tell the same.
            if let Some(teller) = &mut self.teller {
                teller.look(locked.state().seq);
                teller.remember();
            }
            drop(lock.take());
        }
        drop(locked);
        if is_over {
            self.run_queue();
        }
        Ok(is_over)
    }

    /// Gives a free slot to whoever waits for one.
    pub(super) fn run_queue(&mut self) {
        let slots = self.config.limits.runs;
        match crate::launch::run_queue(&self.project, slots, self.clock.now()) {
            Ok(report) => {
                for problem in &report.problems {
                    tracing::warn!(%problem, "queue");
                }
                self.children.extend(report.children);
            }
            Err(error) => tracing::error!(%error, "the queue could not be run"),
        }
    }
}

/// How many slots of the machine the run could use once these inputs are taken in, and how many of
/// its attempts go on: who has ended makes room for the next in the same turn.
fn slots_wanted(state: &State, inputs: &[Input]) -> (usize, usize) {
    let has_ended = |task: TaskIx| {
        let mut ends = inputs.iter().filter_map(|input| {
            if let Input::AttemptEnded(end) = input { Some(&end.task) } else { None }
        });
        ends.any(|id| state.task_ix(id) == Some(task))
    };
    let working = state.live().filter(|(_, live)| !live.is_held());
    let staying = working.filter(|(task, _)| !has_ended(*task)).count();
    if state.status.kind() != StatusKind::Running {
        return (0, staying);
    }
    ((state.created.limits.agents as usize).saturating_sub(staying), staying)
}

/// What can be seen of the live attempts without asking anybody.
///
/// The files of an attempt that is too young to be late with anything are not looked at: its start
/// says the same, and many short attempts would be looked at again and again.
fn vitals(state: &State, dir: &RunDir, now: Time) -> Vitals {
    let limits = &state.created.limits;
    let young_ms = limits.heartbeat_ms[0].min(limits.first_output_ms).min(limits.silence_ms);
    let is_young = |started: Time| now.since_ms(started) < young_ms;
    let old = state.live().filter(|(_, live)| live.is_held() || !is_young(live.started_at));
    let wall = Clock::wall();
    let attempts = old.map(|(task, live)| {
        let seen = attempt_vitals(&dir.attempt(&state.task_id(task), live.number));
        (task, seen.seen_at(now, wall))
    });
    let attempts = attempts.collect();
    Vitals { attempts, machine_slots: 0 }
}

/// The position of every live attempt, for those who must not borrow the state.
pub(super) fn live_keys(state: &State) -> Vec<Key> {
    state.live().map(|(task, live)| (task, live.number)).collect()
}
