//! Starts the agent with its streams, in its own process group.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use camino::Utf8Path;
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::base::path::{PathContext, PathError};
use crate::runtime::attempt_files::{CommandFile, Stdin};
use crate::store::{AttemptDir, FileLock};

/// An agent that was started.
pub(super) struct Spawned {
    /// Its pid, which is also its process group.
    pub(super) pid: u32,
    /// Keeps the fifo of its input open.
    pub(super) input: Option<File>,
}

/// An agent that could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    #[error("{0}: {source}", source = .0.source)]
    File(#[from] PathError),
    #[error("`{}` names no program to start", .0)]
    NoProgram(camino::Utf8PathBuf),
    #[error("cannot start `{program}`: its folder `{cwd}` is not there")]
    NoFolder { program: String, cwd: camino::Utf8PathBuf },
    #[error("cannot start `{program}`: {source}")]
    Program { program: String, source: io::Error },
}

/// Starts the agent; it inherits the environment of this process.
pub(super) fn spawn(dir: &AttemptDir, command: &CommandFile) -> Result<Spawned, SpawnError> {
    let [program, arguments @ ..] = command.argv.as_slice() else {
        return Err(SpawnError::NoProgram(dir.command()));
    };
    let (stdin, input) = open_stdin(dir, command.stdin)?;
    let stdout = open_output(&dir.stdout())?;
    let stderr = open_output(&dir.stderr())?;
    // The agent and all it starts hold this lock; the shim itself lets go of it at once.
    let alive = match FileLock::try_exclusive(&dir.alive_lock())? {
        Some(lock) => lock.share_with_children().at("cannot share", dir.alive_lock())?,
        None => None,
    };
    // Nothing here may need code between fork and exec: that would be several times slower.
    let child = Command::new(program)
        .args(arguments)
        .current_dir(&command.cwd)
        .process_group(0)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .spawn();
    drop(alive);
    match child {
        Ok(child) => Ok(Spawned { pid: child.id(), input }),
        Err(_) if !command.cwd.is_dir() => {
            Err(SpawnError::NoFolder { program: program.clone(), cwd: command.cwd.clone() })
        }
        Err(source) => Err(SpawnError::Program { program: program.clone(), source }),
    }
}

fn open_stdin(dir: &AttemptDir, stdin: Stdin) -> Result<(Stdio, Option<File>), PathError> {
    match stdin {
        Stdin::None => Ok((Stdio::null(), None)),
        Stdin::Prompt => {
            let path = dir.prompt();
            let file = File::open(&path).at("cannot open", &path)?;
            Ok((file.into(), None))
        }
        Stdin::Fifo => {
            let path = dir.stdin();
            match mkfifoat(CWD, path.as_std_path(), Mode::RUSR | Mode::WUSR) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error).at("cannot create", &path),
            }
            // Opened for both ways, it neither waits for a writer nor ends when one goes. The
            // agent's own end only reads, so that it sees the end of input when this one closes.
            let keep =
                OpenOptions::new().read(true).write(true).open(&path).at("cannot open", &path)?;
            let agent = File::open(&path).at("cannot open", &path)?;
            Ok((agent.into(), Some(keep)))
        }
    }
}

fn open_output(path: &Utf8Path) -> Result<File, PathError> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).at("cannot open", path)
}
