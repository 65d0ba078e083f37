//! Waits until a run rests: its processes are gone and nobody has to drive it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::wake::wake;
use super::workspace::Workspace;
use crate::base::Time;
use crate::base::limits::SAFETY_POLL_MS;
use crate::engine::State;
use crate::launch::is_supervised;
use crate::ledger::{Ledger, OpenError};
use crate::store::Watch;

/// What ends a sleep.
enum Woken {
    /// The log changed.
    Changed,
    /// The time is up.
    Deadline,
}

/// Waits until the run rests; `false` when it did not within `timeout`.
///
/// A run that nobody drives meanwhile is woken again.
///
/// # Errors
/// The log cannot be read.
pub fn wait_for_rest(
    workspace: &Workspace,
    ledger: &mut Ledger,
    now: Time,
    timeout: Option<Duration>,
) -> Result<bool, OpenError> {
    wait_for(workspace, ledger, now, timeout, State::is_at_rest)
}

/// Waits until something holds for the run; `false` when it did not within `timeout`.
///
/// A run that nobody drives meanwhile is woken again.
///
/// # Errors
/// The log cannot be read.
pub fn wait_for(
    workspace: &Workspace,
    ledger: &mut Ledger,
    now: Time,
    timeout: Option<Duration>,
    is_over: impl Fn(&State) -> bool,
) -> Result<bool, OpenError> {
    let (sender, woken) = channel();
    let on_change = sender.clone();
    // Without a watch (none left in the system) the safety poll is what wakes.
    let _watch = Watch::files([ledger.dir().events()], move || {
        drop(on_change.send(Woken::Changed));
    });
    let _timer = timeout.map(|timeout| Timer::start(timeout, sender));
    loop {
        ledger.refresh()?;
        if is_over(ledger.state()) {
            return Ok(true);
        }
        match woken.recv_timeout(Duration::from_millis(SAFETY_POLL_MS)) {
            Ok(Woken::Changed) => {}
            Ok(Woken::Deadline) => {
                ledger.refresh()?;
                return Ok(is_over(ledger.state()));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                if !is_supervised(ledger.dir()).unwrap_or(false) {
                    // The next round tries again; the caller's timeout ends it.
                    drop(wake(workspace, ledger.state().created.number, now));
                }
            }
        }
    }
}

/// Says once that the time is up, unless it is dropped before.
struct Timer {
    _cancel: Sender<()>,
}

impl Timer {
    fn start(after: Duration, tell: Sender<Woken>) -> Self {
        let (cancel, cancelled): (Sender<()>, Receiver<()>) = channel();
        std::thread::spawn(move || {
            if cancelled.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
                drop(tell.send(Woken::Deadline));
            }
        });
        Self { _cancel: cancel }
    }
}
