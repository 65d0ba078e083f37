//! The process between the supervisor and one agent: `crew shim DIR`.
//!
//! It starts the agent, watches over it and everything it starts, and writes how it ended. It
//! outlives the supervisor, knows nothing of runs and never touches the event log. It must stay
//! small and quick: there is one per agent, so no async runtime, no argument parser, no log.
//! The one entry point is [`main`].

mod hold;
pub(super) mod signals;
mod spawn;
mod watch;

use std::fs;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::WaitStatus;

use crate::base::Time;
use crate::base::limits::{EXIT_WRITE_TRIES, HEARTBEAT_MS};
use crate::base::path::PathError;
use crate::clock::Clock;
use crate::runtime::attempt_files::{CommandFile, EndReason, Escalation, ExitFile, ShimFile};
use crate::runtime::process::{self, Pid};
use crate::store::{AttemptDir, FileLock};

use signals::Signals;
use watch::{Outcome, Watch};

/// Exit code of a shim that did not start the agent because it must not.
pub const NOT_STARTED: u8 = 3;

/// Runs the attempt in this folder from its start to its end.
///
/// The environment of this process is the agent's. The descriptor 0 may be a lock that shall be
/// held for as long as the attempt lasts; the agent gets another one in its place.
pub fn main(dir: &Utf8Path) -> ExitCode {
    process::close_inherited();
    match attempt(&AttemptDir::at(dir.to_owned())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_STARTED),
        // Nobody reads what a shim says; whoever waits for it sees that the exit record is missing.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether the attempt was run.
fn attempt(dir: &AttemptDir) -> Result<bool, PathError> {
    let clock = Clock::start();
    let started_at = clock.now();
    let signals = Signals::listen();
    let Some(_lock) = FileLock::try_exclusive(&dir.attempt_lock())? else {
        return Ok(false);
    };
    // Looked at under the lock: whoever revokes takes it first, so one of both is too late.
    // An attempt that has a shim or an end already must not be started a second time.
    if [dir.revoked(), dir.shim(), dir.exit()].iter().any(|path| path.exists()) {
        return Ok(false);
    }
    // It fails for the leader of a group, which is what the shim wants to be.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"crew-shim");
    let end = match signals {
        Ok(mut signals) => run(dir, &clock, &mut signals),
        Err(error) => End::failed(format!("cannot listen for signals: {error}")),
    };
    let record = end.record(dir, started_at, clock.now());
    write_record(dir, &record)?;
    Ok(true)
}

/// How an attempt ended, before its files are looked at.
struct End {
    outcome: Outcome,
    error: Option<String>,
}

impl End {
    /// The agent never ran.
    fn failed(error: String) -> Self {
        Self {
            outcome: Outcome {
                status: None,
                reason: EndReason::SpawnFailed,
                escalation: Escalation::None,
                leftovers: 0,
            },
            error: Some(error),
        }
    }

    fn record(self, dir: &AttemptDir, started_at: Time, ended_at: Time) -> ExitFile {
        let Outcome { status, reason, escalation, leftovers } = self.outcome;
        let (stdout_bytes, stderr_bytes) = output_bytes(dir);
        ExitFile {
            code: status.and_then(WaitStatus::exit_status),
            signal: status.and_then(WaitStatus::terminating_signal),
            reason,
            error: self.error,
            started_at,
            ended_at,
            duration_ms: ended_at.since_ms(started_at),
            stdout_bytes,
            stderr_bytes,
            leftovers: u32::try_from(leftovers).unwrap_or(u32::MAX),
            stop_escalation: escalation,
        }
    }
}

/// Starts the agent and waits until it and its descendants are gone.
fn run(dir: &AttemptDir, clock: &Clock, signals: &mut Signals) -> End {
    // Before the agent starts: an orphan must never get past the shim.
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        return End::failed(format!("cannot become the reaper of orphans: {error}"));
    }
    let command = match CommandFile::read(dir) {
        Ok(command) => command,
        Err(error) => return End::failed(format!("{error}: {}", error.source)),
    };
    let spawned = match spawn::spawn(dir, &command) {
        Ok(spawned) => spawned,
        Err(error) => return End::failed(error.to_string()),
    };
    let mut failure = None;
    if spawned.input.is_some()
        && let Err(error) = signals.listen_for_close_input()
    {
        failure = Some(format!("cannot listen for signals: {error}"));
    }
    let agent = spawned.pid;
    let mut watch = Watch::new(dir, &command, clock, signals, spawned);
    // Without this file recovery would not know of the agent: rather stop than run unknown.
    if let Err(error) = tell_started(dir, agent, clock.now()) {
        failure = Some(format!("{error}: {}", error.source));
    }
    if failure.is_some() {
        watch.stop(EndReason::SpawnFailed);
    }
    let outcome = watch.run();
    if outcome.status.is_none() && failure.is_none() {
        failure = Some(format!("the agent (pid {agent}) survived SIGKILL"));
    }
    End { outcome, error: failure }
}

fn tell_started(dir: &AttemptDir, agent: u32, now: Time) -> Result<(), PathError> {
    let nobody = Pid { pid: std::process::id(), start: 0 };
    ShimFile {
        shim: Pid::own().unwrap_or(nobody),
        // Not reaped yet, so it is there even when it has ended.
        agent: Pid::of(agent),
        boot_id: process::boot_id(),
        host: process::host(),
        started_at: now,
    }
    .write(dir)
}

/// Writes the exit record; a full disk is waited for, as nothing else can tell how it ended.
fn write_record(dir: &AttemptDir, record: &ExitFile) -> Result<(), PathError> {
    let mut tries = 1;
    loop {
        let result = record.write(dir);
        let is_full = result.as_ref().is_err_and(|error| {
            use std::io::ErrorKind::{QuotaExceeded, StorageFull};
            matches!(error.kind(), StorageFull | QuotaExceeded)
        });
        if !is_full || tries >= EXIT_WRITE_TRIES {
            return result;
        }
        tries += 1;
        let pause = rustix::event::Timespec {
            tv_sec: i64::try_from(HEARTBEAT_MS / 1_000).unwrap_or(1),
            tv_nsec: 0,
        };
        let _ = rustix::event::poll(&mut [], Some(&pause));
    }
}

/// Sizes of standard output and standard error.
fn output_bytes(dir: &AttemptDir) -> (u64, u64) {
    let size = |path: Utf8PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    (size(dir.stdout()), size(dir.stderr()))
}
