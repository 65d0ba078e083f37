//! Sets and counters derived from a state, kept up to date so that no rule looks at every task.
//!
//! Invariant: `Index::of(state)` equals the index that `apply` maintained; the simulator checks it
//! after every event.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::{Edge, edges};
use super::state::{State, TaskStatus};
use crate::base::flow::{Isolation, Join};
use crate::base::{StepId, Time, flow::Access};
use crate::plan::Plan;
use crate::plan::graph::{StepIx, StepPlan, TaskIx};

/// The derived sets and counters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    /// Position of each step's first task.
    pub first_task: Vec<TaskIx>,
    /// Step of each task.
    pub step_of: Vec<StepIx>,
    /// Steps by name.
    pub by_name: BTreeMap<StepId, StepIx>,
    /// Steps that depend on each step.
    pub dependents: Vec<Vec<StepIx>>,
    /// The declared channels as ways into steps.
    pub edges: Vec<Edge>,
    /// Steps whose proposals a person approves.
    pub approved: Vec<StepIx>,
    /// Counters of each step.
    pub steps: Vec<StepIndex>,
    /// Steps that can be activated.
    pub fireable: BTreeSet<StepIx>,
    /// Steps that can never be activated and whose tasks are not settled yet.
    pub doomed: BTreeSet<StepIx>,
    /// Ready tasks without a moment to wait for.
    pub ready: BTreeSet<TaskIx>,
    /// Ready tasks by the moment they wait for.
    pub delayed: BTreeSet<(Time, TaskIx)>,
    /// Tasks with a live attempt.
    pub live: BTreeSet<TaskIx>,
    /// Tasks whose last attempt is being looked at.
    pub checking: BTreeSet<TaskIx>,
    /// Tasks whose work waits until a conflict with the work of others is resolved.
    pub conflicted: BTreeSet<TaskIx>,
    /// Whether tasks that write can have trees of their own.
    pub has_branches: bool,
    /// Tasks that asked a question.
    pub asking: BTreeSet<TaskIx>,
    /// Tasks on whose account the run will be blocked.
    pub blocking: BTreeSet<TaskIx>,
    /// Live or checking tasks that may change the shared tree.
    pub tree_writers: BTreeSet<TaskIx>,
    /// Live tasks that read the shared tree.
    pub tree_readers: BTreeSet<TaskIx>,
    /// Live attempts by program.
    pub live_by_runtime: BTreeMap<String, u32>,
    /// Live attempts by role.
    pub live_by_role: BTreeMap<String, u32>,
    /// Tasks that are settled.
    pub settled: usize,
}

/// Counters of one step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct StepIndex {
    /// Whether it is activated when the run starts.
    pub is_start: bool,
    /// Steps that it depends on.
    pub deps: u32,
    /// … of which done.
    pub deps_done: u32,
    /// … of which can never be done.
    pub deps_dead: u32,
    /// Its tasks that are done.
    pub done: u32,
    /// Its tasks that failed for good or were skipped.
    pub dead: u32,
    /// Its tasks that are settled.
    pub settled: u32,
    /// Its live attempts.
    pub live: u32,
    /// Runs that it started and that have not ended.
    pub children: u32,
}

impl StepIndex {
    /// Whether all its tasks are done, and all runs that it started have ended.
    pub fn is_done(&self, slots: u32) -> bool {
        self.done == slots && self.children == 0
    }
}

impl Index {
    /// Derives everything from the facts of a state.
    pub fn of(state: &State) -> Self {
        let plan = state.plan();
        let mut index = Self {
            first_task: Vec::with_capacity(plan.steps.len()),
            step_of: Vec::with_capacity(state.tasks.len()),
            dependents: vec![Vec::new(); plan.steps.len()],
            edges: edges(plan),
            has_branches: state.created.git.is_some(),
            approved: (0..plan.steps.len()).filter(|&step| plan.steps[step].approve).collect(),
            steps: vec![StepIndex::default(); plan.steps.len()],
            ..Self::default()
        };
        for (ix, step) in plan.steps.iter().enumerate() {
            index.first_task.push(index.step_of.len());
            index.step_of.extend(std::iter::repeat_n(ix, step.slots as usize));
            index.by_name.insert(step.id.clone(), ix);
        }
        for channel in plan.channels.iter().filter(|channel| channel.depends_on) {
            index.dependents[channel.from].push(channel.to);
            index.steps[channel.to].deps += 1;
        }
        for &start in &plan.start {
            index.steps[start].is_start = true;
        }
        for child in state.children.iter().filter(|child| child.is_open()) {
            if let Some(&step) = index.by_name.get(&child.step) {
                index.steps[step].children += 1;
            }
        }
        for (task, entry) in state.tasks.iter().enumerate() {
            index.enter(plan, &state.steps, task, &entry.status);
        }
        for step in 0..plan.steps.len() {
            index.refresh(plan, &state.steps, step);
        }
        index
    }

    /// Forgets a task's status.
    pub fn leave(
        &mut self,
        plan: &Plan,
        steps: &[super::StepState],
        task: TaskIx,
        status: &TaskStatus,
    ) {
        self.update(plan, steps, task, status, false);
    }

    /// Takes a task's status in.
    pub fn enter(
        &mut self,
        plan: &Plan,
        steps: &[super::StepState],
        task: TaskIx,
        status: &TaskStatus,
    ) {
        self.update(plan, steps, task, status, true);
    }

    fn update(
        &mut self,
        plan: &Plan,
        steps: &[super::StepState],
        task: TaskIx,
        status: &TaskStatus,
        add: bool,
    ) {
        let ix = self.step_of[task];
        let step = &plan.steps[ix];
        match status {
            TaskStatus::Ready { not_before: None, .. } => toggle(&mut self.ready, task, add),
            TaskStatus::Ready { not_before: Some(at), .. } => {
                toggle(&mut self.delayed, (*at, task), add);
            }
            TaskStatus::Running(live) => {
                toggle(&mut self.live, task, add);
                count(&mut self.live_by_runtime, &live.runtime, add);
                count(&mut self.live_by_role, &step.role, add);
                bump(&mut self.steps[ix].live, add);
                self.hold_tree(step, task, add);
            }
            TaskStatus::Checking(checking) if checking.conflict.is_some() => {
                toggle(&mut self.conflicted, task, add);
            }
            TaskStatus::Checking(_) => {
                toggle(&mut self.checking, task, add);
                // The commit of a writer's work is a write as well.
                if step.access == Access::Write && self.is_shared(step) {
                    toggle(&mut self.tree_writers, task, add);
                }
            }
            TaskStatus::WaitingInput { .. } => toggle(&mut self.asking, task, add),
            TaskStatus::Pending
            | TaskStatus::Done { .. }
            | TaskStatus::Failed { .. }
            | TaskStatus::Skipped { .. }
            | TaskStatus::TimedOut { .. }
            | TaskStatus::Stale => {}
        }
        if status.blocks().is_some() {
            toggle(&mut self.blocking, task, add);
        }
        if status.is_settled() {
            self.settled = if add { self.settled + 1 } else { self.settled - 1 };
            bump(&mut self.steps[ix].settled, add);
            self.settle_counts(plan, steps, ix, status, add);
            self.refresh(plan, steps, ix);
        }
    }

    /// Carries the end of a task to its step, and the end of the step to those that depend on it.
    fn settle_counts(
        &mut self,
        plan: &Plan,
        steps: &[super::StepState],
        ix: StepIx,
        status: &TaskStatus,
        add: bool,
    ) {
        self.carry(plan, steps, ix, |step| {
            if matches!(status, TaskStatus::Done { .. }) {
                bump(&mut step.done, add);
            }
            if status.is_dead() {
                bump(&mut step.dead, add);
            }
        });
    }

    /// Takes in how many runs of a step have not ended.
    pub fn set_children(&mut self, plan: &Plan, steps: &[super::StepState], ix: StepIx, open: u32) {
        self.carry(plan, steps, ix, |step| step.children = open);
    }

    /// Changes the counters of a step, and tells those that depend on it what that means for them.
    fn carry(
        &mut self,
        plan: &Plan,
        steps: &[super::StepState],
        ix: StepIx,
        change: impl FnOnce(&mut StepIndex),
    ) {
        let slots = plan.steps[ix].slots;
        let was = (self.steps[ix].is_done(slots), self.steps[ix].dead > 0);
        change(&mut self.steps[ix]);
        let is = (self.steps[ix].is_done(slots), self.steps[ix].dead > 0);
        if was == is {
            return;
        }
        for dependent in self.dependents[ix].clone() {
            if was.0 != is.0 {
                bump(&mut self.steps[dependent].deps_done, is.0);
            }
            if was.1 != is.1 {
                bump(&mut self.steps[dependent].deps_dead, is.1);
            }
            self.refresh(plan, steps, dependent);
        }
    }

    /// Whether the step works in the run's own tree.
    ///
    /// Without git a task that writes has no other, and the passes of a loop are judged by the run's tree.
    pub fn is_shared(&self, step: &StepPlan) -> bool {
        let has_branch = self.has_branches && step.looping.is_none();
        step.isolation == Isolation::Shared || (step.access == Access::Write && !has_branch)
    }

    fn hold_tree(&mut self, step: &StepPlan, task: TaskIx, add: bool) {
        if !self.is_shared(step) {
            return;
        }
        match step.access {
            Access::Write => toggle(&mut self.tree_writers, task, add),
            Access::Read => toggle(&mut self.tree_readers, task, add),
            Access::None => {}
        }
    }

    /// Decides again whether a step can be activated or never will be.
    pub fn refresh(&mut self, plan: &Plan, steps: &[super::StepState], ix: StepIx) {
        let counts = &self.steps[ix];
        let step = &plan.steps[ix];
        let is_open = steps[ix].activated == 0 && counts.settled < step.slots;
        let (met, dead) = match step.join.unwrap_or(Join::All) {
            Join::All => (counts.deps_done == counts.deps, counts.deps_dead > 0),
            Join::Any => (counts.deps_done > 0, counts.deps > 0 && counts.deps_dead == counts.deps),
        };
        let is_start = counts.is_start && steps[ix].activations == 0;
        let met = is_start || (counts.deps > 0 && met);
        let has_channels = self.edges.iter().any(|edge| edge.to == ix && !edge.is_back);
        // `join: all` counts channels as well: those decide when the last of them fires.
        let met = met && !(has_channels && step.join == Some(Join::All));
        let dead = dead && !has_channels;
        toggle(&mut self.fireable, ix, is_open && met);
        toggle(&mut self.doomed, ix, is_open && dead && !met);
    }

    /// Whether every step that this one depends on is done.
    pub fn are_dependencies_done(&self, step: StepIx) -> bool {
        self.steps[step].deps_done == self.steps[step].deps
    }

    /// Whether nothing is going on, nothing can start and nothing can be concluded.
    pub fn is_quiet(&self) -> bool {
        self.live.is_empty()
            && self.checking.is_empty()
            && self.ready.is_empty()
            && self.delayed.is_empty()
            && self.fireable.is_empty()
            && self.doomed.is_empty()
    }
}

fn toggle<T: Ord>(set: &mut BTreeSet<T>, item: T, add: bool) {
    if add {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn bump(number: &mut u32, add: bool) {
    *number = if add { *number + 1 } else { number.saturating_sub(1) };
}

fn count(map: &mut BTreeMap<String, u32>, key: &str, add: bool) {
    let number = map.get(key).copied().unwrap_or(0);
    let next = if add { number + 1 } else { number.saturating_sub(1) };
    if next == 0 {
        map.remove(key);
    } else {
        map.insert(key.to_owned(), next);
    }
}
