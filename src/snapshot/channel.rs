//! One channel as one line of a table.

use serde::Serialize;

use crate::base::StepId;
use crate::engine::State;
use crate::event::StatusKind;
use crate::plan::ChannelPlan;

/// One channel as one line of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelRow {
    /// Its name.
    pub id: String,
    /// The step that it leaves.
    pub from: StepId,
    /// The step that it enters.
    pub to: StepId,
    /// Whether its target was activated through it, and still counts.
    pub fired: bool,
    /// Firings that led back.
    pub cycles: u32,
    /// How many of them there may be.
    pub max_cycles: Option<u32>,
}

impl ChannelRow {
    /// The rows of all channels of a run, in the order of its plan.
    pub fn all(state: &State) -> Vec<Self> {
        let channels = state.plan().channels.iter().enumerate();
        channels.map(|(ix, channel)| Self::of(state, ix, channel)).collect()
    }

    fn of(state: &State, ix: usize, channel: &ChannelPlan) -> Self {
        let plan = state.plan();
        let known = state.channels.get(ix);
        let is_begun = state.steps[channel.to].activated > 0;
        let has_fired = if channel.depends_on {
            state.is_step_done(channel.from)
        } else {
            known.is_some_and(|known| known.fired > 0)
        };
        Self {
            id: channel.id.clone(),
            from: plan.steps[channel.from].id.clone(),
            to: plan.steps[channel.to].id.clone(),
            fired: has_fired && is_begun && state.status.kind() != StatusKind::Draft,
            cycles: known.map_or(0, |known| known.cycles),
            max_cycles: channel.max_cycles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Command, Input};
    use crate::snapshot::sample;

    #[test]
    fn a_channel_has_fired_once_work_went_along_it() {
        let fired = |state: &State| -> Vec<bool> {
            ChannelRow::all(state).iter().map(|row| row.fired).collect()
        };
        assert_eq!(fired(&sample::running()), [true, false]);
        assert_eq!(fired(&sample::waiting_for_approval()), [false, false]);
        let goes_on = (91_000, Input::Command(Command::Promote { dependencies: Some(Ok(())) }));
        let inputs = sample::started().into_iter().chain([sample::approval(true), goes_on]);
        let (approved, _) = sample::records_of(sample::created_with_approval(), inputs);
        assert_eq!(fired(&approved), [true, false]);
    }
}
