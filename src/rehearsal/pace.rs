//! Pauses. The length of a pause is what a play is about, so this is the one place that waits for time.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How fast a play is performed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    speed: f64,
}

impl Pace {
    /// Slowest speed; below it a pause would not fit a clock.
    const SPEED_MIN: f64 = 0.001;

    /// A pace; 2 halves every pause, 0 leaves them out.
    pub(super) fn new(speed: f64) -> Option<Self> {
        (speed == 0.0 || (Self::SPEED_MIN..1e9).contains(&speed)).then_some(Self { speed })
    }

    /// Pauses for so many milliseconds of the script.
    pub(super) fn pause(self, ms: u64) {
        if self.speed > 0.0 {
            wait(Duration::from_millis(ms).div_f64(self.speed));
        }
    }
}

/// Waits this long: for a message that nobody can send.
pub(super) fn wait(time: Duration) {
    let (sender, never) = mpsc::channel::<()>();
    // The sender lives until the end of the wait, else the channel would be closed at once.
    let _ = never.recv_timeout(time);
    drop(sender);
}

/// Waits until the process is killed.
pub(super) fn for_ever() -> ! {
    loop {
        thread::park();
    }
}
