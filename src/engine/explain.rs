//! Why a run or a task is in its state: the evidence, and the command that resolves it.

use super::decide::next_step;
use super::settle::heartbeat;
use super::start::obstacle;
use super::state::{LiveAttempt, State, TaskStatus};
use super::vitals::Vitals;
use crate::base::time::human_ms;
use crate::base::{Time, text};
use crate::event::decision::DecisionKind;
use crate::event::merge::MergeResult;
use crate::event::{CancelReason, Status, StatusKind, Wait};
use crate::plan::graph::{ChannelPlan, StepIx, TaskIx};

/// Why something is in its state.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// One sentence.
    pub headline: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// The command that resolves it, when something has to be resolved.
    pub command: Option<String>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Evidence {
    /// `event`, `heartbeat` or `rule`.
    pub source: &'static str,
    /// What it says.
    pub text: String,
    /// Milliseconds since it was seen.
    pub age_ms: Option<u64>,
}

/// Passes of a loop that are told, the newest.
const PASSES_SHOWN: usize = 8;

fn event(text: impl Into<String>, at: Time, now: Time) -> Evidence {
    Evidence { source: "event", text: text.into(), age_ms: Some(now.since_ms(at)) }
}

fn rule(text: impl Into<String>) -> Evidence {
    Evidence { source: "rule", text: text.into(), age_ms: None }
}

/// Why the run is in its status.
pub fn explain_run(state: &State, vitals: &Vitals, now: Time) -> Explanation {
    let mut evidence = vec![event(
        format!("event {} made it {}", state.status_seq, state.status.kind().as_str()),
        state.status_since,
        now,
    )];
    let headline = match &state.status {
        Status::Running => running(state, vitals, now, &mut evidence),
        Status::Waiting { wait } => {
            evidence.extend(decisions(state, now));
            waiting(state, wait)
        }
        Status::Blocked { reason, detail } => {
            evidence.extend(closed_gates(state));
            format!("it is blocked ({}): {detail}", crate::event::status::word(reason))
        }
        Status::Failed { reason, detail } => {
            format!("it failed ({}): {detail}", crate::event::status::word(reason))
        }
        Status::Queued { not_before, .. } => queued(state, *not_before, now),
        Status::Draft if state.needs_approval() => {
            let risks = state.open_risks();
            if risks.is_empty() {
                "it is a draft and needs approval".to_owned()
            } else {
                format!("it is a draft and needs approval: {}", crate::plan::risk::told(&risks))
            }
        }
        Status::Draft => match &state.created.parent {
            Some(link) => format!("it is a draft until all runs of run #{} exist", link.number),
            None => "it is a draft and needs approval".to_owned(),
        },
        Status::Paused => "a person paused it".to_owned(),
        Status::Merging => merging(state),
        Status::Done { outcome } => {
            format!("every end step is done ({})", crate::event::status::word(outcome))
        }
        Status::Cancelled { reason: CancelReason::Parent } => match &state.created.parent {
            Some(link) => {
                format!("run #{}, which proposed it, waits for it no longer", link.number)
            }
            None => "a run that it comes after was cancelled".to_owned(),
        },
        Status::Cancelled { reason } => {
            format!("a person ended it ({})", crate::event::status::word(reason))
        }
        Status::Archived { .. } => "it was put away".to_owned(),
    };
    let needs_someone = !matches!(
        state.status.kind(),
        StatusKind::Running
            | StatusKind::Merging
            | StatusKind::Done
            | StatusKind::Archived
            | StatusKind::Queued
    );
    Explanation { headline, evidence, command: needs_someone.then(|| next_step(state)) }
}

fn queued(state: &State, not_before: Option<Time>, now: Time) -> String {
    if let Some(moment) = not_before.filter(|moment| *moment > now) {
        return format!("it waits {} before it tries again", human_ms(moment.since_ms(now)));
    }
    match state.created.after.as_slice() {
        [] => "it waits for a free slot".to_owned(),
        after => {
            let names: Vec<String> = after.iter().map(|number| format!("#{number}")).collect();
            format!("it waits for {} to be done, or for a free slot", names.join(", "))
        }
    }
}

fn merging(state: &State) -> String {
    match state.merging() {
        None => "its result is being completed".to_owned(),
        Some(merge) => format!("its work is being taken over into `{}`", merge.target),
    }
}

fn waiting(state: &State, wait: &Wait) -> String {
    match wait {
        Wait::Question { task } => {
            let ix = state.task_ix(task);
            let question = ix.and_then(|ix| state.tasks[ix].status.why()).unwrap_or("…");
            format!("`{task}` asks: {}", text::one_line(question, 200))
        }
        Wait::Merge { branch, .. } => {
            if let Some(MergeResult::Refused { why, detail, .. }) = state.merge_obstacle() {
                let told = text::one_line(detail, 400);
                return format!("branch `{branch}` was not taken over ({why}): {told}");
            }
            format!("the work is done; branch `{branch}` holds it until a person takes it over")
        }
        Wait::Gate => {
            let asked = state.asked_decisions();
            let kinds = [DecisionKind::Gate, DecisionKind::Plan];
            match asked.iter().find(|entry| kinds.contains(&entry.opened.kind)) {
                Some(entry) => {
                    let text = text::one_line(&entry.opened.text, 200);
                    format!("`{}` waits for a person: {text}", entry.opened.subject)
                }
                None => "a gate waits for a person".to_owned(),
            }
        }
        Wait::Auth { detail } => detail.clone(),
        Wait::Limit { wake_at } => {
            let said = state.limits_told().join("; ");
            format!("it waits for its provider and goes on by itself at {wake_at} ({said})")
        }
        Wait::Children => {
            let open = state.children.iter().filter(|child| child.is_open());
            let names: Vec<String> = open
                .map(|child| match child.number {
                    Some(number) => format!("#{number} (`{}`)", child.plan.key),
                    None => format!("`{}`, which is being created", child.plan.key),
                })
                .collect();
            format!("it waits for the runs that it started: {}", names.join(", "))
        }
    }
}

/// What a person is asked, one piece of evidence each.
fn decisions(state: &State, now: Time) -> Vec<Evidence> {
    let asked = state.asked_decisions().into_iter();
    asked
        .map(|entry| {
            let opened = &entry.opened;
            let closed = if opened.kind == DecisionKind::Gate {
                format!("; {}", state.gate(&opened.subject).reason)
            } else {
                String::new()
            };
            let expired = if opened.expires_at <= now { " (expired)" } else { "" };
            let about =
                if opened.subject.is_empty() { opened.kind.as_str() } else { &opened.subject };
            event(format!("{}{expired} asks about `{about}`{closed}", opened.id), entry.at, now)
        })
        .collect()
}

/// Gates that keep work from going on although what lies before them is done.
fn closed_gates(state: &State) -> Vec<Evidence> {
    let channels = state.plan().channels.iter();
    closed_on(state, channels.filter(|channel| state.is_step_done(channel.from)))
}

/// Closed gates on the way to a step from those before it that are done.
fn gates_before(state: &State, step: StepIx) -> Vec<Evidence> {
    let channels = state.plan().channels.iter().filter(|channel| channel.to == step);
    closed_on(state, channels.filter(|channel| state.is_step_done(channel.from)))
}

fn closed_on<'a>(state: &State, channels: impl Iterator<Item = &'a ChannelPlan>) -> Vec<Evidence> {
    let plan = state.plan();
    let names: Vec<&str> =
        channels.flat_map(|channel| channel.gates.iter().map(String::as_str)).collect();
    let gates = plan.gates.iter().filter(|gate| names.contains(&gate.id.as_str()));
    let closed = gates.map(|gate| (gate, state.evaluate(gate))).filter(|(_, is)| !is.open);
    closed.map(|(gate, is)| rule(format!("gate `{}` is closed: {}", gate.id, is.reason))).collect()
}

/// Why a gate is open or closed, and who can change that; nothing when the plan has no such gate.
pub fn explain_gate(state: &State, now: Time, gate: &str) -> Option<Explanation> {
    let gate = state.plan().gates.iter().find(|known| known.id == gate)?;
    let verdict = state.evaluate(gate);
    let headline = if verdict.open {
        "it is open".to_owned()
    } else {
        format!("it is closed: {}", verdict.reason)
    };
    let mut evidence = Vec::new();
    if let Some(store) = state.stores.get(&gate.store) {
        for (entry, origin) in &store.origins {
            let (field, key) = entry.split_once('/').unwrap_or((entry, ""));
            let value = store.data.get(field);
            let value = if key.is_empty() { value } else { value.and_then(|map| map.get(key)) };
            let Some(value) = value else { continue };
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let shown = text::one_line(&shown, 160);
            let epoch = origin.epoch;
            evidence.push(event(
                format!("{} wrote {field}={shown} in epoch {epoch}", origin.by),
                origin.at,
                now,
            ));
        }
    }
    let writers = gate.writers.join(", ");
    evidence
        .push(rule(format!("written by {}", if writers.is_empty() { "nobody" } else { &writers })));
    let plan = state.plan();
    for channel in plan.channels.iter().filter(|channel| channel.gates.contains(&gate.id)) {
        let (from, to) = (&plan.steps[channel.from].id, &plan.steps[channel.to].id);
        let done = if state.is_step_done(channel.from) { "done" } else { "not done" };
        evidence.push(rule(format!("on the way from `{from}` ({done}) to `{to}`")));
    }
    let number = state.created.number;
    let is_asked = state.open_decision(DecisionKind::Gate, &gate.id).is_some()
        && state.human_gates().iter().any(|asked| asked.id == gate.id);
    let is_human = gate.writers.iter().any(|writer| writer == "human");
    let command = match (verdict.open || state.status.is_terminal(), is_asked, is_human) {
        (true, _, _) | (false, false, false) => None,
        (false, true, _) => Some(format!("crew approve {number} {}", gate.id)),
        (false, false, true) => Some(format!("crew gate write {number} {} field=value", gate.id)),
    };
    Some(Explanation { headline, evidence, command })
}

fn running(state: &State, vitals: &Vitals, now: Time, evidence: &mut Vec<Evidence>) -> String {
    for (task, live) in state.live().take(8) {
        evidence.push(attempt_evidence(state, vitals, now, task, live));
    }
    let ready = state.ready_count();
    if ready > 0 {
        evidence.push(rule(format!(
            "{} ready and waiting for a slot or a moment",
            text::count(ready, "task")
        )));
    }
    evidence.extend(decisions(state, now));
    format!("{} at work", text::count(state.live_count(), "agent"))
}

fn attempt_evidence(
    state: &State,
    vitals: &Vitals,
    now: Time,
    task: TaskIx,
    live: &LiveAttempt,
) -> Evidence {
    let seen = vitals.attempts.get(&task).cloned().unwrap_or_default();
    let (level, age) = heartbeat(state, live, &seen, now);
    let said = match seen.output_at {
        Some(at) => format!("last output {} ago", human_ms(now.since_ms(at))),
        None => "nothing printed yet".to_owned(),
    };
    let said = if seen.stderr_tail.is_empty() {
        said
    } else {
        format!("{said}; standard error: {}", seen.stderr_tail)
    };
    let said = match &seen.place {
        Some(place) => format!("{said}; {place}"),
        None => said,
    };
    let text = format!(
        "`{}` attempt {} ({}): {}, {said}",
        state.task_id(task),
        live.number,
        live.runtime,
        crate::event::status::word(&level),
    );
    Evidence { source: "heartbeat", text, age_ms: Some(age) }
}

/// Why a task is in its status.
pub fn explain_task(state: &State, vitals: &Vitals, now: Time, task: TaskIx) -> Explanation {
    let entry = &state.tasks[task];
    let id = state.task_id(task);
    let number = state.created.number;
    let mut evidence = vec![rule(format!("last changed by event {}", entry.seq))];
    if let Some(last) = &entry.last {
        let how = match (last.code, last.signal) {
            (Some(code), _) => format!("code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => crate::event::status::word(&last.reason),
        };
        let text = format!(
            "attempt {} ended with {how} after {}",
            last.attempt,
            human_ms(last.duration_ms)
        );
        evidence.push(event(text, last.ended_at, now));
        if !last.failure.is_empty() {
            evidence.push(event(text::one_line(&last.failure, 300), last.ended_at, now));
        }
    }
    for pass in entry.history.iter().rev().take(PASSES_SHOWN).rev() {
        let (number, limit) = (pass.finished.pass, pass.finished.limit);
        let commit = pass.finished.commit.as_deref().unwrap_or("no commit");
        let commit: String = commit.chars().take(10).collect();
        let told = super::passes::told(pass);
        evidence.push(event(format!("pass {number} of {limit} ({commit}) {told}"), pass.at, now));
    }
    let mut command = None;
    let headline = match &entry.status {
        TaskStatus::Pending => {
            evidence.extend(gates_before(state, state.step_ix_of(task)));
            if let Status::Waiting { wait: Wait::Gate } = &state.status {
                command = Some(next_step(state));
            }
            pending(state, task)
        }
        TaskStatus::Ready { not_before, .. } => ready(state, vitals, now, task, *not_before),
        TaskStatus::Running(live) => {
            evidence.push(attempt_evidence(state, vitals, now, task, live));
            let since = human_ms(now.since_ms(live.started_at));
            let seen = vitals.attempts.get(&task).filter(|seen| seen.is_queued);
            match seen.and_then(|seen| seen.place.as_ref()) {
                Some(place) => {
                    format!("attempt {} waits for {since} to begin: {place}", live.number)
                }
                None => format!("attempt {} runs for {since}", live.number),
            }
        }
        TaskStatus::Checking(checking) if checking.conflict.is_some() => {
            let by = checking.conflict.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("its work is in conflict with that of others; `{by}` resolves it")
        }
        TaskStatus::Checking(_) => "its attempt ended and its work is being checked".to_owned(),
        TaskStatus::WaitingInput { question, .. } => {
            command = Some(format!("crew answer {number} {id} --text …"));
            format!("it asks: {}", text::one_line(&question.text, 200))
        }
        TaskStatus::Done { result } => {
            format!("it is done ({})", crate::event::status::word(result))
        }
        TaskStatus::Failed { why, .. } | TaskStatus::TimedOut { why } => {
            let is_over = state.status.is_terminal();
            let whole = format!("crew retry {number}");
            command = Some(if is_over { whole } else { format!("{whole}/{id}") });
            why.clone()
        }
        TaskStatus::Skipped { why } => why.clone(),
        TaskStatus::Stale => "its result belongs to an earlier epoch".to_owned(),
    };
    Explanation { headline, evidence, command }
}

fn pending(state: &State, task: TaskIx) -> String {
    let waits = &all_waits(state)[state.step_ix_of(task)];
    if waits.is_empty() {
        return format!("the run is {}", state.status.kind().as_str());
    }
    format!("it waits for {}", waits.join(", "))
}

/// By step: what one that is not activated waits for, namely steps before it that are not done, and closed
/// gates on the way from those that are. Channels that lead back are no reason to wait.
pub fn all_waits(state: &State) -> Vec<Vec<String>> {
    let plan = state.plan();
    let is_closed = |name: &String| !state.gate(name).open;
    let closed: Vec<&str> = plan
        .gates
        .iter()
        .map(|gate| &gate.id)
        .filter(|id| is_closed(id))
        .map(String::as_str)
        .collect();
    let mut waits: Vec<Vec<String>> = vec![Vec::new(); plan.steps.len()];
    for channel in
        plan.channels.iter().filter(|channel| channel.from < channel.to || channel.depends_on)
    {
        let waits = &mut waits[channel.to];
        let mut add = |text: String| {
            if !waits.contains(&text) {
                waits.push(text);
            }
        };
        if !state.is_step_done(channel.from) {
            add(format!("`{}`", plan.steps[channel.from].id));
            continue;
        }
        for gate in channel.gates.iter().filter(|gate| closed.contains(&gate.as_str())) {
            add(format!("gate `{gate}`"));
        }
    }
    waits
}

fn ready(
    state: &State,
    vitals: &Vitals,
    now: Time,
    task: TaskIx,
    not_before: Option<Time>,
) -> String {
    if let Some(taken) = state.taken(task) {
        let since = human_ms(now.since_ms(taken.since));
        return format!("{} took it over {since} ago (process {})", taken.by.name(), taken.pid);
    }
    let waits = matches!(&state.status, Status::Waiting { wait: Wait::Limit { .. } });
    if state.status.kind() != StatusKind::Running && !waits {
        return format!(
            "it can start as soon as the run is running; the run is {}",
            state.status.kind().as_str()
        );
    }
    if let Some(moment) = not_before.filter(|moment| *moment > now) {
        let again = format!("it tries again in {}", human_ms(moment.since_ms(now)));
        return match state.tasks[task].limit_told() {
            Some(said) => format!("{again}: {said}"),
            None => again,
        };
    }
    let obstacle = obstacle(state, vitals, task);
    obstacle.map_or_else(|| "it starts now".to_owned(), |why| format!("it waits for a slot: {why}"))
}
