//! Whether a schedule is due, from what is remembered of it.

use serde::{Deserialize, Serialize};

use super::timing::Timing;
use crate::base::{RunNumber, Time};

/// A clock that stands so far behind what is remembered was moved; less is the drift of clocks that are set by a server.
const BACK_MS: u64 = 25 * 60 * 60 * 1_000;

/// What is remembered of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The words of its timing; others begin anew.
    pub timing: String,
    /// Everything up to this moment has been seen to.
    pub anchor: Time,
    /// The last time for which a run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// That run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunNumber>,
    /// Why the last time started nothing; empty when it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Known {
    /// A schedule that is seen for the first time: what lies before does not count.
    pub fn begin(timing: &Timing, now: Time) -> Self {
        Self {
            timing: timing.text().to_owned(),
            anchor: now,
            last: None,
            run: None,
            note: String::new(),
        }
    }
}

/// Whether a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// For this time; it names the run that is started for it.
    Now(Time),
    /// At this time, if ever.
    Later(Option<Time>),
}

/// Whether the schedule is due, and what is to be remembered of it from now on.
pub fn look(timing: &Timing, known: Option<&Known>, now: Time) -> (Known, Due) {
    let known = match known {
        None => Known::begin(timing, now),
        Some(known) if known.timing != timing.text() => {
            // Whoever changes the times does not mean those that have passed.
            Known { timing: timing.text().to_owned(), anchor: now, ..known.clone() }
        }
        // Without this a clock that once stood in another year would silence it until then.
        Some(known) if known.anchor.since_ms(now) > BACK_MS => {
            Known { anchor: now, ..known.clone() }
        }
        Some(known) => known.clone(),
    };
    let due = match timing.latest(known.anchor, now) {
        Some(time) => Due::Now(time),
        None => Due::Later(timing.next(known.anchor)),
    };
    (known, due)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1_000;
    const START: Time = Time(1_782_000_000_000);

    fn hourly() -> Timing {
        Timing::every("1h").unwrap()
    }

    #[test]
    fn a_new_schedule_is_due_at_its_next_time_and_not_before() {
        let (known, due) = look(&hourly(), None, START);
        assert_eq!(due, Due::Later(Some(START.plus_ms(HOUR))));
        let (_, due) = look(&hourly(), Some(&known), START.plus_ms(HOUR));
        assert_eq!(due, Due::Now(START.plus_ms(HOUR)));
    }

    #[test]
    fn after_three_days_asleep_it_is_due_once() {
        let (mut known, _) = look(&hourly(), None, START);
        let now = START.plus_ms(72 * HOUR + 5);
        let (_, due) = look(&hourly(), Some(&known), now);
        assert_eq!(due, Due::Now(START.plus_ms(72 * HOUR)));
        known.anchor = START.plus_ms(72 * HOUR);
        let (_, due) = look(&hourly(), Some(&known), now);
        assert_eq!(due, Due::Later(Some(START.plus_ms(73 * HOUR))));
    }

    #[test]
    fn a_clock_that_is_moved_back_makes_nothing_due_again() {
        let known = Known { anchor: START, ..Known::begin(&hourly(), START) };
        let back = Time(START.0 - 5_400_000);
        assert_eq!(look(&hourly(), Some(&known), back).1, Due::Later(Some(START.plus_ms(HOUR))));
        // A clock that stood years ahead and was set right.
        let right = Time(START.0 - 400 * 24 * 3_600_000);
        let (known, due) = look(&hourly(), Some(&known), right);
        assert_eq!((known.anchor, due), (right, Due::Later(Some(right.plus_ms(HOUR)))));
    }

    #[test]
    fn other_times_begin_anew_and_keep_what_happened() {
        let known = Known { last: Some(START), ..Known::begin(&hourly(), START) };
        let daily = Timing::every("1d").unwrap();
        let now = START.plus_ms(50 * HOUR);
        let (known, due) = look(&daily, Some(&known), now);
        assert_eq!((known.anchor, known.last), (now, Some(START)));
        assert_eq!(due, Due::Later(Some(now.plus_ms(24 * HOUR))));
    }
}
