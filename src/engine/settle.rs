//! The conclusions that follow from a state, one round at a time.
//!
//! Events in the log are facts; what follows from them is derived here, again and again until
//! nothing new follows, so that a batch that was torn in the middle heals itself.

use super::decide::{readied, rework_step};
use super::final_check::FinalCheck;
use super::fire::Firing;
use super::judge::{is_allowed, judge, needs_check, needs_evidence};
use super::red::{evidence_wanted, send_back_red};
use super::start::start;
use super::state::{LiveAttempt, State};
use super::vitals::{AttemptVitals, Vitals};
use super::{budget, children, decision, failure, fire, hold, merge, stuck, takeover, trees};
use crate::base::Time;
use crate::base::flow::{OnStale, StepKind};
use crate::event::body::{
    AttemptStopping, Attention, AttentionRaised, HeartbeatChanged, HeartbeatLevel, ReadyCause,
    RunTransitioned, Settled, TaskActivated, TaskSettled,
};
use crate::event::decision::DecisionKind;
use crate::event::{
    BlockedReason, Body, FailedReason, Outcome, Rule, Status, StatusKind, TaskResult, Wait,
};
use crate::plan::Completion;
use crate::plan::graph::TaskIx;

/// Milliseconds between the note that an agent fell silent and its one restart (SPEC 13).
const SILENCE_GRACE_MS: u64 = 120_000;

/// The same for a run whose agents may be silent for less than that.
pub(super) fn silence_grace_ms(state: &State) -> u64 {
    SILENCE_GRACE_MS.min(state.created.limits.silence_ms)
}

/// One round of conclusions; empty when nothing new follows.
pub fn settle(state: &State, vitals: &Vitals, now: Time) -> Vec<Body> {
    let ended = judge_ended(state, now);
    if !ended.is_empty() {
        return ended;
    }
    let resolved = trees::resolved(state);
    if !resolved.is_empty() {
        return resolved;
    }
    let suggested = decision::suggested(state);
    if !suggested.is_empty() {
        return suggested;
    }
    // What was decided comes first: otherwise the same would be asked again before it has its effect.
    if let Some((rule, to)) = decision::conclude(state) {
        return concluded(state, rule, to);
    }
    let asked = decision::open(state, now);
    if !asked.is_empty() {
        return asked;
    }
    if let Some(made) = decision::by_configuration(state, now).or_else(|| merge::by_itself(state)) {
        return vec![made];
    }
    let released = children::release(state)
        .filter(|_| matches!(state.status.kind(), StatusKind::Running | StatusKind::Waiting));
    if let Some(released) = released {
        return vec![released];
    }
    match state.status.kind() {
        StatusKind::Running => running(state, vitals, now),
        StatusKind::Merging => moved(state, merge::complete(state)),
        StatusKind::Waiting if failure::wakes(state, now) => {
            transition(state, Rule::T13, Status::Queued { resumed: true, not_before: None })
        }
        StatusKind::Waiting => hibernate(state, now),
        StatusKind::Done | StatusKind::Failed | StatusKind::Cancelled => super::mail::dead(state),
        StatusKind::Draft
        | StatusKind::Queued
        | StatusKind::Paused
        | StatusKind::Blocked
        | StatusKind::Archived => Vec::new(),
    }
}

/// What a person decided about the whole run.
fn concluded(state: &State, rule: Rule, to: Status) -> Vec<Body> {
    // The way back comes first: a run that was queued without it would ask the same again.
    if rule == Rule::T31
        && let rework = rework_step(state)
        && !state.is_at_work(rework)
    {
        let said =
            state.last_decision(DecisionKind::Merge, "").and_then(|last| last.verdict.as_ref());
        let text = said.map(|verdict| verdict.text.clone()).unwrap_or_default();
        return vec![fire::sent_back(state, rework, text).into()];
    }
    transition(state, rule, to)
}

/// Nobody has answered for long: one reminder, and the sessions of the agents may be closed.
fn hibernate(state: &State, now: Time) -> Vec<Body> {
    let Status::Waiting { wait } = &state.status else { return Vec::new() };
    let for_people = !matches!(wait, Wait::Limit { .. } | Wait::Children);
    let is_due = now.since_ms(state.status_since) >= state.created.limits.hibernate_ms;
    if !for_people || state.hibernated || !is_due {
        return Vec::new();
    }
    transition(state, Rule::T15, state.status.clone())
}

fn judge_ended(state: &State, now: Time) -> Vec<Body> {
    let checking = state
        .index
        .checking
        .iter()
        .filter_map(|&task| state.tasks[task].status.as_checking().map(|found| (task, found)));
    checking
        .filter(|(task, checking)| !needs_check(state, *task, checking))
        .filter(|(task, checking)| !trees::needs_merge(state, *task, checking))
        .filter(|(task, checking)| needs_evidence(state, *task, checking).is_empty())
        .map(|(task, checking)| judge(state, task, checking, now))
        .collect()
}

fn running(state: &State, vitals: &Vitals, now: Time) -> Vec<Body> {
    if !state.denied.is_empty() {
        let (reason, detail) = (FailedReason::PathPolicy, state.denied.clone());
        return transition(state, Rule::T23, Status::Failed { reason, detail });
    }
    let taken = takeover::interrupted(state);
    if !taken.is_empty() {
        return taken;
    }
    let watched = watch(state, vitals, now);
    if !watched.is_empty() {
        return watched;
    }
    let over = budget::watch(state, vitals, now);
    if !over.is_empty() {
        return over;
    }
    if is_end_reached(state) {
        return finish(state);
    }
    let answered = use_answers(state);
    if !answered.is_empty() {
        return answered;
    }
    if !state.index.fireable.is_empty() {
        let steps = state.index.fireable.iter().map(|&step| state.step_name(step)).collect();
        return vec![TaskActivated { steps }.into()];
    }
    match fire::next(state) {
        Some(Firing::Fired(fired)) => return vec![fired.into()],
        Some(Firing::Exhausted { detail }) => return exhausted(state, detail),
        None => {}
    }
    let red = send_back_red(state, now);
    if !red.is_empty() {
        return red;
    }
    let outdated = state.vote_again();
    if !outdated.is_empty() {
        return outdated;
    }
    let doomed = skip_doomed(state);
    if !doomed.is_empty() {
        return doomed;
    }
    let unneeded = trees::unneeded(state);
    if !unneeded.is_empty() {
        let why = "its work is done again";
        return unneeded.into_iter().map(|task| skipped(state, task, why)).collect();
    }
    if needs_worktree(state) {
        return Vec::new();
    }
    let started = start(state, vitals, now);
    if !started.is_empty() {
        return started;
    }
    if let Some((reason, detail)) = budget::stop(state, vitals, now) {
        // A command that looks at the tree ends first.
        if !evidence_wanted(state).is_empty() {
            return Vec::new();
        }
        return transition(state, Rule::T22, Status::Blocked { reason, detail });
    }
    if let Some(wait) = failure::sleep(state, now).filter(|_| evidence_wanted(state).is_empty()) {
        return transition(state, Rule::T12, Status::Waiting { wait });
    }
    let is_quiet = state.index.is_quiet() || super::start::is_only_held(state);
    if is_quiet && evidence_wanted(state).is_empty() { rest(state) } else { Vec::new() }
}

/// Questions that were answered: the task goes on, or a person's step is done.
fn use_answers(state: &State) -> Vec<Body> {
    let answered = state.asking().filter(|&task| state.is_answered(task));
    answered
        .map(|task| {
            let id = state.task_id(task);
            if state.step_of(task).kind == StepKind::Human {
                let (status, result) = (Settled::Done, Some(TaskResult::Pass));
                let why = String::new();
                return TaskSettled { task: id, status, result, why, blocks: None }.into();
            }
            readied(id, ReadyCause::Answer, String::new(), None)
        })
        .collect()
}

/// A cycle has reached its limit: attempts that live end first, then a person decides.
fn exhausted(state: &State, detail: String) -> Vec<Body> {
    if state.live_count() > 0 || !state.index.checking.is_empty() {
        return Vec::new();
    }
    let reason = BlockedReason::MaxIterations;
    transition(state, Rule::T18, Status::Blocked { reason, detail })
}

/// Whether tasks must wait because the run's worktree does not exist yet.
pub(super) fn needs_worktree(state: &State) -> bool {
    state.created.git.is_some() && state.worktree.is_none()
}

pub(super) fn is_end_reached(state: &State) -> bool {
    let end = &state.plan().end;
    !end.is_empty() && end.iter().all(|&step| state.is_step_done(step))
}

/// The end is reached: attempts that still live are stopped, then the run completes.
fn finish(state: &State) -> Vec<Body> {
    if state.live_count() > 0 {
        let running = state.live().filter(|(_, live)| live.stopping.is_none());
        let why = "every end step is done";
        return running.map(|(task, live)| stopping(state, task, live, why)).collect();
    }
    if !state.index.checking.is_empty() {
        return Vec::new();
    }
    match state.final_check() {
        FinalCheck::Passed => {}
        FinalCheck::Wanted(_) => return Vec::new(),
        FinalCheck::Back(events) => return events,
        FinalCheck::Exhausted(reason, detail) => {
            return transition(state, blocked_rule(reason), Status::Blocked { reason, detail });
        }
    }
    let open = (0..state.tasks.len()).filter(|&task| !state.tasks[task].status.is_settled());
    let unneeded: Vec<Body> =
        open.map(|task| skipped(state, task, "every end step was done without it")).collect();
    if !unneeded.is_empty() {
        return unneeded;
    }
    let is_changed = state.has_work();
    match (state.plan().completion, &state.worktree) {
        (Completion::Deliver, _) => moved(state, Some(merge::deliver(state))),
        (Completion::Merge | Completion::Pr, Some(worktree)) if is_changed => {
            let wait = Wait::Merge { branch: worktree.branch.clone(), trouble: None };
            transition(state, Rule::T28, Status::Waiting { wait })
        }
        (Completion::Merge | Completion::Pr, Some(_)) => {
            transition(state, Rule::T28b, Status::Done { outcome: Outcome::NoChanges })
        }
        (Completion::Merge | Completion::Pr | Completion::None, _) => {
            transition(state, Rule::T28b, Status::Done { outcome: Outcome::Delivered })
        }
    }
}

fn skip_doomed(state: &State) -> Vec<Body> {
    let tasks = state.index.doomed.iter().flat_map(|&step| {
        let why = match state.first_dead_dependency(step) {
            Some(name) => format!("`{name}` was not done"),
            None => "a step before it was not done".to_owned(),
        };
        state.tasks_of(step).map(move |task| (task, why.clone()))
    });
    // An attempt that a cycle has gone past may still live; it ends first.
    let open = tasks.filter(|(task, _)| {
        let status = &state.tasks[*task].status;
        !status.is_settled() && status.as_live().is_none()
    });
    open.map(|(task, why)| skipped(state, task, &why)).collect()
}

fn skipped(state: &State, task: TaskIx, why: &str) -> Body {
    TaskSettled {
        task: state.task_id(task),
        status: Settled::Skipped,
        result: None,
        why: why.to_owned(),
        blocks: None,
    }
    .into()
}

/// Nothing is going on and nothing can start: the run waits, is blocked or has failed.
fn rest(state: &State) -> Vec<Body> {
    // Their ends move the run by themselves; who is asked something can answer meanwhile.
    if state.has_children_under_way() {
        return transition(state, Rule::T11b, Status::Waiting { wait: Wait::Children });
    }
    if let Some(task) = state.asking().next() {
        let wait = Wait::Question { task: state.task_id(task) };
        return transition(state, Rule::T11, Status::Waiting { wait });
    }
    if !state.human_gates().is_empty() || state.unapproved().next().is_some() {
        return transition(state, Rule::T10, Status::Waiting { wait: Wait::Gate });
    }
    if let Some((task, reason)) = state.first_blocking() {
        let why = state.tasks[task].status.why().unwrap_or_default();
        let detail = format!("{}: {why}", state.task_id(task));
        if reason == BlockedReason::AuthFailed {
            return transition(state, Rule::T12, Status::Waiting { wait: Wait::Auth { detail } });
        }
        return transition(state, blocked_rule(reason), Status::Blocked { reason, detail });
    }
    if let Some(task) = state.first_failed() {
        let why = state.tasks[task].status.why().unwrap_or_default();
        let detail = format!("{}: {why}", state.task_id(task));
        return transition(
            state,
            Rule::T26,
            Status::Failed { reason: FailedReason::AgentFailed, detail },
        );
    }
    let detail = super::stall::words(state);
    let reason = BlockedReason::Stalled;
    transition(state, Rule::T19, Status::Blocked { reason, detail })
}

/// The row of the table that blocks a run with this reason.
fn blocked_rule(reason: BlockedReason) -> Rule {
    let rows = [
        (BlockedReason::AgentCrash, Rule::T20),
        (BlockedReason::TaskTimeout, Rule::T21),
        (BlockedReason::AgentBlocked, Rule::T24),
        (BlockedReason::BudgetSteps, Rule::T22),
        (BlockedReason::DeadLoop, Rule::T25),
        (BlockedReason::SessionLost, Rule::T39),
    ];
    rows.iter().find(|(known, _)| *known == reason).map_or(Rule::T24b, |(_, rule)| *rule)
}

/// Heartbeats, first output and silence of the live attempts.
fn watch(state: &State, vitals: &Vitals, now: Time) -> Vec<Body> {
    let mut events = Vec::new();
    for (task, live) in state.live() {
        let is_cancelled = state.step_of(task).on_stale == OnStale::Cancel;
        if live.stale && live.stopping.is_none() && is_cancelled {
            events.push(stopping(state, task, live, "a cycle has gone past it"));
            continue;
        }
        let seen = vitals.attempts.get(&task);
        events.extend(hold::abandoned(state, task, live, seen, now));
        // Whoever did not look, such as one who gives a command, has nothing to say about silence.
        let Some(seen) = seen else { continue };
        let (level, age_ms) = heartbeat(state, live, seen, now);
        if level != live.heartbeat {
            let (task, attempt) = (state.task_id(task), live.number);
            events.push(HeartbeatChanged { task, attempt, level, age_ms }.into());
        }
        let stuck = stuck::stuck(state, task, live, seen, now);
        events.extend(stuck.or_else(|| silence(state, task, live, seen, now)));
    }
    events
}

/// Level and age of an attempt's heartbeat.
pub fn heartbeat(
    state: &State,
    live: &LiveAttempt,
    seen: &AttemptVitals,
    now: Time,
) -> (HeartbeatLevel, u64) {
    if seen.is_queued {
        return (HeartbeatLevel::Healthy, 0);
    }
    let age = now.since_ms(seen.beat_at.unwrap_or(live.started_at).max(live.started_at));
    let [warn_ms, stale_ms, dead_ms] = state.created.limits.heartbeat_ms;
    let level = match age {
        age if age >= dead_ms => HeartbeatLevel::Dead,
        age if age >= stale_ms => HeartbeatLevel::Stale,
        age if age >= warn_ms => HeartbeatLevel::Warn,
        _ => HeartbeatLevel::Healthy,
    };
    (level, age)
}

/// Whether an attempt is silent for a reason: it waits for a person, or for a command.
pub(super) fn is_excused(state: &State, task: TaskIx, live: &LiveAttempt) -> bool {
    live.is_held() || state.is_verifying(task)
}

/// When an attempt began: where it had to wait in a queue, that is later than its start.
pub(super) fn begun_at(live: &LiveAttempt, seen: &AttemptVitals) -> Time {
    seen.begun_at.unwrap_or(live.started_at).max(live.started_at)
}

/// The last moment at which an attempt said something, began, or went on after an answer.
pub(super) fn last_sign(live: &LiveAttempt, seen: &AttemptVitals) -> Time {
    let begun = live.resumed_at.unwrap_or(live.started_at).max(begun_at(live, seen));
    seen.output_at.unwrap_or(begun).max(begun)
}

fn silence(
    state: &State,
    task: TaskIx,
    live: &LiveAttempt,
    seen: &AttemptVitals,
    now: Time,
) -> Option<Body> {
    let limits = &state.created.limits;
    let raise = |kind, detail: String| {
        let (task, attempt) = (state.task_id(task), live.number);
        Some(AttentionRaised { task, attempt, kind, detail }.into())
    };
    if live.stopping.is_some()
        || seen.is_queued
        || seen.tool_since.is_some()
        || is_excused(state, task, live)
    {
        return None;
    }
    let sign = last_sign(live, seen);
    let quiet = now.since_ms(sign);
    let mute = now.since_ms(begun_at(live, seen)).saturating_sub(live.held_ms);
    if seen.stdout_at.is_none() && !live.no_output && mute >= limits.first_output_ms {
        let mut text = format!("nothing printed for {}", crate::base::time::human_ms(mute));
        if !seen.stderr_tail.is_empty() {
            text = format!("{text}; its standard error says: {}", seen.stderr_tail);
        }
        return raise(Attention::FirstOutput, text);
    }
    if quiet < limits.silence_ms {
        return None;
    }
    // A note from before the last sign is about another silence.
    let noted = live.silent_since.filter(|since| sign <= *since);
    match noted {
        None => {
            let text = format!("silent for {}", crate::base::time::human_ms(quiet));
            raise(Attention::Silence, text)
        }
        Some(since) if now.since_ms(since) >= silence_grace_ms(state) => {
            Some(stopping(state, task, live, "it fell silent"))
        }
        Some(_) => None,
    }
}

fn stopping(state: &State, task: TaskIx, live: &LiveAttempt, why: &str) -> Body {
    let (task, attempt) = (state.task_id(task), live.number);
    AttemptStopping { task, attempt, why: why.to_owned() }.into()
}

fn moved(state: &State, step: Option<(Rule, Status)>) -> Vec<Body> {
    step.map(|(rule, to)| transition(state, rule, to)).unwrap_or_default()
}

fn transition(state: &State, rule: Rule, to: Status) -> Vec<Body> {
    debug_assert!(is_allowed(state, rule, to.kind()), "{rule:?} from {:?}", state.status);
    vec![RunTransitioned { rule, to, text: String::new() }.into()]
}
