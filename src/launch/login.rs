//! Whether somebody is logged in to a program, where it can tell.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::agent::RuntimeSpec;
use crate::base::limits;

/// What is known of the login of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// Somebody is, as the program says.
    In,
    /// Nobody is, as the program says.
    Out,
    /// A key is given to it, so that no login is needed.
    Key,
    /// It cannot be told.
    Unknown,
}

impl Login {
    /// The word for it in output for scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Key => "key",
            Self::Unknown => "unknown",
        }
    }
}

/// Asks a program, with the variables that an agent would get, whether somebody is logged in.
///
/// A program that is given one of its keys is not asked: the provider alone knows what the key is worth.
pub fn login(spec: &RuntimeSpec, env: &[(String, String)], cwd: &Utf8Path) -> Login {
    let has_key = |name: &String| {
        spec.set.contains_key(name)
            || env.iter().any(|(set, value)| set == name && !value.is_empty())
    };
    if spec.keys.iter().any(has_key) {
        return Login::Key;
    }
    let Some((program, args)) = spec.login.split_first() else { return Login::Unknown };
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(cwd)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .envs(&spec.set)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Whatever it starts is in its group, and ends with it.
        .process_group(0);
    let Ok(mut child) = command.spawn() else { return Login::Unknown };
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(child.wait())));
    let status = ended.recv_timeout(Duration::from_millis(limits::LOGIN_WAIT_MS));
    if let (Err(_), Some(group)) = (&status, group) {
        // It has taken too long; fails when it ended just now.
        let _ = kill_process_group(group, Signal::KILL);
    }
    match status {
        Ok(Ok(status)) if status.success() => Login::In,
        Ok(Ok(status)) if status.code().is_some() => Login::Out,
        _ => Login::Unknown,
    }
}
