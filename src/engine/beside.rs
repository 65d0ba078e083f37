//! Which readers worked in the run's tree at the same time: what one of them left there nobody can tell apart.

use super::state::State;
use crate::base::Time;
use crate::base::flow::{Access, Isolation, StepKind};
use crate::event::AttemptEnded;
use crate::plan::graph::TaskIx;

/// Readers of the run's own tree that were at work while the attempt of this task was.
pub(super) fn readers_beside<'a>(
    state: &'a State,
    task: TaskIx,
    end: &'a AttemptEnded,
) -> impl Iterator<Item = TaskIx> + 'a {
    let (from, until) = interval(end);
    let reads = move |other: &TaskIx| {
        let step = state.step_of(*other);
        *other != task
            && step.access == Access::Read
            && step.isolation == Isolation::Shared
            && step.kind != StepKind::Human
    };
    let was_there = move |other: &TaskIx| {
        let found = &state.tasks[*other];
        let ended = found.status.as_checking().map(|checking| &checking.end);
        let before = ended.or(found.last.as_deref()).map(interval);
        found.status.as_live().is_some_and(|live| live.started_at < until)
            || before.is_some_and(|(began, ended)| began < until && ended > from)
    };
    (0..state.tasks.len()).filter(reads).filter(was_there)
}

/// From when to when an attempt was at work.
fn interval(end: &AttemptEnded) -> (Time, Time) {
    (Time(end.ended_at.0.saturating_sub_unsigned(end.duration_ms)), end.ended_at)
}
