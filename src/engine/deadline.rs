//! The next instant at which time alone could make `settle` say something new.

use super::hold::hold_ends_at;
use super::input::earlier;
use super::settle::{begun_at, is_excused, last_sign, silence_grace_ms};
use super::start::waits_for_machine;
use super::state::{LiveAttempt, State};
use super::vitals::{AttemptVitals, Vitals};
use super::{budget, stuck};
use crate::base::{Time, limits};
use crate::event::{Status, StatusKind, Wait};
use crate::plan::graph::TaskIx;

/// The next instant after `now` at which something could follow from time alone.
///
/// Invariant: the result is later than `now`. A moment that has passed while its task still waits for
/// a slot is no deadline: the slot is the event to wait for, or the supervisor would spin.
pub fn deadline(state: &State, vitals: &Vitals, now: Time) -> Option<Time> {
    if let Status::Waiting { wait } = &state.status {
        let wake = if let Wait::Limit { wake_at } = wait { Some(*wake_at) } else { None };
        let reminder = state.status_since.plus_ms(state.created.limits.hibernate_ms);
        let reminder = (!state.hibernated).then_some(reminder);
        return earlier(wake.filter(|due| *due > now), reminder.filter(|due| *due > now));
    }
    if state.status.kind() != StatusKind::Running {
        return None;
    }
    let mut next: Option<Time> = None;
    let mut at = |moment: Time| {
        if moment > now {
            next = earlier(next, Some(moment));
        }
    };
    for &(moment, _) in &state.index.delayed {
        if moment > now {
            at(moment);
            break;
        }
    }
    if waits_for_machine(state, vitals) {
        at(now.plus_ms(limits::SLOT_POLL_MS));
    }
    if let Some(moment) = budget::deadline(state, now) {
        at(moment);
    }
    if state.all_taken().next().is_some() {
        // Nobody tells when a terminal is closed.
        at(now.plus_ms(limits::ASK_LOOK_MS));
    }
    for (task, live) in state.live() {
        if live.is_held() {
            // Nobody tells when the waiting process is killed.
            at(now.plus_ms(limits::ASK_LOOK_MS));
            at(hold_ends_at(state, live).unwrap_or(now));
        }
        let seen = vitals.attempts.get(&task).cloned().unwrap_or_default();
        for moment in moments(state, task, live, &seen) {
            at(moment);
        }
    }
    next
}

/// All moments at which something could be said about a live attempt.
fn moments(state: &State, task: TaskIx, live: &LiveAttempt, seen: &AttemptVitals) -> Vec<Time> {
    let limits = &state.created.limits;
    if seen.is_queued {
        return Vec::new();
    }
    let beat = seen.beat_at.unwrap_or(live.started_at).max(live.started_at);
    let output = last_sign(live, seen);
    let mut moments: Vec<Time> = limits.heartbeat_ms.iter().map(|ms| beat.plus_ms(*ms)).collect();
    moments.extend(stuck::stuck_at(state, live, seen));
    if live.stopping.is_some() || seen.tool_since.is_some() || is_excused(state, task, live) {
        return moments;
    }
    if seen.stdout_at.is_none() && !live.no_output {
        moments.push(begun_at(live, seen).plus_ms(limits.first_output_ms + live.held_ms));
    }
    moments.push(output.plus_ms(limits.silence_ms));
    if let Some(since) = live.silent_since {
        moments.push(since.plus_ms(silence_grace_ms(state)));
    }
    moments
}
