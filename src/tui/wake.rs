//! What the dashboard waits for: keys, signals, and its own threads, all at one place.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTERM, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};

use crate::client::poll::{self, Keys};

/// Waits for keys, signals and threads.
#[derive(Debug)]
pub(super) struct Wake {
    woken: UnixStream,
    waker: Waker,
    ends: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
    signals: Vec<SigId>,
}

/// Wakes the dashboard from another thread.
#[derive(Debug, Clone)]
pub(super) struct Waker(Arc<UnixStream>);

impl Waker {
    pub(super) fn wake(&self) {
        // A full pipe wakes as well as one more byte in it.
        drop((&*self.0).write(b"w"));
    }
}

impl Wake {
    pub(super) fn new() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let (ends, continued) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let mut signals = Vec::new();
        // The flags first: who is woken looks at them.
        for (signal, flag) in [(SIGTERM, &ends), (SIGHUP, &ends), (SIGCONT, &continued)] {
            signals.push(signal_hook::flag::register(signal, Arc::clone(flag))?);
        }
        for signal in [SIGTERM, SIGHUP, SIGCONT, SIGWINCH] {
            signals.push(pipe::register(signal, waker.try_clone()?)?);
        }
        Ok(Self { woken, waker: Waker(Arc::new(waker)), ends, continued, signals })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits for something, at most this long.
    pub(super) fn wait(&self, most_ms: Option<u64>) -> io::Result<()> {
        poll::wait(&self.woken, Keys::Terminal, most_ms)
    }

    /// Whether the process was told to end.
    pub(super) fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    /// Whether the process goes on after it was stopped.
    pub(super) fn take_continued(&self) -> bool {
        self.continued.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        for signal in self.signals.drain(..) {
            unregister(signal);
        }
    }
}
