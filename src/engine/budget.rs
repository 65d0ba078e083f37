//! What a run has used up of its budget, and what follows from that (SPEC 8.3).
//!
//! At 80 % people are told, at 100 % no attempt starts any more, at 120 % those that live are stopped.
//! Runs that the run started count as its own.

use super::input::{Refusal, earlier};
use super::state::State;
use super::vitals::Vitals;
use crate::base::time::human_ms;
use crate::base::{Time, limits, text};
use crate::event::body::AttemptStopping;
use crate::event::policy::{BudgetChanged, BudgetKind, BudgetWarned};
use crate::event::{BlockedReason, Body, Usage};
use crate::plan::graph::TaskIx;
use crate::plan::policy::Budget;

/// Parts of a hundred at which people are told.
const WARN: u64 = 80;
/// Parts of a hundred at which live attempts are stopped.
const KILL: u64 = 120;

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Passes of loops.
    pub steps: u32,
    /// Milliseconds during which at least one attempt was live.
    pub active_ms: u64,
    /// Tokens and money; what it cost where no program told is not in it.
    pub usage: Usage,
}

/// How a person changes a budget: `set` first, then `add` to what is left over or used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BudgetChange {
    /// New limits.
    pub set: Budget,
    /// What is added to limits that the run has.
    pub add: Budget,
}

/// One limit and what is used of it, in its own unit: passes, milliseconds, tokens, millionths of a dollar.
#[derive(Debug, Clone, Copy)]
struct Line {
    kind: BudgetKind,
    used: u64,
    limit: u64,
}

impl State {
    /// What the run and the runs that it started have used up until `now`.
    pub fn budget_used(&self, now: Time) -> Spent {
        Spent { steps: self.budget_steps_used(), ..self.time_and_usage(now) }
    }

    fn time_and_usage(&self, now: Time) -> Spent {
        let mut spent = Spent { steps: 0, active_ms: self.active_ms_at(now), usage: self.usage };
        for end in self.children.iter().filter_map(|child| child.end.as_ref()) {
            spent.active_ms += end.active_ms;
            spent.usage.add(&end.usage);
        }
        spent
    }

    /// Passes of all loops of the run, with those that are under way; one that broke off is none.
    pub fn budget_steps_used(&self) -> u32 {
        self.passes_used().saturating_add(self.passes_under_way())
    }

    /// Passes that may still be begun; nothing where the run has no limit of its own.
    pub fn budget_steps_left(&self) -> Option<u32> {
        Some(self.budget.steps?.saturating_sub(self.budget_steps_used()))
    }

    /// What is left for a run that this run starts now.
    pub fn budget_left(&self, now: Time) -> Budget {
        let spent = self.budget_used(now);
        let cost = spent.usage.cost_usd.unwrap_or(0.0);
        Budget {
            steps: self.budget_steps_left(),
            active_ms: self.budget.active_ms.map(|ms| ms.saturating_sub(spent.active_ms)),
            tokens: self.budget.tokens.map(|all| all.saturating_sub(spent.usage.tokens())),
            cost_usd: self.budget.cost_usd.map(|all| (all - cost).max(0.0)),
        }
    }
}

/// Every limit of the run but that of its passes, with what is used at the moment.
fn lines(state: &State, vitals: &Vitals, now: Time) -> impl Iterator<Item = Line> {
    let mut spent = state.time_and_usage(now);
    for (task, _) in state.live() {
        if let Some(seen) = vitals.attempts.get(&task) {
            spent.usage.add(&seen.usage);
        }
    }
    let budget = &state.budget;
    let line = |kind, limit: Option<u64>, used| Some(Line { kind, used, limit: limit? });
    [
        line(BudgetKind::Time, budget.active_ms, spent.active_ms),
        line(BudgetKind::Tokens, budget.tokens, spent.usage.tokens()),
        line(
            BudgetKind::Cost,
            budget.cost_usd.map(millionths),
            millionths(spent.usage.cost_usd.unwrap_or(0.0)),
        ),
    ]
    .into_iter()
    .flatten()
}

/// Dollars in whole millionths, so that they compare exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn millionths(usd: f64) -> u64 {
    (usd * 1e6).round().clamp(0.0, 1e18) as u64
}

impl Line {
    fn is_at(&self, percent: u64) -> bool {
        u128::from(self.used) * 100 >= u128::from(self.limit) * u128::from(percent)
    }

    fn words(&self, amount: u64) -> String {
        match self.kind {
            BudgetKind::Time => human_ms(amount),
            BudgetKind::Tokens => format!("{amount} tokens"),
            BudgetKind::Cost => {
                format!("${}.{:02}", amount / 1_000_000, amount % 1_000_000 / 10_000)
            }
            BudgetKind::Steps => text::count(usize::try_from(amount).unwrap_or(usize::MAX), "step"),
        }
    }

    fn told(&self) -> String {
        format!("{} of {} are used", self.words(self.used), self.words(self.limit))
    }
}

/// What is used up, so that no attempt starts.
fn exhausted(state: &State, vitals: &Vitals, now: Time) -> Option<Line> {
    lines(state, vitals, now).find(|line| line.is_at(100))
}

/// Whether no attempt may start.
pub(super) fn is_exhausted(state: &State, vitals: &Vitals, now: Time) -> bool {
    state.budget != Budget::default() && exhausted(state, vitals, now).is_some()
}

/// Whether an attempt that ended now was stopped for the budget's sake.
pub(super) fn is_used_up(state: &State, now: Time) -> bool {
    is_exhausted(state, &Vitals::default(), now)
}

/// Whether a task is a loop whose run has no pass left.
pub(super) fn is_out_of_steps(state: &State, task: TaskIx) -> bool {
    state.step_of(task).looping.is_some() && state.budget_steps_left() == Some(0)
}

/// Warnings that are due, and the attempts that are stopped in the middle.
pub(super) fn watch(state: &State, vitals: &Vitals, now: Time) -> Vec<Body> {
    let mut events: Vec<Body> = Vec::new();
    if state.budget == Budget::default() {
        return events;
    }
    for line in lines(state, vitals, now).chain(steps(state)) {
        if line.is_at(WARN) && !state.warned.contains(&line.kind) {
            let (used, limit) = (line.words(line.used), line.words(line.limit));
            events.push(BudgetWarned { kind: line.kind, used, limit }.into());
        }
    }
    let Some(over) = lines(state, vitals, now).find(|line| line.is_at(KILL)) else { return events };
    let running = state.live().filter(|(_, live)| live.stopping.is_none());
    events.extend(running.map(|(task, live)| {
        let why = format!("the budget is used up: {}", over.told());
        AttemptStopping { task: state.task_id(task), attempt: live.number, why }.into()
    }));
    events
}

fn steps(state: &State) -> Option<Line> {
    let limit = u64::from(state.budget.steps?);
    Some(Line { kind: BudgetKind::Steps, used: u64::from(state.budget_steps_used()), limit })
}

/// Why the run is blocked: nothing is at work, and what is ready may not start any more (T22).
pub(super) fn stop(state: &State, vitals: &Vitals, now: Time) -> Option<(BlockedReason, String)> {
    let is_unlimited = state.budget == Budget::default();
    if is_unlimited || state.live_count() > 0 || !state.index.checking.is_empty() {
        return None;
    }
    let delayed = state.index.delayed.iter().map(|&(_, task)| task);
    // What waits for a person's word about a plan does not wait for the budget.
    let is_held = |task: &TaskIx| super::start::is_held(state, *task);
    let ready = state.index.ready.iter().copied().chain(delayed);
    let startable: Vec<TaskIx> = ready.filter(|task| !is_held(task)).collect();
    if let Some(line) = exhausted(state, vitals, now) {
        return (!startable.is_empty()).then(|| (reason(line.kind), line.told()));
    }
    let is_out = !startable.is_empty() && startable.iter().all(|&t| is_out_of_steps(state, t));
    let line = steps(state).filter(|_| is_out)?;
    Some((reason(line.kind), line.told()))
}

fn reason(kind: BudgetKind) -> BlockedReason {
    match kind {
        BudgetKind::Steps => BlockedReason::BudgetSteps,
        BudgetKind::Time => BlockedReason::BudgetTime,
        BudgetKind::Tokens => BlockedReason::BudgetTokens,
        BudgetKind::Cost => BlockedReason::BudgetCost,
    }
}

/// The next moment at which time alone brings a warning or a stop, or somebody must look at the tokens.
pub(super) fn deadline(state: &State, now: Time) -> Option<Time> {
    let live = state.live_count() > 0;
    let is_counted = state.budget.tokens.is_some() || state.budget.cost_usd.is_some();
    let look = (live && is_counted).then(|| now.plus_ms(limits::USAGE_LOOK_MS));
    let Some(limit) = state.budget.active_ms.filter(|_| state.active_since.is_some()) else {
        return look;
    };
    let used = state.time_and_usage(now).active_ms;
    let next = [WARN, KILL].into_iter().map(|percent| share(limit, percent)).find(|at| *at > used);
    earlier(look, next.map(|at| now.plus_ms(at - used)))
}

fn share(limit: u64, percent: u64) -> u64 {
    (u128::from(limit) * u128::from(percent)).div_ceil(100).try_into().unwrap_or(u64::MAX)
}

/// Milliseconds after which an attempt that starts now is stopped by its shim, should nobody else be there.
///
/// Longer than the engine waits by what a question may hold its turn: that time is not charged.
pub(super) fn attempt_ms(state: &State, now: Time) -> Option<u64> {
    let limit = share(state.budget.active_ms?, KILL);
    let left = limit.saturating_sub(state.time_and_usage(now).active_ms);
    Some(left.saturating_add(state.created.limits.ask_hold_ms))
}

/// The budget after a person's change.
///
/// # Errors
/// Something is added to a limit that the run does not have.
pub(super) fn changed(
    state: &State,
    now: Time,
    change: &BudgetChange,
) -> Result<Option<BudgetChanged>, Refusal> {
    if *change == BudgetChange::default() {
        return Ok(None);
    }
    let (set, add, spent) = (&change.set, &change.add, state.budget_used(now));
    let mut budget = Budget {
        steps: set.steps.or(state.budget.steps),
        active_ms: set.active_ms.or(state.budget.active_ms),
        tokens: set.tokens.or(state.budget.tokens),
        cost_usd: set.cost_usd.or(state.budget.cost_usd),
    };
    let no_limit = |what: &str| {
        let number = state.created.number;
        let reason = format!("run #{number} has no limit of {what} that could be raised");
        Refusal::state(reason, format!("leave that flag out: `crew resume {number}`"))
    };
    // What was used beyond the limit is not taken from what is added.
    if let Some(more) = add.steps {
        // Where the run has no limit of its own, the loops have theirs.
        let has_loops = state.plan().steps.iter().any(|step| step.looping.is_some());
        match budget.steps {
            Some(old) => budget.steps = Some(old.max(spent.steps).saturating_add(more)),
            None if has_loops => {}
            None => return Err(no_limit("steps")),
        }
    }
    if let Some(more) = add.active_ms {
        let old = budget.active_ms.ok_or_else(|| no_limit("minutes"))?;
        budget.active_ms = Some(old.max(spent.active_ms).saturating_add(more));
    }
    if let Some(more) = add.tokens {
        let old = budget.tokens.ok_or_else(|| no_limit("tokens"))?;
        budget.tokens = Some(old.max(spent.usage.tokens()).saturating_add(more));
    }
    if let Some(more) = add.cost_usd {
        let old = budget.cost_usd.ok_or_else(|| no_limit("cost"))?;
        budget.cost_usd = Some(old.max(spent.usage.cost_usd.unwrap_or(0.0)) + more);
    }
    Ok((budget != state.budget).then_some(BudgetChanged { budget }))
}

/// Refuses to go on with a budget that is used up.
///
/// # Errors
/// It is used up, and the change does not raise it.
pub(super) fn check_left(
    state: &State,
    now: Time,
    changed: Option<&BudgetChanged>,
) -> Result<(), Refusal> {
    let after;
    let state = if let Some(changed) = changed {
        after = State { budget: changed.budget, ..state.clone() };
        &after
    } else {
        state
    };
    let blocked_by_steps = || {
        let is_blocked = state.status.reason().as_deref() == Some("budget_steps");
        steps(state).filter(|line| is_blocked && line.is_at(100))
    };
    let line = exhausted(state, &Vitals::default(), now).or_else(blocked_by_steps);
    let Some(line) = line else { return Ok(()) };
    let number = state.created.number;
    let reason = format!("run #{number} has used up its budget: {}", line.told());
    Err(Refusal { code: "budget", reason, hint: raise(state, line.kind) })
}

/// The command that raises a budget.
fn raise(state: &State, kind: BudgetKind) -> String {
    let flag = match kind {
        BudgetKind::Steps => "--add-steps 4",
        BudgetKind::Time => "--add-minutes 10",
        BudgetKind::Tokens => "--add-tokens 100000",
        BudgetKind::Cost => "--add-cost 1",
    };
    format!("`crew resume {} {flag}` goes on with more", state.created.number)
}

/// The command that goes on with a run that is blocked for its budget.
pub(super) fn next_step(state: &State, reason: BlockedReason) -> Option<String> {
    let kinds = [BudgetKind::Steps, BudgetKind::Time, BudgetKind::Tokens, BudgetKind::Cost];
    let kind = kinds.into_iter().find(|kind| self::reason(*kind) == reason)?;
    Some(raise(state, kind))
}
