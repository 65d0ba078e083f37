//! What the dashboard waits for: keys, signals, and its own threads, all at one place.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTERM, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};

use super::terminal;
use crate::client::poll::{self, Keys};

/// How long the dashboard may take to close after it was told to end.
const CLOSING: Duration = Duration::from_secs(3);

/// Exit code when the terminal neither takes nor gives: an input/output error.
const STUCK: i32 = 8;

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
        let (told, teller) = UnixStream::pair()?;
        teller.set_nonblocking(true)?;
        for signal in [SIGTERM, SIGHUP] {
            signals.push(pipe::register(signal, teller.try_clone()?)?);
        }
        std::thread::Builder::new().name("closing".to_owned()).spawn(move || see_it_end(told))?;
        Ok(Self { woken, waker: Waker(Arc::new(waker)), ends, continued, signals })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits for something, at most this long.
    pub(super) fn wait(&self, most_ms: Option<u64>) -> io::Result<()> {
        poll::wait(&self.woken, Keys::Terminal, most_ms)
    }

    /// Whether a key or another event can be read at once.
    pub(super) fn has_event() -> io::Result<bool> {
        // Reading from a terminal that is gone would go on for ever.
        poll::check_terminal()?;
        crossterm::event::poll(Duration::ZERO)
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

/// Ends the process when it was told to and cannot, because a read or a write at the terminal holds it:
/// a stalled terminal takes nothing, and half of a key's code waits for its other half.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread that would return a code is held for ever"
)]
fn see_it_end(mut told: UnixStream) {
    let mut byte = [0];
    loop {
        match told.read(&mut byte) {
            // Every end of the other side is closed: the dashboard is.
            Ok(0) => return,
            Ok(_) if told.set_read_timeout(Some(CLOSING)).is_ok() => {}
            // Meanwhile another program has the terminal, and ends by itself.
            Err(error) if error.kind() == ErrorKind::WouldBlock && !terminal::is_taken() => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    terminal::let_go();
    std::process::exit(STUCK);
}
