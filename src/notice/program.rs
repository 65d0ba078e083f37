//! Runs a program that tells somebody: fed with a text, limited in time, ended with all it started.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};

use crate::base::{limits, redact, text};
use crate::config::{Environment, agent_environment};

/// Variables that programs of a desktop need, besides those that agents get.
const DESKTOP_VARIABLES: &[&str] =
    &["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "LOGNAME", "CREW_CONFIG_DIR"];

/// What agents get of the environment too, and what a desktop needs: no secrets.
pub(super) fn environment(env: &Environment) -> Vec<(String, String)> {
    let mut all = agent_environment(env, &[]);
    for name in DESKTOP_VARIABLES {
        all.extend(env.get(name).map(|value| ((*name).to_owned(), value.to_owned())));
    }
    all
}

/// The program of this name in the user's path.
pub(super) fn found(name: &str, env: &Environment) -> Result<Utf8PathBuf, String> {
    let missing = || format!("`{name}` is not found");
    let path = which::which_in(name, env.get("PATH"), "/").map_err(|_| missing())?;
    Utf8PathBuf::from_path_buf(path).map_err(|_| missing())
}

/// Ends the group of a program that is not waited for to its end, whatever the reason.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Fails when all of them are gone.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Runs a program with this input; what it printed, or why it did not succeed.
pub(super) async fn run(
    mut command: Command,
    input: &str,
    limit: Duration,
) -> Result<String, String> {
    let (mut child, output) =
        start(&mut command).map_err(|error| format!("cannot be started: {error}"))?;
    // The command holds the other end of the output.
    drop(command);
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut group = Group(leader);
    let stdin = child.stdin.take();
    let mut said = Vec::new();
    let ended =
        tokio::time::timeout(limit, follow(&mut child, stdin, input, output, &mut said)).await;
    let Ok(ended) = ended else {
        drop(group);
        drop(child.wait().await);
        let limit =
            crate::base::time::human_ms(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        return Err(with(format!("took longer than {limit} and was ended"), &said));
    };
    // It was waited for: its number may be another's now. What it left behind on purpose goes on.
    group.0 = None;
    match ended.map(|status| (status.success(), status.to_string())) {
        Ok((true, _)) => Ok(shown(&said)),
        Ok((false, status)) => Err(with(format!("ended with {status}"), &said)),
        Err(error) => Err(format!("cannot be waited for: {error}")),
    }
}

fn start(command: &mut Command) -> io::Result<(Child, Receiver)> {
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::from(writer.try_clone()?))
        .stderr(Stdio::from(writer))
        .process_group(0);
    let output = Receiver::from_owned_fd(reader.into())?;
    Ok((command.spawn()?, output))
}

/// Feeds the program and reads what it prints until it has ended, and no longer: what it left
/// behind may hold the output open.
async fn follow(
    child: &mut Child,
    mut stdin: Option<ChildStdin>,
    input: &str,
    mut output: Receiver,
    said: &mut Vec<u8>,
) -> io::Result<std::process::ExitStatus> {
    let mut buffer = [0; 4096];
    let mut left = input.as_bytes();
    let mut is_open = true;
    loop {
        tokio::select! {
            // What was printed is read before the end is seen.
            biased;
            count = output.read(&mut buffer), if is_open => match count {
                Ok(count) if count > 0 => keep(said, &buffer[..count]),
                Ok(_) | Err(_) => is_open = false,
            },
            written = feed(&mut stdin, left), if stdin.is_some() => match written {
                Ok(count) if count < left.len() => left = &left[count..],
                // All is written, or nobody reads; either way the input ends.
                Ok(_) | Err(_) => drop(stdin.take()),
            },
            ended = child.wait() => return ended,
        }
    }
}

async fn feed(stdin: &mut Option<ChildStdin>, left: &[u8]) -> io::Result<usize> {
    match stdin {
        Some(stdin) if !left.is_empty() => stdin.write(left).await,
        Some(_) | None => Ok(0),
    }
}

/// Keeps the end of an output of any length.
fn keep(said: &mut Vec<u8>, more: &[u8]) {
    said.extend_from_slice(more);
    let most = limits::NOTICE_OUTPUT_BYTES;
    if said.len() > 4 * most {
        said.drain(..said.len() - most);
    }
}

fn shown(said: &[u8]) -> String {
    let plain = text::printable(&redact::redact(&String::from_utf8_lossy(said)));
    text::tail(&plain, limits::NOTICE_OUTPUT_BYTES).trim().to_owned()
}

fn with(why: String, said: &[u8]) -> String {
    let said = shown(said);
    if said.is_empty() { why } else { format!("{why}: {said}") }
}
