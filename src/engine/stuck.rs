//! Live attempts that get nowhere: the program only tries the same call again, or its turn is over and it
//! does not exit.

use super::state::{CheckingAttempt, LiveAttempt, State};
use super::vitals::AttemptVitals;
use crate::base::Time;
use crate::event::body::{AttemptStopping, Attention, AttentionRaised};
use crate::event::{Body, EndReason};
use crate::plan::graph::TaskIx;

/// Why a program is ended whose turn counts as what it said.
const OVER: &str = "its turn is over and it does not exit";

/// What follows from a live attempt that gets nowhere: its turn is over and it does not exit, or it only
/// tries the same call again.
pub(super) fn stuck(
    state: &State,
    task: TaskIx,
    live: &LiveAttempt,
    seen: &AttemptVitals,
    now: Time,
) -> Option<Body> {
    let limits = &state.created.limits;
    if live.stopping.is_some() || live.is_held() {
        return None;
    }
    let (id, attempt) = (state.task_id(task), live.number);
    if over_at(live, seen).is_some_and(|over| now.since_ms(over) >= limits.exit_ms) {
        return Some(AttemptStopping { task: id, attempt, why: OVER.to_owned() }.into());
    }
    let (since, what) = retrying(live, seen)?;
    let ms = now.since_ms(*since);
    let detail = format!("it has only tried again for {}: {what}", crate::base::time::human_ms(ms));
    if ms >= limits.retrying_ms {
        return Some(AttemptStopping { task: id, attempt, why: detail }.into());
    }
    let is_told = live.retrying || ms < limits.retrying_ms / 2;
    let kind = Attention::Retries;
    (!is_told).then(|| AttentionRaised { task: id, attempt, kind, detail }.into())
}

/// The next moments at which that could be said.
pub(super) fn stuck_at(
    state: &State,
    live: &LiveAttempt,
    seen: &AttemptVitals,
) -> impl Iterator<Item = Time> {
    let limits = &state.created.limits;
    let exit = over_at(live, seen).map(|over| over.plus_ms(limits.exit_ms));
    let since = retrying(live, seen).map(|(since, _)| *since);
    let told = since.filter(|_| !live.retrying).map(|at| at.plus_ms(limits.retrying_ms / 2));
    exit.into_iter().chain(told).chain(since.map(|at| at.plus_ms(limits.retrying_ms)))
}

/// Since when the turn of this very attempt is over: what was seen of the one before says nothing.
fn over_at(live: &LiveAttempt, seen: &AttemptVitals) -> Option<Time> {
    seen.over_at.filter(|over| *over > live.started_at)
}

/// Since when this very attempt only tries again, and what is in the way.
fn retrying<'a>(live: &LiveAttempt, seen: &'a AttemptVitals) -> Option<&'a (Time, String)> {
    seen.retrying.as_ref().filter(|(since, _)| *since > live.started_at)
}

impl CheckingAttempt {
    /// Whether the program had said that its turn was over, and was ended because it did not exit.
    pub(super) fn is_over(&self) -> bool {
        self.end.reason == EndReason::Stopped && self.stopped.as_deref() == Some(OVER)
    }

    /// Whether the turn came to its end as far as the process tells.
    pub fn has_ended_well(&self) -> bool {
        let end = &self.end;
        let has_exited = end.reason == EndReason::Exited && end.signal.is_none();
        self.is_over() || (has_exited && end.code.unwrap_or(0) == 0)
    }
}
