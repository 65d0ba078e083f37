//! Attempts that wait for a person's answer in the middle of their turn: their clocks stand still, and
//! others may work meanwhile (SPEC 11).

use super::state::{LiveAttempt, State};
use super::vitals::AttemptVitals;
use crate::base::{Time, limits};
use crate::event::Body;
use crate::event::body::QuestionParked;
use crate::plan::graph::TaskIx;

impl LiveAttempt {
    /// Whether it waits for a person's answer.
    pub fn is_held(&self) -> bool {
        self.held_since.is_some()
    }

    /// Milliseconds until `now` during which it waited for people.
    pub fn held_ms_at(&self, now: Time) -> u64 {
        self.held_ms + self.held_since.map_or(0, |since| now.since_ms(since))
    }
}

impl State {
    /// Number of live attempts that work: those that wait for a person's answer have given their slots back.
    pub fn working_count(&self) -> usize {
        self.live().filter(|(_, live)| !live.is_held()).count()
    }

    /// Whether the run counts for the limit of runs: not while all that it does is to wait for an answer.
    pub fn holds_slot(&self) -> bool {
        let is_held_up = (self.live_count() > 0 || self.is_all_taken())
            && self.working_count() == 0
            && self.index.checking.is_empty()
            && (self.index.ready.is_empty() || self.is_all_taken());
        self.status.kind().holds_slot() && !is_held_up
    }

    /// The attempt asks and waits.
    pub(super) fn begin_hold(&mut self, at: Time, task: TaskIx) {
        if let Some(live) = self.tasks[task].status.as_live_mut()
            && !live.stale
        {
            live.held_since.get_or_insert(at);
        }
    }

    /// The attempt goes on: it was answered, or waits no longer.
    pub(super) fn end_hold(&mut self, at: Time, task: TaskIx) {
        if let Some(live) = self.tasks[task].status.as_live_mut()
            && let Some(since) = live.held_since.take()
        {
            live.held_ms += at.since_ms(since);
            live.resumed_at = Some(at);
        }
    }
}

/// When a hold is over whatever its process does.
pub(super) fn hold_ends_at(state: &State, live: &LiveAttempt) -> Option<Time> {
    let limit = state.created.limits.ask_hold_ms + limits::ASK_HOLD_GRACE_MS;
    live.held_since.map(|since| since.plus_ms(limit))
}

/// The end of a hold that its process did not tell: it was killed, or takes longer than it may.
pub(super) fn abandoned(
    state: &State,
    task: TaskIx,
    live: &LiveAttempt,
    seen: Option<&AttemptVitals>,
    now: Time,
) -> Option<Body> {
    let is_late = hold_ends_at(state, live)? <= now;
    let is_gone = seen.is_some_and(|seen| !seen.is_asking);
    (is_late || is_gone).then(|| QuestionParked { task: state.task_id(task) }.into())
}
