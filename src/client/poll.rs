//! Waiting for whoever sits at the terminal and for one's own threads at the same time.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;

/// Whose keys a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The terminal at standard input, in raw mode.
    Terminal,
    /// Nobody's.
    None,
}

/// Waits until somebody writes into `woken` or presses a key, `most_ms` at most; empties `woken`.
///
/// # Errors
/// The terminal is gone.
pub fn wait(mut woken: &UnixStream, keys: Keys, most_ms: Option<u64>) -> io::Result<()> {
    let most = most_ms.map(|ms| Timespec {
        tv_sec: i64::try_from(ms / 1_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(ms % 1_000 * 1_000_000).unwrap_or(0),
    });
    let mut both =
        [PollFd::new(woken, PollFlags::IN), PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
    let count = if keys == Keys::Terminal { 2 } else { 1 };
    match poll(&mut both[..count], most.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    is_there(both[1].revents())?;
    // Many wake-ups are one reason to look.
    let mut bytes = [0; 256];
    while woken.read(&mut bytes).is_ok_and(|count| count > 0) {}
    Ok(())
}

/// Whether the terminal at standard input is still there.
///
/// # Errors
/// The terminal is gone.
pub fn check_terminal() -> io::Result<()> {
    let mut keys = [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)];
    match poll(&mut keys, Some(&Timespec::default())) {
        Ok(_) | Err(Errno::INTR) => is_there(keys[0].revents()),
        Err(error) => Err(error.into()),
    }
}

fn is_there(revents: PollFlags) -> io::Result<()> {
    if revents.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the terminal is gone"));
    }
    Ok(())
}
