//! Starts and stops shims; the only module that knows where they run.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::path::{PathContext, PathError};
use crate::runtime::attempt_files::CommandFile;
use crate::runtime::process::{self, MARK, Pid, Signal};
use crate::store::{AttemptDir, FileLock};

/// Where shims run. Other places (another machine, a batch system) become other variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// As children of this process.
    Local {
        /// The crew program.
        program: PathBuf,
    },
}

/// A shim that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShimHandle {
    /// Its process.
    pub pid: Pid,
}

impl Executor {
    /// Shims on this machine, made from the very program that runs now.
    ///
    /// An upgrade may replace the file while a run goes on; supervisor and shim must stay of one
    /// version, as they share the formats of the attempt's files.
    pub fn local() -> io::Result<Self> {
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self::Local { program })
    }

    /// Starts the shim of an attempt with exactly this environment, and the mark.
    ///
    /// `slot` is a lock that is held until the attempt has ended, whatever becomes of this process.
    /// Whoever starts a shim must also await [`Self::wait_end`], which reaps it.
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
        let Self::Local { program } = self;
        let file = CommandFile {
            env_names: env.iter().map(|(name, _)| name.clone()).collect(),
            ..command.clone()
        };
        file.write(dir)?;
        // Nothing here may need code between fork and exec: that would be several times slower.
        // The lock travels as standard input, so that no other child started now can inherit it.
        let child = Command::new(program)
            .arg0("crew")
            .arg("shim")
            .arg(dir.path())
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .env(MARK, &command.mark)
            .stdin(slot.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .at("cannot start the shim of", dir.path())?;
        // It cannot be gone: until it is reaped, an ended child still has its number.
        let pid = Pid::of(child.id())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            .at("cannot find the shim of", dir.path())?;
        Ok(ShimHandle { pid })
    }

    /// Waits until a shim has ended, and reaps it if this process has started it.
    ///
    /// # Errors
    /// No descriptor is free to wait with.
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an owned descriptor keeps the promise asked for there"
    )]
    pub async fn wait_end(&self, shim: Pid) -> io::Result<()> {
        let Some(handle) = process::open(shim)? else {
            return Ok(());
        };
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
