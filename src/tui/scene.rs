//! What a view may see: the model, what is known, what was loaded, and the moment.

use super::look::Look;
use super::model::Model;
use super::want::Loads;
use super::world::{RunView, TaskRef, World};
use crate::base::time::human_ms;
use crate::base::{RunNumber, Time};
use crate::snapshot::TaskRow;

/// What a view may see.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The time zone of the person.
    pub zone: &'a jiff::tz::TimeZone,
    /// Where the person is.
    pub model: &'a Model,
    /// What is known.
    pub world: &'a World,
    /// What was loaded.
    pub loads: &'a Loads,
    /// The moment.
    pub now: Time,
}

impl<'a> Scene<'a> {
    /// How it looks.
    pub fn look(&self) -> Look {
        self.model.look
    }

    /// A run in full: as it is, or as it was at the moment that is replayed.
    pub fn run(&self, number: RunNumber) -> Option<&'a RunView> {
        let replayed = self.model.replay.as_ref().filter(|replay| replay.run == number);
        let past = |seq| self.loads.past(number, seq).and_then(Result::ok);
        if let Some(replay) = replayed
            && let Some(seq) = replay.seq
            && let Some(view) = past(seq).or_else(|| past(replay.shown?))
        {
            return Some(view);
        }
        self.world.views.get(&number).map(AsRef::as_ref)
    }

    /// The run under the cursor.
    pub fn selected_run(&self) -> Option<&'a RunView> {
        self.run(self.model.selected.as_ref()?.run)
    }

    /// The task under the cursor.
    pub fn selected_task(&self) -> Option<(&'a RunView, &'a TaskRow)> {
        let run = self.selected_run()?;
        let task = self.model.selected.as_ref()?.task.as_ref()?;
        Some((run, run.task(task)?))
    }

    /// What is under the cursor.
    pub fn selected(&self) -> Option<&'a TaskRef> {
        self.model.selected.as_ref()
    }

    /// The moment for a run: that of the replay while its past is shown.
    pub fn moment(&self, run: &RunView) -> Time {
        let is_past = self
            .model
            .replay
            .as_ref()
            .is_some_and(|replay| replay.run == run.number() && replay.seq.is_some());
        if is_past { run.status.now } else { self.now }
    }

    /// Milliseconds that passed for a run since its rows were made; none in the past.
    pub fn passed_ms(&self, run: &RunView) -> u64 {
        self.moment(run).since_ms(run.status.now)
    }

    /// How long a moment is ago, in whole seconds.
    pub fn age(&self, at: Time) -> String {
        human_ms(self.now.since_ms(at) / 1_000 * 1_000)
    }

    /// A moment as the time of day.
    pub fn time(&self, at: Time) -> String {
        let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        stamp.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }
}
