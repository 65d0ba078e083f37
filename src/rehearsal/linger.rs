//! The process that a play leaves behind: what real agents do when they start a server and forget it.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::action::Child;
use super::pace;

/// Starts the process and returns its number once it is set up.
pub(super) fn leave_behind(child: Child) -> io::Result<u32> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["rehearse", "--linger", &child.ms.to_string()]);
    if child.session {
        command.arg("--own-session");
    }
    if child.ignore_signals {
        command.arg("--ignore-signals");
    }
    if child.unmarked {
        command.env_remove("CREW_ATTEMPT");
    }
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.stdout(if child.stdout { Stdio::inherit() } else { Stdio::null() });
    let mut started = command.spawn()?;
    let mut ready = String::new();
    if let Some(stderr) = started.stderr.take() {
        BufReader::new(stderr).read_line(&mut ready)?;
    }
    Ok(started.id())
}

/// Is that process: sets itself up, says so, and stays.
pub(super) fn stay(ms: u64, own_session: bool, deaf: bool) -> io::Result<()> {
    if own_session {
        rustix::process::setsid()?;
    }
    if deaf {
        ignore_signals()?;
    }
    writeln!(io::stderr(), "ready")?;
    pace::wait(Duration::from_millis(ms));
    Ok(())
}

/// From here on SIGINT, SIGTERM and SIGHUP do nothing.
pub(super) fn ignore_signals() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}
