//! What programs say when they are asked for their version, if they say it in time.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::ScopedJoinHandle;
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
    #[error("`{program}` did not tell its version within {} s", limits::VERSION_WAIT_MS / 1_000)]
    Hangs {
        /// The program.
        program: String,
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
pub fn version(command: &[String]) -> Result<String, VersionError> {
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
    let line = line.recv_timeout(Duration::from_millis(limits::VERSION_WAIT_MS));
    // It has said what it was asked for, or never will.
    end(&mut child);
    let line = line.map_err(|_| VersionError::Hangs { program: program.clone() })?;
    let line = one_line(&String::from_utf8_lossy(&line), limits::VERSION_CHARS_MAX);
    if line.is_empty() { Err(VersionError::Silent { program }) } else { Ok(line) }
}

/// The versions of several programs, asked all at once: some take seconds to say it.
pub fn versions(commands: &[Vec<String>]) -> Vec<Result<String, VersionError>> {
    let silent = |command: &Vec<String>| VersionError::Silent {
        program: command.first().cloned().unwrap_or_default(),
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            commands.iter().map(|command| scope.spawn(|| version(command))).collect();
        let told = asked.into_iter().map(ScopedJoinHandle::join);
        told.zip(commands)
            .map(|(told, command)| told.unwrap_or_else(|_| Err(silent(command))))
            .collect()
    })
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
        let told = version(&shell("echo 'mytool  1.2'; echo more; exec sleep 600"));
        assert_eq!(told.as_deref(), Ok("mytool 1.2"));
        assert!(matches!(version(&shell("exit 3")), Err(VersionError::Silent { .. })));
        let missing = version(&["/nowhere/at/all".to_owned()]);
        assert!(matches!(missing, Err(VersionError::Start { .. })), "{missing:?}");
    }
}
