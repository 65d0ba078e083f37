//! One task as one line of a table.

use serde::Serialize;

use super::class::Class;
use super::usage::UsageRow;
use crate::base::time::human_ms;
use crate::base::{StepId, TaskId, Time};
use crate::engine::{
    AttemptVitals, LiveAttempt, State, Taken, TaskState, TaskStatus, Vitals, all_waits, heartbeat,
};
use crate::event::body::HeartbeatLevel;
use crate::event::{StatusKind, TaskResult};
use crate::plan::graph::TaskIx;

/// One task as one line of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskRow {
    /// Its name.
    pub id: TaskId,
    /// The step it plays.
    pub step: StepId,
    /// Its role.
    pub role: String,
    /// Its status.
    pub status: &'static str,
    /// What it proved.
    pub result: Option<TaskResult>,
    /// Number of its last attempt; 0 before the first.
    pub attempt: u32,
    /// The program that plays it; absent for commands and people.
    pub runtime: Option<String>,
    /// The model asked for.
    pub model: Option<String>,
    /// The model that its last attempt asked for.
    pub model_asked: Option<String>,
    /// Why it is not the one that its step asks for.
    pub model_why: Option<String>,
    /// The model that answered in its last attempt, as its program names it.
    pub model_used: Option<String>,
    /// How old the heartbeat of its live attempt is.
    pub heartbeat: Option<HeartbeatLevel>,
    /// When its first attempt started.
    pub started_at: Option<Time>,
    /// When its last attempt ended.
    pub ended_at: Option<Time>,
    /// What its agent said last, in one line.
    pub summary: Option<String>,
    /// Why it stands where it stands.
    pub why: Option<String>,
    /// Milliseconds of all its attempts.
    pub active_ms: u64,
    /// When its live attempt printed something last.
    pub output_at: Option<Time>,
    /// Used by its attempts.
    pub usage: UsageRow,
    /// The branch of its own that it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How much it needs a look.
    #[serde(skip)]
    pub class: Class,
}

impl TaskRow {
    /// The rows of all tasks of a run, in the order of its plan.
    pub fn all(state: &State, vitals: &Vitals, now: Time) -> Vec<Self> {
        let waits = open_sources(state);
        (0..state.tasks.len()).map(|task| Self::of(state, vitals, now, task, &waits)).collect()
    }

    fn of(state: &State, vitals: &Vitals, now: Time, task: TaskIx, waits: &[String]) -> Self {
        let entry = &state.tasks[task];
        let step = state.step_of(task);
        let live = entry.status.as_live();
        let seen = vitals.attempts.get(&task);
        let level = live.map(|live| match seen {
            Some(seen) => heartbeat(state, live, seen, now).0,
            None => live.heartbeat,
        });
        let asked = entry.asked_model.as_ref();
        let runtime = live.map(|live| live.runtime.as_str()).or(entry.runtime.as_deref());
        let runtime = runtime.unwrap_or(&step.runtime);
        let since = live
            .map_or(0, |live| now.since_ms(live.started_at).saturating_sub(live.held_ms_at(now)));
        Self {
            id: state.task_id(task),
            step: step.id.clone(),
            role: step.role.clone(),
            status: entry.status.as_str(),
            result: if let TaskStatus::Done { result } = entry.status {
                Some(result)
            } else {
                None
            },
            attempt: entry.attempts,
            runtime: (!runtime.is_empty()).then(|| runtime.to_owned()),
            model: live.map_or_else(|| step.model.clone(), |live| live.model.clone()),
            model_asked: asked.and_then(|(model, _)| model.clone()),
            model_why: asked.map(|(_, why)| why.clone()).filter(|why| !why.is_empty()),
            model_used: entry.last.as_ref().and_then(|last| last.report.model.clone()),
            heartbeat: level,
            started_at: entry.started_at,
            ended_at: if live.is_some() { None } else { entry.ended_at },
            summary: (!entry.summary.is_empty()).then(|| entry.summary.clone()),
            why: why(state, task, now, &waits[state.step_ix_of(task)], seen),
            active_ms: entry.active_ms + since,
            output_at: seen.and_then(|seen| seen.output_at),
            usage: UsageRow::from(&entry.usage),
            branch: state.own_tree(task).and_then(|tree| tree.branch.clone()),
            class: if state.taken(task).is_some() && !entry.status.is_settled() {
                Class::Running
            } else {
                class(entry, level, seen)
            },
        }
    }
}

/// By step: what one that is not activated waits for, as people read it.
fn open_sources(state: &State) -> Vec<String> {
    let waits = |names: Vec<String>| match names.join(", ") {
        names if names.is_empty() => names,
        names => format!("it waits for {names}"),
    };
    all_waits(state).into_iter().map(waits).collect()
}

fn in_hands(taken: &Taken) -> String {
    format!("{} has taken it over (process {})", taken.by.name(), taken.pid)
}

fn why(
    state: &State,
    task: TaskIx,
    now: Time,
    waits: &str,
    seen: Option<&AttemptVitals>,
) -> Option<String> {
    let (entry, taken) = (&state.tasks[task], state.taken(task));
    let is_running = state.status.kind() == StatusKind::Running;
    // A run that rests starts nothing, however long ago the next try was due.
    let goes_on = state.status.goes_on_by_itself();
    match &entry.status {
        TaskStatus::Pending if !waits.is_empty() => Some(waits.to_owned()),
        TaskStatus::Ready { .. } if taken.is_some() => taken.map(in_hands),
        TaskStatus::Ready { not_before: Some(moment), .. } if *moment > now && goes_on => {
            let again = format!("it tries again in {}", human_ms(moment.since_ms(now)));
            Some(match entry.limit_told() {
                Some(said) => format!("{again}: {said}"),
                None => again,
            })
        }
        TaskStatus::Ready { .. } if is_running => Some("it waits for a slot".to_owned()),
        TaskStatus::Ready { .. } => Some(format!("the run is {}", state.status.kind().as_str())),
        TaskStatus::Running(live) => {
            let stopping = live.stopping.as_ref();
            let stopping = stopping.map(|why| format!("it is being stopped: {why}"));
            let queued = seen.filter(|seen| seen.is_queued).and_then(|seen| seen.place.as_ref());
            stopping.or_else(|| queued.map(|place| format!("it waits to begin: {place}")))
        }
        TaskStatus::Checking(checking) if checking.conflict.is_some() => {
            checking.conflict.as_ref().map(|by| format!("`{by}` resolves a conflict of its work"))
        }
        TaskStatus::Stale => Some("its result belongs to an earlier epoch".to_owned()),
        status @ (TaskStatus::Pending
        | TaskStatus::Checking(_)
        | TaskStatus::WaitingInput { .. }
        | TaskStatus::Done { .. }
        | TaskStatus::Failed { .. }
        | TaskStatus::Skipped { .. }
        | TaskStatus::TimedOut { .. }) => status.why().map(str::to_owned),
    }
}

fn class(entry: &TaskState, level: Option<HeartbeatLevel>, seen: Option<&AttemptVitals>) -> Class {
    match &entry.status {
        TaskStatus::WaitingInput { .. } => Class::NeedsYou,
        TaskStatus::Failed { .. } | TaskStatus::TimedOut { .. } => Class::Failed,
        TaskStatus::Running(live) if is_stalled(live, level) => Class::Stalled,
        TaskStatus::Running(_) if seen.is_some_and(|seen| seen.output_at.is_none()) => {
            Class::Starting
        }
        TaskStatus::Running(_) | TaskStatus::Checking(_) => Class::Running,
        TaskStatus::Ready { .. } => Class::Parked,
        TaskStatus::Done { .. } => Class::Done,
        TaskStatus::Pending | TaskStatus::Skipped { .. } | TaskStatus::Stale => Class::Idle,
    }
}

fn is_stalled(live: &LiveAttempt, level: Option<HeartbeatLevel>) -> bool {
    let is_old = matches!(level, Some(HeartbeatLevel::Stale | HeartbeatLevel::Dead));
    is_old || live.no_output || live.silent_since.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    fn rows(state: &State, seen: &AttemptVitals, now: Time) -> Vec<TaskRow> {
        let mut vitals = Vitals::default();
        for (task, _) in state.live() {
            vitals.attempts.insert(task, seen.clone());
        }
        TaskRow::all(state, &vitals, now)
    }

    #[test]
    fn every_task_says_why_it_does_not_move() {
        let state = sample::running();
        let rows = rows(&state, &AttemptVitals::default(), state.updated_at);
        let seen: Vec<_> = rows.iter().map(|row| (row.status, row.why.as_deref())).collect();
        assert_eq!(
            seen,
            [
                ("done", None),
                ("running", None),
                ("pending", Some("it waits for `coding`")),
                ("pending", Some("it waits for `coding`")),
            ]
        );
    }

    #[test]
    fn a_live_task_is_classed_by_what_is_seen_of_it() {
        let state = sample::running();
        let start = state.updated_at;
        let class = |output_at, now| {
            let seen = AttemptVitals { output_at, ..AttemptVitals::default() };
            rows(&state, &seen, now)[1].class
        };
        assert_eq!(class(None, start), Class::Starting);
        assert_eq!(class(Some(start), start), Class::Running);
        assert_eq!(class(Some(start), start.plus_ms(70_000)), Class::Stalled);
    }

    #[test]
    fn in_replay_the_level_is_the_one_on_record() {
        let state = sample::running();
        let later = state.updated_at.plus_ms(900_000);
        let rows = TaskRow::all(&state, &Vitals::default(), later);
        assert_eq!(rows[1].heartbeat, Some(HeartbeatLevel::Healthy));
    }
}
