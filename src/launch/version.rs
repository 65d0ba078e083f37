//! What programs say when they are asked for their version, if they say it in time.

use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::base::limits;
use crate::base::text::one_line;

/// Why a program did not tell its version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// It cannot be started.
    #[error("`{program}` cannot be started: {why}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
    /// It says nothing, and does not end.
    #[error("timed out: `{program}` did not tell its version within {} s", wait_ms / 1_000)]
    TimedOut {
        /// The program.
        program: String,
        /// Milliseconds that it had.
        wait_ms: u64,
    },
    /// It ended without a word.
    #[error("`{program}` ended without telling its version")]
    Silent {
        /// The program.
        program: String,
    },
}

/// The first line that a command prints, if it does so in time; nothing of it is left behind.
///
/// # Errors
/// There is no such line.
pub fn version(command: &[String], wait_ms: u64) -> Result<String, VersionError> {
    let program = command.first().cloned().unwrap_or_default();
    let start = |error: std::io::Error| VersionError::Start {
        program: program.clone(),
        why: error.to_string(),
    };
    let mut child = Command::new(&program)
        .args(command.iter().skip(1))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Whatever it starts is in its group, and ends with it.
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let output = child.stdout.take().map(|output| output.take(limits::VERSION_BYTES_MAX));
    let (sender, line) = mpsc::channel();
    // Something that left the group may keep the pipe open; then this thread ends with crew.
    std::thread::spawn(move || {
        let mut first = Vec::new();
        if let Some(output) = output
            && BufReader::new(output).read_until(b'\n', &mut first).is_ok()
        {
            drop(sender.send(first));
        }
    });
    let line = line.recv_timeout(Duration::from_millis(wait_ms));
    // It has said what it was asked for, or never will.
    end(&mut child);
    let line = line.map_err(|_| VersionError::TimedOut { program: program.clone(), wait_ms })?;
    let line = one_line(&String::from_utf8_lossy(&line), limits::VERSION_CHARS_MAX);
    if line.is_empty() { Err(VersionError::Silent { program }) } else { Ok(line) }
}

/// The versions of several programs, as many at once as there are processors: some need one for seconds to say it.
pub fn versions(commands: &[Vec<String>], wait_ms: u64) -> Vec<Result<String, VersionError>> {
    let silent = |command: &Vec<String>| {
        Err(VersionError::Silent { program: command.first().cloned().unwrap_or_default() })
    };
    let told: Vec<OnceLock<_>> = commands.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let ask = || {
        while let Some(at) =
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < told.len())
        {
            drop(told[at].set(version(&commands[at], wait_ms)));
        }
    };
    let processors = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..processors.min(commands.len()) {
            scope.spawn(ask);
        }
    });
    let told = told.into_iter().zip(commands);
    told.map(|(told, command)| told.into_inner().unwrap_or_else(|| silent(command))).collect()
}

/// Kills a child that was not waited for yet, so that its number still is its group's.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Fails when all of it has ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_first_line_is_the_version() {
        let version = |command: &[String]| version(command, 60_000);
        let told = version(&shell("echo 'mytool  1.2'; echo more; exec sleep 600"));
        assert_eq!(told.as_deref(), Ok("mytool 1.2"));
        assert!(matches!(version(&shell("exit 3")), Err(VersionError::Silent { .. })));
        let missing = version(&["/nowhere/at/all".to_owned()]);
        assert!(matches!(missing, Err(VersionError::Start { .. })), "{missing:?}");
    }

    #[test]
    fn not_more_programs_are_asked_at_once_than_there_are_processors() {
        let folder = tempfile::tempdir().unwrap();
        // Each says how many are at work when it is asked, itself among them.
        let script = format!(
            "cd '{}'; touch $$; sleep 0.2; count=$(ls | wc -l); rm $$; echo $count",
            folder.path().to_str().unwrap()
        );
        let told = versions(&vec![shell(&script); 12], 60_000);
        let most = std::thread::available_parallelism().unwrap().get();
        for one in told {
            let count: usize = one.unwrap().trim().parse().unwrap();
            assert!((1..=most).contains(&count), "{count} at once");
        }
    }

    #[test]
    fn one_that_takes_too_long_has_timed_out() {
        let told = version(&shell("exec sleep 600"), 50).unwrap_err();
        assert!(matches!(told, VersionError::TimedOut { .. }), "{told:?}");
        assert!(told.to_string().starts_with("timed out: "), "{told}");
    }
}
