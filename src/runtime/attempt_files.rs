//! What supervisor and shim tell each other through files of one attempt.
//!
//! `command.json` goes down, `shim.json`, `heartbeat` and `exit.json` come up. Each file has one
//! writer and is read whole or not at all; readers ignore fields that they do not know.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::limits::EXIT_SYNC_FROM_MS;
use crate::base::path::{PathContext, PathError};
use crate::base::{Site, Time};
use crate::runtime::process::Pid;
use crate::store::AttemptDir;

/// Where the agent's standard input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// `/dev/null`: an open input that nobody writes hangs several agents.
    None,
    /// The file `prompt.md`, then its end.
    Prompt,
    /// The fifo `stdin`, open until the supervisor closes it.
    Fifo,
}

/// `command.json`: what the shim starts, and how it watches over it.
///
/// The values of the environment are never written to disk: the shim is started with exactly the
/// agent's environment and passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFile {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// Name of the runtime; none for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// The word for what it prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Folder in which the agent starts.
    pub cwd: Utf8PathBuf,
    /// Where its standard input comes from.
    pub stdin: Stdin,
    /// Names in its environment; the executor fills them in.
    pub env_names: Vec<String>,
    /// Milliseconds from the start after which the attempt is stopped.
    pub deadline_ms: Option<u64>,
    /// Milliseconds that a question may hold the turn while its time stands still; 0 = not at all.
    #[serde(default)]
    pub hold_ms: u64,
    /// Milliseconds from the first signal of a stop to SIGKILL.
    pub grace_ms: u64,
    /// Bytes of standard output and error together above which the attempt is stopped.
    pub max_output_bytes: u64,
    /// Value of `CREW_ATTEMPT` in the environment of the agent and of all it starts.
    pub mark: String,
    /// Where it runs: whoever looks for it later asks there, whatever the configuration says then.
    #[serde(default, skip_serializing_if = "Site::is_local")]
    pub site: Site,
}

impl CommandFile {
    /// Reads it.
    ///
    /// # Errors
    /// It is missing, unreadable, or not what this program writes.
    pub fn read(dir: &AttemptDir) -> Result<Self, PathError> {
        let path = dir.command();
        read(&path)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            .at("cannot read", &path)
    }

    /// Writes it; the attempt's folder is made when it is missing.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn write(&self, dir: &AttemptDir) -> Result<(), PathError> {
        match write(&dir.command(), self) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private_folder(dir.path())?;
                write(&dir.command(), self).map(drop)
            }
            written => written.map(drop),
        }
    }
}

/// `shim.json`: which processes run the attempt. Written once, when the agent was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimFile {
    /// The shim.
    pub shim: Pid,
    /// The agent, which is also the leader of its process group.
    pub agent: Option<Pid>,
    /// Process ids of another boot mean nothing.
    pub boot_id: String,
    /// The machine that they run on.
    #[serde(default)]
    pub host: String,
    /// When the agent was started.
    pub started_at: Time,
}

impl ShimFile {
    /// Reads it; `None` when the agent was not started yet.
    ///
    /// # Errors
    /// It is unreadable, or not what this program writes.
    pub fn read(dir: &AttemptDir) -> Result<Option<Self>, PathError> {
        read(&dir.shim())
    }

    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &AttemptDir) -> Result<(), PathError> {
        write(&dir.shim(), self).map(drop)
    }
}

/// Why an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The agent ended by itself.
    Exited,
    /// The shim was told to stop it.
    Stopped,
    /// It ran into its deadline.
    Deadline,
    /// It wrote more than it may.
    OutputLimit,
    /// It could not be started.
    SpawnFailed,
}

/// The strongest signal that a stop needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// Nothing was stopped.
    None,
    /// SIGINT.
    Int,
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
}

/// `exit.json`: how an attempt ended. Written once, when nothing of the attempt lives any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitFile {
    /// Exit code of the agent.
    pub code: Option<i32>,
    /// Signal that ended the agent.
    pub signal: Option<i32>,
    /// Why it ended.
    pub reason: EndReason,
    /// What went wrong outside of the agent.
    pub error: Option<String>,
    /// When the shim began.
    pub started_at: Time,
    /// When the agent and its descendants were gone.
    pub ended_at: Time,
    /// Milliseconds between both, by the monotonic clock.
    pub duration_ms: u64,
    /// Size of the standard output.
    pub stdout_bytes: u64,
    /// Size of the standard error.
    pub stderr_bytes: u64,
    /// Descendants that were killed, or still lived when the agent had ended.
    pub leftovers: u32,
    /// The strongest signal that the stop of the agent needed.
    pub stop_escalation: Escalation,
}

impl ExitFile {
    /// Reads it; `None` when the attempt has not ended.
    ///
    /// # Errors
    /// It is unreadable, or not what this program writes.
    pub fn read(dir: &AttemptDir) -> Result<Option<Self>, PathError> {
        read(&dir.exit())
    }

    /// Writes it so that it appears whole or not at all, even after a power cut.
    ///
    /// What took only a moment is not forced to the disk: waiting for that would take longer than
    /// the attempt did, and losing it costs one repetition.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &AttemptDir) -> Result<(), PathError> {
        let path = dir.exit();
        let beside = Utf8PathBuf::from(format!("{path}.new"));
        let file = write(&beside, self)?;
        if self.duration_ms >= EXIT_SYNC_FROM_MS {
            file.sync_data().at("cannot sync", &beside)?;
        }
        fs::rename(&beside, &path).at("cannot rename to", &path)
    }
}

/// Forbids a shim of this attempt that has not started the agent yet to do so.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn revoke(dir: &AttemptDir) -> Result<(), PathError> {
    make_private_folder(dir.path())?;
    let path = dir.revoked();
    create(&path).map(drop).at("cannot create", &path)
}

fn make_private_folder(path: &Utf8Path) -> Result<(), PathError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).at("cannot create", path)
}

/// Reads a file whose last byte is a line end; what lacks it is not there yet.
///
/// So no reader sees half of a file, and a file that a power cut left empty is a missing one.
fn read<T: DeserializeOwned>(path: &Utf8Path) -> Result<Option<T>, PathError> {
    match read_whole(path) {
        Ok(bytes) if !bytes.ends_with(b"\n") => Ok(None),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).at("cannot understand", path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("cannot read", path),
    }
}

/// The content of a file; one that is as small as these usually are costs one read.
fn read_whole(path: &Utf8Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 4_096];
    let length = file.read(&mut bytes)?;
    let is_whole = length < bytes.len();
    bytes.truncate(length);
    if !is_whole {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn write(path: &Utf8Path, value: &impl Serialize) -> Result<File, PathError> {
    let mut bytes = serde_json::to_vec(value).at("cannot write", path)?;
    bytes.push(b'\n');
    let mut file = create(path).at("cannot create", path)?;
    file.write_all(&bytes).at("cannot write", path)?;
    Ok(file)
}

fn create(path: &Utf8Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::ledger::attempt_vitals;

    fn attempt() -> (tempfile::TempDir, AttemptDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("tasks/a/1")).unwrap();
        (dir, AttemptDir::at(path))
    }

    fn command() -> CommandFile {
        CommandFile {
            argv: vec!["true".to_owned()],
            runtime: None,
            output: None,
            cwd: "/".into(),
            stdin: Stdin::None,
            env_names: vec!["PATH".to_owned()],
            deadline_ms: None,
            grace_ms: 5_000,
            hold_ms: 60_000,
            max_output_bytes: 1 << 30,
            mark: "m".to_owned(),
            site: Site::Local,
        }
    }

    #[test]
    fn files_come_back_as_they_were_written() {
        let (_keep, dir) = attempt();
        command().write(&dir).unwrap();
        assert_eq!(CommandFile::read(&dir).unwrap(), command());
        let exit = ExitFile {
            code: None,
            signal: Some(9),
            reason: EndReason::OutputLimit,
            error: None,
            started_at: Time(1_000),
            ended_at: Time(3_000),
            duration_ms: 2_000,
            stdout_bytes: 7,
            stderr_bytes: 8,
            leftovers: 1,
            stop_escalation: Escalation::Kill,
        };
        assert_eq!(ExitFile::read(&dir).unwrap(), None);
        exit.write(&dir).unwrap();
        assert_eq!(ExitFile::read(&dir).unwrap(), Some(exit));
    }

    #[test]
    fn files_and_folders_are_private_and_nothing_stays_beside() {
        let (_keep, dir) = attempt();
        command().write(&dir).unwrap();
        let mode = |path: &Utf8Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.command()), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_first_sign_of_life_is_the_start() {
        let (_keep, dir) = attempt();
        assert_eq!(attempt_vitals(&dir).beat_at, None);
        revoke(&dir).unwrap();
        fs::write(dir.shim(), "{}").unwrap();
        let start = attempt_vitals(&dir).beat_at.unwrap();
        fs::write(dir.heartbeat(), "").unwrap();
        assert!(attempt_vitals(&dir).beat_at.unwrap() >= start);
    }

    #[test]
    fn half_a_file_is_not_there_yet() {
        let (_keep, dir) = attempt();
        revoke(&dir).unwrap();
        fs::write(dir.shim(), "{\"shim\":").unwrap();
        fs::write(dir.exit(), "").unwrap();
        assert_eq!(ShimFile::read(&dir).unwrap(), None);
        assert_eq!(ExitFile::read(&dir).unwrap(), None);
    }

    #[test]
    fn a_broken_file_is_named() {
        let (_keep, dir) = attempt();
        revoke(&dir).unwrap();
        fs::write(dir.shim(), "{\n").unwrap();
        let error = ShimFile::read(&dir).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot understand `{}`", dir.shim()));
        assert!(CommandFile::read(&dir).is_err());
    }
}
