//! What a command that stays with a run waits for: a change of its log, an interrupt, a key.
//!
//! All of it arrives at one place, so that waiting costs nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::low_level::{pipe, unregister};

use crate::store::Watch;

/// Whose keys a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The terminal at standard input, in raw mode.
    Terminal,
    /// Nobody's.
    None,
}

/// Wakes whoever follows a run.
#[derive(Debug)]
pub struct Wakes {
    woken: UnixStream,
    interrupted: Arc<AtomicBool>,
    signals: Vec<SigId>,
    watch: Option<Watch>,
}

impl Wakes {
    /// Wakes on changes of this file, where it can be watched, and on interrupts.
    ///
    /// # Errors
    /// The process has no descriptors left.
    pub fn on(path: &Utf8Path) -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        // The flag first: who is woken looks at it.
        let flag = signal_hook::flag::register(SIGINT, Arc::clone(&interrupted))?;
        let wake = pipe::register(SIGINT, waker.try_clone()?)?;
        // A full pipe wakes as well as one more byte in it.
        let watch = Watch::files([path], move || drop((&waker).write(b"c"))).ok();
        Ok(Self { woken, interrupted, signals: vec![flag, wake], watch })
    }

    /// Whether changes are told; else somebody has to look from time to time.
    pub fn is_watching(&self) -> bool {
        self.watch.is_some()
    }

    /// Waits for something to happen, `max_ms` at most.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn wait(&mut self, keys: Keys, max_ms: u64) -> io::Result<()> {
        let at_most = Timespec {
            tv_sec: i64::try_from(max_ms / 1_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(max_ms % 1_000 * 1_000_000).unwrap_or(0),
        };
        let mut both = [
            PollFd::new(&self.woken, PollFlags::IN),
            PollFd::from_borrowed_fd(stdin(), PollFlags::IN),
        ];
        let count = if keys == Keys::Terminal { 2 } else { 1 };
        match poll(&mut both[..count], Some(&at_most)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if both[1].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the terminal is gone"));
        }
        // Many wake-ups are one reason to look.
        let mut bytes = [0; 256];
        while (&self.woken).read(&mut bytes).is_ok_and(|count| count > 0) {}
        Ok(())
    }

    /// Whether the process was interrupted since the last question.
    pub fn take_interrupt(&self) -> bool {
        self.interrupted.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for signal in self.signals.drain(..) {
            unregister(signal);
        }
    }
}
