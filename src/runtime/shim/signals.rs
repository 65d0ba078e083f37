//! Signals of the shim, turned into things one can wait for.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// What other processes have told this one.
pub(in crate::runtime) struct Signals {
    wake: UnixStream,
    wake_writer: UnixStream,
    stop: Arc<AtomicBool>,
    close_input: Arc<AtomicBool>,
}

impl Signals {
    /// Listens for the end of children and for the wish to stop.
    pub(in crate::runtime) fn listen() -> io::Result<Self> {
        let (wake, wake_writer) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Self { wake, wake_writer, stop: Arc::default(), close_input: Arc::default() };
        pipe::register(SIGCHLD, signals.wake_writer.try_clone()?)?;
        for number in [SIGTERM, SIGINT, SIGHUP] {
            signals.listen_for(number, &signals.stop)?;
        }
        Ok(signals)
    }

    /// Listens for the wish to close the agent's input as well.
    pub(super) fn listen_for_close_input(&self) -> io::Result<()> {
        self.listen_for(SIGUSR1, &self.close_input)
    }

    /// Whether the attempt shall be stopped.
    pub(in crate::runtime) fn stop_asked(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the agent's input shall be closed.
    pub(super) fn close_input_asked(&self) -> bool {
        self.close_input.load(Ordering::Relaxed)
    }

    /// Waits for any signal since the last wait, at most this long.
    pub(in crate::runtime) fn wait(&mut self, at_most_ms: u64) {
        let timeout = Timespec {
            tv_sec: i64::try_from(at_most_ms / 1_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(at_most_ms % 1_000 * 1_000_000).unwrap_or(0),
        };
        let mut polls = [PollFd::new(&self.wake, PollFlags::IN)];
        // An interrupted wait is one that has something to report.
        if poll(&mut polls, Some(&timeout)).ok() != Some(0) {
            let mut bytes = [0; 64];
            // More than 64 signals at once leave bytes behind; they cost one more round.
            drop(self.wake.read(&mut bytes));
        }
    }

    /// The flag is registered first, so that it is set when the wait ends.
    fn listen_for(&self, number: i32, asked: &Arc<AtomicBool>) -> io::Result<()> {
        flag::register(number, Arc::clone(asked))?;
        pipe::register(number, self.wake_writer.try_clone()?)?;
        Ok(())
    }
}
