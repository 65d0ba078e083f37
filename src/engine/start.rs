//! Which ready tasks start now: all limits of a run are decided here.

use super::models::{self, Choice, Chosen};
use super::state::State;
use super::vitals::Vitals;
use super::{budget, trees};
use crate::base::Time;
use crate::base::flow::{Access, StepKind};
use crate::event::attempt::Question;
use crate::event::body::{QuestionAsked, Settled, TaskSettled};
use crate::event::chain::Hash;
use crate::event::{AttemptStarted, Body, TaskResult};
use crate::plan::graph::{StepPlan, TaskIx};
use std::collections::BTreeMap;

/// Name of the program that plays `kind: command` steps.
pub const SHELL_RUNTIME: &str = "shell";

/// The events that start what can start now: ready tasks in the order of the plan, within all limits.
pub(super) fn start(state: &State, vitals: &Vitals, now: Time) -> Vec<Body> {
    let mut room = Room::of(state, vitals.machine_slots);
    if budget::is_exhausted(state, vitals, now) {
        room.slots = 0;
    }
    let mut events = Vec::new();
    let due = state.index.delayed.range(..=(now, TaskIx::MAX)).map(|&(_, task)| task);
    for task in due {
        if let Some(event) = pick(state, &mut room, task, now) {
            events.push(event);
        }
    }
    let mut next = 0;
    while let Some(&task) = state.index.ready.range(next..).next() {
        next = task + 1;
        if let Some(event) = pick(state, &mut room, task, now) {
            events.push(event);
        } else if room.slots == 0 && state.index.ready.len() > 64 {
            // Steps without a process still pass; with many ready tasks nothing else can.
            break;
        } else if room.is_step_full(state, task) {
            // Thousands of tasks may wait behind a limit of their own step.
            next = state.tasks_of(state.step_ix_of(task)).end;
        }
    }
    events
}

/// The event that starts a task, if it can start now.
fn pick(state: &State, room: &mut Room, task: TaskIx, now: Time) -> Option<Body> {
    let step = state.step_of(task);
    if is_held(state, task) || state.is_in_hands(task) || trees::is_taken(state, task) {
        return None;
    }
    if let Some(event) = without_process(state, task, step) {
        return Some(event);
    }
    if let Some(event) = state.no_pass_left(task) {
        return Some(event);
    }
    if room.slots == 0 || budget::is_out_of_steps(state, task) || !room.take_pass(step) {
        return None;
    }
    let runtime = runtime_of(state, task, step);
    let model = match models::choose(state, task, &runtime, now) {
        Choice::Model(model) => model,
        Choice::Later(moment) => return Some(models::not_yet(state, task, moment)),
        Choice::Unknown => return Some(models::without_model(state, task, &runtime)),
    };
    let is_free = room.take(state, task, step, &runtime);
    is_free.then(|| started(state, task, (runtime, model), now))
}

/// Whether a person must approve the plan that added the task; until then it may only read.
pub(super) fn is_held(state: &State, task: TaskIx) -> bool {
    let held_by = state.steps[state.step_ix_of(task)].held_by;
    held_by.is_some_and(|planner| state.steps[planner].approved != Some(true))
        && state.step_of(task).access == Access::Write
}

/// Whether everything that is ready waits for a person's word about the plan that added it.
pub(super) fn is_only_held(state: &State) -> bool {
    let index = &state.index;
    !index.ready.is_empty()
        && index.live.is_empty()
        && index.checking.is_empty()
        && index.delayed.is_empty()
        && index.fireable.is_empty()
        && index.doomed.is_empty()
        && index.ready.iter().all(|&task| is_held(state, task))
}

/// Whether a task is ready and due but no limit of the run is in its way: the machine is full.
pub(super) fn waits_for_machine(state: &State, vitals: &Vitals) -> bool {
    is_machine_full(state, vitals)
        && !state.index.ready.is_empty()
        && Room::of(state, u32::MAX).slots > 0
}

fn is_machine_full(state: &State, vitals: &Vitals) -> bool {
    state.working_count() >= vitals.machine_slots as usize
}

/// Why a ready task does not start, in words.
pub(super) fn obstacle(state: &State, vitals: &Vitals, task: TaskIx) -> Option<String> {
    let step = state.step_of(task);
    let runtime = runtime_of(state, task, step);
    let mut room = Room::of(state, u32::MAX);
    if room.slots == 0 {
        return Some(format!(
            "{} attempts run, which is the limit of the run",
            state.working_count()
        ));
    }
    if !room.take(state, task, step, &runtime) {
        return Some(room.refusal(state, task, step, &runtime));
    }
    is_machine_full(state, vitals).then(|| "all slots of the machine are taken".to_owned())
}

/// Steps that settle or ask without starting anything.
fn without_process(state: &State, task: TaskIx, step: &StepPlan) -> Option<Body> {
    let id = || state.task_id(task);
    match step.kind {
        StepKind::End if step.runtime.is_empty() => Some(
            TaskSettled {
                task: id(),
                status: Settled::Done,
                result: Some(TaskResult::Pass),
                why: String::new(),
                blocks: None,
            }
            .into(),
        ),
        StepKind::Human => {
            let text = super::words::question(state, state.step_ix_of(task));
            let question = Question { text, choices: Vec::new() };
            Some(QuestionAsked { task: id(), question }.into())
        }
        StepKind::End | StepKind::Agent | StepKind::Command => None,
    }
}

fn runtime_of(state: &State, task: TaskIx, step: &StepPlan) -> String {
    match (&state.tasks[task].runtime, step.kind) {
        (_, StepKind::Command) => SHELL_RUNTIME.to_owned(),
        (Some(other), _) => other.clone(),
        (None, _) => step.runtime.clone(),
    }
}

fn started(state: &State, task: TaskIx, player: (String, Chosen), now: Time) -> Body {
    let (entry, step) = (&state.tasks[task], state.step_of(task));
    let (runtime, model) = player;
    let number = entry.attempts + 1;
    let id = state.task_id(task);
    // Not a secret: it only tells this attempt's processes from all others on the machine.
    let mark = Hash::of(format!("{}/{id}/{number}", state.created.uid).as_bytes()).to_string();
    AttemptStarted {
        task: id,
        attempt: number,
        runtime,
        model: model.name,
        model_why: model.why,
        mark,
        deadline_ms: step.timeout_ms.into_iter().chain(budget::attempt_ms(state, now)).min(),
        session: entry.session.clone(),
    }
    .into()
}

/// What is left of every limit while tasks are being picked.
struct Room {
    slots: u32,
    runtimes: BTreeMap<String, u32>,
    roles: BTreeMap<String, u32>,
    steps: BTreeMap<usize, u32>,
    has_loop: bool,
    writer: bool,
    readers: bool,
    /// A writer that waits for readers keeps later readers back, or it would wait for ever.
    writer_waits: bool,
}

impl Room {
    fn of(state: &State, machine_slots: u32) -> Self {
        let limit =
            state.plan().max_concurrency.unwrap_or(u32::MAX).min(state.created.limits.agents);
        // Who waits for a person's answer has given its slot back, but not the tree that it works in.
        let mut working = u32::try_from(state.index.live.len()).unwrap_or(u32::MAX);
        let mut runtimes = state.index.live_by_runtime.clone();
        for (_, live) in state.live().filter(|(_, live)| live.is_held()) {
            working -= 1;
            if let Some(count) = runtimes.get_mut(&live.runtime) {
                *count = count.saturating_sub(1);
            }
        }
        Self {
            slots: limit.min(machine_slots).saturating_sub(working),
            runtimes,
            roles: state.index.live_by_role.clone(),
            steps: BTreeMap::new(),
            has_loop: false,
            // A command that looks at the tree is in the way like somebody who writes, and so is a merge.
            writer: !state.index.tree_writers.is_empty()
                || state.is_tree_in_hands(true)
                || trees::waits_for_merge(state)
                || !super::effect::evidence(state).is_empty(),
            readers: !state.index.tree_readers.is_empty() || state.is_tree_in_hands(false),
            writer_waits: false,
        }
    }

    /// Whether the task's step has as many live attempts as it may have.
    fn is_step_full(&self, state: &State, task: TaskIx) -> bool {
        let ix = state.step_ix_of(task);
        let live = state.index.steps[ix].live + self.steps.get(&ix).copied().unwrap_or(0);
        state.plan().steps[ix].max_concurrency.is_some_and(|limit| live >= limit)
    }

    fn take(&mut self, state: &State, task: TaskIx, step: &StepPlan, runtime: &str) -> bool {
        let ix = state.step_ix_of(task);
        let in_role = self.roles.get(&step.role).copied().unwrap_or(0);
        let in_runtime = self.runtimes.get(runtime).copied().unwrap_or(0);
        let role_limit = state.plan().role_concurrency.get(&step.role);
        let runtime_limit = state.created.limits.runtime.get(runtime);
        let is_free = !self.is_step_full(state, task)
            && role_limit.is_none_or(|limit| in_role < *limit)
            && runtime_limit.is_none_or(|limit| in_runtime < *limit);
        if !is_free || !self.take_tree(state, step) {
            return false;
        }
        self.slots -= 1;
        *self.steps.entry(ix).or_default() += 1;
        *self.roles.entry(step.role.clone()).or_default() += 1;
        *self.runtimes.entry(runtime.to_owned()).or_default() += 1;
        true
    }

    /// One loop at a time begins a pass: how many are left is told from those that have begun.
    fn take_pass(&mut self, step: &StepPlan) -> bool {
        step.looping.is_none() || !std::mem::replace(&mut self.has_loop, true)
    }

    /// One writer alone, or readers together, in the run's own tree.
    fn take_tree(&mut self, state: &State, step: &StepPlan) -> bool {
        if !state.index.is_shared(step) {
            return true;
        }
        match step.access {
            Access::None => true,
            Access::Write if self.writer || self.readers => {
                self.writer_waits = true;
                false
            }
            Access::Write => {
                self.writer = true;
                true
            }
            Access::Read if self.writer || self.writer_waits => false,
            Access::Read => {
                self.readers = true;
                true
            }
        }
    }

    fn refusal(&self, state: &State, task: TaskIx, step: &StepPlan, runtime: &str) -> String {
        let ix = state.step_ix_of(task);
        if let Some(limit) = step.max_concurrency.filter(|l| state.index.steps[ix].live >= *l) {
            return format!("step `{}` runs {limit} attempts at once at most", step.id);
        }
        let role_limit = state.plan().role_concurrency.get(&step.role);
        if let Some(limit) = role_limit.filter(|l| self.roles.get(&step.role) >= Some(*l)) {
            return format!("role `{}` runs {limit} attempts at once at most", step.role);
        }
        let runtime_limit = state.created.limits.runtime.get(runtime);
        if let Some(limit) = runtime_limit.filter(|l| self.runtimes.get(runtime) >= Some(*l)) {
            return format!("runtime `{runtime}` runs {limit} attempts at once at most");
        }
        let holders =
            if self.writer { &state.index.tree_writers } else { &state.index.tree_readers };
        match holders.first() {
            Some(&holder) => format!("`{}` works in the worktree", state.task_id(holder)),
            None if trees::waits_for_merge(state) => {
                "the work of another task is being merged".to_owned()
            }
            None => "another task is before it".to_owned(),
        }
    }
}
