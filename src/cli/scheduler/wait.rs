//! What the scheduler waits for: a time, a change of its files, the order to end.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};

use crate::store::watch::FolderWatch;

/// Wakes the scheduler.
#[derive(Debug)]
pub(super) struct Wait {
    woken: UnixStream,
    waker: UnixStream,
    ended: Arc<AtomicBool>,
    signals: Vec<SigId>,
    folders: Vec<Utf8PathBuf>,
    watch: Option<FolderWatch>,
}

impl Wait {
    /// Listens to the orders to end.
    pub(super) fn new() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut signals = Vec::new();
        for signal in [SIGINT, SIGTERM] {
            // The flag first: who is woken looks at it.
            signals.push(signal_hook::flag::register(signal, Arc::clone(&ended))?);
            signals.push(pipe::register(signal, waker.try_clone()?)?);
        }
        Ok(Self { woken, waker, ended, signals, folders: Vec::new(), watch: None })
    }

    /// Whether the process was told to end.
    pub(super) fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Wakes on changes in these folders; where nothing can be watched the tick has to do.
    pub(super) fn watch(&mut self, folders: &[Utf8PathBuf]) {
        let existing: Vec<Utf8PathBuf> =
            folders.iter().filter(|folder| folder.is_dir()).cloned().collect();
        if existing == self.folders {
            return;
        }
        let Ok(waker) = self.waker.try_clone() else { return };
        let paths = existing.iter().map(Utf8PathBuf::as_path).collect::<Vec<&Utf8Path>>();
        // A full pipe wakes as well as one more byte in it.
        self.watch = FolderWatch::on(paths, move || drop((&waker).write(b"c"))).ok();
        self.folders = existing;
    }

    /// Waits for something to happen, `max_ms` at most.
    pub(super) fn wait(&mut self, max_ms: u64) -> io::Result<()> {
        let at_most = Timespec {
            tv_sec: i64::try_from(max_ms / 1_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(max_ms % 1_000 * 1_000_000).unwrap_or(0),
        };
        match poll(&mut [PollFd::new(&self.woken, PollFlags::IN)], Some(&at_most)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Many wake-ups are one reason to look.
        let mut bytes = [0; 256];
        while (&self.woken).read(&mut bytes).is_ok_and(|count| count > 0) {}
        Ok(())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        for signal in self.signals.drain(..) {
            unregister(signal);
        }
    }
}
