//! What must hold in every log, read from the outside.

use std::collections::{BTreeMap, BTreeSet};

use crew::base::flow::{Access, Fire, Isolation, Join};
use crew::base::{StepId, TaskId};
use crew::engine::{State, Vitals, checkpoint, explain_run};
use crew::event::body::{Settled, TaskSettled};
use crew::event::gate::ChannelsFired;
use crew::event::pass::{PassFinished, Said};
use crew::event::{BlockedReason, Body, FailedReason, Record, Status};

use super::{Folded, MACHINE_SLOTS, World};

/// What is counted while a log is read again.
#[derive(Debug, Default)]
pub struct Promises {
    turns: BTreeMap<StepId, u64>,
    live: BTreeSet<TaskId>,
    fired: BTreeSet<(String, u64)>,
    decided: BTreeSet<String>,
    ended: BTreeMap<TaskId, u32>,
    merged: BTreeSet<(TaskId, u32)>,
    passes: BTreeMap<TaskId, PassFinished>,
    added: u32,
    taken: BTreeSet<TaskId>,
    given: BTreeSet<(String, TaskId, u32)>,
}

impl Promises {
    /// Takes a record in: one live attempt of a task, one firing of a channel in a turn of its source,
    /// one word about a decision.
    pub fn take(&mut self, state: &State, record: &Record) {
        if let Body::AttemptStarted(started) = &record.body {
            self.begin(started.task.step());
            assert!(!self.taken.contains(&started.task), "{} began under a person", started.task);
            let is_alone = self.live.insert(started.task.clone());
            assert!(is_alone, "two live attempts of {}", started.task);
        } else if let Body::AttemptEnded(end) = &record.body {
            assert!(self.live.remove(&end.task), "{} ended without a start", end.task);
            self.ended.insert(end.task.clone(), end.attempt);
        } else if let Body::TaskTaken(taken) = &record.body {
            self.taken.insert(taken.task.clone());
        } else if let Body::TaskHandedBack(back) = &record.body {
            assert!(self.taken.remove(&back.task), "{} was given back and not taken", back.task);
        } else if let Body::MessageDelivered(given) = &record.body {
            for id in &given.ids {
                let is_new = self.given.insert((id.clone(), given.task.clone(), given.attempt));
                assert!(is_new, "`{id}` was told twice in one turn");
            }
        } else if let Body::TreeMerged(merged) = &record.body {
            let is_new =
                merged.error.is_some() || self.merged.insert((merged.task.clone(), merged.attempt));
            assert!(is_new, "the work of {} was merged twice", merged.task);
        } else if let Body::TaskActivated(activated) = &record.body {
            activated.steps.iter().for_each(|step| self.begin(step));
        } else if let Body::ChannelsFired(firing) = &record.body {
            self.fire(state, firing);
            firing.steps.iter().for_each(|step| self.begin(step));
        } else if let Body::PassesAdded(more) = &record.body {
            self.added += more.passes;
        } else if let Body::PassFinished(pass) = &record.body {
            self.pass(state, pass);
        } else if let Body::TaskSettled(settled) = &record.body {
            self.settled(state, settled);
            self.counts(state, settled);
        } else if let Body::DecisionMade(made) = &record.body {
            assert!(self.decided.insert(made.id.clone()), "`{}` was decided twice", made.id);
        }
    }

    /// Work of a tree of its own counts when it was merged.
    fn counts(&self, state: &State, settled: &TaskSettled) {
        let task = state.task_ix(&settled.task).expect("a task of the plan");
        let step = state.step_of(task);
        let is_own = state.created.git.is_some()
            && step.access == Access::Write
            && step.isolation == Isolation::Snapshot
            && step.looping.is_none();
        if let Some(attempt) = self.ended.get(&settled.task)
            && is_own
            && settled.status == Settled::Done
        {
            let key = (settled.task.clone(), *attempt);
            assert!(self.merged.contains(&key), "{} is done and not merged", settled.task);
        }
    }

    /// Passes are counted one by one, and never more than the loop and its run may have.
    fn pass(&mut self, state: &State, pass: &PassFinished) {
        let step = &state.plan().steps[state.step_ix(pass.task.step()).expect("a step")];
        let limit = step.looping.as_ref().expect("a loop").steps + self.added;
        assert!(pass.pass <= pass.limit && pass.limit <= limit, "{pass:?} of {limit}");
        let before = self.passes.insert(pass.task.clone(), pass.clone());
        let before = before.map_or(0, |before| before.pass);
        assert!(pass.pass == before + 1 || pass.pass == 1, "{pass:?} after {before}");
    }

    /// A loop is done when its agent said so, and then it is green where it must be.
    fn settled(&self, state: &State, settled: &TaskSettled) {
        let step = &state.plan().steps[state.step_ix(settled.task.step()).expect("a step")];
        let Some(looping) = step.looping.as_ref().filter(|_| settled.status == Settled::Done)
        else {
            return;
        };
        let pass = self.passes.get(&settled.task).expect("a loop is done without a pass");
        let is_refuted = pass.said == Said::Blocked && pass.is_green();
        assert!(pass.said == Said::Done || is_refuted, "{pass:?}");
        assert!(!looping.validate || pass.is_green(), "done and red: {pass:?}");
    }

    fn begin(&mut self, step: &StepId) {
        *self.turns.entry(step.clone()).or_default() += 1;
    }

    /// Channels that share their gates fire as one, for whichever of their sources is new.
    fn fire(&mut self, state: &State, firing: &ChannelsFired) {
        let plan = state.plan();
        let mut groups: BTreeMap<(usize, BTreeSet<&str>), bool> = BTreeMap::new();
        for id in &firing.channels {
            let channel = plan.channels.iter().find(|c| c.id == *id).expect("a channel");
            let source = &plan.steps[channel.from].id;
            let turn = self.turns.get(source).copied().unwrap_or_default();
            let is_new = self.fired.insert((id.clone(), turn)) || channel.fire != Fire::Settled;
            let gates = channel.gates.iter().map(String::as_str).collect();
            *groups.entry((channel.to, gates)).or_default() |= is_new;
        }
        let twice = groups.iter().find(|(_, is_new)| !**is_new);
        assert_eq!(twice, None, "a channel fired twice in a turn of its source");
    }
}

/// A run that nobody drives says why, and what resolves it.
pub fn check_rest(state: &State, now: crew::base::Time) {
    let why = explain_run(state, &Vitals::default(), now);
    assert!(!why.headline.is_empty() && why.command.is_some(), "unexplained: {why:?}");
    if let Status::Blocked { reason, detail } = &state.status {
        assert!(!detail.is_empty(), "{reason:?} without a detail");
        let is_silent = *reason == BlockedReason::Stalled && detail.starts_with("nothing can move");
        assert!(!is_silent, "a stall that names nothing");
    }
}

impl World {
    /// What no start may break, seen from outside.
    pub(super) fn check_spawn(&self, state: &State, task: usize) {
        super::takeovers::check_hands(state, task);
        let alive: Vec<usize> = self
            .processes
            .iter()
            .filter(|(_, p)| p.is_alive())
            .map(|((task, _), _)| *task)
            .collect();
        assert!(!alive.contains(&task), "two live attempts of {}", state.task_id(task));
        let plan = state.plan();
        let limit = state.created.limits.agents.min(plan.max_concurrency.unwrap_or(u32::MAX));
        assert!(alive.len() < limit as usize, "over the limit of the run");
        assert!(alive.len() < MACHINE_SLOTS as usize, "over the limit of the machine");
        let step = state.step_of(task);
        let same = |f: &dyn Fn(usize) -> bool| alive.iter().filter(|&&other| f(other)).count();
        if let Some(limit) = step.max_concurrency {
            assert!(same(&|other| state.step_of(other).id == step.id) < limit as usize);
        }
        if let Some(limit) = plan.role_concurrency.get(&step.role) {
            assert!(same(&|other| state.step_of(other).role == step.role) < *limit as usize);
        }
        if let Some(limit) = state.created.limits.runtime.get(&step.runtime) {
            assert!(same(&|other| state.step_of(other).runtime == step.runtime) < *limit as usize);
        }
        let shared = |other: usize| state.step_of(other).isolation == Isolation::Shared;
        let writes = |other: usize| shared(other) && state.step_of(other).access == Access::Write;
        let reads = |other: usize| shared(other) && state.step_of(other).access == Access::Read;
        if writes(task) {
            assert_eq!(same(&writes) + same(&reads), 0, "a writer is not alone");
        }
        if reads(task) {
            assert_eq!(same(&writes), 0, "a reader beside a writer");
        }
        let ix = state.step_ix_of(task);
        let sources: Vec<usize> =
            plan.channels.iter().filter(|c| c.to == ix).map(|c| c.from).collect();
        let is_plain = plan.channels.iter().all(|channel| channel.depends_on);
        let done = sources.iter().filter(|&&from| state.is_step_done(from)).count();
        match step.join.unwrap_or(Join::All) {
            // A cycle may have gone past it between its decision and its process.
            _ if !is_plain => {
                let is_stale = state.live().any(|(live, at)| live == task && at.stale);
                assert!(state.steps[ix].activated > 0 || is_stale, "started without activation");
            }
            Join::All => assert_eq!(done, sources.len(), "started before its dependencies"),
            Join::Any => assert!(done > 0, "started before any dependency"),
        }
        if state.created.git.is_some() {
            assert!(self.has_worktree, "started before its worktree");
        }
    }

    /// A command looks at a tree that nobody is changing.
    pub(super) fn check_evidence(&self, state: &State) {
        for ((task, _), process) in &self.processes {
            let step = state.step_of(*task);
            let writes = step.access == Access::Write && step.isolation == Isolation::Shared;
            assert!(!writes || !process.is_alive(), "a command beside the writer {}", step.id);
        }
    }

    /// Nobody works in the run's own tree while a branch is merged into it.
    pub(super) fn check_merge(&self, state: &State) {
        for ((task, _), process) in &self.processes {
            let step = state.step_of(*task);
            let is_there = step.access != Access::None && step.isolation == Isolation::Shared;
            assert!(!is_there || !process.is_alive(), "a merge under {}", step.id);
        }
    }

    /// What must hold when a run is over.
    pub(super) fn check_end(&mut self, state: &State) {
        let alive = self.processes.values().filter(|process| process.is_alive()).count();
        assert_eq!(alive, 0, "processes live on after the run");
        let mut promises = Promises::default();
        let whole = Folded::default().follow(&self.disk, |record| promises.take(state, record));
        assert_eq!(whole.good, self.disk.len());
        assert_eq!(whole.state.as_ref(), Some(state), "the log and the memory disagree");
        let restored =
            checkpoint::read(&checkpoint::write(state)).expect("a checkpoint reads back");
        assert_eq!(&restored, state, "a checkpoint is not what it was made of");
        self.check_merged(state);
        assert_eq!(promises.taken, BTreeSet::new(), "somebody has a task of a run that is over");
        if state.status.is_terminal() {
            let unread = state.messages.iter().find(|entry| {
                entry.message.id.starts_with("word-")
                    && entry.delivered.is_empty()
                    && entry.acked.is_empty()
                    && entry.dead.is_none()
                    && entry.message.at < state.status_since
            });
            assert_eq!(unread, None, "a word that nobody was told, and nobody knows of it");
        }
        match &state.status {
            Status::Done { .. } | Status::Waiting { .. } => {
                for &end in &state.plan().end {
                    assert!(state.is_step_done(end), "done without an end step");
                }
                let validation = state.created.policy.validation.as_ref();
                if let (Status::Waiting { .. }, Some(name)) = (&state.status, validation) {
                    let found = state.evidence_of(name).expect("work waits that nobody checked");
                    assert!(found.is_green(), "work waits that is red");
                }
                assert!(state.denied.is_empty(), "done with a denied path");
                self.summary.done += u64::from(state.status.is_terminal());
                self.summary.waiting += u64::from(!state.status.is_terminal());
            }
            Status::Failed { reason, detail } => {
                assert!(!detail.is_empty());
                let is_denied = *reason == FailedReason::PathPolicy;
                assert_eq!(is_denied, !state.denied.is_empty(), "{reason:?}");
                self.summary.failed += 1;
            }
            Status::Cancelled { .. } => self.summary.cancelled += 1,
            Status::Draft
            | Status::Queued { .. }
            | Status::Running
            | Status::Paused
            | Status::Blocked { .. }
            | Status::Merging
            | Status::Archived { .. } => panic!("a run does not end as {:?}", state.status),
        }
        let settled = state.tasks.iter().filter(|task| task.status.is_settled()).count();
        // Behind channels a step may never be reached; what its run failed for is told.
        let is_plain = state.plan().channels.iter().all(|channel| channel.depends_on);
        let unsettled_is_fine = matches!(state.status, Status::Cancelled { .. })
            || !state.denied.is_empty()
            || (!is_plain && matches!(state.status, Status::Failed { .. }));
        let text = String::from_utf8_lossy(&self.disk);
        let of = |kind: &str| text.matches(&format!("\"{kind}\"")).count() as u64;
        let (merged, conflicted) = (of("tree.merged"), of("tree.conflicted"));
        self.summary.merged += merged;
        self.summary.conflicted += conflicted;
        self.summary.expanded += u64::from(state.expanded.is_some());
        assert!(unsettled_is_fine || settled == state.tasks.len(), "tasks without an end");
    }
}
