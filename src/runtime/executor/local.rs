//! Shims on this machine: children of this process, found and signalled by number and start time.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::path::{PathContext, PathError};
use crate::runtime::attempt_files::CommandFile;
use crate::runtime::process::{self, MARK, Pid, Signal};
use crate::store::{AttemptDir, FileLock};

/// Shims on this machine, as children of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The crew program.
    pub program: PathBuf,
    /// Whether this process's own standard output and error lead nowhere, so that shims, which
    /// say nothing, can have them as they are.
    pub is_silent: bool,
}

/// A shim that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShimHandle {
    /// Its process.
    pub pid: Pid,
}

impl Local {
    /// Shims on this machine, made from the very program that runs now, by a silent process.
    ///
    /// An upgrade may replace the file while a run goes on; supervisor and shim must stay of one
    /// version, as they share the formats of the attempt's files.
    pub fn new() -> io::Result<Self> {
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self { program, is_silent: true })
    }

    /// Starts the shim of an attempt with exactly this environment, and the mark.
    ///
    /// `slot` is a lock that is held until the attempt has ended, whatever becomes of this process.
    /// Whoever starts a shim must also await [`Self::wait_child`], which reaps it.
    ///
    /// # Errors
    /// The command cannot be written, or no process can be started.
    pub fn start(
        &self,
        dir: &AttemptDir,
        command: &CommandFile,
        env: &[(String, String)],
        slot: Option<FileLock>,
    ) -> Result<ShimHandle, PathError> {
        let file = CommandFile {
            env_names: env.iter().map(|(name, _)| name.clone()).collect(),
            ..command.clone()
        };
        file.write(dir)?;
        let env = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let env = env.chain([(MARK, command.mark.as_str())]);
        let child = self.launch(dir, env, slot)?;
        // It cannot be gone: until it is reaped, an ended child still has its number.
        let pid = Pid::of(child.id())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            .at("cannot find the shim of", dir.path())?;
        Ok(ShimHandle { pid })
    }

    /// Starts a shim whose command is written already.
    ///
    /// # Errors
    /// No process can be started.
    pub(super) fn launch<'a>(
        &self,
        dir: &AttemptDir,
        env: impl Iterator<Item = (&'a str, &'a str)>,
        slot: Option<FileLock>,
    ) -> Result<Child, PathError> {
        let output = || if self.is_silent { Stdio::inherit() } else { Stdio::null() };
        // Nothing here may need code between fork and exec: that would be several times slower.
        // The lock travels as standard input, so that no other child started now can inherit it.
        Command::new(&self.program)
            .arg0("crew")
            .arg("shim")
            .arg(dir.path())
            .env_clear()
            .envs(env)
            .stdin(slot.map_or_else(Stdio::null, Stdio::from))
            .stdout(output())
            .stderr(output())
            .spawn()
            .at("cannot start the shim of", dir.path())
    }

    /// Waits until a shim that this process has started has ended, and reaps it.
    ///
    /// # Errors
    /// No descriptor is free to wait with.
    pub async fn wait_child(&self, shim: Pid) -> io::Result<()> {
        // Nobody else can be meant: the number of a child is its own until it is reaped, below.
        match process::open_number(shim.pid)? {
            Some(handle) => Self::reap(handle).await,
            None => Ok(()),
        }
    }

    /// Waits until a shim has ended, whoever has started it, and reaps it if it was this process.
    ///
    /// # Errors
    /// No descriptor is free to wait with.
    pub async fn wait_end(&self, shim: Pid) -> io::Result<()> {
        match process::open(shim)? {
            Some(handle) => Self::reap(handle).await,
            None => Ok(()),
        }
    }

    #[expect(
        deprecated,
        reason = "its successor is unsafe; an owned descriptor keeps the promise asked for there"
    )]
    async fn reap(handle: OwnedFd) -> io::Result<()> {
        let handle = AsyncFd::with_interest(handle, Interest::READABLE)?;
        drop(handle.readable().await?);
        // Fails for one that an earlier supervisor has started; its reaper is another process.
        let _ = waitid(
            WaitId::PidFd(handle.get_ref().as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
        );
        Ok(())
    }

    /// Asks a shim to stop its attempt; `false` when it has ended. Asking twice changes nothing.
    ///
    /// # Errors
    /// The system refuses to deliver the signal.
    pub fn stop(&self, shim: Pid) -> io::Result<bool> {
        process::signal(shim, Signal::TERM)
    }

    /// Ends the input of an agent that takes it from a fifo; `false` when the shim has ended.
    ///
    /// Only once `shim.json` is there: earlier the shim does not listen for it yet and would die.
    ///
    /// # Errors
    /// The system refuses to deliver the signal.
    pub fn close_input(&self, shim: Pid) -> io::Result<bool> {
        process::signal(shim, Signal::USR1)
    }
}
