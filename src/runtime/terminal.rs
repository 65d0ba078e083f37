//! A program in a terminal of its own, inside the terminal of this process: keys go in, what it shows comes
//! out and is kept, the size is passed on, and whatever happens the terminal is left as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::Utf8Path;
use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::tcgetwinsize;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::{SigId, flag, low_level};

use super::process;
use super::terminal_modes::Modes;
use crate::base::limits;
use crate::base::path::PathContext;
use crate::launch::session::{Session, SessionEnd, SessionError};

/// Bytes that wait for the program to read them; more are not taken from the terminal meanwhile.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// Reads after the end of the program, for what it wrote last.
const AFTER_END_MAX: u32 = 64;

/// Opens a session in the terminal of this process and waits for its end and that of all it started.
///
/// # Errors
/// There is no terminal, or the program cannot be started.
pub(super) fn open(session: &Session, shown: &Utf8Path) -> Result<SessionEnd, SessionError> {
    let program = Utf8Path::new(&session.argv[0]);
    let what = "cannot open a terminal for";
    let signals = Signals::listen().at(what, program)?;
    let (pty, pts) = pty_process::blocking::open().map_err(io::Error::other).at(what, program)?;
    rustix::fs::fcntl_setfl(&pty, OFlags::NONBLOCK).map_err(io::Error::from).at(what, program)?;
    let kept = OpenOptions::new().append(true).create(true).mode(0o600).open(shown);
    let kept = kept.at("cannot create", shown)?;
    let mut relay = Relay {
        pty,
        kept,
        kept_bytes: 0,
        modes: Modes::default(),
        waiting: Vec::new(),
        is_deaf: false,
    };
    relay.resize();
    let variables = session.env.iter().map(|(name, value)| (name, value));
    let command =
        Command::new(&session.argv[0]).args(&session.argv[1..]).env_clear().envs(variables);
    let child = command.current_dir(&session.cwd).spawn(pts).map_err(io::Error::other);
    let mut child = child.at("cannot start", program)?;
    let raw = RawMode::enter().at("cannot use the terminal for", program);
    let closed = match &raw {
        Ok(_) => relay.run(&signals, &mut child),
        Err(_) => true,
    };
    let undo = relay.modes.undo();
    // Whoever still reads there is hung up.
    drop(relay);
    process::kill_marked(&session.mark, Duration::from_millis(session.grace_ms));
    let status = child.wait().at("cannot wait for", program)?;
    drop(io::stdout().write_all(&undo).and_then(|()| io::stdout().flush()));
    drop(raw?);
    Ok(SessionEnd { code: status.code(), signal: status.signal(), closed })
}

/// The two terminals, and what is between them.
struct Relay {
    pty: Pty,
    kept: File,
    kept_bytes: u64,
    modes: Modes,
    /// Typed and not read yet.
    waiting: Vec<u8>,
    /// Nothing more comes from the terminal.
    is_deaf: bool,
}

impl Relay {
    /// Passes everything on until the program has ended; `true` when this process has to go before that.
    fn run(&mut self, signals: &Signals, child: &mut Child) -> bool {
        let mut left = AFTER_END_MAX;
        loop {
            if signals.has_resized() {
                self.resize();
            }
            if signals.must_end() || self.is_deaf {
                return true;
            }
            let is_over = !matches!(child.try_wait(), Ok(None));
            // Whatever it left behind may go on writing.
            left -= u32::from(is_over);
            if left == 0 {
                return false;
            }
            match self.turn(signals, is_over) {
                // The program has closed its terminal, or ended with nothing left to show.
                Ok(false) => {
                    if is_over || wait_for_end(child, signals) {
                        return false;
                    }
                    return true;
                }
                Ok(true) => {}
                Err(error) => {
                    tracing::debug!(%error, "the terminal is gone");
                    return true;
                }
            }
        }
    }

    /// One wait; `false` when nothing more will come from the program.
    fn turn(&mut self, signals: &Signals, is_over: bool) -> io::Result<bool> {
        let stdin = io::stdin();
        let mut wanted = PollFlags::IN;
        wanted.set(PollFlags::OUT, !self.waiting.is_empty());
        let takes_keys = self.waiting.len() < WAITING_BYTES_MAX;
        let mut polls = [
            PollFd::new(&self.pty, wanted),
            PollFd::new(&signals.wake, PollFlags::IN),
            PollFd::new(&stdin, PollFlags::IN),
        ];
        let polled = if takes_keys { &mut polls[..] } else { &mut polls[..2] };
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(polled, is_over.then_some(&at_once)) {
            Ok(0) => return Ok(!is_over),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let [of_program, of_signals, of_keys] =
            [0, 1, 2].map(|at| polled.get(at).map_or(PollFlags::empty(), PollFd::revents));
        signals.take(of_signals);
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        if of_keys.intersects(readable) && !is_over {
            self.take_keys()?;
        }
        if of_program.intersects(PollFlags::OUT) {
            match (&self.pty).write(&self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if of_program.intersects(readable) {
            return self.show();
        }
        Ok(!is_over)
    }

    fn take_keys(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        match rustix::io::read(io::stdin().as_fd(), &mut bytes) {
            Ok(0) => self.is_deaf = true,
            Ok(count) => self.waiting.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Shows what the program wrote, and keeps it; `false` when it has closed its terminal.
    fn show(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16 << 10];
        let count = match (&self.pty).read(&mut bytes) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if is_passing(&error) => return Ok(true),
            // So the kernel says that nobody has the other end open any more.
            Err(_) => return Ok(false),
        };
        let seen = &bytes[..count];
        self.modes.feed(seen);
        let room = limits::ATTACH_BYTES_MAX.saturating_sub(self.kept_bytes);
        let part = &seen[..count.min(usize::try_from(room).unwrap_or(usize::MAX))];
        // A full disk is no reason to take the terminal away from a person.
        drop(self.kept.write_all(part));
        self.kept_bytes += part.len() as u64;
        if room > 0 && room <= count as u64 {
            drop(self.kept.write_all(b"\r\n(more is not kept)\r\n"));
        }
        let mut out = io::stdout();
        out.write_all(seen)?;
        out.flush()?;
        Ok(true)
    }

    /// Tells the program how large the terminal is.
    fn resize(&self) {
        let Ok(size) = tcgetwinsize(io::stdout()) else { return };
        let size = Size::new_with_pixel(size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
        if let Err(error) = self.pty.resize(size) {
            tracing::debug!(%error, "the size is not passed on");
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// Waits for a program that has closed its terminal; `false` when this process has to go before that.
fn wait_for_end(child: &mut Child, signals: &Signals) -> bool {
    while matches!(child.try_wait(), Ok(None)) {
        if signals.must_end() {
            return false;
        }
        let mut polls = [PollFd::new(&signals.wake, PollFlags::IN)];
        let found = poll(&mut polls, None).map_or(PollFlags::empty(), |_| polls[0].revents());
        signals.take(found);
    }
    true
}

/// The terminal passes on every key as it is, until this is dropped.
struct RawMode;

impl RawMode {
    fn enter() -> io::Result<Self> {
        if !io::stdin().is_terminal() {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // It fails for a terminal that is gone, which needs no order any more.
        drop(crossterm::terminal::disable_raw_mode());
    }
}

/// What other processes and the terminal have told this one.
struct Signals {
    wake: UnixStream,
    ends: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
    registered: Vec<SigId>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let (wake, writer) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let mut signals =
            Self { wake, ends: Arc::default(), resized: Arc::default(), registered: Vec::new() };
        // Ctrl-C is a key here; a signal comes from outside.
        for number in [SIGHUP, SIGTERM, SIGINT] {
            signals.registered.push(flag::register(number, Arc::clone(&signals.ends))?);
        }
        signals.registered.push(flag::register(SIGWINCH, Arc::clone(&signals.resized))?);
        for number in [SIGHUP, SIGTERM, SIGINT, SIGWINCH, SIGCHLD] {
            signals.registered.push(low_level::pipe::register(number, writer.try_clone()?)?);
        }
        Ok(signals)
    }

    fn must_end(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    fn has_resized(&self) -> bool {
        self.resized.swap(false, Ordering::Relaxed)
    }

    fn take(&self, found: PollFlags) {
        if found.contains(PollFlags::IN) {
            let mut bytes = [0; 64];
            drop((&self.wake).read(&mut bytes));
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            low_level::unregister(id);
        }
        // Without anybody listening the signals would mean nothing any more.
        for number in [SIGHUP, SIGTERM, SIGINT] {
            drop(flag::register_conditional_default(number, Arc::new(AtomicBool::new(true))));
        }
    }
}
