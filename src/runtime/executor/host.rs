//! The other side of an ssh connection, `crew host`: starts shims here and tells when they are gone.
//!
//! It does what it is asked on its standard input, one JSON value a line, and ends with it. The shims are in
//! sessions of their own and live on. `crew host job VERSION DIR` is what a job of Slurm runs.

use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};
use std::process::{Child, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::event::{PollFd, PollFlags, poll};

use super::local::Local;
use super::words::{Answer, Ask};
use crate::base::path::{PathContext, PathError};
use crate::base::{limits, text};
use crate::runtime::attempt_files::{CommandFile, ShimFile, revoke};
use crate::runtime::error_chain;
use crate::runtime::process::{self, Pid, Signal};
use crate::runtime::shim::NOT_STARTED;
use crate::runtime::shim::signals::Signals;
use crate::store::{AttemptDir, FileLock};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does what is asked on standard input, until that ends.
pub fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
    match words.as_slice() {
        [] => serve(),
        ["job", version, dir] => run_job(version, &AttemptDir::at((*dir).into())),
        _ => ExitCode::from(2),
    }
}

fn serve() -> ExitCode {
    process::close_inherited();
    let out = Out(Arc::new(Mutex::new(io::stdout())));
    let mut short: Vec<JoinHandle<()>> = Vec::new();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        // What a newer crew asks for is not known here; the versions are compared first.
        let Ok(ask) = serde_json::from_str::<Ask>(&line) else { continue };
        let out = out.clone();
        match ask {
            Ask::Hello { probe } => out.say(&hello(&probe)),
            // These last as long as the attempt; when nobody listens any more they may end with this process.
            Ask::Start { dir, env } => drop(spawn(move || start(&AttemptDir::at(dir), &env, &out))),
            Ask::Follow { dir } => drop(spawn(move || follow(&AttemptDir::at(dir), &out))),
            Ask::Stop { dir } => short.extend(spawn(move || stop(&AttemptDir::at(dir)))),
            Ask::Kill { mark, grace_ms } => short.extend(spawn(move || {
                let count = process::kill_marked(&mark, Duration::from_millis(grace_ms));
                out.say(&Answer::Killed { mark, count });
            })),
        }
    }
    // What was begun is finished: whoever asked may have gone right after that.
    for thread in short {
        drop(thread.join());
    }
    ExitCode::SUCCESS
}

/// Standard output, one whole line at a time.
#[derive(Clone)]
struct Out(Arc<Mutex<io::Stdout>>);

impl Out {
    fn say(&self, answer: &Answer) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // When nobody reads it any more, the next supervisor asks again.
        drop(out.write_all(&answer.line()).and_then(|()| out.flush()));
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    std::thread::Builder::new().spawn(work).ok()
}

fn hello(probe: &Utf8Path) -> Answer {
    let problem = if !probe.exists() {
        let folder = probe.parent().unwrap_or(probe);
        Some(format!("it does not see `{folder}`: both must see it at the same path"))
    } else if !FileLock::is_held(probe).unwrap_or(false) {
        let folder = probe.parent().unwrap_or(probe);
        Some(format!("locks of `{folder}` do not reach it: its file system must share them"))
    } else {
        None
    };
    Answer::Hello { version: VERSION.to_owned(), host: process::host(), problem }
}

/// Starts an attempt, unless that was done before, and follows it to its end.
fn start(dir: &AttemptDir, env: &[(String, String)], out: &Out) {
    let path = dir.path().to_owned();
    let has_begun = [dir.revoked(), dir.shim(), dir.exit()].iter().any(|path| path.exists());
    if has_begun || FileLock::is_held(&dir.attempt_lock()).unwrap_or(false) {
        out.say(&Answer::Started { dir: path });
        return follow(dir, out);
    }
    match launch(dir, env) {
        Ok(mut child) => {
            out.say(&Answer::Started { dir: path.clone() });
            let status = child.wait();
            // Another one was quicker, and this is about that one.
            if status.is_ok_and(|status| status.code() == Some(i32::from(NOT_STARTED))) {
                return follow(dir, out);
            }
            out.say(&Answer::Over { dir: path });
        }
        Err(error) => {
            let why = format!("{error}: {}", error.source);
            out.say(&Answer::NotStarted { dir: path, why });
        }
    }
}

fn launch(dir: &AttemptDir, env: &[(String, String)]) -> Result<Child, PathError> {
    let mut local = Local::new().at("cannot start the shim of", dir.path())?;
    local.is_silent = false;
    let env = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    local.launch(dir, env, None)
}

/// Follows an attempt that somebody else has started; one that has not begun is revoked.
fn follow(dir: &AttemptDir, out: &Out) {
    let path = dir.path().to_owned();
    let unknown = |why: String| Answer::Unknown { dir: path.clone(), why };
    loop {
        match FileLock::try_exclusive(&dir.attempt_lock()) {
            Ok(Some(lock)) => {
                let shim = ShimFile::read(dir).ok().flatten();
                // A free lock of a machine that does not share its locks would prove nothing.
                let elsewhere = shim.filter(|shim| shim.host != process::host());
                if let Some(shim) = elsewhere.filter(|_| !dir.exit().exists()) {
                    let why =
                        format!("it runs on `{}`, and this is `{}`", shim.host, process::host());
                    return out.say(&unknown(why));
                }
                if let Err(error) = revoke(dir) {
                    return out.say(&unknown(error_chain(&error)));
                }
                drop(lock);
                return out.say(&Answer::Over { dir: path });
            }
            Ok(None) => wait_for(dir),
            Err(error) => return out.say(&unknown(error_chain(&error))),
        }
    }
}

/// Waits for the end of a shim of this machine, or a moment.
fn wait_for(dir: &AttemptDir) {
    let shim = ShimFile::read(dir).ok().flatten();
    let shim = shim.filter(|shim| shim.boot_id == process::boot_id());
    match shim.map(|shim| process::open(shim.shim)) {
        Some(Ok(Some(handle))) => {
            // Interrupted or not, the caller looks again.
            let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], None);
        }
        // Gone, with its lock still held for a moment.
        Some(Ok(None)) => std::thread::park_timeout(Duration::from_millis(10)),
        // On another machine, not written yet, or no descriptor is free.
        Some(Err(_)) | None => {
            std::thread::park_timeout(Duration::from_millis(limits::HOST_LOOK_MS));
        }
    }
}

/// Asks a shim of this machine to stop; one that has only just begun is asked as soon as it listens.
fn stop(dir: &AttemptDir) {
    for _ in 0..HOST_STOP_TRIES {
        if let Ok(Some(shim)) = ShimFile::read(dir) {
            if shim.boot_id == process::boot_id() {
                drop(process::signal(shim.shim, Signal::TERM));
            }
            return;
        }
        if dir.exit().exists() || dir.revoked().exists() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Looks, 10 ms apart, for a shim that has not said its number yet.
const HOST_STOP_TRIES: u32 = 500;

/// Runs the shim of an attempt as a job, with the environment that was left for it.
///
/// The job is the parent of the shim, so that somebody is there to end the agent when the shim is killed.
fn run_job(version: &str, dir: &AttemptDir) -> ExitCode {
    let why = match job(version, dir) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(why) => why,
    };
    let mut err = io::stderr();
    // The job's output is a file in the attempt's folder, where the supervisor reads it.
    drop(writeln!(err, "{}", text::printable(&why)));
    ExitCode::from(NOT_STARTED)
}

fn job(version: &str, dir: &AttemptDir) -> Result<(), String> {
    if version != VERSION {
        let host = process::host();
        return Err(format!("the supervisor is crew {version}, and `{host}` has crew {VERSION}"));
    }
    let whole = |error: PathError| error_chain(&error);
    let command = CommandFile::read(dir).map_err(whole)?;
    let env = read_environment(&dir.environment()).map_err(whole)?;
    let mut signals = Signals::listen().map_err(|error| error.to_string())?;
    let mut shim = launch(dir, &env).map_err(whole)?;
    let number = Pid::of(shim.id());
    while matches!(shim.try_wait(), Ok(None)) {
        if let Some(number) = number.filter(|_| signals.stop_asked()) {
            // One that does not listen yet has started nothing.
            drop(process::signal(number, Signal::TERM));
        }
        signals.wait(limits::HEARTBEAT_MS);
    }
    if !dir.exit().exists() {
        process::kill_marked(&command.mark, Duration::from_millis(command.grace_ms));
    }
    Ok(())
}

/// Reads the environment of an attempt and removes the file.
fn read_environment(path: &Utf8PathBuf) -> Result<Vec<(String, String)>, PathError> {
    let mut text = String::new();
    let mut file = std::fs::File::open(path).at("cannot open", path)?;
    file.read_to_string(&mut text).at("cannot read", path)?;
    std::fs::remove_file(path).at("cannot remove", path)?;
    serde_json::from_str(&text).at("cannot understand", path)
}
