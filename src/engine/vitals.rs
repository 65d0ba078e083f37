//! What is seen of live processes and not stored: heartbeats, output, free slots.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::event::Usage;
use crate::plan::graph::TaskIx;

/// Everything seen at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vitals {
    /// By task with a live attempt.
    pub attempts: BTreeMap<TaskIx, AttemptVitals>,
    /// Attempts of this run that may live at once as far as the machine is concerned: those that
    /// hold a slot, and the slots that are held ready for more.
    pub machine_slots: u32,
}

/// What is seen of one live attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptVitals {
    /// Last touch of the heartbeat by the shim.
    pub beat_at: Option<Time>,
    /// Last growth of standard output.
    pub stdout_at: Option<Time>,
    /// Last growth of standard output or error.
    pub output_at: Option<Time>,
    /// Since when a tool call of the agent is running; suspends the silence clock.
    pub tool_since: Option<Time>,
    /// Whether a process of the agent waits for a person's answer.
    pub is_asking: bool,
    /// The last line of standard error, while standard output is empty.
    pub stderr_tail: String,
    /// Since when it has done nothing but try the same call again, and what is in the way.
    pub retrying: Option<(Time, String)>,
    /// Since when its turn is over, by its own words.
    pub over_at: Option<Time>,
    /// What it has used so far, where a budget asks for it.
    pub usage: Usage,
    /// Where it is when that is not this machine, and what is to be said of it there.
    pub place: Option<String>,
    /// It waits in a queue there and has not begun: no clock runs.
    pub is_queued: bool,
    /// When it began there.
    pub begun_at: Option<Time>,
}

impl AttemptVitals {
    /// The same with the times of files as times of one who calls this moment `now`, while the wall clock
    /// that files are stamped by says `wall`.
    ///
    /// Somebody may have set that clock, forward or back, before a file was touched or since: of both
    /// readings the later one counts that is not in the future.
    #[must_use]
    pub fn seen_at(mut self, now: Time, wall: Time) -> Self {
        let moved = |stamp: Time| {
            let ahead = Time(stamp.0.saturating_add(now.0.saturating_sub(wall.0)));
            [stamp, ahead].into_iter().filter(|time| *time <= now).max().unwrap_or(now)
        };
        let times =
            [&mut self.beat_at, &mut self.stdout_at, &mut self.output_at, &mut self.begun_at];
        for time in times {
            *time = time.map(moved);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(stamp: i64, now: i64, wall: i64) -> Option<i64> {
        let seen = AttemptVitals { beat_at: Some(Time(stamp)), ..AttemptVitals::default() };
        seen.seen_at(Time(now), Time(wall)).beat_at.map(|time| time.0)
    }

    #[test]
    fn a_wall_clock_that_was_set_makes_no_sign_of_life_older_or_newer() {
        assert_eq!(beat(90, 100, 100), Some(90), "nobody has set it");
        // Set back by 1,000: what was touched before, and since.
        assert_eq!(beat(2_090, 2_100, 1_100), Some(2_090));
        assert_eq!(beat(1_095, 2_100, 1_100), Some(2_095));
        // Set forward by 1,000.
        assert_eq!(beat(2_090, 2_100, 3_100), Some(2_090));
        assert_eq!(beat(3_095, 2_100, 3_100), Some(2_095));
        assert_eq!(beat(9_999, 100, 100), Some(100), "nothing was touched in the future");
    }
}
