//! The only reader of the clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::Time;

/// Wall time read once, moved on by the monotonic clock.
///
/// Somebody who sets the wall clock moves neither a deadline nor a duration with it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Time,
    anchor: Instant,
}

impl Clock {
    /// Reads the wall clock, for the only time.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the reader of the clock that everything else uses"
    )]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall: Time(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)),
            anchor: Instant::now(),
        }
    }

    /// As [`Clock::start`], and never before `floor`: for whoever goes on with what bears later times.
    pub fn not_before(floor: Time) -> Self {
        let clock = Self::start();
        Self { wall: clock.wall.max(floor), ..clock }
    }

    /// What the wall clock says now, wherever somebody has set it: the times of files come from it.
    pub fn wall() -> Time {
        Self::start().wall
    }

    /// The time now; it never goes backwards.
    pub fn now(&self) -> Time {
        let elapsed = u64::try_from(self.anchor.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.wall.plus_ms(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_from_a_time_that_the_wall_clock_has_not_reached() {
        let later = Clock::wall().plus_ms(86_400_000);
        let now = Clock::not_before(later).now();
        assert!(now >= later && now.since_ms(later) < 60_000);
        assert!(Clock::not_before(Time(5)).now() > Time(1_735_689_600_000));
    }

    #[test]
    fn it_starts_at_wall_time_and_never_goes_back() {
        let clock = Clock::start();
        let first = clock.now();
        // 2025-01-01: older than that is a clock that was not read at all.
        assert!(first > Time(1_735_689_600_000));
        assert!((0..1_000).all(|_| clock.now() >= first));
    }
}
