//! Waiting until files change: by notification, and by a slow look of one's own.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use camino::Utf8Path;

use crate::base::limits;
use crate::store::Watch;

/// Waits for changes of a few files.
#[derive(Debug)]
pub struct Follower {
    woken: Receiver<()>,
    // Kept so that the channel stays open even where nothing can be watched.
    _sender: Sender<()>,
    watch: Option<Watch>,
}

impl Follower {
    /// Watches these files; where that is not possible, [`Follower::wait`] only polls.
    pub fn new(paths: impl IntoIterator<Item = impl AsRef<Utf8Path>>) -> Self {
        let (sender, woken) = channel();
        let notify = sender.clone();
        let wake = move || {
            // Nobody waits any more when the receiver is gone.
            let _: Result<(), _> = notify.send(());
        };
        let watch = Watch::files(paths, wake).ok();
        Self { woken, _sender: sender, watch }
    }

    /// Watches one more file.
    pub fn add(&mut self, path: &Utf8Path) {
        if let Some(watch) = &mut self.watch
            && watch.add(path).is_err()
        {
            // Polling finds what a notification does not.
            self.watch = None;
        }
    }

    /// Waits until something changed, at most for `max_ms`, and never longer than a safety poll.
    pub fn wait(&self, max_ms: u64) {
        let poll_ms = if self.watch.is_some() { limits::SAFETY_POLL_MS } else { POLL_MS };
        match self.woken.recv_timeout(Duration::from_millis(poll_ms.min(max_ms))) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        // Many changes in a row are one reason to look.
        while self.woken.try_recv().is_ok() {}
    }
}

/// Milliseconds between two looks where files cannot be watched.
const POLL_MS: u64 = 500;
