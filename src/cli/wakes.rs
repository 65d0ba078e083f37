//! What a command that stays with a run waits for: a change of its log, an interrupt, a key.
//!
//! All of it arrives at one place, so that waiting costs nothing.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::Utf8Path;
use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::low_level::{pipe, unregister};

use crate::client::poll;
pub use crate::client::poll::Keys;
use crate::store::Watch;

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
        poll::wait(&self.woken, keys, Some(max_ms))
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
