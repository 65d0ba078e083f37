//! Commands of the workflow that are red: when they run, what is said of them, and where the work goes then.

use std::collections::BTreeSet;

use super::decide::readied;
use super::facts::CommandEvidence;
use super::final_check::FinalCheck;
use super::settle::is_end_reached;
use super::state::{State, TaskStatus};
use crate::base::Time;
use crate::event::body::{ReadyCause, Settled, TaskSettled};
use crate::event::{BlockedReason, Body, TaskResult};
use crate::plan::graph::TaskIx;

/// Commands that must run on the current tree before a channel can fire.
pub(super) fn evidence_wanted(state: &State) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    // While somebody writes there is no current tree to speak of.
    if !state.index.tree_writers.is_empty() {
        return wanted;
    }
    if is_end_reached(state)
        && state.index.live.is_empty()
        && state.index.checking.is_empty()
        && let FinalCheck::Wanted(name) = state.final_check()
    {
        wanted.insert(name);
    }
    let waiting = state.index.edges.iter().filter(|edge| !edge.commands.is_empty());
    for edge in waiting.filter(|edge| state.is_edge_waiting(edge)) {
        wanted.extend(edge.commands.iter().filter(|name| state.lacks_evidence(name)).cloned());
    }
    wanted
}

/// The tree changed after a step was done, and a command of its gates is red on it now: one more
/// attempt of the step, as for a red command at its own end.
pub(super) fn send_back_red(state: &State, now: Time) -> Vec<Body> {
    for edge in state.index.edges.iter().filter(|edge| !edge.commands.is_empty()) {
        if !state.is_edge_waiting(edge) {
            continue;
        }
        if let Some((name, found)) = state.first_red(&edge.commands) {
            let done = |task: &TaskIx| matches!(state.tasks[*task].status, TaskStatus::Done { .. });
            let tasks = edge.sources.iter().flat_map(|&step| state.tasks_of(step)).filter(done);
            let last = tasks.max_by_key(|&task| state.tasks[task].seq);
            return last.map(|task| red_again(state, task, name, found, now)).into_iter().collect();
        }
    }
    Vec::new()
}

/// One more attempt of a task whose tree is red, or the end of its retries.
pub(super) fn red_again(
    state: &State,
    task: TaskIx,
    name: &str,
    found: &CommandEvidence,
    now: Time,
) -> Body {
    let step = state.step_of(task);
    let entry = &state.tasks[task];
    let how = how(name, found);
    let id = state.task_id(task);
    let failure = with_tail(&how, &found.tail);
    let blocked = |why: String, reason| {
        let (status, result) = (Settled::Failed, Some(TaskResult::Fail));
        TaskSettled { task: id.clone(), status, result, why, blocks: Some(reason) }.into()
    };
    if let Some(why) = state.same_again(task, ReadyCause::Validation, &failure, now) {
        return blocked(why, BlockedReason::DeadLoop);
    }
    // A loop has passes for that.
    let may = match state.passes(task) {
        Some((used, limit)) => used < limit,
        None => entry.retries < step.retries,
    };
    if may {
        return readied(id, ReadyCause::Validation, failure, None);
    }
    blocked(format!("{how} ({} attempts)", entry.retries + 1), BlockedReason::ValidationExhausted)
}

/// How a command ended that was not green, in words.
pub(super) fn how(name: &str, found: &CommandEvidence) -> String {
    format!("`{name}` {} on this work", ended(found.code))
}

/// How a command ended, as the end of a sentence about it.
pub(super) fn ended(code: Option<i32>) -> String {
    match code {
        Some(0) => "was green".to_owned(),
        Some(127) => "could not be run (code 127: a program was not found)".to_owned(),
        Some(126) => "could not be run (code 126: no right to execute it)".to_owned(),
        Some(code) => format!("exited with code {code}"),
        None => "did not end by itself".to_owned(),
    }
}

/// A failure with the end of what was printed.
pub(super) fn with_tail(how: &str, tail: &str) -> String {
    if tail.is_empty() { how.to_owned() } else { format!("{how}:\n\n{tail}") }
}
